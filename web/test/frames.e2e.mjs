/**
 * Opaque pictures are read through a VideoFrame, which must change nothing but the time.
 */

import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { build, launch, openPage, photos, root, serve, skip } from './harness.mjs';

describe('frames', { skip }, () => {
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
    opened = await openPage(browser, new URL('LICENSE.txt', server.url).href);
    await opened.page.evaluate(inPage);
  });

  after(async () => {
    await browser?.close();
    await server?.close();
    await built?.close();
  });

  test('a picture read in any order has the pixels that a canvas gives, and only an opaque and upright one is read through a frame', async () => {
    const dir = join(root, 'preprocess', 'imagefile', 'testdata');
    const files = (await readdir(dir)).filter((name) => /\.(png|jpg|bmp|gif|webp)$/.test(name)).map((name) => join(dir, name));
    files.push(join(photos, 'rocket.jpg'));
    for (const file of files) {
      for (const mode of ['quality', 'keras']) {
        const seen = await opened.page.evaluate(
          (base64, mode) => /** @type {any} */ (globalThis).comparedFile(base64, mode),
          await readFile(file, 'base64'), mode,
        );
        const hasAlpha = /alpha|transparent|rgba|deep\.png|offset\.gif/.test(file);
        const isTurned = mode === 'quality' && /rotated.*(jpg|png)/.test(file);
        assert.deepEqual(seen, { same: true, framed: !hasAlpha && !isTurned }, `${file}, ${mode}`);
      }
    }
  });

  test('bitmaps of other colours, of canvases and of other sizes have the pixels that a canvas gives', async () => {
    const seen = await opened.page.evaluate(async () => {
      const { compared, drawing } = /** @type {any} */ (globalThis);
      // @ts-expect-error: an address on the server, not a file here
      const { decode, drawn } = await import('/web/worker/decode.js');
      const wide = drawing({ alpha: false, colorSpace: 'display-p3' });
      return [
        await compared(await decode(await wide.convertToBlob({ type: 'image/jpeg' }), 'quality')),
        await compared(drawn(wide.transferToImageBitmap())),
        await compared(drawn(drawing({}).transferToImageBitmap())),
        await compared(drawn(await createImageBitmap(drawing({ alpha: false }), 3, 5, 20, 15))),
        await compared(drawn(await createImageBitmap(drawing({ alpha: false }), { resizeWidth: 20, resizeHeight: 15 }))),
        await compared(drawn(new VideoFrame(drawing({ alpha: false }), { timestamp: 0 }))),
      ].map(({ same }) => same);
    });
    assert.deepEqual(seen, Array(6).fill(true));
  });

  // Each is a browser that has to be found out: with a fresh module, which asks anew.
  for (const [fault, asked] of /** @type {[string, number][]} */ ([
    ['has no frames', 0],
    ['makes no frame of a bitmap', 0],
    ['says nothing of how a frame is turned', 0],
    ['copies from the top, whatever the rows', 1],
    ['copies another order than it says', 1],
    ['refuses to copy', 1],
    ['never ends to copy', 1],
    ['fails after the first rows', 3],
  ])) {
    test(`the pixels are right where the browser ${fault}`, async () => {
      const seen = await opened.page.evaluate(async (fault) => {
        const { compared, drawing, picked } = /** @type {any} */ (globalThis);
        const { VideoFrame } = globalThis;
        const { copyTo } = VideoFrame.prototype;
        const rotation = /** @type {PropertyDescriptor} */ (Object.getOwnPropertyDescriptor(VideoFrame.prototype, 'rotation'));
        const later = setTimeout;
        let asked = 0;
        VideoFrame.prototype.copyTo = async function (into, options) {
          asked++;
          if (fault === 'refuses to copy' || fault === 'fails after the first rows' && asked > 2) throw new DOMException('no', 'NotSupportedError');
          if (fault.startsWith('never ends')) await new Promise(() => {});
          if (fault.startsWith('copies from the top')) options = { ...options, rect: { .../** @type {any} */ (options?.rect), y: 0 } };
          if (fault.startsWith('copies another order')) options = { ...options, format: this.format === 'BGRX' ? 'RGBX' : 'BGRX' };
          return copyTo.call(this, into, options);
        };
        if (fault.startsWith('never ends')) Reflect.set(globalThis, 'setTimeout', (/** @type {any} */ f, /** @type {number} */ ms) => later(f, ms / 100));
        if (fault === 'has no frames') Reflect.set(globalThis, 'VideoFrame', undefined);
        if (fault.startsWith('makes no')) Reflect.set(globalThis, 'VideoFrame', class { constructor() { throw new TypeError('no'); } });
        if (fault.startsWith('says nothing')) Reflect.deleteProperty(VideoFrame.prototype, 'rotation');
        try {
          const { framed } = await import(`/web/worker/frame.js?${encodeURIComponent(fault)}`);
          const results = [];
          for (let i = 0; i < 2; i++) {
            const bitmap = await createImageBitmap(await drawing({ alpha: false }).convertToBlob({ type: 'image/jpeg' }));
            const paint = picked(bitmap);
            const quick = framed(bitmap, paint);
            const read = (/** @type {number} */ y, /** @type {number} */ count, /** @type {Uint8Array} */ into, /** @type {boolean} */ inAnyOrder) =>
              (inAnyOrder ? quick.read(y, count, into) : paint(y, count, into));
            results.push(await compared({ width: bitmap.width, height: bitmap.height, read, close: quick.close }));
          }
          return { same: results.every(({ same }) => same), asked };
        } finally {
          globalThis.setTimeout = later;
          VideoFrame.prototype.copyTo = copyTo;
          Object.defineProperty(VideoFrame.prototype, 'rotation', rotation);
          globalThis.VideoFrame = VideoFrame;
        }
      }, fault);
      assert.deepEqual(seen, { same: true, asked });
    });
  }

  test('mode keras, which reads by the canvas, does not ask what frames can do', async () => {
    const { page, close } = await openPage(browser, new URL('LICENSE.txt', server.url).href);
    const asked = await page.evaluate(async (base64) => {
      let asked = 0;
      globalThis.VideoFrame = class extends VideoFrame {
        /** @param {[any, any]} options */
        constructor(...options) {
          super(...options);
          asked++;
        }
      };
      // @ts-expect-error: an address on the server, not a file here
      const { decode } = await import('/web/worker/decode.js');
      const file = new Blob([Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))]);
      const seen = [];
      for (const mode of ['keras', 'quality']) {
        (await decode(file, mode)).close();
        await new Promise((resolve) => setTimeout(resolve, 300));
        seen.push(asked);
      }
      return seen;
    }, await readFile(join(photos, 'rocket.jpg'), 'base64'));
    assert.deepEqual(asked, [0, 1]);
    await close();
  });

  test('a photo gets the same scores in a worker whose frames lie', async () => {
    const image = await readFile(join(photos, 'rocket.jpg'), 'base64');
    const scores = [];
    for (const lies of [false, true]) {
      await opened.page.evaluate(async () => {
        // @ts-expect-error: an address on the server, not a file here
        const { load } = await import('/web/hamster.js');
        Object.assign(globalThis, { classifier: await load({ model: 'models/default.onnx', threads: 1 }) });
      });
      const [worker] = opened.page.workers();
      await worker.evaluate((lies) => {
        const { copyTo } = VideoFrame.prototype;
        const seen = { copies: 0 };
        VideoFrame.prototype.copyTo = function (into, options) {
          seen.copies++;
          return copyTo.call(this, into, lies ? { ...options, format: 'RGBA', layout: undefined, rect: undefined } : options);
        };
        Object.assign(globalThis, { seen });
      }, lies);
      scores.push(await opened.page.evaluate(async (base64) => {
        const { classifier } = /** @type {any} */ (globalThis);
        const file = new Blob([Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))]);
        return (await classifier.classify(file, { mode: 'quality', top: 0 })).predictions;
      }, image));
      const copies = await worker.evaluate(() => /** @type {any} */ (globalThis).seen.copies);
      assert.equal(copies > 1, !lies, `${copies} copies`);
      await opened.page.evaluate(() => /** @type {any} */ (globalThis).classifier.close());
    }
    assert.deepEqual(scores[1], scores[0]);
  });

  test('a photo that the browser never ends to copy ends the worker, and the next one gets another', async () => {
    await opened.page.evaluate(async () => {
      // @ts-expect-error: an address on the server, not a file here
      const { load } = await import('/web/hamster.js');
      Object.assign(globalThis, { classifier: await load({ model: 'models/default.onnx', threads: 1 }) });
    });
    const [worker] = opened.page.workers();
    await worker.evaluate(() => {
      const later = setTimeout;
      Reflect.set(globalThis, 'setTimeout', (/** @type {any} */ f, /** @type {number} */ ms) => later(f, ms / 20));
      const { copyTo } = VideoFrame.prototype;
      VideoFrame.prototype.copyTo = function (into, options) {
        return this.codedWidth < 100 ? copyTo.call(this, into, options) : new Promise(() => {});
      };
    });
    const seen = await opened.page.evaluate(async (base64) => {
      const { classifier } = /** @type {any} */ (globalThis);
      const file = new Blob([Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))]);
      const code = await classifier.classify(file, { mode: 'quality' }).catch((/** @type {any} */ error) => error.code);
      const { predictions } = await classifier.classify(file, { mode: 'quality' });
      classifier.close();
      return { code, count: predictions.length };
    }, await readFile(join(photos, 'rocket.jpg'), 'base64'));
    assert.deepEqual(seen, { code: 'engine-stopped', count: 5 });
  });
});

