/**
 * Every way in, one photo or many, and what is not to be had by it; models of
 * the server and of the reader's own.
 */

import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { answer, build, drop, failed, forget, headersOf, interfere, launch, openPage, photos, pick, ready, serve, skip } from './harness.mjs';

/** @import { ElementHandle, Page } from 'puppeteer-core' */

const cat = join(photos, 'chelsea.png');

/** How many photos a test looks at; web/test/many.long.mjs looks at more. */
const manyPhotos = 40;

/** @param {Page} page */
const name = (page) => page.$eval('#picture', (picture) => /** @type {HTMLImageElement} */ (picture).alt);

/** @param {Page} page @param {string} selector @param {...string} files */
async function choose(page, selector, ...files) {
  await forget(page);
  await /** @type {ElementHandle<HTMLInputElement>} */ (await page.$(selector)).uploadFile(...files);
}

/** @param {Page} page */
const tiles = (page) => page.$$eval('.tile', (all) => all.map((tile) => `${tile.getAttribute('aria-label')}`));

/** Waits until no photo waits any more. @param {Page} page */
const allDone = (page) => page.waitForFunction(() => document.body.dataset.view === 'many' && document.getElementById('many-go')?.hidden);

describe('ways in', { skip }, () => {
  /** @type {Awaited<ReturnType<typeof build>>} */
  let built;
  /** @type {Awaited<ReturnType<typeof serve>>} */
  let server;
  /** @type {import('puppeteer-core').Browser} */
  let browser;
  /** @type {string} */
  let dir;
  /** @type {Awaited<ReturnType<typeof openPage>>} */
  let opened;
  /** @type {Page} */
  let page;

  before(async () => {
    built = await build();
    server = await serve(built);
    browser = await launch();
    dir = await mkdtemp(join(tmpdir(), 'hamster-ways-'));
    opened = await openPage(browser, server.url, async (page) => {
      await page.evaluateOnNewDocument(() => {
        // Object URLs that live: what is shown must be given back.
        const global = /** @type {any} */ (globalThis);
        global.urls = new Set();
        const { createObjectURL, revokeObjectURL } = URL;
        URL.createObjectURL = (blob) => {
          const url = createObjectURL(blob);
          global.urls.add(url);
          return url;
        };
        URL.revokeObjectURL = (url) => {
          global.urls.delete(url);
          revokeObjectURL(url);
        };
      });
    });
    page = opened.page;
    await page.browserContext().overridePermissions(new URL(server.url).origin, ['clipboard-read', 'clipboard-write', 'clipboard-sanitized-write']);
    await ready(page);
  });

  after(async () => {
    await browser?.close();
    await server?.close();
    await built?.close();
    if (dir) await rm(dir, { recursive: true, force: true });
  });

  describe('of one photo', () => {
    test('the camera of a phone, by its own picker', async () => {
      assert.equal(await page.$eval('#snapshot', (input) => input.getAttribute('capture')), 'environment');
      await choose(page, '#snapshot', cat);
      assert.equal((await answer(page)).length, 5);
    });

    test('paste', async () => {
      await forget(page);
      await page.evaluate((base64) => {
        const clipboardData = new DataTransfer();
        clipboardData.items.add(new File([Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))], 'image.png', { type: 'image/png' }));
        document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
      }, await readFile(cat, 'base64'));
      await answer(page);
      assert.equal(await name(page), 'Your photo, image.png');
    });

    test('the button that pastes, and what it says when there is no photo', async () => {
      const press = async () => {
        await forget(page);
        await page.click('#more summary');
        await page.click('#paste');
      };
      await page.bringToFront();
      await page.evaluate(() => navigator.clipboard.writeText('a letter'));
      await press();
      assert.match(await failed(page), /^There is no photo on the clipboard\./);
      await page.evaluate(async (base64) => {
        const png = new Blob([Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))], { type: 'image/png' });
        await navigator.clipboard.write([new ClipboardItem({ 'image/png': png })]);
      }, await readFile(cat, 'base64'));
      await press();
      assert.equal((await answer(page)).length, 5);
    });

    for (const [how, send] of /** @type {[string, (page: Page) => Promise<void>][]} */ ([
      ['Enter', (page) => page.keyboard.press('Enter')],
      ['a press on the button', (page) => page.click('#address-form button')],
      ['a touch of the button', (page) => page.tap('#address-form button')],
      ['Tab, then Enter', async (page) => {
        await page.keyboard.press('Tab');
        await page.keyboard.press('Enter');
      }],
    ])) {
      test(`an address of this server, sent by ${how}`, async () => {
        await forget(page);
        await fetchFrom(page, new URL('samples/coffee.jpg', server.url).href, send);
        await answer(page);
        assert.equal(await name(page), 'Your photo, coffee.jpg');
        assert.equal(await page.$eval('#more', (more) => /** @type {HTMLDetailsElement} */ (more).open), false);
        await page.click('#samples button');
        await page.waitForFunction(() => /** @type {HTMLImageElement} */ (document.getElementById('picture')).alt === 'Your photo, A cat');
      });
    }

    test('a link that is dropped, or pasted as text', async () => {
      const address = new URL('samples/rocket.jpg', server.url).href;
      for (const way of ['drop', 'paste']) {
        await forget(page);
        await page.evaluate((address, way) => {
          const data = new DataTransfer();
          data.setData(way === 'drop' ? 'text/uri-list' : 'text/plain', address);
          const init = { bubbles: true, cancelable: true };
          document.body.dispatchEvent(way === 'drop'
            ? new DragEvent('drop', { ...init, dataTransfer: data })
            : new ClipboardEvent('paste', { ...init, clipboardData: data }));
        }, address, way);
        await answer(page);
        assert.equal(await name(page), 'Your photo, rocket.jpg', way);
      }
    });

    for (const [what, address, says] of /** @type {[string, () => string, RegExp][]} */ ([
      ['no address', () => 'a photo of my cat', /^That is no address of a photo\./],
      ['a script', () => 'javascript:alert(1)', /^That is no address of a photo\./],
      ['nothing there', () => new URL('samples/none.jpg', server.url).href, /^There is no photo at that address\. .* answered with status 404\./],
      ['a page', () => server.url, /^That is not a photo\./],
    ])) {
      test(`an address with ${what} is told of`, async () => {
        await forget(page);
        await fetchFrom(page, address());
        assert.match(await failed(page), says);
      });
    }
  });

  describe('from another server', () => {
    /** @type {import('node:http').Server} */
    let other;
    /** @type {string} */
    let origin;

    before(async () => {
      const photo = await readFile(cat);
      other = createServer(({ url }, response) => {
        response.writeHead(200, { 'Content-Type': 'image/png', ...(url === '/open.png' ? { 'Access-Control-Allow-Origin': '*' } : {}) }).end(photo);
      });
      await new Promise((resolve) => other.listen(0, '127.0.0.1', () => resolve(undefined)));
      origin = `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (other.address()).port}`;
    });

    after(() => other.close());

    test('the page’s own policy forbids it, and it says what to do', async () => {
      const { page, faults, close } = await openPage(browser, server.url);
      await ready(page);
      await forget(page);
      await fetchFrom(page, `${origin}/open.png`);
      assert.match(await failed(page), /^This page may not speak to other servers\. .*127\.0\.0\.1:\d+ too\. Copy the picture/);
      assert.ok(faults.some((fault) => fault.includes('connect-src')), 'the browser enforces it');
      assert.match(await page.$eval('#policy-note', (note) => note.textContent ?? ''), /goes to its own server alone/);
      await close();
    });

    test('where a host has opened the policy, the other server has the last word (CORS)', async () => {
      const openTo = (/** @type {string} */ text) => text.replace("connect-src 'self'", `connect-src 'self' ${origin}`);
      const middle = await interfere(server.url, {
        '/': async (_, response) => {
          const answer = await fetch(server.url);
          response.writeHead(200, { ...headersOf('text/html'), 'Content-Security-Policy': openTo(answer.headers.get('Content-Security-Policy') ?? '') });
          response.end(openTo(await answer.text()));
        },
      });
      const { page, close } = await openPage(browser, middle.url);
      await ready(page);
      await forget(page);
      await fetchFrom(page, `${origin}/open.png`);
      assert.equal((await answer(page)).length, 5);
      await forget(page);
      await fetchFrom(page, `${origin}/closed.png`);
      assert.match(await failed(page), /^127\.0\.0\.1:\d+ did not hand the photo over\. .*\(CORS\)/);
      assert.match(await page.$eval('#policy-note', (note) => note.textContent ?? ''), /speak to others too/);
      await close();
      await middle.close();
    });
  });

  describe('of many photos', () => {
    /** @type {string[]} */
    const files = [];
    /** @type {string} */
    let folder;

    before(async () => {
      folder = join(dir, 'holidays');
      await mkdir(join(folder, 'beach'), { recursive: true });
      const sources = ['chelsea.png', 'coffee.png', 'rocket.jpg', 'astronaut.png'];
      for (let i = 0; i < manyPhotos - 3; i++) {
        const source = sources[i % sources.length];
        const file = join(i % 2 ? folder : join(folder, 'beach'), `${String(i).padStart(2, '0')}-${source}`);
        await cp(join(photos, source), file);
        files.push(file);
      }
      const bytes = await readFile(cat);
      const huge = Buffer.from(bytes);
      huge.writeUInt32BE(20_000, 16);
      huge.writeUInt32BE(20_000, 20);
      for (const [name, content] of /** @type {[string, Uint8Array | string][]} */ ([['broken.png', bytes.subarray(0, 30)], ['huge.png', huge], ['empty.jpg', '']])) {
        const file = join(folder, name);
        await writeFile(file, content);
        files.push(file);
      }
      await writeFile(join(folder, 'notes.txt'), 'not a photo');
    });

    test('picked at once they are looked at one after the other, and what is broken does not keep the others', async () => {
      await choose(page, '#file', ...files);
      await page.waitForSelector('.tile[data-state="done"]');
      assert.equal((await tiles(page)).length, manyPhotos);
      const status = await page.$eval('#status', (element) => element.textContent);
      assert.match(status ?? '', /^\d+ of 40 photos/);

      await page.click('#many-go');
      await page.waitForFunction(() => /^Stopped at/.test(document.getElementById('status')?.textContent ?? ''));
      const stopped = await page.$$eval('.tile[data-state="done"]', (all) => all.length);
      await new Promise((resolve) => setTimeout(resolve, 300));
      assert.equal(await page.$$eval('.tile[data-state="done"]', (all) => all.length), stopped);
      assert.ok(stopped < manyPhotos - 3);
      await page.click('#many-go');

      await allDone(page);
      const said = (await tiles(page)).slice(-3);
      assert.match(said[0], /broken\.png: That photo is damaged\./);
      assert.match(said[1], /huge\.png: That photo is too large to decode\./);
      assert.match(said[2], /empty\.jpg: That file is empty\./);
      assert.match(await page.$eval('#status', (element) => element.textContent ?? ''), /^40 photos in .* each; 3 could not be read\.$/);
      assert.equal(await page.$$eval('.tile[data-state="done"] img', (images) => images.filter((image) => image.naturalWidth > 0).length > 0), true);
    });

    test('they are filtered by class and by how sure, and sorted', async () => {
      const all = await tiles(page);
      const score = (/** @type {string} */ tile) => Number(/([\d.]+)%$/.exec(tile)?.[1] ?? NaN);
      await page.select('#gallery select', 'failed');
      assert.equal((await tiles(page)).length, 3);
      await page.select('#gallery select', '');
      await page.$eval('#gallery input', (range) => {
        /** @type {HTMLInputElement} */ (range).value = '95';
        range.dispatchEvent(new Event('input'));
      });
      const sure = await tiles(page);
      assert.deepEqual(sure, all.filter((tile) => score(tile) >= 95));
      assert.ok(sure.length > 0 && sure.length < all.length);
      await page.$eval('#gallery input', (range) => {
        /** @type {HTMLInputElement} */ (range).value = '0';
        range.dispatchEvent(new Event('input'));
      });
      await page.select('#gallery label:last-child select', 'unsurest');
      const scores = (await tiles(page)).map(score).filter((value) => !Number.isNaN(value));
      assert.deepEqual(scores, scores.toSorted((a, b) => a - b));
      await page.select('#gallery label:last-child select', 'arrival');
      assert.deepEqual(await tiles(page), all);
    });

    test('they are saved as CSV and as JSON', async () => {
      const session = await page.createCDPSession();
      await session.send('Browser.setDownloadBehavior', { behavior: 'allow', downloadPath: dir, browserContextId: page.browserContext().id });
      const saved = async (/** @type {string} */ id, /** @type {string} */ file) => {
        await page.click(id);
        for (let i = 0; i < 100; i++) {
          try {
            const text = await readFile(join(dir, file), 'utf8');
            if (text) return text;
          } catch {
            // not yet
          }
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
        throw new Error(`${file} was not saved`);
      };
      const csv = (await saved('#save-csv', 'hamster.csv')).trim().split('\r\n');
      assert.equal(csv.length, manyPhotos + 1);
      assert.match(csv[1], /^00-chelsea\.png,\w+,\w*,0\.\d+,$/);
      assert.match(csv.at(-1) ?? '', /^empty\.jpg,,,,That file is empty\.$/);
      const json = JSON.parse(await saved('#save-json', 'hamster.json'));
      assert.equal(json.photos.length, manyPhotos);
      assert.equal(json.photos[0].predictions.length, 5);
      assert.match(json.backend, /^(simd|gorgonia)/);
    });

    test('the grid is walked by arrow keys; a photo opens, shows why, and leads back', async () => {
      await page.focus('.tile[tabindex="0"]');
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('End');
      await page.keyboard.press('Home');
      await page.keyboard.press('ArrowRight');
      const label = await page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? '');
      assert.match(label, /^01-coffee\.png: /);
      await page.keyboard.press('Enter');
      await answer(page);
      assert.equal(await name(page), 'Your photo, 01-coffee.png');
      assert.equal(await page.evaluate(() => document.activeElement?.id), 'back');
      await page.click('.guess-why');
      await page.waitForSelector('#heat:not([hidden])');
      await page.keyboard.press('Escape');
      await page.waitForFunction(() => document.body.dataset.view === 'many');
      assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('aria-label')), label);
      assert.equal((await tiles(page)).length, manyPhotos);
    });

    test('when they are closed, nothing of them is kept', async () => {
      await page.click('#close-many');
      await page.waitForFunction(() => document.body.dataset.view === 'photo');
      assert.equal(await page.$eval('#gallery', (gallery) => /** @type {HTMLElement} */ (gallery).hidden), true);
      // What was saved a moment ago is still the browser's to write.
      assert.ok(await page.evaluate(() => /** @type {any} */ (globalThis).urls.size) <= 2);
    });

    test('a folder that is picked brings its photos, and says what else it held', async () => {
      const some = join(dir, 'some');
      await mkdir(some);
      await cp(cat, join(some, 'cat.png'));
      await cp(join(photos, 'rocket.jpg'), join(some, 'rocket.jpg'));
      await writeFile(join(some, 'notes.txt'), 'not a photo');
      await choose(page, '#folder', some);
      await allDone(page);
      assert.deepEqual((await tiles(page)).map((tile) => tile.split(':')[0]).sort(), ['some/cat.png', 'some/rocket.jpg']);
      assert.match(await page.$eval('#status', (element) => element.textContent ?? ''), /^2 photos in .*\. 1 file was no photo and left out\.$/);
      await page.click('#close-many');
    });

    /** @param {string} folder */
    async function dropFolder(folder) {
      const session = await page.createCDPSession();
      const data = { items: [], files: [folder], dragOperationsMask: 1 };
      for (const type of /** @type {const} */ (['dragEnter', 'dragOver', 'drop'])) {
        await session.send('Input.dispatchDragEvent', { type, x: 300, y: 300, data });
      }
    }

    test('a folder that is dropped brings all that is in it', async () => {
      await dropFolder(join(dir, 'some'));
      await allDone(page);
      assert.equal((await tiles(page)).length, 2);
      await page.click('#close-many');
    });

    test('what cannot be read in a dropped folder is named, and keeps nothing else back', async () => {
      const some = join(dir, 'some');
      await mkdir(join(some, 'locked'));
      for (const file of ['gone.jpg', 'gone.txt']) await writeFile(join(some, file), '');
      // They are listed and opened in a moment, too short to take them away in it.
      await page.evaluate(() => {
        const { webkitGetAsEntry } = DataTransferItem.prototype;
        DataTransferItem.prototype.webkitGetAsEntry = function () {
          DataTransferItem.prototype.webkitGetAsEntry = webkitGetAsEntry;
          const folder = /** @type {FileSystemDirectoryEntry} */ (webkitGetAsEntry.call(this));
          const reader = folder.createReader();
          const refuse = (/** @type {unknown} */ _, /** @type {ErrorCallback | undefined} */ fail) => fail?.(new DOMException('', 'NotReadableError'));
          return Object.assign(folder, {
            createReader: () => ({
              readEntries: (/** @type {FileSystemEntriesCallback} */ done) => reader.readEntries((entries) => done(entries.map((entry) => {
                if (entry.name.startsWith('gone')) return Object.assign(entry, { file: refuse });
                return entry.name === 'locked' ? Object.assign(entry, { createReader: () => ({ readEntries: refuse }) }) : entry;
              }))),
            }),
          });
        };
      });
      await dropFolder(some);
      await allDone(page);
      const said = await tiles(page);
      assert.equal(said.length, 4);
      assert.deepEqual(said.slice(2), ['some/gone.jpg: That could not be read.', 'some/locked/: That could not be read.']);
      assert.match(await page.$eval('#status', (element) => element.textContent ?? ''), /2 could not be read\. 2 files were no photos and left out\.$/);
      await page.click('#close-many');
    });

    test('a file that is gone when its turn comes does not keep the others', async () => {
      const gone = join(dir, 'gone.png');
      await cp(cat, gone);
      await dropGone(page, [gone, cat, join(photos, 'rocket.jpg')], [gone]);
      await allDone(page);
      const said = await tiles(page);
      assert.equal(said[0], 'gone.png: That could not be read.');
      assert.match(said.slice(1).join(), /^chelsea\.png: .*%,rocket\.jpg: .*%$/);
      await page.click('#close-many');
    });

    test('several that are dropped are a batch as well, and more are added to it', async () => {
      const rocket = { name: 'rocket.jpg', type: 'image/jpeg', bytes: await readFile(join(photos, 'rocket.jpg')) };
      await drop(page, [rocket, { ...rocket, name: 'letter.jpg', bytes: Buffer.from('Dear Hamster') }]);
      await allDone(page);
      assert.match((await tiles(page))[1], /^letter\.jpg: That is not a photo\.$/);
      await choose(page, '#add-files', cat);
      await page.waitForFunction(() => document.querySelectorAll('.tile').length === 3);
      await allDone(page);
      await page.click('#close-many');
    });
  });

  describe('a file that is no photo', () => {
    const bomb = `<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "${'ha'.repeat(100)}">${[...'bcdefgh'].map((letter, i) => `<!ENTITY ${letter} "${`&${'abcdefg'[i]};`.repeat(10)}">`).join('')}]><svg xmlns="http://www.w3.org/2000/svg"><text>&h;</text></svg>`;
    /** @type {[string, string, string | Uint8Array, RegExp][]} */
    const cases = [
      ['a video', 'film.mp4', '\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41', /^That is a video, not a photo\./],
      ['a WebM video', 'film.webm', Buffer.from([0x1a, 0x45, 0xdf, 0xa3, 0x9f, 0x42, 0x86, 0x81]), /^That is a video, not a photo\./],
      ['a PDF', 'paper.pdf', '%PDF-1.7\n1 0 obj', /^That is a PDF, not a photo\./],
      ['an SVG bomb', 'bomb.svg', bomb, /^That is a drawing \(SVG\), not a photo\./],
    ];
    for (const [what, file, content, says] of cases) {
      test(`${what} has a sentence of its own`, async () => {
        const path = join(dir, file);
        await writeFile(path, content);
        await pick(page, path);
        assert.match(await failed(page), says);
      });
    }

    test('a picture of 20,000×20,000 pixels is measured, and never decoded', async () => {
      await pick(page, join(dir, 'holidays', 'huge.png'));
      assert.match(await failed(page), /^That photo is too large to decode\. It measures 20,000 × 20,000 pixels/);
    });

    test('a file that is gone since it was picked can be chosen anew', async () => {
      const gone = join(dir, 'gone.png');
      await cp(cat, gone);
      await dropGone(page, [gone], [gone]);
      assert.match(await failed(page), /^That could not be read\. It may have been moved/);
      assert.equal(await page.$eval('#retry', (retry) => /** @type {HTMLElement} */ (retry).hidden), true);
    });

    test('the next photo is answered all the same', async () => {
      await pick(page, cat);
      assert.equal((await answer(page)).length, 5);
    });
  });

  describe('the answer', () => {
    test('is copied as text and as JSON', async () => {
      await page.bringToFront();
      await page.click('#copy-text');
      await page.waitForFunction(() => document.getElementById('copy-text')?.textContent === 'Copied.');
      assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^chelsea\.png\n +[<>\d.% ]+ {2}\w+\n/);
      await page.click('#copy-json');
      await page.waitForFunction(() => document.getElementById('copy-json')?.textContent === 'Copied.');
      const copied = JSON.parse(await page.evaluate(() => navigator.clipboard.readText()));
      assert.equal(copied.photo, 'chelsea.png');
      assert.equal(copied.predictions.length, 5);
    });

    test('says so where the browser does not let it copy', async () => {
      const origin = new URL(server.url).origin;
      const ask = (/** @type {'granted' | 'denied'} */ state) => page.browserContext().setPermission(origin, { permission: { name: 'clipboard-write' }, state });
      await page.waitForFunction(() => document.getElementById('copy-text')?.textContent === 'Copy text');
      await ask('denied');
      await page.click('#copy-text');
      await page.waitForFunction(() => document.getElementById('copy-text')?.textContent === 'The browser did not let Hamster copy that.');
      assert.equal(await page.$eval('#announcer', (announcer) => announcer.textContent), 'The browser did not let Hamster copy that.');
      await page.waitForFunction(() => document.getElementById('copy-text')?.textContent === 'Copy text');
      await ask('granted');
    });

    test('tells why for any row, and no longer when it is pressed again', async () => {
      const [first, second] = await page.$$('.guess-why');
      const isShown = () => page.$eval('#heat', (heat) => !(/** @type {HTMLElement} */ (heat).hidden));
      /** @returns {Promise<number[]>} brightness of the veil in rows of the map */
      const painted = () => page.$eval('#heat', (heat) => {
        const canvas = /** @type {HTMLCanvasElement} */ (heat);
        const data = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
        const alphas = new Set();
        for (let i = 3; i < data.length; i += 4) alphas.add(data[i]);
        return [alphas.size, canvas.width / canvas.height];
      });
      await first.click();
      await page.waitForSelector('#heat:not([hidden])');
      const [shades, shape] = await painted();
      assert.ok(shades > 20, `${shades} shades`);
      assert.ok(Math.abs(shape - 451 / 300) < 0.02, 'in the photo’s own proportions');
      assert.match(await page.$eval('#status', (status) => status.textContent ?? ''), /^What is bright spoke for: /);
      await second.click();
      await page.waitForFunction(() => document.querySelectorAll('.guess-why[aria-pressed="true"]').length === 1
        && document.querySelectorAll('.guess-why')[1].getAttribute('aria-pressed') === 'true');
      await page.waitForSelector('#heat:not([hidden])');
      await second.click();
      assert.equal(await isShown(), false);
      assert.equal(await page.$$eval('.guess-why[aria-pressed="true"]', (pressed) => pressed.length), 0);
    });
  });

  describe('models', () => {
    test('the card says what the model is', async () => {
      const card = Object.fromEntries(await page.$$eval('#model-card div', (rows) => rows.map((row) => [row.querySelector('dt')?.textContent, row.querySelector('dd')?.textContent])));
      assert.equal(card['Input'], '299 × 299 pixels');
      assert.match(card['Size'] ?? '', /^\d[\d.]* MB$/);
      assert.match(card['Operators'] ?? '', /Conv \d+/);
      for (const fact of ['Classes', 'Licence', 'Source']) assert.match(card[fact] ?? '', /\w/, fact);
    });

    test('the server’s are offered, with the one that is loaded', async () => {
      const offered = await page.$$eval('#model-choice optgroup', (groups) => groups.map((group) => [group.label, group.querySelectorAll('option').length]));
      assert.equal(offered[0][0], 'On this server');
      assert.ok(Number(offered[0][1]) >= 1);
      assert.match(await page.$eval('#model-choice', (choice) => /** @type {HTMLSelectElement} */ (choice).selectedOptions[0].textContent ?? ''), /MB$/);
    });

    test('one of the reader’s own is opened, with classes from a text file; the photo is looked at again', async () => {
      const catalogue = await (await fetch(new URL('/models/index.json', server.url))).json();
      const { labels } = catalogue.models.find((/** @type {any} */ { id }) => id === catalogue.default);
      const model = join(dir, 'mine.onnx');
      await writeFile(model, Buffer.from(await (await fetch(new URL('/models/default.onnx', server.url))).arrayBuffer()));
      const names = join(dir, 'names.txt');
      await writeFile(names, Array.from({ length: labels }, (_, i) => `thing ${i}`).join('\n'));
      await pick(page, cat);
      await answer(page);
      await page.$eval('#own-model', (details) => { /** @type {HTMLDetailsElement} */ (details).open = true; });
      await choose(page, '#own-file', model);
      await choose(page, '#own-labels', names);
      await page.click('#own-form button');
      await page.waitForFunction(() => /^Thing \d+$/.test(document.querySelector('.guess-label')?.textContent ?? ''));
      const group = await page.$eval('#model-choice', (choice) => /** @type {HTMLOptGroupElement} */ (/** @type {HTMLSelectElement} */ (choice).selectedOptions[0].parentElement).label);
      assert.equal(group, 'Your own');
    });

    test('a file that is no model is told of, and another model is a choice away', async () => {
      await drop(page, [{ name: 'letter.onnx', type: '', bytes: Buffer.from('PK\x03\x04 a letter') }]);
      assert.match(await failed(page), /^The file is not an ONNX model\./);
      await page.select('#model-choice', 'models/index.json');
      const shown = await answer(page);
      assert.doesNotMatch(shown[0].label, /^Thing/);
    });
  });

  test('nothing broke its security policy, left its origin, or was left uncaught', () => {
    assert.deepEqual(opened.faults, []);
  });
});

/**
 * Types an address as people do.
 *
 * @param {Page} page
 * @param {string} address
 * @param {(page: Page) => Promise<void>} [send]
 */
async function fetchFrom(page, address, send = (page) => page.keyboard.press('Enter')) {
  await page.click('#more summary');
  await page.click('#address', { count: 3 }); // what is typed takes the place of what was there
  await page.type('#address', address);
  await send(page);
}

/**
 * Drops files that were there when they were picked, and of which some are gone.
 *
 * @param {Page} page
 * @param {string[]} files
 * @param {string[]} gone
 */
async function dropGone(page, files, gone) {
  const field = await page.evaluateHandle(() => Object.assign(document.createElement('input'), { type: 'file', multiple: true }));
  await field.uploadFile(...files);
  for (const file of gone) await rm(file);
  await forget(page);
  await field.evaluate((input) => {
    const dataTransfer = new DataTransfer();
    for (const file of input.files ?? []) dataTransfer.items.add(file);
    document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
  });
}
