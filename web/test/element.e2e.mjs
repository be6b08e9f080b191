/**
 * <image-classifier> in a page of its own making.
 */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { build, colours, headersOf, interfere, launch, openPage, patience, photos, serve, skip } from './harness.mjs';

const html = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>A page</title>
<script type="module" src="/web/element/define.js"></script>
<main id="main"></main>`;

describe('the element', { skip }, () => {
  /** @type {import('./harness.mjs').Build} */
  let built;
  /** @type {Awaited<ReturnType<typeof serve>>} */
  let server;
  /** @type {Awaited<ReturnType<typeof interfere>>} */
  let site;
  /** @type {import('puppeteer-core').Browser} */
  let browser;
  /** @type {Awaited<ReturnType<typeof openPage>>} */
  let opened;
  /** What is asked of the server, by path. @type {Record<string, number>} */
  const asked = {};

  before(async () => {
    built = await build();
    server = await serve(built);
    const cat = await readFile(join(photos, 'chelsea.png'));
    const model = await colours(built);
    const { headers } = await fetch(server.url);
    const policies = Object.fromEntries([...headers].filter(([name]) => /^(content-security|cross-origin)/.test(name)));
    site = await interfere(server.url, {
      '/page.html': (_, response) => response.writeHead(200, { ...policies, 'content-type': 'text/html' }).end(html),
      '/cat.png': (_, response) => {
        asked.cat = (asked.cat ?? 0) + 1;
        response.writeHead(200, headersOf('image/png')).end(cat);
      },
      '/colours.onnx': (_, response) => response.writeHead(200, headersOf('application/octet-stream')).end(model),
    });
    browser = await launch({ args: ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'] });
    opened = await openPage(browser, new URL('/page.html', site.url).href);
    await opened.page.waitForFunction(() => customElements.get('image-classifier') !== undefined);
    opened.faults.splice(0); // the favicon
    await opened.page.evaluate(() => {
      Object.assign(globalThis, {
        main: document.getElementById('main'),
        /** Makes an element that writes its events down, with a small model. @param {Record<string, string>} attributes */
        make: (attributes = {}) => {
          const element = /** @type {any} */ (document.createElement('image-classifier'));
          element.events = [];
          for (const type of ['progress', 'ready', 'classify', 'error']) {
            element.addEventListener(type, (/** @type {CustomEvent} */ event) => element.events.push([type, event.detail.code ?? event.detail.stage ?? event.detail.name ?? event.detail.predictions[0].label]));
          }
          for (const [name, value] of Object.entries({ model: '/colours.onnx', ...attributes })) element.setAttribute(name, value);
          return element;
        },
        /** @param {any} element @param {RegExp} states */
        until: async (element, states) => {
          while (!states.test(element.state)) await new Promise((resolve) => setTimeout(resolve, 20));
          return element.state;
        },
        /** Waits until an element has begun with something, or has been quicker than one can see. @param {any} element */
        busy: async (element) => {
          const { length } = element.events;
          while (!/loading|waiting|looking/.test(element.state) && element.events.length === length) await new Promise((resolve) => setTimeout(resolve, 20));
        },
        /** The guesses that an element shows. @param {any} element */
        shown: (element) => [...element.shadowRoot.querySelectorAll('[part=guess]')].map((guess) => guess.innerText.split('\n').filter(Boolean)),
        count: (/** @type {any} */ element, /** @type {string} */ type) => element.events.filter((/** @type {string[]} */ [name]) => name === type).length,
      });
    });
  });

  after(async () => {
    await browser?.close();
    await site?.close();
    await server?.close();
    await built?.close();
  });

  /** @param {string} script @returns {Promise<any>} */
  const run = (script) => opened.page.evaluate(`(async () => { ${script} })()`);

  beforeEach(() => run('main.replaceChildren(); scrollTo(0, 0);'));

  /** The engines that there are now; their other threads are workers of theirs. */
  const engines = () => opened.page.workers().filter((worker) => worker.url().endsWith('/worker.js')).length;

  /** Waits until so many engines are there. @param {number} count */
  const untilThereAre = async (count) => {
    const late = Date.now() + patience;
    while (engines() !== count) {
      if (Date.now() > late) assert.fail(`${engines()} engines, not ${count}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };

  test('three lines are enough: it shows the picture, what is in it, and says so', async () => {
    const { events, guesses, announced, picture } = await run(`
      const element = make({ src: '/cat.png', alt: 'A cat' });
      element.removeAttribute('model'); // that of the server
      main.append(element);
      await until(element, /answered|failed/);
      const root = element.shadowRoot;
      const canvas = root.querySelector('[part=image]');
      return {
        events: element.events, guesses: shown(element), announced: root.querySelector('[role=status]').textContent,
        picture: [canvas.hidden, (canvas.width / canvas.height).toFixed(2), canvas.ariaLabel],
      };`);
    const kinds = events.map((/** @type {string[]} */ [type]) => type);
    assert.ok(kinds.includes('progress'), kinds.join());
    assert.equal(kinds.filter((/** @type {string} */ type) => type !== 'progress').join(), 'ready,classify');
    assert.equal(guesses.length, 5);
    assert.match(guesses[0][1], /^[>\d]/);
    assert.equal(announced, `Best guess: ${guesses[0].join(', ')}`);
    assert.deepEqual(picture, [false, '1.50', 'A cat']);
  });

  test('properties and attributes are in step', async () => {
    const said = await run(`
      const element = document.createElement('image-classifier');
      const seen = [[element.src, element.model, element.top, element.explain, element.webcam, element.backend, element.alt]];
      Object.assign(element, { src: '/a.png', model: '/m.json', top: 2, explain: true, webcam: true, backend: 'simd', alt: 'x' });
      seen.push(element.getAttributeNames().map((name) => name + '=' + element.getAttribute(name)));
      element.explain = element.webcam = false;
      element.removeAttribute('top');
      element.setAttribute('backend', 'GORGONIA');
      seen.push([element.explain, element.webcam, element.hasAttribute('explain'), element.top, element.backend]);
      return seen;`);
    assert.deepEqual(said, [
      ['', '', 5, false, false, 'auto', ''],
      ['src=/a.png', 'model=/m.json', 'top=2', 'explain=', 'webcam=', 'backend=simd', 'alt=x'],
      [false, false, false, 5, 'gorgonia'],
    ]);
  });

  test('what was set before it was defined counts', async () => {
    const [top, own] = await run(`
      const { ImageClassifierElement } = await import('/web/element/element.js');
      const element = document.createElement('late-classifier');
      element.top = 2;
      main.append(element);
      customElements.define('late-classifier', class extends ImageClassifierElement {});
      return [element.getAttribute('top'), Object.hasOwn(element, 'top')];`);
    assert.deepEqual([top, own], ['2', false]);
  });

  test('it starts when it is about to be seen, and not before', async () => {
    await untilThereAre(0); // those of the test before
    asked.cat = 0;
    const state = await run(`
      const spacer = document.createElement('div');
      spacer.style.height = '5000px';
      const element = make({ src: '/cat.png' });
      main.append(spacer, element);
      globalThis.far = element;
      await until(element, /waiting/);
      await new Promise((resolve) => setTimeout(resolve, 300));
      return element.state;`);
    assert.deepEqual([state, asked.cat, engines()], ['waiting', 0, 0]);
    assert.equal(await run('far.scrollIntoView(); return until(far, /answered|failed/);'), 'answered');
    assert.equal(asked.cat, 1);
  });

  test('an element that is moved goes on, one that is removed gives everything back', async () => {
    assert.deepEqual(await run(`
      const element = make({ src: '/cat.png' });
      main.append(element);
      await busy(element);
      const section = document.createElement('section');
      main.append(section);
      section.append(element);
      await until(element, /answered|failed/);
      globalThis.moved = element;
      return [element.state, count(element, 'classify'), count(element, 'ready'), count(element, 'error')];`), ['answered', 1, 1, 0]);
    await run('moved.remove();');
    await untilThereAre(0);
    assert.deepEqual(await run(`
      main.append(moved);
      await new Promise((resolve) => setTimeout(resolve, 200));
      const kept = shown(moved).length;
      moved.src = '/cat.png?again';
      await busy(moved);
      await until(moved, /answered|failed/);
      return [kept, moved.state, count(moved, 'classify')];`), [5, 'answered', 2]);
  });

  test('one that is removed in mid-load ends the load, and goes on when it is back', async () => {
    await run(`
      globalThis.gone = make({ src: '/cat.png' });
      main.append(gone);
      await until(gone, /loading/);
      gone.remove();`);
    await untilThereAre(0);
    assert.deepEqual(await run('return [gone.state, count(gone, "error")];'), ['empty', 0]);
    assert.deepEqual(await run('main.append(gone); await until(gone, /answered|failed/); return [gone.state, count(gone, "error")];'), ['answered', 0]);
  });

  test('a clone is an element of its own', async () => {
    assert.deepEqual(await run(`
      const element = make({ src: '/cat.png', top: '3' });
      main.append(element);
      await until(element, /answered|failed/);
      const clone = element.cloneNode(true);
      const before = [clone.state, clone.result];
      main.append(clone);
      await until(clone, /answered|failed/);
      return [...before, clone.state, shown(clone).length];`), ['empty', null, 'answered', 3]);
  });

  test('a change of src takes the place of what is being looked at', async () => {
    assert.deepEqual(await run(`
      const element = make({ src: '/cat.png' });
      main.append(element);
      await busy(element);
      element.src = '/cat.png?2';
      await until(element, /answered/);
      await new Promise((resolve) => setTimeout(resolve, 200));
      const first = count(element, 'classify');
      element.top = 2;
      await busy(element);
      await until(element, /answered/);
      return [first, shown(element).length, count(element, 'error')];`), [1, 2, 0]);
  });

  test('fifty of them share one engine, and all answer', async () => {
    assert.deepEqual(await run(`
      const elements = Array.from({ length: 50 }, (_, i) => make({ src: '/cat.png?' + i, top: '1' }));
      for (const element of elements) {
        element.style.cssText = 'display: inline-block; width: 4px; height: 4px; overflow: hidden';
      }
      main.append(...elements);
      for (const element of elements) await until(element, /answered|failed/);
      return [new Set(elements.map((element) => element.result?.predictions[0].label)).size, elements.filter(({ state }) => state === 'answered').length];`), [1, 50]);
    await untilThereAre(1);
  });

  test('slots take the place of the picture before, and of the list', async () => {
    assert.deepEqual(await run(`
      const element = make({ src: '/cat.png' });
      element.innerHTML = '<p slot="placeholder">soon</p><output slot="result"></output>';
      element.addEventListener('classify', ({ detail }) => { element.querySelector('output').value = detail.predictions[0].label; });
      main.append(element);
      const visible = (part) => element.querySelector(part).checkVisibility();
      const before = visible('p');
      await until(element, /answered|failed/);
      const list = element.shadowRoot.querySelector('[part=guesses]');
      return [before, visible('p'), visible('output'), list.checkVisibility(), element.querySelector('output').value === element.result.predictions[0].label];`),
    [true, false, true, false, true]);
  });

  test('colours and parts are the page’s to choose', async () => {
    assert.deepEqual(await run(`
      const sheet = new CSSStyleSheet();
      sheet.replaceSync('image-classifier { --image-classifier-ground: rgb(1, 2, 3); color-scheme: dark } image-classifier::part(card) { border-width: 7px }');
      document.adoptedStyleSheets = [sheet];
      const element = make();
      main.append(element);
      const card = getComputedStyle(element.shadowRoot.querySelector('[part=card]'));
      const seen = [card.backgroundColor, card.borderTopWidth, getComputedStyle(element).color];
      document.adoptedStyleSheets = [];
      return seen;`), ['rgb(1, 2, 3)', '7px', 'rgb(243, 236, 227)']);
  });

  test('without a picture the reader chooses one, and drops one', async () => {
    const field = await opened.page.evaluateHandle(`(() => {
      globalThis.chooser = make();
      main.append(chooser);
      return chooser.shadowRoot.querySelector('input');
    })()`);
    const input = /** @type {import('puppeteer-core').ElementHandle<HTMLInputElement>} */ (field);
    await input.uploadFile(join(photos, 'chelsea.png'));
    assert.equal(await run('return until(chooser, /answered|failed/);'), 'answered');
    assert.deepEqual(await run(`
      const file = new File([await (await fetch('/cat.png')).blob()], 'cat.png', { type: 'image/png' });
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(file);
      const stage = chooser.shadowRoot.querySelector('[part=stage]');
      for (const type of ['dragover', 'drop']) stage.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
      await busy(chooser);
      await until(chooser, /answered|failed/);
      return [chooser.state, count(chooser, 'classify')];`), ['answered', 2]);
  });

  test('it classifies what its own method is given, and never rejects', async () => {
    assert.deepEqual(await run(`
      const element = make();
      main.append(element);
      const canvas = Object.assign(document.createElement('canvas'), { width: 40, height: 30 });
      canvas.getContext('2d').fillRect(0, 0, 20, 20);
      const good = await element.classify(canvas);
      const bad = await element.classify(7);
      return [good.predictions.length, bad, element.state, element.events.at(-1)];`), [5, null, 'failed', ['error', 'source-invalid']]);
  });

  test('with explain it paints what spoke for the best guess over the picture', async () => {
    assert.deepEqual(await run(`
      const element = make({ src: '/cat.png', explain: '' });
      main.append(element);
      await until(element, /answered|failed/);
      const heat = element.shadowRoot.querySelector('[part=heatmap]');
      const { data } = heat.getContext('2d').getImageData(0, 0, heat.width, heat.height);
      const dark = data.some((value, i) => i % 4 === 3 && value > 150);
      const clear = data.some((value, i) => i % 4 === 3 && value < 60);
      element.explain = false;
      await busy(element);
      await until(element, /answered|failed/);
      return [dark, clear, heat.hidden, heat.getAttribute('role'), heat.ariaLabel];`),
    [true, true, true, 'img', 'Bright is what spoke for the best guess']);
  });

  test('it speaks the language that it stands in', async () => {
    assert.deepEqual(await run(`
      main.lang = 'de-AT';
      const element = make();
      main.append(element);
      await new Promise((resolve) => setTimeout(resolve));
      main.lang = '';
      return element.shadowRoot.querySelector('label').textContent;`), 'Foto wählen');
  });

  describe('of bad input', () => {
    /** @type {[string, Record<string, string>, string, RegExp][]} what, attributes, code, state */
    const cases = [
      ['top="many"', { top: 'many', src: '/cat.png' }, 'option-invalid', /answered/],
      ['top="-1"', { top: '-1', src: '/cat.png' }, 'option-invalid', /answered/],
      ['backend="gpu"', { backend: 'gpu', src: '/cat.png' }, 'option-invalid', /answered/],
      ['a src of javascript:', { src: 'javascript:alert(1)' }, 'source-invalid', /failed/],
      ['a src of data:text/html', { src: 'data:text/html,<script>alert(1)</script>' }, 'source-invalid', /failed/],
      ['a src that is not there', { src: '/nothing.png' }, 'image-unreachable', /failed/],
      ['a src that is a page', { src: '/page.html' }, 'image-not', /failed/],
      ['a model that is not there', { src: '/cat.png', model: '/models/nothing/model.json' }, 'model-missing', /failed/],
      ['a model whose address is none', { src: '/cat.png', model: 'http://[' }, 'option-invalid', /failed/],
    ];
    for (const [name, attributes, code, state] of cases) {
      test(`${name}: an error event says ${code}`, async () => {
        const [codes, end, text] = await run(`
          const element = make(${JSON.stringify(attributes)});
          main.append(element);
          await until(element, /answered|failed/);
          const failure = element.shadowRoot.querySelector('[part=error]');
          return [element.events.filter(([type]) => type === 'error').map(([, code]) => code), element.state, failure.hidden ? '' : failure.innerText];`);
        assert.deepEqual(codes, [code]);
        assert.match(end, state);
        assert.equal(text !== '', end === 'failed');
      });
    }

    test('a failure that may pass offers another try', async () => {
      assert.deepEqual(await run(`
        const element = make({ src: '/nothing.png' });
        main.append(element);
        await until(element, /failed/);
        const button = [...element.shadowRoot.querySelectorAll('button')].find((button) => button.checkVisibility());
        element.events.length = 0;
        button.click();
        await busy(element);
        await until(element, /failed/);
        return [button.textContent, count(element, 'error')];`), ['Try again', 1]);
    });

    test('labels are text, whatever they hold', async () => {
      const [text, images] = await run(`
        const { View } = await import('/web/element/view.js');
        const bare = document.createElement('div');
        main.append(bare);
        const view = new View(bare, { onfile() {}, onbutton() {}, onretry() {} });
        view.answer([{ index: 0, id: '0', label: '<img src=x onerror=alert(1)>', score: 1 }]);
        return [bare.shadowRoot.querySelector('[part=label]').textContent, bare.shadowRoot.querySelectorAll('img').length];`);
      assert.deepEqual([text, images], ['<img src=x onerror=alert(1)>', 0]);
    });

    test('a listener of the page that throws stops nothing', async () => {
      const end = await run(`
        const element = make({ src: '/cat.png' });
        element.addEventListener('progress', () => { throw new Error('the listener’s own'); }, { once: true });
        main.append(element);
        return until(element, /answered|failed/);`);
      assert.equal(end, 'answered');
      assert.equal(opened.faults.filter((fault) => fault.includes('the listener’s own')).length, 1);
      opened.faults.splice(0);
    });
  });

  test('the camera: live while it is seen, and off when it is left', async () => {
    const [frames, later, tracks] = await run(`
      const element = make({ webcam: '' });
      main.append(element);
      await new Promise((resolve) => setTimeout(resolve));
      const root = element.shadowRoot;
      root.querySelector('button:not([hidden])').click();
      await until(element, /live|failed/);
      while (count(element, 'classify') < 3 && element.state === 'live') await new Promise((resolve) => setTimeout(resolve, 20));
      const tracks = root.querySelector('video').srcObject.getTracks();
      const frames = count(element, 'classify');
      element.remove();
      await new Promise((resolve) => setTimeout(resolve, 300));
      return [frames, count(element, 'classify') - frames, tracks.map(({ readyState }) => readyState)];`);
    assert.ok(frames >= 3, `${frames} frames`);
    assert.equal(later, 0, 'frames that were looked at afterwards');
    assert.deepEqual(tracks, ['ended']);
    await untilThereAre(0);
  });

  test('a camera that is refused is told of', async () => {
    const codes = await run(`
      const { getUserMedia } = navigator.mediaDevices;
      const codes = [];
      for (const name of ['NotAllowedError', 'NotFoundError', 'NotReadableError']) {
        navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', name));
        const element = make({ webcam: '' });
        main.append(element);
        await new Promise((resolve) => setTimeout(resolve));
        element.shadowRoot.querySelector('button:not([hidden])').click();
        await until(element, /failed/);
        codes.push(element.events.findLast(([type]) => type === 'error')[1]); // the model may still be on its way
      }
      navigator.mediaDevices.getUserMedia = getUserMedia;
      return codes;`);
    assert.deepEqual(codes, ['camera-refused', 'camera-missing', 'camera-failed']);
  });

  test('importing the class defines nothing, and works where there is no page', async () => {
    const { ImageClassifierElement } = await import('../element/element.js');
    assert.equal(typeof ImageClassifierElement, 'function');
    assert.equal(/** @type {any} */ (globalThis).customElements, undefined);
  });

  test('nothing broke the strict policy, left its origin, or was left uncaught', () => {
    assert.deepEqual(opened.faults, []);
  });
});
