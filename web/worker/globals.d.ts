// What Go's wasm_exec.js and the Go program of wasm/ put into the worker.

declare class Go {
  importObject: WebAssembly.Imports;
  exit: (code: number) => void;
  exited: boolean;
  run(instance: WebAssembly.Instance): Promise<void>;
}

interface HamsterProgram {
  load(source: import('./model.js').ModelSource, options: string, snapshot: Uint8Array<ArrayBuffer> | null): Promise<string>;
  snapshot(): Promise<Uint8Array<ArrayBuffer> | null>;
  practise(): Promise<string>;
  classify(request: string, read: import('./decode.js').Read): Promise<string>;
  explain(
    request: string,
    read: import('./decode.js').Read | null,
    tick: (progress: string) => Promise<boolean>,
  ): Promise<string>;
  describe(manifest: string): Promise<string>;
  sha256(bytes: Uint8Array): Promise<string>;
  store: {
    find(url: string): Promise<string>;
    list(): Promise<string>;
    begin(model: string): Promise<string>;
    get(sha256: string): Promise<Uint8Array<ArrayBuffer> | null>;
    put(id: string, sha256: string, bytes: Uint8Array): Promise<string>;
    getSnapshot(id: string, build: string): Promise<Uint8Array<ArrayBuffer> | null>;
    putSnapshot(id: string, build: string, bytes: Uint8Array): Promise<string>;
    complete(id: string): Promise<string>;
    remove(id: string): Promise<string>;
  };
}

declare var hamsterReady: ((program: HamsterProgram) => void) | undefined;
