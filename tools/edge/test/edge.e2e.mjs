/** The page, out of Cloudflare's own runtime. */

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { answer, launch, openPage, photos, pick, ready, root, skip } from '../../../web/test/harness.mjs';

const cat = join(photos, 'chelsea.png');

/**
 * Starts the edge on a free port.
 *
 * @param {string} dir for the build
 * @returns {Promise<{ url: string, close: () => Promise<void> }>}
 */
async function start(dir) {
  const edge = join(dir, 'edge');
  await promisify(execFile)('go', ['build', '-o', edge, './tools/edge'], { cwd: root });
  const model = process.env.HAMSTER_MODEL;
  const server = spawn(
    edge,
    ['dev', '--addr', '127.0.0.1:0', '--out', join(dir, 'build'), ...(model ? [model] : [])],
    { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let said = '';
  server.stderr.on('data', (chunk) => {
    said += chunk;
  });
  const ended = new Promise((resolve) => server.once('close', resolve));
  const url = await new Promise((resolve, reject) => {
    createInterface(server.stdout).once('line', resolve);
    ended.then((status) => reject(new Error(`edge dev ended with status ${status}:\n${said}`)));
  });
  return {
    url,
    close: async () => {
      server.kill('SIGINT');
      await ended;
    },
  };
}

describe('the edge', { skip }, () => {
  /** @type {string} */
  let dir;
  /** @type {Awaited<ReturnType<typeof start>>} */
  let server;
  /** @type {import('puppeteer-core').Browser} */
  let browser;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'hamster-edge-'));
    server = await start(dir);
    browser = await launch();
  });

  after(async () => {
    await browser?.close();
    await server?.close();
    await rm(dir, { recursive: true, force: true });
  });

  test('a photo is classified, and again when the network is gone', async () => {
    const { page, faults, close } = await openPage(browser, server.url);
    await ready(page);
    assert.equal(await page.evaluate(() => crossOriginIsolated), true, 'threads need isolation');
    await pick(page, cat);
    const online = await answer(page);
    assert.equal(online.length, 5);
    await page.waitForFunction(() => navigator.serviceWorker.controller?.state === 'activated');
    assert.deepEqual(faults, []);

    await server.close(); // no network at all, for the service worker's requests too
    await page.reload();
    await ready(page);
    assert.equal(await page.evaluate(() => crossOriginIsolated), true);
    await pick(page, cat);
    assert.deepEqual(await answer(page), online);
    await close();
  });
});
