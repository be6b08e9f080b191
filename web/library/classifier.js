import { check, checkMode, checkTop, closed, until } from '../shared/calls.js';
import { HamsterError } from '../shared/errors.js';
import { orientationOf } from '../shared/exif.js';
import { readHeader } from '../shared/imageheader.js';
import { defaultModel } from './addresses.js';
import { decode } from './decode.js';
import { engineFor } from './engine.js';
import { discard, open, tainted, transferred } from './source.js';
import { upright } from './upright.js';

/**
 * @import { Classification, ExplainProgress, Heatmap, KeptModel, Label, Method, Mode, ModelInfo, Progress } from '../shared/protocol.js'
 * @import { Engine } from './engine.js'
 * @import { ImageSource } from './source.js'
 *
 * @typedef {{ model?: string | URL | Blob, labels?: string | readonly (string | Label)[], backend?: string, threads?: number, idle?: number,
 *   onprogress?: (progress: Progress) => void }} Options
 * @typedef {{ top?: number, mode?: Mode | '', explain?: boolean, onprogress?: OnExplained, signal?: AbortSignal }} ClassifyOptions
 * @typedef {{ index?: number, of?: Classification, mode?: Mode | '', method?: Method | '', cells?: number,
 *   onprogress?: OnExplained, signal?: AbortSignal }} ExplainOptions
 *
 * @typedef {(share: number, soFar: Omit<Heatmap, 'took'>) => void} OnExplained
 */

/**
 * What is asked about a picture.
 * @typedef {{ type: 'classify', mode: Mode | '', top: number, explain: boolean }
 *   | { type: 'explain', mode: Mode | '', index: number, run: string, method: Method | '', cells: number }} Question
 */

const backends = ['auto', 'simd', 'gorgonia'];
const methods = ['', 'grad-cam', 'occlusion'];

/** As many cells as occlusion tries along each side. */
const maxCells = 32;

/** More threads than this are a slip of the keyboard. */
const maxThreads = 256;

/**
 * A classifier whose model is loaded.
 *
 * @param {Options & { signal?: AbortSignal }} [options]
 * @returns {Promise<Classifier>}
 */
export async function load({ signal, ...options } = {}) {
  const classifier = new Classifier(options);
  try {
    await classifier.load({ signal });
    return classifier;
  } catch (error) {
    classifier.close();
    throw error;
  }
}

/**
 * One caller's hold on an engine (engine.js), which it shares with all others who
 * want the same model and settings.
 *
 * An engine that dies is replaced by the next call; what was asked of the dead
 * one fails with the code `engine-stopped`.
 */
export class Classifier {
  #settings;
  #user;
  #decodeOn;
  #closed = false;
  #ending = new AbortController();
  /** @type {Engine | null} */
  #engine = null;
  /** @type {ModelInfo | null} */
  #info = null;

  /**
   * @param {Options & { decodeOn?: 'auto' | 'page' }} [options]
   *   `decodeOn: 'page'` decodes on the main thread, as in browsers whose workers cannot
   */
  constructor({ model = defaultModel(), labels = '', backend = 'auto', threads = 0, idle, onprogress = () => {}, decodeOn = 'auto' } = {}) {
    check(backends.includes(backend), `backend is one of ${backends.join(', ')}`);
    check(Number.isInteger(threads) && threads >= 0 && threads <= maxThreads, `threads is a number from 0 to ${maxThreads}`);
    check(idle === undefined || (typeof idle === 'number' && idle >= 0), 'idle is a number of milliseconds');
    check(typeof onprogress === 'function', 'onprogress is a function');
    check(typeof labels === 'string' || Array.isArray(labels), 'labels is the text of a file, or an array of names');
    this.#settings = { model: model instanceof Blob ? model : address(model), labels: typeof labels === 'string' ? labels : JSON.stringify(labels), backend, threads };
    this.#user = { idle, onprogress };
    this.#decodeOn = decodeOn;
  }

  /** What is known of the model; null until it has been loaded. */
  get info() {
    return this.#info;
  }

  /**
   * Loads the model, once however often it is called. Aborting ends the
   * download and the worker, unless others wait for the same.
   *
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<ModelInfo>}
   */
  async load({ signal } = {}) {
    try {
      return await this.#loaded(signal);
    } catch (error) {
      if (signal?.aborted) this.#leave();
      throw error;
    }
  }

  /**
   * Classifies a picture, and loads the model first if need be. An aborted call
   * rejects at once; the run itself, if it has begun, is left to finish.
   *
   * @param {ImageSource} source
   * @param {ClassifyOptions} [options] `top` predictions, 0 for all; `mode` '' is
   *   the model's own; `explain` asks for a heat map of the likeliest class as well
   * @returns {Promise<Classification>}
   */
  async classify(source, { top = 5, mode = '', explain = false, onprogress, signal } = {}) {
    checkTop(top);
    checkMode(mode);
    return this.#show(source, { type: 'classify', mode, top, explain }, onprogress, signal);
  }

