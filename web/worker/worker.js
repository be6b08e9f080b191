/**
 * The worker's side of the conversation. One request after the other: the
 * engine has one model and one buffer for pixels.
 */

import { HamsterError } from '../shared/errors.js';
import { maxModelBytes } from '../shared/limits.js';
import { decode, decoded, decodes } from './decode.js';
import { open, readAll } from './download.js';
import { compile, start } from './engine.js';

/**
 * @import { ClassifyRequest, Classification, LoadRequest, Mode, ModelInfo, Progress, Request, Response as Message } from '../shared/protocol.js'
 * @import { Engine } from './engine.js'
 */

/** @type {import('./download.js').Codes} */
const modelCodes = {
  missing: 'model-missing',
  unreachable: 'model-unreachable',
  html: 'model-html',
  truncated: 'model-truncated',
  tooLarge: 'model-too-large',
};

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
 * @param {() => Promise<ModelInfo | Classification>} work
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
 * Fetches the program and the model side by side, starts the one and gives it
 * the other.
 *
 * @param {LoadRequest} request
 */
async function load({ id, model, backend }) {
  const report = progressOf(id);
  engine ??= startEngine(report.part());
  const [running, bytes] = await Promise.all([engine, fetchModel(model, report.part())]);
  report.prepare();
  const info = await running.load(bytes, backend);
  defaultMode = info.mode;
  return info;
}

/**
 * A program that has started stays for later loads, one that has not is tried
 * again. When it ends, so does this worker: the page sees to that.
 *
 * @param {import('./download.js').OnBytes} onBytes
 */
async function startEngine(onBytes) {
  try {
    const running = await start(await compile(onBytes));
    running.stopped.then((error) => send({ type: 'stopped', error: error.toMessage() }));
    return running;
  } catch (error) {
    engine = null;
    throw error;
  }
}

/**
 * @param {string} url
 * @param {import('./download.js').OnBytes} onBytes
 */
async function fetchModel(url, onBytes) {
  const options = { codes: modelCodes, onBytes, maxBytes: maxModelBytes };
  return readAll(await open(url, options), maxModelBytes);
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
  /** @param {Progress['stage']} stage */
  const sendSum = (stage) => {
    const sum = (/** @type {'done' | 'total'} */ key) => parts.reduce((all, part) => all + part[key], 0);
    const total = parts.every((part) => part.total) ? sum('total') : 0;
    send({ type: 'progress', id, progress: { stage, done: sum('done'), total } });
  };
  return {
    part() {
      const part = { done: 0, total: 0 };
      parts.push(part);
      return (/** @type {number} */ done, /** @type {number} */ total) => {
        Object.assign(part, { done, total });
        const now = performance.now();
        if (now - reported < 1000 / progressRate && done < total) return;
        reported = now;
        sendSum('fetch');
      };
    },
    prepare: () => sendSum('prepare'),
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
  const picture = image instanceof Blob ? await decode(image, chosen) : decoded(image);
  const decoding = image instanceof Blob ? performance.now() - begun : image.decode;
  try {
    if (!wanted.has(id)) throw new HamsterError('closed', 'nobody waits for this photo any more');
    const result = await running.classify(picture, chosen, top);
    return { ...result, timing: { ...result.timing, decode: decoding } };
  } finally {
    picture.close();
  }
}
