package model

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hamster/model/simd"
	"hamster/preprocess"
)

// Timing is how long the stages of ClassifyImage took.
type Timing struct{ Preprocess, Run time.Duration }

// imageEngine is an engine that does the preprocessing itself.
type imageEngine interface {
	// Prepare brings an image in; it returns simd.ErrImage for one that package
	// preprocess must do.
	Prepare(context.Context, preprocess.Pixels, preprocess.Spec, preprocess.Mode) error
	// Prepared is the input tensor that Prepare has made, as the graph has it.
	Prepared() ([]float32, error)
	// RunPrepared runs on the image that Prepare brought in.
	RunPrepared(context.Context) ([][]float32, error)
}

// ClassifyImage preprocesses an image as Spec().Input says, in the given mode
// (empty: the model's own), and returns what Classify does. The pixels are read
// once, in bands; where the engine can, they go straight into its memory.
func (m *Model) ClassifyImage(ctx context.Context, px preprocess.Pixels, mode preprocess.Mode) ([]Prediction, Timing, error) {
	if mode == "" {
		mode = m.spec.Input.Mode
	}
	if err := m.begin(ctx); err != nil {
		return nil, Timing{}, err
	}
	defer m.end()
	scores, t, err := m.runImage(ctx, px, mode)
	if err != nil {
		return nil, t, err
	}
	preds, err := m.predictions(scores)
	return preds, t, err
}

// runImage runs on an image and remembers it as the last.
func (m *Model) runImage(ctx context.Context, px preprocess.Pixels, mode preprocess.Mode) ([]float32, Timing, error) {
	m.last = lastRun{}
	begun := time.Now()
	run, err := m.prepare(ctx, px, mode)
	if err != nil {
		return nil, Timing{}, fmt.Errorf("preprocess: %w", err)
	}
	prepared := time.Now()
	out, err := run(ctx)
	if err != nil {
		return nil, Timing{}, fmt.Errorf("run: %w", err)
	}
	m.last = lastRun{out[0], areaOf(px, m.spec.Input, mode)}
	return out[0], Timing{Preprocess: prepared.Sub(begun), Run: time.Since(prepared)}, nil
}

// prepare brings the image to the engine and returns what then runs it.
func (m *Model) prepare(ctx context.Context, px preprocess.Pixels, mode preprocess.Mode) (func(context.Context) ([][]float32, error), error) {
	if e, ok := m.engine.(imageEngine); ok {
		err := e.Prepare(ctx, px, m.spec.Input, mode)
		if !errors.Is(err, simd.ErrImage) {
			return e.RunPrepared, err
		}
	}
	img, err := preprocess.ReadAll(px)
	if err != nil {
		return nil, err
	}
	x, err := preprocess.Tensor(img, m.spec.Input, mode)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) ([][]float32, error) { return m.engine.Run(ctx, [][]float32{x}) }, nil
}