  /**
   * Shows what in a picture spoke for a class.
   *
   * @param {ImageSource} source
   * @param {ExplainOptions} [options] `index` of the class, or the likeliest; `of`
   *   a classification of the same source, which saves a run if it was the last
   * @returns {Promise<Heatmap>}
   */
  async explain(source, { index = -1, of, mode = '', method = '', cells = 0, onprogress, signal } = {}) {
    check(Number.isInteger(index) && index >= -1, 'index is that of a prediction');
    checkMode(mode);
    check(methods.includes(method), 'method is grad-cam or occlusion');
    check(cells === 0 || (Number.isInteger(cells) && cells >= 2 && cells <= maxCells), `cells is a number from 2 to ${maxCells}`);
    return this.#show(source, { type: 'explain', mode, index, run: of?.run ?? '', method, cells }, onprogress, signal);
  }

  /**
   * Asks about a picture, and loads the model first if need be.
   *
   * @param {ImageSource} source
   * @param {Question} question
   * @param {OnExplained | undefined} onprogress
   * @param {AbortSignal | undefined} signal
   */
  async #show(source, question, onprogress = () => {}, signal) {
    check(typeof onprogress === 'function', 'onprogress is a function');
    const loading = this.#loaded(signal);
    loading.catch(() => {}); // seen below; the source may fail first
    // At once: a video has moved on by the time that the model is there.
    const image = await open(source, signal);
    try {
      await loading;
      const engine = /** @type {Engine} */ (this.#engine);
      return await engine.use(() => this.#ask(engine, image, question, { signal, onprogress }));
    } catch (error) {
      discard(image);
      throw tainted(error) ?? error;
    }
  }

  /**
   * @param {Engine} engine
   * @param {Awaited<ReturnType<typeof open>>} image
   * @param {Question} question
   * @param {{ signal?: AbortSignal, onprogress: OnExplained }} options
   */
  async #ask(engine, image, question, { signal, onprogress }) {
    const info = await this.#loaded(signal); // it may have ended since
    const mode = question.mode || info.mode;
    const explains = question.type === 'explain' || question.explain;
    const orientation = explains && mode === 'keras' && image instanceof Blob ? await turnOf(image) : 1;
    const isPages = !('data' in image) && (this.#decodeOn === 'page' || !await engine.decodes());
    const taken = isPages ? await decode(image, mode) : image;
    const result = await engine.request({ ...question, image: taken }, {
      signal,
      onprogress: (/** @type {ExplainProgress} */ { done, total, soFar }) => onprogress(done / total, upright(soFar, orientation)),
      transfer: transferred(taken),
    });
    if ('values' in result) return upright(result, orientation);
    return result.heatmap ? { ...result, heatmap: upright(result.heatmap, orientation) } : result;
  }

  /**
   * The models that are kept on this device, the last used first. This one need not be loaded.
   *
   * @returns {Promise<KeptModel[]>}
   */
  async kept() {
    return this.#kept('');
  }

  /**
   * Removes a model from this device. One that is loaded goes on working.
   *
   * @param {string} id
   * @returns {Promise<KeptModel[]>} what is left
   */
  async remove(id) {
    return this.#kept(id);
  }

  /** @param {string} remove */
  async #kept(remove) {
    if (this.#closed) throw closed();
    this.#engine ??= engineFor(this.#settings, this.#user);
    return until(this.#engine.kept(remove), this.#ending.signal);
  }

  /**
   * Ends the worker, unless others use the same, and gives its memory back.
   * Whatever is still asked fails with the code `closed`.
   */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#ending.abort(closed());
    this.#leave();
  }

  #leave() {
    this.#engine?.leave(this.#user);
    this.#engine = null;
  }

  /**
   * The model in a living worker, or the signal's reason if that comes first.
   *
   * @param {AbortSignal} [signal]
   * @returns {Promise<ModelInfo>}
   */
  async #loaded(signal) {
    signal?.throwIfAborted();
    if (this.#closed) throw closed();
    this.#engine ??= engineFor(this.#settings, this.#user);
    this.#info = await until(until(this.#engine.load(), signal), this.#ending.signal);
    return this.#info;
  }
}

/** How a browser turns a picture; what is none has its own error later. @param {Blob} file */
async function turnOf(file) {
  const header = await readHeader(file);
  return header ? orientationOf(file, header.format) : 1;
}

/** @param {string | URL} model */
function address(model) {
  try {
    return new URL(model, document.baseURI).href;
  } catch {
    throw new HamsterError('option-invalid', `model is an address, and “${model}” is none`);
  }
}
