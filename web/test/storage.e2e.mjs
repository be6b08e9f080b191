/**
 * The weights arrive once: what is kept, and what happens when storage or the
 * network fail. Each visit goes through a server that counts and interferes.
 */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { answer, build, failed, headersOf, interfere, launch, noServiceWorker, openPage, photos, pick, ready, serve, skip } from './harness.mjs';

/**
 * @import { IncomingMessage, ServerResponse } from 'node:http'
 * @import { Browser, Page } from 'puppeteer-core'
 *
 * @typedef {(request: IncomingMessage, response: ServerResponse, pass: () => void) => void} Handler
 *
 * @typedef {{ path: string, size: number, compressed: number, sha256: string }} PackedFile
 */

const cat = join(photos, 'chelsea.png');
const workerPath = '/web/worker/worker.js';

describe('the model on this device', { skip }, () => {
  /** @type {Awaited<ReturnType<typeof build>>} */
  let built;
  /** @type {Awaited<ReturnType<typeof serve>>} */
  let server;
  /** @type {Browser} */
  let browser;
  /** @type {PackedFile[]} */
  let files;
  /** @type {string} */
  let folder;
  /** @type {string} */
  let manifestPath;
  /** @type {string} */
  let expected;
  /** The same model as another version: with another manifest, graph and shards. @type {{ text: string, contents: Map<string, Buffer>, shards: string[] }} */
  let next;

  before(async () => {
    built = await build();
    server = await serve(built);
    browser = await launch();
    const catalogue = await (await fetch(new URL('/models/index.json', server.url))).json();
    const { manifest } = catalogue.models.find((/** @type {any} */ { id }) => id === catalogue.default);
    manifestPath = new URL(manifest, new URL('/models/index.json', server.url)).pathname;
    folder = manifestPath.slice(0, manifestPath.lastIndexOf('/') + 1);
    const { graph, shards } = await (await fetch(new URL(manifestPath, server.url))).json();
    files = [graph, ...shards];
    assert.ok(files.length >= 3, 'the model has a graph and some shards');
    next = await nextVersion();
  });

  /** Makes every shard a little longer; the graph follows, for it names them. */
  async function nextVersion() {
    const bytesOf = async (/** @type {string} */ path) => Buffer.from(await (await fetch(new URL(folder + path, server.url))).arrayBuffer());
    const manifest = JSON.parse(String(await bytesOf('model.json')));
    /** @type {Map<string, Buffer>} */
    const contents = new Map();
    let graph = (await bytesOf('graph.onnx')).toString('latin1');
    const described = (/** @type {string} */ path, /** @type {Buffer} */ bytes, /** @type {string} */ sha256) => {
      contents.set(path, bytes);
      return { path, size: bytes.length, sha256, compressed: bytes.length };
    };
    const sha256 = (/** @type {Buffer} */ bytes) => createHash('sha256').update(bytes).digest('hex');
    manifest.version = 'next';
    manifest.shards = await Promise.all(manifest.shards.map(async (/** @type {PackedFile} */ { path }) => {
      const bytes = Buffer.concat([await bytesOf(path), Buffer.alloc(64)]);
      const name = `${sha256(bytes).slice(0, 32)}.bin`;
      graph = graph.replaceAll(path, name);
      return described(name, bytes, sha256(bytes));
    }));
    const bytes = Buffer.from(graph, 'latin1');
    manifest.graph = described('graph.onnx', bytes, sha256(bytes));
    const sum = (/** @type {'size' | 'compressed'} */ key) => [manifest.graph, ...manifest.shards].reduce((all, file) => all + file[key], 0);
    Object.assign(manifest, { size: sum('size'), compressed: sum('compressed') });
    return { text: JSON.stringify(manifest), contents, shards: manifest.shards.map((/** @type {PackedFile} */ { path }) => path) };
  }

  after(async () => {
    await browser?.close();
    await server?.close();
    await built?.close();
  });

  /**
   * A profile of its own behind a server of its own. `handlers` may change
   * meanwhile; `asked` counts the requests for each file of the model.
   *
   * @param {Record<string, Handler>} [handlers] by file name in the model, or by path
   */
  async function profile(handlers = {}) {
    /** @type {Record<string, number>} */
    const asked = {};
    /** @type {Record<string, Handler>} */
    const paths = {};
    for (const path of new Set([...files.map(({ path }) => path), ...next.shards])) {
      paths[folder + path] = (request, response, pass) => {
        asked[path] = (asked[path] ?? 0) + 1;
        (handlers[path] ?? ((_, __, go) => go()))(request, response, pass);
      };
    }
    for (const path of [workerPath, '/wasm/hamster.wasm', '/wasm/wasm_exec.js', '/models/index.json', '/models/default.onnx', manifestPath]) {
      paths[path] = (request, response, pass) => (handlers[path] ?? ((_, __, go) => go()))(request, response, pass);
    }
    const middle = await interfere(server.url, { ...noServiceWorker, ...paths });
    const first = await openPage(browser, 'about:blank');
    return {
      asked, handlers, url: middle.url, context: first.page.browserContext(),
      /** @param {(page: Page) => Promise<unknown>} [prepare] */
      async visit(prepare = async () => {}) {
        const page = await first.page.browserContext().newPage();
        page.setDefaultTimeout(120_000);
        await prepare(page);
        await page.goto(middle.url);
        return page;
      },
      async close() {
        await first.close();
        await middle.close();
      },
    };
  }

  /**
   * @param {Record<string, Handler>} handlers
   * @param {(p: Awaited<ReturnType<typeof profile>>) => Promise<void>} work
   */
  async function within(handlers, work) {
    const p = await profile(handlers);
    try {
      await work(p);
    } finally {
      await p.close();
    }
  }

  /** The answer to the cat, which never may be another. @param {Page} page */
  async function right(page) {
    await page.bringToFront(); // nothing is painted in the back, so nothing begins there
    await ready(page);
    await pick(page, cat);
    const shown = (await answer(page)).map(({ label, score }) => `${label} ${score}`).join(', ');
    expected ??= shown;
    assert.equal(shown, expected);
  }

  /** What the page says of the device. @param {Page} page */
  async function note(page) {
    await page.waitForFunction(() => document.getElementById('device-note')?.textContent);
    return page.$eval('#device-note', (element) => element.textContent ?? '');
  }

  /** @param {Page} page */
  const models = (page) => page.$$eval('#device-models li span', (rows) => rows.map((row) => row.textContent ?? ''));

  const keptNote = /^Downloaded [\d.]+ MB once, kept on this device\.$/;
  const once = () => Object.fromEntries(files.map(({ path }) => [path, 1]));

  /** Puts JavaScript before that of the worker. @param {string} script @returns {Handler} */
  const inWorker = (script) => async (_, response) => {
    const text = await (await fetch(new URL(workerPath, server.url))).text();
    response.writeHead(200, headersOf('text/javascript')).end(`${script}\n${text}`);
  };

  /** Puts other bytes in the place of a kept file. @param {Page} page @param {PackedFile} file */
  const damage = (page, { sha256, size }) => page.evaluate((sha256, size) => new Promise((resolve, reject) => {
    const open = indexedDB.open('hamster');
    open.onerror = () => reject(open.error);
    open.onsuccess = () => {
      const transaction = open.result.transaction('files', 'readwrite');
      transaction.objectStore('files').put(new Blob([new Uint8Array(size).fill(7)]), sha256);
      transaction.onabort = () => reject(transaction.error);
      transaction.oncomplete = () => {
        open.result.close();
        resolve(undefined);
      };
    };
  }), sha256, size);

  /** @type {Handler} */
  const gone = (_, response) => response.destroy();

  /** Sends a part of the file, plain, and then does something. @param {PackedFile} file @param {number} part @param {(response: ServerResponse) => void} then @returns {Handler} */
  const partly = (file, part, then) => async (_, response) => {
    const bytes = new Uint8Array(await (await fetch(new URL(folder + file.path, server.url))).arrayBuffer());
    response.writeHead(200, { ...headersOf('application/octet-stream'), 'Content-Length': String(bytes.length) });
    response.write(bytes.subarray(0, part * bytes.length), () => then(response));
  };

  /** Ends the connection once what was written is out. @param {ServerResponse} response */
  const cut = (response) => response.socket?.end();

  /** Answers so often with each, and then as the server does. @param {...Handler} list @returns {Handler} */
  const firstThen = (...list) => (request, response, pass) => (list.shift() ?? ((_, __, go) => go()))(request, response, pass);

  const largest = () => files[1];

  /** Has time pass so many times as fast, for those who wait long for who is silent. @param {number} factor */
  const faster = (factor) => `{ const later = setTimeout; globalThis.setTimeout = (f, ms = 0) => later(f, ms > 300 ? ms / ${factor} : ms); }`;
  const quick = faster(20);

  /** Never answers. @type {Handler} */
  const silent = () => {};

  /** Answers with the next version's files, and with nothing where there was one of the former. @param {Record<string, Handler>} handlers */
  const publish = (handlers) => {
    for (const { path } of files) handlers[path] = (_, response) => response.writeHead(404, headersOf('text/plain')).end();
    for (const [path, bytes] of next.contents) {
      handlers[path] = (_, response) => response.writeHead(200, { ...headersOf('application/octet-stream'), 'Content-Length': bytes.length }).end(bytes);
    }
    handlers[manifestPath] = (_, response) => response.writeHead(200, headersOf('application/json')).end(next.text);
  };

  test('a first visit fetches every file once and says so; the next one fetches none', () => within({}, async (p) => {
    const page = await p.visit();
    await right(page);
    assert.match(await note(page), keptNote);
    await page.waitForFunction(() => document.getElementById('device-room')?.textContent);
    assert.match(await page.$eval('#device-room', (element) => element.textContent ?? ''), /^Hamster takes [\d.]+ MB of the [\d.,]+ GB/);
    const [kept, ...others] = await models(page);
    assert.match(kept, / · 2\d\.\d MB$/);
    assert.deepEqual(others, []);
    assert.deepEqual(p.asked, once());
    await page.close();

    const again = await p.visit();
    await right(again);
    assert.match(await note(again), keptNote);
    assert.deepEqual(p.asked, once());
    const measures = await again.evaluate(() => performance.getEntriesByType('measure').map(({ name }) => name));
    assert.deepEqual(measures.filter((name) => name.startsWith('hamster:')).sort(), ['compile', 'pack', 'page', 'program', 'read', 'run', 'start'].map((name) => `hamster:${name}`));
  }));

  /** The names of the snapshots that are kept. @param {Page} page @returns {Promise<string[]>} */
  const snapshots = (page) => page.evaluate(() => new Promise((resolve, reject) => {
    const open = indexedDB.open('hamster');
    open.onerror = () => reject(open.error);
    open.onsuccess = () => {
      const request = open.result.transaction('files').objectStore('files').getAllKeys();
      request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        open.result.close();
        resolve(request.result.map(String).filter((key) => key.startsWith('snapshot ')));
      };
    };
  }));

  /** Loads the model in a worker of its own, as another visit does, and asks it about a photo. @param {Page} page */
  const another = (page) => page.evaluate(async (library, photo) => {
    const { Classifier } = await import(library);
    const classifier = new Classifier();
    const { resumed, card, labels, stages, ...info } = await classifier.load();
    const file = await (await fetch(photo)).blob();
    const { predictions } = await classifier.classify(file);
    const { values } = await classifier.explain(file);
    // What is kept is kept after the answer.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    classifier.close();
    return { resumed, answer: JSON.stringify([predictions, values, card, labels, info.backend]) };
  }, '/web/hamster.js', '/samples/rocket.jpg');

  test('what a visit has compiled serves the next one of the same program, and no other', () => within({}, async (p) => {
    const page = await p.visit();
    await ready(page);
    const visit = async (/** @type {boolean} */ resumed, /** @type {string} */ why) => {
      const seen = await another(page);
      assert.equal(seen.resumed, resumed, why);
      return seen.answer;
    };
    const right = await visit(false, 'the first');
    const names = await snapshots(page);
    assert.equal(names.length, 1);
    const [key] = names;
    assert.equal(await visit(true, 'the second'), right);
    await damage(page, { path: '', sha256: key, size: 1_000_000, compressed: 0 });
    assert.equal(await visit(false, 'one that finds it damaged'), right);
    assert.equal(await visit(true, 'the next, for which it was made anew'), right);
    await page.evaluate((key) => new Promise((resolve, reject) => {
      const open = indexedDB.open('hamster');
      open.onsuccess = () => {
        const transaction = open.result.transaction('files', 'readwrite');
        const files = transaction.objectStore('files');
        files.get(key).onsuccess = ({ target }) => {
          files.put(/** @type {IDBRequest} */ (target).result, `${key}x`);
          files.delete(key);
        };
        transaction.onabort = () => reject(transaction.error);
        transaction.oncomplete = () => {
          open.result.close();
          resolve(undefined);
        };
      };
    }), key);
    assert.equal(await visit(false, 'one that finds that of another program'), right);
    assert.deepEqual(await snapshots(page), [key], 'and has its own in its place');
    await page.click('#device-models button');
    await page.waitForFunction(() => !document.querySelector('#device-models li'));
    assert.deepEqual(await snapshots(page), [], 'a snapshot goes with its model');
  }));

  test('what was compiled is kept by a visit that only asks what spoke for an answer', () => within({}, async (p) => {
    const page = await p.visit();
    await ready(page);
    await page.evaluate(async (library, photo) => {
      const { load } = await import(library);
      const classifier = await load();
      await classifier.explain(photo);
      await new Promise((resolve) => setTimeout(resolve, 1000));
      classifier.close();
    }, '/web/hamster.js', '/samples/rocket.jpg');
    assert.equal((await snapshots(page)).length, 1);
  }));

  test('what was compiled is kept by a worker that goes on to another model', () => within({}, async (p) => {
    const page = await p.visit();
    await ready(page);
    await page.evaluate(async (path) => {
      const worker = new Worker(path, { type: 'module' });
      worker.postMessage({ type: 'start', lock: 'another', addresses: {} });
      await new Promise((resolve, reject) => {
        worker.onmessage = ({ data }) => {
          if (data.type === 'failure') reject(new Error(data.error.message));
          if (data.type === 'result' && data.id === 2) resolve(undefined);
        };
        for (const [i, name] of ['index.json', 'default.onnx'].entries()) {
          worker.postMessage({ type: 'load', id: i + 1, model: new URL(`/models/${name}`, location.href).href, labels: '', backend: 'auto', threads: 1 });
        }
      });
      await new Promise((resolve) => setTimeout(resolve, 1000));
      worker.terminate();
    }, workerPath);
    assert.equal((await snapshots(page)).length, 1);
  }));

  test('the browser is asked once, over all visits, not to clear it away', () => within({}, async (p) => {
    const count = (/** @type {Page} */ page) => page.evaluateOnNewDocument(() => {
      const persist = StorageManager.prototype.persist;
      StorageManager.prototype.persist = function () {
        document.documentElement.dataset.asked = String(Number(document.documentElement.dataset.asked ?? 0) + 1);
        return persist.call(this);
      };
      StorageManager.prototype.persisted = async () => false; // a browser that has refused
    });
    const asked = (/** @type {Page} */ page) => page.evaluate(() => document.documentElement.dataset.asked);
    const first = await p.visit(count);
    await first.waitForFunction(() => document.documentElement.dataset.asked);
    assert.equal(await asked(first), '1');
    const second = await p.visit(count);
    await note(second);
    await right(second); // long after the question would have come
    assert.equal(await asked(second), undefined);
  }));

  test('without any network for models, the kept one is used', () => within({}, async (p) => {
    await ready(await p.visit());
    p.handlers['/models/index.json'] = gone;
    p.handlers[manifestPath] = gone;
    await right(await p.visit());
    p.handlers['/models/index.json'] = () => {}; // never answers
    await right(await p.visit());
    assert.deepEqual(p.asked, once());
  }));

  test('the button removes it; it works on, and is fetched and kept again next time', () => within({}, async (p) => {
    const idle = 3000; // in the place of five minutes
    const page = await p.visit((page) => page.evaluateOnNewDocument(`{
      const later = setTimeout;
      globalThis.setTimeout = (f, ms = 0) => later(f, ms === 300_000 ? ${idle} : ms);
    }`));
    await ready(page);
    await page.waitForSelector('#device-models button');
    await page.click('#device-models button');
    await page.waitForFunction(() => !document.querySelector('#device-models li'));
    assert.match(await note(page), /^Removed\./);
    await right(page);
    assert.deepEqual(p.asked, once());
    await new Promise((resolve) => setTimeout(resolve, 2 * idle)); // the engine ends, and its memory is gone
    await right(page);
    await page.waitForSelector('#device-models li');
    assert.match(await note(page), keptNote);
    const again = await p.visit();
    await right(again);
    assert.deepEqual(new Set(Object.values(p.asked)), new Set([2]));
  }));

  test('with a model that does not load, those that are kept can be removed', () => within({}, async (p) => {
    const first = await p.visit();
    await ready(first);
    await first.close();
    p.handlers['/models/index.json'] = (_, response) =>
      response.writeHead(200, headersOf('application/json')).end('{"models":[{"id":"whole","manifest":"x/model.json","compressed":1}]}');
    p.handlers['/models/default.onnx'] = (_, response) => response.writeHead(200, headersOf('application/octet-stream')).end('no model');
    const page = await p.visit();
    await failed(page);
    await page.waitForSelector('#device-models button');
    assert.equal((await models(page)).length, 1);
    await page.evaluate(() => /** @type {HTMLElement | null} */ (document.querySelector('#device-models button'))?.click());
    await page.waitForFunction(() => !document.querySelector('#device-models li'));
    assert.match(await note(page), /^Removed\./);
  }));

  describe('storage that fails', () => {
    for (const [name, quota] of /** @type {[string, number][]} */ ([['at once', 100_000], ['in the middle', 12_000_000]])) {
      test(`a quota that is exceeded ${name}: served from memory, and said`, () => within({}, async (p) => {
        const page = await p.visit(async (page) => {
          const session = await page.createCDPSession();
          await session.send('Storage.overrideQuotaForOrigin', { origin: new URL(p.url).origin, quotaSize: quota });
        });
        await right(page);
        assert.match(await note(page), /^There is no room on this device/);
        assert.deepEqual(p.asked, once());
      }));
    }

    for (const [name, script, says] of /** @type {[string, string, RegExp][]} */ ([
      ['no IndexedDB', 'delete WorkerGlobalScope.prototype.indexedDB; delete globalThis.indexedDB;', /^This browser keeps nothing/],
      ['an IndexedDB that throws', 'Object.defineProperty(globalThis, "indexedDB", { get() { throw new DOMException("no", "SecurityError"); } });', /^This browser keeps nothing/],
      ['an IndexedDB that is refused', 'IDBFactory.prototype.open = () => { throw new DOMException("no", "SecurityError"); };', /^This browser keeps nothing/],
      [
        'a disk that is full at commit',
        `const put = IDBObjectStore.prototype.put;
        Object.defineProperty(IDBTransaction.prototype, 'error', { get: () => new DOMException('full', 'QuotaExceededError') });
        IDBObjectStore.prototype.put = function (value, key) {
          const request = put.call(this, value, key);
          if (String(value).includes('"complete":true')) request.addEventListener('success', () => this.transaction.abort());
          return request;
        };`,
        /^There is no room on this device/,
      ],
    ])) {
      test(`${name}: served from memory, and said`, () => within({ [workerPath]: inWorker(script) }, async (p) => {
        const page = await p.visit();
        await right(page);
        assert.match(await note(page), says);
        assert.deepEqual(p.asked, once());
      }));
    }

    test('a page without crypto.subtle checks hashes all the same', () => within({
      [workerPath]: inWorker('Object.defineProperty(crypto, "subtle", { value: undefined });'),
    }, async (p) => {
      const page = await p.visit();
      await right(page);
      assert.match(await note(page), keptNote);
    }));

    test('a kept file that is damaged is fetched again, and no other', () => within({}, async (p) => {
      const page = await p.visit();
      await ready(page);
      await damage(page, largest());
      await page.close();
      const again = await p.visit();
      await right(again);
      assert.deepEqual(p.asked, { ...once(), [largest().path]: 2 });
      await again.close();
      await right(await p.visit());
      assert.deepEqual(p.asked, { ...once(), [largest().path]: 2 }, 'and now it is mended');
    }));

    const deletion = () => new Promise((resolve, reject) => {
      const request = indexedDB.deleteDatabase('hamster');
      request.onsuccess = () => resolve(undefined);
      request.onerror = request.onblocked = () => reject(new Error('not deleted'));
    });

    test('a database that is deleted in another tab is made anew', () => within({}, async (p) => {
      const page = await p.visit();
      await right(page);
      const other = await p.context.newPage();
      await other.goto(new URL('/web/icons/hamster.svg', p.url).href);
      await other.evaluate(deletion);
      await other.close();
      await right(page);
      await page.reload();
      await right(page);
      assert.match(await note(page), keptNote);
      assert.deepEqual(new Set(Object.values(p.asked)), new Set([2]));
    }));

    test('a database that is deleted in the middle of a download holds all of it in the end', async () => {
      /** @type {() => void} */
      let release = () => {};
      await within({ [files[2].path]: (_, __, pass) => { release = pass; } }, async (p) => {
        const page = await p.visit();
        await keptFiles(page, 2);
        await page.evaluate(deletion);
        release();
        await right(page);
        assert.match(await note(page), keptNote);
        await page.close();
        await right(await p.visit());
        assert.deepEqual(p.asked, once());
      });
    });

    test('a database of another schema is replaced, one of a newer Hamster left alone', () => within({}, async (p) => {
      const foreign = (/** @type {number} */ version) => async (/** @type {Page} */ page) => {
        await page.goto(new URL('/web/icons/hamster.svg', p.url).href);
        await page.evaluate((version) => new Promise((resolve, reject) => {
          const open = indexedDB.open('hamster', version);
          open.onupgradeneeded = () => {
            if (!open.result.objectStoreNames.contains('cheese')) open.result.createObjectStore('cheese');
          };
          open.onerror = () => reject(open.error);
          open.onsuccess = () => {
            open.result.close();
            resolve(undefined);
          };
        }), version);
      };
      const page = await p.visit(foreign(1));
      await right(page);
      assert.match(await note(page), keptNote);
      await page.close();
      const newer = await p.visit(foreign(99));
      await right(newer);
      assert.match(await note(newer), /^Another tab has another version of Hamster open\./);
    }));
  });

  /** Waits until some files are kept. @param {Page} page @param {number} count */
  const keptFiles = (page, count) => stored(page, 'files', count, Infinity);

  /** Waits until there are so many models, whole or not. @param {Page} page @param {number} count */
  const keptModels = (page, count) => stored(page, 'models', count, count);

  /** @param {Page} page @param {string} store @param {number} least @param {number} most */
  async function stored(page, store, least, most) {
    await page.waitForFunction((store, least, most) => new Promise((resolve) => {
      const open = indexedDB.open('hamster');
      open.onupgradeneeded = () => open.transaction?.abort(); // too early: it is not ours to make
      open.onerror = () => resolve(false);
      open.onsuccess = () => {
        const request = open.result.transaction(store).objectStore(store).count();
        request.onsuccess = () => {
          open.result.close();
          resolve(request.result >= least && request.result <= most);
        };
      };
    }), { polling: 200 }, store, least, most);
  }

  describe('a network that fails', () => {
    test('a tab that is killed in mid-download: the next one fetches the rest alone', async () => {
      await within({ [files[2].path]: firstThen(() => {}) }, async (p) => {
        const page = await p.visit();
        await keptFiles(page, files.length - 1);
        await page.close();
        const again = await p.visit();
        await right(again);
        assert.deepEqual(p.asked, { ...once(), [files[2].path]: 2 });
        assert.match(await note(again), keptNote);
      });
    });

    test('a connection that breaks goes on where it ended', async () => {
      /** @type {(string | undefined)[]} */
      const ranges = [];
      /** @type {Handler} */
      const look = (request, _, pass) => {
        ranges.push(request.headers.range);
        pass();
      };
      await within({}, async (p) => {
        p.handlers[largest().path] = firstThen(partly(largest(), 0.5, cut), look);
        await right(await p.visit());
        assert.equal(ranges.length, 1);
        const from = Number(/^bytes=(\d+)-$/.exec(ranges[0] ?? '')?.[1]);
        assert.ok(from > 0 && from <= largest().size / 2, `it goes on at ${ranges[0]}`); // the end may overtake some bytes
        assert.deepEqual(p.asked, { ...once(), [largest().path]: 2 });
      });
    });

    test('a server without ranges sends it once more', () => within({}, async (p) => {
      p.handlers[largest().path] = firstThen(
        partly(largest(), 0.5, cut),
        partly(largest(), 1, (response) => response.end()),
      );
      await right(await p.visit());
    }));

    test('a server that stalls is asked again', () => within({ [workerPath]: inWorker(quick) }, async (p) => {
      p.handlers[largest().path] = firstThen(partly(largest(), 0.3, () => {}));
      await right(await p.visit());
      assert.deepEqual(p.asked, { ...once(), [largest().path]: 2 });
    }));

    test('a server in trouble is asked a little later', () => within({}, async (p) => {
      /** @type {Handler} */
      const busy = (_, response) => response.writeHead(503, headersOf('text/plain')).end();
      p.handlers[largest().path] = firstThen(busy, gone, busy);
      await right(await p.visit());
      assert.deepEqual(p.asked, { ...once(), [largest().path]: 4 });
    }));

    test('a file that arrives damaged is asked for once more, past all caches', () => within({}, async (p) => {
      p.handlers[largest().path] = firstThen((_, response) =>
        response.writeHead(200, headersOf('application/octet-stream')).end(Buffer.alloc(largest().size, 7)));
      await right(await p.visit());
      assert.deepEqual(p.asked, { ...once(), [largest().path]: 2 });
    }));

    test('an update that is cut off goes on with a later visit; until then the former version serves', () => within({ [workerPath]: inWorker(quick) }, async (p) => {
      const first = await p.visit();
      await right(first);
      await first.close();
      publish(p.handlers);
      const lost = next.shards[1];
      const answers = p.handlers[lost];
      p.handlers[lost] = gone;
      const second = await p.visit();
      await right(second);
      assert.match(await note(second), keptNote);
      await keptFiles(second, files.length + next.contents.size - 1);
      await second.close();
      p.handlers[manifestPath] = silent; // no news in time
      const third = await p.visit();
      await right(third);
      await third.close();

      publish(p.handlers);
      p.handlers[lost] = answers;
      const before = { ...p.asked };
      // News that are too late for one visit are there for the next.
      for (let visits = 1; ; visits++) {
        const page = await p.visit();
        await right(page);
        await page.waitForSelector('#device-models li');
        const list = await models(page);
        if (visits < 4 && !/\bnext\b/.test(list[0])) {
          await keptModels(page, 1);
          await page.close();
          continue;
        }
        assert.match(list.join(), /\bnext\b/);
        assert.equal(list.length, 1);
        break;
      }
      assert.deepEqual(p.asked, { ...before, [lost]: before[lost] + 1 }, 'the rest alone is fetched');
    }));

    test('a model that is replaced between its manifest and its files is fetched as it is now', () => within({}, async (p) => {
      publish(p.handlers);
      p.handlers[manifestPath] = firstThen((_, __, pass) => pass(), p.handlers[manifestPath], p.handlers[manifestPath]);
      const page = await p.visit();
      await right(page);
      assert.match(await note(page), keptNote);
      await page.waitForSelector('#device-models li');
      assert.match((await models(page)).join(), /\bnext\b/);
    }));

    test('a signal stops the download at once; the next load fetches the rest alone', async () => {
      let cutOff = false;
      await within({
        [files[2].path]: firstThen((_, response) => response.on('close', () => { cutOff = true; })),
      }, async (p) => {
        const page = await p.context.newPage();
        await page.goto(new URL('/web/icons/hamster.svg', p.url).href);
        await page.evaluate(async () => {
          // @ts-expect-error: an address on the server, not a file here
          const { Classifier } = await import('/web/hamster.js');
          const stop = new AbortController();
          const global = /** @type {any} */ (globalThis);
          global.stop = stop;
          global.loading = new Classifier({ model: '/models/index.json' }).load({ signal: stop.signal }).catch((/** @type {Error} */ error) => error.name);
        });
        await keptFiles(page, files.length - 1);
        assert.equal(await page.evaluate(() => {
          const { stop, loading } = /** @type {any} */ (globalThis);
          stop.abort();
          return loading;
        }), 'AbortError');
        for (let i = 0; !cutOff && i < 100; i++) await new Promise((resolve) => setTimeout(resolve, 50));
        assert.equal(cutOff, true, 'the connection is closed');
        await page.close();
        await right(await p.visit());
        assert.deepEqual(p.asked, { ...once(), [files[2].path]: 2 });
      });
    });

    /** @type {[string, Handler, RegExp][]} */
    const lasting = [
      ['is not there', (_, response) => response.writeHead(404, headersOf('text/plain')).end(), /^There is no model here yet\. The server has nothing at \/models\//],
      ['is a web page', (_, response) => response.writeHead(200, headersOf('text/html')).end('<!doctype html>'), /^The server sent a web page in place of the model\./],
      ['is a web page without a type', (_, response) => response.writeHead(200, headersOf('application/octet-stream')).end('<!doctype html>'), /^The server sent a web page/],
      ['is too long', (_, response) => response.writeHead(200, headersOf('application/octet-stream')).end(Buffer.alloc(9_000_000, 7)), /^The model (is too large for a browser|arrived damaged)\./],
      ['is too short', (_, response) => response.writeHead(200, headersOf('application/octet-stream')).end(Buffer.alloc(1_000, 7)), /^The model did not arrive whole\./],
      ['is another', (_, response) => response.writeHead(200, headersOf('application/octet-stream')).end(Buffer.alloc(files[1].size, 7)), /^The model arrived damaged\./],
      ['breaks off always', gone, /^The model could not be fetched\. Check the connection/],
    ];
    for (const [name, handler, says] of lasting) {
      test(`a shard that ${name} is told of, and “Try again” fetches it alone`, () => within({}, async (p) => {
        p.handlers[largest().path] = handler;
        const page = await p.visit();
        assert.match(await failed(page), says);
        delete p.handlers[largest().path];
        const before = { ...p.asked };
        await page.click('#retry');
        await right(page);
        for (const { path } of files) {
          assert.ok(p.asked[path] <= (before[path] ?? 0) + 1, `${path} was asked for ${p.asked[path]} times`);
        }
        assert.match(await note(page), keptNote);
      }));
    }

    for (const [stage, path] of /** @type {[string, () => string][]} */ ([
      ['before the program', () => '/wasm/hamster.wasm'],
      ['before the list of models', () => '/models/index.json'],
      ['before the manifest', () => manifestPath],
      ['before the graph', () => 'graph.onnx'],
    ])) {
      test(`a network that is lost ${stage} is told of, and “Try again” goes on`, () => within({ [workerPath]: inWorker(quick), [path()]: gone }, async (p) => {
        const page = await p.visit();
        assert.match(await failed(page), /^(A part of Hamster did not arrive|The model could not be fetched)\./);
        delete p.handlers[path()];
        await page.click('#retry');
        await right(page);
      }));
    }

    /** Sends the beginning of a file, and no more. @param {string} path @returns {Handler} */
    const stalls = (path) => async (_, response) => {
      const answer = await fetch(new URL(path, server.url));
      const bytes = new Uint8Array(await answer.arrayBuffer());
      response.writeHead(200, { ...headersOf(answer.headers.get('Content-Type') ?? ''), 'Content-Length': bytes.length });
      response.write(bytes.subarray(0, bytes.length / 3));
    };

    for (const [what, path] of /** @type {[string, () => string][]} */ ([
      ['the program', () => '/wasm/hamster.wasm'],
      ['the list of models', () => '/models/index.json'],
      ['the manifest', () => manifestPath],
      ['a model of one file', () => '/models/default.onnx'],
    ])) {
      test(`a server that never answers for ${what} is told of; one that stalls within it is asked again`, () => within({ [workerPath]: inWorker(quick), [path()]: silent }, async (p) => {
        if (path() === '/models/default.onnx') {
          p.handlers['/models/index.json'] = (_, response) => response.writeHead(200, headersOf('application/json')).end('{"models":[{"id":"whole","manifest":"x/model.json","compressed":1}]}');
        }
        const page = await p.visit();
        assert.match(await failed(page), /^(A part of Hamster did not arrive|The model could not be fetched)\./);
        p.handlers[path()] = firstThen(stalls(path()));
        await page.click('#retry');
        await right(page);
      }));
    }

    test('a server that stalls within the program’s own script is told of, and “Try again” goes on', async () => {
      const path = '/wasm/wasm_exec.js';
      await within({ [workerPath]: inWorker(quick), [path]: stalls(path) }, async (p) => {
        const page = await p.visit();
        assert.match(await failed(page), /^A part of Hamster did not arrive\./);
        delete p.handlers[path];
        await page.click('#retry');
        await right(page);
      });
    });

    test('a server that never answers for the worker is told of, and “Try again” goes on', async () => {
      /** @type {ServerResponse[]} */
      const held = [];
      await within({ [workerPath]: (_, response) => held.push(response) }, async (p) => {
        const page = await p.visit((page) => page.evaluateOnNewDocument(faster(5)));
        assert.match(await failed(page), /^A part of Hamster did not arrive\./);
        delete p.handlers[workerPath];
        for (const response of held) response.destroy(); // Chromium goes on waiting for it
        await page.click('#retry');
        await right(page);
      });
    });
  });

  describe('two tabs', () => {
    test('share one download', async () => {
      /** @type {() => void} */
      let release = () => {};
      await within({ [files[2].path]: (_, __, pass) => { release = pass; } }, async (p) => {
        const one = await p.visit();
        await keptFiles(one, files.length - 1);
        const two = await p.visit();
        await two.waitForFunction(() => document.getElementById('status')?.textContent === 'Another tab is fetching the model…');
        release();
        await right(one);
        await right(two);
        assert.deepEqual(p.asked, once());
      });
    });

    test('the second takes over when the first is closed', async () => {
      await within({ [files[2].path]: firstThen(() => {}) }, async (p) => {
        const one = await p.visit();
        await keptFiles(one, files.length - 1);
        const two = await p.visit();
        await two.waitForFunction(() => document.getElementById('status')?.textContent === 'Another tab is fetching the model…');
        await one.close();
        await right(two);
        assert.deepEqual(p.asked, { ...once(), [files[2].path]: 2 });
      });
    });

    test('each fetch for themselves where there are no locks', () => within({
      [workerPath]: inWorker('Object.defineProperty(navigator, "locks", { value: undefined });'),
    }, async (p) => {
      const [one, two] = [await p.visit(), await p.visit()];
      await right(two);
      await right(one);
      assert.match(await note(two), keptNote);
    }));
  });
});
