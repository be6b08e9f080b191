/**
 * Where the package's own files lie, in the place of web/library/addresses.js.
 * Written so, bundlers find them, move them along and put the new names here.
 */

export const worker = new URL('./worker.js', import.meta.url).href;

/** The worker's script is that of a thread as well (worker.js). */
export const thread = worker;

export const others = {
  program: new URL('./hamster.wasm', import.meta.url).href,
  portable: new URL('./portable.wasm', import.meta.url).href,
  runtime: new URL('./wasm_exec.js', import.meta.url).href,
};

/** The page's own server has the model: no bundler takes one along. */
export const defaultModel = () => new URL('models/index.json', document.baseURI).href;
