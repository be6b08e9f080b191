/**
 * Many photos, one after the other. It knows neither the document nor the
 * engine, and keeps of each photo its answer alone: the photo itself stays the
 * reader's file, and a thumbnail is the business of whoever shows it.
 */

import { isUnsure } from './unsure.js';

/**
 * @import { Classification, Prediction } from '../shared/protocol.js'
 * @import { Photo } from './intake.js'
 *
 * `error` is what went wrong with a photo that failed, in the reader's words;
 * it speaks the language of the moment.
 *
 * @typedef {{ photo: Photo, number: number, state: 'waiting' | 'looking' | 'done' | 'failed',
 *   predictions: Prediction[], error: () => string, result: Omit<Classification, 'predictions'> | null }} Item
 *
 * @typedef {'arrival' | 'name' | 'label' | 'surest' | 'unsurest'} Order
 *
 * `what` is '' for everything, `label:` and a class, or a state that the reader may ask for.
 * @typedef {{ what: string, atLeast: number, order: Order }} Choice
 *
 * `fails` gives a sentence where the photo is to blame, else null.
 * @typedef {{
 *   look: (item: Item, signal: AbortSignal) => Promise<Classification>,
 *   fails: (error: unknown) => (() => string) | null,
 *   onitem: (item: Item) => void,
 *   onstate: () => void,
 *   ontrouble: (error: unknown) => void }} Handlers
 */

export class Batch {
  /** @type {Item[]} */
  items = [];

  /** How long photos took so far, all together, in milliseconds. */
  #spent = 0;
  #handlers;
  #turn = new AbortController();

  isRunning = false;

  /** @param {Handlers} handlers */
  constructor(handlers) {
    this.#handlers = handlers;
    this.#turn.abort();
  }

  get done() {
    return this.items.filter(({ state }) => state === 'done' || state === 'failed').length;
  }

  get failed() {
    return this.items.filter(({ state }) => state === 'failed').length;
  }

  /** How long one photo takes, in milliseconds; 0 before the first. */
  get pace() {
    return this.done === 0 ? 0 : this.#spent / this.done;
  }

  /** @param {readonly Photo[]} photos */
  add(photos) {
    for (const photo of photos) {
      this.items.push({ photo, number: this.items.length, state: 'waiting', predictions: [], error: () => '', result: null });
    }
    this.start();
  }

  /** Looks at all of them once more, with another model. */
  again() {
    this.stop();
    this.#spent = 0;
    for (const item of this.items) Object.assign(item, { state: 'waiting', predictions: [], result: null });
    this.start();
  }

  /** Forgets all of them. */
  clear() {
    this.stop();
    this.items = [];
    this.#spent = 0;
  }

  stop() {
    this.#turn.abort();
    for (const item of this.items) {
      if (item.state !== 'looking') continue;
      item.state = 'waiting';
      this.#handlers.onitem(item);
    }
    this.isRunning = false;
    this.#handlers.onstate();
  }

  async start() {
    if (this.isRunning) return;
    this.isRunning = true;
    const turn = this.#turn = new AbortController();
    this.#handlers.onstate();
    for (;;) {
      const item = this.items.find(({ state }) => state === 'waiting');
      if (!item) break;
      await this.#look(item, turn.signal);
      if (turn.signal.aborted) return;
      this.#handlers.onstate();
    }
    this.isRunning = false;
    this.#handlers.onstate();
  }

  /**
   * @param {Item} item
   * @param {AbortSignal} signal
   */
  async #look(item, signal) {
    const begun = performance.now();
    item.state = 'looking';
    this.#handlers.onitem(item);
    try {
      const { predictions, ...result } = await this.#handlers.look(item, signal);
      if (signal.aborted) return; // and perhaps asked again, of another model
      Object.assign(item, { state: 'done', predictions, result });
    } catch (error) {
      if (signal.aborted) return;
      const sentence = this.#handlers.fails(error);
      if (!sentence) {
        this.stop();
        this.#handlers.ontrouble(error);
        return;
      }
      Object.assign(item, { state: 'failed', error: sentence });
    }
    this.#spent += performance.now() - begun;
    this.#handlers.onitem(item);
  }

  /**
   * How many photos are what: best guesses, the most frequent first.
   *
   * @returns {{ label: string, id: string, count: number }[]}
   */
  summary() {
    /** @type {Map<string, { label: string, id: string, count: number }>} */
    const found = new Map();
    for (const { predictions: [best] } of this.items) {
      if (!best) continue;
      const entry = found.get(best.label) ?? { label: best.label, id: best.id, count: 0 };
      entry.count++;
      found.set(best.label, entry);
    }
    return [...found.values()].sort((a, b) => b.count - a.count || a.label.localeCompare(b.label));
  }

  /**
   * Those that the reader wants to see, in the order wished for.
   *
   * @param {Choice} choice
   */
  chosen({ what, atLeast, order }) {
    return this.items.filter((item) => matches(item, what, atLeast)).sort(orders[order]);
  }
}

/**
 * @param {Item} item
 * @param {string} what
 * @param {number} atLeast
 */
function matches({ state, predictions }, what, atLeast) {
  if (what === 'failed') return state === 'failed';
  if (what === 'waiting') return state === 'waiting' || state === 'looking';
  const [best] = predictions;
  if (what === 'unsure') return isUnsure(predictions);
  if (what.startsWith('label:') && best?.label !== what.slice('label:'.length)) return false;
  return atLeast === 0 || (best?.score ?? 0) >= atLeast;
}

/** What has no answer comes last. @param {Item} item */
const scoreOf = ({ predictions: [best] }) => best?.score ?? NaN;

/**
 * @param {number} a
 * @param {number} b
 */
const numerically = (a, b) => (Number.isNaN(a) ? (Number.isNaN(b) ? 0 : 1) : Number.isNaN(b) ? -1 : a - b);

const words = new Intl.Collator(undefined, { numeric: true });

/** @type {Record<Order, (a: Item, b: Item) => number>} */
const orders = {
  arrival: (a, b) => a.number - b.number,
  name: (a, b) => words.compare(a.photo.name(), b.photo.name()) || a.number - b.number,
  label: (a, b) => words.compare(a.predictions[0]?.label ?? '\uffff', b.predictions[0]?.label ?? '\uffff') || numerically(-scoreOf(a), -scoreOf(b)) || a.number - b.number,
  surest: (a, b) => numerically(-scoreOf(a), -scoreOf(b)) || a.number - b.number,
  unsurest: (a, b) => numerically(scoreOf(a), scoreOf(b)) || a.number - b.number,
};
