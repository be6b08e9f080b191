/** What all languages do with numbers, names and addresses. */

/** @param {string} text */
export const sentenceCase = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/**
 * Class names of data sets hold underscores in place of spaces.
 *
 * @param {string} label
 */
export const readable = (label) => label.replaceAll('_', ' ');

/** Labels up to this number are all named at once. */
export const fewLabels = 12;

/** @param {readonly { label: string }[]} labels some of them, from all over the list */
export const examples = (labels) => [1, 2, 3, 4, 5].map((i) => readable(labels[Math.floor(i * labels.length / 6)].label));

/** @param {string | undefined} url */
export const path = (url) => (url ? new URL(url).pathname : '');

/** @param {string} language */
export function numbers(language) {
  const fixed = (/** @type {number} */ digits, /** @type {Intl.NumberFormatOptions} */ options = {}) =>
    new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits, ...options });
  const whole = fixed(0);
  const one = fixed(1);
  const percentage = fixed(1, { style: 'percent' });
  const wholePercentage = fixed(0, { style: 'percent' });
  return {
    whole: (/** @type {number} */ n) => whole.format(n),
    one: (/** @type {number} */ n) => one.format(n),
    megabytes: (/** @type {number} */ bytes) => one.format(bytes / 1e6),
    gigabytes: (/** @type {number} */ bytes) => one.format(bytes / 1e9),
    wholePercent: (/** @type {number} */ share) => wholePercentage.format(share),
    /** @param {number} score */
    score: (score) => {
      // What is rounded to nothing or to everything is neither.
      if (score > 0 && score < 0.0005) return `< ${percentage.format(0.001)}`;
      if (score < 1 && score >= 0.9995) return `> ${percentage.format(0.999)}`;
      return percentage.format(score);
    },
    /** @param {number} milliseconds */
    duration: (milliseconds) => (milliseconds < 995 ? `${whole.format(Math.round(milliseconds))} ms` : `${one.format(milliseconds / 1000)} s`),
  };
}
