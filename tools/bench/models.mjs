// Models in IndexedDB, as blobs: every engine's bytes come from the same place, and
// what an engine keeps of a model lies beside it.

const NAME = 'hamster-bench';
const STORE = 'models';

/** @returns {Promise<IDBDatabase>} */
function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/**
 * @param {string} name
 * @param {Blob} blob
 */
export async function put(name, blob) {
  const db = await open();
  await new Promise((resolve, reject) => {
    const transaction = db.transaction(STORE, 'readwrite');
    transaction.objectStore(STORE).put(blob, name);
    transaction.oncomplete = () => resolve(undefined);
    transaction.onerror = () => reject(transaction.error);
  });
  db.close();
}

/**
 * @param {string} name
 * @returns {Promise<Uint8Array<ArrayBuffer> | null>} null where there is none
 */
export async function find(name) {
  const db = await open();
  /** @type {Blob | undefined} */
  const blob = await new Promise((resolve, reject) => {
    const request = db.transaction(STORE).objectStore(STORE).get(name);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  db.close();
  return blob ? new Uint8Array(await blob.arrayBuffer()) : null;
}

/** @param {string} name */
export async function get(name) {
  const bytes = await find(name);
  if (!bytes) throw new Error(`no model ${name} is stored`);
  return bytes;
}
