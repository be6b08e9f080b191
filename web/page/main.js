/**
 * The page: photos in, answers out. One stage shows one photo, the camera or
 * many photos; one card shows what they are. This file tells who has both.
 */

import { HamsterError } from '../shared/errors.js';
import { inspectImage } from '../shared/imageheader.js';
import { texts } from '../shared/texts.js';
import { AddressError } from './address.js';
import { copyAs } from './copy.js';
import { announce, find, leadOn, sayAll } from './dom.js';
import { Engine } from './engine.js';
import { hideFacts, showFacts } from './facts.js';
import * as guesses from './guesses.js';
import { takePhotos } from './intake.js';
import { choose, spoken } from './language.js';
import { mark } from './marks.js';
import { Models, firstWanted } from './models.js';
import { offline } from './offline.js';
import { countPrivately, showPolicy } from './privacy.js';
import * as stage from './stage.js';
import { endRemark, fail, recovered, remark, resting, working } from './status.js';
import { Storage } from './storage.js';
import { isUnsure } from './unsure.js';

/**
 * @import { Classification, Progress } from '../shared/protocol.js'
 * @import { Failure } from '../shared/texts/en.js'
 * @import { Item } from './batch.js'
 * @import { Photo } from './intake.js'
 *
 * @typedef {'idle' | 'looking' | 'answered' | 'failed'} State
 * @typedef {'photo' | 'camera' | 'many'} View
 */

countPrivately();

const { body } = document;
const wanted = firstWanted();
const engine = new Engine(wanted, tellProgress);
const models = new Models(wanted, changeModel);
const storage = new Storage(engine, (kept) => models.setKept(kept));

/** Ends the turn of the photo before. */
let turn = new AbortController();
/** Ends the search for what spoke for a class. */
let search = new AbortController();
/** What is on the stage, and its answer with the words that it came with. @type {{ photo: Photo, image: Blob, result: Classification | null, said: () => string } | null} */
let subject = null;
/** Asks again about what is on the stage, or on its way there. @type {(() => void) | null} */
let askAgain = null;
/** The photo of many that has the stage. @type {Item | null} */
let opened = null;
/** Both come when they are asked for first. @type {import('./many.js').Many | undefined} */
let many;
/** @type {import('./live.js').Live | undefined} */
let live;

await spoken;
sayAll();
const language = find('language', HTMLSelectElement);
language.value = document.documentElement.lang;
language.addEventListener('change', async () => {
  await choose(/** @type {import('../shared/texts.js').Language} */ (language.value));
  sayAll();
});

takePhotos({
  onphotos: (photos, leftOut) => (photos.length === 1 && view() !== 'many' ? look(photos[0]) : lookAtMany(photos, leftOut)),
  onmodel: (file) => models.open(file),
  ontrouble: (words, retry) => {
    if (view() !== 'photo') {
      remark(words); // what is on the stage goes on
      return;
    }
    enter('photo');
    fail(words, retry);
  },
  ontarget: stage.target,
});
find('live').addEventListener('click', openCamera);
find('close-camera').addEventListener('click', () => {
  leave();
  find('live').focus();
});
find('close-many').addEventListener('click', () => {
  leave();
  find('file').focus();
});
find('back').addEventListener('click', backToMany);
addEventListener('keydown', ({ key }) => {
  if (key !== 'Escape') return;
  if (stage.isExplaining()) stopExplaining();
  else if (!find('back').hidden) backToMany();
});
find('explaining-stop').addEventListener('click', stopExplaining);
copyAs(() => (subject?.result ? { name: subject.photo.name(), result: subject.result } : null));

// The page is painted before anything heavy begins.
requestAnimationFrame(() => setTimeout(load));

/** @returns {View} */
function view() {
  return /** @type {View} */ (body.dataset.view);
}

/** @param {State} state */
function setState(state) {
  body.dataset.state = state;
  if (state !== 'failed') recovered();
  if (state !== 'answered') hideFacts();
}

