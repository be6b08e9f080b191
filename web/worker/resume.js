/**
 * Fetches one file of a known size, whatever it takes: what broke off goes on
 * where it ended, what stalls is asked for again, and what a server refuses
 * for now is tried a little later.
 */

import { HamsterError } from '../shared/errors.js';
import { chunks, open, Passing } from './download.js';
import { persistently } from './retry.js';

/** @import { Codes, OnBytes } from './download.js' */

/** So many new bytes are progress, and the attempts are counted anew. */
const enough = 1 << 16;

/**
 * @param {string} url
 * @param {{ size: number, codes: Codes, onBytes: OnBytes, signal: AbortSignal, cache?: RequestCache,
 *   pause?: number, stall?: number }} options
 *   `size` in plain bytes; `pause` and `stall` are for tests
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function fetchWhole(url, { size, codes, onBytes, signal, cache = 'default', pause, stall }) {
  const bytes = new Uint8Array(size);
  let done = 0;
  let begun = 0;
  let ranges = true;
  await persistently(attempt, { signal, pause, progressed: () => done - begun >= enough });
  return bytes;

  async function attempt() {
    begun = done;
    const from = ranges ? done : 0;
    signal.throwIfAborted();
    /** @type {RequestInit} */
    const init = { signal, cache };
    if (from > 0) Object.assign(init, { headers: { Range: `bytes=${from}-` }, cache: 'no-store' });
    let download;
    try {
      download = await open(url, { codes, onBytes: () => {}, maxBytes: size, init, stall });
    } catch (thrown) {
      if (!(thrown instanceof HamsterError) || thrown.details.status !== 416) throw thrown;
      ranges = false; // the next attempt asks for the whole
      throw new Passing(thrown.code, thrown.message, thrown.details);
    }
    const { response } = download;
    const short = (/** @type {string} */ why) => new Passing(codes.truncated, `${url} ${why}`, { url, done, total: size });
    if (from > 0 && !goesOn(response, from, size)) {
      ranges = false; // another beginning, or another file
      if (response.status === 206) {
        await response.body?.cancel();
        throw short(`does not go on at ${from} of ${size} bytes`);
      }
    }
    done = response.status === 206 ? from : 0;
    const wire = download.wire && response.status !== 206 ? download.wire : size;
    for await (const chunk of chunks(download)) {
      if (done + chunk.length > size) {
        throw new HamsterError('model-damaged', `${url} has more than ${size} bytes`, { url, done: done + chunk.length, total: size });
      }
      bytes.set(chunk, done);
      done += chunk.length;
      onBytes(Math.round(done / size * wire), wire);
    }
    if (done < size) throw short(`has ${done} of ${size} bytes`);
  }
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
