/**
 * For whoever comes: by keyboard, by ear, in the dark, on a small screen, in
 * their own language; quickly, and with nothing taken from them.
 */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { brotliCompressSync, constants } from 'node:zlib';
import { answer, build, failed, forget, headersOf, interfere, launch, obstacles, openPage, photos, pick, ready, serve, skip } from './harness.mjs';

/** @import { ElementHandle, Page } from 'puppeteer-core' */

const cat = join(photos, 'chelsea.png');

/** @param {Page} page */
const status = (page) => page.$eval('#status', (element) => element.textContent ?? '');

/** The first paint, in milliseconds, or 0. @param {Page} page */
const painted = (page) => page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0);

describe('the page for people', { skip }, () => {
  /** @type {Awaited<ReturnType<typeof build>>} */
  let built;
  /** @type {Awaited<ReturnType<typeof serve>>} */
  let server;
  /** @type {import('puppeteer-core').Browser} */
  let browser;

  before(async () => {
    built = await build();
    server = await serve(built);
    browser = await launch({ args: ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'] });
  });

  after(async () => {
    await browser?.close();
    await server?.close();
    await built?.close();
  });

  describe('every state', () => {
    /** @type {Awaited<ReturnType<typeof openPage>>} */
    let opened;
    /** @type {Page} */
    let page;

    before(async () => {
      opened = await openPage(browser, server.url);
      page = opened.page;
      await ready(page);
    });

    /** One after the other; each begins where the one before has ended. @type {[string, () => Promise<unknown>][]} */
    const states = [
      ['idle', async () => {}],
      ['more ways', () => page.click('#more summary')],
      ['answered', async () => {
        await page.click('#more summary');
        await pick(page, cat);
        await answer(page);
      }],
      ['why', async () => {
        await page.click('.guess-why');
        await page.waitForSelector('#heat:not([hidden])');
      }],
      ['failed', async () => {
        await pick(page, join(photos, 'README.md'));
        await failed(page);
      }],
      ['many', async () => {
        await forget(page);
        await /** @type {ElementHandle<HTMLInputElement>} */ (await page.$('#file')).uploadFile(cat, join(photos, 'rocket.jpg'), join(photos, 'README.md'));
        await page.waitForFunction(() => document.body.dataset.view === 'many' && document.getElementById('many-go')?.hidden);
      }],
      ['camera', async () => {
        await page.click('#close-many');
        await page.click('#live');
        await page.waitForSelector('#caption:not([hidden])');
      }],
      ['a model of one’s own', async () => {
        await page.click('#close-camera');
        await page.click('#own-model summary');
      }],
    ];

    for (const [state, reach] of states) {
      test(`${state}: axe finds nothing, light and dark, and nothing runs out of a screen of 320 pixels, in any language`, async () => {
        await page.setViewport({ width: 1280, height: 900 });
        await reach();
        for (const language of ['de', 'en']) {
          await page.select('#language', language);
          await page.waitForFunction((language) => document.documentElement.lang === language, {}, language);
          assert.deepEqual(await obstacles(page), [], language);
        }
      });
    }

    test('nothing moves for those who want no motion', async () => {
      const moving = await page.evaluate(() => document.getAnimations().filter(({ playState }) => playState === 'running').length);
      assert.equal(moving, 0);
    });

    test('what has the focus is seen to have it', async () => {
      await page.setViewport({ width: 1280, height: 900 });
      await page.evaluate(() => /** @type {HTMLElement} */ (document.activeElement).blur());
      for (let i = 0; i < 12; i++) {
        await page.keyboard.press('Tab');
        const [what, outline] = await page.evaluate(() => {
          const element = /** @type {HTMLElement} */ (document.activeElement);
          const shown = /** @type {HTMLElement} */ (element.closest('label.button') ?? element);
          return [element.id || element.textContent, Number.parseFloat(getComputedStyle(shown).outlineWidth)];
        });
        assert.ok(Number(outline) >= 1, `${what} has no outline`);
      }
    });

    test('one voice tells what happens', async () => {
      assert.equal(await page.$$eval('[aria-live], [role="status"], [role="alert"]', (voices) => voices.length), 1);
    });

    test('nothing broke its security policy, left its origin, or was left uncaught', () => assert.deepEqual(opened.faults, []));
  });

  describe('languages', () => {
    test('who reads German is spoken to in German from the first word, and may choose English, for the next time too', async () => {
      const { page, close } = await openPage(browser, server.url, async (page) => {
        await page.evaluateOnNewDocument(() => {
          Object.defineProperty(Navigator.prototype, 'languages', { get: () => ['de-AT', 'en'] });
          const global = /** @type {any} */ (globalThis);
          global.headings = [];
          const look = () => {
            const heading = document.querySelector('h1');
            if (heading && getComputedStyle(heading).visibility === 'visible') global.headings.push(heading.textContent);
            requestAnimationFrame(look);
          };
          requestAnimationFrame(look);
        });
      });
      await ready(page);
      assert.deepEqual([...new Set(await page.evaluate(() => /** @type {any} */ (globalThis).headings))], ['Was ist auf dem Foto?']);
      assert.equal(await page.evaluate(() => document.documentElement.lang), 'de');
      await pick(page, cat);
      await answer(page);
      assert.match(await status(page), /^Antwort nach [\d,]+ m?s\.$/);
      assert.match(await page.$eval('.guess-score', (score) => score.textContent ?? ''), /^(> )?\d+,\d\u00a0%$/);
      await page.select('#language', 'en');
      await page.waitForFunction(() => document.documentElement.lang === 'en');
      assert.match(await status(page), /^Answered in [\d.]+ m?s\.$/);
      assert.equal(await page.$eval('h1', (heading) => heading.textContent), 'What is in the photo?');
      assert.equal(await page.$eval('#picture', (picture) => /** @type {HTMLImageElement} */ (picture).alt), 'Your photo, chelsea.png');
      await page.reload();
      await ready(page);
      assert.equal(await page.evaluate(() => [document.documentElement.lang, document.title].join()), 'en,Hamster: what is in the photo?');
      await close();
    });
  });

  describe('privacy', () => {
    test('what leaves is counted, on the page and in its worker, and nothing of a photo does', async () => {
      /** @type {string[]} */
      const bodies = [];
      const { page, close } = await openPage(browser, server.url, async (page) => {
        page.on('request', (request) => {
          if (request.method() !== 'GET' && request.method() !== 'HEAD') bodies.push(request.url());
        });
      });
      await ready(page);
      await pick(page, cat);
      await answer(page);
      await page.click('.guess-why');
      await page.waitForSelector('#heat:not([hidden])');
      assert.deepEqual(bodies, [], 'as the browser itself sees it');
      const sent = () => page.$eval('#sent', (element) => element.textContent ?? '');
      assert.equal(await sent(), '0 bytes of your photos have left this device');
      assert.match(await page.$eval('#counted', (element) => element.textContent ?? ''), /worker.*: [2-9]\d+ so far.* Content sent with them: none\./);
      await page.evaluate(() => fetch('models/index.json', { method: 'POST', body: 'x'.repeat(1000) }));
      await page.waitForFunction(() => document.getElementById('sent')?.textContent === '1,000 bytes have been sent by this page');
      await page.evaluate(() => new Promise((resolve) => {
        const image = new Image();
        image.onload = image.onerror = resolve;
        image.src = `samples/small/coffee.jpg?${'y'.repeat(99)}`;
      }));
      await page.waitForFunction(() => document.getElementById('sent')?.textContent?.startsWith('1,100 '));
      await page.evaluate(async () => {
        const [one, two] = [new RTCPeerConnection(), new RTCPeerConnection()];
        one.onicecandidate = ({ candidate }) => candidate && two.addIceCandidate(candidate);
        two.onicecandidate = ({ candidate }) => candidate && one.addIceCandidate(candidate);
        const channel = one.createDataChannel('photos');
        const isOpen = new Promise((resolve) => { channel.onopen = resolve; });
        await one.setLocalDescription();
        await two.setRemoteDescription(/** @type {RTCSessionDescription} */ (one.localDescription));
        await two.setLocalDescription();
        await one.setRemoteDescription(/** @type {RTCSessionDescription} */ (two.localDescription));
        await isOpen;
        channel.send('z'.repeat(300));
        one.close();
        two.close();
      });
      await page.waitForFunction(() => document.getElementById('sent')?.textContent?.startsWith('1,400 '));
      await page.workers()[0].evaluate(() => fetch('/models/index.json', { method: 'POST', body: new Uint8Array(900) }));
      await page.waitForFunction(() => document.getElementById('sent')?.textContent?.startsWith('2,300 '));
      await close();
    });

    test('the policy that is shown is the server’s, and the page carries the same for servers that send none', async () => {
      const { page, close } = await openPage(browser, server.url);
      await ready(page);
      await page.waitForFunction(() => document.getElementById('policy')?.textContent);
      const answered = await fetch(server.url);
      const policy = answered.headers.get('Content-Security-Policy') ?? '';
      assert.equal(await page.$eval('#policy', (element) => element.textContent), policy);
      assert.match(await page.$eval('#policy-note', (element) => element.textContent ?? ''), /goes to its own server alone\. WebRTC/);
      const own = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(await answered.text())?.[1];
      assert.equal(own, policy.replace(/; frame-ancestors[^;]*/, ''), 'frame-ancestors has no effect in a page');
      await close();
    });

    test('the licences are a press away', async () => {
      for (const [name, says] of /** @type {[string, RegExp][]} */ ([['LICENSE.txt', /MIT/], ['NOTICE.txt', /onnx-go/]])) {
        const answered = await fetch(new URL(name, server.url));
        assert.match(answered.headers.get('Content-Type') ?? '', /^text\/plain/);
        assert.match(await answered.text(), says);
      }
    });
  });

  describe('quickly', () => {
    test('the page is painted, and takes a photo, while the program has not come yet', async () => {
      /** @type {() => void} */
      let release = () => {};
      const middle = await interfere(server.url, { '/wasm/hamster.wasm': (_, __, pass) => { release = pass; } });
      const { page, close } = await openPage(browser, middle.url);
      await page.waitForFunction(() => performance.getEntriesByName('first-contentful-paint').length > 0);
      assert.ok(await painted(page) > 0);
      await pick(page, cat);
      await page.waitForFunction(() => /** @type {HTMLImageElement} */ (document.getElementById('picture')).naturalWidth > 0);
      assert.match(await status(page), /^Your photo is next/);
      release();
      await page.waitForFunction(() => document.body.dataset.state === 'answered');
      await close();
      await middle.close();
    });

    test('HTML, CSS and JavaScript of the page are at most 60 KB compressed', async () => {
      // What the page needs is what it keeps for times without a network.
      const script = await readFile(join(built.site, 'sw.js'), 'utf8');
      const shell = JSON.parse(/const shell = (\{.*?\});/.exec(script)?.[1] ?? '{}');
      const files = ['sw.js', ...shell.files].filter((/** @type {string} */ file) => /\.(html|css|js)$/.test(file) && !file.startsWith('wasm/'));
      let total = 0;
      for (const file of files) {
        const content = await readFile(join(built.site, file));
        total += brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
      }
      assert.ok(['index.html', 'web/page/main.js', 'web/page/page.css', 'web/worker/worker.js', 'web/worker/thread.js'].every((file) => files.includes(file)), `${files}`);
      assert.ok(total <= 60_000, `${total} bytes in ${files.length} files`);
    });

    test('what a first visit keeps besides the program and the model is small', async () => {
      const script = await readFile(join(built.site, 'sw.js'), 'utf8');
      const { files } = JSON.parse(/const shell = (\{.*?\});/.exec(script)?.[1] ?? '{}');
      let total = 0;
      for (const file of files.filter((/** @type {string} */ file) => !file.endsWith('.wasm'))) {
        const answered = await fetch(new URL(file, server.url), { headers: { 'Accept-Encoding': 'br' } });
        total += Number(answered.headers.get('Content-Length')) || (await answered.arrayBuffer()).byteLength;
      }
      assert.ok(total < 500_000, `${total} bytes in ${files.length} files`);
    });
  });

  test('a model that is kept is offered without the server, and works', async () => {
    const middle = await interfere(server.url, {});
    const { page, close } = await openPage(browser, middle.url);
    await ready(page);
    await page.waitForFunction(() => navigator.serviceWorker.controller?.state === 'activated');
    await middle.close();
    await (await page.createCDPSession()).send('Network.clearBrowserCache'); // or that would still have the catalogue
    await page.reload();
    await ready(page);
    await page.waitForSelector('#model-choice optgroup');
    assert.equal(await page.$eval('#model-choice optgroup', (group) => /** @type {HTMLOptGroupElement} */ (group).label), 'On this device');
    await pick(page, cat);
    assert.equal((await answer(page)).length, 5);
    await close();
  });

  test('a server in trouble with its catalogue is told of, and a photo waits for “Try again”', async () => {
    let isBroken = true;
    const middle = await interfere(server.url, {
      '/models/index.json': (_, response, pass) => {
        if (isBroken) response.writeHead(503, headersOf('text/plain')).end();
        else pass();
      },
    });
    const { page, close } = await openPage(browser, middle.url);
    await failed(page);
    await pick(page, cat);
    assert.match(await failed(page), /^The model could not be fetched\./);
    isBroken = false;
    await forget(page);
    await page.click('#retry');
    assert.equal((await answer(page)).length, 5);
    await close();
    await middle.close();
  });
});
