// Pictures on canvases: a field as colours on its grid, and curves over steps. Colours of text and lines come from the style
// sheet, so that light and dark are decided in one place.

const SEQUENTIAL = ['440154', '482576', '414487', '355f8d', '2a788e', '21918c', '22a884', '44bf70', '7ad151', 'bddf26', 'fde725'];
const DIVERGING = ['143d78', '346fb1', '77aad4', 'c3dbeb', 'f6f6f4', 'f8d3c3', 'e69479', 'c64a43', '86162c'];
const MAGNITUDE = ['fffbf0', 'fde3b4', 'fbbd78', 'f08a4b', 'd05333', '932a2b', '4a1022'];
const MISSING = [176, 176, 176];

/** 256 colours of a map, [r, g, b] flat. */
function table(anchors) {
  const rgb = anchors.map(hex => [0, 2, 4].map(at => parseInt(hex.slice(at, at + 2), 16)));
  const colours = new Uint8Array(3 * 256);
  for (let i = 0; i < 256; i++) {
    const position = i / 255 * (rgb.length - 1);
    const k = Math.min(rgb.length - 2, Math.floor(position));
    for (let c = 0; c < 3; c++) colours[3 * i + c] = Math.round(rgb[k][c] + (position - k) * (rgb[k + 1][c] - rgb[k][c]));
  }
  return colours;
}
export const PALETTES = { sequential: table(SEQUENTIAL), diverging: table(DIVERGING), magnitude: table(MAGNITUDE) };

/** Smallest and largest finite number. */
export function extent(values) {
  let lo = Infinity, hi = -Infinity;
  for (const value of values) {
    if (value < lo) lo = value;
    if (value > hi && value < Infinity) hi = value;
  }
  return lo <= hi ? [lo, hi] : [0, 1];
}

/** Which colours a field of this range gets: about zero where it has both signs, from the lower end otherwise. */
export function scaleOf([lo, hi]) {
  if (lo < -0.05 * Math.abs(hi) && hi > 0.05 * Math.abs(lo)) {
    const most = Math.max(-lo, hi);
    return { palette: 'diverging', range: [-most, most] };
  }
  return { palette: 'sequential', range: hi > lo ? [lo, hi] : [lo, lo + 1] };
}

/** Draws `values` of a grid of nx × ny nodes, axis 0 to the right and axis 1 upwards. */
export function heatmap(canvas, [nx, ny], values, { palette, range: [lo, hi] }) {
  if (canvas.width !== nx || canvas.height !== ny) Object.assign(canvas, { width: nx, height: ny });
  const context = canvas.getContext('2d');
  const image = context.createImageData(nx, ny);
  const colours = PALETTES[palette];
  for (let j = 0; j < ny; j++) {
    for (let i = 0; i < nx; i++) {
      const value = values[i * ny + j];
      const at = 4 * ((ny - 1 - j) * nx + i);
      const k = 3 * Math.max(0, Math.min(255, Math.round(255 * (value - lo) / (hi - lo))));
      for (let c = 0; c < 3; c++) image.data[at + c] = Number.isNaN(value) ? MISSING[c] : colours[k + c];
      image.data[at + 3] = 255;
    }
  }
  context.putImageData(image, 0, 0);
}

/** The style of a bar with the colours of a palette. */
export function gradient(palette) {
  const colours = PALETTES[palette];
  const stops = Array.from({ length: 9 }, (_, k) => {
    const at = 3 * Math.round(k * 255 / 8);
    return `rgb(${colours[at]} ${colours[at + 1]} ${colours[at + 2]})`;
  });
  return `linear-gradient(to right, ${stops.join(', ')})`;
}

// ── Curves ────────────────────────────────────────────────────────────────────────────────────────────

