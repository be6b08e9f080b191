/**
 * What the page and the worker say to each other. Requests carry an id; each
 * is answered by one `result` or one `failure` with the same id, after any
 * number of `progress`. `stopped` has no id: the engine has ended and with it
 * every open request.
 *
 * @import { ErrorMessage } from './errors.js'
 */

/**
 * @typedef {{ id: string, label: string }} Label
 *
 * What is known of a loaded model. `mode` is its own default.
 * @typedef {{ name: string, version: string, licence: string, source: string, backend: string,
 *   mode: Mode, labels: Label[], width: number, height: number }} ModelInfo
 *
 * How a photo is brought to the model's size; see package preprocess.
 * @typedef {'keras' | 'quality'} Mode
 *
 * @typedef {{ index: number, id: string, label: string, score: number }} Prediction
 *
 * In milliseconds.
 * @typedef {{ decode: number, preprocess: number, run: number }} Timing
 *
 * @typedef {{ model: string, backend: string, mode: Mode }} Environment
 *
 * @typedef {{ predictions: Prediction[], timing: Timing, environment: Environment }} Classification
 *
 * Bytes on the wire. A total of 0 is unknown. In `prepare` nothing is fetched
 * any more: the engine starts and reads the model.
 * @typedef {{ stage: 'fetch' | 'prepare', done: number, total: number }} Progress
 *
 * Decoded pixels: RGBA, 8 bits each, not premultiplied, rows from the top.
 * @typedef {{ width: number, height: number, data: ArrayBuffer, decode: number }} Pixels
 */

/**
 * @typedef {{ type: 'start', lock: string }} StartRequest
 * @typedef {{ type: 'load', id: number, model: string, backend: string }} LoadRequest
 * @typedef {{ type: 'classify', id: number, image: Blob | Pixels, mode: Mode | '', top: number }} ClassifyRequest
 * @typedef {{ type: 'cancel', id: number }} CancelRequest
 * @typedef {StartRequest | LoadRequest | ClassifyRequest | CancelRequest} Request
 */

/**
 * `decodes` tells whether the worker can decode pictures itself; `locked`,
 * whether it holds the lock of the `start` request, so that its end shows.
 * @typedef {{ type: 'started', decodes: boolean, locked: boolean }} StartedResponse
 * @typedef {{ type: 'progress', id: number, progress: Progress }} ProgressResponse
 * @typedef {{ type: 'result', id: number, value: ModelInfo | Classification }} ResultResponse
 * @typedef {{ type: 'failure', id: number, error: ErrorMessage }} FailureResponse
 * @typedef {{ type: 'stopped', error: ErrorMessage }} StoppedResponse
 * @typedef {StartedResponse | ProgressResponse | ResultResponse | FailureResponse | StoppedResponse} Response
 */

// Only types live here; this makes the file a module.
export {};
