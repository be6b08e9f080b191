/** The one line that tells what is going on, its bar, and what went wrong. */

import { texts } from '../shared/texts.js';
import { announce, find, leadOn, say } from './dom.js';

/** @import { Failure } from '../shared/texts/en.js' */

const line = find('status');
const bar = find('progress', HTMLProgressElement);
const failure = find('failure');

/** How long a remark stays, in milliseconds. */
const remarkTime = 8000;

/** What is going on, also while a remark has its place. */
let current = () => '';
let timer = 0;

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
  tell(words);
  if (share === undefined) bar.removeAttribute('value');
  else bar.value = share;
  bar.hidden = false;
}

/** Nothing is being done. @param {() => string} [words] */
export function resting(words = () => '') {
  tell(words);
  bar.hidden = true;
}

/** @param {() => string} next */
function tell(next) {
  current = next;
  if (timer === 0) say(line, next);
}

/** Says what went wrong beside what is going on, which it changes nothing of. @param {() => Failure} words */
export function remark(words) {
  endRemark();
  say(line, () => words().title); // one line, so that nothing moves
  timer = setTimeout(endRemark, remarkTime);
  announce(texts.announceFailure(words()));
}

/** It was about what is no longer on the stage. */
export function endRemark() {
  clearTimeout(timer);
  timer = 0;
  say(line, current);
}

/**
 * Says what went wrong, in the place of the answer.
 *
 * @param {() => Failure} words
 * @param {(() => void) | null} retry what the button does; null for no button
 */
export function fail(words, retry) {
  document.body.dataset.state = 'failed';
  endRemark();
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
  const isThere = failure.contains(document.activeElement);
  failure.hidden = true;
  if (isThere) leadOn();
}