/** Gives the stage to somebody else, and with it the focus of whoever is on what goes. @param {View} next */
function enter(next) {
  turn.abort();
  search.abort();
  stage.hideHeat();
  if (next !== view()) endRemark();
  if (next !== 'camera') live?.close();
  if (next !== 'many') many?.leave();
  body.dataset.view = next;
  find('back').hidden = next !== 'photo' || !opened;
  const { activeElement } = document;
  if (activeElement && activeElement.getClientRects().length === 0) leadOn();
}

/** Takes from the stage what is on it, and its answer. */
function empty() {
  subject = null;
  askAgain = null;
  stage.showPicture(null);
  guesses.clear();
}

/** An empty stage, as in the beginning. */
function leave() {
  opened = null;
  enter('photo');
  many?.clear();
  empty();
  setState('idle');
  resting(() => texts.ready);
}

async function load() {
  guesses.clear();
  setState('idle');
  working(() => texts.connecting);
  try {
    const info = await loaded();
    if (state() !== 'idle') return;
    resting(() => texts.ready);
    announce(texts.announceReady(info));
  } catch (thrown) {
    // While a photo waits for the model, its own turn tells of the failure.
    if (state() === 'looking') return;
    tell(thrown, load);
  }
}

/** @returns {State} */
function state() {
  return /** @type {State} */ (body.dataset.state);
}

async function loaded() {
  /** @type {import('../shared/protocol.js').ModelInfo} */
  let info;
  try {
    info = await engine.load();
  } catch (thrown) {
    models.failed();
    if (!isSettled) furnish();
    throw thrown;
  }
  models.loaded(info);
  mark(info.stages);
  settle(info);
  return info;
}

/** Whether a model has been there. */
let isSettled = false;

/** @param {import('../shared/protocol.js').ModelInfo} info */
function settle(info) {
  storage.show(info.kept);
  if (isSettled) return;
  isSettled = true;
  offline();
  furnish();
}

/** What has time until a model is there or fails, so that nothing competes with it. */
function furnish() {
  showPolicy();
  models.offer();
}

/** @param {Progress} progress */
function tellProgress(progress) {
  if (view() === 'many' || (view() === 'camera' && state() === 'answered')) return;
  const isWaiting = state() === 'looking';
  const share = progress.stage === 'fetch' && progress.total ? progress.done / progress.total : undefined;
  working(() => (isWaiting ? texts.progressWithPhoto(progress) : texts.progress(progress)), share);
}

/** Whatever has an answer is looked at anew. @param {import('./models.js').Wanted} next */
function changeModel(next) {
  engine.use(next);
  if (many?.size) many.again();
  if (askAgain) askAgain();
  else if (view() === 'photo') load();
  else {
    if (view() === 'camera') lookAnew();
    loaded().catch(() => {}); // whoever looks meets the same failure, and tells of it
  }
}

/**
 * Looks at one photo.
 *
 * @param {Photo} photo
 * @param {{ isFrame?: boolean, isMirrored?: boolean }} [options] `isFrame`: of the
 *   camera, which keeps the stage; `isMirrored`: shown as in a mirror
 */
async function look(photo, { isFrame = false, isMirrored = false } = {}) {
  if (isFrame) search.abort();
  else enter('photo');
  turn.abort();
  turn = new AbortController();
  const { signal } = turn;
  const begun = performance.now();
  askAgain = () => look(photo, { isFrame, isMirrored });
  try {
    setState('looking');
    working(() => (isSettled ? texts.looking : texts.progressWithPhoto({ stage: 'wait', done: 0, total: 0 })));
    const image = await photo.open(signal);
    // Before the browser is asked to show it: what is too large to decode is
    // too large to show.
    await inspectImage(image);
    signal.throwIfAborted();
    subject = { photo, image, result: null, said: () => '' };
    stage.showPicture(image, () => (isFrame ? texts.frozen : texts.photo(photo.name())), isMirrored);
    announce(texts.looking);
    await loaded();
    signal.throwIfAborted();
    working(() => texts.looking);
    const result = await engine.classify(image, { top: guesses.shownGuesses, signal });
    mark([{ name: 'run', begun: performance.timeOrigin + performance.now() - result.timing.run, took: result.timing.run }]);
    subject.result = result;
    answer(result);
    const took = performance.now() - begun;
    subject.said = () => texts.done(took);
    resting(subject.said);
  } catch (thrown) {
    if (signal.aborted) return; // the next photo has the word
    const isPhotos = isOfPhoto(thrown);
    const again = askAgain;
    if (isPhotos) empty();
    tell(thrown, isPhotos && !(thrown instanceof AddressError) ? null : again);
  }
}

