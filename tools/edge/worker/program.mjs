/**
 * The Go program, as github.com/syumai/workers connects it, but for one thing:
 * it stays for further requests, since starting it takes most of the time that
 * an answer takes. It starts while a request waits, without a pause in between,
 * so that no request ever waits for what belongs to another.
 */

import './go/wasm_exec.js';
import compiled from './go/app.wasm';
import { createRuntimeContext } from './go/runtime.mjs';

/**
 * How many requests a program answers. What it keeps of those that went away in
 * the middle is little, but it adds up.
 */
const lifetime = 200;

/**
 * @typedef {{ handleRequest?: (request: Request) => Promise<Response> }} Binding
 *
 * @type {{ binding: Binding, answers: number, ended: boolean } | null}
 */
let running = null;

/**
 * @param {Request} request
 * @param {Record<string, unknown>} env the same for all requests
 * @param {object} context
 * @returns {Promise<Response>}
 */
export async function answer(request, env, context) {
  if (!running || running.ended || running.answers >= lifetime) running = start(env, context);
  running.answers += 1;
  if (!running.binding.handleRequest) throw new Error('the program is not ready');
  return running.binding.handleRequest(request);
}

/**
 * @param {Record<string, unknown>} env
 * @param {object} context
 */
function start(env, context) {
  /** @type {Binding} */
  const binding = {};
  const started = { binding, answers: 0, ended: false };
  const go = new Go();
  const imports = { ...go.importObject, workers: { ready: () => {} } };
  const end = () => {
    started.ended = true;
  };
  // It runs until it waits for its first request before this returns.
  go.run(new WebAssembly.Instance(compiled, imports), createRuntimeContext({ env, ctx: context, binding })).then(end, end);
  return started;
}
