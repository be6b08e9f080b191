/** What spoke for a class, painted over the photo: bright where it did, dim elsewhere. */

/**
 * `values` from the top left, row by row, from 0 (nothing) to 1 (the most); the
 * cells divide `area`, in fractions of the photo.
 * @typedef {{ width: number, height: number, values: readonly number[],
 *   area: { left: number, top: number, right: number, bottom: number } }} HeatMap
 */

/** The longer side of what is painted, in pixels; the browser stretches it further. */
const side = 640;

/**
 * @param {HTMLCanvasElement} canvas
 * @param {HeatMap} map
 * @param {number} width of the photo
 * @param {number} height of the photo
 */
export function paintHeat(canvas, { width: columns, height: rows, values, area }, width, height) {
  const scale = side / Math.max(width, height);
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const small = document.createElement('canvas');
  small.width = columns;
  small.height = rows;
  const context = small.getContext('2d');
  const target = canvas.getContext('2d');
  if (!context || !target) return;
  const image = context.createImageData(columns, rows);
  for (let i = 0; i < columns * rows; i++) {
    // A dark veil where nothing spoke, none halfway, and a warm light on top.
    const heat = values[i];
    const veil = 0.72 * Math.max(0, 1 - 1.6 * heat);
    const light = 0.42 * Math.max(0, heat - 0.5) * 2;
    image.data.set(veil > 0 ? [14, 10, 8, 255 * veil] : [255, 150, 40, 255 * light], 4 * i);
  }
  context.putImageData(image, 0, 0);
  target.imageSmoothingEnabled = true;
  target.imageSmoothingQuality = 'high';
  target.fillStyle = 'rgb(14 10 8 / .72)'; // what the model does not look at
  target.fillRect(0, 0, canvas.width, canvas.height);
  const [left, top] = [area.left * canvas.width, area.top * canvas.height];
  const [right, bottom] = [area.right * canvas.width, area.bottom * canvas.height];
  target.clearRect(left, top, right - left, bottom - top);
  target.drawImage(small, left, top, right - left, bottom - top);
}
