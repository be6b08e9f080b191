// How engines are timed, wherever they run.

/**
 * @template T
 * @param {Record<string, number>} stages
 * @param {string} name
 * @param {() => Promise<T>} f
 */
export async function timed(stages, name, f) {
  const begun = performance.now();
  const result = await f();
  stages[name] = performance.now() - begun;
  return result;
}

/**
 * Runs at least so often and so long; returns each run's time in ms.
 *
 * @param {() => Promise<unknown>} run
 * @param {{ runs: number, ms: number }} atLeast
 */
export async function repeat(run, { runs, ms }) {
  const times = [];
  for (const end = performance.now() + ms; times.length < runs || performance.now() < end; ) {
    const begun = performance.now();
    await run();
    times.push(performance.now() - begun);
  }
  return times;
}
