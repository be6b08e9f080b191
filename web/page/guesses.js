/**
 * The card: rows with a name, a number and a bar. They show the best guesses
 * for one photo, or how many of many photos are what.
 */

import { texts } from '../shared/texts.js';
import { find, make, makeButton, say } from './dom.js';

/**
 * @import { Prediction } from '../shared/protocol.js'
 *
 * @typedef {{ label: () => string, id?: string, value: () => string, share: number, pressed?: boolean }} Row
 */

/** How many rows there are. */
export const shownGuesses = 5;

const list = find('guesses');
const promise = find('promise');

/** @type {(row: number) => void} */
let onpress = () => {};

const rows = Array.from({ length: shownGuesses }, (_, i) => {
  const label = make('span', 'guess-label');
  const doubt = say(make('span', 'guess-doubt'), () => texts.notSure);
  const id = make('span', 'guess-id');
  const value = make('span', 'guess-score');
  const words = make('span', 'guess-words', make('span', 'guess-name', label, id), doubt, value);
  const button = makeButton('guess-why', () => onpress(i));
  button.append(words, make('span', 'guess-bar'));
  const item = make('li', 'guess', button);
  return { item, button, label, doubt, id, value };
});
list.replaceChildren(...rows.map(({ item }) => item));
clear();

/** Five empty rows, which are nothing to read out. */
export function clear() {
  list.classList.add('is-empty');
  list.ariaHidden = 'true';
  for (const { button } of rows) button.disabled = true;
  promise.hidden = false;
}

/**
 * @param {readonly Row[]} shown
 * @param {{ isUnsure?: boolean, press?: ((row: number) => void) | null }} [options]
 *   `press`: what pressing a row does; nothing where it is null
 */
export function show(shown, { isUnsure = false, press = null } = {}) {
  list.classList.remove('is-empty');
  list.ariaHidden = null;
  promise.hidden = true;
  onpress = press ?? (() => {});
  rows.forEach(({ item, button, label, doubt, id, value }, i) => {
    const row = shown[i];
    item.hidden = !row;
    item.classList.toggle('is-unsure', i === 0 && isUnsure);
    doubt.hidden = i > 0 || !isUnsure;
    button.disabled = !row || press === null;
    item.style.setProperty('--score', String(row?.share ?? 0));
    if (!row) return;
    say(label, row.label);
    label.title = label.textContent ?? '';
    id.textContent = row.id ?? '';
    say(value, row.value);
    setPressed(button, row.pressed);
  });
}

/** @param {number} row the one that is pressed, or −1 */
export function press(row) {
  rows.forEach(({ button }, i) => setPressed(button, i === row));
}

/** The row that is pressed, or −1. */
export function pressed() {
  return rows.findIndex(({ button }) => button.getAttribute('aria-pressed') === 'true');
}

/** @param {number} row */
export function focus(row) {
  rows[row]?.button.focus();
}

/**
 * @param {readonly Prediction[]} predictions
 * @returns {Row[]}
 */
export function rowsOf(predictions) {
  return predictions.slice(0, shownGuesses).map(({ id, label, score }) => ({
    label: () => texts.label(label),
    id: id === label ? '' : id,
    value: () => texts.score(score),
    share: score,
    pressed: false,
  }));
}

/**
 * @param {HTMLButtonElement} button
 * @param {boolean | undefined} pressed undefined where it cannot be
 */
function setPressed(button, pressed) {
  if (pressed === undefined) button.removeAttribute('aria-pressed');
  else button.setAttribute('aria-pressed', String(pressed));
}
