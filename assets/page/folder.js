// An exported step, read and checked: step.json, the kernels and data.bin. Nothing here needs a page or a device, so the
// script for Node (scripts/play.mjs) reads folders with the same words.

export const KIND = 'acr-pinn-gpu step';
export const SCHEMA = 1;
const DATA = 'data.bin';
const AGAIN = 'Copy or export the folder again.';

/** Something that a person can mend: what, where, what to do. Anything else that is thrown is a defect of these scripts. */
export class Fault extends Error {}

/**
 * Reads a folder. `read(name)` returns the bytes of a file as an ArrayBuffer, or null where there is none.
 * Returns { document, texts, data }: the parsed step.json, the text of every kernel, and the bytes of data.bin.
 */
export async function readStep(read, say = () => {}) {
  const document = parse(await needed(read, 'step.json'));
  const names = [...new Set([...document.kernels.map(kernel => kernel.file), DATA])];
  let done = 0;
  const files = await Promise.all(names.map(async name => {
    const bytes = await verified(read, document, name);
    say(`${++done} of ${names.length} files read and checked`);
    return bytes;
  }));
  const of = name => files[names.indexOf(name)];
  const decoder = new TextDecoder();
  return { document, texts: document.kernels.map(kernel => decoder.decode(of(kernel.file))), data: of(DATA) };
}

/** The numbers of a span of data.bin. */
export function floats(step, span) {
  return new Float32Array(step.data, span.offset, span.bytes / 4);
}

async function needed(read, name) {
  const bytes = await read(name);
  if (!bytes) throw new Fault(`${name} is missing. ${AGAIN}`);
  return bytes;
}

async function verified(read, document, name) {
  const wanted = document.files[name];
  if (!wanted || /[\\/]/.test(name)) throw new Fault(`step.json says nothing of the size and hash of ${name}. ${AGAIN}`);
  const bytes = await needed(read, name);
  if (bytes.byteLength !== wanted.bytes) {
    throw new Fault(`${name} has ${bytes.byteLength} bytes instead of ${wanted.bytes}. ${AGAIN}`);
  }
  // browsers hash on https and on this machine only, which is where they have WebGPU, too
  if (globalThis.crypto?.subtle) {
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
    const hash = Array.from(digest, byte => byte.toString(16).padStart(2, '0')).join('');
    if (hash !== wanted.sha256) throw new Fault(`${name} is not the file that was exported: its hash differs. ${AGAIN}`);
  }
  return bytes;
}

function parse(bytes) {
  let document;
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new Fault(`step.json is damaged (${error.message}). ${AGAIN}`);
  }
  if (document?.kind !== KIND) {
    throw new Fault(`step.json is a document of “${document?.kind}”, where one of “${KIND}” is expected. ${AGAIN}`);
  }
  if (document.schema !== SCHEMA) {
    throw new Fault(`step.json has schema ${document.schema}, this page reads ${SCHEMA}. Export the folder again, page included.`);
  }
  const wrong = check(document);
  if (wrong) throw new Fault(`step.json is damaged: ${wrong}. ${AGAIN}`);
  return document;
}

/** What parts of a document name that is not there; null if all is well. */
function check(document) {
  for (const key of ['buffers', 'kernels', 'setup', 'step', 'evaluate', 'starts']) {
    if (!Array.isArray(document[key])) return `there is no list “${key}”`;
  }
  for (const key of ['about', 'limits', 'files', 'ring']) {
    if (typeof document[key] !== 'object' || document[key] === null) return `there is no “${key}”`;
  }
  const buffers = new Map(document.buffers.map(buffer => [buffer.name, buffer]));
  const whole = document.files[DATA]?.bytes ?? 0;
  const outside = span => span && !(span.offset >= 0 && span.bytes >= 0 && span.offset % 4 === 0 && span.offset + span.bytes <= whole);
  for (const buffer of document.buffers) {
    if (!(buffer.bytes > 0)) return `buffer “${buffer.name}” has ${buffer.bytes} bytes`;
    if (outside(buffer.data)) return `the data of “${buffer.name}” ends behind ${DATA}`;
    if (buffer.data && buffer.data.bytes > buffer.bytes) return `the data of “${buffer.name}” is larger than it`;
  }
  const writes = [...document.starts.flatMap(start => start.writes), ...(document.proof?.writes ?? [])];
  for (const write of writes) {
    const buffer = buffers.get(write.buffer);
    if (!buffer) return `there is no buffer “${write.buffer}”`;
    if (outside(write.data) || (write.data && write.data.bytes > buffer.bytes)) return `what is written into “${write.buffer}” does not fit`;
  }
  const dispatches = [document.setup, document.step, document.evaluate, document.proof?.dispatches ?? []].flat();
  for (const dispatch of dispatches) {
    const kernel = document.kernels[dispatch.kernel];
    if (!kernel) return `“${dispatch.label}” runs kernel ${dispatch.kernel}`;
    const { every = 1 } = dispatch;
    if (!Number.isInteger(every) || every < 1) return `“${dispatch.label}” runs in no step`;
    for (const { name } of kernel.bindings) {
      if (!buffers.has(dispatch.buffers[name])) return `“${dispatch.label}” binds nothing to “${name}”`;
    }
  }
  const { buffer, records, numbers } = document.ring;
  if (!(records > 0) || !(buffers.get(buffer)?.bytes >= 4 * records * numbers)) return 'the ring has no room for its records';
  return checkEvaluation(document, buffers, outside);
}

function checkEvaluation(document, buffers, outside) {
  const { evaluation, grid, reference } = document;
  if (!evaluation) return null;
  const points = (buffers.get(evaluation.buffer)?.bytes ?? 0) / 4 / evaluation.fields / evaluation.streams;
  if (!(points >= 1)) return `there is no buffer “${evaluation.buffer}”`;
  for (const [first, count] of [evaluation.counted, grid?.points ?? [0, 0]]) {
    if (!(first + count <= points)) return `more points are looked at than the ${points} that are evaluated`;
  }
  for (const values of reference?.values ?? []) {
    if (outside(values.data) || values.data.bytes !== 4 * points) return `the reference of “${values.observable}” is not of ${points} points`;
  }
  return null;
}
