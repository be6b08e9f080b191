//go:build js && wasm

package simd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"syscall/js"

	"hamster/model/onnxfile"
	"hamster/model/simd/asm"
	"hamster/preprocess"
)

// ownsMemory tells where a module's memory comes from: the browser's can be shared.
const ownsMemory = false

// boot makes what compile gives ready to run on the browser's own engine.
func boot(ctx context.Context, weights Weights, cfg Config, compile func(Options) (*Compiled, error)) (*Engine, error) {
	if ok, err := validates(probeSIMD); err != nil || !ok {
		return nil, errors.Join(errors.New("simd: this browser has no WebAssembly SIMD"), err)
	}
	relaxed := false
	if !cfg.NoRelaxed {
		var err error
		if relaxed, err = validates(probeRelaxed); err != nil {
			return nil, err
		}
	}
	threads, note := cfg.threads()
	e, err := create(ctx, weights, cfg, compile, relaxed, threads > 1, threads)
	if mayPassAlone(ctx, err) && threads > 1 {
		// Threads fail for many reasons that one does not share; a graph or weights
		// that fail do so on any number of them.
		note = alone(err)
		e, err = create(ctx, weights, cfg, compile, relaxed, true, 1)
		if mayPassAlone(ctx, err) {
			e, err = create(ctx, weights, cfg, compile, relaxed, false, 1)
		}
	}
	if err != nil {
		return nil, err
	}
	if note != "" {
		e.note = note
	}
	return e, nil
}

// alone says why one thread runs against the wish.
func alone(err error) string { return fmt.Sprintf("one thread, since more failed: %v", err) }

// mayPassAlone tells whether what failed may have done so for its threads or their memory.
func mayPassAlone(ctx context.Context, err error) bool {
	var unstarted *startError
	return ctx.Err() == nil && (errors.As(err, &unstarted) || errors.Is(err, ErrBroken))
}

// startError means that the browser did not start a module.
type startError struct{ err error }

func (e *startError) Error() string { return e.err.Error() }
func (e *startError) Unwrap() error { return e.err }

// threads decides how many threads to try and, where it is one against the
// wish, why.
func (cfg Config) threads() (int, string) {
	want := cfg.Threads
	if want == 0 {
		// Memory bandwidth and the slowest core bound what more threads give.
		want = min(8, cores())
	}
	if want == 1 {
		return 1, ""
	}
	if !js.Global().Get("crossOriginIsolated").Truthy() {
		return 1, "the page is not cross-origin isolated"
	}
	if js.Global().Get("SharedArrayBuffer").IsUndefined() {
		return 1, "this browser shares no memory between threads"
	}
	if cfg.ThreadURL == "" || js.Global().Get("Worker").IsUndefined() {
		return 1, "this browser starts no worker from a worker"
	}
	return want, ""
}

// cores is how many cores the host says it has; 1 where it says nothing, as
// older versions of Node.js.
func cores() int {
	navigator := js.Global().Get("navigator")
	if navigator.IsUndefined() || navigator.Get("hardwareConcurrency").Type() != js.TypeNumber {
		return 1
	}
	return max(1, navigator.Get("hardwareConcurrency").Int())
}

// probeRelaxed is a module that is valid only where relaxed SIMD is known.
func probeRelaxed() ([]byte, error) {
	m := asm.NewModule()
	f := m.Func("probe")
	v := f.ParamV128()
	f.Results(asm.TypeV128)
	f.Return(v.F32x4RelaxedMadd(v, v))
	return m.Encode()
}

// probeSIMD is a module that is valid only where fixed-width SIMD is known.
func probeSIMD() ([]byte, error) {
	m := asm.NewModule()
	f := m.Func("probe")
	v := f.ParamV128()
	f.Results(asm.TypeV128)
	f.Return(v.F32x4Add(v))
	return m.Encode()
}

