//go:build js && wasm

// Command wasm is Hamster's engine for the bench's page: a model is loaded and
// run on a prepared tensor, with no picture around it. tools/bench/systems/
// hamster.mjs starts it and gets functions:
//
//	load(bytes: Uint8Array, options, snapshot: Uint8Array | null) → Promise<string>  // what runs
//	snapshot() → Uint8Array | null                      // for the next load, once
//	resumed() → boolean                                 // did it use the snapshot?
//	set(x: Uint8Array)                                  // float32 input
//	run() → Promise<Float32Array>
//	practise() → Promise<boolean>                       // is there more to practise?
package main

import (
	"context"
	"encoding/binary"
	"math"
	"syscall/js"

	"hamster/model"
	"hamster/wasm/array"
)

// program holds the one model and its input.
type program struct {
	model *model.Model
	input model.Tensor
}

func main() {
	var p program
	js.Global().Get("hamsterBench").Invoke(map[string]any{
		"load":     promised(func(args []js.Value) (any, error) { return p.load(args[0], args[1], args[2]) }),
		"snapshot": js.FuncOf(func(js.Value, []js.Value) any { return array.Of(p.model.Snapshot()) }),
		"resumed":  js.FuncOf(func(js.Value, []js.Value) any { return p.model.Resumed() }),
		"set":      js.FuncOf(func(_ js.Value, args []js.Value) any { p.set(args[0]); return nil }),
		"run":      promised(func([]js.Value) (any, error) { return p.run() }),
		"practise": promised(func([]js.Value) (any, error) { return p.model.Practise(context.Background()) }),
	})
	select {}
}

// load takes the options that package bench gives systems/hamster.mjs.
func (p *program) load(bytes, options, snapshot js.Value) (any, error) {
	found, err := array.Bytes(snapshot)
	if err != nil {
		return nil, err
	}
	threads := 1 // of Gorgonia, whose options name none
	if n := options.Get("threads"); n.Truthy() {
		threads = n.Int()
	}
	m, err := model.Load(context.Background(), array.New(bytes), model.Options{
		Backend: options.Get("backend").String(), Threads: threads, ThreadURL: "/web/worker/thread.js",
		NoRelaxed: options.Get("noRelaxed").Truthy(), NoWinograd: options.Get("noWinograd").Truthy(),
		Snapshot: found, Remember: true,
	})
	if err != nil {
		return nil, err
	}
	p.model = m
	return m.Backend(), nil
}

func (p *program) set(array js.Value) {
	b := make([]byte, array.Get("byteLength").Int())
	js.CopyBytesToGo(b, array)
	x := make([]float32, len(b)/4)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	p.input = model.Tensor{Shape: p.model.InputShape(), Data: x}
}

func (p *program) run() (any, error) {
	y, err := p.model.Run(context.Background(), p.input)
	if err != nil {
		return nil, err
	}
	out := js.Global().Get("Float32Array").New(len(y.Data))
	for i, v := range y.Data {
		out.SetIndex(i, v)
	}
	return out, nil
}

// promised makes a JavaScript function of f that returns a promise. f runs on a
// goroutine of its own, for one that JavaScript calls may not wait.
func promised(f func([]js.Value) (any, error)) js.Func {
	return js.FuncOf(func(_ js.Value, args []js.Value) any {
		var executor js.Func
		executor = js.FuncOf(func(_ js.Value, settle []js.Value) any {
			go func() {
				defer executor.Release()
				result, err := f(args)
				if err != nil {
					settle[1].Invoke(js.Global().Get("Error").New(err.Error()))
					return
				}
				settle[0].Invoke(result)
			}()
			return nil
		})
		return js.Global().Get("Promise").New(executor)
	})
}
