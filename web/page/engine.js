/** The classifier of the moment. When another model is chosen, another takes its place. */

import { Classifier } from '../hamster.js';

/**
 * @import { Classification, ExplainOptions, Heatmap, ModelInfo, Progress } from '../hamster.js'
 * @import { Wanted } from './models.js'
 */

export class Engine {
  #onprogress;
  #classifier;

  /**
   * @param {Wanted} wanted
   * @param {(progress: Progress) => void} onprogress
   */
  constructor(wanted, onprogress) {
    this.#onprogress = onprogress;
    this.#classifier = this.#make(wanted);
  }

  /** Changes the model; whoever waits for the old one waits for the new one. @param {Wanted} wanted */
  use(wanted) {
    const old = this.#classifier;
    this.#classifier = this.#make(wanted);
    old.close();
  }

  /** @returns {Promise<ModelInfo>} */
  load() {
    return this.#ask((classifier) => classifier.load());
  }

  /**
   * @param {Blob | HTMLVideoElement} source
   * @param {{ top: number, signal?: AbortSignal }} options
   * @returns {Promise<Classification>}
   */
  classify(source, options) {
    return this.#ask((classifier) => classifier.classify(source, options));
  }

  /**
   * @param {Blob} source
   * @param {ExplainOptions} options
   * @returns {Promise<Heatmap>}
   */
  explain(source, options) {
    return this.#ask((classifier) => classifier.explain(source, options));
  }

  kept() {
    return this.#ask((classifier) => classifier.kept());
  }

  /** @param {string} id */
  remove(id) {
    return this.#ask((classifier) => classifier.remove(id));
  }

  /** @param {Wanted} wanted */
  #make({ model, labels }) {
    return new Classifier({ model, labels, onprogress: this.#onprogress });
  }

  /**
   * @template T
   * @param {(classifier: Classifier) => Promise<T>} question
   * @returns {Promise<T>}
   */
  async #ask(question) {
    for (;;) {
      const classifier = this.#classifier;
      try {
        return await question(classifier);
      } catch (error) {
        if (classifier === this.#classifier) throw error;
      }
    }
  }
}
