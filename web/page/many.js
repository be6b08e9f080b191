/**
 * Many photos on the stage: a grid of thumbnails with their answers, what of
 * them is shown and in which order, and files for other programs.
 */

import { texts } from '../shared/texts.js';
import { inspectImage } from '../shared/imageheader.js';
import { Batch } from './batch.js';
import { announce, download, find, leadOn, make, makeButton, option, say } from './dom.js';
import { toCSV, toJSON } from './export.js';
import { clear, show, shownGuesses } from './guesses.js';
import { recovered, resting, working } from './status.js';
import { thumbnail } from './thumbnail.js';
import { isUnsure } from './unsure.js';

/**
 * @import { Classification } from '../shared/protocol.js'
 * @import { Item, Order } from './batch.js'
 * @import { Photo } from './intake.js'
 *
 * @typedef {{
 *   classify: (image: Blob, options: { top: number, signal: AbortSignal }) => Promise<Classification>,
 *   fails: (error: unknown) => (() => string) | null,
 *   onopen: (item: Item) => void,
 *   ontrouble: (error: unknown, retry: () => void) => void }} Handlers
 */

export class Many {
  #handlers;
  #batch;
  #gallery = find('gallery');
  #what = make('select');
  #atLeast = make('input');
  #order = make('select');
  #tiles = make('ul', 'tiles');
  #none = say(make('p', 'quiet none'), () => texts.noneMatches);
  /** @type {Map<Item, { tile: HTMLLIElement, button: HTMLButtonElement, image: HTMLImageElement, words: HTMLElement, score: HTMLElement }>} */
  #views = new Map();
  #leftOut = 0;
  /** On the stage, and not behind one of its photos. */
  isShown = false;

