/**
 * The worker's side of the conversation. One request after the other: the
 * engine has one model and one buffer for pixels.
 */

import { HamsterError } from '../shared/errors.js';
import { addresses } from './addresses.js';
import { decode, decoded, decodes, drawn } from './decode.js';
import { compile, start } from './engine.js';
import { lookUp, obtain } from './model.js';
import { Stages } from './stages.js';
import { release } from './release.js';

/**
 * @import { ClassifyRequest, Classification, KeptModel, LoadRequest, Mode, ModelInfo, Progress, Request, Response as Message } from '../shared/protocol.js'
 * @import { Engine } from './engine.js'
 */

/** At most this many progress messages a second. */
const progressRate = 30;

/** @type {Promise<Engine> | null} */
let engine = null;

/** @type {Mode} */
let defaultMode = 'quality';

/** Requests that somebody still waits for. */
const wanted = new Set();

/** The end of the last request; the next one waits for it. */
let last = Promise.resolve();

addEventListener('message', (/** @type {MessageEvent<Request>} */ { data: request }) => {
  switch (request.type) {
    case 'start':
      Object.assign(addresses, request.addresses);
      introduce(request.lock);
      break;
    case 'cancel':
      wanted.delete(request.id);
      break;
    case 'load':
      enqueue(request.id, () => load(request));
      break;
    case 'classify':
      enqueue(request.id, () => classify(request));
      break;
    case 'kept':
      enqueue(request.id, () => kept(request.remove));
      break;
  }
});

/** @param {Message} message */
function send(message) {
  postMessage(message);
}

/**
 * Takes a lock and never lets it go. When this worker ends, however it ends,
 * the browser frees the lock, and so the page learns of it: nothing else
 * tells a page that a worker is gone.
 *
 * @param {string} lock
 */
function introduce(lock) {
  if (!navigator.locks) {
    send({ type: 'started', decodes, locked: false });
    return;
  }
  navigator.locks.request(lock, () => {
    send({ type: 'started', decodes, locked: true });
    return new Promise(() => {});
  }).catch(() => send({ type: 'started', decodes, locked: false }));
}

/**
 * @param {number} id
 * @param {() => Promise<ModelInfo | Classification | KeptModel[]>} work
 */
function enqueue(id, work) {
  wanted.add(id);
  last = last.then(async () => {
    try {
      send({ type: 'result', id, value: await work() });
    } catch (thrown) {
      send({ type: 'failure', id, error: HamsterError.from(thrown).toMessage() });
    } finally {
      wanted.delete(id);
    }
  });
}

/**
 * Starts the program, gets the model and gives the one the other.
 *
 * @param {LoadRequest} request
 * @returns {Promise<ModelInfo>}
 */
async function load({ id, model, backend, threads }) {
  const report = progressOf(id);
  const stages = new Stages();
  engine ??= startEngine(backend === 'gorgonia' ? addresses.portable : addresses.program, report.part(), stages);
  const bytes = report.part();
  const offered = lookUp(model, bytes);
  offered.catch(() => {}); // obtain looks at it when the engine is up
  const running = await engine;
  const { source, kept } = await stages.of('read', () => obtain(model, offered, running, { bytes, tell: report.tell }));
  report.tell('prepare', 0, 0);
  const info = await stages.of('prepare', () => running.load(source, { backend, threads }).catch((refusal) => {
    if (refusal?.code !== 'backend-left-out') throw refusal;
    return portable(report.part(), stages).then((larger) => larger.load(source, { backend, threads }));
  }));
  release(source instanceof Uint8Array ? [source] : Object.values(source.files));
  defaultMode = info.mode;
  return { ...info, kept, stages: stages.list };
}

/**
 * The models on this device, after one of them is removed.
 *
 * @param {string} remove its ID, or nothing
 * @returns {Promise<KeptModel[]>}
 */
async function kept(remove) {
  if (!engine) return [];
  const { store } = await engine;
  if (remove) await store.remove(remove);
  return (await store.list()).map(({ id, name, version, size, fetched, used, complete }) => ({ id, name, version, size, fetched, used, complete }));
}

/**
 * A program that has started stays for later loads, one that has not is tried
 * again. When it ends, so does this worker: the page sees to that.
 *
 * @param {string} url
 * @param {import('./download.js').OnBytes} onBytes
 * @param {Stages} stages
 */
async function startEngine(url, onBytes, stages) {
  try {
    const module = await stages.of('program', () => compile(url, onBytes));
    const running = await stages.of('start', () => start(module));
    running.stopped.then((error) => send({ type: 'stopped', error: error.toMessage() }));
    return running;
  } catch (error) {
    engine = null;
    throw error;
  }
}

/**
 * Puts the program that has every backend in the place of the one that was
 * enough so far.
 *
 * @param {import('./download.js').OnBytes} onBytes
 * @param {Stages} stages
 */
function portable(onBytes, stages) {
  engine = startEngine(addresses.portable, onBytes, stages);
  return engine;
}

/**
 * Adds up the progress of several downloads. The total is known when each of
 * them knows its own.
 *
 * @param {number} id
 */
function progressOf(id) {
  /** @type {{ done: number, total: number }[]} */
  const parts = [];
  let reported = -Infinity;
  /** @param {Progress} progress */
  const report = (progress) => {
    const now = performance.now();
    if (now - reported < 1000 / progressRate && progress.done < progress.total) return;
    reported = now;
    send({ type: 'progress', id, progress });
  };
  return {
    part() {
      const part = { done: 0, total: 0 };
      parts.push(part);
      return (/** @type {number} */ done, /** @type {number} */ total) => {
        Object.assign(part, { done, total });
        const sum = (/** @type {'done' | 'total'} */ key) => parts.reduce((all, part) => all + part[key], 0);
        report({ stage: 'fetch', done: sum('done'), total: parts.every((part) => part.total) ? sum('total') : 0 });
      };
    },
    tell: (/** @type {Progress['stage']} */ stage, /** @type {number} */ done, /** @type {number} */ total) => report({ stage, done, total }),
  };
}

/**
 * @param {ClassifyRequest} request
 * @returns {Promise<Classification>}
 */
async function classify({ id, image, mode, top }) {
  if (!engine) throw new HamsterError('no-model', 'no model is loaded');
  const running = await engine;
  const chosen = mode || defaultMode;
  const begun = performance.now();
  const picture = image instanceof Blob ? await decode(image, chosen) : 'data' in image ? decoded(image) : drawn(image);
  const decoding = 'data' in image ? image.decode : performance.now() - begun;
  try {
    if (!wanted.has(id)) throw new HamsterError('closed', 'nobody waits for this photo any more');
    const result = await running.classify(picture, chosen, top);
    return { ...result, timing: { ...result.timing, decode: decoding } };
  } finally {
    picture.close();
  }
}
