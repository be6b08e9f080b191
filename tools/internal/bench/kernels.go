package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"hamster/model/graph"
	"hamster/model/onnxfile"
	"hamster/model/simd"
	"hamster/model/simd/kernel"
	"hamster/tools/internal/onnxwrite"
)

// KernelReport is what Kernels found.
type KernelReport struct {
	Environment Environment
	Rows        []Row

	choices []choice
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
	if err := o.complete(); err != nil {
		return nil, err
	}
	env := o.environment()
	files, benches := map[string][]byte{}, map[string]*kernel.Bench{}
	for _, v := range variants {
		b, err := kernel.NewBench(kernel.Options{Relaxed: v.relaxed})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", v.name, err)
		}
		benches[v.name] = b
		files["/kernels/"+v.name+".wasm"], files["/kernels/"+v.name+".bin"] = b.Wasm, b.Image
	}
	s, err := openSession(ctx, o.Root, "", files, o.Stderr)
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
	report.choices, err = choices(ctx, report.layers())
	return report, err
}

func (s *session) kernels(ctx context.Context, o Options, benches map[string]*kernel.Bench, env *Environment, report *KernelReport) error {
	if err := s.browser.call(ctx, "version", nil, &env.Browser); err != nil {
		return err
	}
	if err := s.browser.call(ctx, "store", map[string]string{}, env); err != nil {
		return err
	}
	version := treeVersion(o.Root)
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
				Rounds: len(speeds[i]), Version: version,
			})
		}
	}
	return nil
}

// layers are the convolutions that were timed; the limit is none.
func (r *KernelReport) layers() []string {
	var list []string
	for _, row := range r.Rows {
		if !isLimit(row) && !slices.Contains(list, row.Layer) {
			list = append(list, row.Layer)
		}
	}
	return list
}

func isLimit(r Row) bool { return strings.HasPrefix(r.Kernel, "limit_") }

// WriteJSON writes the rows as an array, an object a line.
func (r *KernelReport) WriteJSON(w io.Writer) error { return writeJSON(w, r.Rows) }

// WriteText writes tables for a terminal.
func (r *KernelReport) WriteText(w io.Writer) error { return r.document().text(w) }

// WriteMarkdown writes the same as a page.
func (r *KernelReport) WriteMarkdown(w io.Writer) error { return r.document().markdown(w) }

func (r *KernelReport) document() *document {
	d := &document{
		title: "The kernels of the fast engine",
		remarks: append([]string{
			"Figures are 10⁹ multiply-adds of a direct convolution a second, on one core; → is what the compiler chooses.",
		}, remarks(r.Rows)...),
	}
	for _, layer := range r.layers() {
		d.tables = append(d.tables, table{layer, r.speeds(layer)})
	}
	d.tables = append(d.tables, table{"What the compiler chooses, and how much longer it takes with weights of a byte", r.choiceCells()})
	return d
}

// expansion is the kernel that makes floats of weights of a byte.
var expansion = kernel.Expand{From: kernel.Uint8}.Name(kernel.Options{})

// A fast convolution's parts are in the JSON alone: their speed means something
// only together.
var isPart = regexp.MustCompile(`^winograd_.*_(weights|input|product|output)$`)

// speeds of one layer: a row a kernel, whatever its instruction set.
func (r *KernelReport) speeds(layer string) [][]string {
	heading := []string{"kernel"}
	for _, v := range variants {
		heading = append(heading, v.name, "min…max", "of the limit", "")
	}
	var names []string
	cells := map[string][]string{}
	for i, v := range variants {
		limit := 0.0
		for _, row := range r.Rows {
			if row.Variant == v.name && isLimit(row) {
				limit = row.Median
			}
		}
		for _, row := range r.Rows {
			if row.Variant != v.name || row.Layer != layer || row.Kernel == expansion || isPart.MatchString(row.Kernel) {
				continue
			}
			name := strings.ReplaceAll(row.Kernel, "_"+v.name, "")
			if cells[name] == nil {
				names = append(names, name)
				cells[name] = append([]string{name}, make([]string, 4*len(variants))...)
			}
			c := cells[name][1+4*i:]
			c[0] = fmt.Sprintf("%.1f", row.Median)
			c[1] = fmt.Sprintf("%.1f…%.1f", row.Min, row.Max)
			if limit > 0 {
				c[2] = fmt.Sprintf("%.0f %%", 100*row.Median/limit)
			}
			if r.chosen(layer, v.name) == row.Kernel {
				c[3] = "→"
			}
		}
	}
	all := [][]string{heading}
	for _, name := range names {
		all = append(all, cells[name])
	}
	return all
}

// choice is what the compiler makes of a layer.
type choice struct{ layer, variant, kernel string }

func (r *KernelReport) chosen(layer, variant string) string {
	for _, c := range r.choices {
		if c.layer == layer && c.variant == variant {
			return c.kernel
		}
	}
	return ""
}

