//go:build js && wasm

package simd

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall/js"
	"time"
)

// startTime is how long all threads together may take to come up, once there is nothing
// else to wait for.
const startTime = 3 * time.Second

// crew is the workers of an engine's other threads; there may be none.
type crew struct {
	workers []js.Value
	coming  int           // how many are not up yet
	failed  error         // what first went wrong
	news    chan struct{} // has one when either has changed
	ready   bool          // all have been up
	// listening is the AbortController of the listeners that release holds.
	listening js.Value
	release   []js.Func
}

// hire starts n workers. What goes wrong is told by wait.
func hire(url string, n int) *crew {
	c := &crew{news: make(chan struct{}, 1), listening: js.Undefined()}
	if n < 1 {
		return c
	}
	up := c.handler(func(js.Value) { c.coming-- })
	failed := c.handler(func(e js.Value) {
		message := "a thread's worker failed"
		if s := e.Get("message"); s.Type() == js.TypeString {
			message += ": " + s.String()
		}
		c.fail(errors.New(message))
	})
	c.fail(attempt(func() {
		prototype := func(class string) js.Value { return js.Global().Get(class).Get("prototype") }
		// A thread's error that nobody takes is one of the worker that Go runs in.
		// This takes it even when the engine is closed.
		handled := prototype("Function").Get("call").Call("bind", prototype("Event").Get("preventDefault"))
		c.listening = js.Global().Get("AbortController").New()
		while := map[string]any{"signal": c.listening.Get("signal")}
		for i := 1; i <= n; i++ {
			w := js.Global().Get("Worker").New(trusted(url), map[string]any{"type": "module", "name": fmt.Sprintf("hamster thread %d", i)})
			c.workers = append(c.workers, w)
			c.coming++
			w.Call("addEventListener", "error", handled)
			w.Call("addEventListener", "message", up, while)
			w.Call("addEventListener", "error", failed, while)
			w.Call("addEventListener", "messageerror", failed, while)
		}
	}))
	return c
}

// handler is a listener that tells whoever waits.
func (c *crew) handler(f func(event js.Value)) js.Func {
	fn := js.FuncOf(func(_ js.Value, args []js.Value) any {
		f(args[0])
		select {
		case c.news <- struct{}{}:
		default:
		}
		return nil
	})
	c.release = append(c.release, fn)
	return fn
}

// fail remembers the first error.
func (c *crew) fail(err error) {
	if c.failed == nil {
		c.failed = err
	}
}

// brief tells every worker what it is to run.
func (c *crew) brief(module, memory js.Value) {
	c.fail(attempt(func() {
		for i, w := range c.workers {
			w.Call("postMessage", map[string]any{
				"module": module, "memory": memory, "thread": i + 1, "control": controlWord,
			})
		}
	}))
}

// muster tells whether all threads are there to run. Those that are on their way may come
// on; one that was there and is gone is an error.
func (c *crew) muster() (all bool, err error) {
	if c.coming > 0 && c.failed == nil {
		c.fail(turn())
	}
	if c.ready && c.failed != nil {
		return false, fmt.Errorf("a thread stopped answering: %w", c.failed)
	}
	return c.coming == 0 && c.failed == nil, nil
}

// wait waits for those that are not up yet.
func (c *crew) wait(ctx context.Context) error {
	late := time.NewTimer(startTime)
	defer late.Stop()
	for c.coming > 0 && c.failed == nil {
		select {
		case <-c.news:
		case <-late.C:
			c.fail(fmt.Errorf("not up within %v", startTime))
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	c.ready = c.failed == nil
	return c.failed
}

// dismiss ends all workers.
func (c *crew) dismiss() error {
	err := attempt(func() {
		for _, w := range c.workers {
			w.Call("terminate")
		}
		if c.listening.Truthy() {
			c.listening.Call("abort")
		}
	})
	for _, f := range c.release {
		f.Release()
	}
	c.workers, c.release, c.coming = nil, nil, 0
	return err
}

// turn lets JavaScript handle what has happened meanwhile, as that a worker is up.
func turn() error {
	handled := make(chan struct{})
	f := js.FuncOf(func(js.Value, []js.Value) any {
		close(handled)
		return nil
	})
	defer f.Release()
	var port js.Value
	err := attempt(func() {
		channel := js.Global().Get("MessageChannel").New()
		port = channel.Get("port1")
		port.Set("onmessage", f)
		channel.Get("port2").Call("postMessage", js.Null())
	})
	if err != nil {
		return err
	}
	<-handled
	port.Call("close")
	return nil
}

// policy makes the addresses that a page wants which requires Trusted Types;
// undefined where there are none, or none of this name is allowed.
var policy = sync.OnceValue(func() (p js.Value) {
	// A worker has it for itself, whatever its page has.
	types := js.Global().Get("trustedTypes")
	if types.Truthy() {
		_ = attempt(func() {
			p = types.Call("createPolicy", "hamster", map[string]any{"createScriptURL": js.Global().Get("String")})
		})
	}
	return p
})

// trusted is the address of a script of ours, as the page wants it.
func trusted(url string) js.Value {
	if p := policy(); p.Truthy() {
		return p.Call("createScriptURL", url)
	}
	return js.ValueOf(url)
}