func validates(probe func() ([]byte, error)) (bool, error) {
	wasm, err := probe()
	if err != nil {
		return false, err
	}
	ok := false
	err = attempt(func() { ok = js.Global().Get("WebAssembly").Call("validate", array(wasm)).Bool() })
	return ok, err
}

// create starts the threads first: their script comes while the model is compiled, and they
// come up while its weights are laid out. Where they fail, one thread runs the module that
// was made for several: so a snapshot of it is good for the next visit, whatever becomes of
// them then.
func create(ctx context.Context, weights Weights, cfg Config, compile func(Options) (*Compiled, error), relaxed, shared bool, threads int) (*Engine, error) {
	c := hire(cfg.ThreadURL, threads-1)
	compiled, err := compile(cfg.options(relaxed, shared))
	if err != nil {
		c.dismiss()
		return nil, err
	}
	m, err := newBrowser(compiled, c)
	if err != nil {
		c.dismiss()
		return nil, err
	}
	e, err := assemble(ctx, compiled, weights, cfg, m)
	if err != nil {
		return nil, err
	}
	if err := c.wait(ctx); ctx.Err() != nil {
		e.Close()
		return nil, fmt.Errorf("simd: start %d threads: %w", threads, ctx.Err())
	} else if err != nil {
		c.dismiss()
		e.note = alone(fmt.Errorf("simd: start %d threads: %w", threads, err))
	}
	return e, nil
}

// browser is a module instance in the worker that Go runs in.
type browser struct {
	memory  js.Value // Uint8Array over the whole memory
	words   js.Value // Int32Array over the same
	entry   js.Value
	atomics js.Value
	crew    *crew
	epoch   int
}

// The control block through which other threads learn what to run; it lies in
// the memory below every tensor. web/worker/thread.js reads it.
const (
	controlWord = 128 // index of a 32-bit word
	wordEpoch   = controlWord
	wordProgram = controlWord + 1
	wordThreads = controlWord + 2
	wordDone    = controlWord + 3
)

func newBrowser(c *Compiled, crew *crew) (*browser, error) {
	m := &browser{atomics: js.Global().Get("Atomics"), crew: crew}
	wasm := js.Global().Get("WebAssembly")
	var module, memory js.Value
	err := attempt(func() {
		module = wasm.Get("Module").New(array(c.Module))
		memory = wasm.Get("Memory").New(map[string]any{
			"initial": c.Pages, "maximum": c.Pages, "shared": c.Options.Threads,
		})
		instance := wasm.Get("Instance").New(module, map[string]any{"env": map[string]any{"memory": memory}})
		m.entry = instance.Get("exports").Get("run")
		m.memory = js.Global().Get("Uint8Array").New(memory.Get("buffer"))
		m.words = js.Global().Get("Int32Array").New(memory.Get("buffer"))
	})
	if err != nil {
		return nil, &startError{fmt.Errorf("simd: start a module with %d MB of memory: %w", c.Pages/16, err)}
	}
	crew.brief(module, memory)
	return m, nil
}

func (m *browser) write(addr uint32, b []byte) error {
	return attempt(func() {
		if n := js.CopyBytesToJS(m.memory.Call("subarray", addr), b); n < len(b) {
			panic(fmt.Errorf("write of %d bytes at %d", len(b), addr))
		}
	})
}

func (m *browser) read(addr uint32, b []byte) error {
	return attempt(func() {
		if n := js.CopyBytesToGo(b, m.memory.Call("subarray", addr, int(addr)+len(b))); n < len(b) {
			panic(fmt.Errorf("read of %d bytes at %d", len(b), addr))
		}
	})
}

// JSBytes is what a reader of weights may be besides: it gives bytes as a
// Uint8Array, so that they need not pass through Go's memory.
type JSBytes interface {
	JSBytes(offset, length int64) (js.Value, error)
}

