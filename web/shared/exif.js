/**
 * What a file says of how its camera was held (EXIF), and the file without that.
 * A browser turns every picture upright by EXIF and cannot be asked not to
 * (`imageOrientation: 'none'` means the same as 'from-image'); Keras and PIL do
 * not turn it, and mode `keras` sees what they see.
 */

import { FileWindow, starts, text } from './bytes.js';

/**
 * An EXIF block: what lies from `from` to `to` is replaced by `instead`, and no
 * decoder finds it any more. Its TIFF header begins at `tiff`.
 *
 * @typedef {{ from: number, to: number, instead: string, tiff: number }} Block
 */

/**
 * A file whose picture comes out as it is stored. It shares the file's bytes;
 * nothing is copied.
 *
 * @param {Blob} file
 * @param {string} format as imageheader.js names it
 * @returns {Promise<Blob>}
 */
export async function asStored(file, format) {
  const blocks = await blocksOf(file, format);
  if (blocks.length === 0) return file;
  /** @type {(Blob | string)[]} */
  const parts = [];
  let done = 0;
  for (const { from, to, instead } of blocks) {
    parts.push(file.slice(done, from), instead);
    done = to;
  }
  parts.push(file.slice(done));
  return new Blob(parts, { type: file.type });
}

/** The tag of TIFF 6.0, section 8, that tells how a picture is turned. */
const orientationTag = 0x0112;

/**
 * How a browser turns a file's picture before it shows it: 1 to 8, as EXIF 2.32
 * (CIPA DC-008, 4.6.4) numbers them; 1 is as it is stored.
 *
 * @param {Blob} file
 * @param {string} format as imageheader.js names it
 * @returns {Promise<number>}
 */
export async function orientationOf(file, format) {
  if (format === 'WebP') return 1; // browsers turn none
  const [block] = await blocksOf(file, format);
  if (!block) return 1;
  const view = new DataView(await file.slice(block.tiff, block.tiff + 64 * 1024).arrayBuffer());
  const order = text(view, 0, 2);
  if (view.byteLength < 8 || (order !== 'II' && order !== 'MM')) return 1;
  const isLittle = order === 'II';
  const directory = view.getUint32(4, isLittle);
  if (directory + 2 > view.byteLength) return 1;
  const end = Math.min(directory + 2 + 12 * view.getUint16(directory, isLittle), view.byteLength - 11);
  for (let at = directory + 2; at < end; at += 12) {
    if (view.getUint16(at, isLittle) !== orientationTag) continue;
    const orientation = view.getUint16(at + 8, isLittle);
    return orientation >= 1 && orientation <= 8 ? orientation : 1;
  }
  return 1;
}

/**
 * The blocks of a file in order, none within another.
 *
 * @param {Blob} file
 * @param {string} format
 * @returns {Promise<Block[]>}
 */
async function blocksOf(file, format) {
  switch (format) {
    case 'JPEG': return jpeg(file);
    case 'PNG': return png(file);
    case 'WebP': return webp(file);
  }
  return []; // no EXIF, or a format whose own boxes say how it is turned
}

/**
 * Each EXIF segment gets a name that no decoder knows.
 *
 * @param {Blob} file
 */
async function jpeg(file) {
  const window = new FileWindow(file);
  /** @type {Block[]} */
  const blocks = [];
  let at = 2;
  for (;;) {
    const view = await window.view(at, 10);
    if (!starts(view, 0xff) || view.byteLength < 4) break;
    const marker = view.getUint8(1);
    if (marker === 0xff) { // a fill byte
      at += 1;
      continue;
    }
    if (marker === 0xd9 || marker === 0xda) break; // the end, or the pixels
    if (marker === 0xe1 && text(view, 4, 6) === 'Exif\0\0') blocks.push({ from: at + 4, to: at + 8, instead: 'None', tiff: at + 10 });
    at += 2 + view.getUint16(2);
  }
  return blocks;
}

/**
 * Each eXIf chunk is left out; a new name would need a new checksum.
 *
 * @param {Blob} file
 */
async function png(file) {
  const window = new FileWindow(file);
  /** @type {Block[]} */
  const blocks = [];
  for (let at = 8; ;) {
    const view = await window.view(at, 8);
    if (view.byteLength < 8) break;
    const end = at + 12 + view.getUint32(0);
    if (text(view, 4, 4) === 'eXIf') blocks.push({ from: at, to: end, instead: '', tiff: at + 8 });
    at = end;
  }
  return blocks;
}

/**
 * Each EXIF chunk gets a name that no decoder knows.
 *
 * @param {Blob} file
 */
async function webp(file) {
  const window = new FileWindow(file);
  /** @type {Block[]} */
  const blocks = [];
  for (let at = 12; ;) {
    const view = await window.view(at, 8);
    if (view.byteLength < 8) break;
    if (text(view, 0, 4) === 'EXIF') blocks.push({ from: at, to: at + 4, instead: 'NONE', tiff: at + 8 });
    const length = view.getUint32(4, true);
    at += 8 + length + length % 2;
  }
  return blocks;
}
