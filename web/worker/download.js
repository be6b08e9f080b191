/**
 * Fetches large files and tells how far it is. The commonest fault of pages
 * like this is HTML where a binary file should be, so that is looked for
 * first and the address named.
 */

import { HamsterError } from '../shared/errors.js';

/** @import { ErrorCode } from '../shared/errors.js' */

/**
 * Bytes on the wire: done so far, and in all (0: unknown).
 *
 * @typedef {(done: number, total: number) => void} OnBytes
 *
 * What to call the failures of this file.
 * @typedef {{ missing: ErrorCode, unreachable: ErrorCode, html: ErrorCode, truncated: ErrorCode, tooLarge: ErrorCode }} Codes
 *
 * `length` is that of the plain bytes, 0 where the server does not say.
 * @typedef {{ url: string, response: Response, length: number, wire: number, codes: Codes, onBytes: OnBytes }} Download
 */

/**
 * Asks for a file and checks the answer's head.
 *
 * @param {string} url
 * @param {{ codes: Codes, onBytes: OnBytes, maxBytes: number, init?: RequestInit }} options
 * @returns {Promise<Download>}
 */
export async function open(url, { codes, onBytes, maxBytes, init = {} }) {
  let response;
  try {
    response = await fetch(url, init);
  } catch (cause) {
    init.signal?.throwIfAborted();
    throw new HamsterError(codes.unreachable, `${url} cannot be reached: ${reason(cause)}`, { url });
  }
  const refuse = (/** @type {ErrorCode} */ code, /** @type {string} */ why, details = {}) => {
    response.body?.cancel().catch(() => {});
    return new HamsterError(code, `${url} ${why}`, { url, ...details });
  };
  const { status, headers } = response;
  if (status === 404 || status === 410) throw refuse(codes.missing, 'is not there', { status });
  if (!response.ok) throw refuse(codes.unreachable, `answers with status ${status}`, { status });
  if (/^\s*(text\/html|application\/xhtml)/i.test(headers.get('Content-Type') ?? '')) {
    throw refuse(codes.html, 'is a web page');
  }
  // Content-Length counts compressed bytes, a stream gives plain ones.
  const wire = natural(headers.get('Content-Length'));
  const length = headers.get('Content-Encoding') ? natural(headers.get('X-Uncompressed-Length')) : wire;
  if (length > maxBytes) throw refuse(codes.tooLarge, `has ${length} bytes`, { total: length });
  onBytes(0, wire);
  return { url, response, length, wire, codes, onBytes };
}

/**
 * Reads all of it. A download of unknown length grows as it comes.
 *
 * @param {Download} download
 * @param {number} maxBytes
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function readAll(download, maxBytes) {
  const { url, length, codes } = download;
  let bytes = new Uint8Array(length || 1 << 20);
  let done = 0;
  for await (const chunk of chunks(download)) {
    const needed = done + chunk.length;
    if (needed > maxBytes) throw new HamsterError(codes.tooLarge, `${url} has over ${maxBytes} bytes`, { url, total: needed });
    if (needed > bytes.length) {
      const larger = new Uint8Array(Math.min(maxBytes, Math.max(needed, 2 * bytes.length)));
      larger.set(bytes.subarray(0, done));
      bytes = larger;
    }
    bytes.set(chunk, done);
    done = needed;
  }
  return bytes.subarray(0, done);
}

/**
 * Passes the bytes on as they come, for WebAssembly.compileStreaming.
 *
 * @param {Download} download
 * @param {string} contentType
 * @returns {Response}
 */
export function asResponse(download, contentType) {
  const source = chunks(download);
  const body = new ReadableStream({
    async pull(controller) {
      try {
        const { value, done } = await source.next();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        controller.error(error);
      }
    },
  });
  return new Response(body, { headers: { 'Content-Type': contentType } });
}

/**
 * The body's chunks, counted and checked: no HTML at its head, and at its end
 * as many bytes as were promised.
 *
 * @param {Download} download
 * @returns {AsyncGenerator<Uint8Array<ArrayBuffer>, void>}
 */
export async function* chunks({ url, response, length, wire, codes, onBytes }) {
  if (!response.body) throw new HamsterError(codes.truncated, `${url} is empty`, { url, done: 0, total: length });
  const reader = response.body.getReader();
  let done = 0;
  try {
    for (;;) {
      let step;
      try {
        step = await reader.read();
      } catch (cause) {
        // A server that stops short of its Content-Length ends up here too.
        throw new HamsterError(codes.truncated, `${url} broke off after ${done} bytes: ${reason(cause)}`, { url, done, total: length });
      }
      if (step.done) break;
      if (done === 0 && looksLikeHTML(step.value)) throw new HamsterError(codes.html, `${url} is a web page`, { url });
      done += step.value.length;
      onBytes(length ? Math.round(done / length * wire) : done, wire);
      yield step.value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
  if (done === 0 || (length && done !== length)) {
    throw new HamsterError(codes.truncated, `${url} has ${done} of ${length} bytes`, { url, done, total: length });
  }
}

/** @param {Uint8Array} bytes */
function looksLikeHTML(bytes) {
  return /^\uFEFF?\s*<(!doctype|html|head|body|script)/i.test(new TextDecoder().decode(bytes.subarray(0, 256)));
}

/** @param {string | null} header */
function natural(header) {
  return header && /^\d+$/.test(header) ? Number(header) : 0;
}

/** @param {unknown} cause */
function reason(cause) {
  return cause instanceof Error ? cause.message : String(cause);
}
