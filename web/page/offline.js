/**
 * Registers the service worker (web/sw.js), which keeps the page itself for
 * times without a network, and tells when it has a newer one.
 */

let registered = false;

/** Called when the model is there, so that nothing competes with it. */
export async function offline() {
  if (registered || !('serviceWorker' in navigator)) return;
  registered = true;
  try {
    const registration = await navigator.serviceWorker.register('sw.js', { updateViaCache: 'none' });
    // Where no other is in use this is the first one, and no news. WebKit tells
    // that it is installed when it is in use already.
    const isNews = (/** @type {ServiceWorker} */ worker) => registration.active && registration.active !== worker;
    if (registration.waiting && isNews(registration.waiting)) tell(registration.waiting);
    registration.addEventListener('updatefound', () => {
      const worker = registration.installing;
      worker?.addEventListener('statechange', () => {
        if (worker.state === 'installed' && isNews(worker)) tell(worker);
      });
    });
  } catch {
    // Refused or not reached: the page works as before, with a network.
  }
}

/** @param {ServiceWorker} worker */
function tell(worker) {
  const note = document.getElementById('news');
  const button = document.getElementById('news-reload');
  if (!note || !button) return;
  note.hidden = false;
  button.addEventListener('click', () => {
    navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true });
    worker.postMessage('take over');
  }, { once: true });
}
