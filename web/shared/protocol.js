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
 * What is known of a loaded model. `mode` is its own default; it was `resumed` where
 * an earlier visit had compiled it.
 * @typedef {{ name: string, version: string, licence: string, source: string, backend: string,
 *   mode: Mode, labels: Label[], width: number, height: number, kept: Kept, stages: Stage[], explains: Method, card: Card, resumed: boolean }} ModelInfo
 *
 * What else is known of a loaded model; package model, type Report, says more.
 * Sizes in bytes.
 * @typedef {{ size: number, nodes: number, operators: { op: string, count: number }[], parameters: number, macs: number,
 *   weights: { type: string, tensors: number, elements: number, size: number }[],
 *   opsets: Record<string, number>, producer?: string, producer_version?: string, input?: string,
 *   inputs: CardValue[], outputs: CardValue[], metadata: Record<string, string>,
 *   memory?: { activations: number, weights: number, tables: number, peak: number, unplanned: number } }} Card
 * @typedef {{ name: string, type: string, shape: number[] }} CardValue
 *
 * Whether a model is on this device now: `memory` where it could not be kept,
 * for the `reason`; `single` where it came as one file, over the network or from
 * this device, which is never kept.
 * `size` is what it takes here, `fetched` what it took on the wire, in bytes.
 * @typedef {{ state: 'kept' | 'memory' | 'single', from: 'cache' | 'network' | 'file', id: string, size: number, fetched: number,
 *   reason: '' | 'store-missing' | 'store-refused' | 'store-full' | 'store-blocked' | 'store-newer' | 'store-failed' }} Kept
 *
 * A model on this device, whole or in part. `used` is in milliseconds since 1970,
 * `url` the address under which it was asked for.
 * @typedef {{ id: string, url: string, name: string, version: string, size: number, fetched: number, used: number, complete: boolean }} KeptModel
 *
 * A stage of a start: when it began, in milliseconds since 1970, and how long it
 * took. `program` is fetched and compiled, then it is started; the model is read
 * from the device or the network, while compiling and packing its weights begin;
 * what is left of these comes after.
 * @typedef {{ name: 'program' | 'start' | 'read' | 'compile' | 'pack', begun: number, took: number }} Stage
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
 * `run` names the run, for an explanation of it; `heatmap` is there when it was
 * asked for.
 * @typedef {{ predictions: Prediction[], timing: Timing, environment: Environment, run: string, heatmap?: Heatmap }} Classification
 *
 * How an explanation was found: from the last feature map, or by covering one
 * part of the photo after the other.
 * @typedef {'grad-cam' | 'occlusion'} Method
 *
 * What spoke for class `index`: `height` rows of `width` cells from the top left,
 * of 0 (nothing) to 1 (the most), which divide `area`, in fractions of the photo:
 * upright, but from the worker in mode `keras` as it is stored.
 * `took` is in milliseconds.
 * @typedef {{ width: number, height: number, values: number[], method: Method, index: number,
 *   area: { left: number, top: number, right: number, bottom: number }, took: number }} Heatmap
 *
 * Runs of an explanation by occlusion, and what is known already.
 * @typedef {{ stage: 'explain', done: number, total: number, soFar: Omit<Heatmap, 'took'> }} ExplainProgress
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
 * `model` is an address, or an ONNX file itself. `labels` is text as package
 * model, ParseLabels, reads it, in the place of the model's own; empty for none.
 * @typedef {{ type: 'load', id: number, model: string | Blob, labels: string, backend: string, threads: number }} LoadRequest
 *
 * What is decoded already, bitmaps and frames among it, is the worker's to close.
 * `explain` asks for a heat map of the likeliest class as well.
 * @typedef {{ type: 'classify', id: number, image: Image, mode: Mode | '', top: number, explain: boolean }} ClassifyRequest
 * @typedef {Blob | Pixels | ImageBitmap | VideoFrame} Image
 *
 * Where the run that `run` names is still at hand, the image is not looked at.
 * `index` is of a class, −1 for the likeliest; `method` '' is the model's own;
 * `cells` is how many occlusion tries along each side, 0 for the usual.
 * @typedef {{ type: 'explain', id: number, image: Image, mode: Mode | '', index: number, run: string, method: Method | '', cells: number }} ExplainRequest
 * @typedef {{ type: 'cancel', id: number }} CancelRequest
 * @typedef {{ type: 'kept', id: number, remove: string }} KeptRequest
 * @typedef {StartRequest | LoadRequest | ClassifyRequest | ExplainRequest | CancelRequest | KeptRequest} Request
 */

/**
 * `decodes` tells whether the worker can decode pictures itself; `locked`,
 * whether it holds the lock of the `start` request, so that its end shows.
 * @typedef {{ type: 'started', decodes: boolean, locked: boolean }} StartedResponse
 * @typedef {{ type: 'progress', id: number, progress: Progress | ExplainProgress }} ProgressResponse
 * @typedef {{ type: 'result', id: number, value: ModelInfo | Classification | Heatmap | KeptModel[] }} ResultResponse
 * @typedef {{ type: 'failure', id: number, error: ErrorMessage }} FailureResponse
 * @typedef {{ type: 'stopped', error: ErrorMessage }} StoppedResponse
 * @typedef {StartedResponse | ProgressResponse | ResultResponse | FailureResponse | StoppedResponse} Response
 */

// Only types live here; this makes the file a module.
export {};
