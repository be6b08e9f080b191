/**
 * Takes pictures of the page in every state, on a phone and on a desk, light
 * and dark:
 *
 *   node web/test/screenshots.mjs [FOLDER]
 *
 * They go to FOLDER (.cache/screenshots unless named); those in docs/img, which
 * the README shows, are composed of some of them.
 */

import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { answer, build, failed, headersOf, interfere, launch, openPage, photos, pick, ready, root, serve } from './harness.mjs';

const out = resolve(process.argv[2] ?? join(root, '.cache', 'screenshots'));
const screens = {
  phone: { width: 390, height: 844, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
  small: { width: 320, height: 640, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
  desk: { width: 1280, height: 800, deviceScaleFactor: 1 },
};

const photo = join(photos, 'coffee.png');

/**
 * What to do for each state before the picture is taken.
 *
 * @type {Record<string, (page: import('puppeteer-core').Page) => Promise<unknown>>}
 */
const states = {
  loading: (page) => page.waitForFunction(() => /^Fetching.* of /.test(document.getElementById('status')?.textContent ?? '')),
  idle: ready,
  looking: async (page) => {
    await ready(page);
    await pick(page, photo);
    await page.waitForFunction(() => document.body.dataset.state === 'looking');
  },
  answered: async (page) => {
    await ready(page);
    await pick(page, photo);
    await answer(page);
  },
  why: async (page) => {
    await states.answered(page);
    await page.click('.guess-why');
    await page.waitForSelector('#heat:not([hidden])');
    await page.mouse.move(0, 0);
  },
  failed: async (page) => {
    await ready(page);
    await pick(page, join(photos, 'README.md'));
    await failed(page);
  },
  more: async (page) => {
    await ready(page);
    await page.click('#more summary');
  },
  many: async (page) => {
    await ready(page);
    const field = /** @type {import('puppeteer-core').ElementHandle<HTMLInputElement> | null} */ (await page.$('#file'));
    const all = ['coffee.png', 'chelsea.png', 'rocket.jpg', 'astronaut.png', 'rocket.jpg', 'astronaut.png', 'coffee.png', 'README.md', 'chelsea.png', 'coffee.png', 'rocket.jpg', 'astronaut.png'];
    await field?.uploadFile(...all.map((name) => join(photos, name)));
    await page.waitForFunction(() => document.body.dataset.view === 'many' && document.getElementById('many-go')?.hidden);
  },
  camera: async (page) => {
    await ready(page);
    await page.click('#live');
    await page.waitForFunction(() => document.getElementById('caption-rate')?.textContent?.match(/^[1-9]/));
    await page.mouse.move(0, 0);
  },
};

/** Lets half of the model through, and no more, where a picture of that is wanted. */
const half = {
  /** @type {import('node:http').ServerResponse[]} */
  held: [],
  /** @param {import('node:http').ServerResponse} response */
  answer(response) {
    response.writeHead(200, {
      'Content-Type': 'application/octet-stream',
      'Content-Length': '14350460',
      'Cross-Origin-Resource-Policy': 'same-origin',
    });
    response.write(Buffer.alloc(8_000_000, 8));
    this.held.push(response);
  },
};

const built = await build();
const server = await serve(built);
const slow = await interfere(server.url, {
  '/models/index.json': (_, response) => response.writeHead(200, headersOf('application/json')).end('{"models": []}'),
  '/models/default.onnx': (_, response) => half.answer(response),
});
const film = join(built.site, '..', 'film.mjpeg');
await promisify(execFile)('go', ['run', './web/test/film', photo, film], { cwd: root });
const browser = await launch({
  args: ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', `--use-file-for-fake-video-capture=${film}`],
});
try {
  await mkdir(out, { recursive: true });
  for (const [screen, viewport] of Object.entries(screens)) {
    for (const scheme of ['light', 'dark']) {
      for (const [state, reach] of Object.entries(states)) {
        const { page, close } = await openPage(browser, state === 'loading' ? slow.url : server.url, async (page) => {
          await page.setViewport(viewport);
          await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
        });
        await reach(page);
        await page.evaluate(() => new Promise((done) => setTimeout(done, 700))); // the bars have come to rest
        const file = join(out, `${screen}-${state}-${scheme}.png`);
        await page.screenshot({ path: /** @type {`${string}.png`} */ (file), fullPage: screen !== 'desk' });
        console.log(file);
        await close();
      }
    }
  }
  await compose('page.png', ['desk-why-light', 'phone-answered-dark']);
  await compose('many.png', ['desk-many-dark', 'phone-camera-light']);
  await widgets();
} finally {
  for (const response of half.held) response.destroy();
  await browser.close();
  await slow.close();
  await server.close();
  await built.close();
}

/**
 * Lays a desk and a phone side by side.
 *
 * @param {string} file in docs/img
 * @param {[string, string]} names
 */
async function compose(file, [desk, phone]) {
  const shown = join(root, 'docs', 'img', file);
  const data = async (/** @type {string} */ name) => `data:image/png;base64,${await readFile(join(out, `${name}.png`), 'base64')}`;
  const page = await browser.newPage();
  await page.setViewport({ width: 900, height: 448 });
  await page.setContent(`<!doctype html><style>
    body { margin: 0; height: 448px; background: #ece4d8; display: flex; align-items: center; justify-content: center; gap: 24px; }
    img { display: block; border-radius: 10px; box-shadow: 0 8px 24px -8px rgb(60 40 20 / .35); }
  </style><img src="${await data(desk)}" style="width: 640px; height: 400px"><img src="${await data(phone)}" style="width: 185px; height: 400px; object-fit: cover; object-position: top">`);
  await mkdir(join(root, 'docs', 'img'), { recursive: true });
  await writeFile(shown, await page.screenshot());
  await page.close();
  console.log(shown);
}

/** The gallery's three elements, each with an answer, for docs/widget.md. */
async function widgets() {
  const { page, close } = await openPage(browser, new URL('web/gallery/gallery.html', server.url).href, async (page) => {
    await page.setViewport({ width: 1240, height: 900 });
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'light' }]);
  });
  const main = await page.waitForSelector('main');
  await page.$$eval('image-classifier', async (elements) => {
    for (const element of elements) {
      if (!element.src) await element.classify('../../samples/rocket.jpg');
      while (element.state !== 'answered') await new Promise((done) => setTimeout(done, 50));
    }
    for (const code of document.querySelectorAll('pre')) code.remove();
  });
  await page.evaluate(() => new Promise((done) => setTimeout(done, 700)));
  const file = join(root, 'docs', 'img', 'widget.png');
  await main?.screenshot({ path: /** @type {`${string}.png`} */ (file) });
  console.log(file);
  await close();
}
