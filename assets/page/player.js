// A step on a device: buffers, pipelines and dispatches of an exported folder, for any implementation of WebGPU. Nothing here
// needs a page.
//
// A step is a list of dispatches with nothing read back inside. Several steps go into one submit, and the record of each
// (losses, coefficients, Gram matrix, learning rate) is read from the ring afterwards. A submit is kept near 40 ms, so
// that a page, and everything else that waits for the same graphics card, stays alive.

import { Fault, floats } from './folder.js';

/** How long a submit may keep the device, in milliseconds. */
const SUBMIT = 40;
const MOST_AT_ONCE = 256;

export class Player {
  /** Opens a device of `adapter` and makes everything of `step` (see folder.js) on it. `say` hears where it is. */
  static async open(adapter, step, say = () => {}) {
    const player = new Player();
    player.step = step;
    player.document = step.document;
    player.device = await requestDevice(adapter, step.document);
    player.lost = null;
    player.error = null;
    player.device.lost.then(info => { player.lost = info.message || info.reason || 'no reason is given'; });
    player.device.onuncapturederror = event => { player.error ??= event.error.message; };
    const begun = performance.now();
    try {
      await player.make(say);
    } catch (error) {
      player.close();
      throw error;
    }
    player.compileSeconds = (performance.now() - begun) / 1000;
    return player;
  }

  async make(say) {
    const { document, device, step } = this;
    device.pushErrorScope('out-of-memory');
    this.buffers = new Map(document.buffers.map(entry => [entry.name, this.buffer(entry)]));
    this.memory = document.buffers.reduce((sum, entry) => sum + padded(entry.bytes), 0);
    const full = await device.popErrorScope();
    if (full) throw new Fault(`The device has no room for ${megabytes(this.memory)}. Close other tabs, or take a smaller problem.`);
    let done = 0;
    this.kernels = await Promise.all(document.kernels.map(async (entry, number) => {
      const kernel = await compile(device, entry, step.texts[number]);
      say(`${++done} of ${document.kernels.length} kernels compiled`);
      return kernel;
    }));
    const bind = entries => entries.map(entry => this.bind(entry));
    this.setup = bind(document.setup);
    this.dispatches = bind(document.step);
    this.batches = bind(document.evaluate);
    this.done = 0;
    this.stepTime = null;
    this.batchTime = null;
    this.staging = [];
  }

  buffer({ name, kind, bytes, data }) {
    if (kind !== 'storage' && kind !== 'uniform') throw new Fault(`Buffer “${name}” is of the kind “${kind}”, which WebGPU has not.`);
    const own = kind === 'uniform' ? GPUBufferUsage.UNIFORM : GPUBufferUsage.STORAGE;
    const usage = own | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
    const buffer = this.device.createBuffer({ label: name, size: padded(bytes), usage });
    if (data) this.device.queue.writeBuffer(buffer, 0, this.step.data, data.offset, data.bytes);
    return { buffer, bytes: kind === 'uniform' ? padded(bytes) : bytes };
  }

  bind({ kernel: number, label, workgroups, buffers, points, every = 1 }) {
    const { pipeline, layout, bindings } = this.kernels[number];
    const entries = bindings.map(({ name, binding }) => {
      const { buffer, bytes } = this.buffers.get(buffers[name]);
      return { binding, resource: { buffer, size: bytes } };
    });
    return { pipeline, group: this.device.createBindGroup({ label, layout, entries }), workgroups, points, every };
  }

