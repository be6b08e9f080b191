// Hamster's library, as its documentation has it used.

const LIBRARY = '/web/hamster.js';

/** @type {import('../reading.mjs').Start} */
export async function start({ threads, model }) {
  const { load } = await import(LIBRARY);
  const classifier = await load({ threads, model });
  let resized = 0;
  return {
    backend: classifier.info.backend,
    async classify(source) {
      const { predictions, timing } = await classifier.classify(source, { top: 0 });
      resized = timing.preprocess;
      const scores = [];
      for (const { index, score } of predictions) scores[index] = score;
      return scores;
    },
    resized: () => resized,
  };
}
