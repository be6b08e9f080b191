// Runs a headless Chromium for package bench: node driver.mjs CHROMIUM URL.
// A line on stdin is a call, {"call": NAME, "argument": …}; a line on stdout is
// its answer, {"result": …} or {"error": "…"}. Each call of globalThis.bench
// gets a page of its own. The browser ends with stdin.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const require = createRequire(new URL('../npm/package.json', import.meta.url));
/** @type {typeof import('puppeteer-core')} */
const puppeteer = require('puppeteer-core');

const [executablePath, url] = process.argv.slice(2);
const patience = 10 * 60_000;

const browser = await puppeteer.launch({
  executablePath,
  headless: true,
  protocolTimeout: patience,
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync',
    // Else a measurement of memory waits for the next garbage collection, up to a minute.
    '--enable-blink-features=ForceEagerMeasureMemory',
  ],
});

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

for await (const line of createInterface(process.stdin)) {
  const { call, argument } = JSON.parse(line);
  /** @type {{ result?: unknown, error?: string }} */
  let answer;
  try {
    answer = { result: call === 'version' ? await browser.version() : await onPage(call, argument) };
  } catch (cause) {
    answer = { error: cause instanceof Error ? cause.message : String(cause) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
