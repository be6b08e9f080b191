/**
 * The worker's side of the conversation. One request after the other: the
 * engine has one model and one buffer for pixels.
 */

import './outgoing.js';
import { HamsterError } from '../shared/errors.js';
import { addresses } from './addresses.js';
import { decode, decoded, decodes, drawn } from './decode.js';
import { compile, start } from './engine.js';
import { lookUp, obtain } from './model.js';
import { practise } from './practice.js';
import { release } from './release.js';
import { keepSnapshot } from './snapshot.js';
import { Stages } from './stages.js';

/**
 * @import { ClassifyRequest, Classification, ExplainRequest, Heatmap, Image, KeptModel, LoadRequest, Method, Mode, ModelInfo, Progress, Request, Response as Message } from '../shared/protocol.js'
 * @import { Picture } from './decode.js'
 * @import { Engine, Loaded } from './engine.js'
 */

/** At most this many progress messages a second. */
const progressRate = 30;

/** @type {Promise<Engine> | null} */
let engine = null;

/** @type {Mode} */
let defaultMode = 'quality';

/** @type {Method} */
let ownMethod = 'occlusion';

/** Names the run that the engine remembers; '' for none. */
let lastRun = '';

/** Requests that somebody still waits for. */
const wanted = new Set();

/** Keeps the snapshot of the model, once; it waits for the first answer, or the next model. @type {() => Promise<void>} */
let settle = async () => {};

/** Programs that have practised, or are about to. @type {WeakSet<Engine>} */
const practised = new WeakSet();

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
    case 'explain':
      enqueue(request.id, () => explain(request));
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
 * Tells the page that nothing more is to be had of this worker.
 *
 * @param {HamsterError} error
 */
function stopped(error) {
  send({ type: 'stopped', error: error.toMessage() });
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
 * @param {() => Promise<ModelInfo | Classification | Heatmap | KeptModel[]>} work
 */
function enqueue(id, work) {
  wanted.add(id);
  last = last.then(async () => {
    try {
      send({ type: 'result', id, value: await work() });
    } catch (thrown) {
      const error = HamsterError.from(thrown);
      // One that has broken down answers nothing more: the page starts another.
      if (error.code === 'engine-stopped') stopped(error);
      else send({ type: 'failure', id, error: error.toMessage() });
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
async function load({ id, model, labels, backend, threads }) {
  const report = progressOf(id);
  const stages = new Stages();
  engine ??= startEngine(backend === 'gorgonia' ? addresses.portable : addresses.program, report.part(), stages);
  const bytes = report.part();
  const offered = lookUp(model, bytes);
  offered.catch(() => {}); // obtain looks at it when the engine is up
  const running = await engine;
  const options = { backend, threads, labels };
  /** @type {import('./model.js').Begin<Loaded>} */
  const begin = async (source, snapshot, remember) => {
    try {
      return await running.load(source, { ...options, remember }, await snapshot);
    } catch (refusal) {
      if (HamsterError.from(refusal).code !== 'backend-left-out') throw refusal;
      // Without one of its files the engine refuses as well, and so would every other.
      if (!(source instanceof Uint8Array)) await Promise.all(Object.values(source.files));
      return (await portable(report.part(), stages)).load(source, { ...options, remember: false }, null);
    }
  };
  const { begun, kept, files } = await stages.of('read', () => obtain(model, offered, running, { bytes, tell: report.tell }, begin));
  report.tell('prepare', 0, 0);
  const { packing, ...info } = await stages.of('compile', () => begun).finally(() => release(files));
  stages.split('pack', packing);
  const found = await running.snapshot();
  settle(); // of the model before, which nobody has asked
  settle = async () => {
    settle = async () => {};
    if (found && kept.state === 'kept') await keepSnapshot(kept.id, found, running).catch(() => {}); // then the next visit makes its own
  };
  defaultMode = info.mode;
  ownMethod = info.explains;
  lastRun = '';
  return { ...info, kept, stages: stages.list };
}

/**
 * The models on this device, after one of them is removed. None needs to be loaded.
 *
 * @param {string} remove its ID, or nothing
 * @returns {Promise<KeptModel[]>}
 */
async function kept(remove) {
  engine ??= startEngine(addresses.program, () => {}, new Stages());
  const { store } = await engine;
  if (remove) await store.remove(remove);
  return (await store.list()).map(({ id, url, name, version, size, fetched, used, complete }) => ({ id, url, name, version, size, fetched, used, complete }));
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
    running.stopped.then(stopped);
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
    const isLast = progress.stage === 'fetch' && !progress.total ? false : progress.done >= progress.total;
    if (now - reported < 1000 / progressRate && !isLast) return;
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
async function classify({ id, image, mode, top, explain }) {
  const running = await loaded();
  const chosen = mode || defaultMode;
  const begun = performance.now();
  const picture = await opened(image, chosen);
  const decoding = 'data' in image ? image.decode : performance.now() - begun;
  try {
    if (!wanted.has(id)) throw unwanted();
    lastRun = '';
    const result = await running.classify(picture, chosen, top);
    // Another worker counts its requests from 1 as well.
    lastRun = `${performance.timeOrigin}/${id}`;
    settle().then(() => {
      if (practised.has(running)) return;
      practised.add(running);
      practise(() => running.practise(), () => wanted.size > 0).catch(() => {}); // the program has ended, which others notice
    });
    const answer = { ...result, run: lastRun, timing: { ...result.timing, decode: decoding } };
    if (!explain) return answer;
    const request = { mode: chosen, index: -1, method: /** @type {const} */ (''), cells: 0 };
    return { ...answer, heatmap: await heatmap(running, id, ownMethod === 'grad-cam' ? null : picture, request) };
  } finally {
    picture.close();
  }
}

/**
 * @param {ExplainRequest} request
 * @returns {Promise<Heatmap>}
 */
async function explain({ id, image, mode, index, run, method, cells }) {
  const running = await loaded();
  const request = { mode: mode || defaultMode, index, method, cells };
  if (run && run === lastRun && (method || ownMethod) === 'grad-cam') {
    if ('close' in image) image.close();
    return heatmap(running, id, null, request);
  }
  const picture = await opened(image, request.mode);
  try {
    if (!wanted.has(id)) throw unwanted();
    return await heatmap(running, id, picture, request);
  } finally {
    picture.close();
  }
}

/**
 * @param {Engine} running
 * @param {number} id
 * @param {Picture | null} picture null for the one that was classified last
 * @param {{ mode: Mode, index: number, method: Method | '', cells: number }} request
 * @returns {Promise<Heatmap>}
 */
async function heatmap(running, id, picture, request) {
  const begun = performance.now();
  if (picture) lastRun = ''; // the engine sees others now
  const found = await running.explain(picture, request, async (progress) => {
    send({ type: 'progress', id, progress: { stage: 'explain', ...progress } });
    await new Promise((resolve) => setTimeout(resolve)); // a cancel may come in
    return wanted.has(id);
  });
  settle();
  return { ...found, took: performance.now() - begun };
}

async function loaded() {
  if (!engine) throw new HamsterError('no-model', 'no model is loaded');
  return engine;
}

const unwanted = () => new HamsterError('closed', 'nobody waits for this photo any more');

/**
 * @param {Image} image
 * @param {Mode} mode
 * @returns {Promise<Picture>}
 */
async function opened(image, mode) {
  if (image instanceof Blob) return decode(image, mode);
  return 'data' in image ? decoded(image) : drawn(image);
}
