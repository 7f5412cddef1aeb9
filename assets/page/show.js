// Everything that the page shows: words, numbers, pictures.

import { horizon, now } from './now.js';
import { floats } from './folder.js';
import { megabytes, observe } from './player.js';
import { COLOURS, curves, extent, gradient, heatmap, scaleOf } from './pictures.js';

export const $ = id => document.getElementById(id);

export function state(name) { document.documentElement.dataset.state = name; }
export const element = (tag, text, properties = {}) => Object.assign(document.createElement(tag), { textContent: text }, properties);
export const scientific = x => Number.isFinite(x) ? x.toExponential(1) : '–';
/** Three digits, without a power of ten where one can do without. */
export const digits = x => !Number.isFinite(x) ? '–' : Math.abs(x) >= 0.01 && Math.abs(x) < 1000 ? x.toPrecision(3) : x.toExponential(2);
export const short = x => Number.isFinite(x) ? String(Number(x.toPrecision(3))) : '–';
export function amount(x) {
  if (!Number.isFinite(x)) return '–';
  const [unit, size] = x >= 1e9 ? [' G', 1e9] : x >= 1e6 ? [' M', 1e6] : x >= 1e4 ? [' k', 1e3] : ['', 1];
  return `${Number((x / size).toPrecision(3)).toLocaleString('en')}${unit}`;
}

/** An equation with what stands behind an underscore set lower. */
export const formula = text => text.split(/_(\w+)/).map((part, k) => k % 2 === 1 ? element('sub', part) : document.createTextNode(part));

export function notice(text, list = []) {
  const box = $('notice');
  box.replaceChildren(element('p', text));
  if (list.length > 0) {
    const items = element('ul', '');
    items.append(...list.map(item => element('li', item)));
    box.append(items);
  }
  box.hidden = false;
}

export function pairs(terms) {
  return terms.flatMap((a, i) => terms.slice(i + 1).map((b, k) => ({ name: `${a} · ${b}`, i, j: i + 1 + k })));
}

export function legend(id, names) {
  $(id).replaceChildren(...names.map((name, k) => element('span', name, { className: `c${k % COLOURS}` })));
}

export function showMachine(adapter, player) {
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

export function scale(name, { palette, range }) {
  $(`bar-${name}`).style.background = gradient(palette);
  $(`low-${name}`).textContent = short(range[0]);
  $(`high-${name}`).textContent = short(range[1]);
}

export function sizes() {
  return now.step.document.grid.axes.map(axis => axis.count);
}

export function referenceValues() {
  const { reference, evaluation, grid } = now.step.document;
  const drawn = reference?.values.find(values => values.observable === evaluation.observables[0].name);
  return drawn && floats(now.step, drawn.data).subarray(grid.points[0], grid.points[0] + grid.points[1]);
}

export function drawReference() {
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
  for (const end of ['low-error', 'high-error']) $(end).textContent = '';
  $('error').setAttribute('aria-label', 'Distance between both: nothing yet');
}

export function drawField(fields) {
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

export function drawCurves() {
  curves($('losses'), now.losses);
  if (!$('figure-errors').hidden) curves($('errors'), now.errors);
  curves($('cosines'), now.cosines, { log: false });
}

export function showNumbers() {
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

export function verdictInWords() {
  const { verdict, compared, proof } = now;
  if (!verdict) return 'not checked yet';
  const worst = `${scientific(verdict.error)} of ${scientific(verdict.limit)} allowed (${verdict.place})`;
  if (!verdict.passed) return `✗ differs: ${worst}`;
  const steps = compared ? `the first ${now.records.length} steps agree` : 'a step agrees';
  return `✓ ${steps}${proof && compared ? ', and a step at given points' : ''}; worst relative difference ${worst}`;
}

export function showMeasured(rows) {
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

/** Puts a result where people and programs find it. */
export function publish(document_, more) {
  $('result').textContent = JSON.stringify({ ...document_, ...more }, null, 2);
  $('results').hidden = false;
  $('copied').textContent = '';
}
