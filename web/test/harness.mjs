/**
 * What the end-to-end tests share: one build of Hamster, its server on a free
 * port, and a headless Chromium.
 *
 * HAMSTER_CHROMIUM names the browser, and HAMSTER_MODEL the model, where they
 * are not in their usual places.
 */

import { spawn, execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer, request as forward } from 'node:http';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

// The packages that tests use are installed in tools/npm.
const require = createRequire(new URL('../../tools/npm/package.json', import.meta.url));
/** @type {typeof import('puppeteer-core')} */
const puppeteer = require('puppeteer-core');

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const photos = join(root, 'testdata', 'photos');

const chromium = process.env.HAMSTER_CHROMIUM ?? '/usr/bin/chromium';

/** How long a load or a classification may take on a busy machine, in ms. */
export const patience = 120_000;

/** Why the tests cannot run here, or false. In CI a missing browser is a failure. */
export const skip = existsSync(chromium) || process.env.CI === 'true'
  ? false
  : `there is no Chromium at ${chromium} (HAMSTER_CHROMIUM names another)`;

/**
 * The command line, built once a run.
 *
 * @typedef {{ hamster: string, site: string, close: () => Promise<void> }} Build
 */

/** @returns {Promise<Build>} */
export async function build() {
  const dir = await mkdtemp(join(tmpdir(), 'hamster-e2e-'));
  const hamster = join(dir, 'hamster');
  const site = join(dir, 'site');
  const run = promisify(execFile);
  try {
    await run('go', ['build', '-o', hamster, './tools/hamster'], { cwd: root });
    await run(hamster, ['site', '--out', site], { cwd: root });
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    throw error;
  }
  return { hamster, site, close: () => rm(dir, { recursive: true, force: true }) };
}

/**
 * Starts `hamster serve` on a free port.
 *
 * @param {Build} build
 * @param {string[]} [options] more of them; a --model takes the place of the usual one
 */
export function serve({ hamster, site }, options = []) {
  const model = options.includes('--model') ? '' : process.env.HAMSTER_MODEL;
  return startServer(hamster, ['serve', '--addr', '127.0.0.1:0', '--site', site, ...(model ? ['--model', model] : []), ...options]);
}

/**
 * Starts a server that says its address in its first line, and ends at Ctrl+C.
 *
 * @param {string} command
 * @param {string[]} args
 * @returns {Promise<{ url: string, close: () => Promise<void> }>}
 */
export async function startServer(command, args) {
  const server = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  server.stderr.on('data', (chunk) => {
    said += chunk;
  });
  const ended = new Promise((resolve) => server.once('close', resolve));
  const url = await new Promise((resolve, reject) => {
    server.once('error', reject);
    createInterface(server.stdout).once('line', resolve);
    ended.then((status) => reject(new Error(`${basename(command)} ${args[0]} ended with status ${status}:\n${said}`)));
  });
  return {
    url,
    close: async () => {
      server.kill('SIGINT');
      await ended;
    },
  };
}

/**
 * A model that is loaded and run in a moment, for tests that are not about models.
 *
 * @param {Build} build whose folder it is put in
 * @returns {Promise<Buffer>}
 */
export async function colours({ site }) {
  const file = join(site, '..', 'colours.onnx');
  await promisify(execFile)('go', ['run', './tools/internal/colours', file], { cwd: root });
  return readFile(file);
}

/**
 * Asks the command line about a photo.
 *
 * @param {Build} build
 * @param {string} photo
 * @param {string} mode
 * @returns {Promise<{ predictions: { index: number, label: string, score: number }[] }>}
 */
export async function classifyNatively({ hamster }, photo, mode) {
  const model = process.env.HAMSTER_MODEL;
  const { stdout } = await promisify(execFile)(
    hamster,
    ['classify', '--json', '--mode', mode, ...(model ? ['--model', model] : []), photo],
    { cwd: root },
  );
  return JSON.parse(stdout)[0];
}

/**
 * @param {{ args?: string[] }} [options] `args`: more flags for Chromium
 * @returns {Promise<import('puppeteer-core').Browser>}
 */
export function launch({ args = [] } = {}) {
  return puppeteer.launch({
    executablePath: chromium,
    headless: true,
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', ...args,
    ],
    protocolTimeout: 2 * patience,
  });
}

/**
 * Opens a page in a fresh profile and writes down what it does wrong:
 * violations of the CSP, requests to other origins, errors nobody caught.
 *
 * @param {import('puppeteer-core').Browser} browser
 * @param {string} url
 * @param {(page: import('puppeteer-core').Page) => Promise<void>} [prepare] before the page is opened
 */
