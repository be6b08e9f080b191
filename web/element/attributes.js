/**
 * What the attributes of <image-classifier> may say. A value that makes no sense
 * counts as missing, and the element tells of it.
 */

/** The backends by name; `auto` where none is. */
export const backends = /** @type {const} */ (['auto', 'simd', 'gorgonia']);

/** How many guesses are shown where nobody says. */
export const defaultTop = 5;

/**
 * @param {string | null} value
 * @returns {{ value: number, fault: string }} a whole number, and what is wrong with what was given
 */
export function parseTop(value) {
  if (value === null || value === '') return { value: defaultTop, fault: '' };
  return /^\s*\d{1,6}\s*$/.test(value)
    ? { value: Number(value), fault: '' }
    : { value: defaultTop, fault: `top="${value}" is no whole number` };
}

/**
 * @param {string | null} value
 * @returns {{ value: typeof backends[number], fault: string }}
 */
export function parseBackend(value) {
  if (value === null || value === '') return { value: 'auto', fault: '' };
  const known = backends.find((name) => name === value.trim().toLowerCase());
  return known ? { value: known, fault: '' } : { value: 'auto', fault: `backend="${value}" is none of ${backends.join(', ')}` };
}
