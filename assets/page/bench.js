// What a step takes on this adapter, as a document of `acr-pinn-gpu bench`, which `acr-pinn-gpu compare` takes: proven against
// the f64 oracle first, warmed up, then sampled. A step that is wrong is INVALID and is not timed.

/** How long one sample should take, in milliseconds: far above the clock of a browser, which may be as coarse as one. */
const SAMPLE = 100;
const SAMPLES = 15;
const FEWEST = 5;
/** After so many seconds no further sample begins, once there are enough. */
const LIMIT = 60;
const WARM_UP = 10;
/** A step is warm when so many samples in a row differ by less than the share. */
const STEADY = { samples: 3, share: 0.05 };

/** Median and other quantiles, by linear interpolation. */
export function quantile(values, share) {
  const sorted = Float64Array.from(values).sort();
  const at = share * (sorted.length - 1);
  const [lo, hi] = [Math.floor(at), Math.ceil(at)];
  return sorted[lo] + (at - lo) * (sorted[hi] - sorted[lo]);
}

/** Milliseconds per step of one sample. */
async function sample(player) {
  const { queue } = player.device;
  const each = player.stepTime ?? SAMPLE;
  const perSubmit = player.stepsAtOnce;
  const submits = Math.max(1, Math.round(SAMPLE / (each * perSubmit)));
  await queue.onSubmittedWorkDone();
  const begun = performance.now();
  for (let k = 0; k < submits; k++) player.take(perSubmit);
  await queue.onSubmittedWorkDone();
  const time = (performance.now() - begun) / (submits * perSubmit);
  player.stepTime = time;
  const fault = player.fault();
  if (fault) throw fault;
  return time;
}

/**
 * Measures the step of an opened player and returns a row. `say` hears where it is, `stopped` says whether to end, `visible`
 * whether the page is: a hidden one is slowed down by its browser, and no sample of it counts.
 */
export async function measure(player, { say = () => {}, stopped = () => false, visible = () => true } = {}) {
  const { document } = player;
  const row = emptyRow(player);
  say('checking one step against the f64 oracle');
  const verdict = await player.prove();
  if (!verdict) return { ...row, verdict: 'FAILED', reason: 'the folder has no proof to check the step with' };
  fillVerdict(row, verdict);
  if (!verdict.passed) return row;
  player.start(document.starts[0].seed);
  say('warming up');
  const warm = [];
  const begun = performance.now();
  const steady = () => {
    const last = warm.slice(-STEADY.samples);
    return last.length === STEADY.samples && Math.max(...last) < (1 + STEADY.share) * Math.min(...last);
  };
  while (!stopped() && !steady() && performance.now() - begun < 1000 * WARM_UP) warm.push(await sample(player));
  const samples = [];
  const first = performance.now();
  while (samples.length < SAMPLES && !stopped()) {
    if (samples.length >= FEWEST && performance.now() - first > 1000 * LIMIT) break;
    const before = visible();
    const time = await sample(player);
    if (before && visible()) samples.push(1000 * time);
    say(`sample ${samples.length} of ${SAMPLES}: ${(1000 * time).toFixed(0)} µs per step`);
  }
  row.steps_per_submit = player.stepsAtOnce;
  // training went on all the while: a step that left the finite numbers would take another time
  const [last] = await player.records(player.done - 1, 1);
  if (![...last.losses, ...last.gram].every(Number.isFinite)) {
    return { ...row, verdict: 'INVALID', reason: 'the steps that were timed diverged' };
  }
  return withSamples(row, samples);
}

/** A row with all that is known before anything is measured. */
export function emptyRow(player) {
  const row = structuredClone(player.document.row);
  return Object.assign(row, { compile_s: player.compileSeconds, memory_bytes: player.memory, dispatches: player.dispatches.length });
}

export function fillVerdict(row, { passed, place, error, limit }) {
  const finite = Number.isFinite(error);
  Object.assign(row, { verdict: passed ? 'VALID' : 'INVALID', worst_error: finite ? error : null, error_limit: limit });
  if (!passed) row.reason = `${place}: error ${error.toExponential(1)} > ${limit.toExponential(1)}`;
}

/** The row with its samples, in microseconds, and what follows from them. */
export function withSamples(row, samples) {
  if (samples.length === 0 || row.verdict !== 'VALID') return { ...row, samples_us: [], guard: [] };
  const median = quantile(samples, 0.5);
  const points = Object.values(row.points).reduce((sum, count) => sum + count, 0);
  return {
    ...row,
    samples_us: samples,
    guard: [],
    summary: { median_us: median, p10_us: quantile(samples, 0.1), p90_us: quantile(samples, 0.9), kept: samples.length, disturbed: 0 },
    gflops: row.flop / median / 1000,
    points_per_s: points / median * 1e6,
  };
}

/** The whole document. */
export function report(version, machine, rows) {
  const ceilings = { gflops: null, gbs: null, seconds: 0, remarks: ['ceilings are not measured in a browser'] };
  return { schema: 1, kind: 'acr-pinn-gpu bench', version, commit: null, wgpu: '', ...machine, ceilings, rows };
}
