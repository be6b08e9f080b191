// nsfwjs as its documentation has it used by those who bundle: the WebAssembly
// backend pinned, the model that comes with the package, on the page's own
// thread. Package bench bundles this file with the packages.

import * as tf from '@tensorflow/tfjs';
import { getThreadsCount, setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { load } from 'nsfwjs/core';
import { InceptionV3Model } from 'nsfwjs/models/inception_v3';

/** @type {import('../reading.mjs').Start} */
export async function start({ threads, labels }) {
  setWasmPaths(new URL('/npm/@tensorflow/tfjs-backend-wasm/dist/', location.href).href);
  setThreadsCount(threads);
  await tf.setBackend('wasm');
  await tf.ready();
  const model = await load('InceptionV3', { size: 299, modelDefinitions: [InceptionV3Model] });
  return {
    backend: `${tf.getBackend()}, ${getThreadsCount()} thread(s)`,
    async classify(source) {
      const element = source instanceof Blob ? await picture(source) : source;
      const predictions = await model.classify(element);
      return labels.map((label) => predictions.find(({ className }) => className === label)?.probability ?? 0);
    },
  };
}

/** @param {Blob} blob */
async function picture(blob) {
  const image = new Image();
  image.src = URL.createObjectURL(blob);
  try {
    await image.decode();
  } finally {
    URL.revokeObjectURL(image.src);
  }
  return image;
}
