/** Trying again what fails for now: a network that is lost for a moment, a server in trouble. */

import { Passing } from './download.js';

/** How often in a row nothing comes before it is given up. */
const attempts = 5;

/** The first pause, in milliseconds; each is twice the one before. */
const firstPause = 400;

/**
 * Does something until it is done or hopeless: `attempt` throws a Passing where
 * trying again may help.
 *
 * @template T
 * @param {() => Promise<T>} attempt
 * @param {{ signal?: AbortSignal, pause?: number, progressed?: () => boolean }} [options] `progressed` tells
 *   whether the last attempt came further, so that the attempts are counted anew
 * @returns {Promise<T>}
 */
export async function persistently(attempt, { signal, pause = firstPause, progressed = () => false } = {}) {
  for (let left = attempts, waiting = pause; ;) {
    try {
      return await attempt();
    } catch (thrown) {
      signal?.throwIfAborted();
      if (!(thrown instanceof Passing)) throw thrown;
      if (progressed()) {
        left = attempts;
        waiting = pause;
      }
      if (--left === 0) throw thrown;
    }
    // Many clients that were cut off at once should not come back at once.
    await sleep(waiting * (0.75 + Math.random() / 2), signal);
    waiting *= 2;
  }
}

/**
 * @param {number} milliseconds
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
function sleep(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, milliseconds);
    signal?.addEventListener('abort', abort, { once: true });
  });
}
