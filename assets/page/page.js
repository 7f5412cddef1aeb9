// The page: choose, start, pause, restart, watch, measure. It decides nothing about the step; player.js and folder.js do.
//
// Addresses: `?auto&steps=N&seed=S` trains N steps by itself and puts the result into #result, `?auto&bench` measures instead,
// `?step=NAME` chooses a step of a site. `data-state` of the document says where the page is: loading, ready, running, paused,
// done or failed.

import { auto, horizon, now, query } from './now.js';
import { Fault, readStep } from './folder.js';
import { DeviceLost } from './player.js';
import { $, drawCurves, drawReference, element, formula, notice, publish, short, showMeasured, state } from './show.js';
import { clear, loop, open, requestAdapter, visible } from './train.js';
import { measure, report } from './bench.js';

let site = null;

/** Says what went wrong, where people and programs look for it. */
function failed(error) {
  const message =
    error instanceof Fault ? error.message
    : error instanceof DeviceLost ? `The device was lost (${error.message}). Reload the page; if it happens again, a step takes longer here than browser or driver allow.`
    : `This page has a defect: ${error.stack ?? error}`;
  notice(message, error.todo);
  $('status').textContent = '';
  $('bench-status').textContent = '';
  $('start').textContent = 'Start';
  $('start').disabled = !now.step;
  Object.assign(now, { wanted: false, measuring: false, started: false });
  now.player?.close();
  now.player = null;
  $('result').textContent = JSON.stringify({ error: { message, todo: error.todo ?? [] } }, null, 2);
  state('failed');
}

// ── Files ─────────────────────────────────────────────────────────────────────────────────────────────

async function fetched(path) {
  let response;
  try {
    response = await fetch(path, { cache: 'no-cache' });
  } catch {
    throw new Fault(`${path} cannot be fetched. Is the server still there?`);
  }
  if (response.status === 404) return null;
  if (!response.ok) throw new Fault(`${path} cannot be fetched: the server answers ${response.status}.`);
  return response.arrayBuffer();
}

const stepAt = (base, say) => readStep(name => fetched(base + name), say);

async function siteList() {
  const bytes = await fetched('site.json');
  let list = null;
  try {
    list = bytes && JSON.parse(new TextDecoder().decode(bytes));
  } catch { /* said below */ }
  if (list?.kind !== 'acr-pinn-gpu site' || list.schema !== 1 || !Array.isArray(list.steps)) {
    throw new Fault('site.json is missing or damaged. Copy or export the site again.');
  }
  return list;
}

// ── Measuring ─────────────────────────────────────────────────────────────────────────────────────────

/** Folders that the bench mode measures. */
function benched() {
  const timed = site?.steps.filter(step => step.bench) ?? [];
  return timed.length > 0 ? timed.map(step => `${step.folder}/`) : [now.base];
}

async function bench() {
  const say = text => { $('bench-status').textContent = text; };
  state('running');
  const rows = [];
  let version = '';
  for (const base of benched()) {
    if (!now.measuring) break;
    const name = base.replace(/\/$/, '') || now.step.document.about.problem;
    const step = await stepAt(base, text => say(`${name}: ${text}`));
    version = step.document.version;
    const player = await open(step, text => say(`${name}: ${text}`));
    try {
      const stopped = () => !now.measuring;
      rows.push(await measure(player, { say: text => say(`${name}: ${text}`), stopped, visible }));
    } finally {
      player.close();
    }
    showMeasured(rows);
  }
  say(now.measuring ? 'Measured.' : 'Stopped.');
  if (rows.length > 0) publish(report(version, now.machine, rows), {});
  state(now.measuring ? 'done' : 'ready');
}

// ── The page itself ───────────────────────────────────────────────────────────────────────────────────

