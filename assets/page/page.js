// The page: choose, start, pause, restart, watch, measure. It decides nothing about the step; player.js and folder.js do.
//
// Addresses: `?auto&steps=N&seed=S` trains N steps by itself and puts the result into #result, `?auto&bench` measures instead,
// `?step=NAME` chooses a step of a site. `data-state` of the document says where the page is: loading, ready, running, paused,
// done or failed.

import { Fault, floats, readStep } from './folder.js';
import { DeviceLost, Player, compareWithExpected, errors, megabytes, observe } from './player.js';
import { COLOURS, Series, curves, extent, gradient, heatmap, scaleOf } from './pictures.js';
import { emptyRow, fillVerdict, measure, report, withSamples } from './bench.js';
import { machine, missing } from './words.js';

const $ = id => document.getElementById(id);
const query = new URLSearchParams(location.search);
const auto = query.has('auto');
/** Devices that are opened again after they were lost. */
const MOST_LOST = 3;
/** Seconds between copies of the state on the host, from which a run goes on when the device is lost. */
const SNAPSHOT = 10;

/** What the page has at present. */
const now = {
  base: '', step: null, player: null, adapter: null, machine: null, seed: 0,
  wanted: false, looping: null, measuring: false, started: false, turn: 0, compared: null, last: null, proof: null, records: [], verdict: null, error: null,
  samples: [], seconds: 0, snapshot: null, lost: 0, losses: null, errors: null, cosines: null,
};
let site = null;

// ── Words ─────────────────────────────────────────────────────────────────────────────────────────────

function state(name) { document.documentElement.dataset.state = name; }
const element = (tag, text, properties = {}) => Object.assign(document.createElement(tag), { textContent: text }, properties);
const scientific = x => Number.isFinite(x) ? x.toExponential(1) : '–';
/** Three digits, without a power of ten where one can do without. */
const digits = x => !Number.isFinite(x) ? '–' : Math.abs(x) >= 0.01 && Math.abs(x) < 1000 ? x.toPrecision(3) : x.toExponential(2);
const short = x => Number.isFinite(x) ? String(Number(x.toPrecision(3))) : '–';
function amount(x) {
  if (!Number.isFinite(x)) return '–';
  const [unit, size] = x >= 1e9 ? [' G', 1e9] : x >= 1e6 ? [' M', 1e6] : x >= 1e4 ? [' k', 1e3] : ['', 1];
  return `${Number((x / size).toPrecision(3)).toLocaleString('en')}${unit}`;
}

/** An equation with what stands behind an underscore set lower. */
const formula = text => text.split(/_(\w+)/).map((part, k) => k % 2 === 1 ? element('sub', part) : document.createTextNode(part));

function notice(text, list = []) {
  const box = $('notice');
  box.replaceChildren(element('p', text));
  if (list.length > 0) {
    const items = element('ul', '');
    items.append(...list.map(item => element('li', item)));
    box.append(items);
  }
  box.hidden = false;
}

