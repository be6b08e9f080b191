/** @import { Engine } from './engine.js' */

/**
 * The SHA-256 of bytes, in hexadecimal. Pages that are not served securely have
 * no crypto.subtle, and Go reckons for them.
 *
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {Engine} engine
 */
export async function hash(bytes, engine) {
  if (!globalThis.crypto?.subtle) return engine.sha256(bytes);
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
