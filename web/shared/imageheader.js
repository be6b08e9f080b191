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

/** What the formats that need no walk hold their size in. */
const firstBytes = 64;

/** A JPEG's size comes after its metadata; more segments than this are no photo's. */
const maxSegments = 1000;

/** As many properties as a picture of boxes can name, and some. */
const maxBoxes = 40_000;

/** No size lies deeper. */
const maxDepth = 8;

/** An icon has some sizes, and Chromium decodes none beyond what its directory says. */
const maxIcons = 100;

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
  if (text(view, 4, 4) === 'ftyp') return isoMedia(window, file.size);
  if (starts(view, 0x49, 0x49, 0x2a, 0x00) || starts(view, 0x4d, 0x4d, 0x00, 0x2a)) return unmeasured('TIFF');
  if (starts(view, 0x00, 0x00, 0x01, 0x00)) return ico(window);
  if (starts(view, 0xff, 0x0a) || text(view, 4, 4) === 'JXL ') return jpegXL(window, file.size);
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
 * An icon is several pictures, and the largest one is measured, by its own
 * header: the directory's has room for 256 pixels.
 *
 * @param {FileWindow} window
 * @returns {Promise<ImageHeader>}
 */
async function ico(window) {
  const header = unmeasured('ICO');
  const directory = await window.view(0, 6);
  const count = directory.byteLength < 6 ? 0 : Math.min(directory.getUint16(4, true), maxIcons);
  for (let i = 0; i < count; i++) {
    const entry = await window.view(6 + 16 * i, 16);
    if (entry.byteLength < 16) break;
    enlarge(header, entry.getUint8(0) || 256, entry.getUint8(1) || 256);
    const inner = await window.view(entry.getUint32(12, true), 24);
    if (inner.byteLength < 24) continue;
    if (text(inner, 12, 4) === 'IHDR') enlarge(header, inner.getUint32(16), inner.getUint32(20));
    // The rows of a mask count as rows of the bitmap.
    else enlarge(header, Math.abs(inner.getInt32(4, true)), Math.abs(inner.getInt32(8, true)) / 2);
  }
  return header;
}

/**
 * @param {ImageHeader} header
 * @param {number} width
 * @param {number} height
 */
function enlarge(header, width, height) {
  header.width = Math.max(header.width, width);
  header.height = Math.max(header.height, height);
}

/**
 * AVIF and HEIC are boxes within boxes (ISO/IEC 14496-12), in any order; each
 * picture or tile has an `ispe` box with its size, each film an `av01` box. The
 * largest one is the size of the whole.
 *
 * @param {FileWindow} window
 * @param {number} size of the file
 * @returns {Promise<ImageHeader | null>}
 */
async function isoMedia(window, size) {
  const brand = text(await window.view(8, 4), 0, 4);
  const format = brand === 'avif' || brand === 'avis' ? 'AVIF' : /^(hei|hev|mif1|msf1)/.test(brand) ? 'HEIC' : null;
  if (!format) return null; // a film
  const header = unmeasured(format);
  await measure(window, 0, size, header);
  return header;
}

/** Boxes that hold boxes, and what comes before these. @type {Record<string, number>} */
const holders = { meta: 4, iprp: 0, ipco: 0, moov: 0, trak: 0, mdia: 0, minf: 0, stbl: 0, stsd: 8 };

/**
 * @param {FileWindow} window
 * @param {number} from
 * @param {number} to
 * @param {ImageHeader} header takes the largest size
 * @param {number} [depth]
 */
async function measure(window, from, to, header, depth = 0) {
  for await (const box of boxes(window, from, to)) {
    if (box.type === 'ispe') {
      const view = await window.view(box.from, 12);
      if (view.byteLength === 12) enlarge(header, view.getUint32(4), view.getUint32(8));
    } else if (box.type === 'av01') {
      const view = await window.view(box.from, 28);
      if (view.byteLength === 28) enlarge(header, view.getUint16(24), view.getUint16(26));
    } else if (box.type in holders && depth < maxDepth) {
      await measure(window, box.from + holders[box.type], box.to, header, depth + 1);
    }
  }
}

/**
 * @param {FileWindow} window
 * @param {number} at
 * @param {number} end
 */
async function* boxes(window, at, end) {
  for (let count = 0; count < maxBoxes; count++) {
    const view = await window.view(at, 16);
    if (view.byteLength < 8) return;
    let size = view.getUint32(0) || end - at; // 0: all that is left
    let head = 8;
    if (size === 1 && view.byteLength === 16) { // too large for 32 bits
      size = view.getUint32(8) * 2 ** 32 + view.getUint32(12);
      head = 16;
    }
    if (size < head || at + head > end) return;
    yield { type: text(view, 4, 4), from: at + head, to: Math.min(at + size, end) };
    at += size;
  }
}

/** By the number that stands for them: how wide a picture of JPEG XL is, by its height. */
const ratios = [0, 1, 12 / 10, 4 / 3, 3 / 2, 16 / 9, 5 / 4, 2];

/**
 * The size is in the first bits (ISO/IEC 18181-1), the lowest of each byte first;
 * in a file of boxes, those of the first box with pixels.
 *
 * @param {FileWindow} window
 * @param {number} size of the file
 * @returns {Promise<ImageHeader>}
 */
async function jpegXL(window, size) {
  let at = 0;
  if (starts(await window.view(0, 2), 0, 0)) {
    for await (const { type, from } of boxes(window, 0, size)) {
      if (type !== 'jxlc' && type !== 'jxlp') continue;
      at = type === 'jxlp' ? from + 4 : from;
      break;
    }
  }
  const view = await window.view(at, 16);
  if (view.byteLength < 2 + 9 || !starts(view, 0xff, 0x0a)) return unmeasured('JPEG XL');
  let bit = 16;
  const bits = (/** @type {number} */ count) => {
    let value = 0;
    for (let i = 0; i < count; i++, bit++) value += ((view.getUint8(bit >> 3) >> (bit & 7)) & 1) * 2 ** i;
    return value;
  };
  const isSmall = bits(1) === 1;
  const side = () => 1 + bits([9, 13, 18, 30][bits(2)]);
  const eighths = () => 8 * (1 + bits(5));
  const height = isSmall ? eighths() : side();
  const ratio = ratios[bits(3)];
  const width = ratio ? Math.floor(height * ratio) : isSmall ? eighths() : side();
  return { format: 'JPEG XL', width, height };
}