  /** Submits `dispatches`, and copies pieces of buffers behind them: [buffer, offset, target, offset, bytes]. */
  submit(dispatches, copies = []) {
    const encoder = this.device.createCommandEncoder();
    if (dispatches.length > 0) {
      const pass = encoder.beginComputePass();
      for (const { pipeline, group, workgroups } of dispatches) {
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, group);
        pass.dispatchWorkgroups(...workgroups);
      }
      pass.end();
    }
    for (const copy of copies) encoder.copyBufferToBuffer(...copy);
    this.device.queue.submit([encoder.finish()]);
  }

  /** The same where one run of all may keep the device too long: every dispatch by itself. */
  submitApart(dispatches) {
    for (const dispatch of dispatches) this.submit([dispatch]);
  }

  write(writes) {
    const { queue } = this.device;
    const encoder = this.device.createCommandEncoder();
    for (const { buffer, data } of writes) if (!data) encoder.clearBuffer(this.buffers.get(buffer).buffer);
    queue.submit([encoder.finish()]);
    for (const { buffer, data } of writes) {
      if (data) queue.writeBuffer(this.buffers.get(buffer).buffer, 0, this.step.data, data.offset, data.bytes);
    }
  }

  /** Begins the run of `seed`, one of those in the document. */
  start(seed) {
    const start = this.document.starts.find(start => start.seed === seed);
    if (!start) throw new Fault(`The folder has no start for seed ${seed}.`);
    this.write(start.writes);
    this.submit(this.setup);
    this.done = 0;
  }

  /** How many steps one submit takes. */
  get stepsAtOnce() {
    return this.stepTime === null ? 1 : Math.max(1, Math.min(MOST_AT_ONCE, Math.floor(SUBMIT / this.stepTime)));
  }

  /** Submits `count` steps, each without what has nothing to do in it. */
  take(count) {
    const due = Array.from({ length: count }, (_, k) => this.dispatches.filter(({ every }) => (this.done + k) % every === 0)).flat();
    // a step that takes longer than a submit may, or nobody knows how long, goes dispatch by dispatch
    if (count === 1) this.submitApart(due);
    else this.submit(due);
    this.done += count;
  }

  /** Takes as many steps as one submit may, at most `most`, and returns their records. */
  async advance(most = Infinity) {
    const count = Math.min(most, this.stepsAtOnce, this.document.ring.records);
    const begun = performance.now();
    const first = this.done;
    this.take(count);
    const records = await this.records(first, count);
    const each = (performance.now() - begun) / count;
    // one hiccup does not change the cut much
    this.stepTime = this.stepTime === null ? each : 0.7 * this.stepTime + 0.3 * each;
    return records;
  }

  /** Records of `count` steps from step `first` on. */
  async records(first, count) {
    const { ring, about } = this.document;
    const terms = about.terms.length;
    const pieces = [];
    for (let step = first; step < first + count;) {
      const place = step % ring.records;
      const length = Math.min(first + count - step, ring.records - place);
      pieces.push([ring.buffer, 4 * place * ring.numbers, 4 * length * ring.numbers]);
      step += length;
    }
    const numbers = await this.read(pieces);
    return Array.from({ length: count }, (_, k) => {
      const part = (from, length) => Array.from(numbers.subarray(k * ring.numbers + from, k * ring.numbers + from + length));
      return {
        step: first + k,
        losses: part(ring.losses, terms),
        coefficients: part(ring.coefficients, terms),
        gram: part(ring.gram, terms * terms),
        rate: part(ring.rate, 1)[0],
      };
    });
  }

  /** The numbers in pieces of buffers, [name, offset, bytes], after all that was submitted. */
  async read(pieces) {
    const bytes = pieces.reduce((sum, piece) => sum + piece[2], 0);
    const staging = this.takeStaging(bytes);
    let at = 0;
    const copies = pieces.map(([name, offset, length]) => {
      at += length;
      return [this.buffers.get(name).buffer, offset, staging, at - length, length];
    });
    this.submit([], copies);
    try {
      await staging.mapAsync(GPUMapMode.READ, 0, bytes);
    } catch (error) {
      // a lost device fails its reads first, and says a moment later that it is lost
      await Promise.race([this.device.lost, new Promise(resolve => setTimeout(resolve, 1000))]);
      throw this.fault() ?? error;
    }
    const numbers = new Float32Array(staging.getMappedRange(0, bytes).slice(0));
    staging.unmap();
    this.staging.push(staging);
    const fault = this.fault();
    if (fault) throw fault;
    return numbers;
  }

  takeStaging(bytes) {
    const found = this.staging.findIndex(buffer => buffer.size >= bytes);
    if (found >= 0) return this.staging.splice(found, 1)[0];
    return this.device.createBuffer({ size: padded(bytes), usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  }

  /** What is wrong with the device; null if nothing is known. */
  fault() {
    if (this.lost !== null) return new DeviceLost(this.lost);
    return this.error === null ? null : new Fault(`The device reports an error: ${this.error}`);
  }

  /** The fields at `count` points of the evaluation from point `first` on, flat [point][field][stream]. */
  async evaluate([first, count]) {
    const { buffer, fields, streams } = this.document.evaluation;
    const wanted = this.batches.filter(({ points: [from, length] }) => from < first + count && from + length > first);
    for (let at = 0; at < wanted.length;) {
      const some = this.batchTime === null ? 1 : Math.max(1, Math.floor(SUBMIT / this.batchTime));
      const now = wanted.slice(at, at + some);
      const begun = performance.now();
      this.submit(now);
      await this.device.queue.onSubmittedWorkDone();
      const each = (performance.now() - begun) / now.length;
      this.batchTime = this.batchTime === null ? each : 0.7 * this.batchTime + 0.3 * each;
      at += now.length;
    }
    const each = 4 * fields * streams;
    return this.read([[buffer, first * each, count * each]]);
  }

  /** One step at given points, held against the f64 oracle. It overwrites the state: call `start` afterwards. */
  async prove() {
    const { proof } = this.document;
    if (!proof) return null;
    this.write(proof.writes);
    this.submitApart(proof.dispatches.map(entry => this.bind(entry)));
    return compareWithProof(proof, (await this.records(0, 1))[0], this.document.about.terms);
  }

  /** Everything that decides how the run goes on, on the host; the last three where optimiser and strategy keep them. */
  async snapshot() {
    const kept = ['parameters', 'packed', 'moments', 'squares', 'bases', 'state'];
    const names = kept.filter(name => this.buffers.has(name));
    const sizes = names.map(name => this.document.buffers.find(entry => entry.name === name).bytes);
    const numbers = await this.read(names.map((name, k) => [name, 0, sizes[k]]));
    let at = 0;
    const parts = sizes.map(bytes => numbers.slice(at / 4, (at += bytes) / 4));
    return { done: this.done, names, parts };
  }

  /** Goes on from a snapshot of the run of `seed`. */
  restore(seed, { done, names, parts }) {
    this.start(seed);
    names.forEach((name, k) => this.device.queue.writeBuffer(this.buffers.get(name).buffer, 0, parts[k]));
    this.device.queue.writeBuffer(this.buffers.get('control').buffer, 0, new Uint32Array([done]));
    this.done = done;
  }

  close() {
    this.device.destroy();
  }
}

/** The device is gone, with everything on it; another can be opened. */
export class DeviceLost extends Error {}

const padded = bytes => Math.max(16, Math.ceil(bytes / 16) * 16);
export const megabytes = bytes => `${(bytes / 2 ** 20).toFixed(bytes < 2 ** 23 ? 1 : 0)} MiB`;

async function requestDevice(adapter, { limits, features }) {
  for (const [name, needed] of Object.entries(limits)) {
    const offered = adapter.limits[name];
    if (offered !== undefined && offered < needed) {
      throw new Fault(`This adapter offers ${name} = ${offered}, the step needs ${needed}. Try another browser or graphics card.`);
    }
  }
  const missing = features.find(name => !adapter.features.has(name));
  if (missing) throw new Fault(`This adapter lacks the feature “${missing}”. Try another browser or graphics card.`);
  try {
    return await adapter.requestDevice({ label: 'acr-pinn-gpu', requiredLimits: limits, requiredFeatures: features });
  } catch (error) {
    throw new Fault(`The adapter gives no device: ${error.message}. Reload the page, or start the browser again.`);
  }
}

async function compile(device, { file, entry_point: entryPoint, bindings }, code) {
  const module = device.createShaderModule({ label: file, code });
  const { messages } = await module.getCompilationInfo();
  const wrong = messages.find(message => message.type === 'error');
  if (wrong) throw new Fault(`${file} does not compile, line ${wrong.lineNum}: ${wrong.message}. Export the folder again.`);
  const types = { 'storage, read': 'read-only-storage', 'storage, read_write': 'storage', uniform: 'uniform' };
  const layout = device.createBindGroupLayout({
    label: file,
    entries: bindings.map(({ binding, kind }) => ({ binding, visibility: GPUShaderStage.COMPUTE, buffer: { type: types[kind] } })),
  });
  try {
    const pipeline = await device.createComputePipelineAsync({
      label: file,
      layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module, entryPoint },
    });
    return { pipeline, layout, bindings };
  } catch (error) {
    throw new Fault(`${file} makes no pipeline: ${error.message}. Update browser and driver, or export the folder again.`);
  }
}

