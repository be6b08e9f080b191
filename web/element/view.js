/**
 * What <image-classifier> shows: its shadow tree, and nothing of where answers
 * come from. All that others wrote, labels above all, goes in as text.
 */

import { paintHeat } from '../library/heat.js';
import { failureText, percent, readable, textsFor } from './texts.js';
import { style } from './style.js';

/**
 * @import { Classification, Heatmap, Pixels, Prediction, Progress } from '../shared/protocol.js'
 * @import { HamsterError } from '../shared/errors.js'
 * @import { State } from './element.js'
 *
 * What the reader can do with the element: nothing, choose a photo, or use the camera.
 * @typedef {'none' | 'photo' | 'camera'} Way
 *
 * @typedef {{ onfile: (file: File) => void, onbutton: () => void, onretry: () => void }} Handlers
 */

/** The longer side of a picture as it is shown, in pixels, at the most. */
const shownSide = 1280;

/** One sheet for all elements. @type {CSSStyleSheet | null} */
let sheet = null;

export class View {
  #host;
  #texts;
  #card;
  #stage;
  #placeholder;
  #choose = make('span');
  #drop;
  #picker;
  #button;
  #retry;
  #picture;
  #guesses;
  #failure;
  #failureText = make('p');
  #status;
  #statusText = make('span');
  #progress;
  #announcer;
  /** @type {Way} */
  #way = 'none';

  #heat;

  /** @type {HTMLVideoElement} */
  video;

