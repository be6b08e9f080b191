package main

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"

	"hamster/model"
	"hamster/tools/internal/pack"
)

type modelPack struct {
	Model   string `arg:"" placeholder:"FILE|DIR" help:"ONNX file, folder with one, or packed model."`
	Output  string `short:"o" required:"" type:"path" placeholder:"DIR" help:"Folder to write: a new one, an empty one, or a packed model to replace."`
	Quality int    `default:"11" help:"Quality of brotli, 0 to 11 (default ${default}): 5 is done in moments, and a little larger."`
}

func (c *modelPack) Run(ctx context.Context, s *streams) error {
	source, err := model.Open(c.Model)
	if err != nil {
		return err
	}
	defer source.Close()
	m, err := pack.Pack(ctx, source, c.Output, pack.Options{Quality: c.Quality})
	if err != nil {
		return fmt.Errorf("pack %s: %w", c.Model, err)
	}
	megabytes := func(n int64) float64 { return float64(n) / 1e6 }
	_, err = fmt.Fprintf(s.Out, "%s: %s, %d classes; graph of %.2f MB and %d shards, %.1f MB in all, %.1f MB compressed\n",
		c.Output, cmp.Or(m.Name, filepath.Base(c.Model)), len(m.Labels), megabytes(m.Graph.Size), len(m.Shards), megabytes(m.Size), megabytes(m.Compressed))
	return err
}
