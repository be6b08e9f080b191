/**
 * The service worker: keeps the page and all that the classifier needs, so that
 * both work without a network. Models are not its business; IndexedDB has them.
 *
 * Its text holds the version and the files, put in by tools/internal/site; those
 * for later are kept once a page has asked for them. Other
 * files make another version, which a browser installs beside the one in use:
 * a page never gets parts of two. The new one takes over when no page is open
 * any more, or when the page says so.
 */

/** @type {{ version: string, files: string[], later: string[] }} */
const shell = { version: '', files: [], later: [] };

const prefix = 'hamster-shell-';
const cacheName = prefix + shell.version;

/** @type {any} */
const worker = self;

/** Where a file lies; the scope's own address stands for index.html. @param {string} file */
const addressOf = (file) => new URL(file === 'index.html' ? './' : file, worker.registration.scope).href;

/** Which kept address answers for one that is asked for. */
const addresses = new Map([...shell.files, ...shell.later].map((file) => [addressOf(file), addressOf(file)]));
addresses.set(new URL('index.html', worker.registration.scope).href, addressOf('index.html'));

worker.addEventListener('install', (/** @type {any} */ event) => event.waitUntil(install()));
worker.addEventListener('activate', (/** @type {any} */ event) => event.waitUntil(activate()));

worker.addEventListener('message', (/** @type {any} */ { data }) => {
  if (data === 'take over') worker.skipWaiting();
});

worker.addEventListener('fetch', (/** @type {any} */ event) => {
  const { method, url } = event.request;
  const address = new URL(url);
  address.hash = '';
  address.search = '';
  const kept = addresses.get(address.href);
  if (method === 'GET' && kept !== undefined) event.respondWith(answer(kept, event.request));
});

/** Fetches every file; one that is missing stops it, and the former version stays. */
async function install() {
  const cache = await caches.open(cacheName);
  await cache.addAll(shell.files.map((file) => new Request(addressOf(file), { cache: 'no-cache' })));
}

/** Removes former versions. On a first visit the open page is taken in too. */
async function activate() {
  for (const name of await caches.keys()) {
    if (name.startsWith(prefix) && name !== cacheName) await caches.delete(name);
  }
  await worker.clients.claim();
}

/**
 * What was kept, with the headers that it came with: among them those that
 * isolate the page, without which there are no threads.
 *
 * @param {string} address
 * @param {Request} request
 */
async function answer(address, request) {
  const cache = await caches.open(cacheName);
  const found = await cache.match(address, { ignoreVary: true });
  if (found) return found;
  const response = await fetch(request);
  // What few pages need is kept by those that do. A full disk is no reason to fail.
  if (response.ok) cache.put(address, response.clone()).catch(() => {});
  return response;
}
