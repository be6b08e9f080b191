/** Bytes of a file, read some at a time and looked at as numbers and text. */

import { HamsterError } from './errors.js';

/** One read of a file. */
const windowBytes = 64 * 1024;

/** Reads a file through a window that moves over it, so that small steps are few reads. */
export class FileWindow {
  #file;
  #from = 0;
  #bytes = new ArrayBuffer(0);

  /** @param {Blob} file */
  constructor(file) {
    this.#file = file;
  }

  /**
   * @param {number} at
   * @param {number} length at most 64 KiB
   * @returns {Promise<DataView>} shorter where the file ends
   */
  async view(at, length) {
    const end = Math.min(at + length, this.#file.size);
    if (at >= end) return new DataView(new ArrayBuffer(0));
    if (at < this.#from || end > this.#from + this.#bytes.byteLength) {
      this.#bytes = await read(this.#file.slice(at, at + windowBytes));
      this.#from = at;
    }
    return new DataView(this.#bytes, at - this.#from, end - at);
  }
}

/**
 * Reads a file. What was picked is a promise, and may be gone by now.
 *
 * @param {Blob} file
 * @throws {HamsterError} `image-unreadable`
 */
export async function read(file) {
  try {
    return await file.arrayBuffer();
  } catch (cause) {
    throw new HamsterError('image-unreadable', `the file cannot be read: ${cause}`);
  }
}

/**
 * @param {DataView} view
 * @param {...number} bytes
 */
export function starts(view, ...bytes) {
  return view.byteLength >= bytes.length && bytes.every((byte, i) => view.getUint8(i) === byte);
}

/**
 * @param {DataView} view
 * @param {number} at
 * @param {number} length
 * @returns {string} empty where the view ends before
 */
export function text(view, at, length) {
  if (view.byteLength < at + length) return '';
  let out = '';
  for (let i = at; i < at + length; i++) out += String.fromCharCode(view.getUint8(i));
  return out;
}
