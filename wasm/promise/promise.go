//go:build js && wasm

// Package promise waits for what JavaScript promises.
package promise

import (
	"context"
	"fmt"
	"syscall/js"
)

// Await returns what a promise is kept with, or an error of what it is broken
// with; what is no promise counts as kept. When the context ends first, its
// error is returned, and the promise goes on unheard. It must run on a goroutine
// of Go's own: one that JavaScript calls may not wait.
func Await(ctx context.Context, promise js.Value) (js.Value, error) {
	type outcome struct {
		value js.Value
		err   error
	}
	settled := make(chan outcome, 1)
	var kept, broken js.Func
	release := func() {
		kept.Release()
		broken.Release()
	}
	kept = js.FuncOf(func(_ js.Value, args []js.Value) any {
		release()
		settled <- outcome{value: args[0]}
		return nil
	})
	broken = js.FuncOf(func(_ js.Value, args []js.Value) any {
		release()
		settled <- outcome{err: reason(args[0])}
		return nil
	})
	js.Global().Get("Promise").Call("resolve", promise).Call("then", kept, broken)
	select {
	case o := <-settled:
		return o.value, o.err
	case <-ctx.Done():
		return js.Value{}, ctx.Err()
	}
}

// reason is an error of whatever JavaScript threw, which need not be an Error.
func reason(thrown js.Value) error {
	if thrown.InstanceOf(js.Global().Get("Object")) {
		return js.Error{Value: thrown}
	}
	return fmt.Errorf("JavaScript threw %v", js.Global().Get("String").Invoke(thrown))
}
