/**
 * The Go program (wasm/): fetched, started, and called.
 */

import { HamsterError } from '../shared/errors.js';
import { asResponse, open } from './download.js';

/**
 * @import { Classification, ModelInfo, Mode } from '../shared/protocol.js'
 * @import { OnBytes } from './download.js'
 * @import { Picture } from './decode.js'
 */

/**
 * `stopped` is kept when the program has ended, which it never should.
 *
 * @typedef {{
 *   load: (bytes: Uint8Array<ArrayBuffer>, backend: string) => Promise<ModelInfo>,
 *   classify: (picture: Picture, mode: Mode, top: number) => Promise<Classification>,
 *   stopped: Promise<HamsterError> }} Engine
 */

const programURL = new URL('../../wasm/hamster.wasm', import.meta.url).href;
const runtimeURL = new URL('../../wasm/wasm_exec.js', import.meta.url).href;

const threadURL = new URL('./thread.js', import.meta.url).href;

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
 * @param {OnBytes} onBytes
 * @returns {Promise<WebAssembly.Module>}
 */
export async function compile(onBytes) {
  if (typeof WebAssembly !== 'object') {
    throw new HamsterError('engine-unsupported', 'this browser runs no WebAssembly');
  }
  const download = await open(programURL, { codes, onBytes, maxBytes: maxProgramBytes });
  try {
    return await WebAssembly.compileStreaming(asResponse(download, 'application/wasm'));
  } catch (cause) {
    if (cause instanceof HamsterError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new HamsterError('engine-missing', `${programURL} does not compile: ${why}`, { url: programURL });
  }
}

/**
 * Starts the program.
 *
 * @param {WebAssembly.Module} module
 * @returns {Promise<Engine>}
 */
export async function start(module) {
  try {
    await import(runtimeURL); // a classic script: it sets globalThis.Go
  } catch {
    throw new HamsterError('engine-missing', `${runtimeURL} does not load`, { url: runtimeURL });
  }
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
  /** @param {() => Promise<string>} call */
  const parsed = async (call) => {
    try {
      return JSON.parse(await call());
    } catch (thrown) {
      // A call in which the program dies ends in whatever JavaScript trips over.
      throw go.exited ? await stopped : thrown;
    }
  };
  return {
    load: (bytes, backend) => parsed(() => program.load(bytes, JSON.stringify({ backend, threadURL }))),
    classify: ({ width, height, rows }, mode, top) =>
      parsed(() => program.classify(JSON.stringify({ width, height, mode, top }), rows)),
    stopped,
  };
}
