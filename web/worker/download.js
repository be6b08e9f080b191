/**
 * Fetches files and tells how far it is. The commonest fault of pages like this
 * is HTML where a binary file should be, so that is looked for first and the
 * address named. A server that falls silent is left, before its answer and within it.
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
 * @typedef {{ url: string, response: Response, length: number, wire: number, codes: Codes, onBytes: OnBytes, watch: Watch }} Download
 */

/** A connection that is silent for so long, in milliseconds, is dead. */
export const silence = 15_000;

/** A failure that may pass: trying again may help. */
export class Passing extends HamsterError {}

/** Ends a request when nothing came for a while, and when its signal says so. */
class Watch {
  #controller = new AbortController(); // AbortSignal.any is too new
  #limit;
  #signal;
  #stop = () => this.#controller.abort(this.#signal?.reason);

  /**
   * @param {number} limit in milliseconds
   * @param {AbortSignal | null | undefined} signal
   */
  constructor(limit, signal) {
    this.#limit = limit;
    this.#signal = signal;
    if (signal?.aborted) this.#stop();
    signal?.addEventListener('abort', this.#stop, { once: true });
  }

  get signal() {
    return this.#controller.signal;
  }

  /**
   * What comes next, or the reason why it is not waited for any more.
   *
   * @template T
   * @param {Promise<T>} next
   * @param {() => HamsterError} stalled
   * @param {(cause: unknown) => HamsterError} failed
   */
  async over(next, stalled, failed) {
    const timer = setTimeout(() => this.#controller.abort(stalled()), this.#limit);
    try {
      return await next;
    } catch (cause) {
      throw this.signal.aborted ? this.signal.reason : failed(cause);
    } finally {
      clearTimeout(timer);
    }
  }

  end() {
    this.#signal?.removeEventListener('abort', this.#stop);
  }
}

/**
 * Asks for a file and checks the answer's head.
 *
 * @param {string} url
 * @param {{ codes: Codes, onBytes: OnBytes, maxBytes: number, init?: RequestInit, stall?: number }} options
 *   `stall`: for how many milliseconds a server may be silent
 * @returns {Promise<Download>}
 */
export async function open(url, { codes, onBytes, maxBytes, init = {}, stall = silence }) {
  const watch = new Watch(stall, init.signal);
  const response = await watch.over(
    fetch(url, { ...init, signal: watch.signal }),
    () => new Passing(codes.unreachable, `${url} does not answer`, { url }),
    (cause) => new Passing(codes.unreachable, `${url} cannot be reached: ${reason(cause)}`, { url }),
  );
  const refuse = (/** @type {ErrorCode} */ code, /** @type {string} */ why, details = {}, Kind = HamsterError) => {
    response.body?.cancel().catch(() => {});
    watch.end();
    return new Kind(code, `${url} ${why}`, { url, ...details });
  };
  const { status, headers } = response;
  if (status === 404 || status === 410) throw refuse(codes.missing, 'is not there', { status });
  if (!response.ok) throw refuse(codes.unreachable, `answers with status ${status}`, { status }, mayPass(status) ? Passing : HamsterError);
  if (/^\s*(text\/html|application\/xhtml)/i.test(headers.get('Content-Type') ?? '')) {
    throw refuse(codes.html, 'is a web page');
  }
  // Content-Length counts compressed bytes, a stream gives plain ones.
  const wire = natural(headers.get('Content-Length'));
  const length = headers.get('Content-Encoding') ? natural(headers.get('X-Uncompressed-Length')) : wire;
  if (length > maxBytes) throw refuse(codes.tooLarge, `has ${length} bytes`, { total: length });
  onBytes(0, wire);
  return { url, response, length, wire, codes, onBytes, watch };
}

/** Whether a server may answer otherwise a little later. @param {number} status */
const mayPass = (status) => status >= 500 || [408, 425, 429].includes(status);

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
 * @param {(error: unknown) => void} [onfailure] not every reader of a stream passes on what it failed with
 * @returns {Response}
 */
export function asResponse(download, contentType, onfailure = () => {}) {
  const source = chunks(download);
  const body = new ReadableStream({
    async pull(controller) {
      try {
        const { value, done } = await source.next();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        onfailure(error);
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
export async function* chunks({ url, response, length, wire, codes, onBytes, watch }) {
  const short = (/** @type {string} */ why) => new Passing(codes.truncated, `${url} ${why}`, { url, done, total: length });
  let done = 0;
  if (!response.body) throw short('is empty');
  const reader = response.body.getReader();
  try {
    for (;;) {
      const step = await watch.over(
        reader.read(),
        () => short(`stalls after ${done} bytes`),
        // A server that stops short of its Content-Length ends up here too.
        (cause) => short(`broke off after ${done} bytes: ${reason(cause)}`),
      );
      if (step.done) break;
      if (done === 0 && looksLikeHTML(step.value)) throw new HamsterError(codes.html, `${url} is a web page`, { url });
      done += step.value.length;
      onBytes(length ? Math.round(done / length * wire) : done, wire);
      yield step.value;
    }
  } finally {
    watch.end();
    reader.cancel().catch(() => {});
  }
  if (done === 0 || (length && done !== length)) throw short(`has ${done} of ${length} bytes`);
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
