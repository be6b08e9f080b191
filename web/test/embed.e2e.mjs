/**
 * Hamster on somebody else's page, from another origin: by script, and by frame.
 * The policies are those of docs/csp.md.
 */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { example } from './docs.mjs';
import { build, colours, launch, patience, photos, serve, skip } from './harness.mjs';
import { freePort, host } from './host.mjs';

const isolation = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

describe('on another origin', { skip }, () => {
  /** @type {import('./harness.mjs').Build} */
  let built;
  /** Somebody's site. @type {Awaited<ReturnType<typeof host>>} */
  let site;
  /** One that Hamster's server does not know. @type {Awaited<ReturnType<typeof host>>} */
  let stranger;
  /** @type {Awaited<ReturnType<typeof serve>>} */
  let server;
  /** The same with a small model. @type {Awaited<ReturnType<typeof serve>>} */
  let quick;
  /** @type {import('puppeteer-core').Browser} */
  let browser;
  let hamster = '';
  let quickHamster = '';

  /** @type {(page: string, heading: string, language: string) => Promise<string>} */
  const said = (page, heading, language) => example(page, heading, language, { 'https://hamster.example': hamster, 'https://you.example': site.origin });

  before(async () => {
    built = await build();
    site = await host({});
    stranger = await host({});
    server = await serve(built, ['--embed', site.origin]);
    hamster = new URL(server.url).origin;
    await colours(built);
    quick = await serve(built, ['--embed', site.origin, '--model', join(built.site, '..', 'colours.onnx')]);
    quickHamster = new URL(quick.url).origin;
    browser = await launch({ args: ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'] });
    site.pages['/cat.png'] = { type: 'image/png', text: await readFile(join(photos, 'chelsea.png')) };
  });

  after(async () => {
    await browser?.close();
    await server?.close();
    await quick?.close();
    await site?.close();
    await stranger?.close();
    await built?.close();
  });

  /**
   * A page of a site, in a profile of its own.
   *
   * @param {Awaited<ReturnType<typeof host>>} where
   * @param {string} body
   * @param {Record<string, string>} headers
   */
  async function open(where, body, headers = {}) {
    where.pages['/page'] = { headers, text: `<!doctype html><html lang="en"><meta charset="utf-8"><title>A page</title>${body}` };
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    page.setDefaultTimeout(patience);
    /** @type {string[]} */
    const faults = [];
    page.on('pageerror', (error) => faults.push(`uncaught: ${error}`));
    page.on('console', (message) => {
      if (/content security policy/i.test(message.text())) faults.push(message.text());
    });
    await page.goto(`${where.origin}/page`);
    return { page, faults, close: () => context.close() };
  }

  /** What an element on a page comes to. @param {import('puppeteer-core').Page} page @returns {Promise<any>} */
  const outcome = (page) => page.evaluate(async () => {
    const element = /** @type {any} */ (document.querySelector('image-classifier'));
    await Promise.race([
      new Promise((resolve) => element.addEventListener('error', resolve, { once: true })),
      customElements.whenDefined('image-classifier').then(async () => {
        while (!/answered|failed/.test(element.state)) await new Promise((resolve) => setTimeout(resolve, 20));
      }),
    ]);
    return element.result ?? element.state;
  });

  describe('by script', () => {
    test('three lines work under the policy of docs/csp.md, with one thread', async () => {
      const opened = await open(site, await said('widget.md', 'Three lines', 'html'), {
        'Content-Security-Policy': await said('csp.md', 'The widget or the library from Hamster\'s server', 'csp'),
      });
      const result = await outcome(opened.page);
      assert.equal(result.predictions?.length, 5, String(result));
      assert.match(result.environment.backend, /1 thread\b/);
      assert.deepEqual(opened.faults, []);
      await opened.close();
    });

    test('an isolated page gets threads, by the headers of docs/csp.md', async () => {
      const headers = (await said('csp.md', 'Threads, and pages that are cross-origin isolated', 'headers')).split('\n').map((line) => line.split(': '));
      const opened = await open(site, await said('widget.md', 'Three lines', 'html'), {
        'Content-Security-Policy': await said('csp.md', 'The widget or the library from Hamster\'s server', 'csp'),
        ...Object.fromEntries(headers),
      });
      const result = await outcome(opened.page);
      assert.equal(await opened.page.evaluate(() => crossOriginIsolated), true);
      assert.match(String(result.environment?.backend), /, \d+ threads/);
      assert.deepEqual(opened.faults, []);
      await opened.close();
    });

    test('a page that requires Trusted Types allows a policy by its name, for the engine’s threads too', async () => {
      const body = (await said('widget.md', 'Three lines', 'html')).replaceAll(hamster, quickHamster);
      const policy = (await said('csp.md', 'The widget or the library from Hamster\'s server', 'csp')).replaceAll(hamster, quickHamster);
      const more = await said('csp.md', 'Trusted Types', 'csp');
      assert.match(more, /require-trusted-types-for 'script'/);
      for (const [headers, backend] of /** @type {[Record<string, string>, RegExp][]} */ ([[{}, /1 thread\b/], [isolation, /, \d+ threads/]])) {
        const opened = await open(site, body, { ...headers, 'Content-Security-Policy': `${policy}; ${more}` });
        const result = await outcome(opened.page);
        assert.match(String(result.environment?.backend), backend);
        assert.deepEqual(opened.faults, []);
        await opened.close();
      }
      const opened = await open(site, '', { 'Content-Security-Policy': `${policy}; ${more.replace('trusted-types hamster', 'trusted-types another')}` });
      const [code, message] = await opened.page.evaluate(async (hamster) => {
        const { load } = await import(`${hamster}/web/hamster.js`);
        return load().catch((/** @type {any} */ { code, message }) => [code, message]);
      }, quickHamster);
      assert.equal(code, 'engine-missing');
      assert.match(message, /trusted-types hamster/);
      await opened.close();
    });

    test('each part of that policy is needed', async () => {
      const policy = await said('csp.md', 'The widget or the library from Hamster\'s server', 'csp');
      const three = await said('widget.md', 'Three lines', 'html');
      const without = (/** @type {string} */ directive, /** @type {string} */ source) => policy.split('; ')
        .map((line) => (line.startsWith(directive) ? line.replace(` ${source}`, '') : line)).join('; ');
      for (const [directive, source] of [
        ['script-src', hamster], ['script-src', "'wasm-unsafe-eval'"], ['worker-src', 'blob:'], ['worker-src', hamster],
        ['connect-src', hamster], ['connect-src', "'self'"],
      ]) {
        const less = without(directive, source);
        assert.notEqual(less, policy, `${directive} ${source}`);
        const opened = await open(site, three, { 'Content-Security-Policy': less });
        const end = await Promise.race([
          outcome(opened.page),
          new Promise((resolve) => setTimeout(resolve, 5000, 'it never began')), // where the module itself is refused
        ]);
        assert.equal(typeof end, 'string', `${less} is enough`);
        await opened.close();
      }
    });

    test('the library loads and classifies there as well', async () => {
      const opened = await open(site, '', { 'Content-Security-Policy': await said('csp.md', 'The widget or the library from Hamster\'s server', 'csp') });
      const [label, model] = await opened.page.evaluate(async (hamster) => {
        const { load } = await import(`${hamster}/web/hamster.js`);
        const classifier = await load();
        const { predictions } = await classifier.classify('/cat.png');
        const { name } = classifier.info;
        classifier.close();
        return [predictions[0].label, name];
      }, hamster);
      assert.ok(label && model);
      assert.deepEqual(opened.faults, []);
      await opened.close();
    });

    test('a server that does not allow it is named in an error', async () => {
      const closed = await serve(built);
      const opened = await open(site, '');
      const failed = await opened.page.evaluate(async (address) => import(address).then(() => 'loaded', () => 'refused'), new URL('/web/hamster.js', closed.url).href);
      assert.equal(failed, 'refused');
      await opened.close();
      await closed.close();
    });
  });

  describe('by frame', () => {
    /** Answers that a page heard, by the listener of docs/embed.md and by one of our own. @param {import('puppeteer-core').Page} page */
    const listen = (page) => page.evaluateOnNewDocument(() => {
      const heard = /** @type {any[]} */ (Object.assign(globalThis, { heard: [] }).heard);
      addEventListener('message', ({ data, origin }) => heard.push({ ...data, origin }));
    });

    test('the example works under the policy of docs/csp.md, without any script of ours', async () => {
      site.pages['/page.js'] = { type: 'text/javascript', text: await said('embed.md', 'A page without any script of ours', 'js') };
      const frame = await said('embed.md', 'The frame', 'html');
      const opened = await open(site, `${frame}<input type="file"><output></output><script type="module" src="/page.js"></script>`, {
        'Content-Security-Policy': await said('csp.md', 'The frame', 'csp'),
      });
      await opened.page.waitForFrame((frame) => frame.url().startsWith(hamster));
      const frameOfOurs = /** @type {import('puppeteer-core').Frame} */ (opened.page.frames().find((frame) => frame.url().startsWith(hamster)));
      await frameOfOurs.waitForFunction(() => customElements.get('image-classifier') !== undefined);
      const input = /** @type {import('puppeteer-core').ElementHandle<HTMLInputElement>} */ (await opened.page.$('input'));
      await input.uploadFile(join(photos, 'chelsea.png'));
      await opened.page.waitForFunction(() => document.querySelector('output')?.textContent !== '');
      assert.match(await opened.page.$eval('output', ({ textContent }) => textContent ?? ''), /^.+: \d+\.\d %$/);
      assert.equal(await frameOfOurs.evaluate(() => document.querySelector('image-classifier')?.state), 'answered');
      assert.deepEqual(opened.faults, []);
      await opened.close();
    });

    test('a page whose policy names no frame of ours shows none', async () => {
      const opened = await open(site, await said('embed.md', 'The frame', 'html'), { 'Content-Security-Policy': "default-src 'self'" });
      await opened.page.waitForFunction(() => performance.now() > 500);
      assert.notEqual(opened.faults.length, 0);
      await opened.close();
    });

    test('a page that the server does not know shows none', async () => {
      const opened = await open(stranger, `<iframe src="${hamster}/embed?origin=${stranger.origin}"></iframe>`);
      await opened.page.waitForFunction(() => performance.now() > 500);
      assert.ok(opened.page.frames().every((frame) => !frame.url().startsWith(hamster)), 'frame-ancestors keeps it out');
      await opened.close();
    });

    test('an isolated page shows it', async () => {
      const opened = await open(site, await said('embed.md', 'The frame', 'html'), isolation);
      const frame = await opened.page.waitForFrame((frame) => frame.url().startsWith(hamster));
      await frame.waitForFunction(() => customElements.get('image-classifier') !== undefined);
      await opened.close();
    });

    test('it answers each message by the protocol, and hears nobody but its page', async () => {
      const context = await browser.createBrowserContext();
      const page = await context.newPage();
      page.setDefaultTimeout(patience);
      await listen(page);
      site.pages['/page'] = { text: `<!doctype html><iframe id="frame" src="${hamster}/embed?top=2&lang=de&theme=dark&origin=${site.origin}"></iframe><iframe id="other" src="/other"></iframe>` };
      site.pages['/other'] = { text: '<!doctype html><title>Another window of the page’s own origin</title>' };
      await page.goto(`${site.origin}/page`);
      /** @param {string} script */
      const run = (script) => page.evaluate(`(async () => {
        const frame = document.getElementById('frame').contentWindow;
        const say = (message) => frame.postMessage({ protocol: 'hamster', version: 1, ...message }, '${hamster}');
        const until = async (test) => { while (!heard.some(test)) await new Promise((resolve) => setTimeout(resolve, 20)); return heard.find(test); };
        const cat = await (await fetch('/cat.png')).blob();
        ${script}
      })()`);
      const hello = await run("return until(({ type }) => type === 'hello');");
      assert.deepEqual(hello, { protocol: 'hamster', version: 1, type: 'hello', versions: [1], origin: hamster });

      const answer = /** @type {any} */ (await run("say({ type: 'classify', id: 7, image: cat }); return until(({ id }) => id === 7);"));
      assert.deepEqual([answer.type, answer.result.predictions.length], ['result', 2], 'top=2 of the address');
      const kinds = /** @type {string[]} */ (await run('return [...new Set(heard.map(({ type }) => type))].sort();'));
      assert.deepEqual(kinds, ['hello', 'progress', 'ready', 'result', 'size']);

      assert.deepEqual(await run(`
        say({ type: 'configure', settings: { top: 4 } });
        say({ type: 'classify', id: 8, image: await createImageBitmap(cat) });
        return (await until(({ id }) => id === 8)).result.predictions.length;`), 4);

      assert.deepEqual(await run(`
        say({ type: 'classify', id: 9, image: cat });
        say({ type: 'classify', id: 10, image: cat });
        return [(await until(({ id }) => id === 9)).error?.code, (await until(({ id }) => id === 10)).type];`), ['closed', 'result']);

      assert.deepEqual(await run(`
        say({ type: 'classify', id: 11, image: new Blob(['no picture']) });
        return (await until(({ id }) => id === 11)).error.code;`), 'image-not');

      const invalid = /** @type {any[]} */ (await run(`
        const before = heard.length;
        const bad = [
          { type: 'shout' }, { version: 2, type: 'classify', id: 1, image: cat }, { type: 'classify', image: cat }, { type: 'classify', id: 12, image: 'https://you.example/cat.png' },
          { type: 'configure' }, { type: 'configure', settings: { onerror: 'alert(1)' } }, { type: 'configure', settings: { top: 'many' } },
          { type: 'configure', settings: { innerHTML: '<img>' } },
        ];
        for (const message of bad) say(message);
        while (heard.length < before + bad.length) await new Promise((resolve) => setTimeout(resolve, 20));
        return heard.slice(before).map(({ type, error, id }) => [type, error?.code, id].join(' '));`));
      assert.deepEqual([...new Set(invalid.map((line) => line.trim()))], ['error message-invalid', 'error message-invalid 1', 'error message-invalid 12']);

      // Strangers: another window of the same origin, this window with a message of
      // somebody else's, and no protocol at all. None is heard, none is answered.
      assert.equal(await run(`
        const before = heard.length;
        const other = document.getElementById('other').contentWindow;
        other.eval("parent.frames[0].postMessage({ protocol: 'hamster', version: 1, type: 'shout' }, '*')");
        frame.postMessage({ type: 'shout' }, '*');
        frame.postMessage('shout', '*');
        frame.postMessage(null, '*');
        await new Promise((resolve) => setTimeout(resolve, 500));
        return heard.length - before;`), 0);
      await context.close();
    });

    test('to a page that names another origin than its own it says and hears nothing', async () => {
      const context = await browser.createBrowserContext();
      const page = await context.newPage();
      await listen(page);
      site.pages['/page'] = { text: `<!doctype html><iframe src="${hamster}/embed?origin=https://you.example"></iframe>` };
      await page.goto(`${site.origin}/page`);
      const frame = await page.waitForFrame((frame) => frame.url().startsWith(hamster));
      await frame.waitForFunction(() => customElements.get('image-classifier') !== undefined);
      const heard = await page.evaluate(async () => {
        frames[0].postMessage({ protocol: 'hamster', version: 1, type: 'shout' }, '*');
        await new Promise((resolve) => setTimeout(resolve, 500));
        return /** @type {any} */ (globalThis).heard.length;
      });
      assert.equal(heard, 0);
      await context.close();
    });

    test('the camera works in it where the page allows that', async () => {
      const opened = await open(site, `<iframe src="${hamster}/embed?webcam&origin=${site.origin}" allow="camera" width="400" height="600"></iframe>`);
      const frame = await opened.page.waitForFrame((frame) => frame.url().startsWith(hamster));
      await frame.waitForFunction(() => customElements.get('image-classifier') !== undefined);
      const state = await frame.evaluate(async () => {
        const element = /** @type {any} */ (document.querySelector('image-classifier'));
        await new Promise((resolve) => setTimeout(resolve, 50));
        element.shadowRoot.querySelector('button:not([hidden])').click();
        while (!/live|failed/.test(element.state)) await new Promise((resolve) => setTimeout(resolve, 20));
        return element.state;
      });
      assert.equal(state, 'live');
      await opened.close();
    });

    test('the package’s end of it asks, is answered, and tells of failures', async () => {
      const opened = await open(site, '<iframe></iframe>');
      const outcome = await opened.page.evaluate(async (hamster) => {
        const { HamsterFrame } = await import(`${hamster}/web/embed/frame.js`);
        const iframe = /** @type {HTMLIFrameElement} */ (document.querySelector('iframe'));
        const frame = new HamsterFrame(iframe, `${hamster}/embed`, { grows: true });
        await frame.configure({ top: 3 });
        const cat = await (await fetch('/cat.png')).blob();
        const { predictions } = await frame.classify(cat);
        const code = await frame.classify(new Blob(['no picture'])).catch((/** @type {any} */ error) => error.code);
        const height = parseInt(iframe.style.height);
        const waiting = frame.classify(cat).catch((/** @type {any} */ error) => error.code);
        frame.close();
        return [predictions.length, code, height > 200, await waiting];
      }, hamster);
      assert.deepEqual(outcome, [3, 'image-not', true, 'closed']);
      assert.deepEqual(opened.faults, []);
      await opened.close();
    });

    test('one that does not come is an error with its address, and not a wait for ever', async () => {
      const deaf = createServer(() => {});
      await new Promise((resolve) => deaf.listen(0, '127.0.0.1', () => resolve(undefined)));
      const { port } = /** @type {import('node:net').AddressInfo} */ (deaf.address());
      site.pages['/else'] = { text: '<!doctype html><title>Not Hamster’s</title>' };
      const opened = await open(site, '');
      const addresses = [`http://127.0.0.1:${port}/embed`, `http://127.0.0.1:${await freePort()}/embed`, `${site.origin}/else`, `${hamster}/nothing`];
      const said = await opened.page.evaluate(async (hamster, addresses) => {
        const { HamsterFrame } = await import(`${hamster}/web/embed/frame.js`);
        const show = (/** @type {string} */ address) => new HamsterFrame(document.body.appendChild(document.createElement('iframe')), address, { patience: 5000 });
        const ask = (/** @type {any} */ frame) => frame.classify(new Blob([])).catch((/** @type {any} */ { code, message, details }) => ({ code, message, url: details.url }));
        const closed = show(addresses[0]);
        const [closing] = [ask(closed), closed.close()];
        const removed = show(`${hamster}/embed`);
        await removed.configure({ top: 1 });
        document.body.lastChild?.remove();
        return Promise.all([...addresses.map((address) => ask(show(address))), closing, ask(removed)]);
      }, hamster, addresses);
      for (const [i, address] of addresses.entries()) {
        assert.equal(said[i].code, 'frame-unreachable', address);
        assert.equal(said[i].url, `${address}?origin=${encodeURIComponent(site.origin)}`);
        assert.ok(said[i].message.includes(said[i].url), said[i].message);
        assert.match(said[i].message, i === 0 ? /has not loaded within 5 seconds/ : /is not Hamster’s frame/);
      }
      assert.deepEqual(said.slice(addresses.length).map(({ code }) => code), ['closed', 'frame-unreachable']);
      await opened.close();
      deaf.closeAllConnections();
      deaf.close();
    });
  });

  /** A sandbox without allow-same-origin takes a page's origin away, and its storage and locks with it. */
  describe('in a sandbox', () => {
    /** A red picture, looked at in the frame. @param {import('puppeteer-core').Page} page @param {string} sandbox */
    const inFrame = (page, sandbox) => page.evaluate(async (hamster, sandbox) => {
      const { HamsterFrame } = await import(`${hamster}/web/embed/frame.js`);
      const iframe = document.body.appendChild(document.createElement('iframe'));
      iframe.setAttribute('sandbox', sandbox);
      return new Promise((resolve) => {
        /** @type {any} */
        let kept;
        const frame = new HamsterFrame(iframe, `${hamster}/embed`, { onready: (/** @type {any} */ info) => ({ kept } = info) });
        const red = new ImageData(new Uint8ClampedArray(4 * 64 * 64).map((_, i) => (i % 4 === 0 || i % 4 === 3 ? 255 : 0)), 64);
        frame.classify(red).then(
          (/** @type {any} */ { predictions }) => resolve([predictions[0].label, kept.state, kept.reason]),
          (/** @type {any} */ error) => resolve([error.code, error.message]),
        );
      });
    }, quickHamster, sandbox);

    test('the frame works, keeps nothing, and says so', async () => {
      for (const headers of [{}, isolation]) {
        const opened = await open(site, '', headers);
        assert.deepEqual(await inFrame(opened.page, 'allow-scripts'), ['red_picture', 'memory', 'store-refused']);
        assert.deepEqual(opened.faults, []);
        await opened.close();
      }
    });

    test('it gets no camera there, whatever the page allows', async () => {
      const opened = await open(site, `<iframe sandbox="allow-scripts" allow="camera *" src="${quickHamster}/embed?webcam"></iframe>`);
      const frame = await opened.page.waitForFrame((frame) => frame.url().startsWith(quickHamster));
      await frame.waitForFunction(() => customElements.get('image-classifier') !== undefined);
      const refused = await frame.evaluate(() => navigator.mediaDevices.getUserMedia({ video: true }).then(() => 'granted', ({ name }) => name));
      assert.equal(refused, 'SecurityError');
      await opened.close();
    });

    test('with allow-same-origin it keeps the model', async () => {
      const opened = await open(site, '');
      assert.deepEqual(await inFrame(opened.page, 'allow-scripts allow-same-origin'), ['red_picture', 'kept', '']);
      assert.deepEqual(opened.faults, []);
      await opened.close();
    });

    /**
     * What a script on a page in a sandbox comes to.
     *
     * @param {string} script which returns it
     * @param {string} policy
     */
    async function inPage(script, policy) {
      const own = { 'Access-Control-Allow-Origin': '*' }; // the page's own script, too, is of another origin now
      site.pages['/inner.js'] = { type: 'text/javascript', headers: own, text: `
        const outcome = async () => { ${script} };
        const told = await outcome().catch(({ code, message }) => [code, message]);
        parent.postMessage(JSON.stringify([self.origin, ...told]), '*');` };
      site.pages['/inner'] = { headers: { 'Content-Security-Policy': policy }, text: '<!doctype html><iframe></iframe><script type="module" src="/inner.js"></script>' };
      const opened = await open(site, '');
      const told = JSON.parse(await opened.page.evaluate(() => new Promise((resolve) => {
        addEventListener('message', ({ data }) => resolve(data), { once: true });
        const iframe = document.createElement('iframe');
        iframe.setAttribute('sandbox', 'allow-scripts');
        iframe.src = '/inner';
        document.body.append(iframe);
      })));
      const { faults } = opened;
      await opened.close();
      return { told, faults };
    }

    const library = () => `
      const { load } = await import('${quickHamster}/web/hamster.js');
      const classifier = await load();
      const { predictions } = await classifier.classify(new ImageData(Uint8ClampedArray.of(0, 0, 255, 255), 1));
      const refused = await classifier.kept().catch(({ code }) => code);
      return [predictions[0].label, classifier.info.kept.state, classifier.info.kept.reason, refused];`;

    /** @param {string} heading */
    const policyOf = async (heading) => (await said('csp.md', heading, 'csp')).replaceAll(hamster, quickHamster);

    test('the library works under the policy of docs/csp.md, and keeps nothing', async () => {
      const { told, faults } = await inPage(library(), await policyOf('In a sandbox'));
      assert.deepEqual(told, ['null', 'blue_picture', 'memory', 'store-refused', 'store-refused']);
      assert.deepEqual(faults, []);
    });

    test('a policy that was written for a page with an origin is named in an error', async () => {
      const { told } = await inPage(library(), await policyOf("The widget or the library from Hamster's server"));
      assert.equal(told[1], 'engine-missing');
      assert.match(told[2], /sandbox without allow-same-origin.*worker-src data:/);
    });

    test('a page that cannot name its origin to the frame is told so', async () => {
      const { told } = await inPage(`
        const { HamsterFrame } = await import('${quickHamster}/web/embed/frame.js');
        const frame = new HamsterFrame(document.querySelector('iframe'), '${quickHamster}/embed');
        return [await frame.classify(new ImageData(1, 1))];`, await policyOf('In a sandbox'));
      assert.equal(told[1], 'frame-unreachable');
      assert.match(told[2], /\/embed\S* does not answer: this page has no origin .* sandbox without allow-same-origin/);
    });
  });
});
