/** Hamster in Node.js: the same calls, on a module that `hamster compile` wrote. */

import type { Classification as BrowserClassification, Label, Mode } from './hamster.js';

export { HamsterError } from './hamster.js';
export type { Environment, ErrorCode, ErrorDetails, Label, Mode, Prediction, Timing } from './hamster.js';

export type Classification = Omit<BrowserClassification, 'run' | 'heatmap'>;

/** Decoded pixels: RGBA, 8 bits each, not premultiplied, rows from the top. */
export interface PixelSource {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray | Uint8Array;
}

/**
 * What can be classified: the path or address of a file, its bytes, or pixels.
 * JPEG, PNG, GIF, WebP and BMP are read as the command line reads them.
 */
export type ImageSource = string | URL | Blob | Uint8Array | ArrayBuffer | PixelSource;

export interface EngineOptions {
  /** Path, address or bytes of a module that `hamster compile` wrote. */
  model: string | URL | Uint8Array | ArrayBuffer;
}

export interface LoadOptions extends EngineOptions {
  signal?: AbortSignal;
}

export interface ClassifyOptions {
  /** How many predictions, the best first; 0 for all. 5 without this. */
  top?: number;
  /** Without this, the model's own. */
  mode?: Mode | '';
  signal?: AbortSignal;
}

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
}

/** One model, in one worker of its own. */
export class Classifier {
  constructor(options: EngineOptions);
  get info(): ModelInfo | null;
  load(options?: { signal?: AbortSignal }): Promise<ModelInfo>;
  classify(source: ImageSource, options?: ClassifyOptions): Promise<Classification>;
  /** Ends the worker. What is still asked fails with the code `closed`. */
  close(): void;
}

/** A classifier whose model is loaded. */
export function load(options: LoadOptions): Promise<Classifier>;
