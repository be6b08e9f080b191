/**
 * Small ONNX classifiers, written in the wire format of onnx.proto3: the scores
 * are the mean red, green and blue of 8×8 pixels.
 */

const side = 8;

/** @param {number} n */
function varint(n) {
  const bytes = [];
  for (; n > 127; n = Math.floor(n / 128)) bytes.push((n % 128) | 128);
  return [...bytes, n];
}

/** @param {number} field @param {number} value */
const number = (field, value) => [...varint(field * 8), ...varint(value)];

/** @param {number} field @param {number[] | Uint8Array | string} content */
const bytes = (field, content) => {
  const list = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  return [...varint(field * 8 + 2), ...varint(list.length), ...list];
};

/** @param {string} name @param {number[]} shape */
const value = (name, shape) => [
  ...bytes(1, name),
  ...bytes(2, bytes(1, [...number(1, 1), ...bytes(2, shape.flatMap((size) => bytes(1, number(1, size))))])),
];

/** @param {string} op @param {string[]} inputs @param {string} output */
const node = (op, inputs, output) => bytes(1, [...inputs.flatMap((input) => bytes(1, input)), ...bytes(2, output), ...bytes(3, op), ...bytes(4, op)]);

/** @param {string} name @param {number[]} shape @param {Float32Array} data */
const tensor = (name, shape, data) => bytes(5, [
  ...shape.flatMap((size) => number(1, size)), ...number(2, 1), ...bytes(8, name), ...bytes(9, new Uint8Array(data.buffer)),
]);

/**
 * @param {{ pooled: boolean, metadata?: Record<string, string> }} options without a
 *   pool, the network is one that only occlusion explains
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function tinyModel({ pooled, metadata = {} }) {
  const weights = Float32Array.from({ length: 3 * 3 * side * side }, (_, i) => (Math.floor(i / 3 / side / side) === i % 3 ? 1 / side / side : 0));
  const graph = [
    ...(pooled
      ? [...node('GlobalAveragePool', ['x'], 'm'), ...node('Flatten', ['m'], 'y')]
      : [...node('Flatten', ['x'], 'f'), ...node('MatMul', ['f', 'w'], 'y')]),
    ...bytes(2, 'tiny'),
    ...(pooled ? [] : tensor('w', [3 * side * side, 3], weights)),
    ...bytes(11, value('x', [1, 3, side, side])),
    ...bytes(12, value('y', [1, 3])),
  ];
  const all = { 'hamster.input.scale': '255', 'hamster.input.offset': '0', ...metadata };
  return Uint8Array.from([
    ...number(1, 8), ...bytes(7, graph), ...bytes(8, number(2, 13)),
    ...Object.entries(all).flatMap(([key, text]) => bytes(14, [...bytes(1, key), ...bytes(2, text)])),
  ]);
}
