package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"hamster/tools/internal/bench"
	"hamster/tools/internal/getmodel"
)

type benchCommands struct {
	Run     benchRun     `cmd:"" default:"withargs" help:"Measure whole models beside Hamster's peers (the default)."`
	Report  benchReport  `cmd:"" help:"Write the figures of earlier runs in other forms, or compare them; nothing is measured."`
	Kernels benchKernels `cmd:"" help:"Measure the kernels of the fast engine one by one, and say which the compiler would choose."`
}

// tableOutputs are files that any bench writes besides its tables.
type tableOutputs struct {
	JSON     string `name:"json" type:"path" placeholder:"FILE" help:"Write all figures as a JSON array of flat objects."`
	Markdown string `type:"path" placeholder:"FILE" help:"Write the tables as Markdown."`
}

// pictureOutputs are those of a bench of whole models.
type pictureOutputs struct {
	tableOutputs
	Picture string `type:"path" placeholder:"FILE" help:"Draw what each system reaches, as SVG."`
	Curves  string `type:"path" placeholder:"FILE" help:"Draw how time and memory grow, as SVG."`
	Targets string `type:"existingfile" placeholder:"PAGE" help:"Put a table of what has a target into a page of Markdown, between the lines <!-- targets --> and <!-- /targets -->."`
	Compare string `type:"existingfile" placeholder:"OLD.json" help:"Tell what moved beyond the noise since an earlier run's JSON."`
}

type benchRun struct {
	Only    []string `placeholder:"METRIC" help:"Metrics to measure (default: all)."`
	All     bool     `help:"With --only: leave nobody out. A part does without Gorgonia, the native runtime, WebGPU and settings without a target, quantised weights on several threads, nsfwjs in batch_ms, and every second point of growth."`
	Rounds  int      `default:"5" placeholder:"N" help:"How often each is measured (default ${default})."`
	Threads []int    `default:"1,2" placeholder:"N" help:"Thread counts to measure with (default ${default})."`
	Model   string   `short:"m" type:"existingfile" placeholder:"FILE" help:"ONNX model to run (default: the one in the npm package nsfwjs, got first if it is not in the cache)."`
	Merge   bool     `help:"Keep what the --json file holds of metrics that are not measured now. Implies --all, and measures all that is measured together with --only."`
	pictureOutputs
}

// Help is shown below the flags by kong.
func (c *benchRun) Help() string {
	return "A part, as --only steady_ms --rounds 1, takes under a minute, once an earlier run has built and compressed everything; " +
		"three sites visited twice, over 20 Mbit/s and 40 ms, take nearly all of it. Metrics: " + strings.Join(bench.Metrics(), ", ") + "."
}

// Validate is called by kong.
func (c *benchRun) Validate() error {
	if c.Merge && c.JSON == "" {
		return errors.New("--merge needs the --json file to merge with")
	}
	return nil
}

func (c *benchRun) Run(ctx context.Context, s *streams) error {
	say := func(format string, args ...any) { fmt.Fprintf(s.Err, format+"\n", args...) }
	if c.Model == "" {
		var err error
		// The one that all peers have, whatever else the cache holds.
		if c.Model, err = getmodel.Ensure(ctx, getmodel.NPM, say); err != nil {
			return fmt.Errorf("get a model: %w (or name one with --model)", err)
		}
	}
	report, err := bench.Run(ctx, bench.Options{
		Model: c.Model, Metrics: c.Only, Threads: c.Threads, Rounds: c.Rounds, Log: say, Stderr: s.Err,
		All: c.All, Merge: c.Merge,
	})
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	if c.Merge {
		earlier, err := bench.ReadReport(c.JSON)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("bench: merge: %w", err)
		}
		if err == nil {
			report.Merge(earlier)
		}
	}
	if err := c.write(s.Out, report); err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	if len(report.Excluded) > 0 {
		return errReported // in the report's remarks
	}
	return nil
}

type benchReport struct {
	Files []string `arg:"" type:"existingfile" name:"FILE" help:"JSON of earlier runs; of each metric, the last that has it counts."`
	pictureOutputs
}

func (c *benchReport) Run(s *streams) error {
	var report *bench.Report
	for _, path := range c.Files {
		next, err := bench.ReadReport(path)
		if err != nil {
			return fmt.Errorf("bench: %w", err)
		}
		if report != nil {
			next.Merge(report)
		}
		report = next
	}
	if err := c.write(s.Out, report); err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	return nil
}

type benchKernels struct {
	Rounds int `default:"5" placeholder:"N" help:"How often each is measured (default ${default})."`
	tableOutputs
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

// tables can be written in all three forms.
type tables interface {
	WriteText(io.Writer) error
	WriteMarkdown(io.Writer) error
	WriteJSON(io.Writer) error
}

func (o tableOutputs) write(stdout io.Writer, r tables) error {
	return errors.Join(r.WriteText(stdout), writeFile(o.JSON, r.WriteJSON), writeFile(o.Markdown, r.WriteMarkdown))
}

func (o pictureOutputs) write(stdout io.Writer, r *bench.Report) error {
	var older *bench.Report
	if o.Compare != "" {
		var err error
		// Before it is written over: it may be the --json file.
		if older, err = bench.ReadReport(o.Compare); err != nil {
			return fmt.Errorf("compare: %w", err)
		}
	}
	err := errors.Join(o.tableOutputs.write(stdout, r), writeFile(o.Picture, r.WritePicture), writeFile(o.Curves, r.WriteCurves), o.putTargets(r))
	if older != nil {
		fmt.Fprintln(stdout)
		err = errors.Join(err, bench.Compare(older, r).WriteText(stdout))
	}
	return err
}

func (o pictureOutputs) putTargets(r *bench.Report) error {
	if o.Targets == "" {
		return nil
	}
	page, err := os.ReadFile(o.Targets)
	if err != nil {
		return err
	}
	if page, err = r.PutTargets(page); err != nil {
		return fmt.Errorf("%s: %w", o.Targets, err)
	}
	return os.WriteFile(o.Targets, page, 0o644)
}

// writeFile makes a file, unless no path was given.
func writeFile(path string, write func(io.Writer) error) error {
	if path == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}
