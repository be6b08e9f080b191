/**
 * The page with models that are not like its own: one that is explained by covering
 * parts of the photo, one that sees the middle alone, one of a thousand classes.
 */

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { answer, build, drop, failed, headersOf, interfere, launch, longestTask, obstacles, openPage, ready, root, serve, skip } from './harness.mjs';
import { manyModel, slowModel, tinyModel } from './tinymodel.mjs';

/** @import { Page } from 'puppeteer-core' */

/** Runs before the page: keeps what the bar and the voice have told, and what must be given back. */
function watchOwn() {
  const global = /** @type {any} */ (globalThis);
  global.bars = [];
  global.announced = [];
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
  global.bitmaps = 0;
  const { createImageBitmap } = globalThis;
  globalThis.createImageBitmap = async (/** @type {[any, any]} */ ...options) => {
    const bitmap = await createImageBitmap(...options);
    global.bitmaps++;
    return bitmap;
  };
  const { close } = ImageBitmap.prototype;
  ImageBitmap.prototype.close = function () {
    global.bitmaps--;
    close.call(this);
  };
  addEventListener('DOMContentLoaded', () => {
    const bar = /** @type {HTMLProgressElement} */ (document.getElementById('explaining-progress'));
    new MutationObserver(() => global.bars.push(bar.position)).observe(bar, { attributes: true, attributeFilter: ['value'] });
    const announcer = /** @type {HTMLElement} */ (document.getElementById('announcer'));
    new MutationObserver(() => global.announced.push(announcer.textContent)).observe(announcer, { childList: true });
  });
}

