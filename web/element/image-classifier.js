import { Classifier } from '../library/classifier.js';
import { open } from '../library/source.js';
import { until } from '../shared/calls.js';
import { Smoother } from '../shared/smooth.js';
import { HamsterError, isAbort } from '../shared/errors.js';
import { inspectImage } from '../shared/imageheader.js';
import { parseBackend, parseTop } from './attributes.js';
import { closeCamera, openCamera } from './camera.js';
import { inTurn } from './queue.js';
import { View } from './view.js';

/**
 * @import { Classification, ModelInfo } from '../shared/protocol.js'
 * @import { ImageSource } from '../library/source.js'
 * @import { Backend } from '../hamster.js'
 * @import { State } from './element.js'
 */

/** How far below the visible part an element may be for its work to begin, in CSS pixels. */
const margin = '200px';

/** With fewer guesses of each frame, a class that comes and goes would flicker. */
const enoughToSmooth = 15;

/** Properties that someone may have set before the element was defined. */
const properties = ['src', 'model', 'top', 'explain', 'webcam', 'backend', 'alt'];

/** Imported where there is no page (a server that renders), this is a class all the same. */
const Base = /** @type {typeof HTMLElement} */ (globalThis.HTMLElement ?? class {});

/**
 * <image-classifier>; web/element/element.d.ts declares it.
 *
 * @fires {CustomEvent<Progress>} progress - How far the start is
 * @fires {CustomEvent<ModelInfo>} ready - The model is loaded
 * @fires {CustomEvent<Classification>} classify - An answer
 * @fires {CustomEvent<HamsterError>} error - A failure, also of an attribute's value
 *
 * @attr {string} src - Address of the picture; without it the reader chooses one
 * @attr {string} model - Address of the model; without it, that of the library's server
 * @attr {number} top - How many guesses are shown, 0 for all
 * @attr {boolean} explain - Paints what spoke for the best guess over the picture
 * @attr {boolean} webcam - Offers the camera in place of a picture
 * @attr {string} backend - auto, simd or gorgonia
 * @attr {string} alt - What the picture is called for those who do not see it
 *
 * @slot placeholder - Shown in place of a picture
 * @slot result - Shown in place of the list of guesses
 *
 * @csspart card - All of it
 * @csspart stage - Where the picture is
 * @csspart placeholder - What is there before
 * @csspart image - The picture
 * @csspart video - The camera's picture
 * @csspart heatmap - What spoke for the best guess
 * @csspart words - All that is not the picture
 * @csspart guesses - The list of guesses
 * @csspart guess - One of them
 * @csspart label - Its name
 * @csspart score - Its percentage
 * @csspart bar - Its bar
 * @csspart error - What went wrong
 * @csspart status - What is being done
 * @csspart progress - How far it is
 * @csspart button - Each button
 *
 * @cssprop --image-classifier-ground - Background
 * @cssprop --image-classifier-sunken - Background of the picture
 * @cssprop --image-classifier-line - Lines
 * @cssprop --image-classifier-ink - Text
 * @cssprop --image-classifier-quiet - Text that matters less
 * @cssprop --image-classifier-accent - Buttons
 * @cssprop --image-classifier-on-accent - Text on buttons
 * @cssprop --image-classifier-bar - Bar of the best guess
 * @cssprop --image-classifier-bar-rest - Bars of the others
 * @cssprop --image-classifier-track - What the bars run in
 * @cssprop --image-classifier-trouble - Text of failures
 * @cssprop --image-classifier-radius - Round corners
 * @cssprop --image-classifier-ratio - Width / height of the picture's place
 * @cssprop --image-classifier-font - Font families
 *
 * @tagname image-classifier
 */
export class ImageClassifierElement extends Base {
  static observedAttributes = ['src', 'model', 'top', 'explain', 'webcam', 'backend', 'alt', 'lang'];

  #view;
  /** @type {Classifier | null} */
  #classifier = null;
  /** What is to be classified, and whether that is done. @type {{ source: ImageSource, done: boolean } | null} */
  #job = null;
  /** @type {AbortController | null} */
  #turn = null;
  /** @type {IntersectionObserver | null} */
  #observer = null;
  #isVisible = false;
  /** Attributes that changed since the last update. @type {Set<string>} */
  #changed = new Set();
  /** @type {State} */
  #state = 'empty';
  /** @type {Classification | null} */
  #result = null;
  /** @type {ModelInfo | null} */
  #info = null;

  constructor() {
    super();
    this.#view = new View(this, {
      onfile: (file) => this.classify(file),
      onbutton: () => (this.#state === 'live' || this.#state === 'looking' ? this.#stop() : this.#live()),
      onretry: () => (this.webcam ? this.#live() : this.#look()),
    });
  }

  get src() {
    return this.getAttribute('src') ?? '';
  }

  set src(value) {
    this.setAttribute('src', value);
  }

  get model() {
    return this.getAttribute('model') ?? '';
  }

