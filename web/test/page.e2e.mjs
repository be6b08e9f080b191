/**
 * The main path: a photo goes in, an answer comes out.
 */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import {
  answer, build, classifyNatively, drop, facts, forget, headersOf, interfere, launch, longestTask, noServiceWorker, openPage, photos, pick, ready, root, serve, skip,
} from './harness.mjs';

describe('the page', { skip }, () => {
  /** @type {import('./harness.mjs').Build} */
  let built;
  /** @type {Awaited<ReturnType<typeof serve>>} */
  let server;
  /** @type {import('puppeteer-core').Browser} */
  let browser;
  /** @type {Awaited<ReturnType<typeof openPage>>} */
  let opened;

  before(async () => {
    built = await build();
    server = await serve(built);
    browser = await launch();
    opened = await openPage(browser, server.url);
  });

  after(async () => {
    await browser?.close();
    await server?.close();
    await built?.close();
  });

  /**
   * Size and hash of the pixels that the browser decodes, as web/test/pixels
   * prints those of Go.
   *
   * @param {string} file
   * @param {string} mode
   * @returns {Promise<{ worker: string, page: string }>}
   */
  async function pixels(file, mode) {
    const base64 = (await readFile(file)).toString('base64');
    return opened.page.evaluate(async (base64, mode) => {
      const image = new Blob([Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))]);
      // @ts-expect-error: an address on the server, not a file here
      const picture = await (await import('/web/worker/decode.js')).decode(image, mode);
      const { width, height } = picture;
      const all = new Uint8Array(4 * width * height);
      const step = 64; // several strips and a shorter last one
      for (let y = 0; y < height; y += step) {
        const count = Math.min(step, height - y);
        picture.read(y, count, all.subarray(4 * width * y, 4 * width * (y + count)), false);
      }
      // @ts-expect-error: an address on the server, not a file here
      const pixels = await (await import('/web/library/decode.js')).decode(image, mode);
      /** @param {BufferSource} data */
      const hash = async (data) => [...new Uint8Array(await crypto.subtle.digest('SHA-256', data))]
        .map((byte) => byte.toString(16).padStart(2, '0')).join('');
      return {
        worker: `${width} ${height} ${await hash(all)}`,
        page: `${pixels.width} ${pixels.height} ${await hash(pixels.data)}`,
      };
    }, base64, mode);
  }

  test('it is cross-origin isolated, so that threads are possible', async () => {
    assert.equal(await opened.page.evaluate(() => crossOriginIsolated), true);
  });

  test('its worker starts before the page’s own script is there, and where that fails, once more', async () => {
    for (const fails of [false, true]) {
      /** @type {() => void} */
      let asked;
      let times = 0;
      const early = new Promise((resolve) => (asked = () => resolve(undefined)));
      const middle = await interfere(server.url, {
        ...noServiceWorker,
        '/web/page/main.js': (_, __, pass) => early.then(() => setTimeout(pass, fails ? 3000 : 0)), // when that is known
        '/web/worker/worker.js': (_, response, pass) => {
          asked();
          if (++times === 1 && fails) response.writeHead(404, headersOf('text/plain')).end();
          else pass();
        },
      });
      const { page, close } = await openPage(browser, middle.url);
      await ready(page);
      assert.equal(times, fails ? 2 : 1);
      await close();
      await middle.close();
    }
  });

  test('while the model comes, it shows bytes; then it says what the model tells apart', async () => {
    await ready(opened.page);
    const said = await opened.page.evaluate(() => /** @type {any} */ (globalThis).statuses);
    assert.ok(
      said.some((/** @type {string} */ text) => /^Fetching the model: [\d.]+ of [\d.]+ MB$/.test(text)),
      `the status said ${JSON.stringify(said)}`,
    );
    const classes = await opened.page.$eval('#classes', (element) => element.textContent);
    assert.match(classes ?? '', /\w+, \w+/);
  });

  test('a picked photo gets the answer that the command line gives', async () => {
    const photo = join(photos, 'chelsea.png');
    await pick(opened.page, photo);
    const shown = await answer(opened.page);
    const mode = await opened.page.evaluate(() => /** @type {any} */ (globalThis).results.at(-1).environment.mode);
    const native = await classifyNatively(built, photo, mode);
    const label = native.predictions[0].label.replaceAll('_', ' ');
    assert.equal(shown[0].label, label.charAt(0).toUpperCase() + label.slice(1));
    assert.equal(shown.length, 5);
  });

  test('the scores are those of the command line, in both modes', async () => {
    const photo = join(photos, 'chelsea.png');
    for (const mode of ['keras', 'quality']) {
      const result = await opened.page.evaluate(async (base64, mode) => {
        // @ts-expect-error: an address on the server, not a file here
        const { Classifier } = await import('/web/hamster.js');
        const classifier = new Classifier({ model: 'models/default.onnx' });
        try {
          const image = new Blob([Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))]);
          return await classifier.classify(image, { mode, top: 0 });
        } finally {
          classifier.close();
        }
      }, await readFile(photo, 'base64'), mode);
      const native = await classifyNatively(built, photo, mode);
      assert.equal(result.environment.mode, mode);
      assert.equal(result.predictions[0].label, native.predictions[0].label);
      const scores = new Map(result.predictions.map((/** @type {any} */ { index, score }) => [index, score]));
      for (const { index, label, score } of native.predictions) {
        const difference = Math.abs(/** @type {number} */ (scores.get(index)) - score);
        assert.ok(difference <= 1e-3, `${mode}: ${label} differs by ${difference}`);
      }
    }
  });

  test('pixels without loss are exactly those that Go decodes, in the worker and on the page', async () => {
    const files = [
      join(photos, 'chelsea.png'),
      ...['rgb.png', 'grey.png', 'palette.png', 'bilevel.png', 'rotated.png', 'rgb.bmp', 'palette.bmp', 'still.gif', 'lossless.webp']
        .map((name) => join(root, 'preprocess', 'imagefile', 'testdata', name)),
    ];
    const { stdout } = await promisify(execFile)('go', ['run', './web/test/pixels', ...files], { cwd: root });
    const go = stdout.trim().split('\n');
    for (const [i, file] of files.entries()) {
      const seen = await pixels(file, 'keras');
      assert.equal(seen.worker, go[i], `${file} in the worker`);
      assert.equal(seen.page, go[i], `${file} on the page`);
    }
  });

  test('a photo that the camera turned is upright in quality, and as stored in keras', async () => {
    // Chromium itself turns no WebP, so there is nothing upright to expect.
    for (const [name, width, height] of /** @type {[string, number, number][]} */ ([['rotated-6.jpg', 24, 18], ['rotated.png', 7, 5]])) {
      const turned = join(root, 'preprocess', 'imagefile', 'testdata', name);
      for (const [mode, size] of [['keras', `${width} ${height}`], ['quality', `${height} ${width}`]]) {
        const { worker, page } = await pixels(turned, mode);
        assert.match(worker, new RegExp(`^${size} `), `${name}, ${mode}`);
        assert.equal(page, worker, `${name}, ${mode}`);
      }
    }
  });

  test('a browser whose workers cannot decode gets the same answer', async () => {
    const [worker, page] = await opened.page.evaluate(async () => {
      // @ts-expect-error: an address on the server, not a file here
      const { Classifier } = await import('/web/hamster.js');
      const image = await (await fetch('samples/coffee.jpg')).blob();
      const results = [];
      for (const decodeOn of ['auto', 'page']) {
        const classifier = new Classifier({ model: 'models/default.onnx', decodeOn });
        results.push((await classifier.classify(image)).predictions);
        classifier.close();
      }
      return results;
    });
    assert.deepEqual(page, worker);
  });

  test('it says which engine ran and how long each stage took', async () => {
    const said = await facts(opened.page);
    assert.match(said['Engine'], /^(simd|gorgonia)/);
    assert.match(said['Threads'], /^\d+$/);
    assert.match(said['Scaling'], /nearest pixel|smooth/);
    for (const stage of ['Reading', 'Resizing', 'Thinking']) assert.match(said[stage], /^[\d.,]+ m?s/, stage);
  });

  test('a dropped photo is classified, and the page stays where it is', async () => {
    await drop(opened.page, [{ name: 'rocket.jpg', type: 'image/jpeg', bytes: await readFile(join(photos, 'rocket.jpg')) }]);
    const shown = await answer(opened.page);
    assert.equal(shown.length, 5);
    assert.equal(opened.page.url(), server.url);
    assert.equal(await opened.page.$eval('#picture', (image) => image.getAttribute('alt')), 'Your photo, rocket.jpg');
  });

  test('a sample photo is one press away, by keyboard alone', async () => {
    await opened.page.evaluate(() => {
      /** @type {HTMLElement} */ (document.activeElement).blur();
      document.body.focus();
    });
    const reached = [];
    for (let i = 0; i < 6; i++) {
      await opened.page.keyboard.press('Tab');
      reached.push(await opened.page.evaluate(() => {
        const { activeElement: element } = document;
        return element?.id || element?.getAttribute('aria-label') || element?.textContent?.trim();
      }));
    }
    assert.deepEqual(
      reached,
      ['0 bytes of your photos have left this device', 'language', 'file', 'live', 'More', 'Try the sample photo: A cat'],
      'the order of reading',
    );
    await forget(opened.page);
    await opened.page.keyboard.press('Enter');
    const shown = await answer(opened.page);
    assert.equal(shown.length, 5);
  });

  test('the answer is announced once, politely', async () => {
    const [announced, live] = await opened.page.$eval('#announcer', (element) => [element.textContent, element.getAttribute('aria-live')]);
    assert.match(announced ?? '', /^Best guess: .+ [\d.]+%\. Then /);
    assert.equal(live, 'polite');
    assert.equal(await opened.page.$$eval('[aria-live]', (elements) => elements.length), 1);
  });

  test('only the last of several photos chosen in a hurry is answered', async () => {
    const count = await opened.page.evaluate(() => /** @type {any} */ (globalThis).results.length);
    await forget(opened.page);
    await opened.page.$$eval('.thumbnail', (buttons) => buttons.forEach((button) => /** @type {HTMLElement} */ (button).click()));
    await answer(opened.page);
    const [alt, after] = await opened.page.evaluate(() => [
      document.getElementById('picture')?.getAttribute('alt'),
      /** @type {any} */ (globalThis).results.length,
    ]);
    assert.equal(alt, 'Your photo, An astronaut');
    assert.equal(after - count, 1);
  });

  test('a photo chosen while another is looked at takes its place', async () => {
    await pick(opened.page, join(photos, 'coffee.png'));
    await opened.page.waitForFunction(() => document.body.dataset.state === 'looking');
    await pick(opened.page, join(photos, 'rocket.jpg'));
    await answer(opened.page);
    assert.equal(await opened.page.$eval('#picture', (image) => image.getAttribute('alt')), 'Your photo, rocket.jpg');
  });

  test('the main thread stays free while a photo is classified', async () => {
    const longest = await longestTask(opened.page, async () => {
      await pick(opened.page, join(photos, 'chelsea.png'));
      await answer(opened.page);
    });
    assert.ok(longest < 50, `a task took ${longest} ms of the main thread`);
  });

  test('and while the page loads, from its first byte to the model', async () => {
    const { page, close } = await openPage(browser, new URL('LICENSE.txt', server.url).href);
    const longest = await longestTask(page, async () => {
      await page.goto(server.url);
      await ready(page);
      await page.waitForSelector('#device:not([hidden])');
    });
    assert.ok(longest < 50, `a task took ${longest} ms of the main thread`);
    await close();
  });

  test('a busy main thread would have been noticed', async () => {
    const longest = await longestTask(opened.page, () => opened.page.evaluate(() => {
      const end = performance.now() + 400;
      while (performance.now() < end);
    }));
    assert.ok(longest > 50, `the longest task took ${longest} ms`);
  });

  test('nothing on it moves between the first paint and the answer', async () => {
    const moved = await opened.page.evaluate(() => /** @type {any} */ (globalThis).shift);
    assert.ok(moved < 0.02, `cumulative layout shift is ${moved}`);
  });

  test('nothing broke its security policy, left its origin, or was left uncaught', () => {
    assert.deepEqual(opened.faults, []);
  });
});
