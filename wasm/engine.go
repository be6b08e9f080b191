//go:build js && wasm

package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"hamster/model"
	"hamster/preprocess"
)

// maxPixels bounds a picture: 100 megapixels are 400 MB here. The page asks
// first (web/shared/limits.js), so this is the second lock on that door.
const maxPixels = 100_000_000

// engine holds one model and classifies pictures with it, one at a time.
type engine struct {
	mu     sync.Mutex
	model  *model.Model
	pixels []byte // reused, since Go's memory never shrinks in a browser
}

type loadOptions struct {
	Backend string `json:"backend"`
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
	Width   int           `json:"width"`  // of the model's input, in pixels
	Height  int           `json:"height"` // of the model's input, in pixels
}

// load replaces the model. The old one stays when the new one cannot be read.
func (e *engine) load(ctx context.Context, source model.Source, options loadOptions) (*loadResult, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	loaded, err := model.Load(ctx, source, model.Options{Backend: options.Backend})
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
	}, nil
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
	Threads int    `json:"threads"`
}

// pixelRows reads count rows of RGBA pixels from row y on into pixels.
type pixelRows func(pixels []byte, y, count int) error

// classify looks at one picture of straight (not premultiplied) RGBA pixels.
func (e *engine) classify(ctx context.Context, r classifyRequest, rows pixelRows) (*classifyResult, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.model == nil {
		return nil, fault(codeNoModel, errors.New("no model is loaded"))
	}
	mode, err := preprocess.ParseMode(r.Mode)
	if err != nil {
		return nil, fault(codeInternal, err)
	}
	input := e.model.Spec().Input
	if mode == "" {
		mode = input.Mode
	}

	begun := time.Now()
	img, err := e.read(r.Width, r.Height, rows)
	if err != nil {
		return nil, fault(codeImageInvalid, err)
	}
	pixels, err := preprocess.Tensor(img, input, mode)
	if err != nil {
		return nil, fault(codeImageInvalid, err)
	}
	prepared := time.Now()
	predictions, err := e.model.Classify(ctx, model.Tensor{Shape: e.model.InputShape(), Data: pixels})
	if err != nil {
		return nil, fault(codeInternal, err)
	}
	done := time.Now()

	if r.Top > 0 && r.Top < len(predictions) {
		predictions = predictions[:r.Top]
	}
	return &classifyResult{
		Predictions: predictions,
		Timing:      timing{Preprocess: milliseconds(prepared.Sub(begun)), Run: milliseconds(done.Sub(prepared))},
		Environment: environment{
			Model: e.model.Spec().Name, Backend: e.model.Backend(), Mode: string(mode), Threads: runtime.GOMAXPROCS(0),
		},
	}, nil
}

// bytesAtOnce keeps one call's pixels near 4 MB, so that the copy on the
// JavaScript side stays small whatever the picture's size.
const bytesAtOnce = 4 << 20

// read copies a picture in, some rows at a time.
func (e *engine) read(width, height int, rows pixelRows) (preprocess.Image, error) {
	if width < 1 || height < 1 || width > maxPixels/height {
		return preprocess.Image{}, fmt.Errorf("a picture of %d×%d pixels: 1 to %d million are possible", width, height, maxPixels/1_000_000)
	}
	stride := 4 * width
	if size := stride * height; cap(e.pixels) < size {
		e.pixels = make([]byte, size)
	} else {
		e.pixels = e.pixels[:size]
	}
	step := max(1, bytesAtOnce/stride)
	for y := 0; y < height; y += step {
		count := min(step, height-y)
		if err := rows(e.pixels[y*stride:(y+count)*stride], y, count); err != nil {
			return preprocess.Image{}, err
		}
	}
	return preprocess.Image{Width: width, Height: height, Pix: e.pixels}, nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