async function choose(base) {
  await stop();
  now.player?.close();
  Object.assign(now, { base, step: null, player: null, proof: null, started: false });
  state('loading');
  $('notice').hidden = true;
  for (const button of $('choice').querySelectorAll('button')) button.setAttribute('aria-current', button.dataset.base === base);
  const turn = ++now.turn;
  const step = await stepAt(base);
  // somebody chose another meanwhile
  if (turn !== now.turn) return;
  now.step = step;
  const { about, starts, grid } = now.step.document;
  $('title').textContent = about.title;
  $('equation').replaceChildren(...formula(about.equation));
  const points = about.points.map(([set, count]) => `${count.toLocaleString('en')} ${set}`).join(' + ');
  $('about').textContent = `${about.network.toUpperCase()} with ${about.depth} layers of ${about.width} (${about.parameters.toLocaleString('en')} parameters), ${about.strategy}, ${about.optimiser}, ${points} points ${about.sampling === 'resampled' ? 'drawn anew in every step' : 'drawn once'}`;
  const { name } = now.step.document.evaluation.observables[0];
  $('name-predicted').textContent = `Network’s ${name}`;
  const [across, up] = grid.axes;
  const range = ({ name, lower, upper }) => `${name} from ${short(lower)} to ${short(upper)}`;
  $('axes').textContent = `${range(across)}, left to right; ${range(up)}, upwards${grid.slice.length > 0 ? `; other coordinates ${grid.slice.map(short).join(', ')}` : ''}.`;
  $('seed').replaceChildren(...starts.map(start => element('option', String(start.seed), { value: String(start.seed) })));
  const wanted = Number(query.get('seed'));
  now.seed = starts.some(start => start.seed === wanted) ? wanted : starts[0].seed;
  $('seed').value = String(now.seed);
  $('results').hidden = true;
  $('run').hidden = false;
  $('bench').hidden = false;
  $('start').disabled = false;
  $('restart').disabled = true;
  $('start').textContent = 'Start';
  $('status').textContent = '';
  $('version').textContent = now.step.document.version;
  benchWords();
  drawReference();
  clear();
  state('ready');
}

function benchWords() {
  const what = benched().length > 1 ? 'the training steps of Klein–Gordon and the cavity at the paper’s size' : 'this training step';
  $('bench-about').textContent = `Times ${what} after checking ${benched().length > 1 ? 'each' : 'it'} against the f64 reference; what is wrong is INVALID and not timed. Keep the page in front meanwhile. Software rendering takes minutes.`;
}

/** Ends the loop, if one runs. */
async function stop() {
  now.wanted = false;
  now.measuring = false;
  document.dispatchEvent(new Event('visibilitychange'));
  await now.looping;
}

/** Runs something that may fail, one thing at a time. */
function begin(work) {
  now.looping = work().catch(failed).finally(() => { now.looping = null; });
  return now.looping;
}

async function toggle() {
  if (now.looping) return stop();
  $('notice').hidden = true;
  now.wanted = true;
  return begin(loop);
}

async function restart() {
  await stop();
  now.seed = Number($('seed').value);
  now.started = false;
  $('start').disabled = false;
  return toggle();
}

async function toggleBench() {
  if (now.measuring) return stop();
  await stop();
  $('notice').hidden = true;
  now.measuring = true;
  for (const id of ['start', 'restart']) $(id).disabled = true;
  $('measure').textContent = 'Stop';
  await begin(bench);
  now.measuring = false;
  $('measure').textContent = 'Measure';
  $('start').disabled = Boolean(now.player && now.player.done >= horizon());
  $('restart').disabled = !now.player;
}

function listen() {
  $('start').addEventListener('click', toggle);
  $('restart').addEventListener('click', restart);
  $('seed').addEventListener('change', () => {
    if (now.started) restart();
    else now.seed = Number($('seed').value);
  });
  $('measure').addEventListener('click', toggleBench);
  $('copy').addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText($('result').textContent);
      $('copied').textContent = 'Copied.';
    } catch {
      $('copied').textContent = 'The browser does not allow it: select the text below.';
      $('result').closest('details').open = true;
    }
  });
  $('download').addEventListener('click', () => {
    const url = URL.createObjectURL(new Blob([$('result').textContent + '\n'], { type: 'application/json' }));
    element('a', '', { href: url, download: `acr-pinn-gpu-${now.step.document.about.problem}.json` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  });
  const redraw = () => { if (now.step) drawCurves(); };
  addEventListener('resize', redraw);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
}

async function main() {
  listen();
  if (document.documentElement.dataset.source === 'site.json') {
    site = await siteList();
    const steps = site.steps.filter(step => !step.bench);
    $('choice').replaceChildren(...steps.map(step => {
      const button = element('button', step.title, { type: 'button' });
      const small = element('small', '');
      small.append(...formula(step.equation));
      button.append(small);
      button.dataset.base = `${step.folder}/`;
      button.addEventListener('click', () => choose(button.dataset.base).catch(failed));
      return button;
    }));
    $('choice').hidden = false;
    const wanted = steps.find(step => step.folder === query.get('step')) ?? steps.find(step => step.problem === 'klein-gordon') ?? steps[0];
    await choose(`${wanted.folder}/`);
  } else {
    await choose('');
  }
  // whoever has no WebGPU should know before a click
  if (!navigator.gpu) await requestAdapter();
  if (auto) await (query.has('bench') ? toggleBench() : toggle());
}

main().catch(failed);
