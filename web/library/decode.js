/**
 * Decodes on the main thread, for browsers whose workers cannot (no
 * OffscreenCanvas: Safari before 16.4).
 */

import { exactly, openBitmap } from '../shared/bitmap.js';

/** @import { Mode, Pixels } from '../shared/protocol.js' */

/** Pixels read at once: few enough that the page can answer in between. */
const pixelsAtOnce = 1 << 20;

/**
 * Decodes a file; web/shared/bitmap.js says into what. What is decoded already
 * is read, and closed.
 *
 * @param {Blob | ImageBitmap | VideoFrame} image
 * @param {Mode} mode
 * @returns {Promise<Pixels>}
 */
export async function decode(image, mode) {
  const begun = performance.now();
  const bitmap = image instanceof Blob ? await openBitmap(image, mode) : image;
  try {
    const [width, height] = 'displayWidth' in bitmap ? [bitmap.displayWidth, bitmap.displayHeight] : [bitmap.width, bitmap.height];
    const step = Math.max(1, Math.floor(pixelsAtOnce / width));
    const canvas = document.createElement('canvas');
    canvas.width = width;
    canvas.height = Math.min(step, height);
    const strip = exactly(canvas.getContext('2d', { willReadFrequently: true }));
    const all = new Uint8ClampedArray(4 * width * height);
    for (let y = 0; y < height; y += step) {
      const count = Math.min(step, height - y);
      strip.drawImage(bitmap, 0, y, width, count, 0, 0, width, count);
      all.set(strip.getImageData(0, 0, width, count).data, 4 * width * y);
      await new Promise((resolve) => setTimeout(resolve));
    }
    return { width, height, data: all.buffer, decode: performance.now() - begun };
  } finally {
    bitmap.close();
  }
}
