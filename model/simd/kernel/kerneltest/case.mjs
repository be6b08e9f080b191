// Runs one case of package kerneltest in any JavaScript host with workers.
// A threaded module imports its shared memory as env.memory.

const pageSize = 65536;

// A module's memory import, read from its bytes: WebAssembly.Module.imports
// does not tell the limits.
function importedMemory(bytes) {
  let at = 8;
  const u32 = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const b = bytes[at++];
      value |= (b & 0x7f) << shift;
      if (b < 0x80) return value >>> 0;
    }
  };
  const name = () => {
    const n = u32();
    at += n;
  };
  while (at < bytes.length) {
    const id = bytes[at++];
    const size = u32();
    const end = at + size;
    if (id === 2) {
      for (let n = u32(); n > 0; n--) {
        name();
        name();
        const kind = bytes[at++];
        if (kind === 0) u32();
        if (kind === 2) {
          const flags = bytes[at++];
          const limits = { initial: u32() };
          if (flags & 1) limits.maximum = u32();
          if (flags & 2) limits.shared = true;
          return limits;
        }
      }
    }
    at = end;
  }
  return null;
}

/**
 * @param {Uint8Array} wasm
 * @param {Uint8Array} image
 * @param {{programs: number[], threads: number}} head
 * @param {(message: object) => Promise<{run(program: number): Promise<number>, release(): void}>} startWorker
 */
export async function runCase(wasm, image, head, startWorker) {
  if (!WebAssembly.validate(wasm)) {
    await WebAssembly.compile(wasm); // throws with the reason
  }
  const module = await WebAssembly.compile(wasm);
  const limits = importedMemory(wasm);
  const imports = {};
  let memory;
  if (limits) {
    memory = new WebAssembly.Memory(limits);
    imports.env = { memory };
  }
  const instance = await WebAssembly.instantiate(module, imports);
  memory ??= instance.exports.memory;
  if (image.length > memory.buffer.byteLength) {
    throw new Error(`image of ${image.length} bytes in ${memory.buffer.byteLength / pageSize} pages`);
  }
  new Uint8Array(memory.buffer).set(image);
  const results = [];
  const workers = [];
  for (let thread = 1; thread < head.threads; thread++) {
    workers.push(await startWorker({ module, memory, thread, threads: head.threads }));
  }
  for (const program of head.programs) {
    const others = workers.map((w) => w.run(program));
    results.push(instance.exports.run(program, 0, head.threads));
    results.push(...(await Promise.all(others)));
  }
  for (const w of workers) w.release();
  if (results.some((r) => r !== 0)) {
    throw new Error(`a program was aborted: run returned ${results}`);
  }
  return { results, memory: new Uint8Array(memory.buffer).slice(0, image.length) };
}
