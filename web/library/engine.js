/**
 * The engines of this page: one for each model and setting, whoever asks. Each is
 * a worker, which ends when nobody uses it any more, when nobody has asked for
 * anything for a while, and when it dies; the next call starts another.
 */

import { HamsterError } from '../shared/errors.js';
import { Connection } from './connection.js';

/**
 * @import { KeptModel, ModelInfo, Progress } from '../shared/protocol.js'
 *
 * Who uses an engine. `idle` is for how many milliseconds it stays unused, or
 * undefined for what suits the model.
 * @typedef {{ idle: number | undefined, onprogress: (progress: Progress) => void }} User
 *
 * @typedef {{ model: string | Blob, labels: string, backend: string, threads: number }} Settings
 */

/**
 * How long an engine waits for work, in milliseconds. Its memory is that of a
 * few hundred photos, and a warm start takes less than a second.
 */
const defaultIdle = 5 * 60_000;

/** The longest time that a timer takes. */
const maxTimer = 2 ** 31 - 1;

/** @type {Map<string, Engine>} */
const engines = new Map();

/** Numbers of the files that are models, for a file has no name of its own. @type {WeakMap<Blob, number>} */
const files = new WeakMap();
let fileCount = 0;

/** @param {string | Blob} model */
function nameOf(model) {
  if (typeof model === 'string') return model;
  const number = files.get(model) ?? ++fileCount;
  files.set(model, number);
  return number;
}

/**
 * The engine with these settings; it is started by the first thing it is asked.
 *
 * @param {Settings} settings
 * @param {User} user
 */
export function engineFor(settings, user) {
  const key = JSON.stringify([nameOf(settings.model), settings.labels, settings.backend, settings.threads]);
  const engine = engines.get(key) ?? new Engine(settings, () => engines.delete(key));
  engines.set(key, engine);
  engine.users.add(user);
  return engine;
}

export class Engine {
  #settings;
  #forget;
  /** @type {Connection | null} */
  #connection = null;
  /** @type {Promise<ModelInfo> | null} */
  #loading = null;
  #busy = 0;
  #timer = 0;
  #keptHere = false;

  /** @type {Set<User>} */
  users = new Set();

  /**
   * @param {Settings} settings
   * @param {() => void} forget
   */
  constructor(settings, forget) {
    this.#settings = settings;
    this.#forget = forget;
  }

  /** @param {User} user */
  leave(user) {
    this.users.delete(user);
    if (this.users.size > 0) return;
    clearTimeout(this.#timer);
    this.#connection?.close();
    this.#forget();
  }

  /**
   * The model in a living worker.
   *
   * @returns {Promise<ModelInfo>}
   */
  load() {
    return this.use(() => {
      if (!this.#loading || this.#connection?.closed) this.#loading = this.#start();
      return this.#loading;
    });
  }

  /**
   * Whether the worker decodes pictures. Load first.
   *
   * @returns {Promise<boolean>}
   */
  async decodes() {
    return (await this.#alive().started).decodes;
  }

  /**
   * Asks the worker; load first.
   *
   * @param {Parameters<Connection['request']>[0]} request
   * @param {Parameters<Connection['request']>[1]} [options]
   */
  request(request, options) {
    return this.use(() => this.#alive().request(request, options));
  }

  /**
   * The models on this device, after one of them is removed; none is loaded for that.
   *
   * @param {string} remove its ID, or nothing
   * @returns {Promise<KeptModel[]>}
   */
  kept(remove) {
    return this.use(async () => this.#connected().request({ type: 'kept', remove }));
  }

  #connected() {
    // A worker whose model did not load has a program that did: keep it.
    if (!this.#connection || this.#connection.closed) {
      this.#connection = new Connection();
      this.#loading = null;
    }
    return this.#connection;
  }

  #alive() {
    if (!this.#connection) throw new HamsterError('no-model', 'no model is loaded');
    return this.#connection;
  }

  /** @returns {Promise<ModelInfo>} */
  #start() {
    if (typeof WebAssembly !== 'object' || typeof Worker !== 'function') {
      return Promise.reject(new HamsterError('engine-unsupported', 'this browser lacks WebAssembly or workers'));
    }
    const loading = this.#connected().request({ type: 'load', ...this.#settings }, {
      onprogress: (progress) => {
        for (const { onprogress } of this.users) attempt(() => onprogress(progress));
      },
    });
    loading.then(
      ({ kept }) => {
        this.#keptHere = kept.state === 'kept';
      },
      () => {
        if (this.#loading === loading) this.#loading = null; // the next call tries again
      },
    );
    return loading;
  }

  /**
   * Does something with the engine, which does not end for want of work meanwhile.
   *
   * @template T
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  async use(work) {
    this.#busy++;
    clearTimeout(this.#timer);
    try {
      return await work();
    } finally {
      if (--this.#busy === 0) this.#rest();
    }
  }

  #rest() {
    const idle = Math.max(...Array.from(this.users, ({ idle }) => idle ?? (this.#keptHere ? defaultIdle : Infinity)));
    if (idle > maxTimer || this.#connection?.closed) return;
    this.#timer = setTimeout(() => this.#connection?.close(), Math.max(0, idle));
  }
}

/** Calls what others wrote: a fault of theirs is theirs alone. @param {() => void} call */
function attempt(call) {
  try {
    call();
  } catch (fault) {
    reportError(fault);
  }
}
