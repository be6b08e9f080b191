/**
 * What goes wrong gets a sentence, and the next photo is answered all the same.
 */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import {
  answer, build, colours, drop, facts, failed, forget, headersOf, interfere, launch, noServiceWorker, openPage, photos, pick, ready, root, serve, skip,
} from './harness.mjs';

const modelPath = '/models/default.onnx';

/**
 * A server whose model cannot be packed: the page then asks for it as one file,
 * and tells what is wrong with that. What befalls packed models is the business
 * of storage.e2e.mjs.
 *
 * @type {Parameters<typeof interfere>[1]}
 */
const unpacked = {
  '/models/index.json': (_, response) => response.writeHead(200, headersOf('application/json')).end('{"models": []}'),
};
const programPath = '/wasm/hamster.wasm';
const cat = join(photos, 'chelsea.png');

/**
 * A thread as in web/worker/thread.js that dies in a run if the server says so; it
 * shortens how long the others wait for it (model/simd/kernel/run.go).
 */
const mortalThread = `addEventListener('message', ({ data: { module, memory, thread, control } }) => {
  const { run } = new WebAssembly.Instance(module, { env: { memory } }).exports;
  const words = new Int32Array(memory.buffer);
  postMessage('up');
  for (let seen = 0; ;) {
    Atomics.wait(words, control, seen);
    const next = Atomics.load(words, control);
    if (next === seen) continue;
    seen = next;
    const program = Atomics.load(words, control + 1);
    const asked = new XMLHttpRequest();
    asked.open('GET', '/deadly', false);
    asked.send();
    if (asked.responseText === 'true') {
      new BigInt64Array(memory.buffer)[(program + 16) / 8] = 300_000_000n;
      Atomics.notify(words, (program + 72) / 4);
      throw new Error('this thread dies');
    }
    run(program, thread, Atomics.load(words, control + 2));
    Atomics.add(words, control + 3, 1);
    Atomics.notify(words, control + 3);
  }
}, { once: true });`;