// ── What the f64 oracle says ──────────────────────────────────────────────────────────────────────────

/** Comparisons with the worst of them, relative to its limit. */
class Verdict {
  passed = true;
  count = 0;
  place = '';
  error = 0;
  limit = 1;
  compare(place, got, wanted, scale, limit) {
    const error = Math.abs(got - wanted) / (scale || Number.MIN_VALUE);
    // a NaN is no error below the limit
    if (!(error <= limit)) this.passed = false;
    if (this.count === 0 || !(error / limit <= this.error / this.limit)) Object.assign(this, { place, error, limit });
    this.count++;
  }
}

/** The first steps' records against `expected`; null while there is nothing to compare. */
export function compareWithExpected(expected, records, terms) {
  const verdict = new Verdict();
  for (const { step, losses } of records) {
    expected.losses[step]?.forEach((wanted, k) => {
      verdict.compare(`${terms[k]} loss of step ${step}`, losses[k], wanted, Math.abs(wanted), expected.tolerance);
    });
  }
  return verdict.count > 0 ? verdict : null;
}

function compareWithProof(proof, record, terms) {
  const verdict = new Verdict();
  const count = terms.length;
  proof.losses.values.forEach((wanted, k) => {
    verdict.compare(`${terms[k]} loss`, record.losses[k], wanted, Math.abs(wanted), proof.losses.tolerance);
  });
  const largest = Math.max(...proof.coefficients.values.map(Math.abs));
  proof.coefficients.values.forEach((wanted, k) => {
    verdict.compare(`${terms[k]} coefficient`, record.coefficients[k], wanted, largest, proof.coefficients.tolerance);
  });
  const { values, tolerance } = proof.gram;
  values.forEach((wanted, at) => {
    const [i, j] = [Math.floor(at / count), at % count];
    const scale = Math.sqrt(values[i * count + i] * values[j * count + j]);
    verdict.compare(`${terms[i]} · ${terms[j]}`, record.gram[at], wanted, scale, tolerance);
  });
  return verdict;
}

