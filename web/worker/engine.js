/**
 * The Go program (wasm/): fetched, started, and called.
 */

import { HamsterError } from '../shared/errors.js';
import { addresses } from './addresses.js';
import { asResponse, chunks, open, silence } from './download.js';
import { persistently } from './retry.js';

/**
 * @import { Classification, ExplainProgress, Heatmap, KeptModel, Method, ModelInfo, Mode } from '../shared/protocol.js'
 * @import { OnBytes } from './download.js'
 * @import { Picture } from './decode.js'
 * @import { ModelSource } from './model.js'
 */

/**
 * What package packed says of a manifest; sizes in bytes.
 *
 * @typedef {{ path: string, size: number, sha256: string, compressed: number }} PackedFile
 * @typedef {{ name?: string, version?: string, size: number, compressed: number, graph: PackedFile, shards: PackedFile[] }} Manifest
 *
 * What package store keeps.
 * @typedef {KeptModel & { url: string, base: string, manifest: string }} StoredModel
 *
 * What the program says of a model; `packing` is in milliseconds.
 * @typedef {Omit<ModelInfo, 'kept' | 'stages'> & { packing: number }} Loaded
 *
 * Package store.
 * @typedef {{
 *   find: (url: string) => Promise<StoredModel | null>,
 *   list: () => Promise<StoredModel[]>,
 *   begin: (model: object) => Promise<void>,
 *   get: (sha256: string) => Promise<Uint8Array<ArrayBuffer> | null>,
 *   put: (id: string, sha256: string, bytes: Uint8Array<ArrayBuffer>) => Promise<void>,
 *   getSnapshot: (id: string, build: string) => Promise<Uint8Array<ArrayBuffer> | null>,
 *   putSnapshot: (id: string, build: string, bytes: Uint8Array<ArrayBuffer>) => Promise<void>,
 *   complete: (id: string) => Promise<string[]>,
 *   remove: (id: string) => Promise<void> }} Store
 */

/**
 * `build` tells this program from every other, and is empty where nobody knows.
 * `stopped` is kept when the program has ended, which it never should. `practise`
 * tells whether there is more to practise. `snapshot` is what the next `load` of the
 * same model takes, once, where `remember` asked for it and there is something new.
 * `explain`
 * without a picture is about the one that was classified last; it goes on while
 * `tick` is kept with true.
 *
 * @typedef {{
 *   build: string,
 *   load: (source: ModelSource, options: { backend: string, threads: number, labels: string, remember: boolean },
 *     snapshot: Uint8Array<ArrayBuffer> | null) => Promise<Loaded>,
 *   snapshot: () => Promise<Uint8Array<ArrayBuffer> | null>,
 *   classify: (picture: Picture, mode: Mode, top: number) => Promise<Omit<Classification, 'run'>>,
 *   explain: (picture: Picture | null, request: { mode: Mode, index: number, method: Method | '', cells: number },
 *     tick: (progress: Omit<ExplainProgress, 'stage'>) => Promise<boolean>) => Promise<Omit<Heatmap, 'took'>>,
 *   practise: () => Promise<boolean>,
 *   describe: (manifest: string) => Promise<Manifest>,
 *   sha256: (bytes: Uint8Array<ArrayBuffer>) => Promise<string>,
 *   store: Store,
 *   stopped: Promise<HamsterError> }} Engine
 */

const maxProgramBytes = 256 * 1024 * 1024;

/** @type {import('./download.js').Codes} */
const codes = {
  missing: 'engine-missing',
  unreachable: 'engine-missing',
  html: 'engine-missing',
  truncated: 'engine-missing',
  tooLarge: 'engine-missing',
};

/**
 * Fetches and compiles the program.
 *
 * @param {string} url
 * @param {OnBytes} onBytes
 * @returns {Promise<WebAssembly.Module>}
 */
export async function compile(url, onBytes) {
  if (typeof WebAssembly !== 'object') {
    throw new HamsterError('engine-unsupported', 'this browser runs no WebAssembly');
  }
  return persistently(() => compileOnce(url, onBytes));
}

/**
 * @param {string} url
 * @param {OnBytes} onBytes
 */
