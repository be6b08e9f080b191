/**
 * The main path in the browsers of other makers: the page loads, a photo is
 * picked, an answer comes, and after a reload without a network it comes again.
 * What a browser lacks is named, and the answer is the same all the same.
 *
 *     make test-browsers
 *
 * Firefox is driven by WebDriver BiDi, WebKit by plain WebDriver.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { build, classifyNatively, interfere, patience, photos, serve } from './harness.mjs';

const require = createRequire(new URL('../../tools/npm/package.json', import.meta.url));
/** @type {typeof import('puppeteer-core')} */
const puppeteer = require('puppeteer-core');

const cat = join(photos, 'chelsea.png');

/** Where screenshots go, if anywhere. */
const shots = process.env.HAMSTER_SHOTS;

/**
 * What a test does in a browser. Scripts are the bodies of async functions.
 *
 * @typedef {{
 *   version: string,
 *   open: (url: string) => Promise<void>,
 *   reload: () => Promise<void>,
 *   run: (script: string) => Promise<any>,
 *   pick: (selector: string, file: string) => Promise<void>,
 *   screenshot: () => Promise<Buffer>,
 *   close: () => Promise<void> }} Driver
 */

/** @returns {Promise<Driver>} */
async function firefox() {
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: process.env.HAMSTER_FIREFOX ?? '/usr/bin/firefox-esr',
    headless: true,
    protocolTimeout: 2 * patience,
  });
  const page = await browser.newPage();
  page.setDefaultTimeout(patience);
  await page.setViewport({ width: 1000, height: 800 });
  return {
    version: await browser.version(),
    open: async (url) => void await page.goto(url),
    reload: async () => void await page.reload(),
    run: (script) => page.evaluate(`(async () => { ${script} })()`),
    pick: async (selector, file) => {
      const field = await page.$(selector);
      if (!field) throw new Error(`the page has no ${selector}`);
      await /** @type {import('puppeteer-core').ElementHandle<HTMLInputElement>} */ (field).uploadFile(file);
    },
    screenshot: async () => Buffer.from(await page.screenshot()),
    close: () => browser.close(),
  };
}

/**
 * WebKitGTK's MiniBrowser, which needs a display: a virtual one where there is
 * none.
 *
 * @returns {Promise<Driver>}
 */
