//go:build js && wasm

// Command wasm is the part of Hamster that runs in a browser's worker. The
// worker's script (web/worker/engine.js) sets globalThis.hamsterReady before
// it starts the program, and gets an object with two functions:
//
//	load(bytes: Uint8Array, options: string) → Promise<string>
//	classify(request: string, rows: (y, count) → Uint8ClampedArray) → Promise<string>
//
// The strings are JSON; their fields are those of the Go types below. A
// promise is rejected with an Error whose code is one of errors.go. Calls are
// few and coarse, for crossing between JavaScript and Go is dear.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"syscall/js"
)

func main() {
	var e engine
	ready := js.Global().Get("hamsterReady")
	if ready.Type() != js.TypeFunction {
		panic("hamsterReady is not set: this program is started by web/worker/engine.js")
	}
	ready.Invoke(map[string]any{
		"load": promised(2, func(ctx context.Context, args []js.Value) (any, error) {
			var options loadOptions
			if err := json.Unmarshal([]byte(args[1].String()), &options); err != nil {
				return nil, fault(codeInternal, fmt.Errorf("options of load: %w", err))
			}
			return e.load(ctx, arraySource{args[0]}, options)
		}),
		"classify": promised(2, func(ctx context.Context, args []js.Value) (any, error) {
			var request classifyRequest
			if err := json.Unmarshal([]byte(args[0].String()), &request); err != nil {
				return nil, fault(codeInternal, fmt.Errorf("request of classify: %w", err))
			}
			return e.classify(ctx, request, args[1])
		}),
	})
	select {}
}

// promised turns a Go function into a JavaScript one that returns a promise of
// the result as JSON. The function runs on a goroutine of its own, for one
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
				text, err := asJSON(f, args)
				if err != nil {
					reject.Invoke(jsError(err))
					return
				}
				resolve.Invoke(text)
			}()
			return nil
		})
		return js.Global().Get("Promise").New(executor)
	})
}

// asJSON calls f and returns its result as JSON. A panic of f becomes an
// error; one on another goroutine ends the program, which the worker notices.
func asJSON(f func(context.Context, []js.Value) (any, error), args []js.Value) (text string, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fault(codeInternal, fmt.Errorf("%v", r))
		}
	}()
	result, err := f(context.Background(), args)
	if err != nil {
		return "", err
	}
	encoded, err := json.Marshal(result)
	if err != nil {
		return "", fault(codeInternal, err)
	}
	return string(encoded), nil
}