/** Shows what a photo is. @param {Classification} result */
function answer(result) {
  const { predictions } = result;
  setState('answered');
  const doubt = isUnsure(predictions);
  guesses.show(guesses.rowsOf(predictions), { isUnsure: doubt, press: explain });
  showFacts(result);
  announce(texts.announceAnswer(predictions, doubt));
}

/** Shows what spoke for a guess, or no longer. @param {number} row */
async function explain(row) {
  const prediction = subject?.result?.predictions[row];
  if (!subject || !prediction) return;
  const isShown = guesses.pressed() === row;
  search.abort();
  stage.hideHeat();
  guesses.press(-1);
  resting(subject.said);
  if (isShown) return;
  search = new AbortController();
  const { signal } = search;
  guesses.press(row);
  stage.explaining();
  let isTold = false; // what is quick needs no word
  try {
    const map = await engine.explain(subject.image, {
      index: prediction.index, of: subject.result ?? undefined, signal,
      onprogress: (share, soFar) => {
        if (signal.aborted) return;
        if (!isTold) announce(texts.explainingLong(prediction.label));
        isTold = true;
        stage.explaining(share, soFar);
      },
    });
    signal.throwIfAborted();
    keepFocus(row, () => stage.showHeat(map));
    resting(() => texts.explained(prediction.label));
    announce(texts.explained(prediction.label));
  } catch (thrown) {
    if (signal.aborted) return;
    keepFocus(row, stage.hideHeat);
    guesses.press(-1);
    const { hint } = failureOf(thrown)();
    resting(() => `${texts.whyFailed} ${hint}`);
    announce(texts.whyFailed);
  }
}

/** The answers stay, and so does the focus: at the guess that was asked about. */
function stopExplaining() {
  search.abort();
  keepFocus(guesses.pressed(), stage.hideHeat);
  guesses.press(-1);
  resting(() => texts.explainingStopped);
  announce(texts.explainingStopped);
}

/**
 * The button that stops goes; whoever is on it is led back to the guess.
 *
 * @param {number} row
 * @param {() => void} hide
 */
function keepFocus(row, hide) {
  const isThere = document.activeElement === find('explaining-stop');
  hide();
  if (isThere) guesses.focus(row);
}

async function openCamera() {
  opened = null;
  enter('camera');
  many?.clear();
  empty();
  setState('looking');
  working(() => texts.cameraStarting);
  try {
    const { Live } = await lazily(() => import('./live.js'));
    live ??= new Live({
      classify: (video, options) => engine.classify(video, options),
      onlook: () => {
        enter('camera');
        subject = null;
        askAgain = null;
        stage.showPicture(null);
        setState('answered');
        hideFacts();
        resting(() => texts.cameraLive);
        announce(texts.cameraLive);
        if (document.activeElement !== find('switch-camera')) find('freeze').focus();
      },
      onanswer: (result) => {
        if (state() === 'looking') {
          setState('answered');
          resting(() => texts.cameraLive);
        }
        showFacts(result);
        tellChange(result);
      },
      onfrozen: (frame, isMirrored) => look({ name: () => texts.frozen, open: async () => frame }, { isFrame: true, isMirrored }),
      onpause: (isPaused) => resting(() => (isPaused ? texts.cameraPaused : texts.cameraLive)),
      ongone: leave,
      ontrouble: withoutCamera,
    });
    await loaded();
    if (view() === 'camera') await live.open();
  } catch (thrown) {
    if (view() === 'camera') withoutCamera(thrown);
  }
}

