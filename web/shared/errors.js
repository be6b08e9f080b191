/**
 * Every way in which Hamster can fail, by a code that stays the same when its
 * words change. web/shared/texts.js has a sentence for each. The first group
 * comes from Go (wasm/errors.go), the rest from JavaScript.
 *
 * @typedef {'model-not-onnx' | 'model-unsupported' | 'model-invalid' | 'labels-invalid' | 'backend-left-out' | 'image-invalid' | 'no-model' | 'internal'
 *   | 'store-missing' | 'store-refused' | 'store-full' | 'store-blocked' | 'store-newer' | 'store-failed'
 *   | 'model-missing' | 'model-unreachable' | 'model-html' | 'model-truncated' | 'model-damaged' | 'model-too-large'
 *   | 'image-empty' | 'image-not' | 'image-too-large' | 'image-damaged' | 'image-unsupported' | 'image-unreachable' | 'image-unreadable'
 *   | 'image-tainted' | 'source-invalid' | 'option-invalid'
 *   | 'camera-refused' | 'camera-missing' | 'camera-failed' | 'frame-unreachable'
 *   | 'engine-unsupported' | 'engine-missing' | 'engine-stopped' | 'closed'} ErrorCode
 */

/**
 * Facts for the sentence: which address, how large, which format.
 *
 * @typedef {{ url?: string, status?: number, width?: number, height?: number, format?: string,
 *   done?: number, total?: number }} ErrorDetails
 */

/**
 * An error as it crosses between threads; Error objects would lose their code.
 *
 * @typedef {{ code: ErrorCode, message: string, details: ErrorDetails }} ErrorMessage
 */

/** The one class of error that Hamster throws, besides AbortError. */
export class HamsterError extends Error {
  /**
   * @param {ErrorCode} code
   * @param {string} message for developers, in English
   * @param {ErrorDetails} [details]
   */
  constructor(code, message, details = {}) {
    super(message);
    this.name = 'HamsterError';
    this.code = code;
    this.details = details;
  }

  /** @returns {ErrorMessage} */
  toMessage() {
    return { code: this.code, message: this.message, details: this.details };
  }

  /** @param {ErrorMessage} message */
  static fromMessage(message) {
    return new HamsterError(message.code, message.message, message.details);
  }

  /**
   * Anything thrown, as a HamsterError. Go's errors are plain Errors with a
   * code; what has none is a fault of ours.
   *
   * @param {unknown} thrown
   */
  static from(thrown) {
    if (thrown instanceof HamsterError) return thrown;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    const code = thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string'
      ? /** @type {ErrorCode} */ (thrown.code)
      : 'internal';
    return new HamsterError(code, message);
  }
}

/** @param {unknown} thrown */
export function isAbort(thrown) {
  return thrown instanceof DOMException && thrown.name === 'AbortError';
}
