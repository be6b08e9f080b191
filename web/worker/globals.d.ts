// What Go's wasm_exec.js and the Go program of wasm/ put into the worker.

declare class Go {
  importObject: WebAssembly.Imports;
  exit: (code: number) => void;
  exited: boolean;
  run(instance: WebAssembly.Instance): Promise<void>;
}

interface HamsterProgram {
  load(bytes: Uint8Array, options: string): Promise<string>;
  classify(request: string, rows: (y: number, count: number) => Uint8ClampedArray): Promise<string>;
}

declare var hamsterReady: ((program: HamsterProgram) => void) | undefined;
