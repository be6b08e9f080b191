/**
 * Snapshots: what the program found out about a model, so that the next visit need
 * not read and compile its graph. They lie beside the model's files, under the name of
 * the very build that made them: another one finds none.
 */

import { hash } from './hash.js';

/** @import { Engine } from './engine.js' */

/** A snapshot begins with the SHA-256 of the rest, as many bytes as its digits. */
const head = 64;

/**
 * @param {string} id of a model that is kept
 * @param {Engine} engine
 * @returns {Promise<Uint8Array<ArrayBuffer> | null>} null where there is none, or none that is whole
 */
export async function findSnapshot(id, engine) {
  if (!engine.build) return null;
  try {
    const kept = await engine.store.getSnapshot(id, engine.build);
    if (!kept || kept.length < head) return null;
    const content = kept.subarray(head);
    return await hash(content, engine) === new TextDecoder().decode(kept.subarray(0, head)) ? content : null;
  } catch {
    return null; // the model does without, as on the first visit
  }
}

/**
 * @param {string} id of a model that is kept
 * @param {Uint8Array<ArrayBuffer>} content
 * @param {Engine} engine
 */
export async function keepSnapshot(id, content, engine) {
  if (!engine.build) return;
  const bytes = new Uint8Array(head + content.length);
  bytes.set(new TextEncoder().encode(await hash(content, engine)));
  bytes.set(content, head);
  await engine.store.putSnapshot(id, engine.build, bytes);
}
