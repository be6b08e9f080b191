// The worker in which an engine is loaded and timed. It posts twice: after the
// first prediction, and, once it is told to go on, after the timed runs.

import * as models from './models.mjs';
import { watchMemories } from './memories.mjs';
import { repeat, timed } from './timing.mjs';

/** @import { Job } from './page.mjs' */

/**
 * What a file of systems/ exports as start. All of an engine's own code is
 * fetched within start and load, where it is timed.
 *
 * @typedef {(options: Record<string, any>, model: string) => Promise<{
 *   load: (bytes: Uint8Array<ArrayBuffer>, shape: number[]) => Promise<Session> }>} Start
 *
 * A session keeps its input, so that run is nothing but an inference. It was resumed where
 * an earlier visit had compiled the model. Idle is what it
 * does of its own accord while a visitor looks at the answer.
 *
 * @typedef {{ backend: string, resumed?: boolean, set: (x: Float32Array, shape: number[]) => void, run: () => Promise<ArrayLike<number>>,
 *   idle?: () => Promise<void> }} Session
 */

/** @param {string} what */
function message(what) {
  return new Promise((resolve) => {
    addEventListener('message', ({ data }) => data === what && resolve(undefined));
  });
}

/**
 * @param {Job} job
 * @param {Float32Array} x
 */
async function work(job, x) {
  const memories = job.memory > 0 ? watchMemories() : undefined;
  /** @type {Record<string, number>} */
  const stages = {};
  /** @type {{ start: Start }} */
  const { start } = await import(`./systems/${job.system}.mjs`);
  const session = await (async () => {
    const [engine, bytes] = await Promise.all([
      timed(stages, 'start', () => start(job.options, job.model)),
      timed(stages, 'read', () => models.get(job.model)),
    ]);
    return timed(stages, 'load', () => engine.load(bytes, job.shape));
  })();
  session.set(x, job.shape);
  const output = await timed(stages, 'first', () => session.run());
  const goOn = message('go on');
  postMessage({ output: Array.from(output), backend: session.backend, resumed: !!session.resumed, stages, wasmMemory: memories?.() });
  await goOn;
  await repeat(session.run, job.settle);
  const times = job.measure.runs > 0 ? await repeat(session.run, job.measure) : [];
  postMessage({ times, wasmMemory: memories?.() });
  if (job.linger > 0) await session.idle?.();
}

addEventListener(
  'message',
  ({ data: { job, x } }) => {
    work(job, x).catch((cause) => postMessage({ error: cause?.stack ?? String(cause) }));
  },
  { once: true },
);
