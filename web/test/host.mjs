/**
 * Somebody else's site: a server of a few pages with headers of its own, on an
 * origin of its own.
 */

import { createServer } from 'node:http';

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
