//go:build !js

package simd

import (
	"context"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"hamster/model/graph"
	"hamster/model/onnxfile"
	"hamster/preprocess"
)

// New compiles g and makes it ready to run on wazero, which has no relaxed SIMD.
func New(ctx context.Context, g *graph.Graph, cfg Config) (*Engine, error) {
	opts := Options{OwnMemory: true, NoWinograd: cfg.NoWinograd}
	c, err := Compile(ctx, g, opts)
	if err != nil {
		return nil, err
	}
	m, err := newWazero(ctx, c)
	if err != nil {
		return nil, err
	}
	e, err := start(ctx, c, g, m)
	if err != nil {
		m.close()
		return nil, fmt.Errorf("simd: %w", err)
	}
	return e, nil
}

type wazeroMachine struct {
	runtime wazero.Runtime
	memory  api.Memory
	entry   api.Function
}

func newWazero(ctx context.Context, c *Compiled) (*wazeroMachine, error) {
	// A run ends within a fraction of a second, so the check of the context that
	// wazero can put into every loop would only cost time.
	config := wazero.NewRuntimeConfig().WithCoreFeatures(api.CoreFeaturesV2)
	r := wazero.NewRuntimeWithConfig(ctx, config)
	mod, err := r.Instantiate(ctx, c.Module)
	if err != nil {
		r.Close(ctx)
		return nil, fmt.Errorf("simd: wazero: %w", err)
	}
	return &wazeroMachine{r, mod.Memory(), mod.ExportedFunction("run")}, nil
}

func (m *wazeroMachine) write(addr uint32, b []byte) error {
	if !m.memory.Write(addr, b) {
		return fmt.Errorf("write of %d bytes at %d of %d", len(b), addr, m.memory.Size())
	}
	return nil
}

func (m *wazeroMachine) read(addr uint32, b []byte) error {
	view, ok := m.memory.Read(addr, uint32(len(b)))
	if !ok {
		return fmt.Errorf("read of %d bytes at %d of %d", len(b), addr, m.memory.Size())
	}
	copy(b, view)
	return nil
}

func (m *wazeroMachine) load(weights graph.Weights, t *onnxfile.Tensor, addr uint32) error {
	view, ok := m.memory.Read(addr, uint32(t.Bytes()))
	if !ok {
		return fmt.Errorf("write of %d bytes at %d of %d", t.Bytes(), addr, m.memory.Size())
	}
	r, at, err := weights.Locate(t)
	if err != nil {
		return err
	}
	if n, err := r.ReadAt(view, at); n < len(view) {
		return fmt.Errorf("read %d bytes at %d: %w", len(view), at, err)
	}
	return nil
}

func (m *wazeroMachine) rows(px preprocess.Pixels, y, n int, addr uint32) error {
	w, _, _ := px.Bounds()
	view, ok := m.memory.Read(addr, uint32(4*w*n))
	if !ok {
		return fmt.Errorf("write of %d rows at %d of %d", n, addr, m.memory.Size())
	}
	return px.ReadRows(view, y, n)
}

func (m *wazeroMachine) run(ctx context.Context, program uint32) error {
	res, err := m.entry.Call(ctx, uint64(program), 0, 1)
	if err != nil {
		return fmt.Errorf("wazero: %w", err)
	}
	if res[0] != 0 {
		return fmt.Errorf("the run was aborted")
	}
	return nil
}

func (m *wazeroMachine) threads() int { return 1 }

func (m *wazeroMachine) close() error { return m.runtime.Close(context.Background()) }