async function compileOnce(url, onBytes) {
  const download = await open(url, { codes, onBytes, maxBytes: maxProgramBytes });
  try {
    return await (isWebAssembly(download.response) ? compileAsFetched(download) : compileAsCopied(download));
  } catch (cause) {
    if (cause instanceof HamsterError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new HamsterError('engine-missing', `${url} does not compile: ${why}`, { url });
  }
}

/** @param {Response} response */
function isWebAssembly(response) {
  return /^application\/wasm$/i.test(response.headers.get('Content-Type') ?? '');
}

/**
 * Compiles the very response that was fetched: with it, and no other, a browser
 * keeps what it compiled, and the next start takes half the time. A copy
 * tells how far it is, and what is wrong where something is.
 *
 * @param {import('./download.js').Download} download
 * @returns {Promise<WebAssembly.Module>}
 */
async function compileAsFetched(download) {
  const watched = drain(chunks({ ...download, response: download.response.clone() }));
  watched.catch(() => {}); // looked at where compiling fails
  try {
    return await WebAssembly.compileStreaming(download.response);
  } catch (cause) {
    await watched;
    throw cause;
  }
}

/**
 * @param {import('./download.js').Download} download
 * @returns {Promise<WebAssembly.Module>}
 */
async function compileAsCopied(download) {
  /** @type {unknown} */
  let failure = null;
  const copy = asResponse(download, 'application/wasm', (error) => {
    failure = error;
  });
  try {
    return await WebAssembly.compileStreaming(copy);
  } catch (cause) {
    throw failure ?? cause;
  }
}

/** @param {AsyncIterable<unknown>} stream */
async function drain(stream) {
  for await (const _ of stream);
}

/** How often the runtime was asked for in vain. */
let vain = 0;

/** Loads the classic script that sets globalThis.Go. */
async function loadRuntime() {
  const url = addresses.runtime;
  let timer = 0;
  const stalled = new Promise((_, reject) => {
    timer = setTimeout(reject, silence);
  });
  try {
    // A worker remembers what does not load, and waits for ever for what stalls; under
    // another fragment it is asked for anew.
    await Promise.race([import(vain > 0 ? `${url}#${vain}` : url), stalled]);
  } catch {
    vain++;
    throw new HamsterError('engine-missing', `${url} does not load`, { url });
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The build ID that Go's linker leaves in a program: a hash of all that it was made of.
 *
 * @param {WebAssembly.Module} module
 */
function buildOf(module) {
  const [section] = WebAssembly.Module.customSections(module, 'go:buildid');
  return section ? /"([^"]+)"/.exec(new TextDecoder().decode(section))?.[1] ?? '' : '';
}

/**
 * Starts the program.
 *
 * @param {WebAssembly.Module} module
 * @returns {Promise<Engine>}
 */
export async function start(module) {
  await loadRuntime();
  const go = new Go();
  let status = 0;
  go.exit = (code) => {
    status = code;
  };
  const instance = await WebAssembly.instantiate(module, go.importObject);
  /** @type {Promise<HamsterProgram>} */
  const ready = new Promise((resolve) => {
    globalThis.hamsterReady = resolve;
  });
  const stopped = go.run(instance).then(
    () => new HamsterError('engine-stopped', `the Go program ended with status ${status}`),
    (cause) => new HamsterError('engine-stopped', `the Go program broke down: ${cause}`),
  );
  const program = await Promise.race([ready, stopped]);
  if (program instanceof HamsterError) throw program;
  /**
   * @template T
   * @param {() => Promise<T>} call
   */
  const called = async (call) => {
    try {
      return await call();
    } catch (thrown) {
      // A call in which the program dies ends in whatever JavaScript trips over.
      throw go.exited ? await stopped : thrown;
    }
  };
  /** @param {() => Promise<string>} call */
  const parsed = async (call) => JSON.parse(await called(call));
  const { store } = program;
  return {
    build: buildOf(module),
    load: (source, options, snapshot) =>
      parsed(() => program.load(source, JSON.stringify({ ...options, threadURL: addresses.thread }), snapshot)),
    snapshot: () => called(() => program.snapshot()),
    practise: () => parsed(() => program.practise()),
    describe: (manifest) => parsed(() => program.describe(manifest)),
    sha256: (bytes) => parsed(() => program.sha256(bytes)),
    store: {
      find: (url) => parsed(() => store.find(url)),
      list: () => parsed(() => store.list()),
      begin: (model) => parsed(() => store.begin(JSON.stringify(model))),
      get: (sha256) => called(() => store.get(sha256)),
      put: (id, sha256, bytes) => parsed(() => store.put(id, sha256, bytes)),
      getSnapshot: (id, build) => called(() => store.getSnapshot(id, build)),
      putSnapshot: (id, build, bytes) => parsed(() => store.putSnapshot(id, build, bytes)),
      complete: (id) => parsed(() => store.complete(id)),
      remove: (id) => parsed(() => store.remove(id)),
    },
    classify: ({ width, height, read }, mode, top) =>
      parsed(() => program.classify(JSON.stringify({ width, height, mode, top }), read)),
    explain: (picture, request, tick) => {
      const { width = 0, height = 0, read = null } = picture ?? {};
      const full = JSON.stringify({ ...request, width, height, last: !picture });
      return parsed(() => program.explain(full, read, (progress) => tick(JSON.parse(progress))));
    },
    stopped,
  };
}
