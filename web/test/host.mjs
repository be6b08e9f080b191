/**
 * Somebody else's site: a server of a few pages with headers of its own, on an
 * origin of its own.
 */

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';

/**
 * `text` may be made anew for each request.
 *
 * @typedef {{ type?: string, headers?: Record<string, string>, text: string | Buffer }} Answer
 */

/**
 * @param {Record<string, Answer>} pages by path
 * @param {string} [hostname] 127.0.0.1 and localhost are two sites as well as two origins
 * @returns {Promise<{ origin: string, pages: Record<string, Answer>, close: () => Promise<void> }>}
 */
export async function host(pages, hostname = '127.0.0.1') {
  const server = createServer((request, response) => {
    const answer = pages[new URL(request.url ?? '/', 'http://host').pathname];
    if (!answer) {
      response.writeHead(404, { 'Content-Type': 'text/plain' }).end('not here');
      return;
    }
    response.writeHead(200, { 'Content-Type': answer.type ?? 'text/html; charset=utf-8', ...answer.headers }).end(answer.text);
  });
  await new Promise((resolve) => server.listen(0, hostname, () => resolve(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    origin: `http://${hostname}:${port}`,
    pages,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A port that nobody uses now. @returns {Promise<number>} */
export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** @type {Record<string, string>} */
const types = { html: 'text/html; charset=utf-8', js: 'text/javascript', css: 'text/css', json: 'application/json', svg: 'image/svg+xml', wasm: 'application/wasm', png: 'image/png', jpg: 'image/jpeg' };

/**
 * Serves a folder as any static server does, and asks another server for the rest,
 * if there is one.
 *
 * @param {string} dir
 * @param {{ headers?: Record<string, string>, otherwise?: string }} options
 * @returns {Promise<{ origin: string, close: () => Promise<void> }>}
 */
export async function folder(dir, { headers = {}, otherwise }) {
  const server = createServer(async (request, response) => {
    const path = new URL(request.url ?? '/', 'http://host').pathname;
    try {
      const name = path.endsWith('/') ? `${path}index.html` : path;
      const content = await readFile(join(dir, name));
      response.writeHead(200, { 'Content-Type': types[name.split('.').pop() ?? ''] ?? 'application/octet-stream', ...headers }).end(content);
    } catch {
      if (!otherwise) {
        response.writeHead(404, { 'Content-Type': 'text/plain' }).end('not here');
        return;
      }
      const answer = await fetch(new URL(path, otherwise));
      response.writeHead(answer.status, { 'Content-Type': answer.headers.get('Content-Type') ?? '', ...headers }).end(new Uint8Array(await answer.arrayBuffer()));
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    origin: `http://127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
