/** The page, out of Cloudflare's own runtime. */

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createServer } from 'node:http';
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
 * @param {string} embedder an origin that may embed it
 * @returns {Promise<{ url: string, close: () => Promise<void> }>}
 */
async function start(dir, embedder) {
  const edge = join(dir, 'edge');
  await promisify(execFile)('go', ['build', '-o', edge, './tools/edge'], { cwd: root });
  const model = process.env.HAMSTER_MODEL;
  const server = spawn(
    edge,
    ['dev', '--addr', '127.0.0.1:0', '--out', join(dir, 'build'), '--embed', embedder, ...(model ? [model] : [])],
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

/**
 * A site of somebody else, with the frame in it.
 *
 * @param {() => string} frame
 */
async function startHost(frame) {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/html' });
    response.end(`<!doctype html><title>host</title><iframe src="${frame()}" allow="camera"></iframe>`);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${port}/`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/**
 * The files of models that a page gets over the network from now on.
 *
 * @param {import('puppeteer-core').Page} page
 */
function requests(page) {
  /** @type {string[]} */
  const names = [];
  page.on('response', (response) => {
    const { pathname } = new URL(response.url());
    if (response.fromCache()) return;
    if (pathname.startsWith('/models/') || pathname.startsWith('/api/')) names.push(pathname);
  });
  return names;
}

describe('the edge', { skip }, () => {
  /** @type {string} */
  let dir;
  /** @type {Awaited<ReturnType<typeof start>>} */
  let server;
  /** @type {Awaited<ReturnType<typeof startHost>>[]} */
  let hosts = [];
  /** @type {import('puppeteer-core').Browser} */
  let browser;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'hamster-edge-'));
    const frame = () => new URL('/embed', server.url).href;
    hosts = [await startHost(frame), await startHost(frame)];
    server = await start(dir, new URL(hosts[0].url).origin);
    browser = await launch();
  });

  after(async () => {
    await browser?.close();
    await server?.close();
    for (const host of hosts) await host.close();
    await rm(dir, { recursive: true, force: true });
  });

  test('the frame shows itself to a site on the list, and to no other', async () => {
    for (const [host, shown] of /** @type {const} */ ([[hosts[0], true], [hosts[1], false]])) {
      const context = await browser.createBrowserContext();
      const page = await context.newPage();
      /** @type {string[]} */
      const refused = [];
      page.on('console', (message) => {
        if (/frame-ancestors/.test(message.text())) refused.push(message.text());
      });
      await page.goto(host.url, { waitUntil: 'networkidle0' });
      const frame = page.frames().find((each) => each !== page.mainFrame());
      assert.equal(await frame?.$('image-classifier').then(Boolean, () => false), shown, host.url);
      assert.equal(refused.length > 0, !shown, `${host.url}: ${refused}`);
      await context.close();
    }
  });

  test('a photo is classified, and again when the network is gone', async () => {
    /** @type {string[]} */
    let asked = [];
    const { page, faults, close } = await openPage(browser, server.url, async (page) => {
      asked = requests(page);
    });
    await ready(page);
    const files = [...new Set(asked)].filter((name) => !/\.json$/.test(name));
    assert.equal(files.length, 4, `a graph and three shards: ${asked}`);
    assert.equal(asked.length, 6, `with the catalogue and the manifest, each once: ${asked}`);
    assert.equal(await page.evaluate(() => crossOriginIsolated), true, 'threads need isolation');
    await pick(page, cat);
    const online = await answer(page);
    assert.equal(online.length, 5);
    await page.waitForFunction(() => navigator.serviceWorker.controller?.state === 'activated');
    assert.deepEqual(faults, []);

    // What docs/edge.md counts with.
    const again = asked.length;
    await page.reload();
    await ready(page);
    await pick(page, cat);
    assert.deepEqual(await answer(page), online);
    assert.deepEqual(asked.slice(again).filter((name) => !/\.json$/.test(name)), [], 'what is kept is not fetched');
    assert.ok(asked.length - again <= 2, `${asked.slice(again)}`);

    await server.close(); // no network at all, for the service worker's requests too
    await page.reload();
    await ready(page);
    assert.equal(await page.evaluate(() => crossOriginIsolated), true);
    await pick(page, cat);
    assert.deepEqual(await answer(page), online);
    await close();
  });
});
