// onnxruntime-web as pages use it for photos: a canvas resizes, a loop makes the
// tensor, and the library's own proxy keeps the work off the page's thread.

const DIST = '/npm/onnxruntime-web/dist/';

/** @type {import('../reading.mjs').Start} */
export async function start({ threads, model, width, height, scale, offset }) {
  const fetched = fetch(model).then((response) => response.arrayBuffer());
  const ort = await import(`${DIST}ort.wasm.min.mjs`);
  ort.env.wasm.wasmPaths = new URL(DIST, location.href).href;
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.proxy = true;
  const session = await ort.InferenceSession.create(new Uint8Array(await fetched), { executionProviders: ['wasm'] });
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error('the browser gives no canvas');
  return {
    backend: `wasm, ${ort.env.wasm.numThreads} thread(s)`,
    async classify(source) {
      const image = source instanceof Blob ? await createImageBitmap(source) : source;
      context.drawImage(image, 0, 0, width, height);
      if (image instanceof ImageBitmap) image.close();
      const { data } = context.getImageData(0, 0, width, height);
      const pixels = width * height;
      const x = new Float32Array(3 * pixels);
      for (let i = 0; i < pixels; i++) {
        for (let channel = 0; channel < 3; channel++) x[channel * pixels + i] = data[4 * i + channel] / scale + offset;
      }
      const output = await session.run({ [session.inputNames[0]]: new ort.Tensor('float32', x, [1, 3, height, width]) });
      return output[session.outputNames[0]].data;
    },
  };
}
