import { HamsterError } from '../shared/errors.js';
import { Connection } from './connection.js';
import { decode } from './decode.js';

/** @import { Classification, KeptModel, Mode, ModelInfo, Progress } from '../shared/protocol.js' */

/**
 * One model in one worker.
 *
 * A worker that dies is replaced by the next call; what was asked of the dead
 * one fails with the code `engine-stopped`.
 */
export class Classifier {
  #model;
  #backend;
  #decodeOn;
  #onprogress;
  #closed = false;
  /** @type {Connection | null} */
  #connection = null;
  /** @type {Promise<ModelInfo> | null} */
  #loading = null;

  /**
   * @param {{ model: string | URL, backend?: string, decodeOn?: 'auto' | 'page',
   *   onprogress?: (progress: Progress) => void }} options
   *   `model` is the address of a packed model's manifest, of a catalogue of
   *   such, or of one .onnx file, which is not kept. `decodeOn: 'page'` decodes on
   *   the main thread, as in browsers whose workers cannot.
   */
  constructor({ model, backend = 'auto', decodeOn = 'auto', onprogress = () => {} }) {
    this.#model = new URL(model, document.baseURI).href;
    this.#backend = backend;
    this.#decodeOn = decodeOn;
    this.#onprogress = onprogress;
  }

  /**
   * Loads the model, once however often it is called. Aborting ends the
   * download and the worker, for everyone who waits for it.
   *
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<ModelInfo>}
   */
  async load({ signal } = {}) {
    try {
      return await this.#loaded(signal);
    } catch (error) {
      if (signal?.aborted) this.#connection?.close();
      throw error;
    }
  }

  /**
   * Classifies a photo, and loads the model first if need be. An aborted call
   * rejects at once; the run itself, if it has begun, is left to finish.
   *
   * @param {Blob} image
   * @param {{ top?: number, mode?: Mode | '', signal?: AbortSignal }} [options]
   *   `top` predictions, 0 for all; `mode` '' is the model's own.
   * @returns {Promise<Classification>}
   */
  async classify(image, { top = 5, mode = '', signal } = {}) {
    const info = await this.#loaded(signal);
    const connection = /** @type {Connection} */ (this.#connection);
    const { decodes } = await connection.started;
    if (decodes && this.#decodeOn === 'auto') {
      return connection.request({ type: 'classify', image, mode, top }, { signal });
    }
    const pixels = await decode(image, mode || info.mode);
    return connection.request({ type: 'classify', image: pixels, mode, top }, { signal, transfer: [pixels.data] });
  }

  /**
   * The models that are kept on this device, the last used first.
   *
   * @returns {Promise<KeptModel[]>}
   */
  async kept() {
    await this.#loaded();
    return /** @type {Connection} */ (this.#connection).request({ type: 'kept', remove: '' });
  }

  /**
   * Removes a model from this device. One that is loaded goes on working.
   *
   * @param {string} id
   * @returns {Promise<KeptModel[]>} what is left
   */
  async remove(id) {
    await this.#loaded();
    return /** @type {Connection} */ (this.#connection).request({ type: 'kept', remove: id });
  }

  /** Ends the worker. Whatever is still asked fails with the code `closed`. */
  close() {
    this.#closed = true;
    this.#connection?.close();
  }

  /**
   * The model in a living worker, or the signal's reason if that comes first.
   *
   * @param {AbortSignal} [signal]
   * @returns {Promise<ModelInfo>}
   */
  async #loaded(signal) {
    signal?.throwIfAborted();
    if (this.#closed) throw new HamsterError('closed', 'the classifier was closed');
    if (!this.#loading || this.#connection?.closed) this.#loading = this.#connect();
    const { promise: aborted, stop } = onceAborted(signal);
    try {
      return await Promise.race([this.#loading, aborted]);
    } finally {
      stop();
    }
  }

  /** @returns {Promise<ModelInfo>} */
  #connect() {
    if (typeof WebAssembly !== 'object' || typeof Worker !== 'function') {
      return Promise.reject(new HamsterError('engine-unsupported', 'this browser lacks WebAssembly or workers'));
    }
    // A worker whose model did not load has a program that did: keep it.
    if (!this.#connection || this.#connection.closed) this.#connection = new Connection();
    const loading = this.#connection.request(
      { type: 'load', model: this.#model, backend: this.#backend },
      { onprogress: this.#onprogress },
    );
    loading.catch(() => {
      if (this.#loading === loading) this.#loading = null; // the next call tries again
    });
    return loading;
  }
}

/**
 * A promise that is rejected when the signal aborts; `stop` unhooks it.
 *
 * @param {AbortSignal | undefined} signal
 * @returns {{ promise: Promise<never>, stop: () => void }}
 */
function onceAborted(signal) {
  let stop = () => {};
  /** @type {Promise<never>} */
  const promise = new Promise((_, reject) => {
    if (!signal) return;
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    stop = () => signal.removeEventListener('abort', abort);
  });
  promise.catch(() => {}); // nobody may be waiting
  return { promise, stop };
}
