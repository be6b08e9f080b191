/**
 * The page: photos in, answers out.
 */

import { HamsterError, isAbort } from '../shared/errors.js';
import { inspectImage } from '../shared/imageheader.js';
import { Classifier } from './classifier.js';
import { takePhotos } from './intake.js';
import { View, shownGuesses } from './view.js';

/** @import { Photo } from './intake.js' */

const view = new View();

const classifier = new Classifier({
  model: 'models/default.onnx',
  onprogress: (progress) => view.progress(progress),
});

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
    view.ready(await classifier.load());
  } catch (thrown) {
    // While a photo waits for the model, its own turn tells of the failure.
    if (document.body.dataset.state === 'looking') return;
    view.failure(HamsterError.from(thrown), load);
  }
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
    view.ready(await classifier.load());
    const result = await classifier.classify(image, { top: shownGuesses, signal });
    view.answer(result, performance.now() - begun);
  } catch (thrown) {
    if (signal.aborted && isAbort(thrown)) return; // the next photo has the word
    const error = HamsterError.from(thrown);
    const isPhotos = error.code.startsWith('image-');
    if (isPhotos) view.show(null);
    view.failure(error, isPhotos ? null : () => look(photo));
  }
}
