package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/andybalholm/brotli"
)

// job is page.mjs's Job.
type job struct {
	System  string         `json:"system"`
	Options map[string]any `json:"options"`
	Model   string         `json:"model"`
	Shape   []int          `json:"shape"`
	Settle  amount         `json:"settle"`
	Measure amount         `json:"measure"`
	Memory  int            `json:"memory"` // how often to measure it
	Linger  int            `json:"linger"` // ms that the page stays when all is done
}

// amount is a least number of runs, and of milliseconds that they take.
type amount struct {
	Runs int `json:"runs"`
	Ms   int `json:"ms"`
}

// outcome is what the page's measure returns; times are in ms.
type outcome struct {
	Output     []float64          `json:"output"`
	Backend    string             `json:"backend"`
	Resumed    bool               `json:"resumed"` // by what an earlier visit had compiled
	Stages     map[string]float64 `json:"stages"`  // start, read, load, first
	Predicted  float64            `json:"predicted"`
	Times      []float64          `json:"times"`
	Memory     []float64          `json:"memory"`
	WasmMemory struct {
		All float64 `json:"all"` // bytes
	} `json:"wasmMemory"`
	Peak float64 `json:"peak"`
}

// try has an engine do a job; it must be what it says and answer as the others.
func (s *session) try(ctx context.Context, c *Contestant, j job) (*outcome, error) {
	call := "measure"
	j.System, j.Options, j.Model, j.Shape = c.System, c.options, c.File, s.model.shape
	if c.at != nil {
		j.Model, j.Shape = growthModel, c.at.shape
	}
	if !c.inBrowser() {
		call, j.Model = "native", s.server.origin+modelURL(j.Model)
	}
	var o outcome
	if err := s.browser.call(ctx, call, j, &o); err != nil {
		return nil, err
	}
	if err := c.disguised(o.Backend); err != nil {
		return nil, unfit{err}
	}
	return &o, s.check(c, o.Output)
}

// Before runs are timed, the browser's compiler gets time to see which
// functions are worth its best; that is long beside what it needs.
var (
	settling   = amount{Runs: 2, Ms: 700}
	measuring  = amount{Runs: 4, Ms: 1000}
	fewSettle  = amount{}
	fewMeasure = amount{Runs: 2}
)

func (s *session) inferenceJob(c *Contestant) job {
	switch {
	case !s.wants("steady_ms", "first_per_steady"):
		return job{}
	case c.thrifty || s.quick:
		return job{Settle: fewSettle, Measure: fewMeasure}
	}
	return job{Settle: settling, Measure: measuring}
}

func inference(ctx context.Context, s *session, c *Contestant) (map[string]float64, error) {
	o, err := s.try(ctx, c, s.inferenceJob(c))
	if err != nil {
		return nil, err
	}
	values := map[string]float64{"first_ms": o.Stages["first"]}
	if len(o.Times) > 0 {
		values["steady_ms"] = median(o.Times)
		values["first_per_steady"] = o.Stages["first"] / values["steady_ms"]
	}
	return values, nil
}

// A visit before warm ones: some photos, and some seconds in which the visitor looks
// at the answers.
const (
	visitMs  = 1500
	lingerMs = 6000
	briefMs  = 500 // which is enough to keep something, though not for the browser
)

// prime has a program work before warm visits: as with any page that is come back
// to, the browser may then have kept the code that it compiled, and an engine what it
// keeps of its own accord. Every contestant gets one such visit.
func prime(ctx context.Context, s *session, c *Contestant) error {
	if s.primed[c] {
		return nil
	}
	j := job{Settle: amount{Runs: 1, Ms: visitMs}, Linger: lingerMs}
	if s.quick {
		j = job{Linger: briefMs}
	}
	_, err := s.try(ctx, c, j)
	s.primed[c] = err == nil
	return err
}

// warm times a visit with everything at hand: from the start of a worker in a
// new page, with all code in the browser's cache and the model in its database,
// to the first prediction.
func warm(ctx context.Context, s *session, c *Contestant) (map[string]float64, error) {
	o, err := s.try(ctx, c, job{})
	if err != nil {
		return nil, err
	}
	if c.System == Hamster && !o.Resumed {
		return nil, errors.New("what the visit before had compiled was not found")
	}
	return map[string]float64{
		"warm_ms": o.Predicted, "warm_start_ms": max(o.Stages["start"], o.Stages["read"]),
		"warm_load_ms": o.Stages["load"], "warm_first_ms": o.Stages["first"],
	}, nil
}

// memory takes what the page holds after collecting garbage, as the browser
// tells it: once after the first prediction, once after a few more, whichever is
// more. Chromium leaves out WebAssembly memories that are not shared; the page
// notices and adds them. Beside it, what WebAssembly memories there are, and the
// most that the page's process ever held.
//
// One thread only: Chromium waits a minute for threads that wait in turn for
// work.
func memory(ctx context.Context, s *session, c *Contestant) (map[string]float64, error) {
	j := job{Settle: amount{Runs: 5}, Memory: 2}
	o, err := s.try(ctx, c, j)
	if err != nil {
		return nil, err
	}
	if len(o.Memory) != j.Memory {
		return nil, errors.New("the browser does not measure memory")
	}
	values := map[string]float64{"memory_bytes": slices.Max(o.Memory), "wasm_memory_bytes": o.WasmMemory.All}
	if o.Peak > 0 {
		values["process_peak_bytes"] = o.Peak
	}
	return values, nil
}

// brotliLevel is that of Hamster's own server.
const brotliLevel = 5

func sizes(ctx context.Context, s *session, c *Contestant) (map[string]float64, error) {
	var wasm []byte
	var err error
	switch c.System {
	case Hamster:
		wasm, err = compile(ctx, s.root, "wasm", true)
	case ORTWeb:
		wasm, err = readPackage(s.root, ORTWeb, "dist/ort-wasm-simd-threaded.wasm")
	case TFJS:
		wasm, err = readPackage(s.root, "@tensorflow/tfjs-backend-wasm", "dist/tfjs-backend-wasm-simd.wasm")
	default:
		err = fmt.Errorf("where the WebAssembly of %s lies is not known", c.System)
	}
	if err != nil {
		return nil, err
	}
	var small bytes.Buffer
	w := brotli.NewWriterLevel(&small, brotliLevel)
	if _, err := w.Write(wasm); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return map[string]float64{"wasm_bytes": float64(len(wasm)), "wasm_brotli_bytes": float64(small.Len())}, nil
}

// packagesDir is where npm puts the peers.
const packagesDir = "tools/npm/node_modules"

func readPackage(root, name, file string) ([]byte, error) {
	return os.ReadFile(filepath.Join(root, filepath.FromSlash(packagesDir), filepath.FromSlash(name), filepath.FromSlash(file)))
}
