/**
 * The live camera: one frame after the other is looked at, always the newest.
 * While one is being looked at the others are dropped; none waits.
 */

import { texts } from '../shared/texts.js';
import { Camera, CameraError } from './camera.js';
import { find, make, say } from './dom.js';
import { rowsOf, show, shownGuesses } from './guesses.js';
import { Smoother } from '../shared/smooth.js';
import { isUnsure } from './unsure.js';

/**
 * @import { Classification } from '../shared/protocol.js'
 *
 * `onlook` tells that the camera is there, `ongone` that the page was left with it.
 * @typedef {{
 *   classify: (source: HTMLVideoElement, options: { top: number, signal: AbortSignal }) => Promise<Classification>,
 *   onlook: () => void,
 *   onanswer: (result: Classification) => void,
 *   onfrozen: (frame: Blob, isMirrored: boolean) => void,
 *   onpause: (isPaused: boolean) => void,
 *   ongone: () => void,
 *   ontrouble: (error: unknown) => void }} Handlers
 */

/** Enough classes that what comes into view next has been on its way. */
const followed = 2 * shownGuesses;

/** Numbers that are read change no more often than this, in milliseconds. */
const readingTime = 500;

/** Over this many milliseconds frames are counted. */
const countingTime = 2000;

export class Live {
  #video = find('video', HTMLVideoElement);
  #caption = find('caption');
  #handlers;
  #camera;
  #smoother = new Smoother();
  /** Ends the loop that runs. */
  #turn = new AbortController();
  #isOpen = false;
  #isFrozen = false;

  /** @param {Handlers} handlers */
  constructor(handlers) {
    this.#handlers = handlers;
    this.#turn.abort();
    this.#camera = new Camera(this.#video, () => this.#fail(new CameraError('lost')));
    find('freeze').addEventListener('click', () => (this.#isFrozen ? this.#unfreeze() : this.#freeze()));
    find('switch-camera').addEventListener('click', () => this.#start(() => this.#camera.openNext()));
    document.addEventListener('visibilitychange', () => this.#attend());
    addEventListener('pagehide', () => {
      if (!this.#isOpen) return;
      this.close();
      this.#handlers.ongone(); // a page that comes back has no camera
    });
  }

  /** Opens the camera and looks through it. */
  open() {
    this.#isOpen = true;
    return this.#start(() => this.#camera.open());
  }

  /** Stops every track and forgets what was seen. */
  close() {
    this.#isOpen = false;
    this.#turn.abort();
    this.#camera.close();
    this.#video.hidden = true;
    this.#caption.hidden = true;
    this.#setFrozen(false);
  }

  /** Forgets what was seen, by another model. @returns {boolean} whether anything is being looked at */
  again() {
    const isLooking = !this.#turn.signal.aborted && !this.#isFrozen;
    this.#caption.hidden = true;
    if (isLooking) this.#look();
    return isLooking;
  }

  /** @param {() => Promise<boolean>} open */
  async #start(open) {
    this.#turn.abort();
    this.#setFrozen(false);
    try {
      if (!await open()) return;
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#video.classList.toggle('is-mirrored', this.#camera.isFront);
    this.#video.hidden = false;
    find('switch-camera').hidden = this.#camera.count < 2;
    this.#handlers.onlook();
    if (document.hidden) this.#camera.pause(); // until somebody looks
    else this.#look();
  }

  /** Pauses while the page is hidden, and goes on afterwards. */
  async #attend() {
    if (!this.#isOpen || this.#isFrozen) return;
    this.#handlers.onpause(document.hidden);
    if (document.hidden) {
      this.#turn.abort();
      this.#camera.pause();
    } else {
      await this.#camera.resume();
      if (this.#camera.isOpen && !this.#isFrozen && !document.hidden) this.#look();
    }
  }

  async #look() {
    this.#turn.abort();
    const turn = this.#turn = new AbortController();
    const { signal } = turn;
    this.#smoother.reset();
    /** When answers came, in the last seconds. @type {number[]} */
    const answered = [];
    let latency = 0;
    let before = performance.now();
    let told = -Infinity;
    try {
      for (;;) {
        await newFrame(this.#video, signal);
        const taken = performance.now();
        const result = await this.#handlers.classify(this.#video, { top: followed, signal });
        signal.throwIfAborted();
        const now = performance.now();
        const predictions = this.#smoother.add(result.predictions, now - before);
        before = now;
        latency += (now - taken - latency) / (answered.length === 0 ? 1 : 4);
        answered.push(now);
        while (now - answered[0] > countingTime) answered.shift();
        show(rowsOf(predictions), { isUnsure: isUnsure(predictions) });
        this.#caption.hidden = false;
        if (now - told < readingTime) continue;
        told = now;
        const [best] = predictions;
        const doubt = isUnsure(predictions);
        const rate = answered.length < 2 ? 0 : (answered.length - 1) * 1000 / (now - answered[0]);
        const shownLatency = latency;
        say(find('caption-label'), () => (doubt ? texts.perhaps(texts.label(best.label)) : texts.label(best.label)));
        say(find('caption-rate'), () => texts.rate(rate, shownLatency));
        this.#handlers.onanswer({ ...result, predictions });
      }
    } catch (error) {
      if (!signal.aborted) this.#fail(error);
    }
  }

  /** Keeps the frame of now; the camera sees nothing meanwhile. */
  async #freeze() {
    if (this.#video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
    this.#turn.abort();
    const { signal } = this.#turn = new AbortController();
    this.#isFrozen = true;
    const canvas = make('canvas');
    canvas.width = this.#video.videoWidth;
    canvas.height = this.#video.videoHeight;
    canvas.getContext('2d')?.drawImage(this.#video, 0, 0);
    this.#camera.pause();
    /** @type {Blob | null} */
    const frame = await new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', 0.95));
    if (signal.aborted) return; // left, or let go again
    if (!frame) {
      this.#unfreeze();
      return;
    }
    this.#setFrozen(true);
    this.#caption.hidden = true;
    this.#handlers.onfrozen(frame, this.#camera.isFront);
  }

  async #unfreeze() {
    this.#turn.abort();
    this.#setFrozen(false);
    await this.#camera.resume();
    if (!this.#camera.isOpen || this.#isFrozen) return; // left, or frozen again meanwhile
    this.#handlers.onlook();
    if (!document.hidden) this.#look();
  }

  /** @param {boolean} isFrozen */
  #setFrozen(isFrozen) {
    this.#isFrozen = isFrozen;
    document.body.toggleAttribute('data-frozen', isFrozen);
    say(find('freeze'), () => (isFrozen ? texts.unfreeze : texts.freeze));
  }

  /** @param {unknown} error */
  #fail(error) {
    this.close();
    this.#handlers.ontrouble(error);
  }
}

/**
 * Waits for the next frame of a video.
 *
 * @param {HTMLVideoElement} video
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
function newFrame(video, signal) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const leave = () => reject(signal.reason);
    const arrive = () => {
      signal.removeEventListener('abort', leave);
      resolve();
    };
    signal.addEventListener('abort', leave);
    if ('requestVideoFrameCallback' in video) video.requestVideoFrameCallback(arrive);
    else requestAnimationFrame(arrive);
  });
}
