// The module that `hamster compile` writes, run without any Go, against
// onnxruntime; and the example of docs/standalone.md as it stands there.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import ort from 'onnxruntime-node';

const root = fileURLToPath(new URL('../../', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'hamster-standalone-'));
const hamster = join(dir, 'hamster');
const wasm = join(dir, 'model.wasm');
let model = '';

before(() => {
  const go = { cwd: root, stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' };
  execFileSync('go', ['build', '-o', hamster, './tools/hamster'], go);
  model = execFileSync(hamster, ['model', 'get', '--from', 'npm'], go).trim().split('\n').at(-1);
  execFileSync(hamster, ['compile', model, '-o', wasm], go);
});
after(() => rmSync(dir, { recursive: true }));

test('a module runs without Go and agrees with onnxruntime on every run', async (t) => {
  const { instance: { exports } } = await WebAssembly.instantiate(readFileSync(wasm));
  assert.equal(WebAssembly.Module.imports(await WebAssembly.compile(readFileSync(wasm))).length, 0);
  exports.init();
  const at = (name) => new Float32Array(exports.memory.buffer, exports[name].value, exports[`${name}Length`].value);

  const session = await ort.InferenceSession.create(model);
  for (const step of [0.001, 0.0007]) {
    const x = Float32Array.from({ length: 3 * 299 * 299 }, (_, i) => Math.sin(step * i) * 0.9);
    at('input').set(x);
    assert.equal(exports.infer(), 0);
    const { output } = await session.run({ input: new ort.Tensor('float32', x, [1, 3, 299, 299]) });
    const worst = Math.max(...Array.from(output.data, (w, i) => Math.abs(w - at('output')[i])));
    t.diagnostic(`largest difference: ${worst.toExponential(1)}`);
    assert.ok(worst <= 1e-3, `got ${at('output')}, onnxruntime ${output.data}`);
  }
  await session.release();
});

test('the example of docs/standalone.md prints a line for each class', () => {
  const text = readFileSync(join(root, 'docs/standalone.md'), 'utf8');
  const [, example] = text.match(/```js\n(.*?)```/s);
  const script = join(dir, 'example.mjs');
  writeFileSync(script, example);
  const out = execFileSync('node', [script], { cwd: dir, encoding: 'utf8' });
  assert.match(out, /^(\w+ [01]\.\d{3}\n){5}$/);
});
