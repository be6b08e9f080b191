/**
 * Elements and their words. Whatever is written goes through say(), which
 * remembers how, so that another language can say it again.
 */

import { texts } from '../shared/texts.js';

/** @typedef {'textContent' | 'alt' | 'title' | 'aria-label' | 'value' | 'label'} Place */

/** @type {WeakMap<Element, Map<Place, () => string>>} */
const said = new WeakMap();

/**
 * The element of the page with an id.
 *
 * @template {typeof HTMLElement} [Kind=typeof HTMLElement]
 * @param {string} id
 * @param {Kind} [kind]
 * @returns {InstanceType<Kind>}
 */
export function find(id, kind) {
  const element = document.getElementById(id);
  if (!element || (kind && !(element instanceof kind))) throw new Error(`the page has no #${id}`);
  return /** @type {InstanceType<Kind>} */ (element);
}

/**
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {string} [className]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function make(name, className = '', ...children) {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

/**
 * @param {string} className
 * @param {() => void} onpress
 */
export function makeButton(className, onpress) {
  const button = make('button', className);
  button.type = 'button';
  button.addEventListener('click', onpress);
  return button;
}

/**
 * Writes what a function returns, now and again whenever the language changes.
 *
 * @template {Element} E
 * @param {E} element
 * @param {() => string} words
 * @param {Place} [place]
 * @returns {E}
 */
export function say(element, words, place = 'textContent') {
  let places = said.get(element);
  if (!places) said.set(element, places = new Map());
  places.set(place, words);
  element.toggleAttribute('data-said', true);
  write(element, place, words());
  return element;
}

/** Writes everything again, in the language of now. */
export function sayAll() {
  document.title = texts.title;
  for (const element of document.querySelectorAll('[data-text]')) {
    const key = /** @type {keyof typeof texts} */ (element.getAttribute('data-text'));
    element.textContent = String(texts[key]);
  }
  for (const element of document.querySelectorAll('[data-said]')) {
    for (const [place, words] of said.get(element) ?? []) write(element, place, words());
  }
  document.documentElement.classList.remove('translating');
}

/**
 * @param {Element} element
 * @param {Place} place
 * @param {string} text
 */
function write(element, place, text) {
  if (place !== 'textContent') element.setAttribute(place, text);
  else if (element.textContent !== text) element.textContent = text;
}

/**
 * An entry of a list to choose from.
 *
 * @param {string} value
 * @param {() => string} name
 */
export function option(value, name) {
  const element = say(make('option'), name);
  element.value = value;
  return element;
}

/**
 * Tells those who listen to the page. There is one voice, and it does not
 * interrupt. Progress is left out: a number that changes thirty times a second
 * is noise.
 *
 * @param {string} text
 */
export function announce(text) {
  find('announcer').textContent = text;
}

/** Leads whoever was on what is gone to where one goes on: the first of these that is there. */
export function leadOn() {
  const next = ['back', 'freeze', 'many-go', 'save-csv', 'file'].map((id) => find(id)).find((element) => element.getClientRects().length > 0);
  next?.focus({ preventScroll: true });
}

/**
 * Gives a file to the reader.
 *
 * @param {Blob} blob
 * @param {string} name
 */
export function download(blob, name) {
  const link = make('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the browser has it by then
}
