// The worker that times single kernels.

/**
 * `entries` are addresses of programs and the operations that each run makes.
 *
 * @typedef {{ wasm: string, image: string, rounds: number, ms: number,
 *   entries: { program: number, macs: number }[] }} Job
 */

/** @param {string} url */
async function bytes(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: status ${response.status}`);
  return response.arrayBuffer();
}

/**
 * Returns each entry's speed in each round, in 10⁹ operations a second.
 *
 * @param {Job} job
 */
async function time({ wasm, image, rounds, ms, entries }) {
  const { instance } = await WebAssembly.instantiate(await bytes(wasm));
  const memory = /** @type {WebAssembly.Memory} */ (instance.exports.memory);
  const run = /** @type {(program: number, thread: number, threads: number) => number} */ (instance.exports.run);
  new Uint8Array(memory.buffer).set(new Uint8Array(await bytes(image)));

  const once = (/** @type {number} */ program) => {
    if (run(program, 0, 1) !== 0) throw new Error(`the program at ${program} was aborted`);
  };
  const speed = (/** @type {{ program: number, macs: number }} */ { program, macs }) => {
    const begun = performance.now();
    let runs = 0;
    let spent = 0;
    do {
      once(program);
      runs++;
      spent = performance.now() - begun;
    } while (spent < ms);
    return (macs * runs) / spent / 1e6;
  };
  // The compiler gets to each function while it runs: the first round is lost.
  entries.forEach(speed);
  const speeds = entries.map(() => /** @type {number[]} */ ([]));
  for (let round = 0; round < rounds; round++) {
    entries.forEach((entry, i) => speeds[i].push(speed(entry)));
  }
  return speeds;
}

addEventListener('message', ({ data }) => {
  time(data).then(
    (speeds) => postMessage({ speeds }),
    (cause) => postMessage({ error: cause?.stack ?? String(cause) }),
  );
});
