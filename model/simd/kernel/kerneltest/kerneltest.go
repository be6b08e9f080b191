// Package kerneltest runs generated modules in tests: on wazero in this
// process, or in Node or Chromium, which have relaxed SIMD and threads.
//
// A case is a module that exports its memory and run, a memory image, and the
// addresses of programs to run in turn; the result is the memory afterwards.
// The same case runs on every host.
package kerneltest

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// Case is one module to run.
type Case struct {
	Wasm     []byte   // exports memory and run(program, thread, threads) i32
	Memory   []byte   // written at address 0
	Programs []uint32 // addresses of programs, run in turn
	Threads  int      // 0 or 1: one; more need a host with threads
}

// Host runs cases. Hosts are safe for use by several goroutines.
type Host interface {
	Name() string
	Relaxed() bool // the host has relaxed SIMD
	Threads() bool // the host has threads
	// Run returns the first len(c.Memory) bytes of the memory afterwards.
	Run(c Case) ([]byte, error)
	Close() error
}

type wazeroHost struct{ cache wazero.CompilationCache }

// Wazero is a host in this process: fixed-width SIMD, one thread.
func Wazero() Host { return wazeroHost{wazero.NewCompilationCache()} }

func (wazeroHost) Name() string  { return "wazero" }
func (wazeroHost) Relaxed() bool { return false }
func (wazeroHost) Threads() bool { return false }

func (h wazeroHost) Close() error { return h.cache.Close(context.Background()) }

func (h wazeroHost) Run(c Case) (memory []byte, err error) {
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCoreFeatures(api.CoreFeaturesV2).WithCompilationCache(h.cache))
	defer func() { err = errors.Join(err, r.Close(ctx)) }()
	m, err := r.Instantiate(ctx, c.Wasm)
	if err != nil {
		return nil, fmt.Errorf("kerneltest: %w", err)
	}
	if !m.Memory().Write(0, c.Memory) {
		return nil, fmt.Errorf("kerneltest: image of %d bytes in a memory of %d", len(c.Memory), m.Memory().Size())
	}
	for _, p := range c.Programs {
		res, err := m.ExportedFunction("run").Call(ctx, uint64(p), 0, 1)
		if err != nil {
			return nil, fmt.Errorf("kerneltest: program at %d: %w", p, err)
		}
		if res[0] != 0 {
			return nil, fmt.Errorf("kerneltest: program at %d was aborted", p)
		}
	}
	out, _ := m.Memory().Read(0, uint32(len(c.Memory)))
	return append([]byte(nil), out...), nil
}

// processHost talks to host.mjs over pipes.
type processHost struct {
	name string
	mu   sync.Mutex
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
}

// Node starts the Node.js on PATH as a host.
func Node() (Host, error) {
	return start("node")
}

// Chromium starts headless Chromium as a host, through puppeteer-core.
// HAMSTER_CHROMIUM names the executable; without it "chromium" is looked up.
func Chromium() (Host, error) {
	path := os.Getenv("HAMSTER_CHROMIUM")
	if path == "" {
		var err error
		if path, err = exec.LookPath("chromium"); err != nil {
			return nil, fmt.Errorf("kerneltest: %w", err)
		}
	}
	return start("chromium", path)
}

// start runs host.mjs with args.
func start(name string, args ...string) (Host, error) {
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		return nil, errors.New("kerneltest: where host.mjs is, is unknown")
	}
	cmd := exec.Command("node", append([]string{filepath.Join(filepath.Dir(file), "host.mjs")}, args...)...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("kerneltest: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("kerneltest: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("kerneltest: %w", err)
	}
	return &processHost{name: name, cmd: cmd, in: in, out: bufio.NewReader(out)}, nil
}

func (h *processHost) Name() string { return h.name }
func (*processHost) Relaxed() bool  { return true }
func (*processHost) Threads() bool  { return true }

func (h *processHost) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return errors.Join(h.in.Close(), h.cmd.Wait())
}

// Run sends three frames (JSON, module, memory) and reads two (JSON, memory);
// a frame is a little-endian u32 length and the bytes.
func (h *processHost) Run(c Case) ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	head, err := json.Marshal(map[string]any{"programs": c.Programs, "threads": max(c.Threads, 1)})
	if err != nil {
		return nil, fmt.Errorf("kerneltest: %w", err)
	}
	for _, frame := range [][]byte{head, c.Wasm, c.Memory} {
		if err := binary.Write(h.in, binary.LittleEndian, uint32(len(frame))); err != nil {
			return nil, fmt.Errorf("kerneltest: %s: %w", h.name, err)
		}
		if _, err := h.in.Write(frame); err != nil {
			return nil, fmt.Errorf("kerneltest: %s: %w", h.name, err)
		}
	}
	var frames [2][]byte
	for i := range frames {
		var n uint32
		if err := binary.Read(h.out, binary.LittleEndian, &n); err != nil {
			return nil, fmt.Errorf("kerneltest: %s: %w", h.name, err)
		}
		frames[i] = make([]byte, n)
		if _, err := io.ReadFull(h.out, frames[i]); err != nil {
			return nil, fmt.Errorf("kerneltest: %s: %w", h.name, err)
		}
	}
	var reply struct {
		Error   string    `json:"error"`
		Results []float64 `json:"results"`
	}
	if err := json.Unmarshal(frames[0], &reply); err != nil {
		return nil, fmt.Errorf("kerneltest: %s: %w", h.name, err)
	}
	if reply.Error != "" {
		return nil, fmt.Errorf("kerneltest: %s: %s", h.name, reply.Error)
	}
	return frames[1], nil
}
