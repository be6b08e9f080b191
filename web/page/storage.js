/**
 * What Hamster keeps on this device: said, listed, and removed on request.
 */

import { texts } from '../shared/texts.js';

/**
 * @import { Kept, KeptModel } from '../shared/protocol.js'
 * @import { Classifier } from '../hamster.js'
 */

/** Where the page notes that it has asked for lasting storage. */
const askedKey = 'hamster-asked-to-persist';

export class Storage {
  #classifier;
  #section = find('device');
  #note = find('device-note');
  #list = find('device-models');
  #room = find('device-room');
  #shown = '';

  /** @param {Classifier} classifier */
  constructor(classifier) {
    this.#classifier = classifier;
  }

  /**
   * The model is loaded: say where it is, once.
   *
   * @param {Kept} kept
   */
  async show(kept) {
    if (this.#shown === kept.id + kept.state) return;
    this.#shown = kept.id + kept.state;
    this.#note.textContent = texts.kept(kept);
    this.#section.dataset.state = kept.state;
    this.#section.hidden = false;
    if (kept.state === 'kept') await askToPersist();
    await this.#refresh(() => this.#classifier.kept());
    // On a first visit the page itself is kept a little later (web/sw.js).
    if (!navigator.serviceWorker || navigator.serviceWorker.controller) return;
    await navigator.serviceWorker.ready;
    this.#room.textContent = await room();
  }

  /** @param {() => Promise<KeptModel[]>} ask */
  async #refresh(ask) {
    /** @type {KeptModel[]} */
    let models;
    try {
      models = await ask();
    } catch {
      models = []; // where nothing can be kept, nothing is; the note says so
    }
    this.#list.replaceChildren(...models.map((model) => this.#row(model)));
    this.#room.textContent = await room();
  }

  /** @param {KeptModel} model */
  #row(model) {
    const name = texts.keptModel(model);
    const row = document.createElement('li');
    const words = document.createElement('span');
    words.textContent = `${name} · ${texts.size(model.size)}`;
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'link';
    button.textContent = texts.remove;
    button.ariaLabel = texts.removeNamed(name);
    button.addEventListener('click', async () => {
      button.disabled = true;
      await this.#refresh(async () => {
        try {
          const left = await this.#classifier.remove(model.id);
          this.#note.textContent = texts.removed;
          return left;
        } catch {
          this.#note.textContent = texts.notRemoved;
          return this.#classifier.kept();
        }
      });
    });
    row.append(words, button);
    return row;
  }
}

/**
 * Asks the browser, once for all visits, not to clear away what is kept. Some
 * browsers ask the reader in turn.
 */
async function askToPersist() {
  try {
    if (localStorage.getItem(askedKey) || await navigator.storage.persisted()) return;
    localStorage.setItem(askedKey, 'yes');
    await navigator.storage.persist();
  } catch {
    // no such storage here: then it is as it is
  }
}

async function room() {
  try {
    const { usage, quota } = await navigator.storage.estimate();
    return usage !== undefined && quota ? texts.room(usage, quota) : '';
  } catch {
    return '';
  }
}

/** @param {string} id */
function find(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element;
}