func (m *browser) load(weights Weights, t *onnxfile.Tensor, addr uint32) error {
	r, at, err := weights.Locate(t)
	if err != nil {
		return err
	}
	if direct, ok := r.(JSBytes); ok {
		b, err := direct.JSBytes(at, t.Bytes())
		if err != nil {
			return err
		}
		return attempt(func() { m.memory.Call("set", b, addr) })
	}
	buf := make([]byte, min(t.Bytes(), 1<<20))
	for done := int64(0); done < t.Bytes(); {
		part := buf[:min(int64(len(buf)), t.Bytes()-done)]
		if n, err := r.ReadAt(part, at+done); n < len(part) {
			if err == nil {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("read %d bytes at %d: %w", len(part), at+done, err)
		}
		if err := m.write(addr+uint32(done), part); err != nil {
			return err
		}
		done += int64(len(part))
	}
	return nil
}

// JSPixels is what Pixels may be besides: rows are written straight into a
// Uint8Array of 4·width·n bytes, perhaps of shared memory, so that they need not
// pass through Go's. JSRead may wait for JavaScript, and returns when nothing more is
// written there. In any order means that it may write BGR and a byte that means
// nothing in the place of RGBA: it returns which, the same for a whole picture.
type JSPixels interface {
	JSRead(y, n int, into js.Value, anyOrder bool) (bgr bool, err error)
}

func (m *browser) rows(px preprocess.Pixels, y, n int, addr uint32, anyOrder bool) (bgr bool, err error) {
	w, _, _ := px.Bounds()
	if direct, ok := px.(JSPixels); ok {
		var into js.Value
		if err := attempt(func() { into = m.memory.Call("subarray", addr, int(addr)+4*w*n) }); err != nil {
			return false, err
		}
		return direct.JSRead(y, n, into, anyOrder)
	}
	b := make([]byte, 4*w*n)
	if err := px.ReadRows(b, y, n); err != nil {
		return false, err
	}
	return false, m.write(addr, b)
}

func (m *browser) run(_ context.Context, program uint32) error {
	result, n := 0, 1
	all, err := m.crew.muster()
	if err != nil {
		return err
	}
	if all {
		n = m.threads()
	}
	err = attempt(func() {
		if n == 1 {
			result = m.entry.Invoke(program, 0, 1).Int()
			return
		}
		m.atomics.Call("store", m.words, wordProgram, program)
		m.atomics.Call("store", m.words, wordThreads, n)
		m.atomics.Call("store", m.words, wordDone, 0)
		m.epoch++
		m.atomics.Call("store", m.words, wordEpoch, m.epoch)
		m.atomics.Call("notify", m.words, wordEpoch)
		result = m.entry.Invoke(program, 0, n).Int()
		// A thread may still be on its way out of run, which reads the program;
		// nobody may write there before it is out.
		for result == 0 {
			done := m.atomics.Call("load", m.words, wordDone).Int()
			if done == n-1 {
				break
			}
			if m.atomics.Call("wait", m.words, wordDone, done, 10_000).String() == "timed-out" {
				result = 1
			}
		}
	})
	if err != nil {
		return err
	}
	if result != 0 {
		return errors.New("a thread stopped answering")
	}
	return nil
}

func (m *browser) threads() int { return 1 + len(m.crew.workers) }

func (m *browser) close() error {
	err := m.crew.dismiss()
	m.memory, m.words, m.entry = js.Undefined(), js.Undefined(), js.Undefined()
	// The browser frees the memory once Go has no reference left, which Go
	// notices when it collects: seldom, on a heap that hardly grows.
	runtime.GC()
	return err
}

// array copies bytes into a new Uint8Array.
func array(b []byte) js.Value {
	a := js.Global().Get("Uint8Array").New(len(b))
	js.CopyBytesToJS(a, b)
	return a
}

// attempt turns what JavaScript throws into an error.
func attempt(f func()) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case js.Error:
			err = r
		case error:
			err = r
		default:
			err = fmt.Errorf("%v", r)
		}
	}()
	f()
	return nil
}
