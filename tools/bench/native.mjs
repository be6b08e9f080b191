// onnxruntime on the machine itself: what a browser's engine cannot pass. It gets
// a job of page.mjs as its argument and answers as worker.mjs does, on stdout.

import { createRequire } from 'node:module';
import { wave } from './input.mjs';
import { repeat, timed } from './timing.mjs';

const { model, shape, options, settle, measure } = JSON.parse(process.argv[2]);
const response = await fetch(model);
if (!response.ok) throw new Error(`${model}: status ${response.status}`);
const bytes = new Uint8Array(await response.arrayBuffer());

/** @type {Record<string, number>} */
const stages = {};
const ort = await timed(stages, 'start', async () => createRequire(new URL('../npm/package.json', import.meta.url))('onnxruntime-node'));
const session = await timed(stages, 'load', () => ort.InferenceSession.create(bytes, { intraOpNumThreads: options.threads }));
const feeds = { [session.inputNames[0]]: new ort.Tensor('float32', wave(shape), shape) };
const run = async () => (await session.run(feeds))[session.outputNames[0]].data;
const output = await timed(stages, 'first', run);
await repeat(run, settle);
const times = measure.runs > 0 ? await repeat(run, measure) : [];
process.stdout.write(JSON.stringify({ output: Array.from(output), backend: `cpu, ${options.threads} thread(s)`, stages, times }));
