// What tools/edge puts into the folder go when it builds the worker: made by
// github.com/syumai/workers, but for the program.

declare module '*/app.wasm' {
  const compiled: WebAssembly.Module;
  export default compiled;
}

declare module '*/wasm_exec.js';

declare module '*/runtime.mjs' {
  export function createRuntimeContext(parts: { env: object, ctx: object, binding: object }): object;
}

declare class Go {
  importObject: WebAssembly.Imports;
  run(instance: WebAssembly.Instance, context: object): Promise<void>;
}
