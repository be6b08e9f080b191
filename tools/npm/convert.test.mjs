// Converted models against what others make of the same files: onnxruntime
// runs the ONNX; TensorFlow.js and numpy have run, or run here, the original.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import * as layers from '@tensorflow/tfjs-layers';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import ort from 'onnxruntime-node';

const TOLERANCE = 1e-5; // of probabilities, largest absolute difference
const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL('../../', import.meta.url));
const inception = join(root, 'tools/internal/inception/testdata');
const dir = mkdtempSync(join(tmpdir(), 'hamster-convert-'));
const hamster = join(dir, 'hamster');

before(() => execFileSync('go', ['build', '-o', hamster, './tools/hamster'], { cwd: root, stdio: 'inherit' }));
after(() => rmSync(dir, { recursive: true }));

const convert = (source, target, ...flags) =>
  execFileSync(hamster, ['model', 'convert', source, '-o', target, ...flags], { encoding: 'utf8' });

/** The flat NCHW array that the reference figures are for. */
const wave = (length) => Float32Array.from({ length }, (_, i) => Math.sin(0.001 * i) * 0.9);

const runONNX = async (path, data, dims) => {
  const session = await ort.InferenceSession.create(path);
  const { output } = await session.run({ input: new ort.Tensor('float32', data, dims) });
  await session.release();
  return output.data;
};

const runTFJS = (model, data, dims) => tf.tidy(() =>
  model.predict(tf.transpose(tf.tensor(data, dims), [0, 2, 3, 1])).dataSync());

const assertClose = (t, got, want, what) => {
  assert.equal(got.length, want.length);
  const worst = Math.max(...Array.from(want, (w, i) => Math.abs(got[i] - w)));
  t.diagnostic(`largest difference to ${what}: ${worst.toExponential(1)}`);
  assert.ok(worst <= TOLERANCE, `${worst} from ${what}: got ${got}, want ${want}`);
};

/** The layers model of nsfwjs, loaded by TensorFlow.js itself from its tarball. */
const loadOriginal = async (tarball) => {
  execFileSync('tar', ['-xzf', tarball, '-C', dir, 'package/dist/models/inception_v3']);
  const load = (name) => require(join(dir, 'package/dist/models/inception_v3', `${name}.min.js`));
  const { modelTopology, weightsManifest: [{ paths, weights }] } = load('model');
  const data = Buffer.concat(paths.map((path) => Buffer.from(load(path), 'base64')));
  const weightData = data.buffer.slice(data.byteOffset, data.byteOffset + data.length);
  return layers.loadLayersModel({ load: async () => ({ modelTopology, weightSpecs: weights, weightData }) });
};

test('the model of nsfwjs answers as in TensorFlow.js', async (t) => {
  const got = execFileSync(hamster, ['model', 'get', '--from', 'npm'], { encoding: 'utf8' }).trim();
  const path = process.env.HAMSTER_MODEL ?? got;
  const dims = [1, 3, 299, 299];
  const answer = await runONNX(path, wave(3 * 299 * 299), dims);
  assertClose(t, answer, [0.0552446, 0.0042114, 0.9368434, 0.0031503, 0.0005502], 'the reference figures');
  await tf.setBackend('wasm');
  const original = await loadOriginal(join(dirname(got), '../npm/nsfwjs-4.4.0.tgz'));
  assertClose(t, answer, runTFJS(original, wave(3 * 299 * 299), dims), 'TensorFlow.js');
});

