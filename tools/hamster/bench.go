package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"hamster/tools/internal/bench"
)

type benchCommands struct {
	Run     benchRun     `cmd:"" default:"withargs" help:"Measure whole models beside Hamster's peers (the default)."`
	Kernels benchKernels `cmd:"" help:"Measure the kernels of the fast engine one by one, and say which the compiler would choose."`
}

// benchOutputs are files that a bench writes besides its tables.
type benchOutputs struct {
	JSON     string `name:"json" type:"path" placeholder:"FILE" help:"Write all figures as a JSON array of flat objects."`
	Markdown string `type:"path" placeholder:"FILE" help:"Write the tables as Markdown."`
}

type benchRun struct {
	Only    []string `placeholder:"METRIC" help:"Metrics to measure (default: all)."`
	Rounds  int      `default:"5" placeholder:"N" help:"How often each is measured (default ${default})."`
	Threads []int    `default:"1,2" placeholder:"N" help:"Thread counts to measure with (default ${default})."`
	Model   string   `short:"m" type:"existingfile" placeholder:"FILE" help:"ONNX model to run (default: the one in the cache, got first if there is none)."`
	benchOutputs
}

// Help is shown below the flags by kong.
func (c *benchRun) Help() string { return "Metrics: " + strings.Join(bench.Metrics(), ", ") + "." }

func (c *benchRun) Run(ctx context.Context, s *streams) error {
	say := func(format string, args ...any) { fmt.Fprintf(s.Err, format+"\n", args...) }
	if c.Model == "" {
		var err error
		if c.Model, err = defaultModel(ctx, say); err != nil {
			return err
		}
	}
	report, err := bench.Run(ctx, bench.Options{
		Model: c.Model, Metrics: c.Only, Threads: c.Threads, Rounds: c.Rounds, Log: say, Stderr: s.Err,
	})
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	if err := c.write(s.Out, report); err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	if len(report.Excluded) > 0 {
		return errReported // in the report's remarks
	}
	return nil
}

type benchKernels struct {
	Rounds int `default:"5" placeholder:"N" help:"How often each is measured (default ${default})."`
	benchOutputs
}

func (c *benchKernels) Run(ctx context.Context, s *streams) error {
	say := func(format string, args ...any) { fmt.Fprintf(s.Err, format+"\n", args...) }
	report, err := bench.Kernels(ctx, bench.Options{Rounds: c.Rounds, Log: say, Stderr: s.Err})
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	if err := c.write(s.Out, report); err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	return nil
}

// A benchReport can be written in all three forms.
type benchReport interface {
	WriteText(io.Writer) error
	WriteMarkdown(io.Writer) error
	WriteJSON(io.Writer) error
}

func (o benchOutputs) write(stdout io.Writer, r benchReport) error {
	err := r.WriteText(stdout)
	for path, write := range map[string]func(io.Writer) error{o.JSON: r.WriteJSON, o.Markdown: r.WriteMarkdown} {
		if path != "" {
			err = errors.Join(err, writeFile(path, write))
		}
	}
	return err
}

func writeFile(path string, write func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}
