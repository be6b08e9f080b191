/**
 * Five hundred photos, and the page's memory meanwhile: `make test-many`.
 */

import assert from 'node:assert/strict';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { build, launch, openPage, photos, ready, serve, skip } from './harness.mjs';

const count = 500;
const sources = ['chelsea.png', 'coffee.png', 'rocket.jpg', 'astronaut.png'];

/** After this many photos everything has been made that is made once. */
const warm = 100;

/** How much more the page may take at the end, in bytes: 20 KB for each photo. */
const growth = 20_000 * (count - warm);

describe('five hundred photos', { skip }, () => {
  /** @type {Awaited<ReturnType<typeof build>>} */
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
    dir = await mkdtemp(join(tmpdir(), 'hamster-many-'));
  });

  after(async () => {
    await browser?.close();
    await server?.close();
    await built?.close();
    if (dir) await rm(dir, { recursive: true, force: true });
  });

  test('are answered one after the other, and memory stays flat', async () => {
    const files = [];
    for (let i = 0; i < count; i++) {
      const file = join(dir, `${String(i).padStart(3, '0')}-${sources[i % sources.length]}`);
      await cp(join(photos, sources[i % sources.length]), file);
      files.push(file);
    }
    const { page, faults } = await openPage(browser, server.url);
    page.setDefaultTimeout(20 * 60_000);
    await ready(page);
    const field = /** @type {import('puppeteer-core').ElementHandle<HTMLInputElement>} */ (await page.$('#file'));
    await field.uploadFile(...files);
    const done = (/** @type {number} */ n) => page.waitForFunction((n) => document.querySelectorAll('.tile[data-state="done"]').length >= n, { polling: 500 }, n);
    const memory = () => page.evaluate(async () => (await /** @type {any} */ (performance).measureUserAgentSpecificMemory()).bytes);
    await done(warm);
    const before = await memory();
    await done(count);
    const after = await memory();
    const said = await page.$eval('#status', (status) => status.textContent);
    console.log(`${said} ${(before / 1e6).toFixed(1)} MB after ${warm}, ${(after / 1e6).toFixed(1)} MB after ${count}`);
    assert.ok(after - before < growth, `the page grew by ${after - before} bytes`);
    assert.deepEqual(faults, []);
  });
});
