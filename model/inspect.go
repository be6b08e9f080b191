package model

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"hamster/model/graph"
	"hamster/model/onnxfile"
	"hamster/model/simd"
	"hamster/preprocess"
)

// Report is what Inspect finds out. Sizes are in bytes.
type Report struct {
	// What the metadata say, where they do.
	Name         string `json:"name,omitempty"`
	Version      string `json:"version,omitempty"`
	Licence      string `json:"licence,omitempty"`
	Source       string `json:"source,omitempty"`
	SourceSHA256 string `json:"source_sha256,omitempty"`

	Size            int64            `json:"size"`
	IRVersion       int64            `json:"ir_version"`
	Opsets          map[string]int64 `json:"opsets"` // by domain, as in "ai.onnx"
	Producer        string           `json:"producer,omitempty"`
	ProducerVersion string           `json:"producer_version,omitempty"`

	Inputs  []ReportValue `json:"inputs"`
	Outputs []ReportValue `json:"outputs"`

	// Nodes counts the nodes as the file has them, without Constants, and
	// Operators says of which kinds they are, the commonest first.
	Nodes     int              `json:"nodes"`
	Operators []ReportOperator `json:"operators"`

	// Parameters counts the weights: the elements of all constants that nodes
	// read, without those that only make shapes and without the scales and zero
	// points of quantised weights.
	Parameters int64 `json:"parameters"`
	// MACs counts the multiply-accumulates of one run (see graph.MACs); 0 where
	// they are not known.
	MACs int64 `json:"macs"`
	// Weights are all constants of the file by element type, the largest first.
	Weights []ReportWeights `json:"weights"`
	// ExternalFiles hold constants beside the model.
	ExternalFiles []string `json:"external_files,omitempty"`

	// Input says how an image becomes the input, as in "299×299 RGB, byte / 255 +
	// 0, keras"; empty where the model does not take one image.
	Input string `json:"input,omitempty"`
	// Labels are those in the metadata.
	Labels   []Label           `json:"labels,omitempty"`
	Metadata map[string]string `json:"metadata"`

	// Memory is what the engine takes; nil where it cannot compile the model, and
	// Engine then says why.
	Memory *ReportMemory `json:"memory,omitempty"`
	Engine string        `json:"engine,omitempty"`

	// Unsupported says why Load would refuse the model, and names the node and its
	// operator where one is the reason: shapes are then those that the file
	// declares, and integers that are no weights count among the parameters.
	Unsupported string `json:"unsupported,omitempty"`
}

// ReportValue is an input or output; a size left open is −1, a shape that is not
// known is nil.
type ReportValue struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Shape []int  `json:"shape"`
}

// ReportOperator is a kind of node. Op has its domain before it where that is not
// ai.onnx.
type ReportOperator struct {
	Op    string `json:"op"`
	Count int    `json:"count"`
}

// ReportWeights are the constants of one element type.
type ReportWeights struct {
	Type     string `json:"type"`
	Tensors  int    `json:"tensors"`
	Elements int64  `json:"elements"`
	Size     int64  `json:"size"`
}

// ReportMemory is the plan of the engine "simd" for one thread with relaxed SIMD,
// in bytes. Peak is all of it. Unplanned is what Activations would be if none
// gave way to another.
type ReportMemory struct {
	Activations int `json:"activations"`
	Weights     int `json:"weights"`
	Tables      int `json:"tables"`
	Peak        int `json:"peak"`
	Unplanned   int `json:"unplanned"`
}

// Inspect describes a model without running it. Of the weights it reads only the
// small ones, as biases; it also describes models that Load refuses as long as they are ONNX.
func Inspect(src Source) (*Report, error) {
	f, err := onnxfile.Parse(src, src.Size())
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	r := report(f, src.Size())
	g, err := importFile(f)
	if err != nil {
		r.Unsupported = err.Error()
		r.declared(f)
		return r, nil
	}
	r.computed(g)
	m, err := describe(g, f, Options{})
	if err != nil {
		r.Unsupported = err.Error()
		return r, nil
	}
	r.Input = inputText(m.spec)
	if c, err := simd.Compile(context.Background(), g, simd.Options{Relaxed: true}); err != nil {
		r.Engine = err.Error()
	} else {
		r.Memory = memory(c.Plan)
	}
	return r, nil
}

// Report is what Inspect says of the model, with the labels that Load was given;
// Memory is that of the engine that runs, and nil where that is another. The
// caller must not change it.
func (m *Model) Report() *Report { return m.report }

// planned is an engine whose memory is planned.
type planned interface{ Compiled() *simd.Compiled }

// reportLoaded makes the report of a model as it is loaded.
func (m *Model) reportLoaded(g *graph.Graph, f *onnxfile.File, size int64) {
	m.report = report(f, size)
	m.report.Labels = m.labels
	m.report.computed(g)
	m.report.Input = inputText(m.spec)
	if e, ok := m.engine.(planned); ok {
		m.report.Memory = memory(e.Compiled().Plan)
	}
}

