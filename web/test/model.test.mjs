import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { after, before, beforeEach, describe, test } from 'node:test';

/**
 * @import { ServerResponse } from 'node:http'
 *
 * @typedef {{ manifest: string, files: Record<string, Promise<Uint8Array<ArrayBuffer>>> }} Source
 * @typedef {(source: Source, snapshot: Promise<null>, remember: boolean) => Promise<string>} Begin
 */

// Its types are those of a worker.
const worker = new URL('../worker/', import.meta.url).href;
const { obtain } = await import(`${worker}model.js`);

// Node.js 20 has none, and so no locks.
if (!globalThis.navigator) Object.defineProperty(globalThis, 'navigator', { value: {} });

const sha256 = (/** @type {string | Uint8Array} */ bytes) => createHash('sha256').update(bytes).digest('hex');

/** By path: a graph, and shards of which the last is not needed. @type {Map<string, Uint8Array<ArrayBuffer>>} */
const contents = new Map(['graph.onnx', 'a.bin', 'b.bin', 'spare.bin'].map((path, i) => [path, new Uint8Array(1000).fill(i + 1)]));
const described = [...contents].map(([path, bytes]) => ({ path, size: bytes.length, sha256: sha256(bytes), compressed: bytes.length }));
const [graph, ...shards] = described;
const text = JSON.stringify({ name: 'model', size: 4000, compressed: 4000, graph, shards });

describe('a model that is loaded while it comes', () => {
  /** @type {import('node:http').Server} */
  let server;
  /** @type {string} */
  let url;
  /** What does not come as it should. @type {Record<string, (response: ServerResponse) => void>} */
  let handlers;
  /** What is kept, by its hash. @type {Map<string, Uint8Array<ArrayBuffer>>} */
  let files;
  /** Whether all of it was kept once. */
  let known = false;
  /** Whether nothing can be kept. */
  let refuses = false;

  before(async () => {
    server = createServer((request, response) => {
      const path = (request.url ?? '').slice(1);
      const answer = handlers[path] ?? (() => response.end(contents.get(path) ?? text));
      answer(response);
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
    url = `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}/model.json`;
  });

  beforeEach(() => {
    handlers = {};
    files = new Map();
    known = false;
    refuses = false;
  });

  after(() => {
    server.closeAllConnections();
    server.close();
  });

  /** @param {Begin} begin */
  function obtained(begin) {
    const engine = {
      build: '', // without snapshots
      describe: async (/** @type {string} */ manifest) => JSON.parse(manifest),
      store: {
        find: async () => {
          if (refuses) throw Object.assign(new Error('no'), { code: 'store-refused' });
          return known ? { id: sha256(text), base: url, manifest: text } : null;
        },
        begin: async () => {},
        get: async (/** @type {string} */ hash) => files.get(hash) ?? null,
        put: async (/** @type {string} */ _, /** @type {string} */ hash, /** @type {Uint8Array<ArrayBuffer>} */ bytes) => {
          await new Promise((resolve) => setTimeout(resolve, 20));
          files.set(hash, bytes.slice());
        },
        complete: async () => described.filter((file) => !files.has(file.sha256)).map((file) => file.sha256),
      },
    };
    return obtain(url, Promise.resolve({ base: url, text }), engine, { bytes: () => {}, tell: () => {} }, begin);
  }

  /** Begins as the engine does, which reads one file after the other. @param {string[]} needed */
  const needing = (needed) => async (/** @type {Source} */ { files }) => {
    for (const path of needed) await files[path];
    return 'loaded';
  };

  const all = needing([...contents.keys()]);

  const missing = (/** @type {ServerResponse} */ response) => response.writeHead(404).end();

  test('is served from memory where a file that was not needed cannot be had', async () => {
    const { begun, kept, files } = await obtained(async (source) => {
      const loading = needing(['graph.onnx', 'a.bin', 'b.bin'])(source);
      handlers['spare.bin'] = (response) => loading.then(() => missing(response));
      return loading;
    });
    assert.equal(await begun, 'loaded');
    assert.deepEqual(kept, { state: 'memory', from: 'network', id: sha256(text), size: 4000, fetched: 4000, reason: 'store-failed' });
    assert.equal(files.length, 3);
  });

  test('is served from memory where a kept file that was not needed is gone', async () => {
    known = true;
    for (const [path, bytes] of contents) if (path !== 'graph.onnx') files.set(sha256(bytes), bytes);
    handlers['graph.onnx'] = missing;
    const { begun, kept } = await obtained(needing(['a.bin', 'b.bin']));
    assert.equal(await begun, 'loaded');
    assert.deepEqual([kept.state, kept.from], ['memory', 'cache']);
  });

  test('is refused by the engine while the rest comes, which is left, and what is whole is kept', async () => {
    const refusal = Object.assign(new Error('no such operator'), { code: 'model-unsupported' });
    const left = new Promise((resolve) => {
      handlers['b.bin'] = (response) => response.on('close', resolve).write('it begins');
    });
    await assert.rejects(obtained(async (source) => {
      await needing(['graph.onnx', 'a.bin', 'spare.bin'])(source);
      throw refusal;
    }), (error) => error === refusal);
    await left;
    assert.deepEqual(files, new Map([...contents].filter(([path]) => path !== 'b.bin').map(([, bytes]) => [sha256(bytes), bytes])));
  });

  for (const [what, refusing] of /** @type {[string, boolean][]} */ ([['is', false], ['is not', true]])) {
    test(`${what} remembered where a browser ${refusing ? 'keeps nothing' : 'keeps it'}`, async () => {
      refuses = refusing;
      /** @type {boolean | null} */
      let remembered = null;
      const { kept } = await obtained((source, _, remember) => {
        remembered = remember;
        return all(source);
      });
      assert.deepEqual([remembered, kept.reason], [!refusing, refusing ? 'store-refused' : '']);
    });
  }

  test('leaves nothing in memory when it is refused', async () => {
    /** @type {Uint8Array[]} */
    const arrived = [];
    await assert.rejects(obtained(async (source) => {
      const others = needing(['graph.onnx', 'a.bin', 'b.bin'])(source);
      handlers['spare.bin'] = (response) => others.then(() => missing(response));
      for (const promise of Object.values(source.files)) arrived.push(await promise);
      return 'loaded';
    }), { code: 'model-missing' });
    assert.deepEqual(arrived.map(({ length }) => length), [0, 0, 0]);
  });

  test('is refused for the reason why a file cannot be had', async () => {
    handlers['b.bin'] = missing;
    await assert.rejects(obtained(needing(['graph.onnx', 'a.bin', 'b.bin'])), { code: 'model-missing', message: /b\.bin is not there/ });
  });
});
