/**
 * Where the worker finds what it needs. The page may know better, and says so
 * with its first message: in a package that was bundled, or where the library
 * lies on another origin than the page.
 *
 * @type {import('../shared/protocol.js').Addresses}
 */
export const addresses = {
  program: new URL('../../wasm/hamster.wasm', import.meta.url).href,
  portable: new URL('../../wasm/portable.wasm', import.meta.url).href,
  runtime: new URL('../../wasm/wasm_exec.js', import.meta.url).href,
  thread: new URL('./thread.js', import.meta.url).href,
};
