/**
 * The page's end of Hamster's frame; docs/embed.md explains it. A page that lets
 * no script of ours in writes the same in twenty lines of its own.
 */

import { HamsterError } from '../shared/errors.js';
import { isOurs, message, version } from './protocol.js';

/**
 * @import { Classification, ModelInfo, Progress } from '../shared/protocol.js'
 * @import { Settings } from './protocol.js'
 *
 * @typedef {{ onprogress?: (progress: Progress) => void, onready?: (info: ModelInfo) => void,
 *   onresult?: (result: Classification) => void, onerror?: (error: HamsterError) => void, grows?: boolean }} Handlers
 *   those of results and errors are told what the reader did; `grows`: the iframe gets the height that it needs
 */

export class HamsterFrame {
  #iframe;
  #origin;
  #handlers;
  #listening = new AbortController();
  #ids = 0;
  /** @type {Map<number, { resolve: (result: Classification) => void, reject: (error: unknown) => void }>} */
  #waiting = new Map();
  /** @type {() => void} */
  #greeted = () => {};
  /** @type {Promise<void>} */
  #up = new Promise((resolve) => {
    this.#greeted = resolve;
  });

  /**
   * Sends an iframe to the frame's address.
   *
   * @param {HTMLIFrameElement} iframe `allow="camera"` is the page's to grant
   * @param {string | URL} address such as https://hamster.example/embed
   * @param {Handlers} [handlers]
   */
  constructor(iframe, address, handlers = {}) {
    const url = new URL(address, document.baseURI);
    url.searchParams.set('origin', location.origin);
    this.#iframe = iframe;
    this.#origin = url.origin;
    this.#handlers = handlers;
    addEventListener('message', ({ source, origin, data }) => {
      if (source === iframe.contentWindow && origin === this.#origin && isOurs(data) && data.version === version) this.#take(data);
    }, { signal: this.#listening.signal });
    iframe.src = url.href;
  }

  /**
   * Changes what the frame shows.
   *
   * @param {Settings} settings
   */
  async configure(settings) {
    await this.#say({ type: 'configure', settings });
  }

  /**
   * Has a picture looked at, in place of the one before.
   *
   * @param {Blob | ImageBitmap | ImageData} image
   * @returns {Promise<Classification>}
   */
  classify(image) {
    const id = ++this.#ids;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#say({ type: 'classify', id, image }).catch(reject);
    });
  }

  /** Listens no more, and empties the iframe. */
  close() {
    this.#listening.abort();
    this.#iframe.removeAttribute('src');
    for (const { reject } of this.#waiting.values()) reject(new HamsterError('closed', 'the frame was closed'));
    this.#waiting.clear();
  }

  /** @param {object} body */
  async #say(body) {
    await this.#up;
    this.#iframe.contentWindow?.postMessage(message(body), this.#origin);
  }

  /** @param {any} data */
  #take(data) {
    const { onprogress, onready, onresult, onerror, grows = false } = this.#handlers;
    switch (data.type) {
      case 'hello': return this.#greeted();
      case 'progress': return onprogress?.(data.progress);
      case 'ready': return onready?.(data.info);
      case 'size':
        if (grows) this.#iframe.style.height = `${data.height}px`;
        return undefined;
      case 'result': {
        const waiting = this.#answered(data.id);
        return waiting ? waiting.resolve(data.result) : onresult?.(data.result);
      }
      case 'error': {
        const error = new HamsterError(data.error.code, data.error.message);
        const waiting = this.#answered(data.id);
        return waiting ? waiting.reject(error) : onerror?.(error);
      }
    }
    return undefined;
  }

  /** @param {number} id */
  #answered(id) {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }
}
