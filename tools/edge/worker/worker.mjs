/**
 * The worker's entry. Go answers for models, the frame and the catalogue; it
 * costs more than a few lines here, so an address that nobody has is answered
 * without it, as are requests that it cannot read.
 */

import { answer } from './program.mjs';
import { deployment, headers, dynamic } from './settings.mjs';

/**
 * @typedef {Record<string, unknown>} Environment
 * @typedef {{ waitUntil(promise: Promise<unknown>): void, passThroughOnException(): void }} Context
 */

/** @param {string} pathname */
const isForGo = (pathname) => dynamic.some((pattern) => (
  pattern.endsWith('*') ? pathname.startsWith(pattern.slice(0, -1)) : pathname === pattern));

export default {
  /**
   * @param {Request & { cf?: { clientAcceptEncoding?: string } }} request
   * @param {Environment} env
   * @param {Context} context
   */
  async fetch(request, env, context) {
    const { pathname } = new URL(request.url);
    if (!isForGo(pathname)) {
      if (request.method === 'GET' || request.method === 'HEAD') return refuse(request, 404, 'There is nothing at this address.');
      return refuse(request, 405, 'Only GET and HEAD are answered here.', { Allow: 'GET, HEAD' });
    }
    if (!isReadable(pathname)) return refuse(request, 400, 'The address cannot be read.');
    let response;
    try {
      response = await answer(plain(request), { ...env, DEPLOYMENT: deployment }, context);
    } catch (error) {
      console.error(error); // for the operator's log alone
      return broken(request);
    }
    if (response.status === 500 && !response.headers.has('Content-Type')) return broken(request);
    if (!response.headers.has('Content-Encoding')) return response;
    // The stream is encoded already; the runtime would do it once more.
    const { status, headers, body } = response;
    return new Response(body, /** @type {ResponseInit} */ ({ status, headers, encodeBody: 'manual' }));
  },
};

/**
 * The request as Go should see it: what the client itself accepts, for
 * Cloudflare tells its own, and no body, which nothing here reads.
 *
 * @param {Request & { cf?: { clientAcceptEncoding?: string } }} request
 */
function plain(request) {
  const headers = new Headers(request.headers);
  const accepted = request.cf?.clientAcceptEncoding;
  if (accepted !== undefined) headers.set('Accept-Encoding', accepted);
  return new Request(request.url, { method: request.method, headers });
}

/** @param {string} pathname */
function isReadable(pathname) {
  return !/%(?![0-9a-f]{2})/i.test(pathname);
}

/** @param {Request} request */
function broken(request) {
  return refuse(request, 500, 'Something broke here.');
}

/**
 * @param {Request} request
 * @param {number} status
 * @param {string} sentence
 * @param {Record<string, string>} more
 */
function refuse(request, status, sentence, more = {}) {
  const text = `${sentence}\n`;
  return new Response(request.method === 'HEAD' ? null : text, {
    status,
    headers: { ...headers, 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': `${text.length}`, 'Cache-Control': 'no-store', ...more },
  });
}
