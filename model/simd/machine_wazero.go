//go:build !js

package simd

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"hamster/model/onnxfile"
	"hamster/preprocess"
)

// maxThreads bounds how many threads are taken unasked: a run has too little
// work for more.
const maxThreads = 8

// ownsMemory tells where a module's memory comes from: wazero gives out only what the module has.
const ownsMemory = true

// boot makes what compile gives ready to run on wazero.
func boot(ctx context.Context, weights Weights, cfg Config, compile func(Options) (*Compiled, error)) (*Engine, error) {
	threads := cfg.Threads
	if threads == 0 {
		threads = min(maxThreads, runtime.GOMAXPROCS(0))
	}
	c, err := compile(cfg.options(false, threads > 1))
	if err != nil {
		return nil, err
	}
	m, err := newWazero(ctx, c, threads)
	if err != nil {
		return nil, err
	}
	return assemble(ctx, c, weights, cfg, m)
}

type wazeroMachine struct {
	runtime wazero.Runtime
	memory  api.Memory
	// entries hold run once for each thread: one api.Function serves one call at
	// a time.
	entries []api.Function
}

func newWazero(ctx context.Context, c *Compiled, threads int) (*wazeroMachine, error) {
	// A run ends within a fraction of a second, so the check of the context that
	// wazero can put into every loop would only cost time.
	config := wazero.NewRuntimeConfig().WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesThreads)
	r := wazero.NewRuntimeWithConfig(ctx, config)
	mod, err := r.Instantiate(ctx, c.Module)
	if err != nil {
		r.Close(ctx)
		return nil, fmt.Errorf("simd: wazero: %w", err)
	}
	m := &wazeroMachine{runtime: r, memory: mod.Memory()}
	for range threads {
		m.entries = append(m.entries, mod.ExportedFunction("run"))
	}
	return m, nil
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

func (m *wazeroMachine) load(weights Weights, t *onnxfile.Tensor, addr uint32) error {
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

func (m *wazeroMachine) rows(px preprocess.Pixels, y, n int, addr uint32, _ bool) (bgr bool, err error) {
	w, _, _ := px.Bounds()
	view, ok := m.memory.Read(addr, uint32(4*w*n))
	if !ok {
		return false, fmt.Errorf("write of %d rows at %d of %d", n, addr, m.memory.Size())
	}
	return false, px.ReadRows(view, y, n)
}

func (m *wazeroMachine) run(ctx context.Context, program uint32) error {
	errs := make([]error, len(m.entries))
	var wait sync.WaitGroup
	for i, entry := range m.entries {
		call := func() {
			res, err := entry.Call(ctx, uint64(program), uint64(i), uint64(len(m.entries)))
			if err == nil && res[0] != 0 {
				err = errors.New("the run was aborted")
			}
			errs[i] = err
		}
		if i == len(m.entries)-1 {
			call()
		} else {
			wait.Go(call)
		}
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("wazero: %w", err)
	}
	return nil
}

func (m *wazeroMachine) threads() int { return len(m.entries) }

func (m *wazeroMachine) close() error { return m.runtime.Close(context.Background()) }
