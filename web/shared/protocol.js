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
 *   mode: Mode, labels: Label[], width: number, height: number, kept: Kept, stages: Stage[] }} ModelInfo
 *
 * Whether a model is on this device now: `memory` where it could not be kept,
 * for the `reason`; `single` where it came as one file, which is never kept.
 * `size` is what it takes here, `fetched` what it took on the wire, in bytes.
 * @typedef {{ state: 'kept' | 'memory' | 'single', from: 'cache' | 'network', id: string, size: number, fetched: number,
 *   reason: '' | 'store-missing' | 'store-refused' | 'store-full' | 'store-blocked' | 'store-newer' | 'store-failed' }} Kept
 *
 * A model on this device, whole or in part. `used` is in milliseconds since 1970.
 * @typedef {{ id: string, name: string, version: string, size: number, fetched: number, used: number, complete: boolean }} KeptModel
 *
 * A stage of a start: when it began, in milliseconds since 1970, and how long it
 * took. `program` is fetched and compiled, then it is started, the model is read
 * from the device or the network, and prepared for its runs.
 * @typedef {{ name: 'program' | 'start' | 'read' | 'prepare', begun: number, took: number }} Stage
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
 * Bytes: in `fetch` on the wire, in `read` from this device. A total of 0 is
 * unknown. In `wait` another tab fetches the model; in `prepare` all is there.
 * @typedef {{ stage: 'fetch' | 'wait' | 'read' | 'prepare', done: number, total: number }} Progress
 *
 * Decoded pixels: RGBA, 8 bits each, not premultiplied, rows from the top.
 * @typedef {{ width: number, height: number, data: ArrayBuffer, decode: number }} Pixels
 */

/**
 * Where the Go program, the one that has Gorgonia as well, their JavaScript and
 * the script of a thread lie.
 * @typedef {{ program: string, portable: string, runtime: string, thread: string }} Addresses
 *
 * `addresses` are those that the worker cannot know.
 * @typedef {{ type: 'start', lock: string, addresses: Partial<Addresses> }} StartRequest
 *
 * `threads` 0 is as many as the browser gives.
 * @typedef {{ type: 'load', id: number, model: string, backend: string, threads: number }} LoadRequest
 *
 * What is decoded already, bitmaps and frames among it, is the worker's to close.
 * @typedef {{ type: 'classify', id: number, image: Blob | Pixels | ImageBitmap | VideoFrame, mode: Mode | '', top: number }} ClassifyRequest
 * @typedef {{ type: 'cancel', id: number }} CancelRequest
 * @typedef {{ type: 'kept', id: number, remove: string }} KeptRequest
 * @typedef {StartRequest | LoadRequest | ClassifyRequest | CancelRequest | KeptRequest} Request
 */

/**
 * `decodes` tells whether the worker can decode pictures itself; `locked`,
 * whether it holds the lock of the `start` request, so that its end shows.
 * @typedef {{ type: 'started', decodes: boolean, locked: boolean }} StartedResponse
 * @typedef {{ type: 'progress', id: number, progress: Progress }} ProgressResponse
 * @typedef {{ type: 'result', id: number, value: ModelInfo | Classification | KeptModel[] }} ResultResponse
 * @typedef {{ type: 'failure', id: number, error: ErrorMessage }} FailureResponse
 * @typedef {{ type: 'stopped', error: ErrorMessage }} StoppedResponse
 * @typedef {StartedResponse | ProgressResponse | ResultResponse | FailureResponse | StoppedResponse} Response
 */

// Only types live here; this makes the file a module.
export {};
