/**
 * Where a model's bytes come from: this device, where they were kept, or else
 * the network, and then they are kept. Whatever storage does, a model that can
 * be fetched is served; whatever comes, bytes without their SHA-256 are not.
 *
 * IndexedDB belongs to Go (wasm/store), HTTP to resume.js; this file decides
 * which is asked for what.
 */

import { HamsterError } from '../shared/errors.js';
import { maxModelBytes } from '../shared/limits.js';
import { open, readAll } from './download.js';
import { hash } from './hash.js';
import { release } from './release.js';
import { fetchWhole } from './resume.js';
import { persistently } from './retry.js';
import { findSnapshot } from './snapshot.js';

/**
 * @import { Kept, Progress } from '../shared/protocol.js'
 * @import { Engine, Manifest, PackedFile } from './engine.js'
 *
 * What the Go program loads; it waits for each file when it needs it.
 * @typedef {Uint8Array<ArrayBuffer> | { manifest: string, files: Record<string, Promise<Uint8Array<ArrayBuffer>>> }} ModelSource
 *
 * A manifest, and where it lies. `url` is what the page asked for.
 * @typedef {{ id: string, url: string, base: string, text: string, manifest: Manifest, known: boolean }} Wanted
 *
 * @typedef {{ bytes: import('./download.js').OnBytes, tell: (stage: Progress['stage'], done: number, total: number) => void }} Report
 */

/**
 * Begins to load a model that is still on its way, with its snapshot if there is one;
 * `remember` where a new one may be kept.
 *
 * @template T
 * @typedef {(source: ModelSource, snapshot: Promise<Uint8Array<ArrayBuffer> | null>, remember: boolean) => Promise<T>} Begin
 */

/**
 * A model of which all has arrived that it needs. What was begun with it may go on, and read the files.
 *
 * @template T
 * @typedef {{ begun: Promise<T>, kept: Kept, files: Uint8Array<ArrayBuffer>[] }} Obtained
 */

/** @type {import('./download.js').Codes} */
export const modelCodes = {
  missing: 'model-missing',
  unreachable: 'model-unreachable',
  html: 'model-html',
  truncated: 'model-truncated',
  tooLarge: 'model-too-large',
};

const maxManifestBytes = 4 << 20;

/** How many files are fetched at a time. */
const parallel = 4;

/**
 * How long the news of a newer version may keep a model waiting that is there,
 * in milliseconds after the engine is up. It was asked for long before.
 */
const patience = 150;

/**
 * Asks the network what there is at an address: one ONNX file, or a manifest,
 * directly or by a catalogue of them. A file that the page has is one ONNX file.
 *
 * @typedef {{ single: Promise<Uint8Array<ArrayBuffer>> } | { base: string, text: string }} Offer
 *
 * @param {string | Blob} url
 * @param {import('./download.js').OnBytes} onBytes for one file, which is fetched at once
 * @param {RequestCache} [cache] what manifests may come from
 * @returns {Promise<Offer>}
 */
export async function lookUp(url, onBytes, cache = 'no-cache') {
  if (url instanceof Blob) return readFile(url);
  if (/\.onnx$/i.test(new URL(url).pathname)) return readSingle(url, onBytes);
  const text = await readText(url, cache);
  const { models, default: chosen } = parseObject(text, url);
  if (!Array.isArray(models)) return { base: url, text };
  const offer = models.find(({ id }) => id === chosen) ?? models[0];
  // What cannot be packed is served as it is, so that its fault can be told.
  if (chosen === undefined || !offer) return readSingle(new URL('default.onnx', url).href, onBytes);
  const base = new URL(offer.manifest, url).href;
  return { base, text: await readText(base, cache) };
}

/**
 * @param {Blob} file
 * @returns {Offer}
 */
function readFile(file) {
  if (file.size > maxModelBytes) throw new HamsterError('model-too-large', 'the file is too large', { total: file.size });
  const single = file.arrayBuffer().then((bytes) => new Uint8Array(bytes), (cause) => {
    throw new HamsterError('model-unreachable', `the file cannot be read: ${cause instanceof Error ? cause.message : cause}`);
  });
  single.catch(() => {}); // whoever waits for it will see
  return { single };
}

/**
 * @param {string} url
 * @param {import('./download.js').OnBytes} onBytes
 * @returns {Offer}
 */
function readSingle(url, onBytes) {
  const options = { codes: modelCodes, onBytes, maxBytes: maxModelBytes };
  const single = persistently(async () => readAll(await open(url, options), maxModelBytes));
  single.catch(() => {}); // whoever waits for it will see
  return { single };
}

/**
 * @param {string} url
 * @param {RequestCache} cache
 */