async function webkit() {
  /** @type {(() => Promise<void>)[]} */
  const ends = [];
  const start = (/** @type {string} */ command, /** @type {string[]} */ args, /** @type {object} */ env = {}) => {
    const child = spawn(command, args, { stdio: 'ignore', env: { ...process.env, ...env } });
    const ended = new Promise((resolve) => child.once('close', resolve).once('error', resolve));
    ends.unshift(async () => {
      child.kill();
      await ended;
    });
  };
  const close = async () => {
    for (const end of ends.splice(0)) await end();
  };
  const env = { GDK_BACKEND: 'x11', WEBKIT_DISABLE_COMPOSITING_MODE: '1', LIBGL_ALWAYS_SOFTWARE: '1' };
  if (!process.env.DISPLAY) {
    const display = `:${90 + process.pid % 100}`;
    start('Xvfb', [display, '-screen', '0', '1000x800x24', '-nolisten', 'tcp']);
    Object.assign(env, { DISPLAY: display });
    await until(() => existsSync(`/tmp/.X11-unix/X${display.slice(1)}`), 'the virtual display');
  }
  const port = await freePort();
  start(process.env.HAMSTER_WEBKITDRIVER ?? 'WebKitWebDriver', [`--port=${port}`], env);
  const driver = `http://127.0.0.1:${port}`;
  const ask = async (/** @type {string} */ path, /** @type {object | undefined} */ body = undefined, method = body ? 'POST' : 'GET') => {
    const response = await fetch(`${driver}${path}`, { method, body: body && JSON.stringify(body) });
    const { value } = /** @type {{ value: any }} */ (await response.json());
    if (!response.ok) throw new Error(`${path.split('/').pop()}: ${value.error}: ${value.message}`);
    return value;
  };
  try {
    await until(() => ask('/status').then(({ ready }) => ready, () => false), 'WebKitWebDriver');
    const { sessionId, capabilities } = await ask('/session', { capabilities: { alwaysMatch: {} } });
    const session = `/session/${sessionId}`;
    ends.unshift(() => ask(session, undefined, 'DELETE').catch(() => {}));
    await ask(`${session}/timeouts`, { script: patience, pageLoad: patience });
    return {
      version: `${capabilities.browserName} ${capabilities.browserVersion}`,
      open: (url) => ask(`${session}/url`, { url }),
      reload: () => ask(`${session}/refresh`, {}),
      run: async (script) => {
        const wrapped = `const done = arguments[0];
          (async () => { ${script} })().then((value) => done({ value }), (error) => done({ error: String(error?.stack ?? error) }));`;
        const { value, error } = await ask(`${session}/execute/async`, { script: wrapped, args: [] });
        if (error) throw new Error(error);
        return value;
      },
      pick: async (selector, file) => {
        const [id] = Object.values(await ask(`${session}/element`, { using: 'css selector', value: selector }));
        await ask(`${session}/element/${id}/value`, { text: file });
      },
      screenshot: async () => Buffer.from(await ask(`${session}/screenshot`), 'base64'),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * @param {() => boolean | Promise<boolean>} done
 * @param {string} what
 */
async function until(done, what) {
  for (const end = Date.now() + patience; !await done();) {
    if (Date.now() > end) throw new Error(`${what} does not start`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (probe.address());
      probe.close(() => resolve(port));
    });
  });
}

/**
 * Waits in the page; a script of its own would be stopped by a reload.
 *
 * @param {Driver} driver
 * @param {string} condition
 */
async function waitFor(driver, condition) {
  for (const end = Date.now() + patience; ;) {
    if (await driver.run(`return Boolean(${condition});`)) return;
    if (Date.now() > end) throw new Error(`in vain: ${condition}; the page is ${await driver.run('return document.body.dataset.state + ": " + document.body.innerText.slice(0, 600);')}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** @param {Driver} driver */
const ready = (driver) => waitFor(driver, "document.querySelector('#model[data-ready]')");

/**
 * Picks the photo and returns what is shown.
 *
 * @param {Driver} driver
 * @returns {Promise<{ label: string, score: string }[]>}
 */
async function ask(driver) {
  await driver.run("document.body.dataset.state = 'asked';");
  await driver.pick('#file', cat);
  await waitFor(driver, '/answered|failed/.test(document.body.dataset.state)');
  return driver.run(`return [...document.querySelectorAll('#guesses li:not([hidden])')].map((guess) => ({
    label: guess.querySelector('.guess-label').textContent, score: guess.querySelector('.guess-score').textContent,
  }));`);
}

for (const [name, launch] of /** @type {const} */ ([['Firefox', firefox], ['WebKit', webkit]])) {
  describe(name, () => {
    /** @type {Awaited<ReturnType<typeof build>>} */
    let built;
    /** @type {Awaited<ReturnType<typeof serve>>} */
    let server;
    /** @type {Awaited<ReturnType<typeof interfere>>} */
    let middle;
    /** @type {Driver} */
    let driver;
    /** @type {{ label: string, score: string }[]} */
    let online;

    before(async () => {
      built = await build();
      server = await serve(built);
      middle = await interfere(server.url, {});
      driver = await launch();
    });

    after(async () => {
      await driver?.close();
      await middle?.close();
      await server?.close();
      await built?.close();
    });

    /** @param {string} what */
    async function shoot(what) {
      if (!shots) return;
      mkdirSync(shots, { recursive: true });
      writeFileSync(join(shots, `${name.toLowerCase()}-${what}.png`), await driver.screenshot());
    }

    test('the page loads, and says what its model tells apart', async (t) => {
      await driver.open(middle.url);
      await ready(driver);
      const has = await driver.run(`
        const validates = (...bytes) => WebAssembly.validate(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, ...bytes]));
        return {
          isolated: crossOriginIsolated,
          relaxed: validates(1, 8, 1, 96, 3, 123, 123, 123, 1, 123, 3, 2, 1, 0, 10, 13, 1, 11, 0, 32, 0, 32, 1, 32, 2, 253, 133, 2, 11),
          offscreen: typeof OffscreenCanvas === 'function',
          locks: 'locks' in navigator,
          cores: navigator.hardwareConcurrency,
        };`);
      t.diagnostic(`${driver.version}: ${JSON.stringify(has)}`);
      assert.match(await driver.run("return document.getElementById('classes').textContent;"), /\w+, \w+/);
    });

    test('a picked photo gets the answer that the command line gives', async (t) => {
      online = await ask(driver);
      await shoot('answer');
      const { mode } = await driver.run(`
        const { load } = await import('/web/hamster.js');
        const classifier = await load({ model: 'models/index.json' });
        classifier.close();
        return classifier.info;`);
      const { predictions } = await classifyNatively(built, cat, mode);
      const label = predictions[0].label.replaceAll('_', ' ');
      assert.equal(online[0].label, label.charAt(0).toUpperCase() + label.slice(1));
      t.diagnostic(`${JSON.stringify(online[0])} by ${(await driver.run("return document.getElementById('facts').innerText;")).replace(/\s+/g, ' ')}`);
    });

    test('its scores are those of the command line, and it says what spoke for them', async (t) => {
      const photo = await readFile(cat, 'base64');
      const { predictions, environment, timing, heatmap } = await driver.run(`
        const { load } = await import('/web/hamster.js');
        const classifier = await load({ model: 'models/index.json' });
        const image = new Blob([Uint8Array.from(atob('${photo}'), (character) => character.charCodeAt(0))]);
        try {
          return await classifier.classify(image, { top: 0, mode: 'keras', explain: true });
        } finally {
          classifier.close();
        }`);
      const native = await classifyNatively(built, cat, 'keras');
      const scores = new Map(predictions.map((/** @type {any} */ { index, score }) => [index, score]));
      for (const { index, label, score } of native.predictions) {
        assert.ok(Math.abs(/** @type {number} */ (scores.get(index)) - score) <= 1e-3, `${label}: ${scores.get(index)}, want ${score}`);
      }
      assert.equal(heatmap.values.length, 64);
      t.diagnostic(`${environment.backend}: ${Math.round(timing.run)} ms, and ${Math.round(heatmap.took)} ms for the heat map`);
    });

    test('without isolation it answers too, by one thread, and says why', async () => {
      const bare = await interfere(server.url, {
        '/': async (_, response) => {
          const document = await fetch(server.url);
          const policy = document.headers.get('Content-Security-Policy') ?? '';
          response.writeHead(200, { 'Content-Type': 'text/html', 'Content-Security-Policy': policy }).end(await document.text());
        },
      });
      try {
        await driver.open(bare.url);
        await ready(driver);
        assert.equal(await driver.run('return crossOriginIsolated;'), false);
        assert.deepEqual(await ask(driver), online);
        assert.match(await driver.run("return document.getElementById('facts').textContent;"), /not cross-origin isolated/);
      } finally {
        await bare.close();
        await driver.open(middle.url);
      }
    });

    test('a reload without a network answers as before', async () => {
      await waitFor(driver, "navigator.serviceWorker?.controller?.state === 'activated'");
      assert.equal(await driver.run("return document.getElementById('news').hidden;"), true, 'a first visit brings no news');
      await middle.close();
      await driver.reload();
      await ready(driver);
      assert.deepEqual(await ask(driver), online);
      await shoot('offline');
    });
  });
}
