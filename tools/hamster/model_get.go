package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"hamster/tools/internal/getmodel"
)

type modelGet struct {
	From   string `enum:"auto,keras,npm" default:"auto" help:"Where the model comes from (${enum}). auto takes the ImageNet weights of Keras, from ~/.keras/models or the network, or else the model in the npm package nsfwjs."`
	Output string `short:"o" type:"path" help:"Also copy the ONNX file here."`
}

func (c *modelGet) Run(ctx context.Context, s *streams) error {
	g := &getmodel.Getter{
		Log: func(format string, args ...any) { fmt.Fprintf(s.Err, format+"\n", args...) },
	}
	if isTerminal(s.Err) {
		g.Terminal = s.Err
	}
	path, err := g.Ensure(ctx, getmodel.Origin(c.From))
	if err != nil {
		return fmt.Errorf("get a model: %w", err)
	}
	if c.Output != "" {
		if err := copyFile(c.Output, path); err != nil {
			return fmt.Errorf("copy the model: %w", err)
		}
		path = c.Output
	}
	_, err = fmt.Fprintln(s.Out, path)
	return err
}

// isTerminal tells whether w is one, where a line can be drawn over.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
