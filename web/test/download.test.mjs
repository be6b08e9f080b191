import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { asResponse, open, Passing, readAll } from '../worker/download.js';
import { persistently } from '../worker/retry.js';

/** @type {import('../worker/download.js').Codes} */
const codes = {
  missing: 'model-missing',
  unreachable: 'model-unreachable',
  html: 'model-html',
  truncated: 'model-truncated',
  tooLarge: 'model-too-large',
};
const content = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * i) & 255));
const zipped = gzipSync(content);
const binary = { 'Content-Type': 'application/octet-stream' };

/** @type {Record<string, (response: import('node:http').ServerResponse) => void>} */
const answers = {
  '/plain': (response) => response.writeHead(200, { ...binary, 'Content-Length': content.length }).end(content),
  '/chunked': (response) => response.writeHead(200, binary).end(content),
  '/zipped': (response) => response.writeHead(200, {
    ...binary, 'Content-Encoding': 'gzip', 'Content-Length': zipped.length, 'X-Uncompressed-Length': content.length,
  }).end(zipped),
  '/zipped-unsaid': (response) => response.writeHead(200, { ...binary, 'Content-Encoding': 'gzip' }).end(zipped),
  '/zipped-short': (response) => response.writeHead(200, {
    ...binary, 'Content-Encoding': 'gzip', 'Content-Length': zipped.length, 'X-Uncompressed-Length': content.length + 1,
  }).end(zipped),
  '/gone': (response) => response.writeHead(410).end(),
  '/broken': (response) => response.writeHead(500).end(),
  '/page': (response) => response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end('<p>'),
  '/page-untyped': (response) => response.writeHead(200, binary).end('\ufeff \n<!DocType html>'),
  '/empty': (response) => response.writeHead(200, binary).end(),
  '/cut': (response) => {
    response.writeHead(200, { ...binary, 'Content-Length': content.length });
    response.write(content.subarray(0, 1000), () => setTimeout(() => response.destroy(), 50));
  },
  '/silent': () => {},
  '/stalled': (response) => response.writeHead(200, binary).write(content.subarray(0, 1000)),
  '/busy': (response) => response.writeHead(503).end(),
};

describe('a download', () => {
  /** @type {import('node:http').Server} */
  let server;
  /** @type {string} */
  let origin;

  before(async () => {
    server = createServer((request, response) => (answers[request.url ?? ''] ?? ((r) => r.writeHead(404).end()))(response));
    await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
    origin = `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  /**
   * @param {string} path
   * @param {number} [maxBytes]
   */
  async function fetchAll(path, maxBytes = 1e6) {
    /** @type {[number, number][]} */
    const progress = [];
    const onBytes = (/** @type {number} */ done, /** @type {number} */ total) => progress.push([done, total]);
    const bytes = await readAll(await open(origin + path, { codes, onBytes, maxBytes, stall: 200 }), maxBytes);
    return { bytes, progress };
  }

  for (const [path, wire] of /** @type {[string, number][]} */ ([
    ['/plain', content.length], ['/chunked', 0], ['/zipped', zipped.length], ['/zipped-unsaid', 0],
  ])) {
    test(`${path} arrives whole, and its progress counts to the end`, async () => {
      const { bytes, progress } = await fetchAll(path);
      assert.deepEqual(Buffer.from(bytes), content);
      assert.deepEqual(progress[0], [0, wire]);
      assert.deepEqual(progress.at(-1), [wire || content.length, wire]);
      assert.ok(progress.every(([done], i) => i === 0 || done >= progress[i - 1][0]), 'it never goes back');
    });
  }

  for (const [path, code] of [
    ['/nothing', 'model-missing'], ['/gone', 'model-missing'], ['/broken', 'model-unreachable'], ['/page', 'model-html'],
    ['/page-untyped', 'model-html'], ['/empty', 'model-truncated'], ['/cut', 'model-truncated'], ['/zipped-short', 'model-truncated'],
    ['/silent', 'model-unreachable'], ['/stalled', 'model-truncated'],
  ]) {
    test(`${path} is ${code}, and the address is named`, async () => {
      await assert.rejects(fetchAll(path), (/** @type {any} */ error) => {
        assert.equal(error.code, code);
        assert.equal(error.details.url, origin + path);
        assert.match(error.message, new RegExp(path));
        return true;
      });
    });
  }

  for (const [path, passes] of /** @type {[string, boolean][]} */ ([
    ['/silent', true], ['/stalled', true], ['/cut', true], ['/busy', true], ['/empty', true],
    ['/nothing', false], ['/gone', false], ['/page', false], ['/page-untyped', false],
  ])) {
    test(`${path} ${passes ? 'may' : 'will not'} pass`, () =>
      assert.rejects(fetchAll(path), (error) => error instanceof Passing === passes));
  }

  test('a signal ends it while it is silent', async () => {
    const stop = new AbortController();
    const opened = open(`${origin}/silent`, { codes, onBytes: () => {}, maxBytes: 1, init: { signal: stop.signal } });
    stop.abort();
    await assert.rejects(opened, { name: 'AbortError' });
  });

  test('a server that is not there is model-unreachable', () =>
    assert.rejects(open('http://127.0.0.1:9/', { codes, onBytes: () => {}, maxBytes: 1 }), { code: 'model-unreachable' }));

  for (const path of ['/plain', '/chunked', '/zipped', '/zipped-unsaid']) {
    test(`${path} is refused where it is too large`, () => assert.rejects(fetchAll(path, 1000), { code: 'model-too-large' }));
  }

  test('it passes on as a stream, and so do its failures', async () => {
    const options = { codes, onBytes: () => {}, maxBytes: 1e6 };
    const whole = asResponse(await open(`${origin}/chunked`, options), 'application/wasm');
    assert.equal(whole.headers.get('Content-Type'), 'application/wasm');
    assert.deepEqual(Buffer.from(await whole.arrayBuffer()), content);
    await assert.rejects(asResponse(await open(`${origin}/cut`, options), 'application/wasm').arrayBuffer(), { code: 'model-truncated' });
  });
});

describe('what is tried again', () => {
  /** @param {unknown[]} failures one of each attempt, until there are none left */
  function failing(...failures) {
    const done = { attempts: 0 };
    const attempt = async () => {
      done.attempts++;
      if (failures.length > 0) throw failures.shift();
      return 'done';
    };
    return { done, attempt };
  }
  const passing = () => new Passing('model-unreachable', 'for now');

  test('succeeds when a failure passes', async () => {
    const { done, attempt } = failing(passing(), passing());
    assert.equal(await persistently(attempt, { pause: 1 }), 'done');
    assert.equal(done.attempts, 3);
  });

  test('is given up after five failures', async () => {
    const { done, attempt } = failing(...Array.from({ length: 9 }, passing));
    await assert.rejects(persistently(attempt, { pause: 1 }), Passing);
    assert.equal(done.attempts, 5);
  });

  test('is given up at once when a failure lasts', async () => {
    const { done, attempt } = failing(passing(), new Error('for ever'));
    await assert.rejects(persistently(attempt, { pause: 1 }), { message: 'for ever' });
    assert.equal(done.attempts, 2);
  });

  test('waits longer each time', async () => {
    const { attempt } = failing(passing(), passing(), passing());
    const begun = performance.now();
    await persistently(attempt, { pause: 40 });
    assert.ok(performance.now() - begun > 0.75 * (40 + 80 + 160) - 5);
  });
});
