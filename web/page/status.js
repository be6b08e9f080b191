/** The one line that tells what is going on, its bar, and what went wrong. */

import { texts } from '../shared/texts.js';
import { announce, find, say } from './dom.js';

/** @import { Failure } from '../shared/texts/en.js' */

const line = find('status');
const bar = find('progress', HTMLProgressElement);
const failure = find('failure');

/** @type {() => void} */
let again = () => {};

find('retry').addEventListener('click', () => again());

/**
 * Something is being done.
 *
 * @param {() => string} words
 * @param {number} [share] how much of it is done; unknown where left out
 */
export function working(words, share) {
  say(line, words);
  if (share === undefined) bar.removeAttribute('value');
  else bar.value = share;
  bar.hidden = false;
}

/** Nothing is being done. @param {() => string} [words] */
export function resting(words = () => '') {
  say(line, words);
  bar.hidden = true;
}

/**
 * Says what went wrong, in the place of the answer.
 *
 * @param {() => Failure} words
 * @param {(() => void) | null} retry what the button does; null for no button
 */
export function fail(words, retry) {
  document.body.dataset.state = 'failed';
  say(find('failure-title'), () => words().title);
  say(find('failure-hint'), () => words().hint);
  find('retry').hidden = retry === null;
  again = retry ?? (() => {});
  failure.hidden = false;
  resting();
  announce(texts.announceFailure(words()));
}

/** What went wrong is past. */
export function recovered() {
  failure.hidden = true;
}
