/**
 * What the page shows. It knows the document and the texts, and nothing of
 * where the answers come from.
 */

import { texts } from '../shared/texts.js';

/**
 * @import { HamsterError } from '../shared/errors.js'
 * @import { Classification, ModelInfo, Prediction, Progress } from '../shared/protocol.js'
 *
 * @typedef {'idle' | 'looking' | 'answered' | 'failed'} State
 */

/** How many guesses are shown. */
export const shownGuesses = 5;

export class View {
  #announcer = find('announcer');
  #guesses = find('guesses');
  #picture = /** @type {HTMLImageElement} */ (find('picture'));
  #progress = /** @type {HTMLProgressElement} */ (find('progress'));
  #status = find('status');
  #pictureURL = '';
  #looking = texts.looking;
  #retry = () => {};

  constructor() {
    for (const element of document.querySelectorAll('[data-text]')) {
      const key = /** @type {keyof typeof texts} */ (element.getAttribute('data-text'));
      element.textContent = String(texts[key]);
    }
    this.#guesses.replaceChildren(...Array.from({ length: shownGuesses }, emptyGuess));
    this.#guesses.classList.add('is-empty');
    this.#guesses.ariaHidden = 'true'; // five empty rows are nothing to read out
    find('retry').addEventListener('click', () => this.#retry());
  }

  /** The model is on its way. */
  loading() {
    this.#enter('idle');
    this.#work(texts.connecting);
  }

  /** @param {Progress} progress */
  progress(progress) {
    this.#setStatus(this.#state === 'looking' ? texts.progressWithPhoto(progress) : texts.progress(progress));
    if (progress.stage === 'fetch' && progress.total) this.#progress.value = progress.done / progress.total;
    else this.#progress.removeAttribute('value');
    this.#progress.hidden = false;
  }

  /**
   * The model is there: say what it can tell.
   *
   * @param {ModelInfo} info
   */
  ready(info) {
    find('model').dataset.ready = '';
    find('classes').textContent = sentence(texts.classes(info.labels));
    find('all-classes').hidden = !texts.areMany(info.labels);
    find('all-classes-text').textContent = texts.areMany(info.labels) ? texts.allClasses(info.labels) : '';
    if (this.#state === 'looking') {
      this.#work(this.#looking);
      return;
    }
    this.#rest(texts.ready);
    this.#announce(texts.announceReady(info));
  }

  /**
   * Shows a photo, or with null none.
   *
   * @param {Blob | null} image
   * @param {string} [name]
   */
  show(image, name = '') {
    if (this.#pictureURL) URL.revokeObjectURL(this.#pictureURL);
    this.#pictureURL = image ? URL.createObjectURL(image) : '';
    if (image) this.#picture.src = this.#pictureURL;
    else this.#picture.removeAttribute('src');
    this.#picture.alt = image ? texts.photo(name) : '';
    this.#picture.hidden = !image;
    document.body.classList.toggle('has-picture', image !== null);
  }

  /**
   * A photo is being looked at.
   *
   * @param {boolean} [isFirst] of several that came at once
   */
  looking(isFirst = false) {
    this.#looking = isFirst ? texts.lookingAtFirst : texts.looking;
    this.#enter('looking');
    this.#work(this.#looking);
    this.#announce(this.#looking);
  }

  /**
   * @param {Classification} result
   * @param {number} milliseconds from the photo's arrival to this answer
   */
  answer({ predictions, timing, environment }, milliseconds) {
    this.#enter('answered');
    this.#guesses.classList.remove('is-empty');
    this.#guesses.ariaHidden = null;
    const guesses = [...this.#guesses.children];
    guesses.forEach((guess, i) => fillGuess(/** @type {HTMLElement} */ (guess), predictions[i]));
    find('waiting').hidden = true;
    find('fact-engine').textContent = environment.backend;
    find('fact-decode').textContent = texts.duration(timing.decode);
    find('fact-preprocess').textContent = `${texts.duration(timing.preprocess)} · ${texts.modes[environment.mode]}`;
    find('fact-run').textContent = texts.duration(timing.run);
    find('facts').hidden = false;
    this.#rest(texts.done(milliseconds));
    this.#announce(texts.announceAnswer(predictions));
  }

  /**
   * @param {HamsterError} error
   * @param {(() => void) | null} retry what the button does; null for no button
   */
  failure(error, retry) {
    this.#enter('failed');
    const failure = texts.failure(error);
    find('failure-title').textContent = failure.title;
    find('failure-hint').textContent = failure.hint;
    find('retry').hidden = retry === null;
    this.#retry = retry ?? (() => {});
    this.#rest('');
    this.#announce(texts.announceFailure(failure));
  }

  /** @param {boolean} over whether something to drop hangs over the page */
  target(over) {
    document.body.classList.toggle('is-target', over);
    find('invitation-text').textContent = over ? texts.dropNow : texts.drop;
  }

  get #state() {
    return /** @type {State} */ (document.body.dataset.state);
  }

  /** @param {State} state */
  #enter(state) {
    document.body.dataset.state = state;
    find('failure').hidden = state !== 'failed';
    const answered = !this.#guesses.classList.contains('is-empty');
    find('waiting').hidden = state === 'failed' || answered;
    if (state !== 'answered') find('facts').hidden = true;
  }

  /** @param {string} text what is being done, for how long nobody knows */
  #work(text) {
    this.#setStatus(text);
    this.#progress.removeAttribute('value');
    this.#progress.hidden = false;
  }

  /** @param {string} text */
  #rest(text) {
    this.#setStatus(text);
    this.#progress.hidden = true;
  }

  /** @param {string} text */
  #setStatus(text) {
    this.#status.textContent = text;
  }

  /**
   * Says something to those who listen to the page. Progress is left out: a
   * number that changes thirty times a second is noise.
   *
   * @param {string} text
   */
  #announce(text) {
    this.#announcer.textContent = text;
  }
}

/** @param {string} id */
function find(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element;
}

/** @param {string} text */
function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function emptyGuess() {
  const guess = make('li', 'guess');
  const words = make('div', 'guess-words');
  words.append(make('span', 'guess-label'), make('span', 'guess-score'));
  guess.append(words, make('div', 'guess-bar'));
  return guess;
}

/**
 * @param {HTMLElement} guess
 * @param {Prediction | undefined} prediction undefined where the model has fewer classes
 */
function fillGuess(guess, prediction) {
  const [label, score] = guess.querySelectorAll('span');
  label.textContent = prediction ? texts.label(prediction.label) : '';
  label.title = label.textContent;
  score.textContent = prediction ? texts.score(prediction.score) : '';
  guess.style.setProperty('--score', String(prediction?.score ?? 0));
  guess.hidden = !prediction;
}

/**
 * @param {string} tag
 * @param {string} className
 */
function make(tag, className) {
  const element = document.createElement(tag);
  element.className = className;
  return element;
}
