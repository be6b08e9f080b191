/**
 * Reads what kind of picture a file is, and how large, from its first bytes:
 * a decoder would take the memory before it told us the size.
 */

import { FileWindow, read, starts, text } from './bytes.js';
import { HamsterError } from './errors.js';
import { checkPictureSize } from './limits.js';

/**
 * `width` and `height` are 0 where the format hides them from a quick look.
 *
 * @typedef {{ format: string, width: number, height: number }} ImageHeader
 */

/** Formats that every browser opens, so that failing means a damaged file. */
const everywhere = new Set(['PNG', 'JPEG', 'GIF', 'WebP', 'BMP']);

/** Room for the boxes of an AVIF; other formats need less. */
const firstBytes = 64 * 1024;

/** A JPEG's size comes after its metadata; more segments than this are no photo's. */
const maxSegments = 1000;

/**
 * Finds out what a file is and refuses what cannot be decoded.
 *
 * @param {Blob} file
 * @returns {Promise<ImageHeader>}
 */
export async function inspectImage(file) {
  if (file.size === 0) {
    await read(file); // Chromium gives a file that is gone no size
    throw new HamsterError('image-empty', 'the file has no bytes');
  }
  const header = await readHeader(file);
  if (!header) {
    throw new HamsterError('image-not', 'the first bytes are those of no image format', { format: await otherKind(file) });
  }
  checkPictureSize(header.width, header.height);
  return header;
}

/**
 * The error for a picture whose header is good but which did not decode.
 *
 * @param {ImageHeader} header
 * @param {unknown} cause
 */
export function undecodable({ format }, cause) {
  const why = cause instanceof Error ? cause.message : String(cause);
  return everywhere.has(format)
    ? new HamsterError('image-damaged', `${format} does not decode: ${why}`, { format })
    : new HamsterError('image-unsupported', `this browser does not open ${format}: ${why}`, { format });
}

/**
 * @param {Blob} file
 * @returns {Promise<ImageHeader | null>} null where it is no image
 */
export async function readHeader(file) {
  const window = new FileWindow(file);
  const view = await window.view(0, firstBytes);
  if (starts(view, 0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)) return png(view);
  if (starts(view, 0xff, 0xd8, 0xff)) return jpeg(window);
  if (text(view, 0, 6) === 'GIF87a' || text(view, 0, 6) === 'GIF89a') return gif(view);
  if (text(view, 0, 4) === 'RIFF' && text(view, 8, 4) === 'WEBP') return webp(view);
  if (text(view, 0, 2) === 'BM') return bmp(view);
  if (text(view, 4, 4) === 'ftyp') return isoMedia(view);
  if (starts(view, 0x49, 0x49, 0x2a, 0x00) || starts(view, 0x4d, 0x4d, 0x00, 0x2a)) return unmeasured('TIFF');
  if (starts(view, 0x00, 0x00, 0x01, 0x00)) return unmeasured('ICO');
  if (starts(view, 0xff, 0x0a) || text(view, 4, 4) === 'JXL ') return unmeasured('JPEG XL');
  return null;
}

/**
 * What a file is that people take for a photo: the sentence is a better one then.
 *
 * @param {Blob} file
 * @returns {Promise<string>} empty where nothing is recognised
 */
async function otherKind(file) {
  const view = await new FileWindow(file).view(0, 1024);
  if (text(view, 0, 5) === '%PDF-') return 'PDF';
  if (text(view, 4, 4) === 'ftyp' || text(view, 8, 4) === 'AVI ' || starts(view, 0x1a, 0x45, 0xdf, 0xa3)) return 'video';
  if (/^\uFEFF?\s*<(svg|\?xml|!DOCTYPE svg|!--)/i.test(text(view, 0, view.byteLength)) && /<svg|DOCTYPE svg/i.test(text(view, 0, view.byteLength))) return 'SVG';
  return '';
}

/** @param {string} format */
const unmeasured = (format) => ({ format, width: 0, height: 0 });

/**
 * @param {DataView} view
 * @returns {ImageHeader}
 */
function png(view) {
  if (view.byteLength < 24 || text(view, 12, 4) !== 'IHDR') return unmeasured('PNG');
  return { format: 'PNG', width: view.getUint32(16), height: view.getUint32(20) };
}

/**
 * Walks the segments up to the one with the size. EXIF, thumbnails and colour
 * profiles come first and may be long.
 *
 * @param {FileWindow} window
 * @returns {Promise<ImageHeader>}
 */
async function jpeg(window) {
  let at = 2;
  for (let segment = 0; segment < maxSegments; segment++) {
    const view = await window.view(at, 9);
    if (view.byteLength < 4 || view.getUint8(0) !== 0xff) break;
    const marker = view.getUint8(1);
    if (marker === 0xff) { // a fill byte
      at += 1;
      continue;
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame && view.byteLength === 9) {
      return { format: 'JPEG', width: view.getUint16(7), height: view.getUint16(5) };
    }
    if (marker === 0xd9 || marker === 0xda) break; // the end, or pixels before any size
    at += 2 + view.getUint16(2);
  }
  return unmeasured('JPEG');
}

/**
 * @param {DataView} view
 * @returns {ImageHeader}
 */
function gif(view) {
  if (view.byteLength < 10) return unmeasured('GIF');
  return { format: 'GIF', width: view.getUint16(6, true), height: view.getUint16(8, true) };
}

/**
 * @param {DataView} view
 * @returns {ImageHeader}
 */
function webp(view) {
  if (view.byteLength < 30) return unmeasured('WebP');
  const uint24 = (/** @type {number} */ at) => view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
  switch (text(view, 12, 4)) {
    case 'VP8 ':
      return { format: 'WebP', width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
    case 'VP8L': {
      const bits = view.getUint32(21, true);
      return { format: 'WebP', width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    case 'VP8X':
      return { format: 'WebP', width: uint24(24) + 1, height: uint24(27) + 1 };
  }
  return unmeasured('WebP');
}

/**
 * @param {DataView} view
 * @returns {ImageHeader}
 */
function bmp(view) {
  if (view.byteLength < 26) return unmeasured('BMP');
  if (view.getUint32(14, true) === 12) { // the header of OS/2
    return { format: 'BMP', width: view.getUint16(18, true), height: view.getUint16(20, true) };
  }
  // A negative height means rows from the top.
  return { format: 'BMP', width: Math.abs(view.getInt32(18, true)), height: Math.abs(view.getInt32(22, true)) };
}

/**
 * AVIF and HEIC are boxes within boxes; each picture or tile in them has an
 * `ispe` box with its size. The largest one is the size of the whole.
 *
 * @param {DataView} view
 * @returns {ImageHeader | null}
 */
function isoMedia(view) {
  const brand = text(view, 8, 4);
  const format = brand === 'avif' || brand === 'avis' ? 'AVIF' : /^(hei|hev|mif1|msf1)/.test(brand) ? 'HEIC' : null;
  if (!format) return null; // a film
  const header = unmeasured(format);
  for (let at = 12; at + 16 <= view.byteLength; at++) {
    if (view.getUint32(at) !== 0x69737065) continue; // 'ispe'
    header.width = Math.max(header.width, view.getUint32(at + 8));
    header.height = Math.max(header.height, view.getUint32(at + 12));
  }
  return header;
}
