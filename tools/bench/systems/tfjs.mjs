// TensorFlow.js with its WebAssembly backend, and the layers model that it was
// trained for; package bench bundles this file with the packages.

import * as tf from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import { getThreadsCount, setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm';

/** @type {import('../worker.mjs').Start} */
export async function start({ threads }) {
  setWasmPaths(new URL('/npm/@tensorflow/tfjs-backend-wasm/dist/', location.href).href);
  setThreadsCount(threads);
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', threads > 1); // else it takes the build for threads even for one
  if (!await tf.setBackend('wasm')) throw new Error('the wasm backend does not start');
  return {
    async load(bytes) {
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      const end = 4 + view.getUint32(0, true);
      const { modelTopology, weightSpecs } = JSON.parse(new TextDecoder().decode(bytes.subarray(4, end)));
      const model = await loadLayersModel({
        load: async () => ({ modelTopology, weightSpecs, weightData: bytes.slice(end).buffer }),
      });
      /** @type {tf.Tensor} */
      let input;
      return {
        backend: `${tf.getBackend()}, ${threads > 1 ? getThreadsCount() : 1} thread(s)`,
        // It keeps channels last.
        set: (x, shape) => {
          input = tf.tidy(() => tf.transpose(tf.tensor(x, shape), [0, 2, 3, 1]));
        },
        async run() {
          const output = /** @type {tf.Tensor} */ (tf.tidy(() => model.predict(input)));
          const scores = await output.data();
          output.dispose();
          return scores;
        },
      };
    },
  };
}
