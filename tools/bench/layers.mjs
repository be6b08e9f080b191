// Writes the TensorFlow.js layers model of the npm package nsfwjs to stdout as
// one file: the length of a header in four bytes, the header as JSON
// ({modelTopology, weightSpecs}), the weights as they are stored.

import { createRequire } from 'node:module';

const require = createRequire(new URL('../npm/package.json', import.meta.url));

/** @param {string} name */
const load = (name) => require(`../npm/node_modules/nsfwjs/dist/models/inception_v3/${name}.min.js`);

const { modelTopology, weightsManifest: [{ paths, weights }] } = load('model');
const header = Buffer.from(JSON.stringify({ modelTopology, weightSpecs: weights }));
const length = Buffer.alloc(4);
length.writeUInt32LE(header.length);
process.stdout.write(Buffer.concat([length, header, ...paths.map((/** @type {string} */ path) => Buffer.from(load(path), 'base64'))]));
