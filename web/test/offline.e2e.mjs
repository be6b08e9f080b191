/**
 * Without a network the page and its answers are still there; a newer Hamster
 * is told of and taken on request.
 */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { answer, build, headersOf, interfere, launch, openPage, photos, pick, ready, serve, skip } from './harness.mjs';

const cat = join(photos, 'chelsea.png');

describe('the service worker', { skip }, () => {
  /** @type {Awaited<ReturnType<typeof build>>} */
  let built;
  /** @type {Awaited<ReturnType<typeof serve>>} */
  let server;
  /** @type {import('puppeteer-core').Browser} */
  let browser;

  before(async () => {
    built = await build();
    server = await serve(built);
    browser = await launch();
  });

  after(async () => {
    await browser?.close();
    await server?.close();
    await built?.close();
  });

  /** Waits until the service worker has all and answers for this page. @param {import('puppeteer-core').Page} page */
  const controlled = (page) => page.waitForFunction(() => navigator.serviceWorker.controller?.state === 'activated');

  test('a reload with the network off answers as before, isolated and with threads', async () => {
    const middle = await interfere(server.url, {});
    const { page, faults, close } = await openPage(browser, middle.url);
    await ready(page);
    await pick(page, cat);
    const online = await answer(page);
    await controlled(page);
    await middle.close(); // no network at all, for the worker's own requests too
    await page.reload();
    await ready(page);
    assert.equal(await page.evaluate(() => crossOriginIsolated), true);
    await pick(page, cat);
    assert.deepEqual(await answer(page), online);
    assert.match(await page.$eval('#device-note', (element) => element.textContent ?? ''), /kept on this device/);
    await page.click('.thumbnail');
    await page.waitForFunction(() => document.getElementById('picture')?.getAttribute('alt') === 'Your photo, A cat');
    await answer(page);
    assert.equal(await page.$$eval('img', (images) => images.every((image) => image.hidden || image.naturalWidth > 0)), true, 'every picture is there');
    assert.deepEqual(faults.filter((fault) => !fault.startsWith('console')), []);
    await close();
  });

  test('a newer version is told of, and used when asked for; nothing is told when it is the same', async () => {
    let version = '';
    const middle = await interfere(server.url, {
      '/sw.js': async (_, response) => {
        const script = await (await fetch(new URL('/sw.js', server.url))).text();
        response.writeHead(200, headersOf('text/javascript')).end(script.replace(/"version":"\w+"/, (same) => (version ? `"version":"${version}"` : same)));
      },
    });
    const { page, close } = await openPage(browser, middle.url);
    await ready(page);
    await controlled(page);
    const told = () => page.$eval('#news', (element) => !(/** @type {HTMLElement} */ (element).hidden));
    await page.reload();
    await ready(page);
    await page.evaluate(async () => (await navigator.serviceWorker.ready).update());
    assert.equal(await told(), false);

    version = 'newer';
    await page.reload();
    await page.waitForSelector('#news:not([hidden])');
    assert.deepEqual((await page.evaluate(() => caches.keys())).length, 2, 'both are there, side by side');
    await Promise.all([page.waitForNavigation(), page.click('#news-reload')]);
    await ready(page);
    assert.deepEqual(await page.evaluate(() => caches.keys()), ['hamster-shell-newer']);
    assert.equal(await told(), false);
    await pick(page, cat);
    assert.equal((await answer(page)).length, 5);
    await close();
    await middle.close();
  });

  test('a version that does not arrive whole is not used', async () => {
    const middle = await interfere(server.url, {
      '/web/page/page.css': (request, response, pass) => {
        if (request.headers['sec-fetch-dest'] === 'style') pass();
        else response.writeHead(503, headersOf('text/plain')).end();
      },
    });
    const { page, close } = await openPage(browser, middle.url);
    await ready(page);
    await page.waitForFunction(async () => {
      const registration = await navigator.serviceWorker.getRegistration();
      return !registration?.installing && !registration?.active;
    });
    await pick(page, cat);
    assert.equal((await answer(page)).length, 5);
    await close();
    await middle.close();
  });

  test('it can be installed: a manifest with its icons', async () => {
    const { page, close } = await openPage(browser, server.url);
    const session = await page.createCDPSession();
    const { errors, data } = await session.send('Page.getAppManifest');
    assert.deepEqual(errors, []);
    const { icons, start_url: start } = JSON.parse(data ?? '{}');
    const folder = new URL('web/', server.url);
    assert.equal(new URL(start, folder).href, server.url);
    for (const { src, sizes, type } of icons) {
      const response = await fetch(new URL(src, folder));
      assert.equal(response.headers.get('Content-Type'), type);
      if (type !== 'image/png') continue;
      const bytes = Buffer.from(await response.arrayBuffer());
      assert.equal(`${bytes.readUInt32BE(16)}x${bytes.readUInt32BE(20)}`, sizes, src);
    }
    await close();
  });
});
