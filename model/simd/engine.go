package simd

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
	"time"

	"hamster/model/graph"
	"hamster/model/onnxfile"
	"hamster/model/record"
	"hamster/preprocess"
)

// machine holds one instance of a compiled module and its memory. There are two:
// the browser's own engine, and wazero.
type machine interface {
	// write and read copy between Go's memory and the module's.
	write(addr uint32, b []byte) error
	read(addr uint32, b []byte) error
	// load copies a tensor's stored bytes into the module's memory, past Go's
	// heap where the machine can.
	load(weights Weights, t *onnxfile.Tensor, addr uint32) error
	// rows copies n rows of an image from row y on into the module's memory,
	// likewise: as RGBA or, if any order will do, perhaps as BGR and anything.
	rows(px preprocess.Pixels, y, n int, addr uint32, anyOrder bool) (bgr bool, err error)
	// run runs a program on all threads; an error means that the machine is
	// unusable from then on.
	run(ctx context.Context, program uint32) error
	threads() int
	close() error
}

// Engine is a compiled model that is ready to run. It is safe for concurrent
// use; runs follow one another.
type Engine struct {
	mu   sync.Mutex
	c    *Compiled
	m    machine
	note string
	// packing is how long weights took.
	packing time.Duration
	// recorded is what Config.Record asks for.
	recorded []byte
	err      error // why the machine is unusable
	// prepared says that the input tensor holds an image that no run has used,
	// ran that what the last run left has not been written over.
	prepared, ran bool
}

// ErrBroken means that a run failed midway, as when a thread died or did not
// answer in time. The engine answers every further call with it: make another.
var ErrBroken = errors.New("the engine broke down")

// errClosed is what a closed engine answers.
var errClosed = errors.New("simd: the engine is closed")

// Weights gives the stored bytes of tensors, as a graph.Graph's own do.
type Weights interface {
	// Locate returns what holds the bytes of t, and where they begin in it.
	Locate(t *onnxfile.Tensor) (io.ReaderAt, int64, error)
}

// New compiles g and makes it ready to run as cfg says. In a browser that is with
// relaxed SIMD where it has that, and on several threads where the page is
// cross-origin isolated and workers can be had; elsewhere on wazero, which has
// threads but no relaxed SIMD.
func New(ctx context.Context, g *graph.Graph, cfg Config) (*Engine, error) {
	return boot(ctx, g.Weights(), cfg, func(opts Options) (*Compiled, error) { return Compile(ctx, g, opts) })
}

// ErrOther is what Resume returns where New would compile with other options.
var ErrOther = errors.New("simd: it was compiled for another host, or for other options")

// Resume makes ready to run what a former New compiled and Recorded, with the same
// weights. What was kept then is kept, whatever cfg.Keep says.
func Resume(ctx context.Context, c *Compiled, weights Weights, cfg Config) (*Engine, error) {
	cfg.Keep, cfg.Record = nil, false
	return boot(ctx, weights, cfg, func(opts Options) (*Compiled, error) {
		if c.Options != opts {
			return nil, ErrOther
		}
		return c, nil
	})
}

// assemble makes an engine of a module that runs on m; it closes m where it fails.
func assemble(ctx context.Context, c *Compiled, weights Weights, cfg Config, m machine) (*Engine, error) {
	e, err := start(ctx, c, weights, m)
	if err != nil {
		m.close()
		return nil, fmt.Errorf("simd: %w", err)
	}
	if size := c.recordSize(); cfg.Record && size <= maxRecord {
		e.recorded = record.Write(make([]byte, 0, size+size/8), c.Record)
	}
	return e, nil
}

// start writes constants and lays the weights out.
func start(ctx context.Context, c *Compiled, weights Weights, m machine) (*Engine, error) {
	begun := time.Now()
	for _, s := range c.Image {
		if err := m.write(s.Addr, s.Data); err != nil {
			return nil, err
		}
	}
	for _, p := range c.Packs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for _, l := range p.Loads {
			if err := m.load(weights, l.Tensor, l.Addr); err != nil {
				return nil, fmt.Errorf("weights %q: %w", l.Tensor.Name, err)
			}
		}
		if err := m.write(p.Image.Addr, p.Image.Data); err != nil {
			return nil, err
		}
		if err := m.run(ctx, p.Program); err != nil {
			return nil, fmt.Errorf("pack weights: %w: %w", ErrBroken, err)
		}
	}
	// What only a start needs is not kept: in a browser these would be megabytes
	// that Go's memory cannot give back, but can use again.
	kept := *c
	kept.Module, kept.Image, kept.Packs, kept.Options.Keep = nil, nil, nil, nil
	kept.builder = c.builder.Layout()
	return &Engine{c: &kept, m: m, packing: time.Since(begun)}, nil
}

