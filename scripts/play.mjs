#!/usr/bin/env node
// Plays an exported step without a browser: in Node, with the bindings of Dawn, the WebGPU implementation of Chromium.
//
//   npm install webgpu                              anywhere above the folder you call this from
//   acr-pinn-gpu export klein-gordon --out DIR
//   node scripts/play.mjs DIR                       ten steps, held against the f64 oracle
//   node scripts/play.mjs DIR --steps 500 --seed 1235 --json
//   node scripts/play.mjs DIR --bench --json >mine.json && acr-pinn-gpu compare --table mine.json
//   node scripts/play.mjs DIR --flag adapter=llvmpipe --flag backend=vulkan     flags are Dawn's
//
// Exit codes: 0 ok, 1 the oracle disagrees, 2 usage, 3 no adapter or no package `webgpu`, 4 a damaged folder, 6 a fault of the device.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { webcrypto } from 'node:crypto';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

import { Fault, readStep } from '../assets/page/folder.js';
import { Player, compareWithExpected, errors } from '../assets/page/player.js';
import { measure, report } from '../assets/page/bench.js';

globalThis.crypto ??= webcrypto;

function fail(code, message) {
  console.error(`error: ${message}`);
  process.exit(code);
}

let options, positionals;
try {
  ({ values: options, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      steps: { type: 'string', default: '10' }, seed: { type: 'string' }, json: { type: 'boolean' }, bench: { type: 'boolean' },
      flag: { type: 'string', multiple: true, default: [] },
    },
  }));
} catch (error) {
  fail(2, error.message);
}
const [folder] = positionals;
const steps = Number(options.steps);
if (positionals.length !== 1 || !(steps >= 1)) fail(2, 'node play.mjs FOLDER [--steps N] [--seed S] [--bench] [--json] [--flag KEY=VALUE]');

/** Dawn's package, looked for from the present folder on upwards, as npm installs it. */
async function dawn() {
  const require = createRequire(pathToFileURL(path.join(process.cwd(), 'play.mjs')));
  try {
    return await import(pathToFileURL(require.resolve('webgpu')));
  } catch (error) {
    return fail(3, `the package webgpu cannot be loaded from ${process.cwd()} (${error.message.split('\n')[0]}): npm install webgpu`);
  }
}

async function read(name) {
  try {
    const bytes = await readFile(path.join(folder, name));
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw new Fault(`${path.join(folder, name)}: ${error.message}`);
  }
}

const step = await readStep(read).catch(error => fail(4, `${folder}: ${error.message}`));
const { create, globals } = await dawn();
Object.assign(globalThis, globals);
// held for the whole run: without it the collector takes the instance from under the device
const gpu = globalThis.instance = create(options.flag);
const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
if (!adapter) fail(3, 'no adapter answers: install a graphics driver (Mesa’s lavapipe computes on the processor)');

const { about, expected, evaluation, starts, version } = step.document;
const info = adapter.info ?? {};
const machine = {
  os: `${process.platform} ${process.arch}`,
  browser: `Node ${process.versions.node} with Dawn`,
  adapter: {
    name: info.description || info.device || info.architecture || 'unknown', backend: 'webgpu',
    kind: /swiftshader|llvmpipe|lavapipe/i.test(`${info.description} ${info.device} ${info.architecture}`) ? 'cpu' : 'other',
    driver: info.vendor ?? '', driver_info: info.architecture ?? '', vendor: 0, device: 0,
  },
};
if (!options.json) console.error(`adapter: ${machine.adapter.name}`);

async function train(player) {
  const seed = options.seed === undefined ? starts[0].seed : Number(options.seed);
  const proof = await player.prove();
  player.start(seed);
  const records = [];
  while (records.length < steps) records.push(...await player.advance(steps - records.length));
  const verdict = expected && seed === expected.seed ? compareWithExpected(expected, records, about.terms) : null;
  const found = evaluation ? errors(step, await player.evaluate(evaluation.counted)) : null;
  const passed = (proof?.passed ?? true) && (verdict?.passed ?? true);
  if (options.json) {
    console.log(JSON.stringify({ problem: about.problem, seed, steps, adapter: machine.adapter, terms: about.terms,
      losses: records.map(record => record.losses), errors: found, proof, expected: verdict, passed }, null, 2));
  } else {
    const shown = records.filter(({ step }) => step < 10 || step === steps - 1);
    console.log(`step   ${about.terms.map(term => term.padStart(12)).join(' ')}`);
    for (const { step, losses } of shown) console.log(`${String(step).padEnd(6)} ${losses.map(loss => loss.toExponential(5).padStart(12)).join(' ')}`);
    if (found) console.log(`relative L2 error after ${steps} steps: ${found.rel_l2.toExponential(3)}`);
    for (const [what, said] of [['a step at given points', proof], ['the first steps', verdict]]) {
      if (said) console.log(`${what} against the f64 oracle: ${said.passed ? 'ok' : 'WRONG'}, worst ${said.error.toExponential(1)} of ${said.limit.toExponential(1)} (${said.place})`);
    }
  }
  return passed;
}

async function bench(player) {
  const row = await measure(player, { say: text => { if (!options.json) console.error(text); } });
  if (options.json) console.log(JSON.stringify(report(version, machine, [row]), null, 2));
  else console.log(row.summary ? `${row.summary.median_us.toFixed(0)} µs per step, ${row.gflops.toPrecision(3)} GFLOP/s, worst error ${row.worst_error.toExponential(1)}` : `${row.verdict}: ${row.reason}`);
  return row.verdict === 'VALID';
}

try {
  const player = await Player.open(adapter, step);
  const passed = await (options.bench ? bench(player) : train(player));
  player.close();
  process.exit(passed ? 0 : 1);
} catch (error) {
  fail(6, error instanceof Fault ? error.message : error.stack);
}
