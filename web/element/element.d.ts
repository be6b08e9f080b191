import type { Backend, Classification, HamsterError, ImageSource, ModelInfo, Progress } from '../hamster.js';

/** What the element is doing: nothing yet, waiting to be seen or for its turn, at work, done, live or failed. */
export type State = 'empty' | 'waiting' | 'loading' | 'looking' | 'answered' | 'live' | 'failed';

export interface ImageClassifierEventMap {
  /** How far the start is. */
  progress: CustomEvent<Progress>;
  /** The model is loaded. */
  ready: CustomEvent<ModelInfo>;
  /** An answer. */
  classify: CustomEvent<Classification>;
  /** A failure, also of an attribute's value. */
  error: CustomEvent<HamsterError>;
}

/** `<image-classifier>`: a picture, and what it shows. */
export class ImageClassifierElement extends HTMLElement {
  /** Address of the picture; empty for one that the reader chooses. */
  src: string;
  /** Address of the model; empty for that of the library's server. */
  model: string;
  /** How many guesses are shown; 0 for all. */
  top: number;
  /** Whether what spoke for the best guess is painted over the picture. */
  explain: boolean;
  /** Whether the camera is offered in place of a picture. */
  webcam: boolean;
  backend: Backend;
  /** What the picture is called for those who do not see it. */
  alt: string;

  get state(): State;
  /** The last answer. */
  get result(): Classification | null;
  /** What is known of the model, once it is loaded. */
  get info(): ModelInfo | null;

  /**
   * Classifies anything that the library takes, in place of `src`. It never
   * rejects: null is no answer, and an `error` event says why.
   */
  classify(source: ImageSource): Promise<Classification | null>;

  addEventListener<Name extends keyof ImageClassifierEventMap>(
    type: Name, listener: (this: ImageClassifierElement, event: ImageClassifierEventMap[Name]) => unknown, options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener<Name extends keyof Omit<HTMLElementEventMap, keyof ImageClassifierEventMap>>(
    type: Name, listener: (this: ImageClassifierElement, event: HTMLElementEventMap[Name]) => unknown, options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions): void;
  removeEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | EventListenerOptions): void;
}

declare global {
  interface HTMLElementTagNameMap {
    'image-classifier': ImageClassifierElement;
  }
}
