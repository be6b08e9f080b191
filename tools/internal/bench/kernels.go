package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"

	"hamster/model/simd"
	"hamster/model/simd/kernel"
)

// KernelReport is what Kernels found.
type KernelReport struct {
	Environment Environment
	Rows        []Row
}

// variants of the instruction set, by the compiler's options.
var variants = []struct {
	name    string
	relaxed bool
}{{"relaxed", true}, {"simd128", false}}

// kernelMs is how long each kernel runs in each round.
const kernelMs = 50

// Kernels times the kernels of the fast engine one by one on one core, beside
// the limit that multiplying and adding in registers alone sets.
func Kernels(ctx context.Context, o Options) (*KernelReport, error) {
	if _, err := o.plan(); err != nil {
		return nil, err
	}
	env := newEnvironment()
	if env.Load > busy {
		o.Log("The machine is busy (load average %.2f): times will say little.", env.Load)
	}
	files, benches := map[string][]byte{}, map[string]*kernel.Bench{}
	for _, v := range variants {
		b, err := kernel.NewBench(kernel.Options{Relaxed: v.relaxed})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", v.name, err)
		}
		benches[v.name] = b
		files["/kernels/"+v.name+".wasm"], files["/kernels/"+v.name+".bin"] = b.Wasm, b.Image
	}
	s, err := openSession(ctx, o.Root, files, o.Stderr)
	if err != nil {
		return nil, err
	}
	report := &KernelReport{}
	err = s.kernels(ctx, o, benches, &env, report)
	if err := errors.Join(err, s.close()); err != nil {
		return nil, err
	}
	report.Environment = env
	for i := range report.Rows {
		report.Rows[i].Environment = env
	}
	return report, nil
}

func (s *session) kernels(ctx context.Context, o Options, benches map[string]*kernel.Bench, env *Environment, report *KernelReport) error {
	if err := s.browser.call(ctx, "version", nil, &env.Browser); err != nil {
		return err
	}
	if err := s.browser.call(ctx, "store", map[string]string{}, env); err != nil {
		return err
	}
	for _, v := range variants {
		b := benches[v.name]
		o.Log("Timing %d kernels with %s …", len(b.Entries), v.name)
		var speeds [][]float64
		err := s.browser.call(ctx, "kernels", map[string]any{
			"wasm": "/kernels/" + v.name + ".wasm", "image": "/kernels/" + v.name + ".bin",
			"rounds": o.Rounds, "ms": kernelMs, "entries": b.Entries,
		}, &speeds)
		if err != nil {
			return fmt.Errorf("%s: %w", v.name, err)
		}
		if len(speeds) != len(b.Entries) {
			return fmt.Errorf("%s: %d results for %d kernels", v.name, len(speeds), len(b.Entries))
		}
		for i, e := range b.Entries {
			x := spread(speeds[i])
			report.Rows = append(report.Rows, Row{
				Metric: "gmacs", System: Hamster, Backend: "simd", Variant: v.name, Threads: 1,
				Kernel: e.Name, Layer: e.Layer, Median: x.Median, Min: x.Min, Max: x.Max,
				Rounds: len(speeds[i]), Version: "this tree, " + runtime.Version(),
			})
		}
	}
	return nil
}

// WriteJSON writes the rows as an array, an object a line.
func (r *KernelReport) WriteJSON(w io.Writer) error { return writeJSON(w, r.Rows) }

// WriteText writes tables for a terminal.
func (r *KernelReport) WriteText(w io.Writer) error { return r.write(w, writeTextTable, "%s\n") }

// WriteMarkdown writes the report as Markdown.
func (r *KernelReport) WriteMarkdown(w io.Writer) error {
	return r.write(w, writeMarkdownTable, "- %s\n")
}

func (r *KernelReport) write(w io.Writer, table func(io.Writer, string, [][]string) error, line string) error {
	for _, v := range variants {
		if err := table(w, fmt.Sprintf("Kernels, %s: 10⁹ multiply-adds a second on one core", v.name), r.speeds(v.name)); err != nil {
			return err
		}
	}
	if err := table(w, "What the compiler chooses", choices()); err != nil {
		return err
	}
	common := Report{Environment: r.Environment, Rows: r.Rows}
	for _, text := range common.remarks() {
		if _, err := fmt.Fprintf(w, line, text); err != nil {
			return err
		}
	}
	return nil
}

// speeds has a row a kernel and a column a layer; the fastest of each layer is
// marked.
func (r *KernelReport) speeds(variant string) [][]string {
	var kernels, layers []string
	values := map[[2]string]float64{}
	best := map[string]float64{}
	for _, row := range r.Rows {
		if row.Variant != variant {
			continue
		}
		if !slices.Contains(kernels, row.Kernel) {
			kernels = append(kernels, row.Kernel)
		}
		if !slices.Contains(layers, row.Layer) {
			layers = append(layers, row.Layer)
		}
		values[[2]string{row.Kernel, row.Layer}] = row.Median
		best[row.Layer] = max(best[row.Layer], row.Median)
	}
	cells := [][]string{append([]string{"kernel"}, layers...)}
	for _, k := range kernels {
		row := []string{k}
		for _, l := range layers {
			v, ok := values[[2]string{k, l}]
			switch {
			case !ok:
				row = append(row, "")
			case v == best[l] && !strings.HasPrefix(k, "limit"):
				row = append(row, fmt.Sprintf("%.1f ★", v))
			default:
				row = append(row, fmt.Sprintf("%.1f", v))
			}
		}
		cells = append(cells, row)
	}
	return cells
}

// choices are the tiles that Compile picks for layers of InceptionV3.
func choices() [][]string {
	cells := [][]string{{"output", "relaxed", "simd128"}}
	for _, l := range []struct {
		side     int
		channels []int
	}{
		{149, []int{32}},
		{147, []int{32, 64}},
		{73, []int{80}},
		{71, []int{192}},
		{35, []int{32, 48, 64, 96}},
		{17, []int{128, 160, 192}},
		{8, []int{192, 320, 384, 448}},
	} {
		for _, c := range l.channels {
			row := []string{fmt.Sprintf("%d×%d, %d channels", l.side, l.side, c)}
			for _, v := range variants {
				mr, nr := simd.TileFor(simd.Options{Relaxed: v.relaxed}, l.side*l.side, c)
				row = append(row, fmt.Sprintf("%d×%d", mr, nr))
			}
			cells = append(cells, row)
		}
	}
	return cells
}