describe('failures', { skip }, () => {
  /** @type {import('./harness.mjs').Build} */
  let built;
  /** @type {Awaited<ReturnType<typeof serve>>} */
  let server;
  /** @type {import('puppeteer-core').Browser} */
  let browser;
  /** @type {string} */
  let dir;

  before(async () => {
    built = await build();
    server = await serve(built);
    browser = await launch();
    dir = await mkdtemp(join(tmpdir(), 'hamster-bad-'));
  });

  after(async () => {
    await browser?.close();
    await server?.close();
    await built?.close();
    if (dir) await rm(dir, { recursive: true, force: true });
  });

  describe('of a photo', () => {
    /** @type {Awaited<ReturnType<typeof openPage>>} */
    let opened;

    before(async () => {
      opened = await openPage(browser, server.url);
      await ready(opened.page);
    });

    after(async () => {
      assert.deepEqual(opened?.faults, []);
      await opened?.close();
    });

    /** @type {{ name: string, file: string, bytes: () => Promise<Uint8Array> | Uint8Array, says: RegExp }[]} */
    const cases = [
      {
        name: 'a text renamed to .jpg',
        file: 'letter.jpg',
        bytes: () => Buffer.from('Dear Hamster,\nthis is a letter.\n'),
        says: /^That is not a photo\./,
      },
      { name: 'a file of 0 bytes', file: 'empty.png', bytes: () => Buffer.alloc(0), says: /^That file is empty\. It holds 0 bytes\./ },
      {
        name: 'a PNG that declares 50000×50000 pixels',
        file: 'huge.png',
        bytes: async () => {
          const bytes = await readFile(cat);
          bytes.writeUInt32BE(50_000, 16);
          bytes.writeUInt32BE(50_000, 20);
          return bytes;
        },
        says: /^That photo is too large to decode\. It measures 50,000 × 50,000 pixels; up to 100 megapixels/,
      },
      {
        name: 'a PNG that is cut off in its header',
        file: 'cut.png',
        bytes: async () => (await readFile(cat)).subarray(0, 30),
        says: /^That photo is damaged\. It begins like a PNG/,
      },
      {
        name: 'a film',
        file: 'film.mp4',
        bytes: () => Buffer.from('\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41'),
        says: /^That is a video, not a photo\./,
      },
      {
        name: 'a HEIC photo, which Chromium does not open',
        file: 'phone.heic',
        bytes: () => Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic'),
        says: /^This browser cannot open HEIC photos\./,
      },
      { name: 'an SVG', file: 'drawing.svg', bytes: () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), says: /^That is a drawing \(SVG\), not a photo\./ },
    ];
    for (const { name, file, bytes, says } of cases) {
      test(name, async () => {
        const path = join(dir, file);
        await writeFile(path, await bytes());
        await pick(opened.page, path);
        assert.match(await failed(opened.page), says);
      });
    }

    test('the next photo is answered', async () => {
      await pick(opened.page, cat);
      assert.equal((await answer(opened.page)).length, 5);
    });

    test('a bad file that is dropped gets the same sentence', async () => {
      await drop(opened.page, [{ name: 'letter.jpg', type: 'image/jpeg', bytes: Buffer.from('Dear Hamster') }]);
      assert.match(await failed(opened.page), /^That is not a photo\./);
    });
  });

  describe('of the model', () => {
    /** @type {{ name: string, handler: (request: import('node:http').IncomingMessage, response: import('node:http').ServerResponse) => void, says: RegExp }[]} */
    const cases = [
      {
        name: 'not there',
        handler: (_, response) => response.writeHead(404, headersOf('text/plain')).end('There is nothing here.'),
        says: /^There is no model here yet\. The server has nothing at \/models\/default\.onnx\./,
      },
      {
        name: 'a server in trouble',
        handler: (_, response) => response.writeHead(503, headersOf('text/plain')).end(),
        says: /^The model could not be fetched\. The server answered \/models\/default\.onnx with status 503\./,
      },
      {
        name: 'HTML by its type',
        handler: (_, response) => response.writeHead(200, headersOf('text/html')).end('<!doctype html><title>Home</title>'),
        says: /^The server sent a web page in place of the model\. At \/models\/default\.onnx/,
      },
      {
        name: 'HTML by its content',
        handler: (_, response) => response.writeHead(200, headersOf('application/octet-stream')).end('\n<!DOCTYPE html><title>Home</title>'),
        says: /^The server sent a web page in place of the model\./,
      },
      {
        name: 'an empty answer',
        handler: (_, response) => response.writeHead(200, headersOf('application/octet-stream')).end(),
        says: /^The model did not arrive whole\./,
      },
      {
        name: 'a connection that breaks off',
        handler: (_, response) => {
          response.writeHead(200, { ...headersOf('application/octet-stream'), 'Content-Length': '2000000' });
          response.write(Buffer.alloc(1_000_000, 8), () => setTimeout(() => response.destroy(), 200));
        },
        says: /^The model did not arrive whole\./,
      },
      {
        name: 'some other file',
        handler: (_, response) => response.writeHead(200, headersOf('application/octet-stream')).end(Buffer.from('PK\x03\x04 a zip file, say')),
        says: /^The file is not an ONNX model\./,
      },
    ];
    for (const { name, handler, says } of cases) {
      test(name, async () => {
        const middle = await interfere(server.url, { ...unpacked, [modelPath]: handler });
        const opened = await openPage(browser, middle.url);
        try {
          assert.match(await failed(opened.page), says);
          assert.deepEqual(opened.faults, []);
        } finally {
          await opened.close();
          await middle.close();
        }
      });
    }

    test('a model that ends too early is refused, whatever the server says of its length', async () => {
      const whole = new Uint8Array(await (await fetch(new URL(modelPath, server.url))).arrayBuffer());
      const middle = await interfere(server.url, {
        ...unpacked,
        [modelPath]: (_, response) => {
          response.writeHead(200, headersOf('application/octet-stream')).end(whole.subarray(0, whole.length / 2));
        },
      });
      const opened = await openPage(browser, middle.url);
      try {
        assert.match(await failed(opened.page), /^(The model cannot be used|The file is not an ONNX model)\./);
        assert.deepEqual(opened.faults, []);
      } finally {
        await opened.close();
        await middle.close();
      }
    });

    test('once the server has recovered, “Try again” is enough', async () => {
      let broken = true;
      const middle = await interfere(server.url, {
        ...unpacked,
        [modelPath]: (_, response, pass) => {
          if (broken) response.writeHead(503, headersOf('text/plain')).end();
          else pass();
        },
      });
      const opened = await openPage(browser, middle.url);
      try {
        await failed(opened.page);
        broken = false;
        await opened.page.click('#retry');
        await ready(opened.page);
        await pick(opened.page, cat);
        assert.equal((await answer(opened.page)).length, 5);
        assert.equal(await opened.page.evaluate(() => /** @type {any} */ (globalThis).workers.length), 1);
      } finally {
        await opened.close();
        await middle.close();
      }
    });
  });

  describe('of the engine', () => {
    test('a browser without WebAssembly is told so', async () => {
      const opened = await openPage(browser, server.url, async (page) => {
        await page.evaluateOnNewDocument(() => {
          // @ts-expect-error: that is the point
          delete globalThis.WebAssembly;
        });
      });
      assert.match(await failed(opened.page), /^This browser cannot run Hamster\. It lacks WebAssembly/);
      await opened.close();
    });

    test('HTML in place of the program is named', async () => {
      const middle = await interfere(server.url, {
        [programPath]: (_, response) => response.writeHead(200, headersOf('text/html')).end('<!doctype html>'),
      });
      const opened = await openPage(browser, middle.url);
      assert.match(await failed(opened.page), /^A part of Hamster did not arrive\. \/wasm\/hamster\.wasm is missing or broken\./);
      await opened.close();
      await middle.close();
    });

    test('a worker that dies at work is told of, and the next photo starts a new one', async () => {
      const opened = await openPage(browser, server.url);
      await ready(opened.page);
      await pick(opened.page, cat);
      await opened.page.waitForFunction(() => document.body.dataset.state === 'looking');
      await opened.page.evaluate(() => /** @type {any} */ (globalThis).workers[0].terminate());
      assert.match(await failed(opened.page), /^Hamster stopped in the middle of its work\./);
      await pick(opened.page, cat);
      assert.equal((await answer(opened.page)).length, 5);
      assert.equal(await opened.page.evaluate(() => /** @type {any} */ (globalThis).workers.length), 2);
      assert.deepEqual(opened.faults, []);
      await opened.close();
    });

    test('where a browser has no WebAssembly SIMD, the larger program answers, and the page says so', async () => {
      const model = await colours(built);
      const worker = await readFile(join(root, 'web/worker/worker.js'), 'utf8');
      let fetched = 0;
      const middle = await interfere(server.url, {
        ...unpacked,
        ...noServiceWorker,
        [modelPath]: (_, response) => response.writeHead(200, headersOf('application/octet-stream')).end(model),
        '/web/worker/worker.js': (_, response) => response.writeHead(200, headersOf('text/javascript')).end(`WebAssembly.validate = () => false;\n${worker}`),
        '/wasm/portable.wasm': (_request, _response, pass) => {
          fetched++;
          pass();
        },
      });
      const opened = await openPage(browser, middle.url);
      try {
        await ready(opened.page);
        await pick(opened.page, cat);
        const [{ label }] = await answer(opened.page);
        const native = await promisify(execFile)(built.hamster, ['classify', '--json', '--model', join(built.site, '..', 'colours.onnx'), cat], { cwd: root });
        assert.equal(label.toLowerCase(), JSON.parse(native.stdout)[0].predictions[0].label.replaceAll('_', ' '));
        assert.equal(fetched, 1);
        assert.match((await facts(opened.page)).Engine, /^gorgonia/i);
        const backend = await opened.page.evaluate(() => /** @type {any} */ (globalThis).results.at(-1).environment.backend);
        assert.match(backend, /^gorgonia \(simd: this browser has no WebAssembly SIMD/);
        assert.deepEqual(opened.faults, []);
      } finally {
        await opened.close();
        await middle.close();
      }
    });

    test('a thread that dies during a run is told of, and “Try again” starts afresh', async () => {
      const model = await colours(built);
      let deadly = false;
      const middle = await interfere(server.url, {
        ...unpacked,
        ...noServiceWorker,
        [modelPath]: (_, response) => response.writeHead(200, headersOf('application/octet-stream')).end(model),
        '/web/worker/thread.js': (_, response) => response.writeHead(200, headersOf('text/javascript')).end(mortalThread),
        '/deadly': (_, response) => response.writeHead(200, headersOf('text/plain')).end(String(deadly)),
      });
      const opened = await openPage(browser, middle.url);
      try {
        await ready(opened.page);
        await pick(opened.page, cat);
        const before = await answer(opened.page);
        deadly = true;
        await pick(opened.page, cat);
        assert.match(await failed(opened.page), /^Hamster stopped in the middle of its work\./);
        deadly = false;
        await forget(opened.page);
        await opened.page.click('#retry');
        assert.deepEqual(await answer(opened.page), before);
        const [workers, backend] = await opened.page.evaluate(() => {
          const { workers, results } = /** @type {any} */ (globalThis);
          return [workers.length, results.at(-1).environment.backend];
        });
        assert.equal(workers, 2);
        assert.match(backend, /^simd, \d threads/);
        assert.deepEqual(opened.faults, []);
      } finally {
        await opened.close();
        await middle.close();
      }
    });

    test('a worker that closes itself while idle is replaced by the next photo', async () => {
      const opened = await openPage(browser, server.url);
      await ready(opened.page);
      await opened.page.workers()[0].evaluate(() => self.close()).catch(() => {}); // it cannot answer any more
      await pick(opened.page, cat);
      await opened.page.waitForFunction(() => /answered|failed/.test(document.body.dataset.state ?? ''));
      if (await opened.page.evaluate(() => document.body.dataset.state === 'failed')) {
        await opened.page.click('#retry'); // the photo came before the news
        await opened.page.waitForFunction(() => document.body.dataset.state === 'answered');
      }
      assert.deepEqual(opened.faults, []);
      await opened.close();
    });

    test('a Go program that panics is told of, and “Try again” starts it afresh', async () => {
      const program = join(dir, 'panicking.wasm');
      await promisify(execFile)('go', ['build', '-o', program, './web/test/panicking'], {
        cwd: root,
        env: { ...process.env, GOOS: 'js', GOARCH: 'wasm', CGO_ENABLED: '0' },
      });
      const bytes = await readFile(program);
      let starts = 0;
      const middle = await interfere(server.url, {
        ...unpacked,
        ...noServiceWorker,
        [programPath]: (_, response) => {
          starts++;
          response.writeHead(200, headersOf('application/wasm')).end(bytes);
        },
      });
      const opened = await openPage(browser, middle.url);
      await ready(opened.page);
      await pick(opened.page, cat);
      assert.match(await failed(opened.page), /^Hamster stopped in the middle of its work\./);
      assert.equal(starts, 1);
      await forget(opened.page);
      await opened.page.click('#retry');
      await failed(opened.page);
      assert.equal(starts, 2, 'the program was fetched and started anew');
      assert.deepEqual(opened.faults, []);
      await opened.close();
      await middle.close();
    });
  });
});
