/**
 * The page: photos in, answers out.
 */

import { Classifier } from '../hamster.js';
import { HamsterError, isAbort } from '../shared/errors.js';
import { inspectImage } from '../shared/imageheader.js';
import { mark } from './marks.js';
import { offline } from './offline.js';
import { Storage } from './storage.js';
import { takePhotos } from './intake.js';
import { View, shownGuesses } from './view.js';

/** @import { Photo } from './intake.js' */

const view = new View();

const classifier = new Classifier({
  model: 'models/index.json',
  onprogress: (progress) => view.progress(progress),
});

const storage = new Storage(classifier);

/** Ends the turn of the photo before. */
let turn = new AbortController();

takePhotos({
  onphoto: look,
  ontarget: (over) => view.target(over),
});

// The page is painted before anything heavy begins.
requestAnimationFrame(() => setTimeout(load));

async function load() {
  view.loading();
  try {
    await loaded();
  } catch (thrown) {
    // While a photo waits for the model, its own turn tells of the failure.
    if (document.body.dataset.state === 'looking') return;
    view.failure(HamsterError.from(thrown), load);
  }
}

async function loaded() {
  const info = await classifier.load();
  view.ready(info);
  mark(info.stages);
  storage.show(info.kept);
  offline();
}

/** @param {Photo} photo */
async function look(photo) {
  turn.abort();
  turn = new AbortController();
  const { signal } = turn;
  const begun = performance.now();
  try {
    const image = await photo.open(signal);
    // Before the browser is asked to show it: what is too large to decode is
    // too large to show.
    await inspectImage(image);
    signal.throwIfAborted();
    view.show(image, photo.name);
    view.looking(photo.isFirst);
    await loaded();
    const result = await classifier.classify(image, { top: shownGuesses, signal });
    mark([{ name: 'run', begun: performance.timeOrigin + performance.now() - result.timing.run, took: result.timing.run }]);
    view.answer(result, performance.now() - begun);
  } catch (thrown) {
    if (signal.aborted && isAbort(thrown)) return; // the next photo has the word
    const error = HamsterError.from(thrown);
    const isPhotos = error.code.startsWith('image-');
    if (isPhotos) view.show(null);
    view.failure(error, isPhotos ? null : () => look(photo));
  }
}
