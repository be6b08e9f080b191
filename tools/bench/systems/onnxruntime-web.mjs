// onnxruntime-web as its documentation has it used in a worker: the build with
// the backend that is asked for alone, and default session options.

const DIST = '/npm/onnxruntime-web/dist/';

/** @type {import('../worker.mjs').Start} */
export async function start({ threads, backend = 'wasm' }) {
  const ort = await import(`${DIST}ort.${backend}.min.mjs`);
  ort.env.wasm.wasmPaths = new URL(DIST, location.href).href;
  ort.env.wasm.numThreads = threads;
  return {
    async load(bytes, shape) {
      const session = await ort.InferenceSession.create(bytes, { executionProviders: [backend] });
      const [output] = session.outputNames;
      /** @type {Record<string, unknown>} */
      let feeds = {};
      return {
        // It falls back to one thread in silence, and then says 1 here.
        backend: `${backend}, ${ort.env.wasm.numThreads} thread(s)`,
        set: (x) => {
          feeds = { [session.inputNames[0]]: new ort.Tensor('float32', x, shape) };
        },
        run: async () => (await session.run(feeds))[output].data,
      };
    },
  };
}
