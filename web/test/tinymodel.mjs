/** Small ONNX classifiers, written in the wire format of onnx.proto3. */

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

/** @param {string} op @param {string[]} inputs @param {string} output @param {Record<string, number | number[]>} [attributes] */
const node = (op, inputs, output, attributes = {}) => bytes(1, [
  ...inputs.flatMap((input) => bytes(1, input)), ...bytes(2, output), ...bytes(3, output), ...bytes(4, op),
  ...Object.entries(attributes).flatMap(([name, value]) => bytes(5, [
    ...bytes(1, name),
    ...(Array.isArray(value) ? [...bytes(8, value.flatMap(varint)), ...number(20, 7)] : [...number(3, value), ...number(20, 2)]),
  ])),
]);

/** @param {string} name @param {number[]} shape @param {Float32Array} data */
const tensor = (name, shape, data) => bytes(5, [
  ...shape.flatMap((size) => number(1, size)), ...number(2, 1), ...bytes(8, name), ...bytes(9, new Uint8Array(data.buffer)),
]);

/**
 * @param {{ side: number, classes: number, graph: number[], metadata: Record<string, string> }} model
 * @returns {Uint8Array<ArrayBuffer>}
 */
function modelOf({ side, classes, graph, metadata }) {
  const all = { 'hamster.input.scale': '255', 'hamster.input.offset': '0', ...metadata };
  const whole = [...graph, ...bytes(2, 'tiny'), ...bytes(11, value('x', [1, 3, side, side])), ...bytes(12, value('y', [1, classes]))];
  return Uint8Array.from([
    ...number(1, 8), ...bytes(7, whole), ...bytes(8, number(2, 13)),
    ...Object.entries(all).flatMap(([key, text]) => bytes(14, [...bytes(1, key), ...bytes(2, text)])),
  ]);
}

/**
 * The scores are the mean red, green and blue of 8×8 pixels.
 *
 * @param {{ pooled: boolean, metadata?: Record<string, string> }} options without a
 *   pool, the network is one that only occlusion explains
 */
export function tinyModel({ pooled, metadata = {} }) {
  const side = 8;
  return modelOf({
    side,
    classes: 3,
    metadata,
    graph: pooled
      ? [...node('GlobalAveragePool', ['x'], 'm'), ...node('Flatten', ['m'], 'y')]
      : [...node('Flatten', ['x'], 'f'), ...node('MatMul', ['f', 'w'], 'y'), ...tensor('w', [3 * side * side, 3], means(3, side))],
  });
}

/**
 * The same of 64×64 pixels, which first go through convolutions that change nothing
 * and take their time. Only occlusion explains it.
 *
 * @param {number} layers
 */
export function slowModel(layers) {
  const side = 64;
  const channels = 32;
  /** @type {number[][]} */
  const graph = [];
  for (let i = 0; i <= layers; i++) {
    const from = i === 0 ? 3 : channels;
    const to = i === layers ? 3 : channels;
    const weights = new Float32Array(to * from * 9);
    for (let c = 0; c < 3; c++) weights[(c * from + c) * 9 + 4] = 1; // the middle of its own channel
    graph.push(
      node('Conv', [i === 0 ? 'x' : `c${i - 1}`, `w${i}`], `c${i}`, { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }),
      tensor(`w${i}`, [to, from, 3, 3], weights),
    );
  }
  graph.push(node('Flatten', [`c${layers}`], 'f'), node('MatMul', ['f', 'w'], 'y'), tensor('w', [3 * side * side, 3], means(3, side)));
  return modelOf({
    side,
    classes: 3,
    graph: graph.flat(),
    metadata: { 'hamster.name': 'slow', 'hamster.labels': JSON.stringify(['red', 'green', 'blue'].map((label) => ({ id: label, label }))) },
  });
}

/**
 * A model of many classes, hardly any likelier than another: a picture's brightness
 * moves the first of them a little ahead.
 *
 * @param {readonly { id: string, label: string }[]} labels
 */
export function manyModel(labels) {
  const weights = Float32Array.from({ length: 3 * labels.length }, (_, i) => 1 / (1 + i % labels.length));
  return modelOf({
    side: 8,
    classes: labels.length,
    metadata: { 'hamster.name': 'many', 'hamster.licence': 'CC0-1.0', 'hamster.labels': JSON.stringify(labels) },
    graph: [
      ...node('GlobalAveragePool', ['x'], 'm'), ...node('Flatten', ['m'], 'f'), ...node('MatMul', ['f', 'w'], 'l'), ...node('Softmax', ['l'], 'y', { axis: 1 }),
      ...tensor('w', [3, labels.length], weights),
    ],
  });
}

/** What makes the mean of each plane of a picture. @param {number} planes @param {number} side */
const means = (planes, side) => Float32Array.from(
  { length: planes * side * side * planes },
  (_, i) => (Math.floor(i / planes / side / side) === i % planes ? 1 / side / side : 0),
);