  /** @param {Handlers} handlers */
  constructor(handlers) {
    this.#handlers = handlers;
    this.#batch = new Batch({
      look: (item, signal) => this.#look(item, signal),
      fails: handlers.fails,
      onitem: (item) => this.#drawTile(item),
      onstate: () => this.#drawState(),
      ontrouble: (error) => handlers.ontrouble(error, () => this.#batch.start()),
    });
    this.#layOut();
    find('many-go').addEventListener('click', () => {
      if (this.#batch.isRunning) this.#batch.stop();
      else this.#batch.start();
    });
    find('save-csv').addEventListener('click', () => download(new Blob([toCSV(this.#answered())], { type: 'text/csv' }), 'hamster.csv'));
    find('save-json').addEventListener('click', () => download(new Blob([toJSON(this.#answered(), this.#by())], { type: 'application/json' }), 'hamster.json'));
  }

  /** How many photos there are. */
  get size() {
    return this.#batch.items.length;
  }

  /**
   * @param {readonly Photo[]} photos
   * @param {number} [leftOut] how many files beside them were none
   */
  add(photos, leftOut = 0) {
    this.#leftOut += leftOut;
    this.open();
    this.#batch.add(photos);
    this.#arrange();
    announce(texts.photos(this.size));
  }

  /** Shows the grid. */
  open() {
    this.isShown = true;
    this.#gallery.hidden = false;
    this.#drawState();
  }

  /** Leaves the stage to one photo; the queue goes on. */
  leave() {
    this.isShown = false;
    this.#gallery.hidden = true;
  }

  /** Asks again for all of them. */
  again() {
    this.#batch.again();
    for (const item of this.#batch.items) this.#drawTile(item);
  }

  /** Forgets all photos. */
  clear() {
    this.#batch.clear();
    find('many-go').hidden = false;
    for (const { image } of this.#views.values()) URL.revokeObjectURL(image.src);
    this.#views.clear();
    this.#tiles.replaceChildren();
    this.#leftOut = 0;
    this.#atLeast.value = '0';
    this.leave();
  }

  /** Puts the focus back to where the grid was left. @param {Item} item */
  focus(item) {
    this.#views.get(item)?.button.focus();
  }

  /** The filters and the empty grid. */
  #layOut() {
    const field = (/** @type {() => string} */ name, /** @type {HTMLElement[]} */ ...controls) =>
      make('label', 'filter', say(make('span'), name), ...controls);
    Object.assign(this.#atLeast, { type: 'range', min: '0', max: '95', step: '5', value: '0' });
    const shownAtLeast = say(make('output'), () => texts.percent(this.#atLeast.valueAsNumber / 100));
    this.#atLeast.addEventListener('input', () => {
      say(shownAtLeast, () => texts.percent(this.#atLeast.valueAsNumber / 100));
      this.#arrange();
    });
    const orders = /** @type {Order[]} */ (Object.keys(texts.sorts));
    this.#order.append(...orders.map((order) => option(order, () => texts.sorts[order])));
    for (const select of [this.#what, this.#order]) select.addEventListener('change', () => this.#arrange());
    this.#tiles.addEventListener('keydown', (event) => this.#move(event));
    this.#gallery.replaceChildren(
      make('div', 'filters', field(() => texts.filterClass, this.#what), field(() => texts.filterScore, this.#atLeast, shownAtLeast), field(() => texts.sortBy, this.#order)),
      this.#tiles,
      this.#none,
    );
    this.#none.hidden = true;
  }

  /**
   * @param {Item} item
   * @param {AbortSignal} signal
   */
  async #look(item, signal) {
    const image = await item.photo.open(signal);
    await inspectImage(image); // what is too large to decode is too large to show
    signal.throwIfAborted();
    await this.#picture(item, image);
    return this.#handlers.classify(image, { top: shownGuesses, signal });
  }

  /**
   * @param {Item} item
   * @param {Blob} photo
   */
  async #picture(item, photo) {
    const view = this.#views.get(item);
    if (!view || view.image.src) return;
    const small = await thumbnail(photo);
    if (small && this.#views.has(item)) view.image.src = URL.createObjectURL(small);
  }

  /** @param {Item} item */
  #view(item) {
    let view = this.#views.get(item);
    if (!view) {
      const image = make('img');
      image.alt = '';
      image.decoding = 'async';
      const words = make('span', 'tile-label');
      const score = make('span', 'tile-score');
      const button = makeButton('tile', () => this.#handlers.onopen(item));
      button.tabIndex = -1;
      button.append(image, make('span', 'tile-words', words, ' ', score));
      view = { tile: make('li', '', button), button, image, words, score };
      this.#views.set(item, view);
    }
    return view;
  }

  /** @param {Item} item */
  #drawTile(item) {
    if (!this.#batch.items.includes(item)) return; // they were cleared meanwhile
    const { button, words, score } = this.#view(item);
    const { state, predictions } = item;
    const [best] = predictions;
    button.dataset.state = state;
    button.classList.toggle('is-unsure', isUnsure(predictions));
    const said = () => (best ? texts.label(best.label) : state === 'failed' ? item.error() : texts.tileWaiting);
    say(words, () => (state === 'failed' || best ? said() : ''));
    say(score, () => (best ? texts.percent(best.score) : ''));
    say(button, () => texts.tile(item.photo.name(), best ? `${said()} ${texts.percent(best.score)}` : said()), 'aria-label');
    say(button, () => item.photo.name(), 'title');
    if (this.#isChosen) this.#arrange();
  }

  /** Whether the reader asked for anything but all photos as they came. */
  get #isChosen() {
    return this.#what.value !== '' || this.#atLeast.value !== '0' || this.#order.value !== 'arrival';
  }

  /** Shows what is chosen, in its order. */
  #arrange() {
    const chosen = this.#batch.chosen({
      what: this.#what.value, atLeast: this.#atLeast.valueAsNumber / 100, order: /** @type {Order} */ (this.#order.value),
    });
    const tiles = chosen.map((item) => {
      const view = this.#view(item);
      if (!view.button.dataset.state) this.#drawTile(item);
      return view.tile;
    });
    const hadFocus = this.#tiles.contains(document.activeElement);
    const same = tiles.length === this.#tiles.children.length && tiles.every((tile, i) => tile === this.#tiles.children[i]);
    if (!same) {
      this.#tiles.replaceChildren(...tiles);
      this.#reach(tiles.find((tile) => tile.querySelector('button')?.tabIndex === 0) ?? tiles[0], hadFocus);
    }
    this.#none.hidden = tiles.length > 0 || this.size === 0;
  }

  /**
   * One tile alone is reached by Tab, the others from there.
   *
   * @param {Element | undefined} tile
   * @param {boolean} focus
   */
  #reach(tile, focus) {
    for (const { button } of this.#views.values()) button.tabIndex = -1;
    const button = tile?.querySelector('button');
    if (!button) return;
    button.tabIndex = 0;
    if (focus) button.focus();
  }

  /** @param {KeyboardEvent} event */
  #move(event) {
    const tiles = [...this.#tiles.children];
    const at = tiles.findIndex((tile) => tile.contains(document.activeElement));
    if (at < 0) return;
    const top = /** @type {HTMLElement} */ (tiles[0]).offsetTop;
    const columns = tiles.findIndex((tile) => /** @type {HTMLElement} */ (tile).offsetTop > top);
    const row = columns < 0 ? tiles.length : columns;
    /** @type {Record<string, number>} */
    const goals = { ArrowLeft: at - 1, ArrowRight: at + 1, ArrowUp: at - row, ArrowDown: at + row, Home: 0, End: tiles.length - 1 };
    const goal = goals[event.key];
    if (goal === undefined) return;
    event.preventDefault();
    if (goal >= 0 && goal < tiles.length) this.#reach(tiles[goal], true);
  }

  #drawState() {
    const { isRunning, done, failed, pace } = this.#batch;
    const { size } = this;
    this.#offer();
    if (!this.isShown) return;
    this.#drawSummary();
    document.body.dataset.state = isRunning ? 'looking' : 'answered';
    recovered();
    const go = find('many-go');
    const isThere = document.activeElement === go;
    go.hidden = size > 0 && done === size;
    if (isThere && go.hidden) leadOn();
    say(go, () => (isRunning ? texts.stop : texts.resume));
    go.classList.toggle('primary', !isRunning);
    find('save-csv').classList.toggle('primary', done === size);
    if (isRunning) {
      working(() => texts.manyProgress(done, size, pace * (size - done)), done / size);
      return;
    }
    const leftOut = this.#leftOut;
    const words = () => (done < size
      ? texts.manyStopped(done, size)
      : `${texts.manyDone(done, failed, pace)}${leftOut ? ` ${texts.leftOut(leftOut)}` : ''}`);
    resting(words);
    if (size > 0) announce(words());
  }

  /** The classes that were found, to choose among. */
  #offer() {
    if (document.activeElement === this.#what) return; // the reader is choosing
    const { value } = this.#what;
    const items = this.#batch.items;
    const count = (/** @type {(item: Item) => boolean} */ test) => items.filter(test).length;
    /** @type {[string, () => string, number][]} */
    const states = [
      ['unsure', () => texts.unsure, count(({ predictions }) => isUnsure(predictions))],
      ['failed', () => texts.failed, count(({ state }) => state === 'failed')],
      ['waiting', () => texts.waiting, count(({ state }) => state === 'waiting' || state === 'looking')],
    ];
    const options = [
      option('', () => texts.everything),
      ...this.#batch.summary().map(({ label, count }) => option(`label:${label}`, () => texts.classCount(texts.label(label), count))),
      ...states.filter(([what, , n]) => n > 0 || what === value).map(([what, name, n]) => option(what, () => texts.classCount(name(), n))),
    ];
    this.#what.replaceChildren(...options);
    this.#what.value = value;
    if (this.#what.selectedIndex < 0) this.#what.value = '';
  }

  /** What the photos are, in the place of the guesses. */
  #drawSummary() {
    const summary = this.#batch.summary().slice(0, shownGuesses);
    if (summary.length === 0) {
      clear();
      return;
    }
    show(summary.map(({ label, count }) => ({
      label: () => texts.label(label),
      value: () => texts.photos(count),
      share: count / this.size,
      pressed: this.#what.value === `label:${label}`,
    })), {
      press: (row) => {
        const what = `label:${summary[row].label}`;
        this.#what.value = this.#what.value === what ? '' : what;
        this.#arrange();
        this.#drawSummary();
      },
    });
  }

  #answered() {
    return this.#batch.chosen({ what: '', atLeast: 0, order: 'arrival' })
      .filter(({ state }) => state === 'done' || state === 'failed')
      .map(({ photo, predictions, error }) => ({ name: photo.name(), predictions, error: error() }));
  }

  #by() {
    const environment = this.#batch.items.find(({ result }) => result)?.result?.environment;
    return { ...environment };
  }
}
