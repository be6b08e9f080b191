/**
 * Hamster: image classification in the browser, by two calls.
 *
 * ```js
 * const classifier = await load();
 * const { predictions } = await classifier.classify(file);
 * ```
 */

/** How a picture is brought to the model's size: as Keras does, or upright and smooth. */
export type Mode = 'keras' | 'quality';

export type Backend = 'auto' | 'simd' | 'gorgonia';

/** Pixels as a canvas gives them: RGBA, 8 bits each, not premultiplied, rows from the top. */
export interface PixelSource {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray | Uint8Array;
}

/**
 * What can be classified. A string is a URL, relative to the document: `https:`,
 * `http:`, `blob:` or `data:image/`. Bytes are those of a file. A video is taken as it shows at the call.
 */
export type ImageSource =
  | Blob
  | string
  | URL
  | HTMLImageElement
  | HTMLCanvasElement
  | OffscreenCanvas
  | HTMLVideoElement
  | ImageBitmap
  | VideoFrame
  | ImageData
  | PixelSource
  | ArrayBuffer
  | Uint8Array;

/**
 * How far a start is. `fetch`: bytes on the wire; `read`: bytes from this device;
 * `wait`: another tab fetches the model; `prepare`: all is there. A `total` of 0
 * is unknown.
 */
export interface Progress {
  stage: 'fetch' | 'wait' | 'read' | 'prepare';
  done: number;
  total: number;
}

export interface EngineOptions {
  /**
   * Address of a catalogue, of a packed model's manifest or of one .onnx file,
   * relative to the document; or an ONNX file itself, which somebody chose. Without it, the catalogue `models/index.json` of the
   * server that the library came from; in the npm package, of the page's own.
   */
  model?: string | URL | Blob;
  /**
   * Names of the classes in the order of the model's outputs, in the place of its
   * own: an array, or the text of a file with a JSON array or one name a line
   * (an ID and a tab may come before it).
   */
  labels?: string | readonly (string | Label)[];
  /** `auto`, which it is without this, is the quickest that runs the model here. */
  backend?: Backend;
  /** 0, which it is without this, for as many as the browser gives. */
  threads?: number;
  /**
   * For how many milliseconds the engine stays in memory unused; the next call
   * starts it again. Without this, 5 minutes if the model is kept on the device,
   * and else as long as the page.
   */
  idle?: number;
  onprogress?: (progress: Progress) => void;
}

export interface LoadOptions extends EngineOptions {
  /** Ends the download and the worker, unless others wait for the same. */
  signal?: AbortSignal;
}

export interface ClassifyOptions {
  /** How many predictions, the best first; 0 for all. 5 without this. */
  top?: number;
  /** Without this, the model's own. */
  mode?: Mode | '';
  /** Asks for a heat map of the likeliest class as well. */
  explain?: boolean;
  /** Told of the runs that an explanation by occlusion takes. */
  onprogress?: OnExplained;
  /** The call rejects at once; a run that has begun is left to finish. */
  signal?: AbortSignal;
}

/**
 * How an explanation is found. `grad-cam`: from the last feature map and the
 * gradient of the class's score, which takes a few milliseconds and a network that
 * ends in global pooling and dense layers. `occlusion`: by covering one part of
 * the picture after the other, which takes a run for each.
 */
export type Method = 'grad-cam' | 'occlusion';

/** `share` of the runs are done, from 0 to 1; `soFar` is what is known already. */
export type OnExplained = (share: number, soFar: Omit<Heatmap, 'took'>) => void;

export interface ExplainOptions {
  /** Of the class, as in a prediction; without this, or −1, the likeliest. */
  index?: number;
  /** What `classify` said of the same source. It saves a run, if it was the last. */
  of?: Classification;
  /** Without this, the model's own. */
  mode?: Mode | '';
  /** Without this, the quickest that the model allows. */
  method?: Method | '';
  /** How many parts occlusion covers along each side, 2 to 32; 8 without this. */
  cells?: number;
  onprogress?: OnExplained;
  /** The call rejects at once, and no further runs are begun. */
  signal?: AbortSignal;
}

/**
 * What in a picture spoke for a class: `height` rows of `width` cells from the top
 * left, of 0 (nothing) to 1 (the most). The cells divide `area` evenly, in
 * fractions of the picture, turned upright as browsers show it: all of it, unless
 * the model crops. Drawn over the picture it should be enlarged smoothly.
 */
export interface Heatmap {
  width: number;
  height: number;
  values: number[];
  method: Method;
  /** Of the class. */
  index: number;
  area: { left: number; top: number; right: number; bottom: number };
  /** In milliseconds. */
  took: number;
}

export interface Label {
  id: string;
  label: string;
}

export interface Prediction extends Label {
  /** Of the model's output. */
  index: number;
  /** From 0 to 1. */
  score: number;
}

/** In milliseconds. */
export interface Timing {
  decode: number;
  preprocess: number;
  run: number;
}

export interface Environment {
  /** The model's name. */
  model: string;
  /** What ran it, such as `simd, 2 threads, relaxed`. */
  backend: string;
  mode: Mode;
}

export interface Classification {
  predictions: Prediction[];
  timing: Timing;
  environment: Environment;
  /** Names the run. */
  run: string;
  /** What spoke for the first prediction, where that was asked for. */
  heatmap?: Heatmap;
}

