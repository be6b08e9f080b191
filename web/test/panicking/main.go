//go:build js && wasm

// Command panicking stands in for wasm/ in an end-to-end test: it loads any
// model, and at the first photo a goroutine of it panics, as a fault in a
// library would, and takes the program down.
package main

import "syscall/js"

func main() {
	promise := js.Global().Get("Promise")
	js.Global().Get("hamsterReady").Invoke(map[string]any{
		"load": js.FuncOf(func(js.Value, []js.Value) any {
			return promise.Call("resolve", `{"labels": [{"id": "0", "label": "calm"}], "mode": "keras", "packing": 0, "resumed": false, "card": {"size": 1, "operators": []}}`)
		}),
		"snapshot": js.FuncOf(func(js.Value, []js.Value) any { return promise.Call("resolve", nil) }),
		"classify": js.FuncOf(func(js.Value, []js.Value) any {
			go func() { panic("this is the panic that the test asked for") }()
			return promise.New(js.FuncOf(func(js.Value, []js.Value) any { return nil }))
		}),
	})
	select {}
}
