package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"hamster/model"
	"hamster/model/simd"
)

type modelInspect struct {
	Model  string `arg:"" placeholder:"FILE|DIR" help:"ONNX file, or folder with one."`
	JSON   bool   `name:"json" xor:"form" help:"Print one JSON object."`
	Passes bool   `xor:"form" help:"Print the graph after each pass of the engine's compiler."`
}

func (c *modelInspect) Run(s *streams) error {
	source, err := model.Open(c.Model)
	if err != nil {
		return err
	}
	defer source.Close()
	if c.Passes {
		g, _, err := model.Import(source)
		if err == nil {
			err = simd.WritePasses(s.Out, g)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", c.Model, err)
		}
		return nil
	}
	report, err := model.Inspect(source)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Model, err)
	}
	if c.JSON {
		e := json.NewEncoder(s.Out)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(report)
	}
	return printReport(s.Out, report)
}

// printReport writes a table of two columns; what a model does not say has no
// line.
func printReport(out io.Writer, r *model.Report) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(key, value string) {
		if value != "" {
			fmt.Fprintf(w, "%s\t%s\n", key, printable(value))
		}
	}
	line("unsupported", r.Unsupported)
	line("name", strings.TrimSpace(r.Name+" "+r.Version))
	line("licence", r.Licence)
	line("source", r.Source)
	line("source sha256", r.SourceSHA256)
	line("size", bytesText(r.Size))
	line("ONNX", onnxText(r))
	line("producer", strings.TrimSpace(r.Producer+" "+r.ProducerVersion))
	for _, v := range r.Inputs {
		line("input", valueText(v))
	}
	for _, v := range r.Outputs {
		line("output", valueText(v))
	}
	line("image", r.Input)
	line("labels", labelsText(r.Labels))
	line("parameters", grouped(r.Parameters))
	if r.MACs > 0 {
		line("MACs", grouped(r.MACs))
	}
	if m := r.Memory; m != nil {
		line("memory", fmt.Sprintf("%s at the most: weights %s, activations %s (of %s without a plan), tables %s",
			bytesText(int64(m.Peak)), grouped(int64(m.Weights)), grouped(int64(m.Activations)), grouped(int64(m.Unplanned)), grouped(int64(m.Tables))))
	}
	line("engine", r.Engine)
	for _, t := range r.Weights {
		line("weights", fmt.Sprintf("%s: %s in %d tensors, %s", t.Type, grouped(t.Elements), t.Tensors, bytesText(t.Size)))
	}
	line("beside it", strings.Join(r.ExternalFiles, ", "))
	line("nodes", grouped(int64(r.Nodes)))
	for _, op := range r.Operators {
		line("  "+printable(op.Op), strconv.Itoa(op.Count))
	}
	for _, key := range slices.Sorted(maps.Keys(r.Metadata)) {
		if !shownAbove[key] {
			line(printable(key), r.Metadata[key])
		}
	}
	return w.Flush()
}

// shownAbove are the keys of the metadata that have lines of their own.
var shownAbove = map[string]bool{
	model.KeyName: true, model.KeyVersion: true, model.KeyLicence: true, model.KeySource: true,
	model.KeySourceHash: true, model.KeyLabels: true,
}

func onnxText(r *model.Report) string {
	text := fmt.Sprintf("IR version %d", r.IRVersion)
	for _, domain := range slices.Sorted(maps.Keys(r.Opsets)) {
		text += fmt.Sprintf(", %s %d", domain, r.Opsets[domain])
	}
	return text
}

func valueText(v model.ReportValue) string {
	shape := "scalar"
	if v.Shape == nil {
		shape = "of unknown shape"
	} else if len(v.Shape) > 0 {
		dims := make([]string, len(v.Shape))
		for i, d := range v.Shape {
			if dims[i] = strconv.Itoa(d); d < 0 {
				dims[i] = "?"
			}
		}
		shape = strings.Join(dims, "×")
	}
	return fmt.Sprintf("%s: %s %s", v.Name, v.Type, shape)
}

func labelsText(labels []model.Label) string {
	const shown = 5
	if len(labels) == 0 {
		return ""
	}
	var names []string
	for _, l := range labels[:min(shown, len(labels))] {
		names = append(names, l.Name)
	}
	if len(labels) > shown {
		names = append(names, "…")
	}
	return fmt.Sprintf("%d: %s", len(labels), strings.Join(names, ", "))
}

// bytesText is a size as in "22,606,883 bytes".
func bytesText(n int64) string { return grouped(n) + " bytes" }

// grouped sets commas between thousands.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// printable keeps a value on one line of the terminal, whatever a file says.
func printable(s string) string {
	const longest = 200
	s = strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > longest {
		s = string(runes[:longest]) + "…"
	}
	return s
}
