// Counts what WebAssembly memories a worker holds. Memory that engines export
// is seen as well as memory that they are given.

/** @returns {() => number} the bytes of all memories together */
export function watchMemories() {
  /** @type {Set<WebAssembly.Memory>} */
  const memories = new Set();
  const { Memory, Instance, instantiate, instantiateStreaming } = WebAssembly;

  const note = (/** @type {WebAssembly.Instance} */ instance) => {
    for (const exported of Object.values(instance.exports)) {
      if (exported instanceof Memory) memories.add(exported);
    }
    return instance;
  };
  const noteAll = (/** @type {any} */ result) => {
    note(result.instance ?? result);
    return result;
  };
  WebAssembly.Memory = new Proxy(Memory, {
    construct(target, args) {
      const memory = Reflect.construct(target, args);
      memories.add(memory);
      return memory;
    },
  });
  WebAssembly.Instance = new Proxy(Instance, {
    construct: (target, args) => note(Reflect.construct(target, args)),
  });
  WebAssembly.instantiate = (/** @type {any[]} */ ...args) => Reflect.apply(instantiate, WebAssembly, args).then(noteAll);
  WebAssembly.instantiateStreaming = (/** @type {any[]} */ ...args) =>
    Reflect.apply(instantiateStreaming, WebAssembly, args).then(noteAll);

  return () => [...memories].reduce((sum, memory) => sum + memory.buffer.byteLength, 0);
}
