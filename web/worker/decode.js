import { exactly, openBitmap } from '../shared/bitmap.js';
import { framed, framesWork } from './frame.js';

/** @import { Mode, Pixels } from '../shared/protocol.js' */

/**
 * A decoded picture, read some rows at a time: a canvas of the whole would
 * double the memory, and browsers limit its size. `read` writes `count` rows from row
 * `y` on as RGBA into `into`, which may be shared memory. Asked for pixels `inAnyOrder`,
 * it may take its time, and write BGR and a byte that means nothing; it then says so,
 * and does it for the whole picture.
 *
 * @typedef {(y: number, count: number, into: Uint8Array, inAnyOrder: boolean) => void | Promise<{ bgr: boolean }>} Read
 * @typedef {{ width: number, height: number, read: Read, close: () => void }} Picture
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
  if (mode !== 'keras') framesWork(); // the answer comes while the photo is decoded
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
  /** @type {(y: number, count: number, into: Uint8Array) => void} */
  const paint = (y, count, into) => {
    if (!strip || strip.canvas.height < count) {
      strip = exactly(new OffscreenCanvas(width, count).getContext('2d', { willReadFrequently: true }));
    }
    strip.drawImage(bitmap, 0, y, width, count, 0, 0, width, count);
    into.set(strip.getImageData(0, 0, width, count).data);
  };
  // The colours of a video have to be converted, which a canvas does.
  const quick = 'displayWidth' in bitmap ? null : framed(bitmap, paint);
  return {
    width,
    height,
    read: (y, count, into, inAnyOrder) => (quick && inAnyOrder ? quick.read : paint)(y, count, into),
    close() {
      quick?.close();
      bitmap.close();
    },
  };
}

/**
 * A picture that the page has decoded.
 *
 * @param {Pixels} pixels
 * @returns {Picture}
 */
export function decoded({ width, height, data }) {
  const all = new Uint8Array(data);
  return {
    width,
    height,
    read(y, count, into) {
      const rows = all.subarray(4 * width * y, 4 * width * (y + count));
      if (rows.length !== into.length) throw new RangeError(`${rows.length} bytes for ${count} rows of ${width} pixels`);
      into.set(rows);
    },
    close: () => {},
  };
}