async function readText(url, cache) {
  const options = { codes: modelCodes, onBytes: () => {}, maxBytes: maxManifestBytes, init: { cache } };
  return new TextDecoder().decode(await persistently(async () => readAll(await open(url, options), maxManifestBytes)));
}

/**
 * @param {string} text
 * @param {string} url
 */
function parseObject(text, url) {
  try {
    const value = JSON.parse(text);
    if (value && typeof value === 'object') return value;
  } catch {
    // said below
  }
  throw new HamsterError('model-invalid', `${url} is no manifest of a model`, { url });
}

/**
 * Gets the model that the page asks for, and begins to load it as soon as it is known.
 *
 * @template T
 * @param {string | Blob} url
 * @param {Promise<Offer>} offered of lookUp, asked before the engine was up
 * @param {Engine} engine
 * @param {Report} report
 * @param {Begin<T>} begin
 * @returns {Promise<Obtained<T>>}
 */
export async function obtain(url, offered, engine, report, begin) {
  offered.catch(() => {}); // it may fail while nobody looks
  const keep = new Keep(engine.store);
  const old = typeof url === 'string' ? await understood(await keep.find(url), url, engine) : null;
  // What is kept does not wait for the network, and is there when it is not.
  const offer = old
    ? await Promise.race([offered.catch(() => null), new Promise((resolve) => setTimeout(resolve, patience, null))])
    : await offered;
  let tried = old?.id;
  /** @param {Offer} offer */
  const accept = async (offer) => {
    if ('single' in offer) return alone(await offer.single, typeof url === 'string' ? 'network' : 'file', begin);
    const wanted = await wantedOf(offer, String(url), engine);
    if (old && wanted.id === old.id) return gather(old, keep, engine, report, begin);
    tried = wanted.id;
    return gather(wanted, keep, engine, report, begin);
  };
  try {
    if (offer) return await accept(offer);
    const got = await gather(/** @type {Wanted} */ (old), keep, engine, report, begin);
    follow(/** @type {Wanted} */ (old), offered, engine).catch(() => {}); // then another visit does
    return got;
  } catch (failure) {
    const former = old && tried !== old.id ? old : null;
    const isPacked = typeof url === 'string' && !(offer && 'single' in offer);
    const anew = isPacked && mayBeReplaced(failure) ? await lookUp(url, report.bytes, 'reload').catch(() => null) : null;
    try {
      if (anew && ('single' in anew || (await wantedOf(anew, String(url), engine)).id !== tried)) return await accept(anew);
    } catch (another) {
      if (!former) throw another;
    }
    if (!former) throw failure;
    return gather(former, keep, engine, report, begin);
  }
}

/**
 * Fetches a version that was offered too late for this visit, for the next one.
 * Where the network is slow, news would be late every time.
 *
 * @param {Wanted} old
 * @param {Promise<Offer>} offered
 * @param {Engine} engine
 */
async function follow(old, offered, engine) {
  const offer = await offered;
  if ('single' in offer) return;
  const wanted = await wantedOf(offer, old.url, engine);
  if (wanted.id === old.id) return;
  const { files } = await gather(wanted, new Keep(engine.store), engine, { bytes: () => {}, tell: () => {} }, async () => {});
  release(files);
}

/**
 * @param {{ base: string, text: string }} offer
 * @param {string} url
 * @param {Engine} engine
 * @returns {Promise<Wanted>}
 */
async function wantedOf({ base, text }, url, engine) {
  return { id: await hash(new TextEncoder().encode(text), engine), url, base, text, manifest: await engine.describe(text), known: false };
}

/**
 * @template T
 * @param {Uint8Array<ArrayBuffer>} file
 * @param {'network' | 'file'} from
 * @param {Begin<T>} begin
 * @returns {Obtained<T>}
 */
function alone(file, from, begin) {
  const kept = /** @type {const} */ ({ state: 'single', from, id: '', size: file.length, fetched: 0, reason: '' });
  return { begun: begin(file, Promise.resolve(null), false), kept, files: [file] };
}

/**
 * Whether a file may not be what its manifest says because there is another manifest
 * by now. A file that is too short or too long may be the new one.
 *
 * @param {unknown} error
 */
function mayBeReplaced(error) {
  return error instanceof HamsterError && ['model-missing', 'model-damaged', 'model-truncated', 'model-too-large'].includes(error.code);
}

/**
 * A model that is kept, unless its manifest is not what it was or another
 * Hamster wrote it.
 *
 * @param {import('./engine.js').StoredModel | null} stored
 * @param {string} url
 * @param {Engine} engine
 * @returns {Promise<Wanted | null>}
 */
