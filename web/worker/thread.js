/**
 * One more thread of the engine (model/simd/crew_js.go): it waits in shared
 * memory for a program, runs its share, and waits again. It never returns to
 * its event loop; whoever started it ends it with terminate().
 */

/**
 * `control` is the index of the first of four words: a number that changes with
 * each run, the program's address, how many threads run it, and how many of
 * the others are done.
 *
 * @typedef {{ module: WebAssembly.Module, memory: WebAssembly.Memory, thread: number, control: number }} Start
 */

addEventListener('message', (/** @type {MessageEvent<Start>} */ { data }) => {
  const { module, memory, thread, control } = data;
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  const run = /** @type {(program: number, thread: number, threads: number) => number} */ (instance.exports.run);
  const words = new Int32Array(memory.buffer);
  const [epoch, program, threads, done] = [control, control + 1, control + 2, control + 3];
  postMessage('up');
  for (let seen = 0; ;) {
    Atomics.wait(words, epoch, seen);
    const next = Atomics.load(words, epoch);
    if (next === seen) continue;
    seen = next;
    run(Atomics.load(words, program), thread, Atomics.load(words, threads));
    Atomics.add(words, done, 1);
    Atomics.notify(words, done);
  }
}, { once: true });
