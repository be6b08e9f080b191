/**
 * A network that sees a picture as it is stored (mode `keras`) has its heat map
 * lie that way too, while every browser shows the picture upright.
 */

/**
 * Where in what is stored the cell in column u of row v is found, for each
 * orientation of EXIF; w and h are the last column and row of what is stored.
 *
 * @type {((u: number, v: number, w: number, h: number) => [number, number])[]}
 */
const places = [
  (u, v) => [u, v],
  (u, v, w) => [w - u, v],
  (u, v, w, h) => [w - u, h - v],
  (u, v, _, h) => [u, h - v],
  (u, v) => [v, u],
  (u, v, _, h) => [v, h - u],
  (u, v, w, h) => [w - v, h - u],
  (u, v, w) => [w - v, u],
];

/**
 * The map as it lies over the picture turned upright.
 *
 * @template {{ width: number, height: number, values: number[] }} Map
 * @param {Map} map of a whole picture
 * @param {number} orientation 1 to 8, as in EXIF
 * @returns {Map}
 */
export function upright(map, orientation) {
  if (orientation === 1) return map;
  const [width, height] = orientation > 4 ? [map.height, map.width] : [map.width, map.height];
  const values = Array.from({ length: width * height }, (_, i) => {
    const [x, y] = places[orientation - 1](i % width, Math.floor(i / width), map.width - 1, map.height - 1);
    return map.values[y * map.width + x];
  });
  return { ...map, width, height, values };
}
