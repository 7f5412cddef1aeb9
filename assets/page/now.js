// What the page has at present, and what its address asks for.

export const query = new URLSearchParams(location.search);
export const auto = query.has('auto');

/** What the page has at present. */
export const now = {
  // which step, where it lies, and the device it is on
  base: '', step: null, turn: 0, player: null, machine: null,
  // what runs, and whether it is to go on
  seed: 0, looping: null, wanted: false, measuring: false, started: false,
  // what the oracle says: of the step at given points, of the first steps, and the worse of both
  proof: null, records: [], compared: null, verdict: null,
  // how the run goes: errors, the last record, microseconds of single steps, seconds in all
  error: null, last: null, samples: [], seconds: 0,
  // curves, and the smoothed cosines
  losses: null, errors: null, cosines: null, mean: null,
  // for the loss of a device
  snapshot: null, lost: 0,
};

/** Where a run ends. */
export const horizon = () => Math.max(1, Number(query.get('steps')) || now.step.document.about.steps);
