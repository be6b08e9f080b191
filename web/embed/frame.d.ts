import type { Classification, HamsterError, ModelInfo, Progress } from '../hamster.js';

/** What the frame shows. */
export interface FrameSettings {
  src?: string;
  model?: string;
  top?: number;
  explain?: boolean;
  webcam?: boolean;
  backend?: string;
  alt?: string;
  lang?: string;
  theme?: 'light' | 'dark' | 'auto';
}

/** What the frame tells of; results and errors here are of what the reader did. */
export interface FrameHandlers {
  onprogress?: (progress: Progress) => void;
  onready?: (info: ModelInfo) => void;
  onresult?: (result: Classification) => void;
  onerror?: (error: HamsterError) => void;
  /** Gives the iframe the height that it needs. */
  grows?: boolean;
  /**
   * How many milliseconds the frame has to load, a minute by default, before what was
   * asked of it fails with `frame-unreachable`.
   */
  patience?: number;
}

/** The page's end of Hamster's frame. */
export class HamsterFrame {
  /** Sends an iframe to the frame's address, such as https://hamster.example/embed. */
  constructor(iframe: HTMLIFrameElement, address: string | URL, handlers?: FrameHandlers);
  configure(settings: FrameSettings): Promise<void>;
  /** Has a picture looked at, in place of the one before. */
  classify(image: Blob | ImageBitmap | ImageData): Promise<Classification>;
  /** Listens no more, and empties the iframe. */
  close(): void;
}
