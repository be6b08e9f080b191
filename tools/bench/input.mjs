/**
 * The input of every engine: fixed, dense, within −0.9…0.9.
 *
 * @param {number[]} shape
 */
export function wave(shape) {
  const x = new Float32Array(shape.reduce((a, b) => a * b, 1));
  for (let i = 0; i < x.length; i++) x[i] = Math.sin(0.001 * i) * 0.9;
  return x;
}