// Run computes the outputs for one input: row-major slices, shaped as the
// graph's inputs and outputs are.
func (e *Engine) Run(ctx context.Context, inputs [][]float32) ([][]float32, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		return nil, e.err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(inputs) != 1 || uint32(4*len(inputs[0])) != e.c.Input.Len {
		return nil, fmt.Errorf("simd: the input takes %d numbers", e.c.Input.Len/4)
	}
	e.prepared, e.ran = false, false
	if err := e.m.write(e.c.Input.Addr, floatBytes(inputs[0])); err != nil {
		return nil, err
	}
	if err := e.run(ctx, e.c.Program); err != nil {
		return nil, err
	}
	e.ran = true
	return e.outputs()
}

// run runs a program; after a failure the engine answers nothing but ErrBroken.
func (e *Engine) run(ctx context.Context, program uint32) error {
	if err := e.m.run(ctx, program); err != nil {
		e.err = fmt.Errorf("simd: %w: %w", ErrBroken, err)
		return e.err
	}
	return nil
}

func (e *Engine) outputs() ([][]float32, error) {
	outs := make([][]float32, len(e.c.Outputs))
	for i, r := range e.c.Outputs {
		b := make([]byte, r.Len)
		if err := e.m.read(r.Addr, b); err != nil {
			return nil, err
		}
		outs[i] = make([]float32, len(b)/4)
		for k := range outs[i] {
			outs[i][k] = float(b, 4*k)
		}
	}
	return outs, nil
}

func float(b []byte, at int) float32 {
	return math.Float32frombits(binary.LittleEndian.Uint32(b[at:]))
}

// Kept returns what the last run computed for Config.Keep, as the graph has it:
// C planes of H×W. It fails where there was no run, or where an image has been
// prepared since.
func (e *Engine) Kept() ([]float32, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	k := e.c.Kept
	switch {
	case e.err != nil:
		return nil, e.err
	case k.C == 0:
		return nil, errors.New("simd: the engine was not asked to keep a value")
	case !e.ran:
		return nil, errors.New("simd: the last run is gone")
	}
	return e.values(k, false)
}

// values reads a tensor out of the module's memory.
func (e *Engine) values(l Layout, nhwc bool) ([]float32, error) {
	b := make([]byte, (l.H-1)*l.RowStride+(l.W-1)*l.PixelStride+4*l.C)
	if err := e.m.read(l.Addr, b); err != nil {
		return nil, err
	}
	out := make([]float32, l.H*l.W*l.C)
	pixel, channel := 1, l.H*l.W
	if nhwc {
		pixel, channel = l.C, 1
	}
	for y := range l.H {
		for x := range l.W {
			from := b[y*l.RowStride+x*l.PixelStride:][:4*l.C]
			to := out[(y*l.W+x)*pixel:]
			for c := range l.C {
				to[c*channel] = float(from, 4*c)
			}
		}
	}
	return out, nil
}

// Describe says what runs, as in "simd, 2 threads, relaxed".
func (e *Engine) Describe() string {
	s := "simd, 1 thread"
	if n := e.m.threads(); n > 1 {
		s = fmt.Sprintf("simd, %d threads", n)
	}
	if e.c.Options.Relaxed {
		s += ", relaxed"
	}
	if e.note != "" {
		s += " (" + e.note + ")"
	}
	return s
}

// Packing is how long it took to lay the weights out in the engine's memory, until the
// last of them had come.
func (e *Engine) Packing() time.Duration { return e.packing }

// Recorded is the record of what was compiled, where Config.Record asks for it, once:
// it is large. Beyond 16 MB there is none: to keep it would cost more than to compile.
func (e *Engine) Recorded() []byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	b := e.recorded
	e.recorded = nil
	return b
}

// Compiled is what the engine runs.
func (e *Engine) Compiled() *Compiled { return e.c }

// Close gives the memory back. A second Close does nothing.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if errors.Is(e.err, errClosed) {
		return nil
	}
	e.err = errClosed
	return e.m.close()
}
