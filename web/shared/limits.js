import { HamsterError } from './errors.js';

/** A hundred megapixels are 400 MB once decoded; more would take the tab down. */
export const maxPixels = 100_000_000;

/** The longest row that a canvas holds in every browser. */
export const maxSide = 32_767;

/** Larger models are refused before they are fetched. */
export const maxModelBytes = 1024 * 1024 * 1024;

/**
 * Throws where a picture is too large to decode.
 *
 * @param {number} width in pixels
 * @param {number} height in pixels
 */
export function checkPictureSize(width, height) {
  if (width > maxSide || height > maxSide || width * height > maxPixels) {
    throw new HamsterError('image-too-large', `${width}×${height} pixels are too large to decode`, { width, height });
  }
}
