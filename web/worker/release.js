/**
 * Frees the memory of arrays that nobody reads any more. Go's side keeps
 * references to them for as long as its own garbage collector likes; without
 * their bytes these weigh nothing.
 *
 * @param {Iterable<Uint8Array<ArrayBuffer>>} arrays
 */
export function release(arrays) {
  const buffers = new Set(Array.from(arrays, (array) => array.buffer));
  // A buffer that is moved is empty where it was.
  for (const buffer of buffers) if (buffer.byteLength > 0) structuredClone(buffer, { transfer: [buffer] });
}
