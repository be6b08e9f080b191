/**
 * The model: which one is loaded and what is known of it, others to choose
 * from, and one of the reader's own.
 */

import { texts } from '../shared/texts.js';
import { sentenceCase } from '../shared/texts/words.js';
import { showClasses } from './classes.js';
import { find, make, option, say } from './dom.js';
import { fail } from './status.js';

/**
 * @import { KeptModel, ModelInfo } from '../shared/protocol.js'
 *
 * A model as the page asks for it: an address, or the reader's own file with
 * a text that names its classes, where it does not name them itself.
 * @typedef {{ model: string | File, labels?: string }} Wanted
 *
 * An entry of the server's catalogue.
 * @typedef {{ id: string, name?: string, version?: string, licence?: string, manifest: string, compressed: number, labels: number }} Offer
 */

/** The server's own choice among its models. */
export const catalogue = 'models/index.json';

/** Where the reader's choice is noted, for the next visit. */
const chosenKey = 'hamster-model';

/** The value of the entry for the reader's own model. */
const own = 'own';

const choice = find('model-choice', HTMLSelectElement);

/** How long the list of models is waited for, in milliseconds. */
const patience = 15_000;

/** @returns {Wanted} the model that the reader chose last time, or the server's choice */
export function firstWanted() {
  let chosen = null;
  try {
    chosen = localStorage.getItem(chosenKey);
  } catch {
    // no such storage here
  }
  return { model: chosen ?? catalogue };
}

export class Models {
  #onchoose;
  /** @type {Wanted} */
  #wanted;
  /** @type {Offer[]} */
  #offered = [];
  #default = '';
  /** @type {KeptModel[]} */
  #kept = [];
  /** @type {ModelInfo | null} */
  #info = null;
  /** The server's own choice, once it has been loaded. @type {ModelInfo | null} */
  #usual = null;

  /**
   * @param {Wanted} wanted
   * @param {(wanted: Wanted) => void} onchoose
   */
  constructor(wanted, onchoose) {
    this.#wanted = wanted;
    this.#onchoose = onchoose;
    choice.addEventListener('change', () => this.choose({ model: choice.value }));
    find('own-form').addEventListener('submit', (event) => {
      event.preventDefault();
      const file = find('own-file', HTMLInputElement).files?.[0];
      if (file) this.open(file, find('own-labels', HTMLInputElement).files?.[0]);
    });
  }

  /** @param {Wanted} wanted */
  choose(wanted) {
    this.#wanted = wanted;
    this.#info = null;
    setState('');
    for (const id of ['classes', 'promise-classes']) say(find(id), () => texts.classesWaiting);
    showClasses([]);
    this.#draw();
    this.#onchoose(wanted);
  }

  /**
   * Opens a model of the reader's own.
   *
   * @param {File} file
   * @param {File} [labels]
   */
  async open(file, labels) {
    try {
      this.choose({ model: file, labels: await labels?.text() });
    } catch {
      fail(() => texts.unreadable, null); // moved or deleted since it was picked
    }
  }

  /** Gets the server's catalogue. Without a network there is none, and what is kept is offered alone. */
  async offer() {
    try {
      // Once a model is there, so is the list. Before that it is asked for beside the
      // cache: there, the engine's own request would wait for this one.
      const response = await fetch(catalogue, { cache: this.#info ? 'default' : 'no-store', signal: AbortSignal.timeout(patience) });
      const { models, default: chosen } = await response.json();
      if (Array.isArray(models)) {
        this.#offered = models;
        this.#default = chosen ?? '';
      }
    } catch {
      // offline, or the server has one model and no list
    }
    this.#draw();
  }

  /** @param {KeptModel[]} kept what is on this device */
  setKept(kept) {
    this.#kept = kept.filter(({ complete }) => complete);
    this.#draw();
  }

  /** @param {ModelInfo} info */
  loaded(info) {
    this.#info = info;
    const { model } = this.#wanted;
    if (typeof model === 'string') note(model); // not before: one that fails is not asked for again
    if (model === catalogue) this.#usual = info;
    const { labels } = info;
    setState('ready');
    for (const id of ['classes', 'promise-classes']) say(find(id), () => sentenceCase(texts.classes(labels)));
    showClasses(texts.areMany(labels) ? labels : []);
    this.#draw();
    drawCard(info);
  }

  /** What was known of the model before is not known of this one, but others are there to choose. */
  failed() {
    setState('failed');
    this.#draw();
  }

  #draw() {
    const wanted = this.#wanted.model;
    /** @type {HTMLElement[]} */
    const groups = [];
    const offered = this.#offered.map((offer) => {
      const value = offer.id === this.#default ? catalogue : new URL(offer.manifest, new URL(catalogue, document.baseURI)).href;
      return option(value, () => `${texts.keptModel({ name: offer.name || offer.id, version: offer.version ?? '' })} · ${texts.size(offer.compressed)}`);
    });
    const usual = new URL(catalogue, document.baseURI).href;
    if (![...offered, ...this.#kept].some((one) => ('url' in one ? one.url === usual : one.value === catalogue))) offered.unshift(option(catalogue, () => (this.#usual?.name ? texts.keptModel(this.#usual) : texts.model)));
    const addresses = new Set(offered.map(({ value }) => new URL(value, document.baseURI).href));
    const kept = this.#kept.filter(({ url }) => url && !addresses.has(url)).map((model) => option(model.url, () => texts.keptModel(model)));
    if (offered.length > 0) groups.push(group(() => texts.onServer, offered));
    if (kept.length > 0) groups.push(group(() => texts.onDevice, kept));
    if (wanted instanceof File) groups.push(group(() => texts.yourOwn, [option(own, () => wanted.name)]));
    choice.replaceChildren(...groups);
    const value = wanted instanceof File ? own : wanted;
    const chosen = [...choice.options].find((candidate) => candidate.value === value || new URL(candidate.value, document.baseURI).href === new URL(value, document.baseURI).href);
    if (chosen) {
      chosen.selected = true;
    } else {
      const info = this.#info;
      const unlisted = option(value, () => (info?.name ? texts.keptModel(info) : texts.model));
      choice.prepend(unlisted);
      unlisted.selected = true;
    }
  }
}

/** @param {'' | 'ready' | 'failed'} state '' while it is on its way */
function setState(state) {
  const { dataset } = find('model');
  delete dataset.ready;
  delete dataset.failed;
  if (state) dataset[state] = '';
}

/** @param {ModelInfo} info */
function drawCard(info) {
  const { labels, licence, source, width, height, kept, card } = info;
  /** @type {[() => string, () => string][]} */
  const facts = [
    [() => texts.cardClasses, () => texts.count(labels.length)],
    [() => texts.cardSize, () => texts.size(kept.size || card.size)],
    [() => texts.cardInput, () => texts.input(width, height)],
    [() => texts.cardLicence, () => licence || texts.notSaid],
    [() => texts.cardSource, () => source || texts.notSaid],
    [() => texts.cardOperators, () => card.operators.map(({ op, count }) => `${op} ${texts.count(count)}`).join(', ')],
  ];
  find('model-card').replaceChildren(...facts.map(([name, value]) => make('div', '', say(make('dt'), name), say(make('dd'), value))));
}

/** @param {string} model */
function note(model) {
  try {
    if (model === catalogue) localStorage.removeItem(chosenKey);
    else localStorage.setItem(chosenKey, model);
  } catch {
    // then it holds for this visit
  }
}

/**
 * @param {() => string} name
 * @param {HTMLOptionElement[]} options
 */
function group(name, options) {
  const element = say(make('optgroup'), name, 'label');
  element.append(...options);
  return element;
}
