/**
 * The live camera: Chromium's fake one, which plays a film made from a photo.
 * Only what cannot happen to it (being unplugged, being hidden in a headless
 * browser) is played by the test.
 */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { answer, build, drop, failed, forget, launch, openPage, photos, pick, ready, root, serve, skip } from './harness.mjs';
import { tinyModel } from './tinymodel.mjs';

/** @import { Page } from 'puppeteer-core' */

/**
 * Runs before the page: keeps the camera's tracks, and how many questions about
 * the camera's frames are open at once.
 */
function watchCamera() {
  const global = /** @type {any} */ (globalThis);
  global.tracks = [];
  const { getUserMedia } = MediaDevices.prototype;
  MediaDevices.prototype.getUserMedia = async function (wanted) {
    const stream = await getUserMedia.call(this, wanted);
    global.tracks.push(...stream.getTracks());
    return stream;
  };
  global.open = global.mostOpen = global.asked = 0;
  const { postMessage } = Worker.prototype;
  Worker.prototype.postMessage = function (/** @type {any} */ message, /** @type {any} */ transfer) {
    if (message.type === 'classify') {
      global.asked++;
      global.mostOpen = Math.max(global.mostOpen, ++global.open);
      this.addEventListener('message', function answered({ data }) {
        if (data.id !== message.id || !/result|failure/.test(data.type)) return;
        global.open--;
        this.removeEventListener('message', answered);
      });
    }
    return postMessage.call(this, message, transfer);
  };
}

