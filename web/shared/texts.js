/**
 * What the page says, in the language that was chosen. Each language is one
 * object of the same shape (web/shared/texts/); to add one, write its file and
 * list it here.
 */

import { texts as english } from './texts/en.js';

/** Languages by code, each under its own name. */
export const languages = { en: 'English', de: 'Deutsch' };

/** @typedef {keyof typeof languages} Language */

/** @type {Record<Language, () => Promise<{ texts: typeof english }>>} */
const files = {
  en: async () => ({ texts: english }),
  de: () => import('./texts/de.js'),
};

/** The sentences of the chosen language; importers see it change. */
export let texts = english;

/** @type {Language} */
export let language = 'en';

/**
 * The first of the reader's languages that there is, or English.
 *
 * @param {readonly string[]} wanted such as `navigator.languages`, or what the reader chose
 * @returns {Language}
 */
export function bestLanguage(wanted) {
  for (const tag of wanted) {
    const code = tag.toLowerCase().split('-')[0];
    if (code in languages) return /** @type {Language} */ (code);
  }
  return 'en';
}

/**
 * Speaks another language from now on.
 *
 * @param {Language} code
 */
export async function speak(code) {
  ({ texts } = await files[code]());
  language = code;
}
