/**
 * What spoke for an answer, and models of the reader's own, through the library
 * in a real browser.
 */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { build, launch, openPage, photos, root, serve, skip } from './harness.mjs';
import { tinyModel } from './tinymodel.mjs';

const base64 = (/** @type {Uint8Array} */ bytes) => Buffer.from(bytes).toString('base64');

describe('explanations and own models', { skip }, () => {
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
    // Any document of this origin will do: the page itself would load a model too.
    opened = await openPage(browser, new URL('web/page/page.css', server.url).href);
    await opened.page.evaluate(async () => {
      const global = /** @type {any} */ (globalThis);
      // @ts-expect-error: an address on the server, not a file here
      global.library = await import('/web/hamster.js');
      global.bytes = (/** @type {string} */ base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      /** A picture with more red towards the left, in a canvas. */
      global.redness = () => {
        const canvas = new OffscreenCanvas(64, 64);
        const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
        for (let x = 0; x < 64; x++) {
          context.fillStyle = `rgb(${255 - 3 * x} 20 20)`;
          context.fillRect(x, 0, 1, 64);
        }
        return canvas;
      };
    });
  });

  after(async () => {
    await browser?.close();
    await server?.close();
    await built?.close();
  });

  test('a heat map is that of finite differences over the original network, and takes a small part of a run', async (t) => {
    const goldens = JSON.parse(await readFile(join(root, 'testdata/explain/goldens.json'), 'utf8'));
    const [{ photo, mode, classes }] = goldens.maps;
    const found = await opened.page.evaluate(async (photo, mode) => {
      const { library, bytes } = /** @type {any} */ (globalThis);
      const classifier = await library.load({ model: '/models/default.onnx' });
      try {
        const image = new Blob([bytes(photo)]);
        const answer = await classifier.classify(image, { mode, top: 0, explain: true });
        const [{ index }] = answer.predictions;
        const maps = [];
        for (let index = 0; index < answer.predictions.length; index++) maps.push(await classifier.explain(image, { index, of: answer, mode }));
        // Each of these takes a run of its own.
        const alone = await classifier.explain(image, { index, mode });
        const stale = await classifier.explain(image, { index: 0, of: answer, mode });
        return { answer, index, maps, alone, stale, info: classifier.info };
      } finally {
        classifier.close();
      }
    }, await readFile(join(photos, photo), 'base64'), mode);
    const near = (/** @type {{ values: number[] }} */ { values }, /** @type {number[]} */ want, /** @type {string} */ what) => {
      assert.equal(values.length, want.length, what);
      const worst = Math.max(...values.map((value, i) => Math.abs(value - want[i])));
      assert.ok(worst <= 1e-3, `${what}: off by ${worst}`);
    };
    near(found.answer.heatmap, classes[found.index], 'with the answer');
    found.maps.forEach((map, i) => near(map, classes[i], `class ${i}`));
    near(found.alone, classes[found.index], 'alone');
    near(found.stale, classes[0], 'after other runs');
    assert.equal(found.answer.heatmap.index, found.index);
    assert.equal(found.answer.heatmap.method, 'grad-cam');
    assert.equal(found.info.explains, 'grad-cam');
    assert.deepEqual(found.alone.area, { left: 0, top: 0, right: 1, bottom: 1 });
    const share = Math.min(...found.maps.map(({ took }) => took)) / found.answer.timing.run;
    const first = found.answer.heatmap.took / found.answer.timing.run;
    t.diagnostic(`a heat map takes ${(100 * share).toFixed(1)} % of a run, the first ${(100 * first).toFixed(1)} %`);
    assert.ok(share < 0.2, `${share} of a run`);
  });

  test('a file that somebody chose is a model, with labels of another file, and has a card', async () => {
    const info = await opened.page.evaluate(async (model) => {
      const { library, bytes, redness } = /** @type {any} */ (globalThis);
      const file = new File([bytes(model)], 'own.onnx');
      const classifier = await library.load({ model: file, labels: await new Blob(['red\r\ngreen\r\nblue\r\n']).text() });
      const { predictions } = await classifier.classify(redness());
      const again = await library.load({ model: file, labels: ['rot', { id: 'n2', label: 'grün' }, 'blau'] });
      const other = await again.classify(redness());
      classifier.close();
      again.close();
      return { ...classifier.info, predictions, other: other.predictions, others: again.info.labels };
    }, base64(tinyModel({ pooled: true, metadata: { 'hamster.licence': 'CC0-1.0' } })));
    assert.deepEqual(info.labels, [{ id: '0', label: 'red' }, { id: '1', label: 'green' }, { id: '2', label: 'blue' }]);
    assert.deepEqual(info.others, [{ id: '0', label: 'rot' }, { id: 'n2', label: 'grün' }, { id: '2', label: 'blau' }]);
    assert.equal(info.predictions[0].label, 'red');
    assert.equal(info.other[0].label, 'rot');
    assert.equal(info.licence, 'CC0-1.0');
    assert.deepEqual([info.kept.state, info.kept.from], ['single', 'file']);
    assert.equal(info.kept.size, info.card.size);
    assert.deepEqual(info.card.operators, [{ op: 'Flatten', count: 1 }, { op: 'GlobalAveragePool', count: 1 }]);
    assert.deepEqual(info.card.inputs, [{ name: 'x', type: 'float32', shape: [1, 3, 8, 8] }]);
    assert.equal(info.card.input, '8×8 RGB, byte / 255 + 0, quality');
    assert.equal(info.card.opsets['ai.onnx'], 13);
    assert.equal(info.card.metadata['hamster.licence'], 'CC0-1.0');
    assert.ok((info.card.memory?.peak ?? 0) > 0);
  });

  for (const { name, labels, code, said } of [
    { name: 'too few labels', labels: 'red', code: 'labels-invalid', said: '1 labels for 3 outputs' },
    { name: 'labels with a hole', labels: 'red\n\ngreen\nblue', code: 'labels-invalid', said: 'line 2 is empty' },
  ]) test(`${name} are said to be wrong`, async () => {
    const error = await opened.page.evaluate(async (model, labels) => {
      const { library, bytes } = /** @type {any} */ (globalThis);
      const { code, message } = await library.load({ model: new Blob([bytes(model)]), labels }).catch((/** @type {any} */ error) => error);
      return { code, message };
    }, base64(tinyModel({ pooled: true })), labels);
    assert.equal(error.code, code);
    assert.ok(error.message.includes(said), error.message);
  });

  test('a file that is no model is said to be none', async () => {
    const code = await opened.page.evaluate(async () => {
      const { library } = /** @type {any} */ (globalThis);
      return (await library.load({ model: new Blob(['hello']) }).catch((/** @type {any} */ error) => error)).code;
    });
    assert.equal(code, 'model-not-onnx');
  });

  test('a network without a head is explained part by part, and stops when nobody waits', async () => {
    const seen = await opened.page.evaluate(async (model) => {
      const { library, bytes, redness } = /** @type {any} */ (globalThis);
      const classifier = await library.load({ model: new Blob([bytes(model)]), labels: ['red', 'green', 'blue'] });
      try {
        /** @type {number[]} */
        const shares = [];
        /** @type {any} */
        let last = null;
        const whole = await classifier.explain(redness(), {
          index: 0, cells: 4, onprogress: (/** @type {number} */ share, /** @type {any} */ soFar) => {
            shares.push(share);
            last = soFar;
          },
        });
        const withAnswer = await classifier.classify(redness(), { explain: true });
        const stop = new AbortController();
        let runs = 0;
        const stopped = await classifier.explain(redness(), {
          cells: 32, signal: stop.signal, onprogress: () => {
            if (++runs === 3) stop.abort();
          },
        }).catch((/** @type {any} */ error) => error.name);
        const begun = performance.now();
        const { predictions } = await classifier.classify(redness());
        return { info: classifier.info, shares, last, whole, withAnswer, stopped, runs, predictions, next: performance.now() - begun };
      } finally {
        classifier.close();
      }
    }, base64(tinyModel({ pooled: false })));
    assert.equal(seen.info.explains, 'occlusion');
    assert.equal(seen.whole.method, 'occlusion');
    assert.deepEqual([seen.whole.width, seen.whole.height, seen.whole.values.length], [4, 4, 16]);
    assert.equal(seen.whole.values[4], 1, `${seen.whole.values}`);
    assert.equal(seen.shares.length, 17);
    assert.equal(seen.shares.at(-1), 1);
    assert.deepEqual(seen.last.values, seen.whole.values);
    assert.equal(seen.withAnswer.heatmap.values.length, 64);
    assert.equal(seen.stopped, 'AbortError');
    assert.equal(seen.runs, 3);
    assert.equal(seen.predictions[0].label, 'red');
  });

  test('a heat map lies over the picture as browsers show it, however the camera was held and whatever the network saw', async () => {
    const files = await Promise.all([2, 3, 4, 5, 6, 7, 8].map((i) => readFile(join(root, `preprocess/imagefile/testdata/rotated-${i}.jpg`), 'base64')));
    const [keras, quality] = [tinyModel({ pooled: true, metadata: { 'hamster.preprocess': 'keras' } }), tinyModel({ pooled: false })].map(base64);
    const seen = await opened.page.evaluate(async (files, keras, quality) => {
      const { library, bytes } = /** @type {any} */ (globalThis);
      const seen = [];
      for (const decodeOn of ['auto', 'page']) {
        const asStored = new library.Classifier({ model: new Blob([bytes(keras)]), decodeOn });
        const covering = new library.Classifier({ model: new Blob([bytes(quality)]), decodeOn });
        for (const file of files) {
          const image = new Blob([bytes(file)]);
          const { width, height } = await createImageBitmap(image); // upright
          const upright = new OffscreenCanvas(width, height);
          upright.getContext('2d')?.drawImage(await createImageBitmap(image, { colorSpaceConversion: 'none' }), 0, 0);
          const answer = await asStored.classify(image, { explain: true });
          let told = null;
          const covered = await covering.explain(image, {
            index: 0, mode: 'keras', cells: 4, onprogress: (/** @type {number} */ _, /** @type {any} */ soFar) => { told = soFar; },
          });
          seen.push([
            [await asStored.explain(image, { index: 0 }), await asStored.explain(upright, { index: 0 })],
            [await asStored.explain(image, { index: answer.predictions[0].index, of: answer }), answer.heatmap],
            [covered, await covering.explain(upright, { index: 0, mode: 'keras', cells: 4 })],
            [told, covered],
          ].map((pair) => pair.map((map) => map?.values)));
        }
        asStored.close();
        covering.close();
      }
      return seen;
    }, files, keras, quality);
    assert.equal(seen.length, 14);
    seen.forEach((pairs, i) => {
      pairs.forEach(([got, want], j) => {
        const worst = Math.max(...got.map((/** @type {number} */ value, /** @type {number} */ at) => Math.abs(value - want[at])));
        assert.ok(worst < 0.02, `orientation ${2 + i % 7}, map ${j}: off by ${worst}`);
      });
      const [[[values]]] = [pairs];
      assert.ok(Math.max(...values) - Math.min(...values) > 0.2, 'a map that could not be turned wrongly tells nothing');
    });
  });

  test('an option that makes no sense is refused', async () => {
    const codes = await opened.page.evaluate(async () => {
      const { library, redness } = /** @type {any} */ (globalThis);
      const classifier = new library.Classifier();
      const refusals = [];
      for (const options of [{ index: -2 }, { index: 0.5 }, { method: 'guess' }, { cells: 1 }, { mode: 'fast' }, { onprogress: 1 }]) {
        refusals.push((await classifier.explain(redness(), options).catch((/** @type {any} */ error) => error)).code);
      }
      classifier.close();
      try {
        new library.Classifier({ labels: 3 });
      } catch (error) {
        refusals.push(/** @type {any} */ (error).code);
      }
      return refusals;
    });
    assert.deepEqual(codes, Array(7).fill('option-invalid'));
  });

  test('nothing went wrong meanwhile', () => assert.deepEqual(opened.faults, []));
});