/** What the tests share on the page. */
function inPage() {
  let copies = 0;
  const { copyTo } = VideoFrame.prototype;
  VideoFrame.prototype.copyTo = function (...args) {
    copies++;
    return copyTo.apply(this, args);
  };

  /**
   * Reads a picture both ways, in bands of which the last overlaps.
   *
   * @param {import('../worker/decode.js').Picture} picture
   */
  async function compared({ width, height, read, close }) {
    await read(0, 1, new Uint8Array(4 * width), true); // the first one asks what frames can do
    const before = copies;
    const count = Math.min(7, height);
    let same = true;
    for (let y = 0; y < height; y += count) {
      const from = Math.min(y, height - count);
      const painted = new Uint8Array(4 * width * count);
      const shared = new Uint8Array(new SharedArrayBuffer(painted.length));
      read(from, count, painted, false);
      const bgr = (await read(from, count, shared, true))?.bgr;
      same &&= painted.every((byte, i) => i % 4 === 3 || byte === shared[bgr ? i + 2 - 2 * (i % 4) : i]);
    }
    close();
    return { same, framed: copies > before };
  }

  /** @param {CanvasRenderingContext2DSettings} settings */
  function drawing(settings) {
    const canvas = new OffscreenCanvas(61, 33);
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d', settings));
    for (let i = 0; i < 500; i++) {
      context.fillStyle = `hsl(${i * 37}deg 90% ${i % 90}%)`;
      context.fillRect((i * 17) % 61, (i * 29) % 33, 5, 3);
    }
    return canvas;
  }

  /** @param {ImageBitmap} bitmap */
  function picked(bitmap) {
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d', { willReadFrequently: true }));
    context.drawImage(bitmap, 0, 0);
    return (/** @type {number} */ y, /** @type {number} */ count, /** @type {Uint8Array} */ into) =>
      into.set(context.getImageData(0, y, bitmap.width, count).data);
  }

  /**
   * @param {string} base64
   * @param {string} mode
   */
  async function comparedFile(base64, mode) {
    // @ts-expect-error: an address on the server, not a file here
    const { decode } = await import('/web/worker/decode.js');
    return compared(await decode(new Blob([Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))]), mode));
  }

  Object.assign(globalThis, { compared, drawing, picked, comparedFile });
}
