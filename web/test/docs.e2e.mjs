/**
 * The examples of docs/widget.md, api.md and hosting.md, as they stand there. Those
 * of embed.md and csp.md are run by embed.e2e.mjs, those of the package by
 * package.e2e.mjs.
 */

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { example } from './docs.mjs';
import { answer, build, launch, openPage, patience, photos, pick, ready, root, serve, skip } from './harness.mjs';
import { folder, freePort, host } from './host.mjs';

const run = promisify(execFile);

describe('the examples', { skip }, () => {
  /** @type {import('./harness.mjs').Build} */
  let built;
  /** @type {Awaited<ReturnType<typeof serve>>} */
  let server;
  /** @type {Awaited<ReturnType<typeof host>>} */
  let site;
  /** @type {import('puppeteer-core').Browser} */
  let browser;
  /** @type {import('puppeteer-core').Page} */
  let page;
  /** @type {string[]} */
  const faults = [];
  let hamster = '';
  let dir = '';

  before(async () => {
    built = await build();
    site = await host({ '/cat.png': { type: 'image/png', text: await readFile(join(photos, 'chelsea.png')) } });
    server = await serve(built, ['--embed', site.origin]);
    hamster = new URL(server.url).origin;
    browser = await launch();
    page = await browser.newPage();
    page.setDefaultTimeout(patience);
    page.on('pageerror', (error) => faults.push(String(error)));
    dir = await mkdtemp(join(tmpdir(), 'hamster-docs-'));
  });

  after(async () => {
    await browser?.close();
    await server?.close();
    await site?.close();
    await built?.close();
    if (dir) await rm(dir, { recursive: true, force: true });
  });

  /** @param {string} file @param {string} heading @param {string} language */
  const said = (file, heading, language) => example(file, heading, language, { 'https://hamster.example': hamster, 'https://you.example': site.origin });

  /** Shows a page, and what it logs. @param {string} body */
  async function show(body) {
    /** @type {string[]} */
    const logged = [];
    page.removeAllListeners('console');
    page.on('console', (message) => logged.push(message.text()));
    site.pages['/page'] = { text: `<!doctype html><html lang="en"><meta charset="utf-8"><title>A page</title><link rel="icon" href="data:,">${body}` };
    await page.goto(`${site.origin}/page`);
    return logged;
  }

  const define = () => `<script type="module" src="${hamster}/web/element/define.js"></script>`;
  const answered = () => page.waitForFunction(() => document.querySelector('image-classifier')?.state === 'answered');

  describe('of docs/widget.md', () => {
    test('an element whose events a page hears', async () => {
      await show(await said('widget.md', 'Events', 'html'));
      await page.waitForFunction(() => document.querySelector('output')?.value !== '');
      assert.match(await page.$eval('output', ({ value }) => value), /^.+: [01]\.\d{3}$/);
    });

    test('colours and parts', async () => {
      await show(define() + await said('widget.md', 'Looks', 'html'));
      await answered();
      const seen = await page.$eval('image-classifier', ({ shadowRoot }) => ['card', 'label'].map((part) => {
        const { borderTopLeftRadius, textTransform } = getComputedStyle(/** @type {Element} */ (shadowRoot?.querySelector(`[part=${part}]`)));
        return `${borderTopLeftRadius} ${textTransform}`;
      }));
      assert.deepEqual(seen, ['4px none', '0px uppercase']);
    });

    test('a class under another name', async () => {
      site.pages['/page.js'] = { type: 'text/javascript', text: await said('widget.md', 'Without defining it', 'js') };
      await show('<cat-detector src="/cat.png"></cat-detector><script type="module" src="/page.js"></script>');
      await page.waitForFunction(() => /** @type {any} */ (document.querySelector('cat-detector')).state === 'answered');
      assert.equal(await page.evaluate(() => customElements.get('image-classifier')), undefined);
    });

    test('its tables have every attribute, event, part and property', async () => {
      const text = await readFile(join(root, 'docs/widget.md'), 'utf8');
      const manifest = JSON.parse(await readFile(join(root, 'web/element/custom-elements.json'), 'utf8'));
      const [{ declarations: [element] }] = manifest.modules;
      for (const list of ['attributes', 'events', 'cssParts', 'cssProperties', 'slots']) {
        for (const { name } of element[list]) {
          const short = name.replace('--image-classifier', '');
          assert.ok(text.includes(`\`${name}\``) || text.includes(`\`${short}\``), `${list}: ${name}`);
        }
      }
    });
  });

  describe('of docs/api.md', () => {
    for (const [name, heading, says] of /** @type {[string, string, RegExp][]} */ ([
      ['two calls', 'The library', /^\w.*: [01]\.\d{3}$/],
      ['an explanation', 'explain', /^\d+×\d+ by (grad-cam|occlusion), \d+ cells spoke for .+$/],
    ])) {
      test(name, async () => {
        site.pages['/page.js'] = { type: 'text/javascript', text: await said('api.md', heading, 'js') };
        const logged = await show('<script type="module" src="/page.js"></script>');
        const late = Date.now() + patience;
        while (logged.length === 0 && Date.now() < late) await new Promise((resolve) => setTimeout(resolve, 50));
        assert.match(logged[0], says);
      });
    }

    test('a video, frame by frame', async () => {
      site.pages['/page.js'] = { type: 'text/javascript', text: await said('api.md', 'What can be classified', 'js') };
      await show('<video muted></video><output></output><script type="module" src="/page.js"></script>');
      await page.evaluate(async () => {
        const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 240 });
        const context = canvas.getContext('2d');
        let frame = 0;
        setInterval(() => {
          if (context) context.fillStyle = `hsl(${frame++} 80% 50%)`;
          context?.fillRect(0, 0, 320, 240);
        }, 40);
        const video = /** @type {HTMLVideoElement} */ (document.querySelector('video'));
        video.srcObject = canvas.captureStream();
        await video.play();
      });
      await page.waitForFunction(() => document.querySelector('output')?.value !== '');
      const first = await page.$eval('output', ({ value }) => value);
      await page.waitForFunction((first) => document.querySelector('output')?.value !== first, {}, first); // the milliseconds differ
    });

    test('its table has every code of an error', async () => {
      const text = await readFile(join(root, 'docs/api.md'), 'utf8');
      const [, union] = /export type ErrorCode =([^;]+);/.exec(await readFile(join(root, 'web/hamster.d.ts'), 'utf8')) ?? [];
      const codes = [...union.matchAll(/'([a-z-]+)'/g)].map(([, code]) => code);
      assert.ok(codes.length > 30);
      assert.deepEqual(codes.filter((code) => !text.includes(`\`${code}\``)), []);
    });

    test('it names all that is declared of options, answers and models', async () => {
      const text = await readFile(join(root, 'docs/api.md'), 'utf8');
      const declared = await readFile(join(root, 'web/hamster.d.ts'), 'utf8');
      for (const name of ['EngineOptions', 'ClassifyOptions', 'ExplainOptions', 'Classification', 'Heatmap', 'ModelInfo', 'Progress']) {
        const [, body] = new RegExp(`^export interface ${name} {\n(.*?)^}`, 'ms').exec(declared) ?? [];
        const fields = [...body.matchAll(/^  (\w+)\??:/gm)].map(([, field]) => field);
        assert.ok(fields.length > 2, name);
        assert.deepEqual(fields.filter((field) => !new RegExp(`\`[^\`]*\\b${field}\\b[^\`]*\``).test(text)), [], name);
      }
    });
  });

  test('nothing of them was left uncaught', () => assert.deepEqual(faults, []));

  describe('in the gallery', () => {
    for (const scheme of ['light', 'dark']) {
      test(`three themes on a ${scheme} page answer, and axe finds nothing`, async () => {
        const opened = await openPage(browser, new URL('/web/gallery/gallery.html', server.url).href, async (page) => {
          await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
        });
        const states = await opened.page.$$eval('image-classifier', async (elements) => {
          for (const element of elements) {
            element.scrollIntoView();
            while (element.src && !/answered|failed/.test(element.state)) await new Promise((resolve) => setTimeout(resolve, 20));
          }
          return elements.map(({ state, shadowRoot }) => [state, shadowRoot?.querySelectorAll('[part=guess]').length].join(' '));
        });
        assert.deepEqual(states, ['answered 5', 'answered 3', 'empty 0']);
        assert.deepEqual(opened.faults, []);
        await opened.page.evaluate(await readFile(join(root, 'tools/npm/node_modules/axe-core/axe.min.js'), 'utf8'));
        const violations = await opened.page.evaluate(async () => {
          const { violations } = await /** @type {any} */ (globalThis).axe.run();
          return violations.map((/** @type {any} */ { id, nodes }) => `${id}: ${nodes.map((/** @type {any} */ { target }) => target).join(' ')}`);
        });
        assert.deepEqual(violations, []);
        await opened.close();
      });
    }
  });

  describe('of docs/hosting.md', () => {
    let files = '';

    before(async () => {
      files = join(dir, 'site');
      await cp(built.site, files, { recursive: true });
      const model = process.env.HAMSTER_MODEL ?? (await run(built.hamster, ['model', 'get'], { cwd: root })).stdout.trim().split('\n').at(-1) ?? '';
      // Quality 5 in place of 11: a minute less.
      await run(built.hamster, ['model', 'pack', model, '-o', join(files, 'models/default'), '--quality', '5'], { cwd: root });
      await writeFile(join(files, 'models/index.json'), await example('hosting.md', 'Hosting', 'json'));
    });

    /** The page, asked about a photo. @param {string} url */
    async function works(url) {
      const opened = await openPage(browser, url);
      await ready(opened.page);
      await pick(opened.page, join(photos, 'chelsea.png'));
      const guesses = await answer(opened.page);
      const isolated = await opened.page.evaluate(() => crossOriginIsolated);
      const { faults } = opened;
      await opened.close();
      assert.ok(guesses.length > 0);
      assert.deepEqual(faults, []);
      return isolated;
    }

    test('nginx', async () => {
      const port = await freePort();
      const configuration = (await said('hosting.md', 'nginx', 'nginx')).replace('listen 8080;', `listen 127.0.0.1:${port};`).replace('/srv/hamster/site', files);
      assert.ok(configuration.includes(files) && configuration.includes(String(port)));
      await mkdir(join(dir, 'nginx'));
      const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${join(dir, 'nginx', name)};`).join('\n');
      await writeFile(join(dir, 'nginx.conf'), `load_module /usr/lib/nginx/modules/ngx_http_brotli_static_module.so;
        daemon off; master_process off; pid ${join(dir, 'nginx/pid')}; error_log stderr warn;
        events {} http { access_log off; ${temporary}\n${configuration}\n}`);
      const nginx = spawn('/usr/sbin/nginx', ['-p', dir, '-e', 'stderr', '-c', join(dir, 'nginx.conf')], { stdio: ['ignore', 'ignore', 'pipe'] });
      const ended = new Promise((resolve) => nginx.once('exit', resolve));
      let complaints = '';
      nginx.stderr.on('data', (chunk) => {
        complaints += chunk;
      });
      const url = `http://127.0.0.1:${port}`;
      try {
        for (let i = 0; !await fetch(url).catch(() => null); i++) {
          if (i === 100 || nginx.exitCode !== null) assert.fail(`nginx does not answer: ${complaints}`);
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
        assert.equal(await works(`${url}/`), true, 'isolated, so with threads');
        const shard = (await readdir(join(files, 'models/default'))).find((name) => name.endsWith('.bin'));
        const head = async (/** @type {string} */ path) => (await fetch(url + path, { headers: { 'Accept-Encoding': 'br' } })).headers;
        const ofShard = await head(`/models/default/${shard}`);
        assert.deepEqual([ofShard.get('content-encoding'), ofShard.get('cache-control')], ['br', 'public, max-age=31536000, immutable']);
        assert.equal((await head('/')).get('cache-control'), 'no-cache');
        assert.equal((await head('/wasm/hamster.wasm')).get('content-type'), 'application/wasm');
        assert.match((await head(`/embed?origin=${site.origin}`)).get('content-security-policy') ?? '', new RegExp(`frame-ancestors ${site.origin}$`));
        assert.match((await head('/')).get('content-security-policy') ?? '', /frame-ancestors 'none'$/);
        assert.equal((await fetch(`${url}/models/nothing.onnx`)).status, 404);
        assert.equal(complaints, '');
      } finally {
        nginx.kill();
        await ended;
      }
    });

    test('GitHub Pages, which sends no headers, from a folder', async () => {
      const pages = await folder(dir, { headers: { 'Access-Control-Allow-Origin': '*' } });
      assert.equal(await works(`${pages.origin}/site/`), false, 'not isolated: one thread');
      await show(`<script type="module" src="${pages.origin}/site/web/element/define.js"></script><image-classifier src="/cat.png"></image-classifier>`);
      await answered();
      await pages.close();
    });

    test('Cloudflare Pages, with its file of headers', async () => {
      await writeFile(join(files, '_headers'), await example('hosting.md', 'Cloudflare', 'text'));
      const port = await freePort();
      const wrangler = spawn('node', [
        '--no-warnings', join(root, 'tools/npm/node_modules/wrangler/wrangler-dist/cli.js'), 'pages', 'dev', files, '--port', String(port), '--ip', '127.0.0.1',
        '--compatibility-date', '2025-01-01', '--persist-to', join(dir, 'wrangler'),
      ], { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, CI: '1', WRANGLER_SEND_METRICS: 'false' } });
      const ended = new Promise((resolve) => wrangler.once('exit', resolve));
      let text = '';
      for (const stream of [wrangler.stdout, wrangler.stderr]) {
        stream.on('data', (chunk) => {
          text += chunk;
        });
      }
      try {
        const url = `http://127.0.0.1:${port}/`;
        for (let i = 0; !await fetch(url).catch(() => null); i++) {
          if (i === 400 || wrangler.exitCode !== null) assert.fail(`wrangler does not answer: ${text}`);
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
        assert.equal(await works(url), true, 'isolated, so with threads');
        assert.equal((await fetch(`${url}web/hamster.js`)).headers.get('access-control-allow-origin'), '*');
      } finally {
        wrangler.kill();
        await ended;
      }
    });
  });
});
