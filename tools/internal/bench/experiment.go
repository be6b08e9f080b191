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

// experiment takes samples of its metrics.
type experiment struct {
	metrics []string
	// invites tells whether a contestant takes part.
	invites func(*Contestant) bool
	// once tells whether a contestant is measured in the first round alone; nil:
	// none is.
	once    func(*Contestant) bool
	measure func(context.Context, *session, *Contestant) (map[string]float64, error)
}

// experiments in the order of a round.
var experiments = []experiment{
	{metrics: []string{"steady_ms", "first_ms", "first_per_steady"}, invites: everyone, once: thrifty, measure: inference},
	{metrics: []string{"warm_ms", "warm_start_ms", "warm_load_ms", "warm_first_ms"}, invites: leaders, measure: warm},
	{metrics: []string{"memory_bytes", "wasm_memory_bytes", "process_peak_bytes"}, invites: leaders, once: threaded, measure: memory},
	{metrics: []string{"wasm_bytes", "wasm_brotli_bytes"}, invites: shipped, once: everyone, measure: sizes},
}

// Metrics are all there are, in the order of a report.
func Metrics() []string {
	var all []string
	for _, e := range experiments {
		all = append(all, e.metrics...)
	}
	return all
}

func everyone(c *Contestant) bool { return true }

func thrifty(c *Contestant) bool { return c.thrifty }

func threaded(c *Contestant) bool { return c.Threads > 1 }

// leaders leaves out settings that differ from the default for their speed
// alone.
func leaders(c *Contestant) bool { return !c.extra }

// shipped has each system once: what is on the wire does not depend on the
// setting.
func shipped(c *Contestant) bool { return !c.extra && c.Threads == 1 && c.File == float32File }

// job is page.mjs's Job.
type job struct {
	System  string         `json:"system"`
	Options map[string]any `json:"options"`
	Model   string         `json:"model"`
	Shape   []int          `json:"shape"`
	Settle  amount         `json:"settle"`
	Measure amount         `json:"measure"`
	Memory  int            `json:"memory"` // how often to measure it
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
	Stages     map[string]float64 `json:"stages"` // start, read, load, first
	Predicted  float64            `json:"predicted"`
	Times      []float64          `json:"times"`
	Memory     []float64          `json:"memory"`
	WasmMemory struct {
		All float64 `json:"all"` // bytes
	} `json:"wasmMemory"`
	Peak float64 `json:"peak"`
}

// try has the contestant do a job; it must be what it says.
func (s *session) try(ctx context.Context, c *Contestant, j job) (*outcome, error) {
	j.System, j.Options, j.Model, j.Shape = c.System, c.options, c.File, s.shape
	var o outcome
	if err := s.browser.call(ctx, "measure", j, &o); err != nil {
		return nil, err
	}
	return &o, c.disguised(o.Backend)
}

// Before runs are timed, the browser's compiler gets time to see which
// functions are worth its best. A second is long beside what it needs.
var (
	settling   = amount{Runs: 3, Ms: 1000}
	measuring  = amount{Runs: 5, Ms: 1500}
	fewSettle  = amount{Runs: 1}
	fewMeasure = amount{Runs: 3}
)

func inference(ctx context.Context, s *session, c *Contestant) (map[string]float64, error) {
	j := job{Settle: settling, Measure: measuring}
	if c.thrifty || s.quick {
		j.Settle, j.Measure = fewSettle, fewMeasure
	}
	o, err := s.try(ctx, c, j)
	if err != nil {
		return nil, err
	}
	steady := median(o.Times)
	return map[string]float64{
		"steady_ms": steady, "first_ms": o.Stages["first"],
		"first_per_steady": o.Stages["first"] / steady,
	}, nil
}

// warm times a visit with everything at hand: from the start of a worker in a
// new page, with all code in the browser's cache and the model in its database,
// to the first prediction.
func warm(ctx context.Context, s *session, c *Contestant) (map[string]float64, error) {
	o, err := s.try(ctx, c, job{})
	if err != nil {
		return nil, err
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
// Chromium waits a minute for threads that wait in turn for work, so with
// threads there is only the first measurement.
func memory(ctx context.Context, s *session, c *Contestant) (map[string]float64, error) {
	j := job{Settle: amount{Runs: 5}, Memory: 2}
	if threaded(c) {
		if s.quick {
			return nil, nil
		}
		j.Memory = 1
	}
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
		wasm, err = compile(ctx, s.root, "wasm")
	case ORTWeb:
		wasm, err = os.ReadFile(filepath.Join(s.root, "tools/npm/node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm"))
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
