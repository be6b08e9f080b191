// Package graph holds the canonical graph that every backend runs: ONNX
// semantics, NCHW, static shapes, the differences between opsets normalised
// away.
//
// onnx-go decodes a file into it (Import implements onnx-go's Backend), then
// shapes are inferred and small constants folded. Backends read it; they do not
// change it.
package graph

import (
	"fmt"
	"io"
	"strings"

	"hamster/model/onnxfile"
)

// Graph is a dataflow graph in topological order.
type Graph struct {
	Name string
	// Opset is the version of the default ONNX operator set that the file
	// declares; the nodes themselves are already normalised.
	Opset   int
	Inputs  []*Value
	Outputs []*Value
	Nodes   []*Node

	weights Weights
}

// Value is a tensor that flows along an edge, or a constant.
type Value struct {
	Name  string
	DType onnxfile.DType
	// Shape is static once Import has returned; a scalar has none.
	Shape []int
	// Const is set for constants, which may be stored as another type than DType:
	// float16 where DType is float32. Its bytes are read with Graph.Bytes.
	Const *onnxfile.Tensor
	// Producer is nil for constants and for inputs of the graph.
	Producer *Node
}

// Node applies an operator. Inputs hold nil where an optional input is left
// out. There is one output: further ones exist in training only.
type Node struct {
	Name    string
	Op      string
	Attrs   Attrs
	Inputs  []*Value
	Outputs []*Value
}

// Weights gives the bytes of constants that lie outside the graph.
type Weights interface {
	// ReadTensor returns the little-endian bytes of t.
	ReadTensor(t *onnxfile.Tensor) ([]byte, error)
	// Locate returns what holds the bytes of t, and where they begin in it.
	Locate(t *onnxfile.Tensor) (io.ReaderAt, int64, error)
}

// Weights gives the bytes of the graph's constants.
func (g *Graph) Weights() Weights { return g.weights }

// Blank is g with constants whose bytes are all zero: what is left of it once the
// file is gone. The two share their nodes.
func (g *Graph) Blank() *Graph {
	blank := *g
	blank.weights = zeros{}
	return &blank
}

type zeros struct{}

func (zeros) ReadTensor(t *onnxfile.Tensor) ([]byte, error) { return make([]byte, t.Bytes()), nil }

func (zeros) Locate(t *onnxfile.Tensor) (io.ReaderAt, int64, error) { return zeros{}, 0, nil }

func (zeros) ReadAt(p []byte, _ int64) (int, error) {
	clear(p)
	return len(p), nil
}