  set model(value) {
    this.setAttribute('model', value);
  }

  get top() {
    return parseTop(this.getAttribute('top')).value;
  }

  set top(value) {
    this.setAttribute('top', String(value));
  }

  get explain() {
    return this.hasAttribute('explain');
  }

  set explain(value) {
    this.toggleAttribute('explain', Boolean(value));
  }

  get webcam() {
    return this.hasAttribute('webcam');
  }

  set webcam(value) {
    this.toggleAttribute('webcam', Boolean(value));
  }

  /** @returns {Backend} */
  get backend() {
    return parseBackend(this.getAttribute('backend')).value;
  }

  set backend(value) {
    this.setAttribute('backend', value);
  }

  get alt() {
    return this.getAttribute('alt') ?? '';
  }

  set alt(value) {
    this.setAttribute('alt', value);
  }

  /** @returns {State} */
  get state() {
    return this.#state;
  }

  /** @returns {Classification | null} */
  get result() {
    return this.#result;
  }

  /** @returns {ModelInfo | null} */
  get info() {
    return this.#info;
  }

  /**
   * Classifies a source in place of `src`.
   *
   * @param {ImageSource} source
   * @returns {Promise<Classification | null>} null where there is no answer; an `error` event says why
   */
  async classify(source) {
    this.#update(); // what was set a moment ago counts
    this.#job = { source, done: false };
    return this.#look();
  }

