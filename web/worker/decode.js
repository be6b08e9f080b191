import { exactly, openBitmap } from '../shared/bitmap.js';

/** @import { Mode, Pixels } from '../shared/protocol.js' */

/**
 * A decoded picture, read some rows at a time: a canvas of the whole would
 * double the memory, and browsers limit its size.
 *
 * @typedef {{ width: number, height: number, rows: (y: number, count: number) => Uint8ClampedArray, close: () => void }} Picture
 */

/** Whether this browser decodes pictures in a worker. */
export const decodes = typeof OffscreenCanvas === 'function' && typeof createImageBitmap === 'function'
  && new OffscreenCanvas(1, 1).getContext('2d') !== null;

/**
 * Decodes a file; web/shared/bitmap.js says into what.
 *
 * @param {Blob} file
 * @param {Mode} mode
 * @returns {Promise<Picture>}
 */
export async function decode(file, mode) {
  return drawn(await openBitmap(file, mode));
}

/**
 * A picture that is decoded but not in memory that we can read: a bitmap, or a
 * frame of a video.
 *
 * @param {ImageBitmap | VideoFrame} bitmap
 * @returns {Picture}
 */
export function drawn(bitmap) {
  const [width, height] = 'displayWidth' in bitmap ? [bitmap.displayWidth, bitmap.displayHeight] : [bitmap.width, bitmap.height];
  /** @type {OffscreenCanvasRenderingContext2D | null} */
  let strip = null;
  return {
    width,
    height,
    rows(y, count) {
      if (!strip || strip.canvas.height < count) {
        strip = exactly(new OffscreenCanvas(width, count).getContext('2d', { willReadFrequently: true }));
      }
      strip.drawImage(bitmap, 0, y, width, count, 0, 0, width, count);
      return strip.getImageData(0, 0, width, count).data;
    },
    close: () => bitmap.close(),
  };
}

/**
 * A picture that the page has decoded.
 *
 * @param {Pixels} pixels
 * @returns {Picture}
 */
export function decoded({ width, height, data }) {
  const all = new Uint8ClampedArray(data);
  return {
    width,
    height,
    rows: (y, count) => all.subarray(4 * width * y, 4 * width * (y + count)),
    close: () => {},
  };
}
