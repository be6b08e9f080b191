// The page of the bench. Each measurement gets a fresh one; the driver calls
// the functions of globalThis.bench and gets what they return.

import { wave } from './input.mjs';
import * as models from './models.mjs';
import { read } from './reading.mjs';

/**
 * What one engine is to do.
 *
 * @typedef {{
 *   system: string,                      // systems/<system>.mjs
 *   options: Record<string, unknown>,    // what that file's start takes
 *   model: string,                       // a name that store got
 *   shape: number[],                     // of the input
 *   settle: { runs: number, ms: number },  // after the first run, unmeasured: at least both
 *   measure: { runs: number, ms: number }, // at least both; none where runs is 0
 *   memory: number,                      // how often to measure the memory, 0 to 2
 *   linger: number,                      // ms that the worker stays when all is done
 * }} Job
 */

/**
 * Downloads models into the browser's database.
 *
 * @param {Record<string, string>} urls
 */
async function store(urls) {
  for (const [name, url] of Object.entries(urls)) {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`${url}: status ${response.status}`);
    await models.put(name, await response.blob());
  }
  return { isolated: crossOriginIsolated, cores: navigator.hardwareConcurrency, webgpu: await webgpu() };
}

/** What the WebGPU adapter calls itself; empty where there is none. */
async function webgpu() {
  /** @type {any} */
  const { gpu } = navigator;
  const adapter = await gpu?.requestAdapter();
  if (!adapter) return '';
  const { vendor, architecture, description } = adapter.info;
  return [vendor, architecture, description].filter(Boolean).join(' ') || 'unnamed';
}

/**
 * @param {Worker} worker
 * @returns {() => Promise<any>} the next message; a failure of the worker rejects
 */
function messages(worker) {
  /** @type {any[]} */
  const queue = [];
  /** @type {(() => void) | undefined} */
  let wake;
  const add = (/** @type {any} */ message) => {
    queue.push(message);
    wake?.();
  };
  worker.onmessage = ({ data }) => add(data);
  worker.onerror = (event) => add({ error: event.message || 'the worker failed' });
  worker.onmessageerror = () => add({ error: 'a message of the worker cannot be read' });
  return async () => {
    while (queue.length === 0) await new Promise((resolve) => (wake = () => resolve(undefined)));
    const message = queue.shift();
    if (message.error) throw new Error(message.error);
    return message;
  };
}

/** @returns {Promise<number>} what the browser says that this page and its workers hold */
async function memoryBytes() {
  // @ts-ignore: newer than the type checker's library
  return (await performance.measureUserAgentSpecificMemory()).bytes;
}

/**
 * Does the browser count WebAssembly memories that are not shared? Chromium
 * 156 does not.
 */
async function countsUnshared() {
  const bytes = 64 * 1024 * 1024;
  const before = await memoryBytes();
  const memory = new WebAssembly.Memory({ initial: bytes / 65536 });
  const { buffer } = memory; // only what is looked at is counted
  const counted = (await memoryBytes()) - before > bytes / 2;
  return counted && buffer.byteLength === bytes;
}

/**
 * Runs one engine in a worker of its own.
 *
 * @param {Job} job
 */
async function measure(job) {
  const x = wave(job.shape);
  const complete = job.memory > 0 && (await countsUnshared());
  /** @param {import('./memories.mjs').Held} held */
  const memory = async (held) => (await memoryBytes()) + (complete ? 0 : held.unshared);
  const begun = performance.now();
  const worker = new Worker('/bench/worker.mjs', { type: 'module' });
  const next = messages(worker);
  worker.postMessage({ job, x });
  const first = await next();
  const result = { ...first, predicted: performance.now() - begun };
  if (job.memory > 0) result.memory = [await memory(result.wasmMemory)];
  worker.postMessage('go on');
  Object.assign(result, await next());
  if (job.memory > 1) result.memory.push(await memory(result.wasmMemory));
  await new Promise((resolve) => setTimeout(resolve, job.linger));
  worker.terminate();
  return result;
}

/**
 * Times the programs of a module of kernels.
 *
 * @param {import('./kernels.mjs').Job} job
 */
async function kernels(job) {
  const worker = new Worker('/bench/kernels.mjs', { type: 'module' });
  const next = messages(worker);
  worker.postMessage(job);
  const { speeds } = await next();
  worker.terminate();
  return speeds;
}

Object.assign(globalThis, { bench: { store, measure, kernels, read } });
