/**
 * Answers that follow each other quickly, made calm: scores glide instead of
 * jumping, and a name changes place only when it is clearly ahead.
 *
 * @import { Prediction } from './protocol.js'
 */

/** In this many milliseconds a score goes 63 % of the way to where it should be. */
const inertia = 500;

/** What is this much better than its neighbour goes before it. */
const lead = 0.08;

/** What has faded to this is forgotten, unless the last frame has it. */
const faded = 0.0005;

export class Smoother {
  /** In the order of the last answer. @type {Prediction[]} */
  #shown = [];

  /** Forgets what was. */
  reset() {
    this.#shown = [];
  }

  /**
   * @param {readonly Prediction[]} predictions those of a new frame; what it leaves out has a score of 0
   * @param {number} elapsed since the frame before, in milliseconds
   * @returns {Prediction[]} the calm ones, in their order
   */
  add(predictions, elapsed) {
    if (this.#shown.length === 0) {
      this.#shown = [...predictions];
      return this.#shown;
    }
    const weight = 1 - Math.exp(-elapsed / inertia);
    const now = new Map(predictions.map((prediction) => [prediction.index, prediction]));
    const glided = this.#shown.map((old) => ({ ...old, score: old.score + weight * ((now.get(old.index)?.score ?? 0) - old.score) }));
    const known = new Set(glided.map(({ index }) => index));
    for (const prediction of predictions) {
      if (!known.has(prediction.index)) glided.push({ ...prediction, score: weight * prediction.score });
    }
    this.#shown = settle(glided.filter(({ index, score }) => score > faded || now.has(index)));
    return this.#shown;
  }
}

/**
 * Sorts by score, but lets neighbours be that are nearly alike.
 *
 * @param {Prediction[]} predictions
 */
function settle(predictions) {
  for (let i = 1; i < predictions.length; i++) {
    for (let j = i; j > 0 && predictions[j].score > predictions[j - 1].score + Math.min(lead, predictions[j - 1].score); j--) {
      [predictions[j - 1], predictions[j]] = [predictions[j], predictions[j - 1]];
    }
  }
  return predictions;
}
