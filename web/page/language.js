/**
 * Chooses the language before the first paint. index.html is English; where
 * another one is wanted its words stay unseen until they are the right ones
 * (`translating` in page.css), so that nobody sees the page change its tongue.
 */

import { bestLanguage, language, speak } from '../shared/texts.js';

/** @import { Language } from '../shared/texts.js' */

/** Where the reader's own choice is noted. */
const chosenKey = 'hamster-language';

const root = document.documentElement;

function wanted() {
  let chosen = null;
  try {
    chosen = localStorage.getItem(chosenKey);
  } catch {
    // no such storage here: the browser's languages decide
  }
  return bestLanguage([...(chosen ? [chosen] : []), ...navigator.languages]);
}

/** Kept once the texts are those of the wanted language, or could not be had. */
export const spoken = begin();

async function begin() {
  const code = wanted();
  if (code !== language) root.classList.add('translating');
  try {
    await speak(code);
  } catch {
    // It did not arrive: English it is.
  }
  root.lang = language;
}

/**
 * Speaks another language from now on, and on the next visit.
 *
 * @param {Language} code
 */
export async function choose(code) {
  await speak(code);
  root.lang = language;
  try {
    localStorage.setItem(chosenKey, code);
  } catch {
    // then it holds for this visit
  }
}
