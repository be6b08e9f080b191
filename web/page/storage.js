/**
 * What Hamster keeps on this device: said, listed, and removed on request.
 */

import { texts } from '../shared/texts.js';
import { announce, find, make, makeButton, say } from './dom.js';

/**
 * @import { Kept, KeptModel } from '../shared/protocol.js'
 *
 * @typedef {{ kept: () => Promise<KeptModel[]>, remove: (id: string) => Promise<KeptModel[]> }} Keeper
 */

/** Where the page notes that it has asked for lasting storage. */
const askedKey = 'hamster-asked-to-persist';

export class Storage {
  #keeper;
  #onkept;
  #section = find('device');
  #note = find('device-note');
  #list = find('device-models');
  #room = find('device-room');
  /** @type {Kept | null} */
  #shown = null;

  /**
   * @param {Keeper} keeper
   * @param {(models: KeptModel[]) => void} onkept told what there is, whenever that changes
   */
  constructor(keeper, onkept) {
    this.#keeper = keeper;
    this.#onkept = onkept;
  }

  /**
   * The model is loaded: say where it is, once for each time that it was.
   *
   * @param {Kept} kept
   */
  async show(kept) {
    if (this.#shown === kept) return;
    this.#shown = kept;
    say(this.#note, () => texts.kept(kept));
    this.#section.dataset.state = kept.state;
    this.#section.hidden = false;
    if (kept.state === 'kept') await askToPersist();
    await this.#refresh(() => this.#keeper.kept());
    // On a first visit the page itself is kept a little later (web/sw.js).
    if (!navigator.serviceWorker || navigator.serviceWorker.controller) return;
    await navigator.serviceWorker.ready;
    await this.#measure();
  }

  /** No model is loaded: what lies here can be removed all the same. */
  async list() {
    await this.#refresh(() => this.#keeper.kept());
    if (this.#list.childElementCount > 0) this.#section.hidden = false;
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
    this.#onkept(models);
    await this.#measure();
  }

  /** @param {KeptModel} model */
  #row(model) {
    const name = () => texts.keptModel(model);
    const words = say(make('span'), () => `${name()} · ${texts.size(model.size)}`);
    const button = makeButton('link', async () => {
      button.disabled = true;
      await this.#refresh(async () => {
        try {
          const left = await this.#keeper.remove(model.id);
          this.#tell(() => texts.removed);
          return left;
        } catch {
          this.#tell(() => texts.notRemoved);
          return this.#keeper.kept();
        }
      });
    });
    say(button, () => texts.remove);
    say(button, () => texts.removeNamed(name()), 'aria-label');
    return make('li', '', words, button);
  }

  /** @param {() => string} words */
  #tell(words) {
    say(this.#note, words);
    announce(words());
  }

  async #measure() {
    try {
      const { usage, quota } = await navigator.storage.estimate();
      say(this.#room, () => (usage !== undefined && quota ? texts.room(usage, quota) : ''));
    } catch {
      // this browser does not say
    }
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
