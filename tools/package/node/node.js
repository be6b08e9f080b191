/**
 * Hamster in Node.js: the same calls, on a module that `hamster compile` wrote.
 */

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { arePixels, checkMode, checkPixels, checkTop, closed, until } from '../../../web/shared/calls.js';
import { HamsterError } from '../../../web/shared/errors.js';

export { HamsterError };

/**
 * A classifier whose model is loaded.
 *
 * @param {ConstructorParameters<typeof Classifier>[0] & { signal?: AbortSignal }} options
 */
export async function load({ signal, ...options } = /** @type {any} */ ({})) {
  const classifier = new Classifier(options);
  try {
    await classifier.load({ signal });
    return classifier;
  } catch (error) {
    classifier.close();
    throw error;
  }
}

/** One model, in one worker of its own. */
export class Classifier {
  #model;
  #closed = false;
  /** @type {Worker | null} */
  #worker = null;
  /** @type {Promise<any> | null} */
  #loading = null;
  #requests = 0;
  /** @type {Map<number, { resolve: (value: any) => void, reject: (reason: unknown) => void }>} */
  #waiting = new Map();
  /** @type {any} */
  #info = null;

  /** @param {{ model: string | URL | Uint8Array | ArrayBuffer }} options */
  constructor({ model } = /** @type {any} */ ({})) {
    if (!model) throw new HamsterError('option-invalid', 'model is the path, the address or the bytes of a module that “hamster compile” wrote');
    this.#model = model;
  }

  get info() {
    return this.#info;
  }

  /** @param {{ signal?: AbortSignal }} [options] */
  async load({ signal } = {}) {
    signal?.throwIfAborted();
    if (this.#closed) throw closed();
    this.#loading ??= this.#start();
    try {
      return await until(this.#loading, signal);
    } catch (error) {
      if (!this.#info) this.#loading = null; // the next call tries again
      throw error;
    }
  }

  /**
   * @param {any} source
   * @param {{ top?: number, mode?: string, signal?: AbortSignal }} [options]
   */
  async classify(source, { top = 5, mode = '', signal } = {}) {
    checkTop(top);
    checkMode(mode);
    const [image] = await Promise.all([until(open(source, signal), signal), this.load({ signal })]);
    return until(this.#ask({ type: 'classify', image, top, mode }), signal);
  }

  close() {
    this.#closed = true;
    this.#end(closed());
  }

  async #start() {
    const bytes = await moduleOf(this.#model);
    if (this.#closed) throw closed();
    const worker = new Worker(new URL('./node-worker.js', import.meta.url));
    this.#worker = worker;
    worker.unref(); // a program that is done ends, closed or not
    worker.on('message', ({ id, value, error }) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) worker.unref();
      const failure = error && HamsterError.fromMessage(error);
      if (failure?.code === 'engine-stopped' && worker === this.#worker) this.#end(failure); // the next call starts another
      if (failure) waiting?.reject(failure);
      else waiting?.resolve(value);
    });
    worker.on('error', (cause) => this.#end(new HamsterError('engine-stopped', `the worker broke down: ${cause.message}`)));
    worker.on('exit', () => this.#end(new HamsterError('engine-stopped', 'the worker has ended')));
    this.#info = await this.#ask({ type: 'load', bytes });
    return this.#info;
  }

  /** @param {object} request */
  #ask(request) {
    return new Promise((resolve, reject) => {
      if (!this.#worker) throw this.#closed ? closed() : new HamsterError('engine-stopped', 'the worker has ended');
      const id = ++this.#requests;
      this.#waiting.set(id, { resolve, reject });
      this.#worker.ref();
      this.#worker.postMessage({ ...request, id });
    });
  }

  /** @param {HamsterError} error */
  #end(error) {
    const worker = this.#worker;
    this.#worker = null;
    this.#loading = null;
    worker?.removeAllListeners('exit');
    worker?.terminate();
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

/** @param {string | URL | Uint8Array | ArrayBuffer} model */
async function moduleOf(model) {
  if (model instanceof Uint8Array || model instanceof ArrayBuffer) return new Uint8Array(model);
  return read(model, 'model-missing', 'model-unreachable');
}

/**
 * @param {any} source
 * @param {AbortSignal} [signal]
 */
async function open(source, signal) {
  if (typeof source === 'string' || source instanceof URL) return read(source, 'image-unreachable', 'image-unreachable', signal);
  if (source instanceof Blob) return new Uint8Array(await source.arrayBuffer());
  if (source instanceof ArrayBuffer) return new Uint8Array(source.slice(0));
  if (source instanceof Uint8Array) return new Uint8Array(source); // a Buffer's memory may be shared
  if (arePixels(source)) {
    checkPixels(source);
    return { width: source.width, height: source.height, data: new Uint8Array(source.data) };
  }
  throw new HamsterError('source-invalid', 'an image is a path, a URL, a Blob, the bytes of a file or pixels');
}

/**
 * The bytes at a path or an address.
 *
 * @param {string | URL} from
 * @param {import('../../../web/shared/errors.js').ErrorCode} missing
 * @param {import('../../../web/shared/errors.js').ErrorCode} unreachable
 * @param {AbortSignal} [signal]
 */
async function read(from, missing, unreachable, signal) {
  const address = String(from);
  try {
    if (!/^(https?|data|blob):/i.test(address)) {
      return new Uint8Array(await readFile(/^file:/i.test(address) ? fileURLToPath(address) : address, { signal }));
    }
    const response = await fetch(address, { signal });
    if (response.ok) return new Uint8Array(await response.arrayBuffer());
    throw new HamsterError(response.status === 404 ? missing : unreachable, `${address} answers with status ${response.status}`, { url: address, status: response.status });
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof HamsterError) throw cause;
    const { code, message } = /** @type {NodeJS.ErrnoException} */ (cause);
    throw new HamsterError(code === 'ENOENT' ? missing : unreachable, `${address.slice(0, 200)} cannot be read: ${message}`);
  }
}
