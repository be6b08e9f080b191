// Counts what WebAssembly memories a worker holds. Memory that engines export
// is seen as well as memory that they are given.

/**
 * Bytes of all memories together, and of those that are not shared.
 *
 * @typedef {{ all: number, unshared: number }} Held
 */

/** @returns {() => Held} */
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

  return () => {
    const held = { all: 0, unshared: 0 };
    for (const { buffer } of memories) {
      held.all += buffer.byteLength;
      if (buffer instanceof ArrayBuffer) held.unshared += buffer.byteLength;
    }
    return held;
  };
}