  /**
   * @param {HTMLElement} host
   * @param {Handlers} handlers
   */
  constructor(host, { onfile, onbutton, onretry }) {
    this.#host = host;
    this.#texts = textsFor(host);
    const root = host.attachShadow({ mode: 'open' });
    dress(root);

    const input = make('input', { type: 'file', accept: 'image/*' });
    input.addEventListener('change', () => {
      const file = input.files?.[0];
      if (file) onfile(file);
      input.value = ''; // picking the same file again counts as well
    });
    this.#picker = make('label', { className: 'button primary', part: 'button' }, input, this.#choose);
    this.#button = make('button', { type: 'button', className: 'button primary', part: 'button' });
    this.#button.addEventListener('click', onbutton);
    this.#retry = make('button', { type: 'button', className: 'button', part: 'button' });
    this.#retry.addEventListener('click', onretry);

    this.#drop = make('span', { className: 'drop' });
    const slot = make('slot', { name: 'placeholder' }, icon(), this.#drop);
    this.#placeholder = make('div', { className: 'placeholder', part: 'placeholder' }, slot);
    this.#picture = make('canvas', { part: 'image', role: 'img', hidden: true });
    this.video = make('video', { part: 'video', muted: true, playsInline: true, hidden: true });
    this.#heat = make('canvas', { className: 'heat', part: 'heatmap', role: 'img', hidden: true });
    this.#stage = make('div', { className: 'stage', part: 'stage' }, this.#placeholder, this.#picture, this.video, this.#heat);
    this.#takeDrops(onfile);

    this.#guesses = make('ol', { className: 'guesses', part: 'guesses' });
    this.#failure = make('div', { className: 'failure', part: 'error', hidden: true }, this.#failureText);
    this.#progress = make('progress', { part: 'progress', max: 1, hidden: true });
    this.#status = make('div', { className: 'status', part: 'status' }, this.#statusText, this.#progress);
    this.#announcer = make('p', { className: 'announcer', role: 'status' });
    // What is being done, what went wrong and the answer are never there at once:
    // they share a place, and nothing moves when one follows another.
    const words = make('div', { className: 'words', part: 'words' },
      make('div', { className: 'answer' }, make('slot', { name: 'result' }, this.#guesses), this.#failure, this.#status),
      make('div', { className: 'foot' }, this.#retry, this.#button, this.#picker),
      this.#announcer);
    this.#card = make('div', { className: 'card', part: 'card' }, this.#stage, words);
    root.append(this.#card);
    this.speak();
    this.enter('empty');
  }

  /** Says everything in the language that the element is in now. */
  speak() {
    this.#texts = textsFor(this.#host);
    const texts = this.#texts;
    this.#drop.textContent = texts.drop;
    this.#retry.textContent = texts.retry;
    this.#guesses.ariaLabel = texts.guesses;
    this.#progress.ariaLabel = texts.connecting;
    this.video.ariaLabel = texts.camera;
    this.#heat.ariaLabel = texts.heat;
    this.#label();
  }

  /** @param {string} alt */
  describe(alt) {
    this.#picture.ariaLabel = alt || this.#texts.picture;
  }

  /**
   * @param {Way} way
   * @param {number} rows how many guesses there will be
   */
  offer(way, rows) {
    this.#way = way;
    this.#guesses.style.setProperty('--rows', String(rows));
    this.#label();
  }

  /** @param {State} state */
  enter(state) {
    this.#card.dataset.state = state;
    this.#card.ariaBusy = String(state === 'loading' || state === 'looking');
    this.#failure.hidden = state !== 'failed';
    this.#progress.hidden = state !== 'loading' && state !== 'looking';
    this.#progress.removeAttribute('value');
    this.#say(state === 'loading' ? this.#texts.connecting : state === 'looking' ? this.#texts.looking : '');
    this.#label();
  }

  /** @param {Progress} progress */
  progress(progress) {
    this.#say(this.#texts.progress(progress));
    if (progress.stage === 'fetch' && progress.total) this.#progress.value = progress.done / progress.total;
    else this.#progress.removeAttribute('value');
  }

  /**
   * Shows a picture, or none. What it cannot show it leaves out: the classifier
   * will say what is wrong with it.
   *
   * @param {Blob | ImageBitmap | VideoFrame | Pixels | null} image closed after use
   * @param {AbortSignal} [signal]
   */
  async show(image, signal) {
    this.forget();
    if (!image) {
      this.#picture.hidden = true;
      this.#placeholder.hidden = false;
      return;
    }
    let bitmap;
    try {
      bitmap = 'data' in image
        ? await createImageBitmap(new ImageData(new Uint8ClampedArray(image.data), image.width, image.height))
        : await createImageBitmap(image);
    } catch {
      return;
    } finally {
      if ('close' in image) image.close();
    }
    if (!signal?.aborted) {
      const side = Math.min(shownSide, devicePixelRatio * Math.max(this.#stage.clientWidth, this.#stage.clientHeight, 64));
      const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
      this.#picture.width = Math.max(1, Math.round(bitmap.width * scale));
      this.#picture.height = Math.max(1, Math.round(bitmap.height * scale));
      const context = this.#picture.getContext('2d');
      if (context) {
        context.imageSmoothingQuality = 'high';
        context.drawImage(bitmap, 0, 0, this.#picture.width, this.#picture.height);
      }
      this.#picture.hidden = false;
      this.#placeholder.hidden = true;
    }
    bitmap.close();
  }

  /** Clears the answer to the picture before. */
  forget() {
    this.#guesses.replaceChildren();
    this.#heat.hidden = true;
  }

  /** @param {boolean} on whether the camera's picture is shown */
  live(on) {
    this.video.hidden = !on;
    this.#picture.hidden = true;
    this.#placeholder.hidden = on;
  }

  /** @param {Prediction[]} predictions */
  answer(predictions) {
    while (this.#guesses.children.length > predictions.length) this.#guesses.lastElementChild?.remove();
    predictions.forEach((prediction, i) => this.#guess(i, prediction));
  }

  /**
   * Paints what spoke for the best guess over the picture.
   *
   * @param {Heatmap} [map] nothing for none
   */
  explain(map) {
    this.#heat.hidden = !map;
    if (!map) return;
    const [width, height] = this.video.hidden ? [this.#picture.width, this.#picture.height] : [this.video.videoWidth, this.video.videoHeight];
    paintHeat(this.#heat, map, width, height);
  }

  /** Tells the answer to those who listen; one that changes all the time is noise. @param {Classification} result */
  announce({ predictions: [best] }) {
    if (best) this.#announcer.textContent = `${this.#texts.best}: ${readable(best.label)}, ${percent(this.#texts, best.score)}`;
  }

  /**
   * @param {HamsterError} error
   * @param {boolean} mayPass whether trying again may help
   */
  failure(error, mayPass) {
    this.enter('failed');
    this.#failureText.textContent = failureText(this.#texts, error.code);
    this.#retry.hidden = !mayPass;
    this.#announcer.textContent = this.#failureText.textContent;
  }

  /**
   * @param {number} i
   * @param {Prediction} prediction
   */
  #guess(i, { label, score }) {
    const row = this.#guesses.children[i] ?? this.#guesses.appendChild(
      make('li', { className: 'guess', part: 'guess' }, make('span', { part: 'label' }), make('span', { part: 'score' }), make('div', { className: 'bar', part: 'bar' })));
    const [name, value, bar] = /** @type {HTMLElement[]} */ ([...row.children]);
    name.textContent = name.title = readable(label);
    value.textContent = percent(this.#texts, score);
    bar.style.setProperty('--score', String(score));
  }

  /** Labels the buttons, and shows those that make sense now. */
  #label() {
    const state = this.#card?.dataset.state;
    if (state === 'empty') this.#say(this.#way === 'none' ? '' : this.#texts.waiting);
    this.#picker.hidden = this.#way !== 'photo';
    this.#drop.hidden = this.#way !== 'photo';
    this.#button.hidden = this.#way !== 'camera' || state === 'loading';
    this.#retry.hidden ||= state !== 'failed';
    this.#choose.textContent = state === 'answered' ? this.#texts.another : this.#texts.choose;
    this.#button.textContent = state === 'live' || state === 'looking' ? this.#texts.stop : this.#texts.start;
  }

  /** @param {string} text */
  #say(text) {
    this.#statusText.textContent = text;
  }

  /** @param {(file: File) => void} onfile */
  #takeDrops(onfile) {
    const takes = (/** @type {DragEvent} */ event) => this.#way === 'photo' && (event.dataTransfer?.types.includes('Files') ?? false);
    const over = (/** @type {boolean} */ on) => this.#stage.classList.toggle('is-target', on);
    this.#stage.addEventListener('dragover', (event) => {
      if (!takes(event)) return;
      event.preventDefault();
      over(true);
    });
    this.#stage.addEventListener('dragleave', () => over(false));
    this.#stage.addEventListener('drop', (event) => {
      over(false);
      if (!takes(event)) return;
      event.preventDefault();
      const file = event.dataTransfer?.files[0];
      if (file) onfile(file);
    });
  }
}

/**
 * Styles a shadow tree in a way that no CSP forbids.
 *
 * @param {ShadowRoot} root
 */
function dress(root) {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(style);
  }
  root.adoptedStyleSheets = [sheet];
}

/**
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, unknown>} [properties] `part` and `role` are attributes
 * @param {...Node} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
function make(name, { part, role, ...properties } = {}, ...children) {
  const element = document.createElement(name);
  if (part) element.setAttribute('part', String(part));
  if (role) element.setAttribute('role', String(role));
  Object.assign(element, properties);
  element.append(...children);
  return element;
}

/** A picture of a picture. */
function icon() {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', 'M5 3.5h14A1.5 1.5 0 0 1 20.500 5v14a1.500 1.500 0 0 1-1.500 1.500H5A1.500 1.500 0 0 1 3.500 19V5A1.500 1.500 0 0 1 5 3.500zM3.500 16l4.500-4.500 4 4 3.500-3.500 5 5M15 8.500h.01');
  for (const [key, value] of Object.entries({ fill: 'none', stroke: 'currentColor', 'stroke-width': '1.4', 'stroke-linecap': 'round', 'stroke-linejoin': 'round' })) path.setAttribute(key, value);
  svg.append(path);
  return svg;
}
