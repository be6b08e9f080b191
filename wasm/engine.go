//go:build js && wasm

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"syscall/js"
	"time"

	"hamster/model"
	"hamster/preprocess"
	"hamster/wasm/array"
)

// maxPixels bounds a picture: 100 megapixels are 400 MB here. The page asks
// first (web/shared/limits.js), so this is the second lock on that door.
const maxPixels = 100_000_000

// engine holds one model and classifies pictures with it, one at a time.
type engine struct {
	mu    sync.Mutex
	model *model.Model
}

type loadOptions struct {
	Backend   string `json:"backend"`
	Threads   int    `json:"threads"`   // 0 for as many as the browser gives
	ThreadURL string `json:"threadURL"` // web/worker/thread.js
	// Labels is a file as model.ParseLabels reads it, in the place of the model's
	// own labels; empty for none.
	Labels string `json:"labels"`
	// Remember makes a snapshot where there is none that fits.
	Remember bool `json:"remember"`
	// Snapshot is one of the same model and program; nil for none.
	Snapshot []byte `json:"-"`
}

// loadResult is what the page may know of a model.
type loadResult struct {
	Name    string        `json:"name"`
	Version string        `json:"version"`
	Licence string        `json:"licence"`
	Source  string        `json:"source"`
	Backend string        `json:"backend"`
	Mode    string        `json:"mode"`
	Labels  []model.Label `json:"labels"`
	// Explains is how explain works unless it is told otherwise.
	Explains model.Method `json:"explains"`
	// Card describes the model further; labels are left out of it.
	Card   model.Report `json:"card"`
	Width  int          `json:"width"`  // of the model's input, in pixels
	Height int          `json:"height"` // of the model's input, in pixels
	// Packing is how many milliseconds of the call weights took, at its end, waiting for
	// them included.
	Packing float64 `json:"packing"`
	// Resumed tells whether a snapshot spared the reading and compiling of the graph.
	Resumed bool `json:"resumed"`
}

// load replaces the model. The old one stays when the new one cannot be read.
func (e *engine) load(ctx context.Context, source model.Source, options loadOptions) (*loadResult, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var labels []model.Label
	if options.Labels != "" {
		var err error
		if labels, err = model.ParseLabels([]byte(options.Labels)); err != nil {
			return nil, modelFault(err)
		}
	}
	loaded, err := model.Load(ctx, source, model.Options{
		Backend: options.Backend, Threads: options.Threads, ThreadURL: options.ThreadURL, Labels: labels,
		Snapshot: options.Snapshot, Remember: options.Remember,
	})
	if err != nil {
		return nil, modelFault(err)
	}
	if e.model != nil {
		if err := e.model.Close(); err != nil {
			return nil, fault(codeInternal, fmt.Errorf("close the former model: %w", err))
		}
	}
	e.model = loaded
	spec := loaded.Spec()
	return &loadResult{
		Name: spec.Name, Version: spec.Version, Licence: spec.Licence, Source: spec.Source,
		Backend: loaded.Backend(), Mode: string(spec.Input.Mode), Labels: loaded.Labels(),
		Width: spec.Input.Width, Height: spec.Input.Height,
		Explains: loaded.Method(), Card: card(loaded), Packing: milliseconds(loaded.Packing()),
		Resumed: loaded.Resumed(),
	}, nil
}

// snapshot gives what the next load of the same model takes, once, as a Uint8Array;
// null where there is nothing new.
func (e *engine) snapshot() js.Value {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.model == nil {
		return js.Null()
	}
	return array.Of(e.model.Snapshot())
}

// practise compiles the model for practice, and tells whether to go on.
func (e *engine) practise(ctx context.Context) (bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.model == nil {
		return false, nil
	}
	more, err := e.model.Practise(ctx)
	if err != nil {
		return false, fault(codeInternal, err)
	}
	return more, nil
}

// card is a model's report without its labels, which may be many.
func card(m *model.Model) model.Report {
	report := *m.Report()
	report.Labels = nil
	// An empty list is one for JavaScript too.
	report.Operators = slices.Concat([]model.ReportOperator{}, report.Operators)
	report.Weights = slices.Concat([]model.ReportWeights{}, report.Weights)
	metadata := map[string]string{}
	maps.Copy(metadata, report.Metadata)
	delete(metadata, model.KeyLabels)
	report.Metadata = metadata
	return report
}

type classifyRequest struct {
	Width  int    `json:"width"`
	Height int    `json:"height"`
	Mode   string `json:"mode"` // empty for the model's default
	Top    int    `json:"top"`  // how many predictions; 0 for all
}

type classifyResult struct {
	Predictions []model.Prediction `json:"predictions"`
	Timing      timing             `json:"timing"`
	Environment environment        `json:"environment"`
}

// timing is in milliseconds. The worker adds decode.
type timing struct {
	Preprocess float64 `json:"preprocess"`
	Run        float64 `json:"run"`
}

type environment struct {
	Model   string `json:"model"`
	Backend string `json:"backend"`
	Mode    string `json:"mode"`
}

// classify looks at one picture of straight (not premultiplied) RGBA pixels.
func (e *engine) classify(ctx context.Context, r classifyRequest, rows js.Value) (*classifyResult, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.model == nil {
		return nil, fault(codeNoModel, errors.New("no model is loaded"))
	}
	picture, mode, err := e.picture(r.Width, r.Height, r.Mode, rows)
	if err != nil {
		return nil, err
	}
	predictions, took, err := e.model.ClassifyImage(ctx, picture, mode)
	if err != nil {
		return nil, runFault(err)
	}
	if r.Top > 0 && r.Top < len(predictions) {
		predictions = predictions[:r.Top]
	}
	return &classifyResult{
		Predictions: predictions,
		Timing:      timing{Preprocess: milliseconds(took.Preprocess), Run: milliseconds(took.Run)},
		Environment: environment{Model: e.model.Spec().Name, Backend: e.model.Backend(), Mode: string(mode)},
	}, nil
}

// picture checks what a request says of one.
func (e *engine) picture(width, height int, named string, rows js.Value) (canvas, preprocess.Mode, error) {
	mode, err := preprocess.ParseMode(named)
	if err != nil {
		return canvas{}, "", fault(codeInternal, err)
	}
	if mode == "" {
		mode = e.model.Spec().Input.Mode
	}
	if width < 1 || height < 1 || width > maxPixels/height {
		err := fmt.Errorf("a picture of %d×%d pixels: 1 to %d million are possible", width, height, maxPixels/1_000_000)
		return canvas{}, "", fault(codeImageInvalid, err)
	}
	return canvas{width, height, rows}, mode, nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
