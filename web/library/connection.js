/**
 * The page's end of one worker: requests out, answers in, and the news of its
 * end, however it came.
 */

import { closed } from '../shared/calls.js';
import { HamsterError } from '../shared/errors.js';
import * as addresses from './addresses.js';
import { isOpaque, startable, trusted } from './startable.js';

/**
 * @import { Request, Response as Message, StartedResponse } from '../shared/protocol.js'
 *
 * @typedef {{ resolve: (value: any) => void, reject: (reason: unknown) => void,
 *   onprogress: (progress: any) => void }} Waiting
 */

/** How long the worker's own script may take to come, in milliseconds. */
const startTime = 30_000;

let connections = 0;

let isRetired = false;

/** A worker that nobody has needed yet. @type {Worker | null} */
let early = null;

/** Has no worker start any more: its files would be of another version than the page. */
export function retire() {
  isRetired = true;
  early?.terminate();
  early = null;
}

/** Starts the worker of the first connection. Where it has failed by then, that one tries again and tells. */
export function startEarly() {
  if (isRetired || connections > 0) return;
  try {
    early = start(startable(addresses.worker));
  } catch {
    return;
  }
  early.onerror = (event) => {
    event.preventDefault();
    early = null;
  };
}

export class Connection {
  #worker;
  #requests = 0;
  /** @type {Map<number, Waiting>} */
  #waiting = new Map();
  #lockWatch = new AbortController();

  /**
   * Kept once the worker has started and said what it can do.
   * @type {Promise<StartedResponse>}
   */
  started;

  #up = false;

  /** Set once the worker is gone; a new connection is needed then. */
  closed = false;

  constructor() {
    if (isRetired) throw new HamsterError('engine-missing', 'a newer version has taken over: reload the page', { url: addresses.worker });
    const lock = `hamster-worker-${crypto.getRandomValues(new Uint32Array(2)).join('-')}-${++connections}`;
    /** @type {(started: StartedResponse) => void} */
    let resolve;
    /** @type {(reason: unknown) => void} */
    let reject;
    this.started = new Promise((onStarted, onFailed) => {
      resolve = onStarted;
      reject = onFailed;
    });
    this.#waiting.set(0, { resolve: (value) => resolve(value), reject: (reason) => reject(reason), onprogress: () => {} });

    this.#worker = early ?? start(startable(addresses.worker));
    early = null;
    this.#worker.onmessage = ({ data }) => this.#receive(data, lock);
    this.#worker.onmessageerror = () => this.#end(new HamsterError('internal', 'a message of the worker is unreadable'));
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#end(this.#up ? new HamsterError('engine-stopped', event.message || 'the worker has ended') : notStarted());
    };
    // A server that never answers is told of by nobody else. What fails, each request says too.
    const slow = setTimeout(() => this.#end(notStarted('the server does not answer')), startTime);
    this.started.catch(() => {}).finally(() => clearTimeout(slow));
    this.#send({ type: 'start', lock, addresses: { ...addresses.others, thread: startable(addresses.thread) } });
  }

  /**
   * @param {{ type: 'load', model: string | Blob, labels: string, backend: string, threads: number } | { type: 'classify', image: any, mode: any, top: number, explain: boolean }
   *   | { type: 'explain', image: any, mode: any, index: number, run: string, method: any, cells: number } | { type: 'kept', remove: string }} request
   * @param {{ signal?: AbortSignal, onprogress?: (progress: any) => void, transfer?: Transferable[] }} [options]
   * @returns {Promise<any>} a ModelInfo, a Classification, a Heatmap or KeptModels
   */
  request(request, { signal, onprogress = () => {}, transfer = [] } = {}) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) throw signal.reason;
      if (this.closed) throw new HamsterError('engine-stopped', 'the worker has ended');
      const id = ++this.#requests;
      const leave = () => {
        this.#waiting.delete(id);
        this.#send({ type: 'cancel', id });
        reject(signal?.reason);
      };
      const settle = (/** @type {(value: any) => void} */ how) => (/** @type {any} */ value) => {
        signal?.removeEventListener('abort', leave);
        how(value);
      };
      this.#send({ ...request, id }, transfer); // throws where a picture may not be read
      signal?.addEventListener('abort', leave, { once: true });
      this.#waiting.set(id, { resolve: settle(resolve), reject: settle(reject), onprogress });
    });
  }

  /** Ends the worker and gives its memory back. */
  close() {
    this.#end(closed());
  }

  /**
   * @param {Request} request
   * @param {Transferable[]} [transfer]
   */
  #send(request, transfer = []) {
    if (!this.closed) this.#worker.postMessage(request, transfer);
  }

  /**
   * @param {Message} message
   * @param {string} lock
   */
  #receive(message, lock) {
    switch (message.type) {
      case 'started':
        this.#up = true;
        if (message.locked) this.#watch(lock);
        this.#settle(0)?.resolve(message);
        break;
      case 'progress':
        this.#waiting.get(message.id)?.onprogress(message.progress);
        break;
      case 'result':
        this.#settle(message.id)?.resolve(message.value);
        break;
      case 'failure':
        this.#settle(message.id)?.reject(HamsterError.fromMessage(message.error));
        break;
      case 'stopped':
        this.#end(HamsterError.fromMessage(message.error));
        break;
    }
  }

  /** @param {number} id */
  #settle(id) {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }

  /**
   * Waits for the lock that the worker holds as long as it lives.
   *
   * @param {string} lock
   */
  #watch(lock) {
    navigator.locks.request(lock, { signal: this.#lockWatch.signal }, () => {
      this.#end(new HamsterError('engine-stopped', 'the worker has ended'));
    }).catch(() => {}); // aborted: we ended it ourselves
  }

  /** @param {HamsterError} error */
  #end(error) {
    if (this.closed) return;
    this.closed = true;
    this.#worker.terminate();
    this.#lockWatch.abort();
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(error);
  }
}

/** @param {string} url */
function start(url) {
  try {
    return new Worker(trusted(url), { type: 'module', name: 'hamster' });
  } catch (cause) {
    throw cause instanceof TypeError ? notStarted('the page requires Trusted Types, and its CSP must allow trusted-types hamster') : notStarted();
  }
}

/** @param {string} [why] */
function notStarted(why = likelyReason()) {
  const url = addresses.worker;
  return new HamsterError('engine-missing', `the worker ${url} does not start: ${why}`, { url });
}

/** A browser says nothing of why, be it a missing file or a policy. */
function likelyReason() {
  return isOpaque()
    ? 'it is not there, or the CSP of this page, whose origin a sandbox without allow-same-origin took away, must allow worker-src data:'
    : 'it is not there, or the page’s CSP forbids it';
}
