/**
 * The worker's entry, with programs that fail as the real one cannot be made
 * to; what it says otherwise is tested in Cloudflare's runtime.
 */

import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';

/** @type {string} */
let dir;
/** @type {(request: Request) => Promise<Response>} */
let ask;
/** What the program does, and what it was asked. @type {{ answer: () => unknown, asked: Request[] }} */
const program = { answer: () => new Response(), asked: [] };

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hamster-worker-'));
  await copyFile(new URL('../worker/worker.mjs', import.meta.url), join(dir, 'worker.mjs'));
  await writeFile(join(dir, 'program.mjs'), `export async function answer(request, env) {
    globalThis.program.asked.push(request);
    if (env.DEPLOYMENT !== 'deployed' || env.MODELS !== 'bucket') throw new Error('the environment is incomplete');
    return globalThis.program.answer();
  }`);
  await writeFile(join(dir, 'settings.mjs'), `export const deployment = 'deployed';
    export const headers = { 'X-Content-Type-Options': 'nosniff' };
    export const dynamic = ['/models/*', '/embed'];`);
  /** @type {any} */ (globalThis).program = program;
  const { default: worker } = await import(pathToFileURL(join(dir, 'worker.mjs')).href);
  ask = (request) => {
    program.asked = [];
    return worker.fetch(request, { MODELS: 'bucket' }, {});
  };
});

after(() => rm(dir, { recursive: true, force: true }));

/** @param {string} path @param {RequestInit} [init] */
const request = (path, init) => new Request(`https://edge.example${path}`, init);

test('what no pattern names never starts Go', async () => {
  for (const path of ['/', '/nothing', '/web/page/main.js', '/modelsmore', '/models', '/embed/', '/embedded']) {
    const response = await ask(request(path));
    assert.equal(response.status, 404, path);
    assert.equal(response.headers.get('X-Content-Type-Options'), 'nosniff');
    assert.equal(response.headers.get('Cache-Control'), 'no-store');
    assert.deepEqual(program.asked, [], path);
  }
  assert.equal((await ask(request('/', { method: 'POST' }))).status, 405);
  const head = await ask(request('/nothing', { method: 'HEAD' }));
  assert.equal(await head.text(), '');
  assert.equal(head.headers.get('Content-Length'), '34');
});

test('what a pattern names is for Go', async () => {
  program.answer = () => new Response('fine', { status: 206, headers: { 'Content-Type': 'text/plain' } });
  for (const path of ['/models/', '/models/a/model.json', '/embed', '/embed?model=a']) {
    const response = await ask(request(path));
    assert.equal(response.status, 206, path);
    assert.equal(await response.text(), 'fine');
    assert.equal(program.asked.length, 1, path);
  }
});

test('a program that breaks is a sentence, without a stack', async () => {
  for (const answer of [
    () => { throw new Error('a secret\n    at program.go:1'); },
    () => new Response(null, { status: 500 }),
  ]) {
    program.answer = answer;
    const response = await ask(request('/models/a/model.json'));
    assert.equal(response.status, 500);
    assert.equal(await response.text(), 'Something broke here.\n');
    assert.equal(response.headers.get('X-Content-Type-Options'), 'nosniff');
  }
});

test('an address that Go cannot read does not reach it', async () => {
  for (const path of ['/models/%', '/models/%zz', '/models/a%2']) {
    assert.equal((await ask(request(path))).status, 400, path);
    assert.deepEqual(program.asked, [], path);
  }
});

test('Go hears what the client accepts, not what Cloudflare asks for it', async () => {
  program.answer = () => new Response('', { headers: { 'Content-Type': 'text/plain' } });
  const asked = request('/models/a', { headers: { 'Accept-Encoding': 'br, gzip', 'If-None-Match': '"a"' } });
  await ask(Object.assign(asked, { cf: { clientAcceptEncoding: 'gzip' } }));
  assert.equal(program.asked[0].headers.get('Accept-Encoding'), 'gzip');
  assert.equal(program.asked[0].headers.get('If-None-Match'), '"a"');
});
