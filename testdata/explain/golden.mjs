// Writes goldens.json: what Grad-CAM shows of known photos, by other means.
//
// Pillow prepares the photos, TensorFlow.js runs the original network of nsfwjs
// up to its last feature map, and the head is then computed here, in float64.
// The derivatives are central differences: no gradient is derived.
//
//     node testdata/explain/golden.mjs "$(go run ./tools/hamster model get --from npm)"
//
// It takes what `make test` installs: the packages of tools/npm, Debian's
// python3-pil, and the tarball that `model get` leaves in the cache.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(join(here, '../../tools/npm/package.json'));
const tf = require('@tensorflow/tfjs-core');
const layers = require('@tensorflow/tfjs-layers');
require('@tensorflow/tfjs-backend-wasm');

const side = 299;
const photos = ['chelsea.png', 'astronaut.png'];

/** Nearest-neighbour sampling and byte / 255: the mode "keras" with the model's scale. */
function tensor(photo) {
  const program = 'import sys; from PIL import Image; '
    + `sys.stdout.buffer.write(Image.open(sys.argv[1]).convert("RGB").resize((${side}, ${side}), Image.NEAREST).tobytes())`;
  const bytes = execFileSync('/usr/bin/python3', ['-c', program, join(here, '../photos', photo)], { maxBuffer: 1 << 24 });
  return tf.tensor(Float32Array.from(bytes, (byte) => Math.fround(byte / 255)), [1, side, side, 3]);
}

/** @param {string} tarball */
async function loadOriginal(tarball) {
  const dir = mkdtempSync(join(tmpdir(), 'hamster-explain-'));
  try {
    execFileSync('tar', ['-xzf', tarball, '-C', dir, 'package/dist/models/inception_v3']);
    const load = (name) => require(join(dir, 'package/dist/models/inception_v3', `${name}.min.js`));
    const { modelTopology, weightsManifest: [{ paths, weights }] } = load('model');
    const data = Buffer.concat(paths.map((path) => Buffer.from(load(path), 'base64')));
    const weightData = data.buffer.slice(data.byteOffset, data.byteOffset + data.length);
    return await layers.loadLayersModel({ load: async () => ({ modelTopology, weightSpecs: weights, weightData }) });
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** Dense layers as float64, in their order: weights in rows of inputs, and biases. */
const denseOf = (model) => model.layers.filter((layer) => layer.getClassName() === 'Dense').map((layer) => {
  const [kernel, bias] = layer.getWeights();
  const activation = layer.getConfig().activation;
  return { inputs: kernel.shape[0], outputs: kernel.shape[1], kernel: Float64Array.from(kernel.dataSync()), bias: Float64Array.from(bias.dataSync()), relu: activation === 'relu' };
});

/** The head before its softmax. */
function scores(dense, x) {
  for (const { inputs, outputs, kernel, bias, relu } of dense) {
    const y = bias.slice();
    for (let i = 0; i < inputs; i++) {
      if (x[i] === 0) continue;
      for (let o = 0; o < outputs; o++) y[o] += x[i] * kernel[i * outputs + o];
    }
    x = relu ? y.map((v) => Math.max(v, 0)) : y;
  }
  return x;
}

await tf.setBackend('wasm');
const model = await loadOriginal(join(dirname(process.argv[2]), '../npm/nsfwjs-4.4.0.tgz'));
// Its last pool is as large as the feature map.
const pool = model.layers.findLast((layer) => layer.getClassName() === 'AveragePooling2D');
if (String(pool.output.shape.slice(1, 3)) !== '1,1') throw new Error(`the last pool gives ${pool.output.shape}`);
const body = layers.model({ inputs: model.inputs, outputs: pool.input });
const dense = denseOf(model);
const step = 1e-4;

const maps = [];
for (const photo of photos) {
  const feature = body.predict(tensor(photo));
  const [, height, width, channels] = feature.shape;
  const a = feature.dataSync(); // pixels, and in them channels
  const mean = new Float64Array(channels);
  for (let i = 0; i < a.length; i++) mean[i % channels] += a[i] / (height * width);
  /** Of each class, the derivatives by each channel. */
  const gradients = Array.from({ length: dense.at(-1).outputs }, () => new Float64Array(channels));
  for (let k = 0; k < channels; k++) {
    const at = (by) => scores(dense, mean.with(k, mean[k] + by));
    const [below, above] = [at(-step), at(step)];
    gradients.forEach((gradient, c) => {
      gradient[k] = (above[c] - below[c]) / (2 * step);
    });
  }
  const classes = gradients.map((gradient) => {
    const sum = new Float64Array(height * width);
    for (let i = 0; i < a.length; i++) sum[Math.floor(i / channels)] += gradient[i % channels] * a[i];
    const most = Math.max(...sum);
    return Array.from(sum, (v) => (most > 0 ? Number((Math.max(v, 0) / most).toFixed(6)) : 0));
  });
  maps.push({ photo, mode: 'keras', width, height, scores: Array.from(scores(dense, mean), (v) => Number(v.toFixed(6))), classes });
}
const note = `written by golden.mjs with TensorFlow.js ${tf.version_core}`;
writeFileSync(join(here, 'goldens.json'), `{"note": ${JSON.stringify(note)}, "maps": [\n${maps.map((map) => JSON.stringify(map)).join(',\n')}\n]}\n`);
