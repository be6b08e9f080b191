// Hamster's Go packages, called directly (tools/bench/wasm): what is timed is
// the engine, as it is for the peers. As the page's worker does, it keeps a snapshot of
// what it has compiled when a visitor has had an answer, and finds it the next time.

import * as models from '../models.mjs';

/** @type {import('../worker.mjs').Start} */
export async function start(options, model) {
  // Each contestant compiles for itself.
  const name = `snapshot of ${model} ${JSON.stringify(options)}`;
  const kept = models.find(name);
  const compiling = WebAssembly.compileStreaming(fetch(options.backend === 'gorgonia' ? '/build/portable.wasm' : '/build/hamster.wasm'));
  await import(/** @type {string} */ ('/build/wasm_exec.js')); // a classic script: it sets globalThis.Go
  // @ts-ignore
  const go = new Go();
  const ready = new Promise((resolve) => Object.assign(globalThis, { hamsterBench: resolve }));
  const instance = await WebAssembly.instantiate(await compiling, go.importObject);
  const stopped = go.run(instance).then(() => {
    throw new Error('the Go program ended');
  });
  const program = await Promise.race([ready, stopped]);
  return {
    async load(bytes) {
      const backend = await Promise.race([program.load(bytes, options, await kept), stopped]);
      // As web/worker/worker.js does.
      const { release } = await import(/** @type {string} */ ('/web/worker/release.js'));
      release([bytes]);
      const snapshot = program.snapshot();
      return {
        backend,
        resumed: program.resumed(),
        set: (x) => program.set(new Uint8Array(x.buffer, x.byteOffset, x.byteLength)),
        run: () => program.run(),
        async idle() {
          if (snapshot) await models.put(name, new Blob([snapshot]));
          const { practise } = await import(/** @type {string} */ ('/web/worker/practice.js'));
          await practise(() => program.practise(), () => false);
        },
      };
    },
  };
}
