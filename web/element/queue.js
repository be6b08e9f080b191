/**
 * Many elements on one page take turns: what all at once decode takes memory, and
 * what all at once show as busy takes the time of those who work.
 */

/** One is looked at while the next is made ready. */
const atOnce = 2;

let working = 0;

/** @type {Set<() => void>} */
const waiting = new Set();

/**
 * Does some work when it is its turn.
 *
 * @template T
 * @param {() => Promise<T>} work
 * @param {AbortSignal} signal leaves the queue
 * @returns {Promise<T>}
 */
export async function inTurn(work, signal) {
  signal.throwIfAborted();
  if (working >= atOnce) {
    await new Promise((resolve, reject) => {
      const begin = () => {
        signal.removeEventListener('abort', leave);
        resolve(undefined);
      };
      const leave = () => {
        waiting.delete(begin);
        reject(signal.reason);
      };
      waiting.add(begin);
      signal.addEventListener('abort', leave, { once: true });
    });
  } else {
    working++;
  }
  try {
    return await work();
  } finally {
    const [next] = waiting;
    if (next) { // takes over this place
      waiting.delete(next);
      next();
    } else {
      working--;
    }
  }
}
