/**
 * Reads pictures through a VideoFrame: it gives the pixels as they lie in memory, where
 * a canvas paints them first and then copies them twice.
 */

import { HamsterError } from '../shared/errors.js';

/** How long a copy may take, in milliseconds; where the GPU's process is lost, it never ends. */
const patience = 10_000;

/** @type {Promise<boolean> | null} */
let working = null;

/** Whether frames of this browser give the rows that are asked for. It is found out once. */
export function framesWork() {
  working ??= probe().catch(() => false);
  return working;
}

/**
 * Reads some of a tiny picture's rows, as those of photos are read.
 *
 * @returns {Promise<boolean>}
 */
async function probe() {
  if (typeof VideoFrame !== 'function') return false;
  const [width, height, from, count] = [5, 4, 1, 2];
  const bitmap = await createImageBitmap(bmp(width, height), { colorSpaceConversion: 'none', premultiplyAlpha: 'none' });
  const frame = opaque(bitmap);
  try {
    if (!frame) return false;
    const got = new Uint8Array(4 * width * count);
    await copyRows(frame, from, count, got);
    if (isBGR(frame)) swap(got);
    return got.every((byte, i) => i % 4 === 3 || byte === sample(from * width + (i >> 2), i % 4));
  } finally {
    frame?.close();
    bitmap.close();
  }
}

/**
 * Channel 0 to 2, red, green or blue, of one of the tiny picture's pixels; no two are alike.
 *
 * @param {number} pixel
 * @param {number} channel
 */
function sample(pixel, channel) {
  return (37 * (3 * pixel + channel) + 11) % 256;
}

/**
 * The tiny picture in the plainest format that there is: three bytes a pixel, blue
 * first, and rows from the bottom up, each filled up to whole words.
 *
 * @param {number} width
 * @param {number} height
 */
function bmp(width, height) {
  const head = 54;
  const line = (3 * width + 3) & ~3;
  const file = new DataView(new ArrayBuffer(head + line * height));
  file.setUint16(0, 0x424d); // BM
  file.setUint32(2, file.byteLength, true);
  file.setUint32(10, head, true);
  file.setUint32(14, 40, true); // the rest of the head
  file.setInt32(18, width, true);
  file.setInt32(22, height, true);
  file.setUint16(26, 1, true); // planes
  file.setUint16(28, 24, true); // bits
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++) file.setUint8(head + line * (height - 1 - y) + 3 * x + 2 - c, sample(y * width + x, c));
    }
  }
  return new Blob([file]);
}

/**
 * A frame of a bitmap; null where it might give other pixels than a canvas: with
 * alpha, which is multiplied in, in a format or a space that needs conversion, or turned by
 * EXIF, of which a frame copies what is stored.
 *
 * @param {ImageBitmap} bitmap
 * @returns {VideoFrame | null}
 */
function opaque(bitmap) {
  let frame;
  try {
    frame = new VideoFrame(bitmap, { timestamp: 0 });
  } catch {
    return null;
  }
  const { format, colorSpace, codedWidth, codedHeight } = frame;
  // Where they are missing, nobody knows how the frame is turned.
  const { rotation, flip } = /** @type {{ rotation?: number, flip?: boolean }} */ (frame);
  if ((format === 'RGBX' || format === 'BGRX') && colorSpace.primaries === 'bt709' && colorSpace.transfer === 'iec61966-2-1'
    && codedWidth === bitmap.width && codedHeight === bitmap.height && rotation === 0 && flip === false) return frame;
  frame.close();
  return null;
}

/** @param {VideoFrame} frame */
const isBGR = (frame) => frame.format === 'BGRX';

/**
 * Without a format of its own: to convert to RGBA takes thrice the time. What is late may
 * still be written some day, over whatever the memory is used for then.
 *
 * @param {VideoFrame} frame
 * @param {number} y
 * @param {number} count
 * @param {Uint8Array} into
 */
async function copyRows(frame, y, count, into) {
  const width = frame.codedWidth;
  const options = { rect: { x: 0, y, width, height: count }, layout: [{ offset: 0, stride: 4 * width }] };
  await new Promise((resolve, reject) => {
    const late = () => reject(new HamsterError('engine-stopped', `the browser does not end to copy ${count} rows of a picture`));
    const timer = setTimeout(late, patience);
    frame.copyTo(into, options).then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/**
 * Swaps red and blue.
 *
 * @param {Uint8Array} pixels
 */
function swap(pixels) {
  for (let i = 0; i < pixels.length; i += 4) {
    const first = pixels[i];
    pixels[i] = pixels[i + 2];
    pixels[i + 2] = first;
  }
}

/**
 * Rows of a bitmap, with bytes that mean nothing in the place of alpha: in one order for the
 * whole picture, which `read` promises to tell. What frames cannot do is done by `paint`,
 * but nothing more after a copy that does not end.
 *
 * @param {ImageBitmap} bitmap
 * @param {(y: number, count: number, into: Uint8Array) => void} paint writes RGBA
 * @returns {{ read: (y: number, count: number, into: Uint8Array) => Promise<{ bgr: boolean }>, close: () => void }}
 */
export function framed(bitmap, paint) {
  /** @type {VideoFrame | null | undefined} */
  let frame;
  let bgr = false;
  return {
    async read(y, count, into) {
      if (frame === undefined) frame = await framesWork() ? opaque(bitmap) : null;
      if (frame) {
        try {
          await copyRows(frame, y, count, into);
          bgr = isBGR(frame);
          return { bgr };
        } catch (error) {
          if (error instanceof HamsterError) throw error;
          working = Promise.resolve(false);
          frame.close();
          frame = null;
        }
      }
      paint(y, count, into);
      if (bgr) swap(into); // as the rows before
      return { bgr };
    },
    close: () => frame?.close(),
  };
}
