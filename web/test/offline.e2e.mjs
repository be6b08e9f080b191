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

  /** The service worker's script with something before it. @param {string} first @returns {Parameters<typeof interfere>[1]} */
  const scripted = (first) => ({
    '/sw.js': async (_, response) => {
      const script = await (await fetch(new URL('/sw.js', server.url))).text();
      response.writeHead(200, headersOf('text/javascript')).end(`${first}\n${script}`);
    },
  });

  /** Where a browser has no routes, the worker answers all itself. */
  const noRoutes = scripted('delete globalThis.InstallEvent.prototype.addRoutes;');

  for (const [browsers, paths] of Object.entries({ '': {}, ', where browsers have no routes too': noRoutes })) test(`a reload with the network off answers as before, isolated and with threads${browsers}`, async () => {
    const middle = await interfere(server.url, paths);
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

  /**
   * Opens a page once more, in a tab of its own.
   *
   * @param {import('puppeteer-core').Page} page
   * @param {string} url
   */
  async function again(page, url) {
    const tab = await page.browserContext().newPage();
    await tab.goto(url);
    await ready(tab);
    const [opened, ...rest] = await tab.evaluate(() => [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')].map((entry) => entry.toJSON()));
    await tab.close();
    return { opened, scripts: rest.filter(({ name }) => name.endsWith('.js')) };
  }

  test('what is kept comes without waiting for the worker, and with a query too', async () => {
    const middle = await interfere(server.url, {});
    const { page, close } = await openPage(browser, middle.url);
    await ready(page);
    await controlled(page);
    await middle.close();
    const { opened, scripts } = await again(page, middle.url);
    assert.equal(opened.workerStart, 0);
    assert.ok(scripts.length > 2);
    for (const { name, workerMatchedSourceType } of [opened, ...scripts]) assert.equal(workerMatchedSourceType, 'cache', name);
    for (const address of ['?of=a-friend', 'index.html']) assert.ok((await again(page, new URL(address, middle.url).href)).opened.workerStart > 0, address);
    await close();
  });

  test('what a server says varies with who asks is there without a network as well', async () => {
    const varied = ['/', '/web/page/main.js'];
    const middle = await interfere(server.url, Object.fromEntries(varied.map((path) => [path, async (_, response) => {
      const { headers, body } = await fetch(new URL(path, server.url));
      response.writeHead(200, { ...headersOf(headers.get('Content-Type') ?? ''), 'Cross-Origin-Opener-Policy': 'same-origin', Vary: 'Accept, Origin' });
      for await (const chunk of body ?? []) response.write(chunk);
      response.end();
    }])));
    const { page, close } = await openPage(browser, middle.url);
    await ready(page);
    await controlled(page);
    await middle.close();
    const { opened, scripts } = await again(page, middle.url);
    const asked = [opened, ...scripts].filter(({ workerMatchedSourceType }) => workerMatchedSourceType !== 'cache').map(({ name }) => new URL(name).pathname);
    assert.deepEqual(asked, varied);
    await close();
  });

  test('a newer version is told of, and used when asked for, by other tabs too; nothing is told when it is the same', async () => {
    let version = '';
    /** @type {(() => void) | null} */
    let release = null;
    const middle = await interfere(server.url, {
      '/web/page/page.css': (request, _, pass) => {
        if (version && request.headers['sec-fetch-dest'] !== 'style') release = pass;
        else pass();
      },
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
    assert.deepEqual(await page.evaluate(async () => {
      const { installing, waiting } = await (await navigator.serviceWorker.ready).update();
      return [installing, waiting];
    }), [null, null], 'there is nothing to be told of any more');
    assert.equal(await told(), false);

    // One tab has something to lose, another has not.
    const open = async () => {
      const tab = await page.browserContext().newPage();
      tab.setDefaultTimeout(120_000);
      await tab.goto(middle.url);
      await tab.bringToFront();
      await ready(tab);
      return tab;
    };
    const busy = await open();
    await pick(busy, cat);
    const seen = await answer(busy);
    const idle = await open();
    await idle.evaluate(() => {
      /** @type {any} */ (globalThis).isOld = true;
    });

    version = 'newer';
    await page.bringToFront();
    // Its files are on their way before the page looks.
    await page.evaluateOnNewDocument(() => {
      navigator.serviceWorker.getRegistration().then((registration) => registration?.update());
    });
    await page.reload();
    await ready(page);
    for (let i = 0; !release && i < 200; i++) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(await page.evaluate(async () => (await navigator.serviceWorker.ready).installing?.state), 'installing');
    assert.equal(await told(), false);
    /** @type {() => void} */ (/** @type {unknown} */ (release))();
    await page.waitForSelector('#news:not([hidden])');
    assert.deepEqual((await page.evaluate(() => caches.keys())).length, 2, 'both are there, side by side');
    await Promise.all([page.waitForNavigation(), page.click('#news-reload')]);
    await ready(page);
    assert.deepEqual(await page.evaluate(() => caches.keys()), ['hamster-shell-newer']);
    assert.equal(await told(), false);
    await pick(page, cat);
    assert.equal((await answer(page)).length, 5);

    await idle.waitForFunction(() => !('isOld' in globalThis), { polling: 100 });
    await busy.bringToFront();
    await busy.waitForSelector('#news:not([hidden])');
    assert.deepEqual(await answer(busy), seen, 'nothing is lost');
    await Promise.all([busy.waitForNavigation(), busy.click('#news-reload')]);
    await ready(busy);
    await close();
    await middle.close();
  });

  test('a version that does not arrive whole is not used', async () => {
    let refused = false;
    const middle = await interfere(server.url, {
      '/web/page/page.css': (request, response, pass) => {
        if (request.headers['sec-fetch-dest'] === 'style') return pass();
        refused = true;
        response.writeHead(503, headersOf('text/plain')).end();
      },
    });
    const { page, close } = await openPage(browser, middle.url);
    await ready(page);
    for (let i = 0; !refused && i < 600; i++) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(refused, true, 'it was asked for');
    await page.waitForFunction(async () => {
      const registration = await navigator.serviceWorker.getRegistration();
      return !registration?.installing && !registration?.waiting && !registration?.active;
    });
    await pick(page, cat);
    assert.equal((await answer(page)).length, 5);
    await close();
    await middle.close();
  });

  test('a file that comes later is kept if it is of the same version, and else not used', async () => {
    let asked = 0;
    let isOther = true;
    const middle = await interfere(server.url, {
      '/wasm/portable.wasm': (_, response, pass) => {
        asked++;
        if (isOther) response.writeHead(200, headersOf('application/wasm')).end(Buffer.alloc(100_000, 7));
        else pass();
      },
    });
    const { page, close } = await openPage(browser, middle.url);
    await controlled(page);
    const size = () => page.evaluate(() => fetch('wasm/portable.wasm').then((response) => response.arrayBuffer()).then(({ byteLength }) => byteLength, () => 0));
    const kept = () => page.evaluate(async () => Boolean(await caches.match('wasm/portable.wasm')));
    assert.equal(await size(), 0);
    assert.equal(await kept(), false);
    isOther = false;
    const whole = await size();
    assert.ok(whole > 1e6, `${whole} bytes`);
    await page.waitForFunction(async () => Boolean(await caches.match('wasm/portable.wasm')));
    assert.equal(await size(), whole);
    assert.equal(asked, 2);
    await close();
    await middle.close();
  });

  test('where the browser’s storage fails, a page comes from the network', async () => {
    const middle = await interfere(server.url, scripted("CacheStorage.prototype.match = Cache.prototype.match = async () => { throw new Error('the disk is broken'); };"));
    const { page, close } = await openPage(browser, middle.url);
    await controlled(page);
    await page.reload();
    await ready(page);
    await close();
    await middle.close();
  });

  test('a browser that waits for a page’s threads to take note of the worker holds up nothing', async () => {
    const middle = await interfere(server.url, scripted('Clients.prototype.claim = () => new Promise(() => {});'));
    const { page, close } = await openPage(browser, middle.url);
    await page.waitForFunction(async () => (await navigator.serviceWorker.getRegistration())?.active?.state === 'activated');
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
