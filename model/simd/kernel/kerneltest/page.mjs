// The worker in which a Chromium host runs a case.
import { runCase } from './case.mjs';

const idle = [];
async function startWorker(message) {
  const worker = idle.pop() ?? new Worker('/worker.mjs', { type: 'module' });
  const next = () =>
    new Promise((resolve, reject) => {
      worker.onmessage = (e) => resolve(e.data);
      worker.onerror = (e) => reject(new Error(e.message));
    });
  const ready = next();
  worker.postMessage(message);
  await ready;
  return {
    run(program) {
      const reply = next();
      worker.postMessage({ program });
      return reply;
    },
    release: () => idle.push(worker),
  };
}

self.onmessage = async ({ data: head }) => {
  try {
    const [wasm, image] = await Promise.all(
      ['/wasm', '/image'].map(async (url) => new Uint8Array(await (await fetch(url)).arrayBuffer())),
    );
    const { results, memory } = await runCase(wasm, image, head, startWorker);
    await fetch('/', { method: 'POST', body: memory });
    self.postMessage({ results });
  } catch (e) {
    self.postMessage({ error: String(e?.message ?? e) });
  }
};