/** Says what went wrong, where people and programs look for it. */
function failed(error) {
  const message = error instanceof Fault || error instanceof DeviceLost ? error.message : `This page has a defect: ${error.stack ?? error}`;
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

// ── A device ──────────────────────────────────────────────────────────────────────────────────────────

async function requestAdapter() {
  const none = reason => {
    const { what, todo } = missing(reason);
    throw Object.assign(new Fault(what), { todo });
  };
  if (!navigator.gpu) none('api');
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' }) ?? await navigator.gpu.requestAdapter();
  if (!adapter) none('adapter');
  return adapter;
}

/** An opened player for `step`; a device is used up by losing it, and so is its adapter. */
async function open(step, say) {
  const adapter = await requestAdapter();
  const player = await Player.open(adapter, step, say);
  Object.assign(now, { adapter, machine: machine(adapter) });
  showMachine(adapter, player);
  return player;
}

function showMachine(adapter, player) {
  const { adapter: record, browser, os } = now.machine;
  const rows = [
    ['Adapter', [record.name, record.driver].filter(Boolean).join(' · ') + (record.kind === 'cpu' ? ' · computes on the processor' : '')],
    ['Browser', `${browser} on ${os}`],
    ['Memory of the step', megabytes(player.memory)],
    ['Compiled in', `${player.compileSeconds.toFixed(1)} s`],
  ];
  for (const [name, needed] of Object.entries(player.document.limits)) {
    rows.push([name, `${adapter.limits[name]?.toLocaleString('en') ?? 'not told'}, needs ${needed.toLocaleString('en')}`]);
  }
  $('limits').tBodies[0].replaceChildren(...rows.map(([name, value]) => {
    const row = element('tr', '');
    row.append(element('th', name, { scope: 'row' }), element('td', value));
    return row;
  }));
}

// ── Training ──────────────────────────────────────────────────────────────────────────────────────────

function pairs(terms) {
  return terms.flatMap((a, i) => terms.slice(i + 1).map((b, k) => ({ name: `${a} · ${b}`, i, j: i + 1 + k })));
}

function legend(id, names) {
  $(id).replaceChildren(...names.map((name, k) => element('span', name, { className: `c${k % COLOURS}` })));
}

/** Forgets what a run has shown. */
function clear() {
  const { about } = now.step.document;
  Object.assign(now, {
    records: [], error: null, samples: [], seconds: 0, snapshot: null, lost: 0, verdict: now.proof,
    losses: new Series(['total', ...about.terms]), errors: new Series(['relative L2', 'relative L∞']),
    cosines: new Series(pairs(about.terms).map(pair => pair.name)), compared: null, last: null, mean: null,
  });
  legend('legend-losses', now.losses.names);
  legend('legend-errors', now.errors.names);
  legend('legend-cosines', now.cosines.names);
  showNumbers();
  drawCurves();
}

async function prepare() {
  $('status').textContent = 'Opening the graphics card …';
  now.player = await open(now.step, text => { $('status').textContent = text; });
  $('status').textContent = 'Checking one step against the f64 reference …';
  now.proof = await now.player.prove();
  if (now.proof && !now.proof.passed) {
    throw new Fault(`This adapter computes something else than the f64 reference: ${now.proof.place}, relative error ${scientific(now.proof.error)} where ${scientific(now.proof.limit)} is allowed. Try another browser or driver.`);
  }
}

const horizon = () => Math.max(1, Number(query.get('steps')) || now.step.document.about.steps);
const visible = () => auto || !document.hidden;
const shown = () => new Promise(resolve => document.addEventListener('visibilitychange', resolve, { once: true }));

/** Trains until somebody pauses or the run is over. */
async function loop() {
  state('running');
  $('start').textContent = 'Pause';
  $('restart').disabled = false;
  if (!now.player) await prepare();
  if (!now.started) {
    clear();
    now.player.start(now.seed);
    now.started = true;
  }
  const pace = { drawn: -Infinity, takes: 0, pictures: 0, counted: -Infinity, countTakes: 0, said: 0, snapshot: performance.now() };
  await look(pace, true);
  while (now.wanted && now.player.done < horizon()) {
    if (!visible()) {
      $('status').textContent = 'Waiting: the page is hidden.';
      await shown();
      continue;
    }
    try {
      await some();
      await look(pace, false);
    } catch (error) {
      if (!(error instanceof DeviceLost) || ++now.lost > MOST_LOST) throw error;
      await again(error);
    }
  }
  await look(pace, true);
  finish();
}

/** Steps of one submit, and what their records say. */
async function some() {
  const { player } = now;
  const begun = performance.now();
  const records = await player.advance(horizon() - player.done);
  const time = performance.now() - begun;
  now.seconds += time / 1000;
  now.samples.push(1000 * time / records.length);
  if (now.samples.length > 400) now.samples.shift();
  note(records);
}

function note(records) {
  const { document: step } = now.step;
  const { about } = step;
  const bad = records.find(({ losses, gram }) => ![...losses, ...gram].every(Number.isFinite) || losses.some(loss => loss > 1e18));
  if (bad) throw new Fault(`Training left the finite numbers at step ${bad.step}: losses ${bad.losses.map(scientific).join(', ')}. Restart with another seed, or export with a smaller --rate.`);
  if (step.expected && now.seed === step.expected.seed && now.records.length < step.expected.losses.length) {
    now.records.push(...records.filter(record => record.step < step.expected.losses.length));
    const compared = compareWithExpected(step.expected, now.records, about.terms);
    if (compared) now.verdict = !now.proof || !compared.passed || compared.error / compared.limit > now.proof.error / now.proof.limit ? compared : now.proof;
    now.compared = compared;
  }
  const last = records.at(-1);
  now.losses.add(last.step, [last.losses.reduce((sum, loss) => sum + loss, 0), ...last.losses]);
  const cosine = ({ gram }, { i, j }) => gram[i * about.terms.length + j] / Math.sqrt(gram[i * about.terms.length + i] * gram[j * about.terms.length + j]);
  // single steps are too restless to look at: a mean that forgets
  const weight = 1 - 0.97 ** records.length;
  now.mean = pairs(about.terms).map((pair, k) => {
    const mean = records.reduce((sum, record) => sum + cosine(record, pair), 0) / records.length;
    return now.mean ? now.mean[k] + weight * (mean - now.mean[k]) : mean;
  });
  now.cosines.add(last.step, now.mean);
  now.last = last;
}

/** Draws and evaluates: the first pictures soon, so that something moves, then as often as leaves most of the time to training. */
async function look(pace, finally_) {
  const { evaluation, grid, reference } = now.step.document;
  const same = evaluation.counted[0] === grid.points[0] && evaluation.counted[1] === grid.points[1];
  const begun = performance.now();
  let drawn = false;
  if (finally_ || begun - pace.drawn > Math.max(150, pace.takes * (pace.pictures < 8 ? 1 : 4))) {
    const fields = await now.player.evaluate(grid.points);
    drawField(fields);
    if (same && reference) noteErrors(errors(now.step, fields));
    pace.drawn = performance.now();
    pace.takes = pace.drawn - begun;
    pace.pictures++;
    drawn = true;
  }
  if (!same && reference && (finally_ ? now.player.done > 0 : begun - pace.counted > Math.max(3000, 8 * pace.countTakes))) {
    const from = performance.now();
    noteErrors(errors(now.step, await now.player.evaluate(evaluation.counted)));
    pace.counted = performance.now();
    pace.countTakes = pace.counted - from;
  }
  if (performance.now() - pace.snapshot > 1000 * SNAPSHOT) {
    now.snapshot = await now.player.snapshot();
    pace.snapshot = performance.now();
  }
  if (drawn) {
    showNumbers();
    drawCurves();
    // a screen reader would never come to an end otherwise
    if (finally_ || performance.now() - pace.said > 5000) {
      $('status').textContent = spoken();
      pace.said = performance.now();
    }
  }
  // a breath for the browser, which draws in it
  await new Promise(resolve => setTimeout(resolve));
}

function spoken() {
  const { player, error } = now;
  if (player.done === 0) return 'Training begins.';
  const left = (horizon() - player.done) * (now.seconds / player.done);
  const time = left > 90 ? `${Math.round(left / 60)} min` : `${Math.round(left)} s`;
  return `Step ${player.done.toLocaleString('en')}${error ? `, error ${digits(error.rel_l2)}` : ''}${left > 1 ? `, about ${time} left` : ''}.`;
}

function noteErrors(found) {
  now.error = found;
  if (now.player.done > 0) now.errors.add(now.player.done, [found.rel_l2, found.rel_linf]);
}

/** Opens the device again and goes on from the last copy of the state. */
async function again({ message }) {
  notice(`The device was lost (${message}). Opening it again.`);
  now.player = await open(now.step, text => { $('status').textContent = text; });
  if (now.snapshot) now.player.restore(now.seed, now.snapshot);
  else now.player.start(now.seed);
  for (const series of [now.losses, now.errors, now.cosines]) series.cut(now.player.done);
  now.records = now.records.filter(record => record.step < now.player.done);
  notice(`The device was lost (${message}) and opened again; training went on from step ${now.player.done}.`);
}

function finish() {
  const over = now.player.done >= horizon();
  $('start').textContent = 'Continue';
  $('start').disabled = over;
  $('status').textContent = over ? `Done after ${now.player.done.toLocaleString('en')} steps.` : `Paused at step ${now.player.done.toLocaleString('en')}.`;
  if (now.last) {
    publish(report(now.step.document.version, now.machine, [trainingRow()]), { training: training() });
  }
  state(over ? 'done' : 'paused');
}

/** A row of `bench` with the steps as they were in training. */
function trainingRow() {
  const row = emptyRow(now.player);
  if (now.verdict) fillVerdict(row, now.verdict);
  else Object.assign(row, { verdict: 'FAILED', reason: 'nothing was checked against the f64 oracle' });
  row.steps_per_submit = now.player.stepsAtOnce;
  // it reads the records of every submit, and draws meanwhile: not what `bench` times
  row.change = 'training';
  return withSamples(row, now.samples);
}

function training() {
  const { about } = now.step.document;
  const { last, error, compared } = now;
  return {
    problem: about.problem, preset: about.preset, seed: now.seed, steps: now.player.done, seconds: now.seconds,
    losses: Object.fromEntries(about.terms.map((term, k) => [term, last.losses[k]])), errors: error,
    expected: compared ? { passed: compared.passed, worst: compared.place, error: compared.error, limit: compared.limit } : null,
  };
}

// ── Pictures and numbers ──────────────────────────────────────────────────────────────────────────────

function scale(name, { palette, range }) {
  $(`bar-${name}`).style.background = gradient(palette);
  $(`low-${name}`).textContent = short(range[0]);
  $(`high-${name}`).textContent = short(range[1]);
}

function sizes() {
  return now.step.document.grid.axes.map(axis => axis.count);
}

function referenceValues() {
  const { reference, evaluation, grid } = now.step.document;
  const drawn = reference?.values.find(values => values.observable === evaluation.observables[0].name);
  return drawn && floats(now.step, drawn.data).subarray(grid.points[0], grid.points[0] + grid.points[1]);
}

function drawReference() {
  const values = referenceValues();
  for (const id of ['figure-reference', 'figure-error', 'figure-errors']) $(id).hidden = !values;
  now.scale = values ? scaleOf(extent(values)) : null;
  if (!values) return;
  heatmap($('reference'), sizes(), values, now.scale);
  scale('reference', now.scale);
  for (const name of ['predicted', 'error']) {
    const canvas = $(name);
    canvas.getContext('2d').clearRect(0, 0, canvas.width, canvas.height);
  }
  scale('predicted', now.scale);
  $('error').setAttribute('aria-label', 'Distance between both: nothing yet');
}

function drawField(fields) {
  const { evaluation } = now.step.document;
  const observable = evaluation.observables[0];
  const values = observe(evaluation, observable, fields);
  const chosen = now.scale ?? scaleOf(extent(values));
  heatmap($('predicted'), sizes(), values, chosen);
  scale('predicted', chosen);
  const [lo, hi] = extent(values);
  $('predicted').setAttribute('aria-label', `The network’s ${observable.name} after ${now.player.done} steps, from ${short(lo)} to ${short(hi)}`);
  const known = referenceValues();
  if (!known) return;
  const distance = values.map((value, k) => Math.abs(value - known[k]));
  const [, worst] = extent(distance);
  const magnitude = { palette: 'magnitude', range: [0, worst || 1] };
  heatmap($('error'), sizes(), distance, magnitude);
  scale('error', magnitude);
  $('error').setAttribute('aria-label', `Distance from the known answer after ${now.player.done} steps, at most ${short(worst)}`);
}

function drawCurves() {
  curves($('losses'), now.losses);
  if (!$('figure-errors').hidden) curves($('errors'), now.errors);
  curves($('cosines'), now.cosines, { log: false });
}

function showNumbers() {
  const { about } = now.step.document;
  const done = now.player?.done ?? 0;
  const recent = now.samples.slice(-20);
  const each = recent.length > 0 ? recent.reduce((sum, time) => sum + time, 0) / recent.length / 1e6 : NaN;
  const points = about.points.reduce((sum, [, count]) => sum + count, 0);
  const total = now.losses.values[0].at(-1);
  $('n-step').textContent = `${done.toLocaleString('en')} of ${horizon().toLocaleString('en')}`;
  $('progress').value = done / horizon();
  $('n-error').textContent = digits(now.error?.rel_l2);
  $('n-loss').textContent = digits(total);
  $('n-rate').textContent = amount(1 / each);
  $('n-points').textContent = amount(points / each);
  $('n-flops').textContent = Number.isFinite(each) ? `${short(about.flop / each / 1e9)} GFLOP/s` : '–';
  const box = $('n-verdict');
  box.textContent = verdictInWords();
  box.className = now.verdict ? (now.verdict.passed ? 'good' : 'bad') : '';
}

function verdictInWords() {
  const { verdict, compared, proof } = now;
  if (!verdict) return 'not checked yet';
  const worst = `${scientific(verdict.error)} of ${scientific(verdict.limit)} allowed (${verdict.place})`;
  if (!verdict.passed) return `✗ differs: ${worst}`;
  const steps = compared ? `the first ${now.records.length} steps agree` : 'a step agrees';
  return `✓ ${steps}${proof && compared ? ', and a step at given points' : ''}; worst relative difference ${worst}`;
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

function showMeasured(rows) {
  const cells = ({ problem, network, depth, width, summary, gflops, worst_error, verdict, reason }) => [
    [`${problem} · ${network} ${depth}×${width}`], [summary ? amount(summary.median_us) : '–', 'number'],
    [summary ? `${amount(summary.p10_us)} – ${amount(summary.p90_us)}` : '–', 'number'],
    [short(gflops), 'number'], [scientific(worst_error), 'number'], [reason ? `${verdict}: ${reason}` : verdict],
  ];
  $('measured').tBodies[0].replaceChildren(...rows.map(row => {
    const line = element('tr', '');
    line.append(...cells(row).map(([text, className = '']) => element('td', text, { className })));
    return line;
  }));
  $('measured').hidden = false;
}

function publish(document_, more) {
  $('result').textContent = JSON.stringify({ ...document_, ...more }, null, 2);
  $('results').hidden = false;
  $('copied').textContent = '';
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
  $('about').textContent = `${about.network.toUpperCase()} with ${about.depth} layers of ${about.width} (${about.parameters.toLocaleString('en')} parameters), ${about.strategy}, ${points} points ${about.sampling === 'resampled' ? 'drawn anew in every step' : 'drawn once'}`;
  const { name } = now.step.document.evaluation.observables[0];
  $('name-predicted').textContent = `Network’s ${name}`;
  const [across, up] = grid.axes;
  const range = ({ name, lower, upper }) => `${name} from ${short(lower)} to ${short(upper)}`;
  $('axes').textContent = `${range(across)}, left to right; ${range(up)}, upwards${grid.slice.length > 0 ? `; other coordinates ${grid.slice.map(short).join(', ')}` : ''}.`;
  $('seed').replaceChildren(...starts.map(start => element('option', String(start.seed), { value: String(start.seed) })));
  const wanted = Number(query.get('seed'));
  now.seed = starts.some(start => start.seed === wanted) ? wanted : starts[0].seed;
  $('seed').value = String(now.seed);
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
