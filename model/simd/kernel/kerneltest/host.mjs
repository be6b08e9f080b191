// A host of package kerneltest: reads cases on stdin, writes results on stdout.
// Without an argument the cases run in this Node; with the path of a Chromium,
// in a page (cross-origin isolated, in a worker: the main thread may not wait).

import http from 'node:http';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { runCase } from './case.mjs';

// Node 20 has relaxed SIMD behind a flag, which later versions do not know.
if (process.versions.node.split('.')[0] < 22) {
  setFlagsFromString('--experimental-wasm-relaxed-simd');
}

const chromium = process.argv[2];

async function* frames(stream) {
  let held = Buffer.alloc(0);
  let parts = [];
  let size = 0;
  let want = 4;
  let header = true;
  for await (const chunk of stream) {
    parts.push(chunk);
    size += chunk.length;
    while (size >= want) {
      held = Buffer.concat(parts);
      const body = held.subarray(0, want);
      const rest = held.subarray(want);
      parts = [rest];
      size = rest.length;
      if (header) {
        want = body.readUInt32LE(0);
      } else {
        want = 4;
        yield new Uint8Array(body);
      }
      header = !header;
    }
  }
}

function write(...list) {
  for (const bytes of list) {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    process.stdout.write(length);
    process.stdout.write(bytes);
  }
}

// Workers outlive their case: starting one costs more than most cases.
const idle = [];
async function startNodeWorker(message) {
  const worker = idle.pop() ?? new Worker(new URL('./worker.mjs', import.meta.url));
  const next = () =>
    new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
  const ready = next();
  worker.postMessage(message);
  await ready;
  return {
    run(program) {
      const reply = next();
      worker.postMessage({ program });
      return reply;
    },
    release() {
      worker.removeAllListeners('error');
      idle.push(worker);
    },
  };
}

async function nodeHost() {
  return {
    run: (head, wasm, image) => runCase(wasm, image, head, startNodeWorker),
    close: () => Promise.all(idle.map((w) => w.terminate())),
  };
}

const page = `<!doctype html><meta charset=utf-8><title>kerneltest</title>`;

async function chromiumHost(executablePath) {
  const require = createRequire(new URL('../../../../tools/npm/package.json', import.meta.url));
  const puppeteer = require('puppeteer-core');
  let current;
  let result;
  const server = http.createServer(async (req, res) => {
    res.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
    res.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
    res.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
    try {
      if (req.method === 'POST') {
        const parts = [];
        for await (const c of req) parts.push(c);
        result = Buffer.concat(parts);
        res.end();
      } else if (req.url === '/') {
        res.setHeader('Content-Type', 'text/html');
        res.end(page);
      } else if (req.url === '/wasm' || req.url === '/image') {
        res.end(req.url === '/wasm' ? current.wasm : current.image);
      } else if (/^\/(case|worker|page)\.mjs$/.test(req.url)) {
        res.setHeader('Content-Type', 'text/javascript');
        res.end(await readFile(fileURLToPath(new URL('.' + req.url, import.meta.url))));
      } else {
        res.statusCode = 404;
        res.end();
      }
    } catch (e) {
      res.statusCode = 500;
      res.end(String(e));
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const browser = await puppeteer.launch({
    executablePath,
    headless: true,
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync',
    ],
  });
  const tab = await browser.newPage();
  await tab.goto(`http://127.0.0.1:${server.address().port}/`);
  return {
    async run(head, wasm, image) {
      current = { wasm: Buffer.from(wasm), image: Buffer.from(image) };
      result = undefined;
      const reply = await tab.evaluate(
        (head) =>
          new Promise((resolve) => {
            // Every memory holds gigabytes of address space until it is collected;
            // a worker that ends gives back its own at once.
            window.cases = (window.cases ?? 0) + 1;
            if (window.cases % 25 === 0) {
              window.runner.terminate();
              window.runner = null;
            }
            const worker = (window.runner ??= new Worker('/page.mjs', { type: 'module' }));
            worker.onmessage = (e) => resolve(e.data);
            worker.onerror = (e) => resolve({ error: e.message || 'the worker failed' });
            worker.postMessage(head);
          }),
        head,
      );
      if (reply.error) throw new Error(reply.error);
      return { results: reply.results, memory: result };
    },
    async close() {
      await browser.close();
      server.close();
    },
  };
}

const host = chromium ? await chromiumHost(chromium) : await nodeHost();
let parts = [];
for await (const frame of frames(process.stdin)) {
  parts.push(frame);
  if (parts.length < 3) continue;
  const [head, wasm, image] = parts;
  parts = [];
  try {
    const { results, memory } = await host.run(JSON.parse(Buffer.from(head).toString()), wasm, image);
    write(Buffer.from(JSON.stringify({ results })), memory);
  } catch (e) {
    write(Buffer.from(JSON.stringify({ error: String(e?.message ?? e) })), Buffer.alloc(0));
  }
}
await host.close();
