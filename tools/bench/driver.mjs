// Runs a headless Chromium for package bench: node driver.mjs CHROMIUM URL.
// A line on stdin is a call, {"call": NAME, "argument": …}; a line on stdout is
// its answer, {"result": …} or {"error": "…"}. Each call of globalThis.bench
// gets a page of its own; native runs beside the browser, and visit goes
// somewhere else. The browser ends with stdin.

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const require = createRequire(new URL('../npm/package.json', import.meta.url));
/** @type {typeof import('puppeteer-core')} */
const puppeteer = require('puppeteer-core');

const [executablePath, url] = process.argv.slice(2);
const patience = 10 * 60_000;

const launch = () => puppeteer.launch({
  executablePath,
  headless: true,
  protocolTimeout: patience,
  args: [
    '--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync',
    // Else a measurement of memory waits for the next garbage collection, up to a minute.
    '--enable-blink-features=ForceEagerMeasureMemory',
    '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream=fps=60',
  ],
});

const browser = await launch();

/**
 * The most memory that any page's process ever held, in bytes; 0 where the
 * system does not tell.
 */
async function peak() {
  const session = await browser.target().createCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  const peaks = await Promise.all(
    processInfo.filter(({ type }) => type === 'renderer').map(async ({ id }) => {
      const status = await readFile(`/proc/${id}/status`, 'utf8').catch(() => '');
      return 1024 * Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0);
    }),
  );
  return Math.max(0, ...peaks);
}

/**
 * @param {string} call
 * @param {unknown} argument
 */
async function onPage(call, argument) {
  const page = await browser.newPage();
  try {
    const crashed = new Promise((_, reject) => {
      page.on('error', reject);
      page.on('pageerror', reject);
    });
    page.on('console', (message) => console.error(`bench: ${message.text()}`));
    const work = (async () => {
      await page.goto(url);
      await page.waitForFunction('globalThis.bench');
      const result = await page.evaluate(
        // @ts-ignore: page.mjs sets it
        (call, argument) => globalThis.bench[call](argument),
        call,
        argument,
      );
      return call === 'measure' && result.memory ? { ...result, peak: await peak() } : result;
    })();
    return await Promise.race([work, crashed]);
  } finally {
    await page.close().catch(() => {}); // of a page that crashed
  }
}

/**
 * What a native engine makes of a job.
 *
 * @param {unknown} job
 */
async function native(job) {
  const script = fileURLToPath(new URL('native.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script, JSON.stringify(job)], { timeout: patience, maxBuffer: 1 << 26 });
  return JSON.parse(stdout);
}

/**
 * A visitor has a browser of their own, whose profile is fresh and on disk as
 * anybody's. It stays until the next one comes or the visitor leaves: a service
 * worker may still be at work.
 *
 * @type {{ browser?: import('puppeteer-core').Browser, page?: import('puppeteer-core').Page }}
 */
const visitor = {};

/**
 * Opens a site, with a fresh profile or with that of the last visit, and asks it
 * about a photo as soon as it can be asked.
 *
 * @param {{ url: string, photo: string, fresh: boolean }} where
 */
async function visit({ url, photo, fresh }) {
  if (fresh) await leave();
  visitor.browser ??= await launch();
  await visitor.page?.close();
  const page = await visitor.browser.newPage();
  visitor.page = page;
  page.setDefaultTimeout(patience);
  const complaints = new Promise((_, reject) => {
    page.on('error', reject);
    page.on('pageerror', reject);
  });
  await page.evaluateOnNewDocument(() => {
    addEventListener('DOMContentLoaded', () => {
      const told = new MutationObserver(() => {
        const { state } = document.body.dataset;
        if (state === 'answered' || state === 'failed') {
          Object.assign(globalThis, { told: { state, ms: performance.now() } });
          told.disconnect();
        }
      });
      told.observe(document.body, { attributeFilter: ['data-state'] });
    });
  });
  const work = (async () => {
    await page.goto(url, { waitUntil: 'domcontentloaded' });
    const field = /** @type {import('puppeteer-core').ElementHandle<HTMLInputElement>} */ (await page.waitForSelector('#file'));
    await field.uploadFile(photo);
    await page.waitForFunction('globalThis.told');
    return page.evaluate(() => {
      const { state, ms } = /** @type {any} */ (globalThis).told;
      if (state !== 'answered') throw new Error(`the page failed: ${document.body.innerText.slice(0, 1000)}`);
      const measures = performance.getEntriesByType('measure').map(({ name, duration }) => [name, duration]);
      return {
        ms,
        label: document.querySelector('#guesses li:not([hidden]) .guess-label')?.textContent ?? '',
        stages: Object.fromEntries(measures),
      };
    });
  })();
  return Promise.race([work, complaints]);
}

async function leave() {
  await visitor.browser?.close();
  visitor.browser = undefined;
  visitor.page = undefined;
}

/** @type {Record<string, (argument: any) => Promise<unknown>>} */
const calls = {
  version: () => browser.version(),
  native,
  visit,
  leave: async () => {
    await leave();
    return null;
  },
};

for await (const line of createInterface(process.stdin)) {
  const { call, argument } = JSON.parse(line);
  /** @type {{ result?: unknown, error?: string }} */
  let answer;
  try {
    answer = { result: call in calls ? await calls[call](argument) : await onPage(call, argument) };
  } catch (cause) {
    answer = { error: cause instanceof Error ? cause.message : String(cause) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await leave();
await browser.close();