async function understood(stored, url, engine) {
  if (!stored) return null;
  const { id, base, manifest: text } = stored;
  try {
    if (await hash(new TextEncoder().encode(text), engine) !== id) return null;
    return { id, url, base, text, manifest: await engine.describe(text), known: true };
  } catch {
    return null;
  }
}

/**
 * Begins to load the model of one manifest, and collects its files meanwhile.
 *
 * @template T
 * @param {Wanted} wanted
 * @param {Keep} keep
 * @param {Engine} engine
 * @param {Report} report
 * @param {Begin<T>} begin
 * @returns {Promise<Obtained<T>>}
 */
async function gather(wanted, keep, engine, report, begin) {
  const { manifest, text, id, known } = wanted;
  const arriving = new Arriving([manifest.graph, ...manifest.shards]);
  const stop = new AbortController();
  const begun = begin({ manifest: text, files: arriving.files }, known ? findSnapshot(id, engine) : Promise.resolve(null), !keep.reason);
  begun.catch((refusal) => stop.abort(refusal)); // the rest need not come
  /** @type {(from: Kept['from'], reason: Kept['reason']) => Obtained<T>} */
  const obtained = (from, reason) => ({
    begun, files: [...arriving.arrived.values()],
    kept: { state: reason ? 'memory' : 'kept', from, id, size: manifest.size, fetched: manifest.compressed, reason },
  });
  try {
    return obtained(await collect(wanted, keep, engine, report, arriving, stop), keep.reason);
  } catch (failure) {
    stop.abort(failure); // unless the engine was first
    arriving.fail(failure);
    // What needed no more than had come is loaded, and the former model is gone.
    if (await begun.then(() => true, () => false)) return obtained(known ? 'cache' : 'network', keep.reason || 'store-failed');
    release(arriving.arrived.values());
    throw stop.signal.reason;
  }
}

/** The files of a model, each a promise until it is there. */
class Arriving {
  /** By path. @type {Record<string, Promise<Uint8Array<ArrayBuffer>>>} */
  files = {};
  /** By path. @type {Map<string, Uint8Array<ArrayBuffer>>} */
  arrived = new Map();
  /** @type {Map<string, { resolve: (bytes: Uint8Array<ArrayBuffer>) => void, reject: (reason: unknown) => void }>} */
  #waiting = new Map();

