import { asStored } from './exif.js';
import { inspectImage, undecodable } from './imageheader.js';
import { checkPictureSize } from './limits.js';

/** @import { Mode } from './protocol.js' */

/**
 * Decodes a file into the pixels it holds: no colour management, as PIL and Go
 * do, and turned upright by EXIF in mode `quality` only, since Keras ignores
 * how a camera was held. Close the bitmap after use.
 *
 * Opaque pixels are read exactly, by a canvas or a VideoFrame. Those with alpha take a
 * canvas, which keeps them premultiplied: those that are partly transparent come back
 * rounded, and wholly transparent ones black, where Go and PIL still see the
 * colour beneath.
 *
 * @param {Blob} file
 * @param {Mode} mode
 * @returns {Promise<ImageBitmap>}
 */
export async function openBitmap(file, mode) {
  const header = await inspectImage(file);
  const seen = mode === 'keras' ? await asStored(file, header.format) : file;
  let bitmap;
  try {
    bitmap = await createImageBitmap(seen, { colorSpaceConversion: 'none', premultiplyAlpha: 'none' });
  } catch (cause) {
    throw undecodable(header, cause);
  }
  try {
    checkPictureSize(bitmap.width, bitmap.height); // the header may have lied
  } catch (error) {
    bitmap.close();
    throw error;
  }
  return bitmap;
}

/**
 * Prepares a canvas's context for copying pixels exactly.
 *
 * @template {{ globalCompositeOperation: GlobalCompositeOperation, imageSmoothingEnabled: boolean }} Context
 * @param {Context | null} context
 * @returns {Context}
 */
export function exactly(context) {
  if (!context) throw new Error('the browser gives no canvas');
  context.globalCompositeOperation = 'copy'; // nothing of the strip before shines through
  context.imageSmoothingEnabled = false;
  return context;
}
