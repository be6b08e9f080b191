//go:build js && wasm

// Command wasm is the part of Hamster that runs in a browser's worker. It is
// built twice: without Gorgonia (the build tag nogorgonia), which is what a page
// loads, and with it, which the worker asks for where the fast engine refuses. The
// worker's script (web/worker/engine.js) sets globalThis.hamsterReady before
// it starts the program, and gets an object of functions:
//
//	load(model, options: string, snapshot: Uint8Array | null) → Promise<string>
//	snapshot() → Promise<Uint8Array | null>
//	classify(request: string, read: Read of web/worker/decode.js) → Promise<string>
//	explain(request: string, read: as above, tick: (progress: string) → Promise<boolean>) → Promise<string>
//	practise() → Promise<string>
//	describe(manifest: string) → Promise<string>
//	sha256(bytes: Uint8Array) → Promise<string>
//	store: those of kept.go
//
// A model is a Uint8Array of an ONNX file, or {manifest: string, files: {[path]:
// Promise<Uint8Array>}}. Strings are JSON; their fields are those of the Go types. A
// promise is rejected with an Error whose code is one of errors.go. Calls are
// few and coarse, for crossing between JavaScript and Go is dear.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"syscall/js"

	"hamster/wasm/array"
	"hamster/wasm/store"
)

func main() {
	var e engine
	ready := js.Global().Get("hamsterReady")
	if ready.Type() != js.TypeFunction {
		panic("hamsterReady is not set: this program is started by web/worker/engine.js")
	}
	ready.Invoke(map[string]any{
		"load": promised(3, func(ctx context.Context, args []js.Value) (any, error) {
			var options loadOptions
			if err := json.Unmarshal([]byte(args[1].String()), &options); err != nil {
				return nil, fault(codeInternal, fmt.Errorf("options of load: %w", err))
			}
			source, err := sourceOf(args[0])
			if err != nil {
				return nil, err
			}
			if options.Snapshot, err = array.Bytes(args[2]); err != nil {
				return nil, err
			}
			return e.load(ctx, source, options)
		}),
		"snapshot": promised(0, func(context.Context, []js.Value) (any, error) { return e.snapshot(), nil }),
		"classify": promised(2, func(ctx context.Context, args []js.Value) (any, error) {
			var request classifyRequest
			if err := json.Unmarshal([]byte(args[0].String()), &request); err != nil {
				return nil, fault(codeInternal, fmt.Errorf("request of classify: %w", err))
			}
			return e.classify(ctx, request, args[1])
		}),
		"explain": promised(3, func(ctx context.Context, args []js.Value) (any, error) {
			var request explainRequest
			if err := json.Unmarshal([]byte(args[0].String()), &request); err != nil {
				return nil, fault(codeInternal, fmt.Errorf("request of explain: %w", err))
			}
			return e.explain(ctx, request, args[1], args[2])
		}),
		"practise": promised(0, func(ctx context.Context, _ []js.Value) (any, error) { return e.practise(ctx) }),
		"describe": promised(1, func(_ context.Context, args []js.Value) (any, error) {
			return described(args[0].String())
		}),
		"sha256": promised(1, func(_ context.Context, args []js.Value) (any, error) {
			return array.New(args[0]).SHA256()
		}),
		"store": storeFunctions(store.New()),
	})
	select {}
}

// promised turns a Go function into a JavaScript one that returns a promise of
// the result: of a js.Value itself, of anything else as JSON. The function runs on a goroutine of its own, for one
// that JavaScript calls directly may not wait.
func promised(arguments int, f func(context.Context, []js.Value) (any, error)) js.Func {
	return js.FuncOf(func(_ js.Value, args []js.Value) any {
		var executor js.Func
		executor = js.FuncOf(func(_ js.Value, settle []js.Value) any {
			resolve, reject := settle[0], settle[1]
			go func() {
				defer executor.Release()
				if len(args) != arguments {
					reject.Invoke(jsError(fault(codeInternal, fmt.Errorf("%d arguments, want %d", len(args), arguments))))
					return
				}
				value, err := call(f, args)
				if err != nil {
					reject.Invoke(jsError(err))
					return
				}
				resolve.Invoke(value)
			}()
			return nil
		})
		return js.Global().Get("Promise").New(executor)
	})
}

// call calls f. A panic of f becomes an error; one on another goroutine ends the
// program, which the worker notices.
func call(f func(context.Context, []js.Value) (any, error), args []js.Value) (value js.Value, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fault(codeInternal, fmt.Errorf("%v", r))
		}
	}()
	result, err := f(context.Background(), args)
	if err != nil {
		return js.Value{}, err
	}
	if value, ok := result.(js.Value); ok {
		return value, nil
	}
	encoded, err := json.Marshal(result)
	if err != nil {
		return js.Value{}, fault(codeInternal, err)
	}
	return js.ValueOf(string(encoded)), nil
}
