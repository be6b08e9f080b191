// A thread as in web/worker/thread.js, that ends within its n-th program,
// "?after=n", with an error or, by "&how=close", without a word; by "&how=later" with an
// error when that program is done. By "&only=p" it counts those at address p.
const options = new URL(location.href).searchParams;
const only = Number(options.get('only') ?? NaN);

addEventListener('message', ({ data }) => {
  const { module, memory, thread, control } = data;
  const { run } = new WebAssembly.Instance(module, { env: { memory } }).exports;
  const words = new Int32Array(memory.buffer);
  postMessage('up');
  for (let seen = 0, left = Number(options.get('after')); ;) {
    Atomics.wait(words, control, seen);
    const next = Atomics.load(words, control);
    if (next === seen) continue;
    seen = next;
    const dies = (Number.isNaN(only) || Atomics.load(words, control + 1) === only) && --left === 0;
    if (dies && options.get('how') !== 'later') {
      if (options.get('how') !== 'close') throw new Error('this thread dies');
      close();
      return;
    }
    run(Atomics.load(words, control + 1), thread, Atomics.load(words, control + 2));
    Atomics.add(words, control + 3, 1);
    Atomics.notify(words, control + 3);
    if (dies) throw new Error('this thread dies');
  }
}, { once: true });