export async function openPage(browser, url, prepare = async () => {}) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  page.setDefaultTimeout(patience);
  /** @type {string[]} */
  const faults = [];
  const { origin } = new URL(url);
  page.on('request', (request) => {
    const address = request.url();
    if (!address.startsWith(`${origin}/`) && !/^(data|blob):/.test(address)) faults.push(`request to ${address}`);
  });
  page.on('pageerror', (error) => faults.push(`uncaught: ${/** @type {Error} */ (error).stack ?? error}`));
  page.on('console', (message) => {
    if (/content security policy/i.test(message.text())) faults.push(`console: ${message.text()}`);
  });
  await page.evaluateOnNewDocument(watch);
  await prepare(page);
  await page.goto(url);
  return { page, faults, close: () => context.close() };
}

/**
 * A server between the browser and Hamster's that answers some paths itself:
 * for what goes wrong out there.
 *
 * @param {string} target
 * @param {Record<string, (request: import('node:http').IncomingMessage, response: import('node:http').ServerResponse, pass: () => void) => void>} paths
 *   `pass` lets Hamster's server answer after all
 * @returns {Promise<{ url: string, close: () => Promise<void> }>}
 */
export async function interfere(target, paths) {
  const server = createServer((request, response) => {
    const address = new URL(request.url ?? '/', target);
    const pass = () => {
      const headers = { ...request.headers, host: address.host };
      const onward = forward(address, { method: request.method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      onward.on('error', () => response.destroy());
      response.on('close', () => onward.destroy());
      request.pipe(onward);
    };
    const own = paths[address.pathname];
    if (own) own(request, response, pass);
    else pass();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${address.port}/`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/**
 * The headers that every answer of Hamster's server carries and a page needs.
 *
 * @param {string} contentType
 */
export const headersOf = (contentType) => ({
  'Content-Type': contentType,
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
});

/**
 * For interfere: a service worker that does nothing. The real one's own requests
 * and answers would be counted too.
 *
 * @type {Parameters<typeof interfere>[1]}
 */
export const noServiceWorker = {
  '/sw.js': (_, response) => response.writeHead(200, headersOf('text/javascript')).end(),
};

/**
 * Runs in the page before its own scripts: keeps its workers and the answers
 * that they send, what the status said, and how far things jumped.
 */
function watch() {
  const global = /** @type {any} */ (globalThis);
  global.workers = [];
  global.results = [];
  global.statuses = [];
  global.shift = 0;
  const Worker = globalThis.Worker;
  globalThis.Worker = class extends Worker {
    /**
     * @param {string | URL} url
     * @param {WorkerOptions} [options]
     */
    constructor(url, options) {
      super(url, options);
      global.workers.push(this);
      this.addEventListener('message', ({ data }) => {
        if (data.type === 'result' && data.value.predictions) global.results.push(data.value);
      });
    }
  };
  addEventListener('securitypolicyviolation', (event) => {
    console.error(`content security policy: ${event.violatedDirective} ${event.blockedURI}`);
  });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) global.shift += /** @type {any} */ (entry).value;
  }).observe({ type: 'layout-shift', buffered: true });
  addEventListener('DOMContentLoaded', () => {
    const status = document.getElementById('status');
    if (!status) return;
    new MutationObserver(() => global.statuses.push(status.textContent)).observe(status, { childList: true });
  });
}

/**
 * Waits until the model is loaded.
 *
 * @param {import('puppeteer-core').Page} page
 */
export async function ready(page) {
  await page.waitForSelector('#model[data-ready]');
}

/**
 * Picks a file through the page's own field.
 *
 * @param {import('puppeteer-core').Page} page
 * @param {string} file
 */
export async function pick(page, file) {
  const field = /** @type {import('puppeteer-core').ElementHandle<HTMLInputElement> | null} */ (await page.$('#file'));
  if (!field) throw new Error('the page has no #file');
  await forget(page);
  await field.uploadFile(file);
}

/**
 * Makes the page's state of before not count as the next one.
 *
 * @param {import('puppeteer-core').Page} page
 */
export async function forget(page) {
  await page.evaluate(() => {
    document.body.dataset.state = 'asked';
  });
}

/**
 * Drops files on the page.
 *
 * @param {import('puppeteer-core').Page} page
 * @param {{ name: string, type: string, bytes: Uint8Array }[]} files
 */
export async function drop(page, files) {
  await forget(page);
  await page.evaluate((files) => {
    const dataTransfer = new DataTransfer();
    for (const { name, type, base64 } of files) {
      const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      dataTransfer.items.add(new File([bytes], name, { type }));
    }
    const stage = /** @type {HTMLElement} */ (document.getElementById('stage'));
    for (const type of ['dragenter', 'dragover', 'drop']) {
      stage.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
    }
  }, files.map(({ name, type, bytes }) => ({ name, type, base64: Buffer.from(bytes).toString('base64') })));
}

/**
 * Waits for the answer and returns what is shown.
 *
 * @param {import('puppeteer-core').Page} page
 * @returns {Promise<{ label: string, score: string }[]>}
 */
export async function answer(page) {
  await page.waitForFunction(() => /answered|failed/.test(document.body.dataset.state ?? ''));
  const said = await failure(page);
  if (said) throw new Error(`the page failed: ${said}`);
  return page.$$eval('#guesses li:not([hidden])', (guesses) => guesses.map((guess) => ({
    label: guess.querySelector('.guess-label')?.textContent ?? '',
    score: guess.querySelector('.guess-score')?.textContent ?? '',
  })));
}

/**
 * What the page says went wrong, or nothing.
 *
 * @param {import('puppeteer-core').Page} page
 */
export async function failure(page) {
  return page.evaluate(() => (document.body.dataset.state === 'failed'
    ? `${document.getElementById('failure-title')?.textContent} ${document.getElementById('failure-hint')?.textContent}`
    : ''));
}

/**
 * Waits until the page says that something went wrong, and what.
 *
 * @param {import('puppeteer-core').Page} page
 */
export async function failed(page) {
  await page.waitForFunction(() => document.body.dataset.state === 'failed');
  return failure(page);
}

/**
 * The facts beneath the answer.
 *
 * @param {import('puppeteer-core').Page} page
 * @returns {Promise<Record<string, string>>}
 */
export async function facts(page) {
  return Object.fromEntries(await page.$$eval('#facts div', (rows) => rows.map((row) => [
    row.querySelector('dt')?.textContent ?? '',
    row.querySelector('dd')?.textContent ?? '',
  ])));
}

/**
 * The longest task of a page's main thread while something is done, in
 * milliseconds of that thread's own time: what other programs take from the
 * machine meanwhile does not count, nor do the browser's own pages.
 *
 * @param {import('puppeteer-core').Page} page
 * @param {() => Promise<unknown>} work
 */
export async function longestTask(page, work) {
  await page.tracing.start({ categories: ['-*', 'toplevel', 'blink.user_timing'] });
  await work();
  await page.evaluate(() => performance.mark('the page under test'));
  const trace = await page.tracing.stop();
  /** @type {{ traceEvents: { name: string, pid: number, tid: number, tdur?: number }[] }} */
  const { traceEvents } = JSON.parse(Buffer.from(/** @type {Uint8Array} */ (trace)).toString());
  const own = traceEvents.find(({ name }) => name === 'the page under test');
  const tasks = traceEvents.filter(({ name, pid, tid }) => name === 'ThreadControllerImpl::RunTask' && pid === own?.pid && tid === own.tid);
  if (tasks.length === 0) throw new Error('the trace holds no task of the page’s main thread');
  return Math.max(...tasks.map(({ tdur = 0 }) => tdur / 1000));
}

/**
 * What keeps people from a page: what axe finds, light and dark, and how far it
 * runs out of a screen of 320 pixels.
 *
 * @param {import('puppeteer-core').Page} page
 * @returns {Promise<string[]>}
 */
export async function obstacles(page) {
  await page.setViewport({ width: 1280, height: 900 });
  if (!await page.evaluate('globalThis.axe')) await page.evaluate(await readFile(require.resolve('axe-core/axe.min.js'), 'utf8'));
  /** @type {string[]} */
  const found = [];
  for (const scheme of ['light', 'dark']) {
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }, { name: 'prefers-reduced-motion', value: 'reduce' }]);
    const violations = await page.evaluate(async () => {
      const { violations } = await /** @type {any} */ (globalThis).axe.run(document, { resultTypes: ['violations'] });
      return violations.map((/** @type {any} */ { id, nodes }) => `${id}: ${nodes.map((/** @type {any} */ { html, any }) => `${html.slice(0, 120)} ${any[0]?.message ?? ''}`).join(' | ')}`);
    });
    found.push(...violations.map((/** @type {string} */ violation) => `${scheme}: ${violation}`));
  }
  await page.setViewport({ width: 320, height: 640 });
  const [wide, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  if (wide > screen) found.push(`it is ${wide} pixels wide on a screen of ${screen}`);
  return found;
}
