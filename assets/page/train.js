// A device, and a run on it: steps of one submit, then a look at what they did, until somebody pauses or the run is over.

import { auto, horizon, now } from './now.js';
import { Fault } from './folder.js';
import { DeviceLost, Player, compareWithExpected, errors } from './player.js';
import { Series } from './pictures.js';
import { $, digits, drawCurves, drawField, legend, notice, pairs, publish, scientific, showMachine, showNumbers, state } from './show.js';
import { emptyRow, fillVerdict, report, withSamples } from './bench.js';
import { machine, missing } from './words.js';

/** Devices that are opened again after they were lost. */
const MOST_LOST = 3;
/** Seconds between copies of the state on the host, from which a run goes on when the device is lost. */
const SNAPSHOT = 10;

// ── A device ──────────────────────────────────────────────────────────────────────────────────────────

export async function requestAdapter() {
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
export async function open(step, say) {
  const adapter = await requestAdapter();
  const player = await Player.open(adapter, step, say);
  now.machine = machine(adapter);
  showMachine(adapter, player);
  return player;
}

// ── Training ──────────────────────────────────────────────────────────────────────────────────────────

/** Forgets what a run has shown. */
export function clear() {
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

export const visible = () => auto || !document.hidden;
const shown = () => new Promise(resolve => document.addEventListener('visibilitychange', resolve, { once: true }));

/** Trains until somebody pauses or the run is over. */
export async function loop() {
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
  if (finally_ || begun - pace.drawn > Math.max(150, pace.takes * (pace.pictures < 3 ? 0 : pace.pictures < 8 ? 1 : 4))) {
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
