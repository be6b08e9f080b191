package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"hamster/model"
	"hamster/tools/internal/getmodel"
)

// modelFlags are those of every command that runs a model.
type modelFlags struct {
	Model   string `short:"m" placeholder:"FILE|DIR" help:"ONNX model, or packed model, to run (default: the one in the cache)."`
	Backend string `default:"auto" placeholder:"NAME" help:"What runs the model: auto, gorgonia or simd (default ${default})."`
}

func (f *modelFlags) load(ctx context.Context) (*model.Model, error) {
	path := f.Model
	if path == "" {
		var err error
		path, err = getmodel.Default()
		if errors.Is(err, fs.ErrNotExist) {
			return nil, errors.New("no model is there yet: get one with 'hamster model get', or name one with --model")
		}
		if err != nil {
			return nil, err
		}
	}
	source, err := model.Open(path)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	m, err := model.Load(ctx, source, model.Options{Backend: f.Backend})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}