// moreLayers are of InceptionV3 too, and are not timed.
var moreLayers = []string{
	"3x3 of 3 channels to 32, 149x149, stride 2",
	"1x1 of 64 channels to 80, 73x73",
	"3x3 of 80 channels to 192, 71x71",
	"5x5 of 48 channels to 64, 35x35",
	"1x3 of 384 channels to 384, 8x8",
	"1x1 of 2048 channels to 320, 8x8",
}

// choices compiles each layer alone and looks at what came out.
func choices(ctx context.Context, timed []string) ([]choice, error) {
	var list []choice
	for _, layer := range append(slices.Clone(timed), moreLayers...) {
		g, err := layerGraph(layer)
		if err != nil {
			return nil, fmt.Errorf("layer %q: %w", layer, err)
		}
		for _, v := range variants {
			c, err := simd.Compile(ctx, g, simd.Options{Relaxed: v.relaxed})
			if err != nil {
				return nil, fmt.Errorf("layer %q: %w", layer, err)
			}
			list = append(list, choice{layer, v.name, chosenKernel(c.Kernels, v.name)})
		}
	}
	return list, nil
}

var winogradName = regexp.MustCompile(`f\d+x\d+_k\d+x\d+`)

// chosenKernel is the bench's name for what computes a convolution, among the
// kernels of a module that holds one alone.
func chosenKernel(kernels []string, variant string) string {
	for _, k := range kernels {
		if w := winogradName.FindString(k); w != "" {
			return "winograd_" + w + "_" + variant
		}
	}
	for _, k := range kernels {
		if strings.HasPrefix(k, "f32_conv_nhwc_") {
			return k
		}
	}
	return ""
}

// layerGraph is a graph of one convolution with a Relu, from its description.
func layerGraph(layer string) (*graph.Graph, error) {
	var ky, kx, inputs, outputs, height, width int
	if _, err := fmt.Sscanf(layer, "%dx%d of %d channels to %d, %dx%d", &ky, &kx, &inputs, &outputs, &height, &width); err != nil {
		return nil, err
	}
	stride := 1
	if strings.HasSuffix(layer, ", stride 2") {
		stride = 2
	}
	m := onnxwrite.Model{
		Name:    "layer",
		Inputs:  []onnxwrite.Value{{Name: "x", DType: onnxfile.Float32, Shape: dims(1, inputs, (height-1)*stride+ky, (width-1)*stride+kx)}},
		Outputs: []onnxwrite.Value{{Name: "y", DType: onnxfile.Float32, Shape: dims(1, outputs, height, width)}},
		Nodes: []onnxwrite.Node{
			{Name: "conv", Op: "Conv", Inputs: []string{"x", "w"}, Outputs: []string{"c"}, Attrs: []onnxwrite.Attr{
				onnxwrite.Ints("kernel_shape", ky, kx), onnxwrite.Ints("strides", stride, stride),
			}},
			{Name: "relu", Op: "Relu", Inputs: []string{"c"}, Outputs: []string{"y"}},
		},
		Initializers: []onnxwrite.Tensor{{
			Name: "w", DType: onnxfile.Float32, Shape: []int{outputs, inputs, ky, kx}, Data: make([]byte, 4*outputs*inputs*ky*kx),
		}},
	}
	var file bytes.Buffer
	if err := m.Write(&file); err != nil {
		return nil, err
	}
	f, err := onnxfile.Parse(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		return nil, err
	}
	return graph.Import(f, nil)
}

func (r *KernelReport) choiceCells() [][]string {
	heading := []string{"layer"}
	for _, v := range variants {
		heading = append(heading, v.name, "")
	}
	cells := [][]string{heading}
	for _, c := range r.choices {
		if last := cells[len(cells)-1]; last[0] != c.layer {
			cells = append(cells, append([]string{c.layer}, make([]string, 2*len(variants))...))
		}
		last := cells[len(cells)-1]
		for i, v := range variants {
			if v.name == c.variant {
				last[1+2*i] = strings.ReplaceAll(c.kernel, "_"+c.variant, "")
				if direct, expand := r.median(c.layer, c.variant, c.kernel), r.median(c.layer, c.variant, expansion); direct > 0 && expand > 0 && !isWinograd(c.kernel) {
					last[2+2*i] = fmt.Sprintf("+%.1f %%", 100*direct/expand)
				}
			}
		}
	}
	return cells
}

// isWinograd tells a fast convolution, whose weights are transformed in any case.
func isWinograd(kernel string) bool { return winogradName.MatchString(kernel) }

// median is a kernel's speed on a layer, 0 where it was not timed.
func (r *KernelReport) median(layer, variant, kernel string) float64 {
	for _, row := range r.Rows {
		if row.Layer == layer && row.Variant == variant && row.Kernel == kernel {
			return row.Median
		}
	}
	return 0
}
