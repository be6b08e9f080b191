/**
 * The service worker: keeps the page and all that the classifier needs, so that
 * both work without a network. Models are not its business; IndexedDB has them.
 *
 * Its text holds the version and the files, put in by tools/internal/site; those
 * for later, with their SHA-256, are kept once a page has asked for them. Other
 * files make another version, which a browser installs beside the one in use. The
 * new one takes over when no page is open any more, or when a page says so; the
 * others hear of that, and begin anew or start no worker any more (web/page/offline.js).
 * So no page gets parts of two.
 */

/** @type {{ version: string, files: string[], later: Record<string, string> }} */
const shell = { version: '', files: [], later: {} };

const prefix = 'hamster-shell-';
const cacheName = prefix + shell.version;

/** @type {any} */
const worker = self;

/** Where a file lies; the scope's own address stands for index.html. @param {string} file */
const addressOf = (file) => new URL(file === 'index.html' ? './' : file, worker.registration.scope).href;

/** Which kept address answers for one that is asked for. */
const addresses = new Map([...shell.files, ...Object.keys(shell.later)].map((file) => [addressOf(file), addressOf(file)]));
/** The SHA-256 of what is kept later, by its address. */
const hashes = new Map(Object.entries(shell.later).map(([file, sha256]) => [addressOf(file), sha256]));
addresses.set(new URL('index.html', worker.registration.scope).href, addressOf('index.html'));

worker.addEventListener('install', (/** @type {any} */ event) => event.waitUntil(install().then(() => route(event))));
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

/**
 * Has a browser that can give what is kept do so without starting this worker first;
 * others ask it, as before. Only what is the same whoever asks: what the cache does not
 * match comes from the network then, and may be of another version.
 *
 * @param {any} event
 */
async function route(event) {
  if (!event.addRoutes) return;
  try {
    const rules = [];
    for (const address of shell.files.map(addressOf)) {
      const kept = await caches.match(address, { cacheName, ignoreVary: true });
      if (!/^(accept-encoding)?$/i.test(kept?.headers.get('Vary') ?? '')) continue;
      const { origin, pathname } = new URL(address);
      // Another query is another address to the cache, and answer's business.
      const urlPattern = { baseURL: origin, pathname: pathname.replace(/[^\w/%-]/g, '\\$&'), search: '' };
      rules.push({ condition: { urlPattern, requestMethod: 'GET' }, source: { cacheName } });
    }
    await event.addRoutes(rules);
  } catch {
    // then this worker answers
  }
}

/** Removes former versions. On a first visit the open page is taken in too. */
async function activate() {
  for (const name of await caches.keys()) {
    if (name.startsWith(prefix) && name !== cacheName) await caches.delete(name);
  }
  // Nobody waits for it: Firefox waits until every client has taken note, which threads
  // (web/worker/thread.js) never do, and all that the page fetches would wait as well.
  worker.clients.claim().catch(() => {});
}

/**
 * What was kept, with the headers that it came with: among them those that
 * isolate the page, without which there are no threads. A browser whose storage
 * fails has the network.
 *
 * @param {string} address
 * @param {Request} request
 */
async function answer(address, request) {
  let works = true;
  const found = await caches.match(address, { cacheName, ignoreVary: true }).catch(() => {
    works = false;
  });
  if (found) return found;
  const response = await fetch(request);
  const sha256 = works && hashes.get(address);
  return sha256 && response.ok && response.body ? checked(response, sha256, address) : response;
}

/**
 * Passes on what comes and keeps it, if it is of this version: the last of it is held
 * back until that is known. What is not has come after a newer one, which is looked for.
 *
 * @param {Response} response
 * @param {string} sha256
 * @param {string} address
 */
function checked(response, sha256, address) {
  const { status, statusText, headers } = response;
  const reader = /** @type {ReadableStream<Uint8Array<ArrayBuffer>>} */ (response.body).getReader();
  /** @type {Uint8Array<ArrayBuffer>[]} */
  const chunks = [];
  const body = new ReadableStream({
    async pull(controller) {
      for (;;) {
        const { value, done } = await reader.read();
        const held = chunks.at(-1);
        if (!done) {
          chunks.push(value);
          if (!held) continue;
          controller.enqueue(held.slice()); // who reads it may take its buffer
          return;
        }
        const whole = await new Blob(chunks).arrayBuffer();
        const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', whole));
        if ([...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('') !== sha256) {
          worker.registration.update().catch(() => {});
          throw new TypeError(`${address} is of another version`);
        }
        if (held) controller.enqueue(held);
        controller.close();
        // What few pages need is kept by those that do. A full disk is no reason to fail.
        caches.open(cacheName).then((cache) => cache.put(address, new Response(whole, { status, statusText, headers }))).catch(() => {});
        return;
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
  return new Response(body, { status, statusText, headers });
}