  connectedCallback() {
    for (const name of properties) this.#upgrade(name);
    this.#observer = new IntersectionObserver((entries) => {
      this.#isVisible = entries.at(-1)?.isIntersecting ?? false;
      this.#begin();
    }, { rootMargin: margin });
    this.#observer.observe(this);
    if (!this.#job && this.hasAttribute('src')) this.#change('src');
    else this.#change('');
  }

  disconnectedCallback() {
    this.#observer?.disconnect();
    this.#observer = null;
    this.#isVisible = false;
    // An element that is moved is back by then, and goes on.
    queueMicrotask(() => {
      if (this.isConnected) return;
      this.#turn?.abort();
      this.#classifier?.close();
      this.#classifier = null;
      if (this.#state !== 'answered' && this.#state !== 'failed') this.#enter('empty');
    });
  }

  /**
   * @param {string} name
   * @param {string | null} before
   * @param {string | null} after
   */
  attributeChangedCallback(name, before, after) {
    if (before !== after) this.#change(name);
  }

  /**
   * Several changes in a row are one.
   *
   * @param {string} name
   */
  #change(name) {
    if (this.#changed.size === 0) queueMicrotask(() => this.#update());
    this.#changed.add(name);
  }

  #update() {
    const changed = this.#changed;
    if (changed.size === 0) return;
    this.#changed = new Set();
    const has = (/** @type {string[]} */ ...names) => names.some((name) => changed.has(name));
    for (const { fault } of [
      has('top') ? parseTop(this.getAttribute('top')) : { fault: '' },
      has('backend') ? parseBackend(this.getAttribute('backend')) : { fault: '' },
    ]) if (fault) this.#tell('error', new HamsterError('option-invalid', fault));

    this.#view.speak();
    this.#view.describe(this.alt);
    this.#view.offer(this.webcam ? 'camera' : this.src ? 'none' : 'photo', this.top || 5);
    if (has('model', 'backend')) {
      this.#classifier?.close();
      this.#classifier = null;
      this.#info = null;
    }
    if (has('src', 'webcam')) {
      this.#turn?.abort();
      this.#result = null;
      this.#job = this.src && !this.webcam ? { source: this.src, done: false } : null;
      this.#view.show(null);
      this.#enter('empty');
    } else if (has('model', 'backend', 'top', 'explain') && this.#job) {
      this.#job.done = false;
    } else if (has('model', 'backend') && this.#state === 'live') {
      this.#live(); // through the other one
    }
    this.#begin();
  }

  /** Begins what is to be done as soon as somebody may see it. */
  #begin() {
    if (!this.isConnected || !this.#job || this.#job.done) return;
    if (this.#isVisible) this.#look();
    else if (this.#state === 'empty') this.#enter('waiting');
  }

  /** @returns {Promise<Classification | null>} */
  async #look() {
    const job = this.#job;
    if (!job) return null;
    job.done = true; // or on its way
    const signal = this.#newTurn();
    const classifier = this.#open();
    if (!classifier) return null;
    try {
      this.#enter(this.#info ? 'waiting' : 'loading');
      const loading = this.#ready(classifier, signal);
      loading.catch(() => {}); // the picture may fail first
      const { source } = job;
      const image = await open(source, signal);
      if (image instanceof Blob) await inspectImage(image);
      await this.#view.show(image, signal);
      await loading;
      signal.throwIfAborted();
      this.#enter('waiting');
      const result = await inTurn(() => {
        this.#enter('looking');
        return classifier.classify(image instanceof Blob ? image : source, { top: this.top, explain: this.explain, signal });
      }, signal);
      signal.throwIfAborted();
      this.#enter('answered');
      this.#view.answer(result.predictions);
      this.#view.explain(result.heatmap);
      this.#view.announce(result);
      this.#tellAnswer(result);
      return result;
    } catch (thrown) {
      if (!signal.aborted) this.#fail(thrown);
      else if (this.#turn?.signal === signal) job.done = false; // nothing else came: perhaps the element is back some day
      return null;
    }
  }

  /** Looks through the camera: always at the newest frame, and only while somebody sees it. */
  async #live() {
    const signal = this.#newTurn();
    const classifier = this.#open();
    if (!classifier) return;
    const { video } = this.#view;
    /** @type {MediaStream | null} */
    let stream = null;
    try {
      this.#enter(this.#info ? 'looking' : 'loading');
      const loading = this.#ready(classifier, signal);
      loading.catch(() => {});
      stream = await openCamera();
      signal.throwIfAborted();
      const lost = new Promise((_, reject) => stream?.getVideoTracks()[0].addEventListener('ended', () => {
        reject(new HamsterError('camera-failed', 'the camera is gone'));
      }));
      lost.catch(() => {});
      video.srcObject = stream;
      this.#view.forget();
      this.#view.live(true);
      await video.play();
      await loading;
      signal.throwIfAborted();
      this.#enter('live');
      const smoother = new Smoother();
      let last = performance.now();
      for (;;) {
        await until(Promise.race([this.#watched(signal), lost]), signal);
        const explain = this.explain && this.#info?.explains === 'grad-cam'; // the other way takes many runs
        const asked = this.top && Math.max(this.top, enoughToSmooth);
        const result = await until(Promise.race([classifier.classify(video, { top: asked, explain, signal }), lost]), signal);
        const now = performance.now();
        const calm = smoother.add(result.predictions, now - last);
        last = now;
        this.#view.answer(this.top ? calm.slice(0, this.top) : calm);
        this.#view.explain(result.heatmap);
        this.#tellAnswer(this.top ? { ...result, predictions: result.predictions.slice(0, this.top) } : result);
        await painted();
      }
    } catch (thrown) {
      if (!signal.aborted) this.#fail(thrown);
    } finally {
      if (stream) closeCamera(stream);
      if (video.srcObject === stream) {
        video.srcObject = null;
        this.#view.live(false);
      }
    }
  }

  #stop() {
    this.#turn?.abort();
    this.#view.forget();
    this.#enter('empty');
  }

  /** Ends what was being done. */
  #newTurn() {
    this.#turn?.abort();
    this.#turn = new AbortController();
    return this.#turn.signal;
  }

  /** The classifier with the attributes' settings, or null where they make none. */
  #open() {
    try {
      this.#classifier ??= new Classifier({
        model: this.model || undefined,
        backend: this.backend,
        onprogress: (progress) => {
          if (this.#state === 'loading') this.#view.progress(progress);
          this.#tell('progress', progress);
        },
      });
      return this.#classifier;
    } catch (thrown) {
      this.#fail(thrown);
      return null;
    }
  }

  /**
   * @param {Classifier} classifier
   * @param {AbortSignal} signal
   */
  async #ready(classifier, signal) {
    const info = await until(classifier.load(), signal);
    if (this.#info || classifier !== this.#classifier) return;
    this.#info = info;
    this.#tell('ready', info);
  }

  /** @param {Classification} result */
  #tellAnswer(result) {
    this.#result = result;
    this.#tell('classify', result);
  }

  /** @param {unknown} thrown */
  #fail(thrown) {
    const error = isAbort(thrown) ? new HamsterError('closed', 'it was ended') : HamsterError.from(thrown);
    this.#result = null;
    this.#state = 'failed';
    this.#view.failure(error, mayPass(error));
    this.#tell('error', error);
  }

  /** @param {State} state */
  #enter(state) {
    this.#state = state;
    this.#view.enter(state);
  }

  /**
   * @param {string} name
   * @param {unknown} detail
   */
  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** Resolves when the element can be seen. @param {AbortSignal} signal */
  async #watched(signal) {
    while (!signal.aborted && (document.hidden || !this.#isVisible)) {
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  /**
   * What was set on the element before it had this class hides the accessor.
   *
   * @param {string} name
   */
  #upgrade(name) {
    if (!Object.hasOwn(this, name)) return;
    const self = /** @type {any} */ (this);
    const value = self[name];
    delete self[name];
    self[name] = value;
  }
}

/** Resolves when the browser is about to paint. */
const painted = () => new Promise((resolve) => requestAnimationFrame(resolve));

/**
 * Whether the same may go well another time.
 *
 * @param {HamsterError} error
 */
function mayPass({ code }) {
  return code.startsWith('camera-') || ['image-unreachable', 'model-missing', 'model-unreachable', 'model-truncated', 'model-damaged', 'model-html', 'engine-missing', 'engine-stopped', 'internal', 'closed'].includes(code);
}
