// Prints the layers of an InceptionV3 as Keras itself listed them when it
// saved the model in the npm package nsfwjs 4.4.0, up to mixed10: name, class,
// inputs, filters, window, strides and padding, in Keras's order. Usage:
//   node layers.mjs …/dist/models/inception_v3/model.min.js > keras_layers.tsv
import { createRequire } from 'node:module';
import { resolve } from 'node:path';

const model = createRequire(import.meta.url)(resolve(process.argv[2]));
for (const { name, class_name, config, inbound_nodes } of model.modelTopology.model_config.config.layers) {
  const inputs = (inbound_nodes[0] ?? []).map(([layer]) => layer);
  console.log([
    name, class_name, inputs.join(','), config.filters ?? '',
    (config.kernel_size ?? config.pool_size ?? []).join('x'), (config.strides ?? []).join('x'), config.padding ?? '',
  ].join('\t'));
  if (name === 'mixed10') break;
}
