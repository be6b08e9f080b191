/**
 * Where the library's own files lie. The npm package has another file in this
 * one's place (tools/internal/npmpackage), since a bundler moves them.
 *
 * @import { Addresses } from '../shared/protocol.js'
 */

/** The worker's script. */
export const worker = new URL('../worker/worker.js', import.meta.url).href;

/** The script of the engine's other threads. */
export const thread = new URL('../worker/thread.js', import.meta.url).href;

/**
 * What the worker cannot find for itself.
 *
 * @type {Partial<Addresses>}
 */
export const others = {};

/** The model that is loaded where none is named: that of the server where the library lies. */
export const defaultModel = () => new URL('../../models/index.json', import.meta.url).href;
