/**
 * The library, web/hamster.js, on a page that does nothing else.
 */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { build, colours, headersOf, interfere, launch, openPage, photos, serve, skip } from './harness.mjs';
import { host } from './host.mjs';

describe('the library', { skip }, () => {
  /** @type {import('./harness.mjs').Build} */
  let built;
  /** @type {Awaited<ReturnType<typeof serve>>} */
  let server;
  /** @type {Awaited<ReturnType<typeof interfere>>} */
  let site;
  /** @type {Awaited<ReturnType<typeof host>>} */
  let elsewhere;
  /** @type {import('puppeteer-core').Browser} */
  let browser;
  /** @type {Awaited<ReturnType<typeof openPage>>} */
  let opened;

  before(async () => {
    built = await build();
    server = await serve(built);
    const cat = await readFile(join(photos, 'chelsea.png'));
    const model = await colours(built);
    elsewhere = await host({ '/cat.png': { type: 'image/png', headers: { 'Cross-Origin-Resource-Policy': 'cross-origin' }, text: cat } });
    const { headers } = await fetch(server.url);
    const policies = Object.fromEntries([...headers].filter(([name]) => /^(content-security|cross-origin)/.test(name)));
    // The strict policy of Hamster's own page, and pictures of another origin besides.
    policies['content-security-policy'] = policies['content-security-policy'].replace('img-src', `img-src ${elsewhere.origin}`);
    site = await interfere(server.url, {
      '/page.html': (_, response) => response.writeHead(200, { ...policies, 'content-type': 'text/html' }).end('<!doctype html><meta charset="utf-8"><title>A page</title>'),
      '/cat.png': (_, response) => response.writeHead(200, headersOf('image/png')).end(cat),
      '/colours.onnx': (_, response) => response.writeHead(200, headersOf('application/octet-stream')).end(model),
    });
    browser = await launch();
    opened = await openPage(browser, new URL('/page.html', site.url).href);
    opened.faults.splice(0); // the favicon
    await opened.page.evaluate(async () => {
      // @ts-expect-error: an address on the server, not a file here
      const library = await import('/web/hamster.js');
      Object.assign(globalThis, library, { shared: await library.load({ model: '/colours.onnx' }) });
    });
  });

  after(async () => {
    await browser?.close();
    await site?.close();
    await elsewhere?.close();
    await server?.close();
    await built?.close();
  });

  /** Evaluates an expression on the page, where load, shared and HamsterError are known. @param {string} script */
  const run = (script) => opened.page.evaluate(`(async () => { ${script} })()`);

  /** The code of the error that an expression ends in. @param {string} expression */
  const codeOf = (expression) => run(`
    try {
      const value = await ${expression};
      return 'no error, but ' + JSON.stringify(value);
    } catch (error) {
      return error instanceof HamsterError ? error.code : error.name;
    }`);

  const open = `
    const file = await (await fetch('/cat.png')).blob();
    const bitmap = await createImageBitmap(file);
    const canvas = Object.assign(document.createElement('canvas'), { width: bitmap.width, height: bitmap.height });
    const context = canvas.getContext('2d');
    context.drawImage(bitmap, 0, 0);
    const image = new Image();
    image.src = '/cat.png';`;

  describe('takes', () => {
    /** @type {Record<string, string>} */
    const exact = {
      'a Blob': 'file',
      'a File': 'new File([file], "cat.png")',
      'the bytes of a file': 'await file.arrayBuffer()',
      'an address': '"/cat.png"',
      'a URL': 'new URL("/cat.png", location)',
      'a data: address': 'await new Promise((resolve) => { const reader = new FileReader(); reader.onload = () => resolve(reader.result); reader.readAsDataURL(file); })',
      'an img that is not loaded yet': 'image',
      'a canvas': 'canvas',
      'an OffscreenCanvas': '(() => { const c = new OffscreenCanvas(canvas.width, canvas.height); c.getContext("2d").drawImage(canvas, 0, 0); return c; })()',
      'an ImageBitmap': 'bitmap',
      'an ImageData': 'context.getImageData(0, 0, canvas.width, canvas.height)',
      'plain pixels': '(() => { const { width, height, data } = context.getImageData(0, 0, canvas.width, canvas.height); return { width, height, data: new Uint8Array(data) }; })()',
      'a VideoFrame': 'new VideoFrame(canvas, { timestamp: 0 })',
    };
    for (const [name, source] of Object.entries(exact)) {
      test(`${name}, and leaves it as it is`, async () => {
        const [predictions, expected, again] = /** @type {any} */ (await run(`${open}
          const source = ${source};
          const of = async (it) => (await shared.classify(it, { mode: 'keras' })).predictions;
          return [await of(source), await of(file), await of(source)];`));
        assert.deepEqual(predictions, expected);
        assert.deepEqual(again, expected);
      });
    }

    test('a video as it shows', async () => {
      const [shown, expected, code] = /** @type {any} */ (await run(`${open}
        const video = document.createElement('video');
        const none = await shared.classify(video).catch((error) => error.code);
        video.muted = true;
        video.srcObject = canvas.captureStream();
        const classifying = shared.classify(video); // it waits for the first frame
        await video.play();
        const timer = setInterval(() => context.drawImage(bitmap, 0, 0), 50);
        const result = await classifying;
        clearInterval(timer);
        return [result.predictions[0], (await shared.classify(file)).predictions[0], none];`));
      assert.equal(shown.label, expected.label);
      assert.ok(Math.abs(shown.score - expected.score) < 0.1, `${shown.score}, and ${expected.score} of the file`);
      assert.equal(code, 'source-invalid', 'a video of nothing');
    });

    test('as many answers as are asked for, in the mode that is asked for', async () => {
      const [one, all, labels, mode] = /** @type {any} */ (await run(`${open}
        const { environment, predictions } = await shared.classify(file, { top: 1, mode: 'quality' });
        return [predictions.length, (await shared.classify(file, { top: 0 })).predictions.length, shared.info.labels.length, environment.mode];`));
      assert.deepEqual([one, all, mode], [1, labels, 'quality']);
    });
  });

  describe('refuses', () => {
    /** @type {[string, string, string][]} what, how, and the code of the error */
    const cases = [
      ['a javascript: address', 'shared.classify("javascript:alert(1)")', 'source-invalid'],
      ['a data: address of HTML', 'shared.classify("data:text/html,<script>alert(1)</script>")', 'source-invalid'],
      ['a data: address that is no base64', 'shared.classify("data:image/png;base64,§§§")', 'source-invalid'],
      ['a file: address', 'shared.classify("file:///etc/passwd")', 'source-invalid'],
      ['what is no address', 'shared.classify("http://[")', 'source-invalid'],
      ['nothing', 'shared.classify()', 'source-invalid'],
      ['a number', 'shared.classify(7)', 'source-invalid'],
      ['an element of another kind', 'shared.classify(document.body)', 'source-invalid'],
      ['an img without an address', 'shared.classify(new Image())', 'source-invalid'],
      ['a canvas without pixels', 'shared.classify(Object.assign(document.createElement("canvas"), { width: 0 }))', 'source-invalid'],
      ['pixels of less than no size', 'shared.classify({ width: -1, height: -1, data: new Uint8ClampedArray(4) })', 'source-invalid'],
      ['pixels that are too few', 'shared.classify({ width: 2, height: 2, data: new Uint8ClampedArray(15) })', 'source-invalid'],
      ['a picture that is not there', 'shared.classify("/nothing.png")', 'image-unreachable'],
      ['an img that shows none', 'shared.classify(Object.assign(new Image(), { src: "/nothing.png" }))', 'image-unreachable'],
      ['a text', 'shared.classify(new Blob(["Dear Hamster"]))', 'image-not'],
      ['an empty file', 'shared.classify(new Blob())', 'image-empty'],
      ['a drawing in a data: address', 'shared.classify("data:image/svg+xml,<svg xmlns=\'http://www.w3.org/2000/svg\'/>")', 'image-not'],
      ['half an answer', 'shared.classify("/cat.png", { top: 0.5 })', 'option-invalid'],
      ['a mode that is none', 'shared.classify("/cat.png", { mode: "cubist" })', 'option-invalid'],
      ['a backend that is none', 'load({ backend: "gpu" })', 'option-invalid'],
      ['minus one thread', 'load({ threads: -1 })', 'option-invalid'],
      ['an idle time that is none', 'load({ idle: "long" })', 'option-invalid'],
      ['a model whose address is none', 'load({ model: "http://[" })', 'option-invalid'],
      ['a model that is not there', 'load({ model: "/models/nothing.onnx" })', 'model-missing'],
      ['a page in place of a model', 'load({ model: "/page.html" })', 'model-html'],
    ];
    for (const [name, expression, code] of cases) {
      test(name, async () => assert.equal(await codeOf(expression), code));
    }

    test('a picture of another origin that does not allow it', async () => {
      const code = await run(`
        const image = new Image();
        image.src = '${elsewhere.origin}/cat.png';
        await image.decode();
        const canvas = document.createElement('canvas');
        canvas.getContext('2d').drawImage(image, 0, 0);
        const codeOf = (source) => shared.classify(source).catch((error) => error.code);
        return [await codeOf(image), await codeOf(canvas)].join();`);
      assert.equal(code, 'image-tainted,image-tainted');
    });

    test('an aborted call, with the reason of its signal', async () => {
      assert.equal(await codeOf('shared.classify("/cat.png", { signal: AbortSignal.abort() })'), 'AbortError');
      assert.equal(await codeOf('load({ signal: AbortSignal.abort() })'), 'AbortError');
    });
  });

  describe('has one engine', () => {
    /** The engines that there are now; their other threads are workers of theirs. */
    const engines = () => opened.page.workers().filter((worker) => worker.url().endsWith('/worker.js')).length;
    /** @param {number} count */
    const untilThereAre = async (count) => {
      for (let i = 0; engines() !== count; i++) {
        if (i === 100) assert.fail(`${engines()} engines, not ${count}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };

    test('for all who want the same model, and ends it when the last of them closes', async () => {
      assert.equal(engines(), 1);
      await run(`globalThis.others = await Promise.all([load({ model: '/colours.onnx' }), load({ model: '/colours.onnx' })]);`);
      assert.equal(engines(), 1);
      const one = await run(`
        globalThis.single = await load({ model: '/colours.onnx', threads: 1 });
        return (await single.classify('/cat.png')).environment.backend;`);
      assert.match(String(one), /1 thread\b/);
      assert.equal(engines(), 2, 'another setting is another engine');
      await run('single.close(); others[0].close();');
      await untilThereAre(1);
      assert.equal(await codeOf('others[0].classify("/cat.png")'), 'closed');
      await run('others[1].close(); shared.close();');
      await untilThereAre(0);
      await run(`globalThis.shared = await load({ model: '/colours.onnx' });`);
      await untilThereAre(1);
    });

    test('whose end tells those who still wait', async () => {
      const codes = await run(`
        const classifier = await load({ model: '/colours.onnx', threads: 1 });
        const waiting = [1, 2].map(() => classifier.classify('/cat.png').catch((error) => error.code));
        classifier.close();
        return (await Promise.all(waiting)).join();`);
      assert.equal(codes, 'closed,closed');
    });

    test('which rests after a while, and is back for the next picture', async () => {
      await run(`globalThis.resting = await load({ model: '/colours.onnx', threads: 1, idle: 100 });`);
      await untilThereAre(1); // the shared one
      const label = await run(`
        const { predictions } = await resting.classify('/cat.png');
        resting.close();
        return predictions[0].label;`);
      assert.equal(label, await run(`return (await shared.classify('/cat.png')).predictions[0].label;`));
      await untilThereAre(1);
    });

    test('that one caller’s signal does not end for another', async () => {
      const outcome = await run(`
        const stop = new AbortController();
        const options = { model: '/colours.onnx', threads: 2 };
        const first = load({ ...options, signal: stop.signal }).catch((error) => error.name);
        const second = load(options);
        stop.abort();
        const classifier = await second;
        classifier.close();
        return [await first, classifier.info.labels.length > 1].join();`);
      assert.equal(outcome, 'AbortError,true');
      await untilThereAre(1);
    });

    test('and tells each caller how far it is', async () => {
      const stages = await run(`
        const stages = [[], []];
        const classifiers = await Promise.all(stages.map((list) => load({
          model: '/models/index.json', threads: 3, onprogress: ({ stage, done, total }) => list.push([stage, done <= total]),
        })));
        classifiers.forEach((classifier) => classifier.close());
        return stages;`);
      const [first, second] = /** @type {[string, boolean][][]} */ (stages);
      assert.deepEqual(first, second);
      assert.ok(first.some(([stage]) => stage === 'fetch' || stage === 'read') && first.at(-1)?.[0] === 'prepare', JSON.stringify(first));
    });
  });

  test('it lists what is kept on the device', async () => {
    const kept = /** @type {any} */ (await run(`
      const classifier = await load({ model: '/models/index.json' });
      const kept = await classifier.kept();
      classifier.close();
      return kept;`));
    assert.equal(kept.length, 1);
    assert.equal(kept[0].complete, true);
  });

  test('a page without workers’ decoding takes every source all the same', async () => {
    const [page, worker] = /** @type {any} */ (await run(`${open}
      const classifier = new Classifier({ model: '/colours.onnx', decodeOn: 'page' });
      const of = async (from) => [(await from.classify(bitmap)).predictions, (await from.classify(file)).predictions, (await from.classify(new VideoFrame(canvas, { timestamp: 0 }))).predictions];
      const answers = [await of(classifier), await of(shared)];
      classifier.close();
      return answers;`));
    assert.deepEqual(page, worker);
  });

  test('nothing broke the strict policy or was left uncaught', () => {
    assert.deepEqual(opened.faults.filter((fault) => !fault.includes(elsewhere.origin)), []);
  });

  test('a worker’s script that is not there is named', async () => {
    const middle = await interfere(site.url, {
      '/web/worker/worker.js': (_, response) => response.writeHead(404, headersOf('text/plain')).end(),
    });
    const other = await openPage(browser, new URL('/page.html', middle.url).href);
    const said = await other.page.evaluate(async () => {
      // @ts-expect-error: an address on the server, not a file here
      const { load } = await import('/web/hamster.js');
      return load().catch((/** @type {any} */ error) => [error.code, error.details.url]);
    });
    assert.deepEqual(said, ['engine-missing', new URL('/web/worker/worker.js', middle.url).href]);
    await other.close();
    await middle.close();
  });
});