describe('the camera', { skip }, () => {
  /** @type {Awaited<ReturnType<typeof build>>} */
  let built;
  /** @type {Awaited<ReturnType<typeof serve>>} */
  let server;
  /** @type {import('puppeteer-core').Browser} */
  let browser;
  /** @type {Awaited<ReturnType<typeof openPage>>} */
  let opened;
  /** @type {Page} */
  let page;

  before(async () => {
    built = await build();
    server = await serve(built);
    const film = join(built.site, '..', 'film.mjpeg');
    await promisify(execFile)('go', ['run', './web/test/film', join(photos, 'coffee.png'), film], { cwd: root });
    browser = await launch({ args: ['--use-fake-device-for-media-stream', `--use-file-for-fake-video-capture=${film}`] });
    opened = await openPage(browser, server.url, async (page) => {
      await page.evaluateOnNewDocument(watchCamera);
    });
    page = opened.page;
    await page.browserContext().overridePermissions(new URL(server.url).origin, ['camera']);
    await ready(page);
  });

  after(async () => {
    await browser?.close();
    await server?.close();
    await built?.close();
  });

  const view = () => page.evaluate(() => document.body.dataset.view);
  const caption = () => page.$eval('#caption-label', (element) => element.textContent ?? '');
  const tracks = () => page.evaluate(() => /** @type {any} */ (globalThis).tracks.map((/** @type {MediaStreamTrack} */ { readyState }) => readyState));
  const asked = () => page.evaluate(() => /** @type {any} */ (globalThis).asked);
  const rows = () => page.$$eval('#guesses li:not([hidden]) .guess-label', (labels) => labels.map(({ textContent }) => textContent));

  async function live() {
    if (await view() !== 'camera') await page.click('#live');
    await page.waitForFunction(() => !(/** @type {HTMLElement} */ (document.getElementById('caption'))).hidden && document.getElementById('caption-rate')?.textContent);
  }

  /** Hides the page, or shows it again. @param {boolean} hidden */
  const hide = (hidden) => page.evaluate((hidden) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);

  test('what it sees is told over the picture, with frames a second and latency', async () => {
    await pick(page, join(photos, 'coffee.png'));
    const [{ label }] = await answer(page);
    await live();
    await page.waitForFunction(() => /^[1-9\d.]*\d frames\/s · \d/.test(document.getElementById('caption-rate')?.textContent ?? ''));
    assert.equal(await caption(), label);
    assert.equal((await rows())[0], label);
    assert.equal(await page.$eval('#video', (video) => /** @type {HTMLVideoElement} */ (video).videoWidth > 0), true);
  });

  test('frames are dropped and never wait: one question at a time, of an ever newer frame', async () => {
    const before = await asked();
    await page.waitForFunction((before) => /** @type {any} */ (globalThis).asked > before + 5, {}, before);
    assert.equal(await page.evaluate(() => /** @type {any} */ (globalThis).mostOpen), 1);
  });

  test('it pauses while nobody looks, and goes on afterwards', async () => {
    await hide(true);
    assert.equal(await page.$eval('#video', (video) => /** @type {HTMLVideoElement} */ (video).paused), true);
    await page.waitForFunction(() => /** @type {any} */ (globalThis).open === 0);
    const before = await asked();
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.equal(await asked(), before);
    assert.equal(await page.$eval('#status', (status) => status.textContent), 'Paused while nobody looks.');
    await hide(false);
    await page.waitForFunction((before) => /** @type {any} */ (globalThis).asked > before + 1, {}, before);
  });

  test('a frozen moment is answered like a photo, shows why, and is let go again', async () => {
    await page.click('#freeze');
    await page.waitForFunction(() => document.body.hasAttribute('data-frozen') && document.body.dataset.state === 'answered');
    const before = await asked();
    assert.equal(await page.$eval('#picture', (picture) => /** @type {HTMLImageElement} */ (picture).alt), 'A frozen moment');
    await page.click('.guess-why');
    await page.waitForSelector('#heat:not([hidden])');
    assert.equal(await asked(), before, 'no frame was looked at meanwhile');
    assert.equal(await page.$eval('#freeze', (button) => button.textContent), 'Live again');
    await page.click('#freeze');
    await page.waitForFunction((before) => /** @type {any} */ (globalThis).asked > before, {}, before);
    assert.equal(await page.$eval('#heat', (heat) => /** @type {HTMLElement} */ (heat).hidden), true);
  });

  test('a frozen camera sees nothing, whether anybody looks or not', async () => {
    const sees = () => page.evaluate(() => /** @type {any} */ (globalThis).tracks.some((/** @type {MediaStreamTrack} */ { readyState, enabled }) => readyState === 'live' && enabled));
    assert.equal(await sees(), true);
    await page.click('#freeze');
    await page.waitForFunction(() => document.body.hasAttribute('data-frozen') && document.body.dataset.state === 'answered');
    assert.equal(await sees(), false);
    await hide(true);
    await hide(false);
    assert.equal(await sees(), false);
    await page.click('#freeze');
    await page.waitForFunction(() => !document.getElementById('caption')?.hidden);
    assert.equal(await sees(), true);
  });

  test('let go and left in the same moment, it stays closed', async () => {
    await page.click('#freeze');
    await page.waitForFunction(() => document.body.hasAttribute('data-frozen') && document.body.dataset.state === 'answered');
    await page.evaluate(() => {
      for (const id of ['freeze', 'close-camera']) document.getElementById(id)?.click();
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(await view(), 'photo');
    assert.equal(await page.evaluate(() => document.body.dataset.state), 'idle');
    assert.deepEqual(new Set(await tracks()), new Set(['ended']));
    await live();
  });

  test('a text that is pasted is told of, and the camera goes on', async () => {
    const before = await asked();
    await page.evaluate(() => {
      const clipboardData = new DataTransfer();
      clipboardData.setData('text/plain', 'a letter');
      document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
    });
    assert.equal(await view(), 'camera');
    assert.match(await page.$eval('#status', (status) => status.textContent ?? ''), /^There is no photo on the clipboard\.$/);
    assert.match(await page.$eval('#announcer', (announcer) => announcer.textContent ?? ''), /^There is no photo on the clipboard\. /);
    await page.waitForFunction((before) => /** @type {any} */ (globalThis).asked > before + 1, {}, before);
  });

  test('another model looks through it at once, and anew at what is frozen', async () => {
    const open = (/** @type {string[]} */ ...names) => drop(page, [{
      name: 'own.onnx', type: '',
      bytes: tinyModel({ pooled: true, metadata: { 'hamster.licence': names[0], 'hamster.labels': JSON.stringify(names.map((label) => ({ id: label, label }))) } }),
    }]);
    const told = (/** @type {string} */ words) => page.waitForFunction((words) => new RegExp(words).test(document.querySelector('#caption:not([hidden]) #caption-label')?.textContent ?? ''), {}, words);
    await open('red', 'green', 'blue');
    await told('^(Perhaps )?[Rr]ed|[Gg]reen|[Bb]lue');
    assert.equal((await rows()).length, 3);
    assert.equal(await page.$eval('#model-choice', (choice) => /** @type {HTMLSelectElement} */ (choice).selectedOptions[0].textContent), 'own.onnx');
    assert.match(await page.$eval('#model-card', (card) => card.textContent ?? ''), /red/);
    await page.click('#freeze');
    await page.waitForFunction(() => document.body.hasAttribute('data-frozen') && document.body.dataset.state === 'answered');
    await open('rot', 'gruen', 'blau');
    assert.deepEqual((await answer(page)).map(({ label }) => label).sort(), ['Blau', 'Gruen', 'Rot']);
    await page.click('.guess-why');
    await page.waitForSelector('#heat:not([hidden])');
    await page.click('#freeze');
    await told('[Rr]ot|[Gg]ruen|[Bb]lau');
    await forget(page);
    await page.select('#model-choice', 'models/index.json');
    await told('^(?!.*([Rr]ot|[Gg]ruen|[Bb]lau))');
    await page.waitForFunction(() => document.body.dataset.state === 'answered');
    assert.equal((await rows()).length, 5);
  });

  test('one that fails closes it and says so, and photos go on with another', async () => {
    await drop(page, [{ name: 'letter.onnx', type: '', bytes: Buffer.from('PK\x03\x04 a letter') }]);
    assert.match(await failed(page), /^The file is not an ONNX model\./);
    assert.deepEqual(new Set(await tracks()), new Set(['ended']));
    await page.select('#model-choice', 'models/index.json');
    await ready(page);
    await live();
  });

  test('a page that is left keeps no camera, and has none when it comes back', async () => {
    await page.evaluate(() => dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true })));
    assert.deepEqual(new Set(await tracks()), new Set(['ended']));
    assert.equal(await view(), 'photo');
    await live();
  });

  describe('where there are two', () => {
    /** @type {import('puppeteer-core').Browser} */
    let two;
    /** @type {Page} */
    let page;

    before(async () => {
      two = await launch({ args: ['--use-fake-device-for-media-stream=device-count=2', '--use-fake-ui-for-media-stream'] });
      ({ page } = await openPage(two, server.url, async (page) => {
        await page.evaluateOnNewDocument(watchCamera);
      }));
      await ready(page);
      await page.click('#live');
      await page.waitForSelector('#caption:not([hidden])');
    });

    after(() => two?.close());

    const all = () => page.evaluate(() => /** @type {any} */ (globalThis).tracks.map((/** @type {MediaStreamTrack} */ { label, readyState }) => `${label} ${readyState}`));
    const isMirrored = () => page.$eval('#video', (video) => video.classList.contains('is-mirrored'));

    /** Presses the button, and waits until the new camera is looked through. */
    async function change() {
      const [count, asked] = await page.evaluate(() => {
        const global = /** @type {any} */ (globalThis);
        return [global.tracks.length, global.asked];
      });
      await page.focus('#switch-camera');
      await page.keyboard.press('Enter');
      await page.waitForFunction((count, asked) => {
        const global = /** @type {any} */ (globalThis);
        return global.tracks.length > count && global.asked > asked + 1 && global.tracks.at(-1).readyState === 'live';
      }, {}, count, asked);
    }

    test('the other one is a press away, and the first is stopped; so back again', async () => {
      assert.equal(await page.$eval('#switch-camera', (button) => button.checkVisibility()), true);
      await change();
      assert.deepEqual(await all(), ['fake_device_0 ended', 'fake_device_1 live']);
      assert.equal(await page.evaluate(() => document.activeElement?.id), 'switch-camera', 'one who goes through them stays on the button');
      await change();
      assert.deepEqual(await all(), ['fake_device_0 ended', 'fake_device_1 ended', 'fake_device_0 live']);
    });

    test('left while the other one is looked for, it stays closed', async () => {
      await page.evaluate(() => {
        for (const id of ['switch-camera', 'close-camera']) document.getElementById(id)?.click();
      });
      await new Promise((resolve) => setTimeout(resolve, 500));
      assert.equal((await all()).some((/** @type {string} */ track) => track.endsWith('live')), false);
      await page.click('#live');
      await page.waitForSelector('#caption:not([hidden])');
    });

    // Chromium's cameras look nowhere. From here on the first looks at what is in
    // front of a phone, and the second at who holds it.
    test('on a phone they are the back, and the front as in a mirror', async () => {
      await page.evaluate(() => {
        const { getSettings } = MediaStreamTrack.prototype;
        const { getUserMedia } = navigator.mediaDevices;
        const global = /** @type {any} */ (globalThis);
        global.facing = ['environment', 'user'];
        MediaStreamTrack.prototype.getSettings = function () {
          return { ...getSettings.call(this), facingMode: global.facing[Number(this.label.at(-1))] };
        };
        navigator.mediaDevices.getUserMedia = async (wanted) => {
          const video = /** @type {any} */ (wanted?.video);
          const cameras = (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === 'videoinput');
          const side = video.facingMode && Math.max(0, global.facing.indexOf(video.facingMode.ideal));
          return getUserMedia.call(navigator.mediaDevices, side === undefined ? wanted : { video: { deviceId: { exact: cameras[side].deviceId } } });
        };
      });
      const live = async () => (await all()).filter((/** @type {string} */ track) => track.endsWith('live'));
      await change();
      assert.deepEqual(await live(), ['fake_device_1 live']);
      assert.equal(await isMirrored(), true);
      await change();
      assert.deepEqual(await live(), ['fake_device_0 live']);
      assert.equal(await isMirrored(), false);
      // Two that look the same way are gone through all the same.
      await page.evaluate(() => { /** @type {any} */ (globalThis).facing = ['environment', 'environment']; });
      await change();
      assert.deepEqual(await live(), ['fake_device_1 live']);
    });
  });

  test('where there is one camera, there is no other to choose', async () => {
    assert.equal(await page.$eval('#switch-camera', (button) => /** @type {HTMLElement} */ (button).hidden), true);
  });

  test('it works without a network', async () => {
    await page.setOfflineMode(true);
    const before = await asked();
    await page.waitForFunction((before) => /** @type {any} */ (globalThis).asked > before + 2, {}, before);
    await page.setOfflineMode(false);
  });

  test('when it is left every track is stopped, and the page is as it was', async () => {
    await page.click('#close-camera');
    assert.equal(await view(), 'photo');
    assert.deepEqual(new Set(await tracks()), new Set(['ended']));
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'live');
    await live();
    await pick(page, join(photos, 'coffee.png')); // a photo takes the stage
    await answer(page);
    assert.deepEqual(new Set(await tracks()), new Set(['ended']));
    assert.equal(await page.$eval('#video', (video) => /** @type {HTMLElement} */ (video).hidden), true);
  });

  test('a camera that is unplugged is told of, and “Try again” opens it again', async () => {
    await live();
    await page.evaluate(() => /** @type {any} */ (globalThis).tracks.at(-1).dispatchEvent(new Event('ended')));
    assert.match(await failed(page), /^The camera is gone\. It was unplugged/);
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'live', 'the focus is where it was opened');
    await page.focus('#retry');
    await page.keyboard.press('Enter');
    await live();
    await page.click('#close-camera');
  });

  for (const [name, says] of /** @type {[string, RegExp][]} */ ([
    ['NotFoundError', /^There is no camera here\./], ['NotReadableError', /^The camera is busy\./], ['TypeError', /^The camera does not start\./],
  ])) {
    test(`${name} has a sentence, and photos go on`, async () => {
      await page.evaluate((name) => {
        const { getUserMedia } = navigator.mediaDevices;
        navigator.mediaDevices.getUserMedia = async () => {
          navigator.mediaDevices.getUserMedia = getUserMedia;
          throw new DOMException('no', name);
        };
      }, name);
      await page.click('#live');
      assert.match(await failed(page), says);
    });
  }

  test('a camera that is refused is told of, and photos go on', async () => {
    const session = await page.createCDPSession();
    await session.send('Browser.setPermission', {
      permission: { name: 'camera' }, setting: 'denied', origin: new URL(server.url).origin,
      browserContextId: page.browserContext().id,
    });
    await page.focus('#live');
    await page.keyboard.press('Enter');
    assert.match(await failed(page), /^The camera was not allowed\./);
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'live');
    await pick(page, join(photos, 'chelsea.png'));
    assert.equal((await answer(page)).length, 5);
  });

  test('nothing broke its security policy, left its origin, or was left uncaught', () => {
    assert.deepEqual(opened.faults, []);
  });
});
