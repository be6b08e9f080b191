/**
 * Snapshots: what the program found out about a model, so that the next visit need
 * not read and compile its graph. They lie beside the model's files, under the name of
 * the very build that made them: another one finds none.
 */

/** @import { Engine } from './engine.js' */

/**
 * @param {string} id of a model that is kept
 * @param {Engine} engine
 * @returns {Promise<Uint8Array<ArrayBuffer> | null>} null where there is none; the program notices damage
 */
export async function findSnapshot(id, engine) {
  // Without one, the model is loaded as on the first visit.
  return engine.build ? engine.store.getSnapshot(id, engine.build).catch(() => null) : null;
}

/**
 * @param {string} id of a model that is kept
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {Engine} engine
 */
export async function keepSnapshot(id, bytes, engine) {
  if (engine.build) await engine.store.putSnapshot(id, engine.build, bytes);
}