test('every layer class that we convert answers as in TensorFlow.js', async (t) => {
  // The wasm backend gets the first convolution (uneven strides and padding)
  // wrong; the cpu backend is slow, and here that does not matter.
  await tf.setBackend('cpu');
  const { model, dims } = smallModel();
  const source = join(dir, 'model.json');
  await model.save({
    async save({ modelTopology, weightSpecs, weightData }) {
      writeFileSync(join(dir, 'weights.bin'), new Uint8Array(weightData));
      writeFileSync(source, JSON.stringify({
        modelTopology, weightsManifest: [{ paths: ['weights.bin'], weights: weightSpecs }],
      }));
      return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
    },
  });
  const target = join(dir, 'small.onnx');
  convert(source, target);
  const data = wave(dims.reduce((a, b) => a * b)).map((v, i) => (i % 7) / 3 - v);
  assertClose(t, await runONNX(target, data, dims), runTFJS(model, data, dims), 'TensorFlow.js');
});

/** A model with odd sizes, so that padding is uneven and axes cannot be mixed up. */
const smallModel = () => {
  const l = layers.layers;
  const input = layers.input({ shape: [23, 18, 3] });
  const stem = l.conv2d({
    filters: 5, kernelSize: [3, 2], strides: [2, 3], padding: 'same', activation: 'relu',
  }).apply(input);
  const normal = l.batchNormalization({ epsilon: 0.01 }).apply(stem);
  const plain = l.batchNormalization({ scale: false, center: false }).apply(stem);
  const wide = l.conv2d({ filters: 4, kernelSize: 3, dilationRate: 2, padding: 'same', useBias: false }).apply(normal);
  const most = l.maxPooling2d({ poolSize: [3, 2], strides: [1, 1], padding: 'same' }).apply(normal);
  const mean = l.averagePooling2d({ poolSize: [4, 3], strides: [1, 1], padding: 'same' }).apply(plain);
  const joined = l.concatenate().apply([
    l.activation({ activation: 'tanh' }).apply(wide), most, l.activation({ activation: 'sigmoid' }).apply(mean),
  ]);
  const smaller = l.averagePooling2d({ poolSize: 2, strides: [3, 2] }).apply(l.dropout({ rate: 0.5 }).apply(joined));
  const flat = l.dense({ units: 7, activation: 'linear' }).apply(l.flatten().apply(smaller));
  const pooled = l.dense({ units: 6, useBias: false, activation: 'relu' })
    .apply(l.globalAveragePooling2d({}).apply(joined));
  const scores = l.dense({ units: 5, activation: 'softmax' }).apply(l.concatenate().apply([flat, pooled]));
  const model = layers.model({ inputs: input, outputs: scores });
  // Fresh models have means of 0 and variances of 1, which would hide mistakes.
  let seed = 1;
  const random = () => (seed = (seed * 48271) % 0x7fffffff) / 0x7fffffff;
  model.setWeights(model.getWeights().map((w) =>
    tf.tensor(Float32Array.from({ length: w.size }, () => (w.rank === 1 ? 0.5 + random() : 0.4 * random() - 0.15)), w.shape)));
  return { model, dims: [1, 3, 23, 18] };
};

test('Keras weights answer as numpy computes', async (t) => {
  const source = join(dir, 'tiny.h5');
  writeFileSync(source, gunzipSync(readFileSync(join(inception, 'tiny.h5.gz'))));
  await compareWithNumpy(t, source, join(inception, 'tiny.json'));
});

const h5py = spawnSync('/usr/bin/python3', ['-c', 'import h5py']).status === 0;

test('Keras weights of full size answer as numpy computes', { skip: !h5py && 'Debian\'s python3-h5py is not installed' }, async (t) => {
  const [source, answer] = [join(dir, 'full.h5'), join(dir, 'full.json')];
  execFileSync('/usr/bin/python3', [join(inception, 'make.py'), '32', '1000', source, answer], { stdio: 'inherit' });
  await compareWithNumpy(t, source, answer);
});

const compareWithNumpy = async (t, source, answer) => {
  const target = `${source}.onnx`;
  convert(source, target);
  const want = JSON.parse(readFileSync(answer, 'utf8'));
  assertClose(t, await runONNX(target, wave(3 * 299 * 299), [1, 3, 299, 299]), want, 'numpy');
};
