/** The longer side of a thumbnail on the densest screens, in pixels. */
const side = 240;

/**
 * A small JPEG of a photo, upright. The photo is decoded off the main thread,
 * and of its pixels nothing stays.
 *
 * @param {Blob} photo
 * @returns {Promise<Blob | null>} null where the browser does not show it
 */
export async function thumbnail(photo) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(photo, { resizeHeight: side, resizeQuality: 'medium' });
  } catch {
    return null;
  }
  const canvas = document.createElement('canvas');
  try {
    [canvas.width, canvas.height] = [Math.min(bitmap.width, 2 * side), bitmap.height];
    canvas.getContext('2d')?.drawImage(bitmap, (canvas.width - bitmap.width) / 2, 0);
  } finally {
    bitmap.close();
  }
  return new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', 0.8));
}
