// Packed models as others see them: onnxruntime reads the folder that `hamster
// model pack` writes as it stands, and gives what it gives for the model itself;
// Node's own zlib and SHA-256 agree with the manifest.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync } from 'node:zlib';
import ort from 'onnxruntime-node';

const SHARD = 8 * 1024 * 1024; // bytes at the most
const root = fileURLToPath(new URL('../../', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'hamster-pack-'));
const hamster = join(dir, 'hamster');
const packed = join(dir, 'packed');
const go = { cwd: root, stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' };
let model = '';

before(() => {
  execFileSync('go', ['build', '-o', hamster, './tools/hamster'], go);
  model = process.env.HAMSTER_MODEL
    ?? execFileSync(hamster, ['model', 'get', '--from', 'npm'], go).trim().split('\n').at(-1);
  // The quality changes nothing but the size of the streams.
  execFileSync(hamster, ['model', 'pack', model, '-o', packed, '--quality', '5'], go);
});
after(() => rmSync(dir, { recursive: true }));

const read = (name) => readFileSync(join(packed, name));
const manifest = () => JSON.parse(read('model.json').toString('utf8'));

test('onnxruntime reads the packed folder and gives the same', async (t) => {
  const input = new ort.Tensor('float32', Float32Array.from({ length: 3 * 299 * 299 }, (_, i) => Math.sin(0.001 * i) * 0.9), [1, 3, 299, 299]);
  const answers = [];
  for (const path of [model, join(packed, 'graph.onnx')]) {
    const session = await ort.InferenceSession.create(path);
    const outputs = await session.run({ [session.inputNames[0]]: input });
    answers.push(outputs[session.outputNames[0]].data);
    await session.release();
  }
  const [want, got] = answers;
  const worst = Math.max(...Array.from(want, (w, i) => Math.abs(w - got[i])));
  t.diagnostic(`largest difference: ${worst.toExponential(1)}`);
  assert.equal(got.length, want.length);
  assert.ok(worst <= 1e-6, `got ${got}, want ${want}`);
});

test('the graph without its shards is refused by onnxruntime, so the weights are in them', async () => {
  const alone = mkdtempSync(join(dir, 'alone-'));
  execFileSync('cp', [join(packed, 'graph.onnx'), alone]);
  await assert.rejects(ort.InferenceSession.create(join(alone, 'graph.onnx')));
});

test('the manifest is right about every file, and every file has its stream', (t) => {
  const { graph, shards, size, compressed, labels } = manifest();
  assert.equal(graph.path, 'graph.onnx');
  for (const file of [graph, ...shards]) {
    const plain = read(file.path);
    const stream = read(`${file.path}.br`);
    assert.equal(plain.length, file.size);
    assert.equal(stream.length, file.compressed);
    assert.equal(createHash('sha256').update(plain).digest('hex'), file.sha256);
    assert.ok(brotliDecompressSync(stream).equals(plain), `${file.path}.br is another file`);
  }
  for (const shard of shards) {
    assert.equal(shard.path, `${shard.sha256.slice(0, 32)}.bin`);
    assert.ok(shard.size <= SHARD, `${shard.path} has ${shard.size} bytes`);
  }
  assert.ok(brotliDecompressSync(read('model.json.br')).equals(read('model.json')));
  const sum = (key) => [graph, ...shards].reduce((all, file) => all + file[key], 0);
  assert.deepEqual([size, compressed], [sum('size'), sum('compressed')]);
  assert.equal(labels.length, 5);
  assert.equal(readdirSync(packed).length, 2 * (shards.length + 2));
  t.diagnostic(`${size} bytes in ${shards.length} shards, ${compressed} compressed`);
});
