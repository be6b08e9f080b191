/**
 * What a call of the library may ask for, and how one is given up: the same in a
 * browser (web/library) and in Node.js (tools/package/node).
 */

import { HamsterError } from './errors.js';
import { checkPictureSize } from './limits.js';

/**
 * Pixels as a canvas gives them; an ImageData is one.
 * @typedef {{ width: number, height: number, data: Uint8ClampedArray | Uint8Array }} PixelSource
 */

const modes = ['', 'keras', 'quality'];

/**
 * @param {boolean} valid
 * @param {string} rule
 */
export function check(valid, rule) {
  if (!valid) throw new HamsterError('option-invalid', rule);
}

/** @param {number} top */
export function checkTop(top) {
  check(Number.isInteger(top) && top >= 0, 'top is a whole number, 0 for all');
}

/** @param {string} mode */
export function checkMode(mode) {
  check(modes.includes(mode), 'mode is keras or quality');
}

/**
 * @param {any} source
 * @returns {source is PixelSource}
 */
export function arePixels(source) {
  return typeof source === 'object' && source !== null && 'width' in source && 'height' in source
    && (source.data instanceof Uint8ClampedArray || source.data instanceof Uint8Array);
}

/** @param {PixelSource} source */
export function checkPixels({ width, height, data }) {
  if (!Number.isInteger(width) || !Number.isInteger(height) || width <= 0 || height <= 0 || data.length !== 4 * width * height) {
    throw new HamsterError('source-invalid', `${data.length} bytes are not ${width}×${height} pixels of red, green, blue and alpha`);
  }
  checkPictureSize(width, height);
}

export const closed = () => new HamsterError('closed', 'the classifier was closed');

/**
 * The promise, or the signal's reason if that comes first.
 *
 * @template T
 * @param {Promise<T>} promise
 * @param {AbortSignal} [signal]
 * @returns {Promise<T>}
 */
export async function until(promise, signal) {
  if (!signal) return promise;
  let stop = () => {};
  try {
    return await Promise.race([promise, new Promise((_, reject) => {
      const abort = () => reject(signal.reason);
      stop = () => signal.removeEventListener('abort', abort);
      if (signal.aborted) abort();
      signal.addEventListener('abort', abort, { once: true });
    })]);
  } finally {
    stop();
  }
}