// ── What is made of the fields ────────────────────────────────────────────────────────────────────────

/** An observable at every point of evaluated `fields`. */
export function observe({ fields: count, streams }, { quantity, fields: [a, b] }, fields) {
  const points = fields.length / count / streams;
  const values = new Float32Array(points);
  for (let p = 0; p < points; p++) {
    const jet = (field, stream) => fields[(p * count + field) * streams + stream];
    values[p] =
      quantity === 'value' ? jet(a, 0)
      : quantity === 'velocity_x' ? jet(a, 2)
      : quantity === 'velocity_y' ? -jet(a, 1)
      : quantity === 'speed' ? Math.hypot(jet(a, 1), jet(a, 2))
      : quantity === 'modulus' ? Math.hypot(jet(a, 0), jet(b, 0))
      : NaN;
  }
  return values;
}

/** The three errors of the paper at the points that count; null where no answer is known. `fields` are of those points. */
export function errors(step, fields) {
  const { evaluation, reference } = step.document;
  if (!reference) return null;
  const [first, count] = evaluation.counted;
  const of = name => evaluation.observables.find(observable => observable.name === name);
  const known = name => floats(step, reference.values.find(values => values.observable === name).data).subarray(first, first + count);
  const predicted = evaluation.compared.map(name => observe(evaluation, of(name), fields));
  const wanted = evaluation.compared.map(known);
  let squares = 0, norm = 0, worst = 0, largest = 0;
  for (let p = 0; p < count; p++) {
    let error = 0, size = 0;
    for (let k = 0; k < wanted.length; k++) {
      error += (predicted[k][p] - wanted[k][p]) ** 2;
      size += wanted[k][p] ** 2;
    }
    squares += error;
    norm += size;
    worst = error > worst || Number.isNaN(error) ? error : worst;
    largest = Math.max(largest, size);
  }
  return { rel_l2: Math.sqrt(squares / norm), rel_linf: Math.sqrt(worst / largest), mse: squares / count };
}