/** Numbers over steps, thinned to half whenever there are many: what is drawn stays as wide as the picture. */
export class Series {
  constructor(names) {
    this.names = names;
    this.steps = [];
    this.values = names.map(() => []);
    this.stride = 1;
    this.seen = 0;
  }
  /** Forgets everything from `step` on. */
  cut(step) {
    const kept = this.steps.filter(known => known < step).length;
    this.steps.length = kept;
    for (const list of this.values) list.length = kept;
  }
  add(step, values) {
    if (this.seen++ % this.stride !== 0) return;
    this.steps.push(step);
    values.forEach((value, k) => this.values[k].push(value));
    if (this.steps.length >= 2000) {
      const half = list => list.filter((_, k) => k % 2 === 0);
      this.steps = half(this.steps);
      this.values = this.values.map(half);
      this.stride *= 2;
    }
  }
}

/** Colours of curves in the style sheet, --k0 and so on: the text's, then Okabe and Ito's, which colour-blind readers can tell apart. */
export const COLOURS = 8;

const tick = value => {
  if (value === 0) return '0';
  const power = Math.floor(Math.log10(Math.abs(value)) + 1e-9);
  return power < -3 || power > 4 ? `1e${power}` : String(Number(value.toPrecision(3)));
};

/** Draws a series over its steps: `log` for powers of ten, else within `range`. */
export function curves(canvas, series, { log = true, range = [-1, 1] } = {}) {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (width === 0) return;
  const ratio = Math.min(3, globalThis.devicePixelRatio || 1);
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext('2d');
  context.scale(ratio, ratio);
  const style = getComputedStyle(canvas);
  const [soft, line] = ['--soft', '--line'].map(name => style.getPropertyValue(name).trim());
  context.font = `11px ${style.fontFamily}`;
  const [left, right, top, bottom] = [44, width - 8, 8, height - 20];
  const last = Math.max(1, series.steps.at(-1) ?? 1);
  let [lo, hi] = range;
  if (log) {
    const positive = series.values.flat().filter(value => value > 0 && value < Infinity);
    [lo, hi] = positive.length > 0 ? extent(positive) : [0.1, 1];
    [lo, hi] = [Math.floor(Math.log10(lo) * 2) / 2, Math.ceil(Math.log10(hi) * 2) / 2];
    if (hi - lo < 1) hi = lo + 1;
  }
  const x = step => left + (right - left) * step / last;
  const y = value => bottom - (bottom - top) * ((log ? Math.log10(value) : value) - lo) / (hi - lo);
  context.fillStyle = soft;
  context.strokeStyle = line;
  context.lineWidth = 1;
  context.textBaseline = 'middle';
  context.textAlign = 'right';
  const every = log ? Math.max(1, Math.ceil((hi - lo) / 5)) : (hi - lo) / 4;
  for (let at = log ? Math.ceil(lo) : lo; at <= hi + 1e-9; at += every) {
    const value = log ? 10 ** at : at;
    const level = Math.round(y(value)) + 0.5;
    context.beginPath();
    context.moveTo(left, level);
    context.lineTo(right, level);
    context.stroke();
    context.fillText(tick(value), left - 6, level);
  }
  context.textBaseline = 'alphabetic';
  context.textAlign = 'left';
  context.fillText('0', left, height - 5);
  context.textAlign = 'right';
  context.fillText(`step ${last.toLocaleString('en')}`, right, height - 5);
  series.values.forEach((values, k) => {
    context.strokeStyle = style.getPropertyValue(`--k${k % COLOURS}`).trim();
    context.lineWidth = k === 0 ? 1.75 : 1.25;
    context.lineCap = 'round';
    context.beginPath();
    let pen = false;
    values.forEach((value, at) => {
      const drawn = Number.isFinite(value) && (!log || value > 0);
      if (!drawn) { pen = false; return; }
      if (pen) context.lineTo(x(series.steps[at]), y(value));
      else context.moveTo(x(series.steps[at]), y(value));
      // a lone point is a dot
      if (!pen) context.lineTo(x(series.steps[at]), y(value));
      pen = true;
    });
    context.stroke();
  });
}
