/** The page, out of Cloudflare's own runtime. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { answer, launch, openPage, photos, pick, ready, root, skip, startServer } from '../../../web/test/harness.mjs';
import { host } from '../../../web/test/host.mjs';

const cat = join(photos, 'chelsea.png');

/**
 * Starts the edge on a free port.
 *
 * @param {string} dir for the build
 * @param {string} embedder an origin that may embed it
 */
async function start(dir, embedder) {
  const edge = join(dir, 'edge');
  await promisify(execFile)('go', ['build', '-o', edge, './tools/edge'], { cwd: root });
  const model = process.env.HAMSTER_MODEL;
  return startServer(edge, ['dev', '--addr', '127.0.0.1:0', '--out', join(dir, 'build'), '--embed', embedder, ...(model ? [model] : [])]);
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
  /** Sites of somebody else, with the frame in them; the first is on the list. @type {Awaited<ReturnType<typeof host>>[]} */
  let sites = [];
  /** @type {import('puppeteer-core').Browser} */
  let browser;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'hamster-edge-'));
    sites = [await host({}), await host({})];
    server = await start(dir, sites[0].origin);
    const text = `<!doctype html><title>host</title><iframe src="${new URL('/embed', server.url)}" allow="camera"></iframe>`;
    for (const { pages } of sites) pages['/'] = { text };
    browser = await launch();
  });

  after(async () => {
    await browser?.close();
    await server?.close();
    for (const site of sites) await site.close();
    await rm(dir, { recursive: true, force: true });
  });

  test('the frame shows itself to a site on the list, and to no other', async () => {
    for (const [{ origin }, shown] of /** @type {const} */ ([[sites[0], true], [sites[1], false]])) {
      const context = await browser.createBrowserContext();
      const page = await context.newPage();
      /** @type {string[]} */
      const refused = [];
      page.on('console', (message) => {
        if (/frame-ancestors/.test(message.text())) refused.push(message.text());
      });
      await page.goto(origin, { waitUntil: 'networkidle0' });
      const frame = page.frames().find((each) => each !== page.mainFrame());
      assert.equal(await frame?.$('image-classifier').then(Boolean, () => false), shown, origin);
      assert.equal(refused.length > 0, !shown, `${origin}: ${refused}`);
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
