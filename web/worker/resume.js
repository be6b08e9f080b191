/**
 * Fetches one file of a known size, whatever it takes: what broke off goes on
 * where it ended, what stalls is asked for again, and what a server refuses
 * for now is tried a little later.
 */

import { HamsterError } from '../shared/errors.js';
import { chunks, open } from './download.js';

/** @import { Codes, OnBytes } from './download.js' */

/** How often in a row nothing comes before it is given up. */
const attempts = 5;

/** The first pause, in milliseconds; each is twice the one before. */
const firstPause = 400;

/** A connection that is silent for so long, in milliseconds, is dead. */
const silence = 15_000;

/** So many new bytes are progress, and the attempts are counted anew. */
const enough = 1 << 16;

/**
 * @param {string} url
 * @param {{ size: number, codes: Codes, onBytes: OnBytes, signal: AbortSignal, cache?: RequestCache,
 *   pause?: number, stall?: number }} options
 *   `size` in plain bytes; `pause` and `stall` are for tests
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function fetchWhole(url, { size, codes, onBytes, signal, cache = 'default', pause = firstPause, stall = silence }) {
  const bytes = new Uint8Array(size);
  let done = 0;
  let ranges = true;
  for (let left = attempts, waiting = pause; ;) {
    const begun = done;
    try {
      done = await attempt();
      return bytes;
    } catch (thrown) {
      signal.throwIfAborted();
      if (!(thrown instanceof HamsterError) || !mayPass(thrown)) throw thrown;
      if (done - begun >= enough) {
        left = attempts;
        waiting = pause;
      }
      if (--left === 0) throw thrown;
    }
    // Many clients that were cut off at once should not come back at once.
    await sleep(waiting * (0.75 + Math.random() / 2), signal);
    waiting *= 2;
  }

  /** @returns {Promise<number>} the size */
  async function attempt() {
    const from = ranges ? done : 0;
    signal.throwIfAborted();
    const watch = new AbortController(); // AbortSignal.any is too new
    const stop = () => watch.abort(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    let timer = setTimeout(() => {});
    const rewind = () => {
      clearTimeout(timer);
      timer = setTimeout(() => watch.abort(stalled(url, done, size, codes)), stall);
    };
    /** @type {RequestInit} */
    const init = { signal: watch.signal, cache };
    if (from > 0) Object.assign(init, { headers: { Range: `bytes=${from}-` }, cache: 'no-store' });
    rewind();
    try {
      const download = await open(url, { codes, onBytes: () => {}, maxBytes: size, init });
      const { response } = download;
      if (from > 0 && !goesOn(response, from, size)) {
        ranges = false; // another beginning, or another file
        if (response.status === 206) {
          await response.body?.cancel();
          throw new HamsterError(codes.truncated, `${url} does not go on at ${from} of ${size} bytes`, { url, done, total: size });
        }
      }
      done = response.status === 206 ? from : 0;
      const wire = download.wire && response.status !== 206 ? download.wire : size;
      for await (const chunk of chunks(download)) {
        rewind();
        if (done + chunk.length > size) {
          throw new HamsterError('model-damaged', `${url} has more than ${size} bytes`, { url, done: done + chunk.length, total: size });
        }
        bytes.set(chunk, done);
        done += chunk.length;
        onBytes(Math.round(done / size * wire), wire);
      }
      if (done < size) throw new HamsterError(codes.truncated, `${url} has ${done} of ${size} bytes`, { url, done, total: size });
      return done;
    } catch (thrown) {
      if (thrown instanceof HamsterError && thrown.details.status === 416) ranges = false;
      throw watch.signal.aborted ? watch.signal.reason : thrown;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    }
  }
}

/**
 * Whether trying again may help.
 *
 * @param {HamsterError} error
 */
function mayPass({ code, details: { status } }) {
  if (status === 416) return true; // the next attempt asks for the whole
  if (status !== undefined) return status >= 500 || [408, 425, 429].includes(status);
  return ['model-unreachable', 'model-truncated'].includes(code);
}

/**
 * Whether an answer begins at a byte of a file of the size.
 *
 * @param {Response} response
 * @param {number} from
 * @param {number} size
 */
function goesOn({ status, headers }, from, size) {
  return status === 206 && !headers.get('Content-Encoding')
    && headers.get('Content-Range')?.trim() === `bytes ${from}-${size - 1}/${size}`;
}

/**
 * @param {string} url
 * @param {number} done
 * @param {number} size
 * @param {Codes} codes
 */
function stalled(url, done, size, codes) {
  return new HamsterError(codes.truncated, `${url} stalls at ${done} of ${size} bytes`, { url, done, total: size });
}

/**
 * @param {number} milliseconds
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
export function sleep(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const abort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    }, milliseconds);
    signal.addEventListener('abort', abort, { once: true });
  });
}
