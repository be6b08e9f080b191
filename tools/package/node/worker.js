/**
 * The worker of Node.js: the Go program that reads photos (tools/package/photo),
 * and a model as one WebAssembly module (docs/standalone.md).
 */

import { readFile } from 'node:fs/promises';
import { parentPort } from 'node:worker_threads';
import { HamsterError } from '../../../web/shared/errors.js';

/** @typedef {(source: any, spec: string, mode: string) => { code?: any, message?: string, data: Uint8Array, decode: number, preprocess: number }} Tensor */

const port = /** @type {import('node:worker_threads').MessagePort} */ (parentPort);

/** @type {any} */
let model = null;

/** @type {Tensor | null} */
let tensor = null;

port.on('message', async ({ id, ...request }) => {
  try {
    const value = request.type === 'load' ? await load(request.bytes) : classify(request);
    port.postMessage({ id, value });
  } catch (thrown) {
    port.postMessage({ id, error: HamsterError.from(thrown).toMessage() });
  }
});

/** @param {Uint8Array<ArrayBuffer>} bytes */
async function load(bytes) {
  let module;
  try {
    module = await WebAssembly.compile(bytes);
  } catch (cause) {
    const why = /** @type {Error} */ (cause).message;
    throw new HamsterError('model-invalid', `the model is no WebAssembly module, or one for another engine: ${why}`);
  }
  const [section] = WebAssembly.Module.customSections(module, 'hamster');
  if (!section) throw new HamsterError('model-invalid', 'the module was not written by “hamster compile”');
  const metadata = JSON.parse(new TextDecoder().decode(section));
  const { exports } = await WebAssembly.instantiate(module);
  const engine = /** @type {any} */ (exports);
  engine.init();
  const labels = JSON.parse(metadata['hamster.labels'] ?? 'null')
    ?? Array.from({ length: engine.outputLength.value }, (_, i) => ({ id: String(i), label: `class ${i}` }));
  model = { engine, labels, metadata, spec: specOf(metadata) };
  tensor ??= await startPhoto();
  const { Width: width, Height: height, Mode: mode } = model.spec;
  return {
    name: metadata['hamster.name'] ?? '', version: metadata['hamster.version'] ?? '', licence: metadata['hamster.licence'] ?? '',
    source: metadata['hamster.source'] ?? '', backend: 'standalone', mode, labels, width, height,
  };
}

/**
 * What the module's metadata says of its input, as package preprocess has it; what
 * it leaves out is as in package model.
 *
 * @param {Record<string, string>} metadata
 */
function specOf(metadata) {
  const [, width, height] = /^(\d+)x(\d+)$/.exec(metadata['hamster.input.size'] ?? '') ?? [];
  /** @param {string} key @param {number} usual */
  const perChannel = (key, usual) => {
    const values = (metadata[key] ?? String(usual)).split(',').map(Number);
    return values.length === 1 ? [values[0], values[0], values[0]] : values;
  };
  return {
    Width: Number(width ?? 0), Height: Number(height ?? 0),
    Layout: metadata['hamster.input.layout'] ?? 'NCHW', Channels: metadata['hamster.input.channels'] ?? 'RGB',
    Scale: perChannel('hamster.input.scale', 127.5), Offset: perChannel('hamster.input.offset', -1),
    Mode: metadata['hamster.preprocess'] || 'quality',
  };
}

/** @returns {Promise<Tensor>} */
async function startPhoto() {
  const global = /** @type {any} */ (globalThis);
  await import(new URL('./wasm_exec.js', import.meta.url).href); // a classic script: it sets globalThis.Go
  const go = new global.Go();
  const { instance } = await WebAssembly.instantiate(await readFile(new URL('./photo.wasm', import.meta.url)), go.importObject);
  return new Promise((resolve, reject) => {
    global.hamsterPhoto = resolve;
    go.run(instance).then(() => reject(new HamsterError('engine-stopped', 'the Go program ended')), reject);
  });
}

/** @param {{ image: any, top: number, mode: string }} request */
function classify({ image, top, mode }) {
  const { engine, labels, metadata, spec } = model;
  const input = /** @type {Tensor} */ (tensor)(image, JSON.stringify(spec), mode);
  if (input.code) throw new HamsterError(input.code, String(input.message));
  const begun = performance.now();
  const memory = new Uint8Array(engine.memory.buffer);
  if (input.data.length !== 4 * engine.inputLength.value) throw new HamsterError('model-invalid', `the model reads ${engine.inputLength.value} numbers`);
  memory.set(input.data, engine.input.value);
  if (inferred(engine) !== 0) throw new HamsterError('engine-stopped', 'the run was aborted');
  const scores = Array.from(new Float32Array(engine.memory.buffer, engine.output.value, engine.outputLength.value));
  const run = performance.now() - begun;
  const shares = metadata['hamster.output'] === 'logits' ? softmax(scores) : scores;
  const predictions = shares.map((score, index) => ({ index, ...labels[index], score })).sort((a, b) => b.score - a.score || a.index - b.index);
  return {
    predictions: top > 0 ? predictions.slice(0, top) : predictions,
    timing: { decode: input.decode, preprocess: input.preprocess, run },
    environment: { model: metadata['hamster.name'] ?? '', backend: 'standalone', mode: mode || spec.Mode },
  };
}

/** @param {{ infer: () => number }} engine */
function inferred(engine) {
  try {
    return engine.infer();
  } catch (cause) {
    throw new HamsterError('engine-stopped', `the run broke down: ${cause}`);
  }
}

/** @param {number[]} values */
function softmax(values) {
  const most = Math.max(...values);
  const powers = values.map((value) => Math.exp(value - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}