/** @param {unknown} thrown why there is none */
function withoutCamera(thrown) {
  const isThere = document.querySelector('.for-camera')?.contains(document.activeElement);
  leave();
  if (isThere) find('live').focus({ preventScroll: true });
  tell(thrown, openCamera);
}

/** Another model looks through the camera. */
function lookAnew() {
  if (!live?.again()) return; // it is being opened
  guesses.clear();
  setState('looking');
  working(() => texts.looking);
}

/** How often those who listen hear of what the camera sees, in milliseconds. */
const tellingTime = 4000;
let told = { label: '', at: 0 };

/** @param {Classification} result */
function tellChange({ predictions }) {
  const [{ label }] = predictions;
  const now = performance.now();
  if (label === told.label || isUnsure(predictions) || now - told.at < tellingTime) return;
  told = { label, at: now };
  announce(texts.label(label));
}

/**
 * @param {Photo[]} photos
 * @param {number} [leftOut]
 */
async function lookAtMany(photos, leftOut) {
  try {
    const { Many } = await lazily(() => import('./many.js'));
    many ??= new Many({
      classify: (image, options) => engine.classify(image, options),
      fails: (thrown) => (isOfPhoto(thrown) ? () => failureOf(thrown)().title : null),
      onopen: openOne,
      ontrouble: (thrown, retry) => {
        if (view() !== 'many') return; // the grid offers to go on
        tell(thrown, () => {
          retry();
          loaded().catch(() => {});
        });
      },
    });
    if (!many.isShown) {
      opened = null;
      enter('many');
      empty();
      setState('looking');
      loaded().catch(() => {}); // the photos meet the same failure, and tell of it
    }
    many.add(photos, leftOut);
  } catch (thrown) {
    tell(thrown, () => lookAtMany(photos, leftOut));
  }
}

/** Gives the stage to one photo of many. @param {Item} item */
async function openOne(item) {
  opened = item;
  enter('photo');
  find('back').focus();
  if (!item.result) {
    look(item.photo);
    return;
  }
  const { signal } = turn = new AbortController();
  askAgain = () => look(item.photo);
  try {
    const image = await item.photo.open(signal); // once more from its address, if it came from one
    if (signal.aborted) return;
    const result = { ...item.result, predictions: item.predictions };
    subject = { photo: item.photo, image, result, said: item.photo.name };
    stage.showPicture(image, () => texts.photo(item.photo.name()));
    answer(result);
    resting(subject.said);
  } catch (thrown) {
    if (!signal.aborted) tell(thrown, () => openOne(item));
  }
}

function backToMany() {
  if (!many || !opened) return;
  const item = opened;
  opened = null;
  enter('many');
  empty();
  setState('answered');
  hideFacts();
  many.open();
  many.focus(item);
}

/** Whether a photo is to blame, and not what looks at it. @param {unknown} thrown */
function isOfPhoto(thrown) {
  return thrown instanceof AddressError || HamsterError.from(thrown).code.startsWith('image-');
}

/**
 * @param {unknown} thrown
 * @returns {() => Failure}
 */
function failureOf(thrown) {
  if (thrown instanceof AddressError) return () => texts.addressFailure(thrown.trouble, thrown.host, thrown.status);
  if (thrown instanceof Error && 'trouble' in thrown) {
    const { trouble } = /** @type {import('./camera.js').CameraError} */ (thrown);
    return () => texts.cameraFailure(trouble);
  }
  const error = HamsterError.from(thrown);
  return () => texts.failure(error);
}

/**
 * @param {unknown} thrown
 * @param {(() => void) | null} retry
 */
function tell(thrown, retry) {
  hideFacts();
  // The program is up then, and may show what lies on the device.
  if (!isSettled && HamsterError.from(thrown).code.startsWith('model-')) storage.list();
  fail(failureOf(thrown), retry);
}

/**
 * A part of the page that comes when it is needed.
 *
 * @template T
 * @param {() => Promise<T>} part
 */
async function lazily(part) {
  try {
    return await part();
  } catch (cause) {
    throw new HamsterError('engine-missing', `a part of the page does not load: ${cause}`);
  }
}