/** Whether a model is on this device now, and if not, why. Sizes in bytes. */
export interface Kept {
  state: 'kept' | 'memory' | 'single';
  from: 'cache' | 'network' | 'file';
  id: string;
  size: number;
  fetched: number;
  reason: '' | 'store-missing' | 'store-refused' | 'store-full' | 'store-blocked' | 'store-newer' | 'store-failed';
}

/** A model on this device, whole or in part. `used` is in milliseconds since 1970. */
export interface KeptModel {
  id: string;
  /** The address under which it was asked for. */
  url: string;
  name: string;
  version: string;
  size: number;
  fetched: number;
  used: number;
  complete: boolean;
}

/** When a stage of a start began, in milliseconds since 1970, and how many it took. */
export interface Stage {
  name: 'program' | 'start' | 'read' | 'compile' | 'pack';
  begun: number;
  took: number;
}

/** What is known of a loaded model. `width` and `height` are those of its input. */
export interface ModelInfo {
  name: string;
  version: string;
  licence: string;
  source: string;
  backend: string;
  mode: Mode;
  labels: Label[];
  width: number;
  height: number;
  kept: Kept;
  stages: Stage[];
  /** How `explain` explains unless it is told otherwise. */
  explains: Method;
  card: Card;
  /** Whether an earlier visit had compiled it, and this one need not. */
  resumed: boolean;
}

/** An input or output of a network; a size that is left open is −1. */
export interface CardValue {
  name: string;
  type: string;
  shape: number[];
}

/** What else is known of a model. Sizes in bytes. */
export interface Card {
  /** Of the ONNX file. */
  size: number;
  nodes: number;
  /** The kinds of nodes, the commonest first. */
  operators: { op: string; count: number }[];
  parameters: number;
  /** Multiply-accumulates of one run; 0 where they are not known. */
  macs: number;
  /** Constants by the type of their elements, the largest first. */
  weights: { type: string; tensors: number; elements: number; size: number }[];
  /** Versions by domain, as in `ai.onnx`. */
  opsets: Record<string, number>;
  producer?: string;
  producer_version?: string;
  /** How a picture becomes the input, in words. */
  input?: string;
  inputs: CardValue[];
  outputs: CardValue[];
  metadata: Record<string, string>;
  /** What the fast engine takes. */
  memory?: { activations: number; weights: number; tables: number; peak: number; unplanned: number };
}

/**
 * A classifier. All on a page that have the same model, backend and threads share
 * one engine, which lives in a worker.
 */
export class Classifier {
  /** A classifier whose model is loaded by the first call that needs it. */
  constructor(options?: EngineOptions & {
    /** `page` decodes on the main thread, as in browsers whose workers cannot. */
    decodeOn?: 'auto' | 'page';
  });

  /** What is known of the model; null until it has been loaded. */
  get info(): ModelInfo | null;

  /** Loads the model, once however often it is called. After a failure it tries again. */
  load(options?: { signal?: AbortSignal }): Promise<ModelInfo>;

  /** Classifies a picture; the source itself is left as it is. */
  classify(source: ImageSource, options?: ClassifyOptions): Promise<Classification>;

  /** Shows what in a picture spoke for a class; the source itself is left as it is. */
  explain(source: ImageSource, options?: ExplainOptions): Promise<Heatmap>;

  /** The models that are kept on this device, the last used first; this one need not be loaded. */
  kept(): Promise<KeptModel[]>;

  /** Removes a model from this device, and tells what is left. One that is loaded goes on working. */
  remove(id: string): Promise<KeptModel[]>;

  /**
   * Ends the worker, unless others use the same, and gives its memory back. What
   * is still asked fails with the code `closed`.
   */
  close(): void;
}

/** A classifier whose model is loaded. */
export function load(options?: LoadOptions): Promise<Classifier>;

/** Why something failed; docs/api.md says what each means. */
export type ErrorCode =
  | 'model-not-onnx' | 'model-unsupported' | 'model-invalid' | 'labels-invalid' | 'backend-left-out' | 'image-invalid' | 'no-model' | 'internal'
  | 'store-missing' | 'store-refused' | 'store-full' | 'store-blocked' | 'store-newer' | 'store-failed'
  | 'model-missing' | 'model-unreachable' | 'model-html' | 'model-truncated' | 'model-damaged' | 'model-too-large'
  | 'image-empty' | 'image-not' | 'image-too-large' | 'image-damaged' | 'image-unsupported' | 'image-unreachable' | 'image-unreadable'
  | 'image-tainted' | 'source-invalid' | 'option-invalid'
  | 'camera-refused' | 'camera-missing' | 'camera-failed' | 'frame-unreachable'
  | 'engine-unsupported' | 'engine-missing' | 'engine-stopped' | 'closed';

/** Facts about a failure: which address, how large, which format. */
export interface ErrorDetails {
  url?: string;
  status?: number;
  width?: number;
  height?: number;
  format?: string;
  done?: number;
  total?: number;
}

/**
 * The one class of error that Hamster throws. Besides it, a call that is aborted
 * rejects with its signal's reason.
 */
export class HamsterError extends Error {
  constructor(code: ErrorCode, message: string, details?: ErrorDetails);
  readonly name: string;
  /** Stays the same when the words change. */
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
  /** Anything thrown, as a HamsterError. */
  static from(thrown: unknown): HamsterError;
}
