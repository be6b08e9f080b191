package main

import (
	"context"
	"fmt"
	"os"

	"hamster/model"
	"hamster/model/simd"
)

// compileCommand writes a model as a WebAssembly module of its own.
type compileCommand struct {
	Model      string `arg:"" help:"ONNX file, or folder with one."`
	Output     string `short:"o" required:"" help:"The module to write."`
	Relaxed    bool   `help:"Use relaxed SIMD: faster, for hosts that have it (Chrome 114, Firefox 146)."`
	NoWinograd bool   `help:"Compute every convolution directly."`
}

func (c *compileCommand) Run(ctx context.Context, s *streams) error {
	src, err := model.Open(c.Model)
	if err != nil {
		return err
	}
	defer src.Close()
	g, f, err := model.Import(src)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Model, err)
	}
	out, err := simd.Standalone(ctx, g, f.Metadata, simd.Options{Relaxed: c.Relaxed, NoWinograd: c.NoWinograd})
	if err != nil {
		return fmt.Errorf("%s: %w", c.Model, err)
	}
	if err := os.WriteFile(c.Output, out.Module, 0o644); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.Out, "%s: %.1f MB, %.1f MB of memory while running\n", c.Output, float64(len(out.Module))/1e6, float64(out.Pages)*65536/1e6)
	return err
}
