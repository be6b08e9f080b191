/**
 * Registers the service worker (web/sw.js), which keeps the page itself for
 * times without a network, and tells when it has a newer one.
 */

import { retire } from '../library/connection.js';
import { find } from './dom.js';

let registered = false;

/** The newer one that waits for its turn. @type {ServiceWorker | null} */
let waiting = null;

/** Whether the reader has asked for it. */
let isWanted = false;

watchTakeover();

/** Called when the model is there, so that nothing competes with it. */
export async function offline() {
  if (registered || !('serviceWorker' in navigator)) return;
  registered = true;
  try {
    const registration = await navigator.serviceWorker.register('sw.js', { updateViaCache: 'none' });
    // Where no other is in use this is the first one, and no news. WebKit tells
    // that it is installed when it is in use already.
    const isNews = (/** @type {ServiceWorker} */ worker) => registration.active && registration.active !== worker;
    const watch = (/** @type {ServiceWorker | null} */ worker) => {
      const look = () => {
        if (worker?.state !== 'installed' || !isNews(worker)) return;
        waiting = worker;
        tell();
      };
      look();
      worker?.addEventListener('statechange', look);
    };
    watch(registration.waiting);
    watch(registration.installing); // it may have begun before this page listened
    registration.addEventListener('updatefound', () => watch(registration.installing));
  } catch {
    // Refused or not reached: the page works as before, with a network.
  }
}

/**
 * Looks for a newer one that takes over, perhaps because another tab said so. What
 * is still to be loaded would be of another version than this page then.
 */
function watchTakeover() {
  if (!('serviceWorker' in navigator)) return;
  let isFirst = !navigator.serviceWorker.controller;
  navigator.serviceWorker.addEventListener('controllerchange', () => {
    if (isFirst) {
      isFirst = false; // it answers for a page that came without it
    } else if (isWanted || isUntouched()) {
      location.reload();
    } else {
      waiting = null;
      retire();
      tell();
    }
  });
}

/** Whether there is nothing on the page that a reload would lose. */
function isUntouched() {
  const { state, view } = document.body.dataset;
  return state === 'idle' && view === 'photo' && find('model-choice', HTMLSelectElement).value !== 'own';
}

function tell() {
  find('news').hidden = false;
  find('news-reload').onclick = () => {
    isWanted = true;
    if (waiting) waiting.postMessage('take over');
    else location.reload();
  };
}