  /** @param {PackedFile[]} all */
  constructor(all) {
    for (const { path } of all) {
      this.files[path] = new Promise((resolve, reject) => this.#waiting.set(path, { resolve, reject }));
      this.files[path].catch(() => {}); // nobody need want it
    }
  }

  /** @param {string} path @param {Uint8Array<ArrayBuffer>} bytes that are what they should be */
  give(path, bytes) {
    this.arrived.set(path, bytes);
    this.#waiting.get(path)?.resolve(bytes);
  }

  /** @param {unknown} reason for what is not there by now */
  fail(reason) {
    for (const { reject } of this.#waiting.values()) reject(reason);
  }
}

/**
 * Collects the files of one manifest, and tells where they came from.
 *
 * @param {Wanted} wanted
 * @param {Keep} keep
 * @param {Engine} engine
 * @param {Report} report
 * @param {Arriving} arriving
 * @param {AbortController} stop
 * @returns {Promise<'cache' | 'network'>}
 */
async function collect(wanted, keep, engine, report, arriving, stop) {
  const { manifest, text, url, base, id, known } = wanted;
  const all = [manifest.graph, ...manifest.shards];
  const record = {
    id, url, base, name: manifest.name ?? '', version: manifest.version ?? '', size: manifest.size, fetched: manifest.compressed,
    files: all.map(({ sha256, size }) => ({ sha256, size })), manifest: text,
  };
  if (!known) await keep.begin(record);

  /** Takes what is kept and is what it should be; returns what is not. */
  const read = async (/** @type {PackedFile[]} */ from) => {
    let done = 0;
    const found = await Promise.all(from.map(async (file) => {
      const bytes = await keep.get(file.sha256);
      if (!bytes || bytes.length !== file.size || await hash(bytes, engine) !== file.sha256) return false;
      arriving.give(file.path, bytes);
      done += file.size;
      report.tell('read', done, manifest.size);
      return true;
    }));
    return from.filter((_, i) => !found[i]);
  };

  let missing = await read(all);
  const fromCache = missing.length === 0;
  if (!fromCache) {
    await inTurn(`hamster-model-${id}`, stop.signal, () => report.tell('wait', 0, 0), async (waited) => {
      if (waited) missing = await read(missing); // another tab has fetched them
      await fetchFiles(missing, wanted, keep, engine, report, arriving, stop);
    });
  }
  // A database that was deleted meanwhile gets everything once more; begin
  // does nothing where it is still there.
  for (let again = true; ; again = false) {
    if (!fromCache) await keep.begin(record);
    const lost = await keep.complete(id);
    if (lost.length === 0 || !again) break;
    for (const { path, sha256 } of all) {
      const bytes = arriving.arrived.get(path);
      if (bytes && lost.includes(sha256)) await keep.put(id, sha256, bytes);
    }
  }
  return fromCache ? 'cache' : 'network';
}

/**
 * Fetches files, some at a time, and keeps each as soon as it is whole.
 *
 * @param {PackedFile[]} missing
 * @param {Wanted} wanted
 * @param {Keep} keep
 * @param {Engine} engine
 * @param {Report} report
 * @param {Arriving} arriving
 * @param {AbortController} stop
 */
async function fetchFiles(missing, { id, base }, keep, engine, report, arriving, stop) {
  const parts = missing.map(({ compressed }) => ({ done: 0, total: compressed }));
  const tell = () => report.bytes(parts.reduce((sum, { done }) => sum + done, 0), parts.reduce((sum, { total }) => sum + total, 0));
  tell();
  const fetchOne = async (/** @type {number} */ i) => {
    const { path, size, sha256 } = missing[i];
    const url = new URL(path, base).href;
    for (const again of [false, true]) {
      const bytes = await fetchWhole(url, {
        size, codes: modelCodes, signal: stop.signal,
        // What is kept here need not be in the browser's cache as well, where
        // nobody could remove it.
        cache: again ? 'reload' : keep.reason ? 'default' : 'no-store',
        onBytes: (done, total) => {
          parts[i] = { done, total };
          tell();
        },
      });
      if (await hash(bytes, engine) === sha256) {
        arriving.give(path, bytes);
        await keep.put(id, sha256, bytes);
        return;
      }
      // Once more past every cache: one of them may hold what is damaged.
    }
    throw new HamsterError('model-damaged', `${url} is not the file that the manifest names`, { url, total: size });
  };
  let next = 0;
  const lane = async () => {
    while (next < missing.length) await fetchOne(next++);
  };
  const lanes = Array.from({ length: parallel }, lane);
  try {
    await Promise.all(lanes);
  } catch (error) {
    stop.abort(error);
    await Promise.allSettled(lanes); // what was whole is kept
    throw error;
  }
}

/**
 * Runs work while no other tab does the same. Where there are no locks, or none
 * for this page, each works for itself.
 *
 * @param {string} name
 * @param {AbortSignal} signal ends the waiting, and should end the work
 * @param {() => void} onwait
 * @param {(waited: boolean) => Promise<void>} work
 */
async function inTurn(name, signal, onwait, work) {
  if (!navigator.locks) return work(false);
  let begun = false;
  const begin = (/** @type {boolean} */ waited) => {
    begun = true;
    return work(waited);
  };
  try {
    const free = await navigator.locks.request(name, { ifAvailable: true }, async (lock) => {
      if (lock) await begin(false);
      return lock !== null;
    });
    if (free) return;
    onwait();
    await navigator.locks.request(name, { signal }, () => begin(true));
  } catch (error) {
    if (begun) throw error;
    await work(false); // a sandboxed page is refused; what was stopped is so once more
  }
}

/**
 * The store, which may fail at any time and then is left alone: the model is
 * served from memory, and `reason` says why.
 */
class Keep {
  #store;
  /** @type {Kept['reason']} */
  reason = '';

  /** @param {import('./engine.js').Store} store */
  constructor(store) {
    this.#store = store;
  }

  /**
   * @template T
   * @param {() => Promise<T>} ask
   * @param {T} otherwise
   */
  async #ask(ask, otherwise) {
    if (this.reason) return otherwise;
    try {
      return await ask();
    } catch (thrown) {
      const { code } = HamsterError.from(thrown);
      this.reason = code.startsWith('store-') ? /** @type {Kept['reason']} */ (code) : 'store-failed';
      return otherwise;
    }
  }

  /** @param {string} url */
  find(url) {
    return this.#ask(() => this.#store.find(url), null);
  }

  /** @param {object} record */
  begin(record) {
    return this.#ask(() => this.#store.begin(record), undefined);
  }

  /** @param {string} sha256 */
  get(sha256) {
    return this.#ask(() => this.#store.get(sha256), null);
  }

  /**
   * @param {string} id
   * @param {string} sha256
   * @param {Uint8Array<ArrayBuffer>} bytes
   */
  put(id, sha256, bytes) {
    return this.#ask(() => this.#store.put(id, sha256, bytes), undefined);
  }

  /** @param {string} id */
  complete(id) {
    return this.#ask(() => this.#store.complete(id), /** @type {string[]} */ ([]));
  }
}