// Elements is the number of elements of a tensor of this shape.
func Elements(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// Len is the number of elements of v.
func (v *Value) Len() int { return Elements(v.Shape) }

// Dims writes the shape as in `1×3×299×299`.
func (v *Value) Dims() string { return Dims(v.Shape) }

// Dims writes a shape as in `1×3×299×299`, a scalar as `scalar`.
func Dims(shape []int) string {
	if len(shape) == 0 {
		return "scalar"
	}
	var b strings.Builder
	for i, d := range shape {
		if i > 0 {
			b.WriteString("×")
		}
		fmt.Fprint(&b, d)
	}
	return b.String()
}

// String names the node and its operator, as errors do.
func (n *Node) String() string { return fmt.Sprintf("%s (%s)", n.Name, n.Op) }

// Input returns the i-th input, nil where it is left out.
func (n *Node) Input(i int) *Value {
	if i < len(n.Inputs) {
		return n.Inputs[i]
	}
	return nil
}

// Bytes returns the little-endian bytes of a constant, of type v.Const.DType.
func (g *Graph) Bytes(v *Value) ([]byte, error) {
	if v == nil || v.Const == nil {
		return nil, fmt.Errorf("%s is not a constant", v.name())
	}
	if v.Const.Data != nil || v.Len() == 0 {
		return v.Const.Data, nil
	}
	if g.weights == nil {
		return nil, fmt.Errorf("constant %q: the graph has no weights", v.Name)
	}
	b, err := g.weights.ReadTensor(v.Const) // its errors name the tensor
	if err != nil {
		return nil, err
	}
	if want := v.Len() * v.Const.DType.Size(); len(b) != want {
		return nil, fmt.Errorf("constant %q: %d bytes where %s of %s takes %d", v.Name, len(b), v.Dims(), v.Const.DType, want)
	}
	return b, nil
}

// Float32s returns a constant of any numeric type as float32, undequantised.
func (g *Graph) Float32s(v *Value) ([]float32, error) {
	b, err := g.Bytes(v)
	if err != nil {
		return nil, err
	}
	out, err := onnxfile.Float32s(v.Const.DType, b)
	if err != nil {
		return nil, fmt.Errorf("constant %q: %w", v.Name, err)
	}
	return out, nil
}

// Int64s returns an integer constant as int64.
func (g *Graph) Int64s(v *Value) ([]int64, error) {
	b, err := g.Bytes(v)
	if err != nil {
		return nil, err
	}
	out, err := onnxfile.Int64s(v.Const.DType, b)
	if err != nil {
		return nil, fmt.Errorf("constant %q: %w", v.Name, err)
	}
	return out, nil
}

func (v *Value) name() string {
	if v == nil {
		return "an omitted input"
	}
	return fmt.Sprintf("%q", v.Name)
}

// Constants lists every constant that a node or an output reads, each once, in
// the order of first use.
func (g *Graph) Constants() []*Value {
	seen := map[*Value]bool{}
	var out []*Value
	add := func(v *Value) {
		if v != nil && v.Const != nil && !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	for _, n := range g.Nodes {
		for _, v := range n.Inputs {
			add(v)
		}
	}
	for _, v := range g.Outputs {
		add(v)
	}
	return out
}

// Write prints the graph as text, one node a line, for tests and `inspect`.
func (g *Graph) Write(w io.Writer) error {
	var b strings.Builder
	for _, v := range g.Inputs {
		fmt.Fprintf(&b, "input %s: %s %s\n", v.Name, v.DType, v.Dims())
	}
	for _, n := range g.Nodes {
		b.WriteString(n.Line())
		b.WriteByte('\n')
	}
	for _, v := range g.Outputs {
		fmt.Fprintf(&b, "output %s: %s %s\n", v.Name, v.DType, v.Dims())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Line is the node as one line of Write's text.
func (n *Node) Line() string {
	var b strings.Builder
	for i, v := range n.Outputs {
		if i > 0 {
			b.WriteString(", ")
		}
		if v == nil {
			b.WriteString("_")
			continue
		}
		fmt.Fprintf(&b, "%s[%s]", v.Name, v.Dims())
	}
	fmt.Fprintf(&b, " = %s(", n.Op)
	for i, v := range n.Inputs {
		if i > 0 {
			b.WriteString(", ")
		}
		if v == nil {
			b.WriteString("_")
			continue
		}
		b.WriteString(v.Name)
	}
	b.WriteByte(')')
	for _, k := range n.Attrs.names() {
		fmt.Fprintf(&b, " %s=%v", k, n.Attrs[k])
	}
	return b.String()
}

// checkedElements is Elements with a check of rank and size. The bound holds
// for every part of the shape, so a 0 does not hide the others.
func checkedElements(shape []int) (int, error) {
	if len(shape) > onnxfile.MaxRank {
		return 0, fmt.Errorf("%s has more than %d dimensions", Dims(shape), onnxfile.MaxRank)
	}
	n := 1
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("negative dimension in %s", Dims(shape))
		}
		if d > onnxfile.MaxElements/n {
			return 0, fmt.Errorf("%s is more than %d elements", Dims(shape), onnxfile.MaxElements)
		}
		n *= max(d, 1)
	}
	return Elements(shape), nil
}
