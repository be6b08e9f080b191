/**
 * A file whose EXIF block no decoder finds, so that the picture comes out as it
 * is stored. A browser turns every picture upright by EXIF and cannot be asked
 * not to (`imageOrientation: 'none'` means the same as 'from-image'); Keras and
 * PIL do not turn it, and mode `keras` sees what they see.
 */

import { FileWindow, starts, text } from './bytes.js';

/**
 * Shares the file's bytes; nothing is copied.
 *
 * @param {Blob} file
 * @param {string} format as imageheader.js names it
 * @returns {Promise<Blob>}
 */
export async function asStored(file, format) {
  switch (format) {
    case 'JPEG': return jpeg(file);
    case 'PNG': return png(file);
    case 'WebP': return webp(file);
  }
  return file; // no EXIF, or a format whose own boxes say how it is turned
}

/**
 * Gives each EXIF segment a name that no decoder knows.
 *
 * @param {Blob} file
 */
async function jpeg(file) {
  const window = new FileWindow(file);
  /** @type {Edit[]} */
  const edits = [];
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
    if (marker === 0xe1 && text(view, 4, 6) === 'Exif\0\0') edits.push({ from: at + 4, to: at + 8, content: 'None' });
    at += 2 + view.getUint16(2);
  }
  return edited(file, edits);
}

/**
 * Leaves each eXIf chunk out; a new name would need a new checksum.
 *
 * @param {Blob} file
 */
async function png(file) {
  const window = new FileWindow(file);
  /** @type {Edit[]} */
  const edits = [];
  for (let at = 8; ;) {
    const view = await window.view(at, 8);
    if (view.byteLength < 8) break;
    const end = at + 12 + view.getUint32(0);
    if (text(view, 4, 4) === 'eXIf') edits.push({ from: at, to: end, content: '' });
    at = end;
  }
  return edited(file, edits);
}

/**
 * Gives each EXIF chunk a name that no decoder knows.
 *
 * @param {Blob} file
 */
async function webp(file) {
  const window = new FileWindow(file);
  /** @type {Edit[]} */
  const edits = [];
  for (let at = 12; ;) {
    const view = await window.view(at, 8);
    if (view.byteLength < 8) break;
    if (text(view, 0, 4) === 'EXIF') edits.push({ from: at, to: at + 4, content: 'NONE' });
    const length = view.getUint32(4, true);
    at += 8 + length + length % 2;
  }
  return edited(file, edits);
}

/** @typedef {{ from: number, to: number, content: string }} Edit */

/**
 * @param {Blob} file
 * @param {Edit[]} edits in order, none within another
 */
function edited(file, edits) {
  if (edits.length === 0) return file;
  /** @type {(Blob | string)[]} */
  const parts = [];
  let done = 0;
  for (const { from, to, content } of edits) {
    parts.push(file.slice(done, from), content);
    done = to;
  }
  parts.push(file.slice(done));
  return new Blob(parts, { type: file.type });
}
