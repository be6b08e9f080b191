/**
 * Practice: what a browser runs often it optimises, and Chromium keeps the
 * optimised program for the next visit, but only once there is a megabyte of
 * it. A visitor with one photo does not get that far, and would wait twice as long the next
 * time.
 */

/** Milliseconds of rest before each round, which itself takes some tens. */
const rest = 200;

/**
 * @param {() => Promise<boolean>} round practises once; tells whether there is more to practise
 * @param {() => boolean} busy whether there is something better to do
 */
export async function practise(round, busy) {
  do {
    do await new Promise((resolve) => setTimeout(resolve, rest)); while (busy());
  } while (await round());
}
