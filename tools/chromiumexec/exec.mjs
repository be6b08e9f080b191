// Runs a GOOS=js GOARCH=wasm program in a worker of headless Chromium, as
//
//	GOOS=js GOARCH=wasm go test -exec 'node …/tools/chromiumexec/exec.mjs' ./…
//
// does for a test. The page is cross-origin isolated, so that the program has
// shared memory and threads. Its files, arguments, output and exit code are
// those of this process: worker.mjs sends every call of Go's `fs` here, over
// HTTP on this machine. The repository's web/ and the folder that the program
// runs in are served beside the worker, as web/ and here/; `hangs` never
// answers.
//
// HAMSTER_CHROMIUM names the browser; without it `chromium` is looked for.

import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const puppeteer = createRequire(path.join(repository, 'tools/npm/package.json'))('puppeteer-core');

const [program, ...args] = process.argv.slice(2);
if (!program) {
  console.error('usage: exec.mjs PROGRAM.wasm [ARGUMENT…]');
  process.exit(2);
}
const start = path.resolve('.');
// What a test may need of the environment; wasm_exec.js has room for a few KB.
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => /^(HOME|PATH|PWD|CI|TMPDIR|HAMSTER_.*|GO[A-Z]*)$/.test(name)),
);

// Only whoever knows this may call fs.
const base = `/${randomUUID()}/`;

/** @type {Record<string, (...args: any[]) => any>} */
const calls = {
  cwd: () => process.cwd(),
  chdir: (dir) => process.chdir(dir),
  // A file comes whole, since every request costs milliseconds: the length of
  // what fstat says, that, and the bytes. Folders and huge files are refused.
  whole(file) {
    const stat = fs.statSync(file);
    if (!stat.isFile() || stat.size > 32 << 20) throw Object.assign(new Error('no file to send whole'), { code: 'EFBIG' });
    const head = Buffer.from(JSON.stringify(stat));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(head.length);
    return Buffer.concat([length, head, fs.readFileSync(file)]);
  },
  write(fd, position, bytes) {
    for (let at = 0; at < bytes.length; ) {
      try {
        at += fs.writeSync(fd, bytes, at, bytes.length - at, position === null ? null : position + at);
      } catch (e) {
        if (/** @type {any} */ (e).code !== 'EAGAIN') throw e; // a full pipe
      }
    }
    return bytes.length;
  },
  read(fd, length, position) {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, fs.readSync(fd, bytes, 0, length, position));
  },
};

/** @param {string} name @param {any[]} list */
function call(name, list) {
  if (Object.hasOwn(calls, name)) return calls[name](...list);
  return /** @type {any} */ (fs)[name + 'Sync'](...list);
}

/** @param {import('node:http').IncomingMessage} req */
async function body(req) {
  const parts = [];
  for await (const part of req) parts.push(part);
  return Buffer.concat(parts);
}

const types = /** @type {Record<string, string>} */ ({ js: 'text/javascript', mjs: 'text/javascript', wasm: 'application/wasm', html: 'text/html' });

/** The file that an address stands for. @param {string} name */
function fileOf(name) {
  if (name === 'worker.mjs') return fileURLToPath(new URL('worker.mjs', import.meta.url));
  if (name === 'program.wasm') return path.resolve(start, program);
  if (name === 'wasm_exec.js') return path.join(execFileSync('go', ['env', 'GOROOT'], { encoding: 'utf8' }).trim(), 'lib/wasm/wasm_exec.js');
  if (name.startsWith('web/')) return path.join(repository, path.posix.normalize(name));
  if (name.startsWith('here/')) return path.join(start, path.posix.normalize(name.slice('here/'.length)));
  return '';
}

const server = createServer(async (req, res) => {
  res.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
  res.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
  res.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
  const url = new URL(req.url ?? '/', 'http://localhost');
  const name = url.pathname.startsWith(base) ? url.pathname.slice(base.length) : '..';
  if (req.method === 'POST' && name.startsWith('fs/')) {
    const bytes = await body(req);
    try {
      const list = JSON.parse(url.searchParams.get('args') ?? '[]');
      const result = call(name.slice('fs/'.length), name === 'fs/write' ? [...list, bytes] : list);
      res.end(Buffer.isBuffer(result) ? result : JSON.stringify(result ?? null));
    } catch (e) {
      const { code, message } = /** @type {NodeJS.ErrnoException} */ (e);
      res.statusCode = 400;
      res.end(JSON.stringify({ code: code ?? 'EIO', message }));
    }
    return;
  }
  if (name === 'hangs') return;
  if (name === '') {
    res.setHeader('Content-Type', types.html);
    res.end('<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>Go</title>');
    return;
  }
  const file = fileOf(name);
  if (!file || !fs.statSync(file, { throwIfNoEntry: false })?.isFile()) {
    res.statusCode = 404;
    res.end();
    return;
  }
  res.setHeader('Content-Type', types[path.extname(name).slice(1)] ?? 'application/octet-stream');
  fs.createReadStream(file).pipe(res);
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());

function chromium() {
  return process.env.HAMSTER_CHROMIUM || execFileSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).trim();
}
// Over a pipe the browser ends with this process, however that ends.
const browser = await puppeteer.launch({
  executablePath: chromium(),
  pipe: true,
  protocolTimeout: 0, // go test has a limit of its own
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
  ],
});
for (const signal of ['SIGQUIT', 'SIGTERM', 'SIGINT']) {
  process.once(signal, async () => {
    await browser.close();
    process.exit(2);
  });
}
const page = await browser.newPage();
page.on('console', (/** @type {any} */ message) => {
  if (message.type() === 'error') fs.writeSync(2, `browser: ${message.text()}\n`);
});
await page.goto(`http://127.0.0.1:${port}${base}`);
const started = { argv: [program, ...args], env, constants: fs.constants };
const { code, error } = await page.evaluate(
  (/** @type {object} */ message) =>
    new Promise((resolve) => {
      const worker = new Worker('worker.mjs', { type: 'module' });
      worker.addEventListener('message', ({ data }) => resolve(data));
      worker.addEventListener('error', (e) => resolve({ code: 2, error: e.message || 'the worker did not start' }));
      worker.postMessage(message);
    }),
  started,
);
if (error) fs.writeSync(2, `${error}\n`);
await browser.close();
process.exit(code);