func memory(p simd.Plan) *ReportMemory {
	return &ReportMemory{p.Arena, p.Weights, p.Tables, p.Arena + p.Weights + p.Tables, p.Unpadded}
}

// report says what the container alone tells.
func report(f *onnxfile.File, size int64) *Report {
	r := &Report{
		Name: f.Metadata[KeyName], Version: f.Metadata[KeyVersion], Licence: f.Metadata[KeyLicence],
		Source: f.Metadata[KeySource], SourceSHA256: f.Metadata[KeySourceHash],
		Size: size, IRVersion: f.IRVersion, Opsets: map[string]int64{},
		Producer: f.Producer, ProducerVersion: f.ProducerVersion,
		Nodes: len(f.Nodes), Metadata: f.Metadata,
	}
	for domain, version := range f.Opset {
		r.Opsets[cmp.Or(domain, "ai.onnx")] = version
	}
	r.operators(f)
	r.weights(f)
	// Broken labels are the reason that describe gives below.
	r.Labels, _ = parseLabels(f.Metadata)
	return r
}

func (r *Report) operators(f *onnxfile.File) {
	counts := map[string]int{}
	for _, n := range f.Nodes {
		op := n.Op
		if n.Domain != "" {
			op = n.Domain + "." + op
		}
		counts[op]++
	}
	for op, n := range counts {
		r.Operators = append(r.Operators, ReportOperator{op, n})
	}
	slices.SortFunc(r.Operators, func(a, b ReportOperator) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Op, b.Op))
	})
}

func (r *Report) weights(f *onnxfile.File) {
	types := map[onnxfile.DType]*ReportWeights{}
	files := map[string]bool{}
	for _, t := range f.Tensors {
		w := types[t.DType]
		if w == nil {
			w = &ReportWeights{Type: t.DType.String()}
			types[t.DType] = w
		}
		w.Tensors++
		w.Elements += int64(t.Elements())
		w.Size += t.Bytes()
		if t.Range.File != "" {
			files[t.Range.File] = true
		}
	}
	for _, w := range types {
		r.Weights = append(r.Weights, *w)
	}
	slices.SortFunc(r.Weights, func(a, b ReportWeights) int {
		return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(a.Type, b.Type))
	})
	r.ExternalFiles = slices.Sorted(maps.Keys(files))
}

// computed takes from the graph what only it knows.
func (r *Report) computed(g *graph.Graph) {
	for _, v := range g.Inputs {
		r.Inputs = append(r.Inputs, reportValue(v.Name, v.DType, v.Shape))
	}
	for _, v := range g.Outputs {
		r.Outputs = append(r.Outputs, reportValue(v.Name, v.DType, v.Shape))
	}
	scales := map[*graph.Value]bool{}
	for _, n := range g.Nodes {
		r.MACs += graph.MACs(n)
		if n.Op == "DequantizeLinear" {
			for _, v := range n.Inputs[1:] {
				scales[v] = true
			}
		}
	}
	for _, v := range g.Constants() {
		if !scales[v] {
			r.Parameters += int64(v.Len())
		}
	}
}

// declared takes from the container what it says, where there is no graph.
func (r *Report) declared(f *onnxfile.File) {
	for _, v := range f.Inputs {
		r.Inputs = append(r.Inputs, declaredValue(v))
	}
	for _, v := range f.Outputs {
		r.Outputs = append(r.Outputs, declaredValue(v))
	}
	for _, t := range f.Tensors {
		// Lists of int64 are shapes, axes and indices.
		if t.DType != onnxfile.Int64 {
			r.Parameters += int64(t.Elements())
		}
	}
}

func declaredValue(v onnxfile.ValueInfo) ReportValue {
	r := reportValue(v.Name, v.DType, v.Shape)
	if !v.HasShape {
		r.Shape = nil
	}
	return r
}

func reportValue(name string, dtype onnxfile.DType, shape []int) ReportValue {
	return ReportValue{name, dtype.String(), append([]int{}, shape...)}
}

func inputText(s Spec) string {
	in := s.Input
	number := func(v [3]float32) string {
		if v[0] == v[1] && v[1] == v[2] {
			return fmt.Sprint(v[0])
		}
		return fmt.Sprintf("(%v, %v, %v)", v[0], v[1], v[2])
	}
	text := fmt.Sprintf("%d×%d %s, byte / %s + %s, %s", in.Width, in.Height, in.Channels, number(in.Scale), number(in.Offset), in.Mode)
	if in.Mode == preprocess.Quality && in.CropFraction > 0 && in.CropFraction < 1 {
		text += fmt.Sprintf(" of the middle %v", in.CropFraction)
	}
	return text
}
