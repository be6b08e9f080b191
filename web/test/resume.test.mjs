import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { fetchWhole } from '../worker/resume.js';

/** @type {import('../worker/download.js').Codes} */
const codes = {
  missing: 'model-missing', unreachable: 'model-unreachable', html: 'model-html', truncated: 'model-truncated', tooLarge: 'model-too-large',
};

const content = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7 + (i >> 8)) % 251));

describe('a file of known size', () => {
  /** @type {import('node:http').Server} */
  let server;
  /** @type {string} */
  let url;
  /**
   * What to do with each request in turn; the last is repeated.
   * @type {((request: import('node:http').IncomingMessage, response: import('node:http').ServerResponse) => void)[]}
   */
  let answers = [];
  /** @type {(string | undefined)[]} */
  let ranges = [];

  before(async () => {
    server = createServer((request, response) => {
      ranges.push(request.headers.range);
      (answers.length > 1 ? answers.shift() : answers[0])?.(request, response);
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
    url = `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}/shard.bin`;
  });

  after(() => {
    server.closeAllConnections();
    server.close();
  });

  /** @typedef {typeof answers[0]} Answer */

  /** @type {Answer} */
  const whole = (_, response) => response.end(content);
  /** @param {number} to @returns {Answer} */
  const cutAt = (to) => (request, response) => {
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    response.writeHead(from ? 206 : 200, {
      'Content-Length': content.length - from, ...(from && { 'Content-Range': `bytes ${from}-${content.length - 1}/${content.length}` }),
    });
    response.write(content.subarray(from, to), () => response.socket?.end()); // what was written arrives
  };
  /** @type {Answer} */
  const ranged = (request, response) => {
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    response.writeHead(206, { 'Content-Range': `bytes ${from}-${content.length - 1}/${content.length}` }).end(content.subarray(from));
  };
  /** @param {number} status @returns {Answer} */
  const status = (status) => (_, response) => response.writeHead(status).end();

  /** @param {Answer[]} list @param {Partial<Parameters<typeof fetchWhole>[1]>} [options] */
  const get = (list, options = {}) => {
    answers = [...list];
    ranges = [];
    return fetchWhole(url, { size: content.length, codes, onBytes: () => {}, signal: new AbortController().signal, pause: 1, stall: 300, ...options });
  };

  for (const { name, list, asked } of /** @type {{ name: string, list: Answer[], asked: (string | undefined)[] }[]} */ ([
    { name: 'arrives whole', list: [whole], asked: [undefined] },
    { name: 'goes on where it broke off', list: [cutAt(100_000), ranged], asked: [undefined, 'bytes=100000-'] },
    { name: 'goes on twice', list: [cutAt(100_000), cutAt(200_000), ranged], asked: [undefined, 'bytes=100000-', 'bytes=200000-'] },
    { name: 'begins again where ranges are passed over', list: [cutAt(100_000), whole], asked: [undefined, 'bytes=100000-'] },
    { name: 'begins again where ranges are refused', list: [cutAt(100_000), status(416), whole], asked: [undefined, 'bytes=100000-', undefined] },
    {
      name: 'begins again where another range comes',
      list: [cutAt(100_000), (_, response) => response.writeHead(206, { 'Content-Range': `bytes 5-9/${content.length}` }).end('12345'), whole],
      asked: [undefined, 'bytes=100000-', undefined],
    },
    { name: 'waits for a server in trouble', list: [status(503), status(429), (_, response) => response.destroy(), whole], asked: [undefined, undefined, undefined, undefined] },
    { name: 'leaves a server that stalls', list: [(_, response) => response.write(content.subarray(0, 70_000)), ranged], asked: [undefined, 'bytes=70000-'] },
    { name: 'leaves a server that never answers', list: [() => {}, whole], asked: [undefined, undefined] },
  ])) {
    test(name, async () => {
      assert.deepEqual(Buffer.from(await get(list)), content);
      assert.deepEqual(ranges, asked);
    });
  }

  for (const { name, list, code, times } of /** @type {{ name: string, list: Answer[], code: string, times: number }[]} */ ([
    { name: 'not there', list: [status(404)], code: 'model-missing', times: 1 },
    { name: 'forbidden', list: [status(403)], code: 'model-unreachable', times: 1 },
    { name: 'a web page', list: [(_, response) => response.end('<!doctype html>')], code: 'model-html', times: 1 },
    { name: 'too long', list: [(_, response) => response.writeHead(200, { 'Transfer-Encoding': 'chunked' }).end(Buffer.concat([content, content]))], code: 'model-damaged', times: 1 },
    { name: 'too short', list: [(_, response) => response.end('abc')], code: 'model-truncated', times: 5 },
    { name: 'in trouble for ever', list: [status(503)], code: 'model-unreachable', times: 5 },
  ])) {
    test(`one that is ${name} is ${code} after ${times} attempts`, async () => {
      await assert.rejects(get(list), { code });
      assert.equal(ranges.length, times);
    });
  }

  test('many cuts with progress in between are not given up', async () => {
    const cuts = Array.from({ length: 4 }, (_, i) => cutAt(70_000 * (i + 1)));
    assert.deepEqual(Buffer.from(await get([...cuts, status(503), status(503), ranged])), content);
  });

  test('progress counts to the end', async () => {
    /** @type {[number, number][]} */
    const progress = [];
    await get([cutAt(100_000), ranged], { onBytes: (done, total) => progress.push([done, total]) });
    assert.deepEqual(progress.at(-1), [content.length, content.length]);
    assert.ok(progress.every(([done], i) => i === 0 || done >= progress[i - 1][0]));
  });

  for (const [when, list] of /** @type {[string, Answer[]][]} */ ([
    ['before the answer', [() => {}]], ['within the answer', [(_, response) => response.write('abc')]], ['between attempts', [status(503)]],
  ])) {
    test(`a signal stops it ${when}`, async () => {
      const stop = new AbortController();
      const got = get(list, { signal: stop.signal, pause: 10_000, stall: 10_000 });
      setTimeout(() => stop.abort(), 100);
      await assert.rejects(got, { name: 'AbortError' });
    });
  }
});