describe('a model of the reader’s own', { skip }, () => {
  /** @type {Awaited<ReturnType<typeof build>>} */
  let built;
  /** @type {Awaited<ReturnType<typeof serve>>} */
  let server;
  /** @type {Awaited<ReturnType<typeof interfere>>} */
  let middle;
  /** @type {import('puppeteer-core').Browser} */
  let browser;
  /** @type {Awaited<ReturnType<typeof openPage>>} */
  let opened;
  /** @type {Page} */
  let page;
  /** Answers that wait, where the server is to be slow. @type {import('node:http').ServerResponse[] | null} */
  let held = null;
  /** Whether the server is in trouble with its spare model. */
  let isDown = false;
  /** What the server has as its photo; nothing where it is in trouble. */
  let photo = Buffer.alloc(0);

  before(async () => {
    built = await build();
    server = await serve(built);
    const first = Buffer.from(tinyModel({ pooled: true }));
    const odd = Buffer.from(Buffer.from(first).toString('latin1').replaceAll('GlobalAveragePool', 'GlobalOddnessPool'), 'latin1');
    const catalogue = JSON.stringify({ models: ['odd', 'spare'].map((id) => ({ id, name: id, manifest: `${id}.onnx`, compressed: odd.length, labels: 3 })) });
    middle = await interfere(server.url, {
      '/models/index.json': (_, response) => response.writeHead(200, headersOf('application/json')).end(catalogue),
      '/models/default.onnx': (_, response) => {
        if (held) held.push(response);
        else response.writeHead(200, headersOf('application/octet-stream')).end(first);
      },
      '/models/odd.onnx': (_, response) => response.writeHead(200, headersOf('application/octet-stream')).end(odd),
      '/models/spare.onnx': (_, response) => response.writeHead(isDown ? 503 : 200, headersOf('application/octet-stream')).end(isDown ? '' : first),
      '/photo.png': (_, response) => {
        response.writeHead(photo.length > 0 ? 200 : 503, headersOf('image/png')).end(photo);
      },
    });
    browser = await launch();
    opened = await openPage(browser, middle.url, async (page) => {
      await page.setViewport({ width: 1280, height: 900 });
      await page.evaluateOnNewDocument(watchOwn);
    });
    page = opened.page;
    await ready(page);
  });

  after(async () => {
    await browser?.close();
    await middle?.close();
    await server?.close();
    await built?.close();
  });

  /**
   * Opens a model as a reader does who drops it, and waits until it has looked at
   * the photo that is there.
   *
   * @param {string} name
   * @param {Uint8Array} bytes
   */
  async function open(name, bytes) {
    await drop(page, [{ name: `${name}.onnx`, type: '', bytes }]);
    await page.waitForFunction((name) => /** @type {HTMLSelectElement} */ (document.getElementById('model-choice')).selectedOptions[0]?.textContent === name
      && document.querySelector('#model[data-ready]') && /answered|idle/.test(document.body.dataset.state ?? ''), {}, `${name}.onnx`);
  }

  /**
   * Shows a picture four times as wide as high: grey, with squares of other colours,
   * whose places are tenths of the width and the height.
   *
   * @param {...[string, number]} squares colour and place
   */
  async function show(...squares) {
    await drop(page, [{ name: 'wide.png', type: 'image/png', bytes: await wide(...squares) }]);
    return answer(page);
  }

  /** @param {...[string, number]} squares */
  async function wide(...squares) {
    const base64 = await page.evaluate(async (squares) => {
      const canvas = new OffscreenCanvas(640, 160);
      const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
      context.fillStyle = '#555';
      context.fillRect(0, 0, 640, 160);
      for (const [colour, place] of squares) {
        context.fillStyle = colour;
        context.fillRect(64 * place, 16 * place, 64, 64);
      }
      const bytes = new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer());
      return btoa(String.fromCharCode(...bytes));
    }, squares);
    return Buffer.from(base64, 'base64');
  }

  const status = () => page.$eval('#status', (element) => element.textContent ?? '');
  const bars = () => page.evaluate(() => /** @type {number[]} */ (/** @type {any} */ (globalThis).bars));
  const isHidden = (/** @type {string} */ id) => page.$eval(`#${id}`, (element) => /** @type {HTMLElement} */ (element).hidden);
  const focused = () => page.evaluate(() => document.activeElement?.querySelector('.guess-label')?.textContent ?? document.activeElement?.id);
  const button = (/** @type {string} */ label) => page.evaluateHandle((label) => /** @type {HTMLButtonElement} */ (
    [...document.querySelectorAll('.guess-why')].find((row) => row.querySelector('.guess-label')?.textContent === label)), label);

  /** As it was in the beginning. */
  async function desk() {
    await page.emulateMediaFeatures([]);
    await page.setViewport({ width: 1280, height: 900 });
  }

  /** What is told from now on is new. */
  const listen = () => page.evaluate(() => {
    const global = /** @type {any} */ (globalThis);
    global.bars = [];
    global.announced = [];
  });
  const announced = () => page.evaluate(() => /** @type {string[]} */ (/** @type {any} */ (globalThis).announced));

  /** The bar is on its way. */
  const underway = () => page.waitForFunction(() => {
    const { position } = /** @type {HTMLProgressElement} */ (document.getElementById('explaining-progress'));
    return !(/** @type {HTMLElement} */ (document.getElementById('explaining'))).hidden && position > 0.1 && position < 0.7;
  });
  const explained = () => page.waitForFunction(() => /** @type {HTMLElement} */ (document.getElementById('explaining')).hidden
    && !(/** @type {HTMLElement} */ (document.getElementById('heat'))).hidden);

  /**
   * How dim the heat map makes the photo, from 0 to 1, and how warm, at places in
   * fractions of its width and height.
   *
   * @param {[number, number][]} places
   * @returns {Promise<{ dim: number, warm: number }[]>}
   */
  const heat = (places) => page.$eval('#heat', (element, places) => {
    const canvas = /** @type {HTMLCanvasElement} */ (element);
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    return places.map(([x, y]) => {
      const [red, , , alpha] = context.getImageData(Math.floor(x * canvas.width), Math.floor(y * canvas.height), 1, 1).data;
      return red > 128 ? { dim: 0, warm: alpha / 255 } : { dim: alpha / 255, warm: 0 };
    });
  }, places);

  describe('that does not end in pooling and dense layers', () => {
    before(() => open('slow', slowModel(10)));

    test('is explained part by part: the bar goes on to its end, the map lights up what spoke for the class, and the page stays quick', async () => {
      assert.deepEqual((await show(['#f00', 1], ['#00f', 8])).map(({ label }) => label).sort(), ['Blue', 'Green', 'Red']);
      await listen();
      const longest = await longestTask(page, async () => {
        await (await button('Red')).click();
        await underway();
        assert.match(await page.$eval('#explaining-text', (text) => text.textContent ?? ''), /^Covering one part after the other: \d+%$/);
        await explained();
      });
      const told = await bars();
      assert.ok(told.length > 10, `${told}`);
      assert.deepEqual(told, told.toSorted((a, b) => a - b));
      assert.equal(told.at(-1), 1);
      const [red, blue] = await heat([[0.15, 0.3], [0.85, 0.9]]);
      assert.ok(red.warm > 0.2, `red is lit by ${red.warm}`);
      assert.ok(blue.dim > 0.6, `blue is dimmed by ${blue.dim}`);
      assert.equal(await status(), 'What is bright spoke for: red');
      assert.deepEqual(await announced(), ['Finding out what spoke for red. This takes a while; Escape stops it.', 'What is bright spoke for: red']);
      assert.ok(longest < 50, `a task took ${longest} ms of the main thread`);
    });

    test('stops in the middle: the bar goes, the page says so, the answers stay, and another is explained', async () => {
      const shown = () => page.$$eval('#guesses li:not([hidden])', (rows) => rows.map(({ textContent }) => textContent));
      const before = await shown();
      await listen();
      await (await button('Blue')).click();
      await underway();
      await page.click('#explaining-stop');
      assert.equal(await isHidden('explaining'), true);
      assert.equal(await isHidden('heat'), true);
      assert.equal(await status(), 'Stopped. Press a guess to look again.');
      assert.equal((await announced()).at(-1), 'Stopped. Press a guess to look again.');
      assert.equal(await focused(), 'Blue', 'the button is gone, and the focus is where one goes on');
      assert.deepEqual(await shown(), before);
      assert.equal(await page.$$eval('[aria-pressed="true"]', (pressed) => pressed.length), 0);
      const count = (await bars()).length;
      await (await button('Green')).click();
      await explained();
      const [first, ...rest] = (await bars()).slice(count);
      assert.ok(first < 0.1, `it began anew at ${first}`);
      assert.equal(rest.at(-1), 1);
      assert.equal(await status(), 'What is bright spoke for: green');
    });

    test('is asked and stopped by keyboard alone', async () => {
      await (await button('Blue')).focus();
      await page.keyboard.press('Enter');
      await underway();
      await page.keyboard.press('Escape');
      assert.equal(await isHidden('explaining'), true);
      assert.equal(await focused(), 'Blue');
      await page.keyboard.press('Enter');
      await underway();
      await page.focus('#explaining-stop');
      await page.keyboard.press('Enter');
      assert.match(await status(), /^Stopped\./);
      assert.equal(await focused(), 'Blue');
      await page.keyboard.press('Space');
      await explained();
      assert.equal(await focused(), 'Blue');
      const [red, blue] = await heat([[0.15, 0.3], [0.85, 0.9]]);
      assert.ok(blue.warm > 0.2 && red.dim > 0.6);
    });

    test('keeps nobody out while the bar is there', async () => {
      await open('slower', slowModel(60));
      await (await button('Red')).click();
      await page.waitForFunction(() => /** @type {HTMLProgressElement} */ (document.getElementById('explaining-progress')).position > 0);
      assert.deepEqual(await obstacles(page), []);
      assert.equal(await isHidden('explaining'), false, 'it was there all the while');
      const [stop, stage] = await page.evaluate(() => ['explaining-stop', 'stage'].map((id) => document.getElementById(id)?.getBoundingClientRect().toJSON()));
      assert.ok(stop.right <= stage.right && stop.bottom <= stage.bottom && stop.height >= 24, 'the button is there to be pressed on a small screen');
      await desk();
    });

    test('makes way for the next photo', async () => {
      await show(['#f00', 4]);
      await (await button('Red')).click();
      await page.waitForFunction(() => /** @type {HTMLProgressElement} */ (document.getElementById('explaining-progress')).position > 0);
      await show(['#0f0', 4]);
      assert.equal(await isHidden('explaining'), true);
      assert.equal(await isHidden('heat'), true);
      assert.match(await status(), /^Answered in /);
    });
  });

  test('one that sees the middle alone is explained over that part of a wide photo', async () => {
    await open('middle', tinyModel({ pooled: true, metadata: { 'hamster.input.crop': '0.5' } }));
    await show(['#f00', 0], ['#f00', 6]);
    await page.$eval('.guess-why', (button) => /** @type {HTMLButtonElement} */ (button).click());
    await explained();
    const [inside, cold, ...outside] = await heat([[0.65, 0.7], [0.35, 0.35], [0.05, 0.2], [0.2, 0.5], [0.8, 0.5], [0.5, 0.1], [0.5, 0.9]]);
    assert.ok(inside.warm > 0.3, `lit by ${inside.warm}`);
    assert.ok(cold.dim > 0 && cold.dim < 0.7, `dimmed by ${cold.dim}`);
    for (const { dim } of outside) assert.ok(dim > 0.7, `what it does not see is dimmed by ${dim}`);
    // Both are fitted into the same box alike.
    const [picture, map] = await page.evaluate(() => {
      const picture = /** @type {HTMLImageElement} */ (document.getElementById('picture'));
      const heat = /** @type {HTMLCanvasElement} */ (document.getElementById('heat'));
      const place = (/** @type {HTMLElement} */ element, /** @type {number} */ shape) => [...Object.values(element.getBoundingClientRect().toJSON()), getComputedStyle(element).objectFit, shape];
      return [place(picture, picture.naturalWidth / picture.naturalHeight), place(heat, heat.width / heat.height)];
    });
    assert.deepEqual(map, picture);
  });

  describe('of a thousand classes', () => {
    const found = () => page.$$eval('#class-list li:not([hidden])', (rows) => rows.map(({ textContent }) => textContent));
    const counted = () => page.$eval('#class-count', (count) => count.textContent);
    /** Who listens hears it when the typing has paused: it comes after what is to be seen. @param {string} told */
    const heard = (told) => page.waitForFunction((told) => /** @type {any} */ (globalThis).announced.at(-1) === told, {}, told);

    before(async () => {
      const table = await readFile(join(root, 'tools/internal/inception/imagenet_classes.tsv'), 'utf8');
      const labels = table.trim().split('\n').filter((line) => !line.startsWith('#')).map((line) => line.split('\t'))
        .map(([, id, names]) => ({ id, label: names.split(',')[0] }));
      await open('many', manyModel(labels));
    });

    test('is not sure where none is likelier than another, and says so', async () => {
      await page.setViewport({ width: 390, height: 844 });
      await page.evaluate(() => new Promise((settled) => requestAnimationFrame(() => setTimeout(settled, 100))));
      await page.evaluate(() => { /** @type {any} */ (globalThis).shift = 0; });
      assert.equal((await show(['#fff', 4])).length, 5);
      assert.equal(await page.$eval('.guess.is-unsure .guess-doubt', (doubt) => /** @type {HTMLElement} */ (doubt).checkVisibility() && doubt.textContent), 'not sure');
      assert.equal(await page.$$eval('.guess-doubt:not([hidden])', (doubts) => doubts.length), 1);
      assert.deepEqual(await page.$$eval('.guess-id', (ids) => ids.map(({ textContent }) => textContent)), ['n01440764', 'n01443537', 'n01484850', 'n01491361', 'n01494475']);
      assert.match((await announced()).at(-1) ?? '', /^Not sure\. Best guess: tench \d/);
      const moved = await page.evaluate(() => /** @type {any} */ (globalThis).shift);
      assert.ok(moved < 0.02, `things moved by ${moved}`);
      assert.deepEqual(await obstacles(page), []);
    });

    test('gives names all the room there is on a small screen, where ids that do not fit are out of sight', async () => {
      const rows = await page.$$eval('.guess-words', (all) => all.map((words) => {
        const [name, label, id, score] = ['name', 'label', 'id', 'score'].map((part) => words.querySelector(`.guess-${part}`)?.getBoundingClientRect() ?? new DOMRect());
        return { isCut: label.width > name.width, isHalf: id.top < name.bottom - 4 && id.right > name.right + 1, overlaps: label.right > score.left, out: score.right > words.getBoundingClientRect().right + 1 };
      }));
      assert.deepEqual(rows, Array(5).fill({ isCut: false, isHalf: false, overlaps: false, out: false }));
    });

    test('shows the stages of its time as a bar, each as long as it took', async () => {
      const [widths, times] = await page.evaluate(() => {
        const { timing } = /** @type {any} */ (globalThis).results.at(-1);
        return [[...document.querySelectorAll('#stages span')].map((span) => span.getBoundingClientRect().width), [timing.decode, timing.preprocess, timing.run]];
      });
      const total = (/** @type {number[]} */ all) => all.reduce((sum, one) => sum + one, 0);
      widths.forEach((width, i) => {
        const share = times[i] / total(times);
        assert.ok(Math.abs(width / total(widths) - share) < 0.03, `${width} of ${total(widths)} pixels for ${share} of the time`);
      });
    });

    test('has a card', async () => {
      const card = Object.fromEntries(await page.$$eval('#model-card div', (rows) => rows.map((row) => [row.querySelector('dt')?.textContent, row.querySelector('dd')?.textContent])));
      assert.equal(card['Classes'], '1,000');
      assert.equal(card['Input'], '8 × 8 pixels');
      assert.equal(card['Licence'], 'CC0-1.0');
      assert.equal(card['Size'], '0.1 MB');
      assert.match(card['Operators'] ?? '', /^Flatten 1, GlobalAveragePool 1, MatMul 1, Softmax 1$/);
      assert.match(await page.$eval('#classes', (classes) => classes.textContent ?? ''), /^1,000 kinds of things, such as (?:[^,]+, ){4}[^,]+\.$/);
    });

    test('lists them all, and opening the list and searching it takes no thread’s breath', async () => {
      const longest = await longestTask(page, async () => {
        await page.click('#all-classes summary');
        await page.waitForSelector('#class-list li:nth-child(1000)');
        await page.type('#find-class', 'ha');
        await page.click('#find-class', { count: 3 });
        await page.keyboard.press('Backspace');
      });
      assert.equal((await found()).length, 1000);
      assert.equal(await counted(), '1,000 in all');
      await heard('1,000 in all');
      assert.ok(longest < 50, `a task took ${longest} ms of the main thread`);
    });

    test('finds what is typed in names and ids, and says how many there are', async () => {
      for (const [typed, wanted, told] of /** @type {[string, string[], string][]} */ ([
        ['hamster', ['Hamstern02342885'], '1 of 1,000'],
        ['SHARK white', ['Great white sharkn01484850'], '1 of 1,000'],
        ['n02342885', ['Hamstern02342885'], '1 of 1,000'],
        ['unicorn', [], 'None of that name'],
      ])) {
        await listen();
        await page.click('#find-class', { count: 3 });
        await page.keyboard.type(typed);
        assert.deepEqual(await found(), wanted);
        assert.equal(await counted(), told);
        await heard(told);
      }
      assert.deepEqual(await obstacles(page), []);
    });

    test('who listens hears it once, when the typing has paused', async () => {
      await listen();
      // In one go, as a slow machine may pause between two keys of its own accord.
      await page.$eval('#find-class', (element) => {
        const field = /** @type {HTMLInputElement} */ (element);
        for (const typed of ['h', 'ha', 'hamster']) {
          field.value = typed;
          field.dispatchEvent(new InputEvent('input', { bubbles: true }));
        }
      });
      await heard('1 of 1,000');
      assert.deepEqual(await announced(), ['1 of 1,000']);
    });

    test('text is pasted into the search as anywhere', async () => {
      const isTaken = await page.$eval('#find-class', (field) => {
        const clipboardData = new DataTransfer();
        clipboardData.setData('text/plain', 'beagle');
        return !field.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
      });
      assert.equal(isTaken, false);
    });

    test('the list is scrolled by keyboard, to its end', async () => {
      await page.click('#find-class', { count: 3 });
      await page.keyboard.press('Backspace');
      await page.keyboard.press('Tab');
      assert.equal(await page.evaluate(() => document.activeElement?.id), 'class-list');
      await page.keyboard.press('End');
      await page.waitForFunction(() => {
        const [list, last] = [document.getElementById('class-list'), document.querySelector('#class-list li:last-child')].map((element) => element?.getBoundingClientRect());
        return list && last && last.bottom <= list.bottom && last.top >= list.top;
      });
    });

    test('another model has another list', async () => {
      await open('few', tinyModel({ pooled: true }));
      assert.equal(await isHidden('all-classes'), true);
      assert.deepEqual(await found(), []);
    });
  });

  describe('beside others', () => {
    const german = () => tinyModel({ pooled: true, metadata: { 'hamster.licence': 'MIT', 'hamster.labels': JSON.stringify(['rot', 'grün', 'blau'].map((label) => ({ id: label, label }))) } });
    const english = () => tinyModel({ pooled: true, metadata: { 'hamster.labels': JSON.stringify(['red', 'green', 'blue'].map((label) => ({ id: label, label }))) } });
    const tiles = () => page.$$eval('.tile', (all) => all.map((tile) => tile.getAttribute('aria-label')?.replace(/ \d+%$/, '')));
    const allDone = () => page.waitForFunction(() => document.body.dataset.view === 'many' && document.getElementById('many-go')?.hidden && document.body.dataset.state === 'answered');
    const view = () => page.evaluate(() => document.body.dataset.view);
    const chosen = () => page.$eval('#model-choice', (choice) => /** @type {HTMLSelectElement} */ (choice).selectedOptions[0]?.textContent);
    const odd = () => new URL('models/odd.onnx', middle.url).href;
    const red = () => wide(['#f00', 1], ['#f00', 8]);
    const blue = () => wide(['#00f', 1], ['#00f', 8]);
    const dropBoth = async () => drop(page, [{ name: 'red.png', type: 'image/png', bytes: await red() }, { name: 'blue.png', type: 'image/png', bytes: await blue() }]);

    before(async () => {
      await desk();
      await page.evaluate(() => scrollTo({ top: 0, behavior: 'instant' })); // a click while the page glides hits something else
      await open('first', english());
    });

    test('takes the place of the one before in a grid: every photo is looked at anew, and the card is of the new one', async () => {
      await dropBoth();
      await allDone();
      assert.deepEqual(await tiles(), ['red.png: Red', 'blue.png: Blue']);
      await open('second', german());
      await allDone();
      assert.deepEqual(await tiles(), ['red.png: Rot', 'blue.png: Blau']);
      assert.match(await page.$eval('#model-card', (card) => card.textContent ?? ''), /MIT/);
      assert.match(await page.$eval('#classes', (classes) => classes.textContent ?? ''), /^Rot, grün, blau/i);
    });

    test('takes its place with one photo of many open, and then for the others too', async () => {
      await page.click('.tile');
      await page.waitForFunction(() => document.body.dataset.view === 'photo' && document.body.dataset.state === 'answered');
      const [back, stage] = await page.evaluate(() => ['back', 'stage'].map((id) => document.getElementById(id)?.getBoundingClientRect().toJSON()));
      assert.ok(back.left - stage.left < 20 && back.top - stage.top < 20, 'the way back is in the corner, and not over the photo’s middle');
      await open('first', english());
      assert.equal((await answer(page))[0].label, 'Red');
      await page.keyboard.press('Escape');
      await allDone();
      assert.deepEqual(await tiles(), ['red.png: Red', 'blue.png: Blue']);
    });

    test('where it is none, the grid says so, and with another one nothing is left of that', async () => {
      await drop(page, [{ name: 'letter.onnx', type: '', bytes: Buffer.from('PK\x03\x04 a letter') }]);
      assert.match(await failed(page), /^The file is not an ONNX model\./);
      assert.equal(await chosen(), 'letter.onnx');
      assert.equal(await page.$eval('#model-card', (card) => /** @type {HTMLElement} */ (card).checkVisibility({ visibilityProperty: true })), false, 'nothing is told of it');
      await page.select('#model-choice', 'models/index.json');
      await allDone();
      assert.equal(await isHidden('failure'), true);
      assert.deepEqual(await tiles(), ['red.png: Class 0', 'blue.png: Class 2']);
    });

    test('trouble with a grid is over when it is tried again', async () => {
      isDown = true;
      await page.select('#model-choice', new URL('models/spare.onnx', middle.url).href);
      assert.match(await failed(page), /^The model could not be fetched\./);
      isDown = false;
      await page.focus('#retry');
      await page.keyboard.press('Enter');
      assert.match(String(await focused()), /^(many-go|save-csv)$/);
      await allDone();
      assert.equal(await isHidden('failure'), true);
      await page.select('#model-choice', 'models/index.json');
      await allDone();
    });

    test('a text that is pasted, or a folder without photos, leaves the grid as it is', async () => {
      await listen();
      await page.evaluate(() => {
        const clipboardData = new DataTransfer();
        clipboardData.setData('text/plain', 'a letter');
        document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
      });
      assert.equal(await view(), 'many');
      assert.equal(await page.evaluate(() => document.body.dataset.state), 'answered');
      assert.match(await status(), /^There is no photo on the clipboard\.$/);
      assert.match((await announced()).at(-1) ?? '', /^There is no photo on the clipboard\./);
      assert.equal((await tiles()).length, 2);
    });

    test('a photo of many that came by an address and is gone when it is opened is told of, and opened when it is back', async () => {
      const link = async () => {
        await page.evaluate((address) => {
          const data = new DataTransfer();
          data.setData('text/uri-list', address);
          document.body.dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer: data }));
        }, new URL('photo.png', middle.url).href);
        await page.waitForFunction(() => document.querySelectorAll('.tile[data-state="done"]').length === 3);
      };
      photo = await red();
      await link();
      photo = Buffer.alloc(0);
      await page.click('li:nth-child(3) .tile');
      assert.match(await failed(page), /^That photo could not be fetched\.|status 503/);
      photo = await red();
      await page.click('#retry');
      await page.waitForFunction(() => document.body.dataset.state === 'answered');
      assert.equal(await page.$eval('#picture', (picture) => /** @type {HTMLImageElement} */ (picture).alt), 'Your photo, photo.png');
      assert.equal(await focused(), 'back');
      await page.keyboard.press('Escape');
      await page.click('#close-many');
    });

    test('who picks many photos by keyboard is led to the button that stops them, and on when all are done', async () => {
      const dir = await mkdtemp(join(tmpdir(), 'hamster-own-'));
      try {
        await page.focus('#file');
        const files = [join(dir, 'red.png'), join(dir, 'blue.png')];
        await writeFile(files[0], await red());
        await writeFile(files[1], await blue());
        await page.evaluate(() => {
          const global = /** @type {any} */ (globalThis);
          global.focused = [];
          addEventListener('focusin', ({ target }) => global.focused.push(/** @type {HTMLElement} */ (target).id));
        });
        assert.equal(await focused(), 'file');
        await /** @type {import('puppeteer-core').ElementHandle<HTMLInputElement>} */ (await page.$('#file')).uploadFile(...files);
        await allDone();
        assert.deepEqual(await page.evaluate(() => /** @type {any} */ (globalThis).focused), ['many-go', 'save-csv']);
      } finally {
        await rm(dir, { recursive: true, force: true });
      }
      await page.click('#close-many');
      assert.equal(await focused(), 'file');
    });

    test('a grid that is closed while a photo is being read keeps nothing of it', async () => {
      const files = ['1.png', '2.png'].map((name) => ({ name, type: 'image/png' }));
      const bytes = await red();
      const before = await page.evaluate(() => {
        const global = /** @type {any} */ (globalThis);
        const { arrayBuffer } = Blob.prototype;
        Blob.prototype.arrayBuffer = async function () {
          await new Promise((resolve) => { global.goOn = resolve; });
          Blob.prototype.arrayBuffer = arrayBuffer;
          return arrayBuffer.call(this);
        };
        return [global.urls.size, global.bitmaps];
      });
      await drop(page, files.map((file) => ({ ...file, bytes })));
      await page.waitForFunction(() => document.body.dataset.view === 'many' && /** @type {any} */ (globalThis).goOn);
      await page.click('#close-many');
      const after = await page.evaluate(async () => {
        const global = /** @type {any} */ (globalThis);
        global.goOn();
        await new Promise((settled) => setTimeout(settled, 500));
        return [global.urls.size, global.bitmaps];
      });
      assert.deepEqual(after, before);
    });

    test('one of the server’s that cannot be used is told of; the next visit does not ask for it, and where it does there are others to choose', async () => {
      await page.select('#model-choice', odd());
      assert.match(await failed(page), /^The model needs something Hamster cannot do\./);
      await page.reload();
      await ready(page);
      assert.match(await chosen() ?? '', /^(Model|A model)/);
      await page.evaluate((model) => localStorage.setItem('hamster-model', model), odd());
      await page.reload();
      assert.match(await failed(page), /^The model needs something Hamster cannot do\./);
      await page.waitForFunction(() => /** @type {HTMLSelectElement} */ (document.getElementById('model-choice')).options.length > 1);
      assert.match(await chosen() ?? '', /^odd/i);
      assert.match(await page.$eval('#policy', (policy) => policy.textContent ?? ''), /connect-src 'self'/);
      await page.select('#model-choice', 'models/index.json');
      await ready(page);
      assert.equal((await show(['#f00', 1])).length, 3);
      assert.equal(await page.evaluate(() => localStorage.getItem('hamster-model')), null);
    });

    test('a photo that comes while the camera waits for a model keeps its place when the model fails', async () => {
      held = [];
      const other = await openPage(browser, middle.url);
      await other.page.waitForSelector('#live');
      await other.page.waitForFunction(() => document.getElementById('sent')?.hasAttribute('data-said') || document.documentElement.lang);
      await other.page.evaluate(() => new Promise((painted) => requestAnimationFrame(() => setTimeout(painted, 100))));
      await other.page.click('#live');
      await other.page.waitForFunction(() => document.body.dataset.view === 'camera');
      await drop(other.page, [{ name: 'red.png', type: 'image/png', bytes: await red() }]);
      await other.page.waitForSelector('#picture:not([hidden])');
      for (let i = 0; held.length === 0 && i < 100; i++) await new Promise((resolve) => setTimeout(resolve, 50));
      for (const response of held) response.writeHead(404, headersOf('text/plain')).end(); // it is not tried again, as one in trouble is
      held = null;
      assert.match(await failed(other.page), /^There is no model here yet\./);
      assert.equal(await other.page.$eval('#picture', (picture) => /** @type {HTMLImageElement} */ (picture).alt), 'Your photo, red.png');
      await other.page.click('#retry');
      assert.equal((await answer(other.page)).length, 3);
      assert.deepEqual(other.faults, []);
      await other.close();
    });
  });

  test('sixty photos leave no more behind than their thumbnails', async (t) => {
    const first = 20;
    const all = 60;
    const add = (/** @type {number} */ count) => page.evaluate(async (count) => {
      const canvas = new OffscreenCanvas(2000, 1500);
      const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
      context.fillStyle = '#c40';
      context.fillRect(0, 0, 2000, 1500);
      const photo = await canvas.convertToBlob({ type: 'image/jpeg' });
      const dataTransfer = new DataTransfer();
      for (let i = 0; i < count; i++) dataTransfer.items.add(new File([photo], `${i}.jpg`, { type: 'image/jpeg' }));
      document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
    }, count);
    const session = await page.createCDPSession();
    const system = await browser.target().createCDPSession();
    /** What the processes that show pages take of the machine's memory, in bytes. */
    const resident = async () => {
      const { processInfo } = await system.send('SystemInfo.getProcessInfo');
      const sizes = await Promise.all(processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => readFile(`/proc/${id}/status`, 'utf8').catch(() => '')));
      return sizes.reduce((sum, status) => sum + 1024 * Number(/^VmRSS:\s*(\d+)/m.exec(status)?.[1] ?? 0), 0);
    };
    const measure = async (/** @type {number} */ count) => {
      await page.waitForFunction((count) => document.querySelectorAll('.tile[data-state="done"]').length === count, {}, count);
      await session.send('HeapProfiler.collectGarbage');
      const { JSHeapUsedSize: heap = 0 } = await page.metrics();
      return { heap, memory: await resident(), ...await page.evaluate(() => {
        const { urls, bitmaps } = /** @type {any} */ (globalThis);
        return { urls: urls.size, bitmaps };
      }) };
    };
    await add(first);
    const before = await measure(first);
    await add(all - first);
    const after = await measure(all);
    t.diagnostic(`${JSON.stringify(before)} after ${first}, ${JSON.stringify(after)} after ${all}`);
    assert.equal(after.urls - before.urls, all - first, 'one for each thumbnail');
    assert.equal(after.bitmaps, 0);
    assert.ok(after.heap - before.heap < 40_000 * (all - first), `the heap grew by ${after.heap - before.heap} bytes`);
    // Whatever is decoded has 12,000,000 bytes, here or in the worker.
    assert.ok(before.memory > 0 && after.memory - before.memory < 4_000_000 * (all - first), `the page and its worker grew by ${after.memory - before.memory} bytes`);
    await page.click('#close-many');
    assert.equal(await page.evaluate(() => /** @type {any} */ (globalThis).urls.size), 0);
  });

  test('nothing broke its security policy, left its origin, or was left uncaught', () => assert.deepEqual(opened.faults, []));
});
