/**
 * The npm package: what is in it, and that it works from a page without a bundler,
 * from one built with Vite, and from Node.js. It is installed into an empty folder,
 * as anybody would.
 */

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { example } from './docs.mjs';
import { build, classifyNatively, launch, openPage, photos, root, serve, skip } from './harness.mjs';
import { folder } from './host.mjs';

const run = promisify(execFile);
const cat = join(photos, 'chelsea.png');
const bin = join(root, 'tools/npm/node_modules/.bin');

/** More than this is too much for a page to download, or for npm to keep. */
const budgets = { packed: 9_000_000, scripts: 250_000 };

describe('the npm package', { skip }, () => {
  /** @type {import('./harness.mjs').Build} */
  let built;
  /** @type {Awaited<ReturnType<typeof serve>>} */
  let server;
  /** @type {import('puppeteer-core').Browser} */
  let browser;
  let dir = '';
  let tarball = '';
  /** The folder that it is installed in. */
  let app = '';

  before(async () => {
    built = await build();
    server = await serve(built);
    browser = await launch();
    dir = await mkdtemp(join(tmpdir(), 'hamster-package-'));
    const made = join(dir, 'package');
    await run(built.hamster, ['package', '--site', built.site, '--out', made], { cwd: root });
    const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', dir], { cwd: made });
    tarball = join(dir, JSON.parse(stdout)[0].filename);
    app = join(dir, 'app');
    await mkdir(app);
    await writeFile(join(app, 'package.json'), '{ "name": "app", "private": true, "type": "module" }');
    await run('npm', ['install', '--offline', '--no-audit', '--no-fund', tarball], { cwd: app });
    await writeFile(join(app, 'cat.png'), await readFile(cat));
  });

  after(async () => {
    await browser?.close();
    await server?.close();
    await built?.close();
    if (dir) await rm(dir, { recursive: true, force: true });
  });

  /** Names and sizes of the files of the installed package. */
  async function files() {
    const at = join(app, 'node_modules/hamster-classifier');
    const names = (await readdir(at, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(at.length + 1));
    return Promise.all(names.map(async (name) => ({ name, size: (await stat(join(at, name))).size })));
  }

  test('it holds what it should, and nothing else', async (t) => {
    const all = await files();
    assert.deepEqual(all.map(({ name }) => name.replace(/shared-\w+/, 'shared-…')).sort(), [
      'LICENSE', 'NOTICE', 'README.md', 'custom-elements.json',
      'dist/element/define.d.ts', 'dist/element/define.js', 'dist/element/element.d.ts', 'dist/element/element.js',
      'dist/embed/frame.d.ts', 'dist/embed/frame.js',
      'dist/hamster.d.ts', 'dist/hamster.js', 'dist/hamster.wasm',
      'dist/node-worker.js', 'dist/node.d.ts', 'dist/node.js', 'dist/photo.wasm', 'dist/portable.wasm',
      ...all.map(({ name }) => name).filter((name) => name.includes('shared-')).map(() => 'dist/shared-….js'),
      'dist/wasm_exec.js', 'dist/worker.js', 'package.json',
    ].sort());
    const packed = (await stat(tarball)).size;
    const scripts = all.filter(({ name }) => name.endsWith('.js')).reduce((sum, { size }) => sum + size, 0);
    t.diagnostic(`packed ${packed}, unpacked ${all.reduce((sum, { size }) => sum + size, 0)}, scripts ${scripts} bytes`);
    assert.ok(packed < budgets.packed, `${packed} bytes packed`);
    assert.ok(scripts < budgets.scripts, `${scripts} bytes of scripts`);
  });

  test('publint finds nothing', async () => {
    const { stdout } = await run(join(bin, 'publint'), ['--strict', tarball]);
    assert.match(stdout, /All good!/);
  });

  test('are-the-types-wrong finds nothing', async () => {
    // ES modules alone: that is said, and no fault.
    const { stdout } = await run(join(bin, 'attw'), ['--profile', 'esm-only', '--format', 'json', tarball], { maxBuffer: 1 << 26 });
    const { analysis, problems } = JSON.parse(stdout);
    assert.equal(analysis.types.kind, 'included');
    assert.deepEqual(Object.values(problems ?? {}).flat().filter(({ resolutionKind }) => resolutionKind !== 'node10' && resolutionKind !== 'node16-cjs'), []);
  });

  test('its types are found and fit, from a page’s code and from Node’s', async () => {
    await writeFile(join(app, 'page.ts'), `
      import { load, HamsterError } from 'hamster-classifier';
      import { ImageClassifierElement } from 'hamster-classifier/element';
      import 'hamster-classifier/define';
      import { HamsterFrame } from 'hamster-classifier/frame';
      const classifier = await load({ model: '/models/index.json', threads: 1 });
      const { predictions } = await classifier.classify(document.querySelector('canvas')!);
      const label: string = predictions[0].label;
      const element: ImageClassifierElement | null = document.querySelector('image-classifier');
      element?.addEventListener('error', ({ detail }) => detail instanceof HamsterError && detail.code === 'closed');
      new HamsterFrame(document.querySelector('iframe')!, '/embed').classify(new Blob([label]));
    `);
    await writeFile(join(app, 'node.ts'), `
      import { load } from 'hamster-classifier';
      const classifier = await load({ model: 'model.wasm' });
      const { predictions } = await classifier.classify(new Uint8Array(3), { top: 1 });
      console.log(predictions[0].label);
      // @ts-expect-error: Node.js has no canvas
      classifier.classify(document.body);
    `);
    const common = ['--noEmit', '--strict', '--target', 'es2022', '--types', ''];
    const tsc = (/** @type {string[]} */ ...options) => run(join(bin, 'tsc'), [...common, ...options], { cwd: app })
      .catch(({ stdout }) => assert.fail(stdout));
    await tsc('--lib', 'es2022,dom,dom.iterable', '--module', 'esnext', '--moduleResolution', 'bundler', 'page.ts');
    await tsc('--lib', 'es2022,dom', '--module', 'nodenext', 'node.ts');
  });

  test('custom-elements.json says what the element’s code says', async () => {
    const { stdout } = await run('node', [join(root, 'tools/package/manifest.mjs'), '--print']);
    assert.equal(await readFile(join(app, 'node_modules/hamster-classifier/custom-elements.json'), 'utf8'), stdout, 'node tools/package/manifest.mjs writes it anew');
    const [{ declarations: [element] }] = JSON.parse(stdout).modules;
    assert.deepEqual(element.events.map((/** @type {any} */ { name }) => name).sort(), ['classify', 'error', 'progress', 'ready']);
    assert.deepEqual(element.attributes.map((/** @type {any} */ { name }) => name).sort(), ['alt', 'backend', 'explain', 'model', 'src', 'top', 'webcam']);
  });

  /** What a page of the package comes to. @param {string} url */
  async function outcome(url) {
    const opened = await openPage(browser, url);
    await opened.page.waitForFunction(() => /answered|failed/.test(document.querySelector('output')?.dataset.state ?? ''));
    const said = await opened.page.$eval('output', (output) => output.value);
    const { faults } = opened;
    await opened.close();
    return { said, faults };
  }

  const page = (/** @type {string} */ script) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>App</title><link rel="icon" href="data:,">
    <image-classifier src="/cat.png" model="/models/index.json" top="1"></image-classifier><output></output>${script}`;
  const main = (/** @type {string} */ from) => `
    import { load } from '${from}';
    import '${from === 'hamster-classifier' ? from : from.replace('hamster.js', 'element')}/define${from === 'hamster-classifier' ? '' : '.js'}';
    const output = document.querySelector('output');
    const element = document.querySelector('image-classifier');
    const shown = new Promise((resolve, reject) => {
      element.addEventListener('classify', ({ detail }) => resolve(detail.predictions[0].label));
      element.addEventListener('error', ({ detail }) => reject(detail));
    });
    try {
      const classifier = await load({ model: '/models/index.json' });
      const { predictions, environment } = await classifier.classify('/cat.png');
      output.value = [predictions[0].label, await shown, environment.backend].join('; ');
      output.dataset.state = 'answered';
    } catch (error) {
      output.value = error.code + ': ' + error.message;
      output.dataset.state = 'failed';
    }`;

  /** Each line of Content-Security-Policy that docs/csp.md gives for one's own origin, and isolation. */
  const headers = async () => ({
    'Content-Security-Policy': `${await example('csp.md', 'Hamster\'s files on your own origin', 'csp')}; img-src data:`,
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Embedder-Policy': 'require-corp',
  });

  test('a page without a bundler loads it, under the policy of docs/csp.md, with threads', async () => {
    await writeFile(join(app, 'bare.html'), page('<script type="module" src="/bare.js"></script>'));
    await writeFile(join(app, 'bare.js'), main('/node_modules/hamster-classifier/dist/hamster.js'));
    const site = await folder(app, { headers: await headers(), otherwise: server.url });
    const { said, faults } = await outcome(`${site.origin}/bare.html`);
    const native = await classifyNatively(built, cat, 'keras');
    assert.match(said, new RegExp(`^${native.predictions[0].label}; ${native.predictions[0].label}; simd, \\d+ threads`));
    assert.deepEqual(faults, []);
    await site.close();
  });

  describe('with Vite', () => {
    before(async () => {
      await writeFile(join(app, 'index.html'), page('<script type="module" src="/main.js"></script>'));
      await writeFile(join(app, 'main.js'), main('hamster-classifier'));
      await writeFile(join(app, 'vite.config.js'), `export default { optimizeDeps: { exclude: ['hamster-classifier'] }, build: { target: 'es2022' }, server: { proxy: { '/models': '${server.url}' } }, publicDir: 'public' };`);
      await mkdir(join(app, 'public'), { recursive: true });
      await writeFile(join(app, 'public/cat.png'), await readFile(cat));
    });

    test('a build works, under the policy of docs/csp.md, with threads', async () => {
      await run(join(bin, 'vite'), ['build', '--logLevel', 'warn'], { cwd: app });
      const site = await folder(join(app, 'dist'), { headers: await headers(), otherwise: server.url });
      const { said, faults } = await outcome(`${site.origin}/`);
      assert.match(said, /^(\w+); \1; simd, \d+ threads/);
      assert.deepEqual(faults, []);
      await site.close();
    });

    test('its development server works as well', async () => {
      const vite = spawn(join(bin, 'vite'), ['--port', '0', '--host', '127.0.0.1'], { cwd: app, stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NO_COLOR: '1' } });
      try {
        const url = await new Promise((resolve, reject) => {
          let text = '';
          vite.stdout.on('data', (chunk) => {
            text += chunk;
            const [address] = /http:\/\/127\.0\.0\.1:\d+\//.exec(text) ?? [];
            if (address) resolve(address);
          });
          vite.once('exit', () => reject(new Error(`vite ended: ${text}`)));
        });
        const { said, faults } = await outcome(url);
        assert.match(said, /^(\w+); \1; simd, 1 thread/);
        assert.deepEqual(faults, []);
      } finally {
        vite.removeAllListeners('exit');
        const ended = new Promise((resolve) => vite.once('exit', resolve));
        vite.kill();
        await ended;
      }
    });
  });

  describe('in Node.js', () => {
    before(async () => {
      const model = process.env.HAMSTER_MODEL ?? (await run(built.hamster, ['model', 'get'], { cwd: root })).stdout.trim().split('\n').at(-1) ?? '';
      await run(built.hamster, ['compile', model, '-o', join(app, 'model.wasm')], { cwd: root });
    });

    /** Runs a script in the folder of the app. @param {string} script */
    const node = async (script) => {
      await writeFile(join(app, 'script.js'), `import { load, Classifier, HamsterError } from 'hamster-classifier';\n${script}`);
      const { stdout } = await run('node', ['script.js'], { cwd: app });
      return JSON.parse(stdout);
    };

    test('a file gets the answer of the command line, whichever way it is given', async () => {
      const scores = await node(`
        import { readFile } from 'node:fs/promises';
        const classifier = await load({ model: 'model.wasm' });
        const bytes = await readFile('cat.png');
        const all = {};
        for (const mode of ['keras', 'quality']) all[mode] = (await classifier.classify('cat.png', { top: 0, mode })).predictions;
        const others = await Promise.all([bytes, new Blob([bytes]), new URL('cat.png', import.meta.url), bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)]
          .map(async (source) => (await classifier.classify(source, { top: 0, mode: 'keras' })).predictions));
        const { timing, environment } = await classifier.classify('cat.png');
        console.log(JSON.stringify({ all, same: others.every((other) => JSON.stringify(other) === JSON.stringify(all.keras)), timing, environment, info: classifier.info }));`);
      for (const mode of ['keras', 'quality']) {
        const native = await classifyNatively(built, cat, mode);
        const found = new Map(scores.all[mode].map((/** @type {any} */ { index, score }) => [index, score]));
        for (const { index, label, score } of native.predictions) {
          assert.ok(Math.abs(found.get(index) - score) <= 1e-3, `${mode}: ${label} is ${found.get(index)}, natively ${score}`);
        }
      }
      assert.equal(scores.same, true);
      assert.ok(scores.timing.run > 0 && scores.environment.backend === 'standalone' && scores.info.labels.length > 1);
    });

    test('errors have codes, and close ends it', async () => {
      assert.deepEqual(await node(`
        const code = (promise) => promise.then(() => 'none', (error) => (error instanceof HamsterError ? error.code : error.name));
        const classifier = await load({ model: new URL('model.wasm', import.meta.url) });
        const found = [
          await code(load({ model: 'nothing.wasm' })), await code(load({ model: 'script.js' })), await code(load()),
          await code(classifier.classify('nothing.png')), await code(classifier.classify('script.js')), await code(classifier.classify(new Uint8Array())),
          await code(classifier.classify(7)), await code(classifier.classify({ width: 2, height: 2, data: new Uint8Array(15) })),
          await code(classifier.classify('cat.png', { top: -1 })), await code(classifier.classify('cat.png', { mode: 'cubist' })),
          await code(classifier.classify('cat.png', { signal: AbortSignal.abort() })),
        ];
        const waiting = code(classifier.classify('cat.png'));
        await new Promise(setImmediate);
        classifier.close();
        found.push(await waiting, await code(classifier.classify('cat.png')));
        console.log(JSON.stringify(found));`), [
        'model-missing', 'model-invalid', 'option-invalid', 'image-unreachable', 'image-not', 'image-empty', 'source-invalid', 'source-invalid',
        'option-invalid', 'option-invalid', 'AbortError', 'closed', 'closed',
      ]);
    });

    test('a run that breaks down is told of, and the next call starts a fresh worker', async () => {
      await writeFile(join(app, 'breaking.wasm'), breaking());
      assert.deepEqual(await node(`
        const classifier = await load({ model: 'breaking.wasm' });
        const found = [];
        for (let i = 0; i < 2; i++) {
          const pixels = { width: 1, height: 1, data: new Uint8Array(4) };
          found.push(await classifier.classify(pixels).then(() => 'answered', (error) => error.code));
        }
        console.log(JSON.stringify(found));`), ['engine-stopped', 'engine-stopped']);
    });

    test('a program that forgets to close ends all the same', async () => {
      assert.equal(await node(`
        const classifier = await load({ model: 'model.wasm' });
        const { predictions } = await classifier.classify({ width: 2, height: 2, data: new Uint8ClampedArray(16).fill(128) });
        console.log(predictions.length);`), 5);
    });

    test('the element’s module can be imported where a server renders', async () => {
      assert.deepEqual(await node(`
        const { ImageClassifierElement } = await import('hamster-classifier/element');
        await import('hamster-classifier/define');
        console.log(JSON.stringify(typeof ImageClassifierElement));`), 'function');
    });
  });
});

/** A module as `hamster compile` writes them, whose first run in a worker traps; further ones would not. */
function breaking() {
  const text = (/** @type {string} */ name) => [name.length, ...Buffer.from(name)];
  const section = (/** @type {number} */ id, /** @type {number[][]} */ ...parts) => {
    const content = [parts.length, ...parts.flat()];
    return [id, content.length, ...content];
  };
  const globals = { input: 8, inputLength: 3, output: 32, outputLength: 1 };
  const trap = [0x41, 0, 0x28, 2, 0, 0x45, 0x04, 0x40, 0x41, 0, 0x41, 1, 0x36, 2, 0, 0x00, 0x0b, 0x41, 0, 0x0b];
  const named = [...text('hamster'), ...Buffer.from('{"hamster.input.size":"1x1"}')];
  return Uint8Array.from([
    0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...section(1, [0x60, 0, 0], [0x60, 0, 1, 0x7f]), // the types of init and infer
    ...section(3, [0], [1]),
    ...section(5, [0, 1]),
    ...section(6, ...Object.values(globals).map((value) => [0x7f, 0, 0x41, value, 0x0b])),
    ...section(7, [...text('memory'), 2, 0], [...text('init'), 0, 0], [...text('infer'), 0, 1],
      ...Object.keys(globals).map((name, i) => [...text(name), 3, i])),
    ...section(10, [2, 0, 0x0b], [trap.length + 1, 0, ...trap]),
    0, named.length, ...named,
  ]);
}
