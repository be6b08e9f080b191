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
 *   onresult?: (result: Classification) => void, onerror?: (error: HamsterError) => void, grows?: boolean, patience?: number }} Handlers
 *   those of results and errors are told what the reader did; `grows`: the iframe gets the height that it needs;
 *   `patience`: how many milliseconds the frame has to come
 */

/** What the frame has to come, in milliseconds, on a slow line too. */
const defaultPatience = 60_000;

/** How long a page that has loaded may be silent, in milliseconds: ours speaks while it loads. */
const silence = 3_000;

export class HamsterFrame {
  #iframe;
  #address;
  /** Whose messages are the frame's, and who alone gets ours. */
  #partner;
  #handlers;
  #listening = new AbortController();
  #ids = 0;
  /** @type {Map<number, { resolve: (result: Classification) => void, reject: (error: unknown) => void }>} */
  #waiting = new Map();
  #up = new Happening();
  #silent = new Happening();
  #closed = new Happening();

  /**
   * Sends an iframe to the frame's address.
   *
   * @param {HTMLIFrameElement} iframe `allow="camera"` is the page's to grant
   * @param {string | URL} address such as https://hamster.example/embed
   * @param {Handlers} [handlers]
   */
  constructor(iframe, address, handlers = {}) {
    const url = new URL(address, document.baseURI);
    url.searchParams.set('origin', self.origin);
    // Without allow-same-origin a sandboxed frame has no origin of its own.
    const isOpaque = iframe.hasAttribute('sandbox') && !iframe.sandbox.contains('allow-same-origin');
    this.#iframe = iframe;
    this.#address = url.href;
    this.#partner = isOpaque ? { origin: 'null', target: '*' } : { origin: url.origin, target: url.origin };
    this.#handlers = handlers;
    const { signal } = this.#listening;
    addEventListener('message', ({ source, origin, data }) => {
      if (source === iframe.contentWindow && origin === this.#partner.origin && isOurs(data) && data.version === version) this.#take(data);
    }, { signal });
    iframe.addEventListener('load', () => setTimeout(this.#silent.happen, silence), { signal });
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
      this.#say({ type: 'classify', id, image }).catch((error) => this.#answered(id)?.reject(error));
    });
  }

  /** Listens no more, and empties the iframe. */
  close() {
    this.#listening.abort();
    this.#closed.happen();
    this.#iframe.removeAttribute('src');
    for (const { reject } of this.#waiting.values()) reject(closed());
    this.#waiting.clear();
  }

  /** @param {object} body */
  async #say(body) {
    await this.#spoken();
    if (!this.#iframe.contentWindow) throw this.#unreachable('its iframe is not on the page any more');
    this.#iframe.contentWindow.postMessage(message(body), this.#partner.target);
  }

  /** Kept when the frame has spoken; a later call asks again. */
  async #spoken() {
    if (this.#listening.signal.aborted) throw closed();
    if (self.origin === 'null') throw this.#unreachable('this page has no origin that it could name, since it is in a sandbox without allow-same-origin');
    const { patience = defaultPatience } = this.#handlers;
    let timer = 0;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(this.#unreachable(`it has not loaded within ${patience / 1000} seconds`)), patience);
    });
    const silent = this.#silent.promise.then(() => {
      throw this.#unreachable(`what loads there is not Hamster’s frame, or ${self.origin} may not show it`);
    });
    const ended = this.#closed.promise.then(() => {
      throw closed();
    });
    try {
      await Promise.race([ended, this.#up.promise, silent, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** @param {string} why */
  #unreachable(why) {
    return new HamsterError('frame-unreachable', `${this.#address} does not answer: ${why}`, { url: this.#address });
  }

  /** @param {any} data */
  #take(data) {
    const { onprogress, onready, onresult, onerror, grows = false } = this.#handlers;
    switch (data.type) {
      case 'hello': return this.#up.happen();
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

const closed = () => new HamsterError('closed', 'the frame was closed');

/** Something that happens once, and that can be waited for. */
class Happening {
  /** @type {() => void} */
  happen = () => {};
  /** @type {Promise<void>} */
  promise = new Promise((resolve) => {
    this.happen = resolve;
  });
}
