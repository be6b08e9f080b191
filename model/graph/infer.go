package graph

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"hamster/model/onnxfile"
)

// operator checks a node, sets the type and shape of its outputs, rewrites what
// older opsets wrote differently into the canonical form, and folds what is
// constant and small.
type operator func(*inference, *Node) error

type inference struct {
	g        *Graph
	opset    int
	computed int // elements of all inputs and values so far
}

// infer runs over the nodes in order; when it returns, every value has a static
// shape, and nodes whose outputs are all constant are gone.
func (g *Graph) infer() error {
	in := &inference{g: g, opset: g.Opset}
	for _, v := range g.Inputs {
		if in.computed += v.Len(); in.computed > maxComputed {
			return fmt.Errorf("input %q: %s is more than %d elements", v.Name, v.Dims(), maxComputed)
		}
	}
	kept := g.Nodes[:0]
	for _, n := range g.Nodes {
		if err := in.node(n); err != nil {
			return fmt.Errorf("%s: %w", n, err)
		}
		if n.Outputs[0].Const == nil {
			kept = append(kept, n)
		} else {
			n.Outputs[0].Producer = nil
		}
	}
	g.Nodes = kept
	return nil
}

// maxComputed bounds what all inputs and values together may take, in elements: a backend
// that keeps every one of them still fits in a machine.
const maxComputed = 1 << 30

func (in *inference) node(n *Node) error {
	if len(n.Outputs) == 0 || n.Outputs[0] == nil {
		return errors.New("has no output")
	}
	for i, v := range n.Outputs[1:] {
		if v != nil {
			return fmt.Errorf("output %d (%q) is not supported", i+1, v.Name)
		}
	}
	n.Outputs = n.Outputs[:1]
	if err := operators[n.Op](in, n); err != nil {
		return err
	}
	v := n.Outputs[0]
	if v.Const != nil {
		return nil
	}
	if v.DType != onnxfile.Float32 {
		return fmt.Errorf("gives %s: only float32 is computed", v.DType)
	}
	if v.Len() == 0 {
		return fmt.Errorf("gives %s, which is empty", v.Dims())
	}
	if in.computed += v.Len(); in.computed > maxComputed {
		return fmt.Errorf("gives %s: all values together pass %d elements", v.Dims(), maxComputed)
	}
	return nil
}

// UnsupportedError is a node whose operator is not known. Opset is the version
// of the operator's set that the file declares, 0 where it declares none.
type UnsupportedError struct {
	Node, Op, Domain string
	Opset            int
}

func (e *UnsupportedError) Error() string {
	set := cmp.Or(e.Domain, "ai.onnx")
	if e.Opset != 0 {
		set = fmt.Sprintf("%s %d", set, e.Opset)
	}
	return fmt.Sprintf("%s (%s): operator %s of %s is not supported", e.Node, e.Op, e.Op, set)
}

// set gives the output its type and shape.
func (n *Node) set(dtype onnxfile.DType, shape ...int) error {
	if _, err := checkedElements(shape); err != nil {
		return err
	}
	n.Outputs[0].DType, n.Outputs[0].Shape = dtype, slices.Clone(shape)
	return nil
}

// fold makes the output a constant list of integers.
func (n *Node) fold(dtype onnxfile.DType, shape []int, data []int64) error {
	if err := n.set(dtype, shape...); err != nil {
		return err
	}
	v := n.Outputs[0]
	if len(data) != v.Len() {
		return fmt.Errorf("%d integers for shape %s", len(data), v.Dims())
	}
	if len(data) > maxFold {
		return fmt.Errorf("gives %d integers, at most %d are computed with", len(data), maxFold)
	}
	v.Const = onnxfile.Int64Tensor(v.Name, shape, data)
	if dtype == onnxfile.Int32 {
		v.Const = onnxfile.Int32Tensor(v.Name, shape, data)
	}
	return nil
}

// need returns the i-th input or an error that says it is missing.
func (n *Node) need(i int) (*Value, error) {
	v := n.Input(i)
	if v == nil {
		return nil, fmt.Errorf("input %d is missing", i)
	}
	return v, nil
}

// scalar returns the one number of a constant input.
func (in *inference) scalar(n *Node, i int) (float32, error) {
	v, err := n.need(i)
	if err != nil {
		return 0, err
	}
	if v.Const == nil || v.Len() != 1 {
		return 0, fmt.Errorf("input %q must be one constant number", v.Name)
	}
	f, err := in.g.Float32s(v)
	if err != nil {
		return 0, err
	}
	return f[0], nil
}

// sameType checks that the inputs, where they are there, have one type.
func (n *Node) sameType() error {
	for _, v := range n.Inputs {
		if v != nil && v.DType != n.Inputs[0].DType {
			return fmt.Errorf("inputs of %s and %s", n.Inputs[0].DType, v.DType)
		}
	}
	return nil
}

// rankOf is the shape of an input that may be left out, for errors.
func rankOf(v *Value) string {
	if v == nil {
		return "none"
	}
	return v.Dims()
}

// axisOf normalises an axis that may count from the end.
func axisOf(axis, rank int) (int, error) {
	if axis < -rank || axis >= rank {
		return 0, fmt.Errorf("axis %d of a tensor of rank %d", axis, rank)
	}
	if axis < 0 {
		axis += rank
	}
	return axis, nil
}

// maxFold bounds the lists of integers that are computed with while loading.
// Shapes have up to 8; each list may be copied by each node.
const maxFold = 256

// foldable says whether v is an integer constant small enough to compute with,
// as the arithmetic on shapes is.
func foldable(v *Value) bool {
	return v != nil && v.Const != nil && v.Len() <= maxFold &&
		(v.DType == onnxfile.Int64 || v.DType == onnxfile.Int32)
}

// ints returns the values of a constant integer input as int.
func (in *inference) ints(n *Node, i int) ([]int, error) {
	v, err := n.need(i)
	if err != nil {
		return nil, err
	}
	if v.Const == nil {
		return nil, fmt.Errorf("input %q must be a constant: shapes that depend on data are not supported", v.Name)
	}
	if v.Len() > maxFold {
		return nil, fmt.Errorf("input %q has %d elements, at most %d are read", v.Name, v.Len(), maxFold)
	}
	data, err := in.g.Int64s(v)
	if err != nil {
		return nil, err
	}
	out := make([]int, len(data))
	for k, x := range data {
		// Slice writes "to the end" as huge numbers: clamp rather than refuse.
		out[k] = int(min(max(x, -1<<31), 1<<31-1))
	}
	return out, nil
}

// intsFrom reads a list that older opsets keep in an attribute and newer ones in
// an input; nil where it is in neither.
func (in *inference) intsFrom(n *Node, attr string, input int) ([]int, error) {
	if n.Input(input) != nil {
		return in.ints(n, input)
	}
	return n.Attrs.Ints(attr, nil)
}

// broadcast is the shape of an elementwise result (ONNX multidirectional
// broadcasting).
func broadcast(a, b []int) ([]int, error) {
	out := make([]int, max(len(a), len(b)))
	for i := range out {
		x, y := 1, 1
		if k := i - len(out) + len(a); k >= 0 {
			x = a[k]
		}
		if k := i - len(out) + len(b); k >= 0 {
			y = b[k]
		}
		if x != y && x != 1 && y != 1 {
			return nil, fmt.Errorf("%s and %s do not broadcast", Dims(a), Dims(b))
		}
		out[i] = x
		if x == 1 {
			out[i] = y
		}
	}
	return out, nil
}

// axesOf reads axes from the attribute or, since opset 13, from input 1.
func (in *inference) axesOf(n *Node, rank int) (map[int]bool, error) {
	axes, err := in.intsFrom(n, "axes", 1)
	if err != nil {
		return nil, err
	}
	set := map[int]bool{}
	for _, a := range axes {
		a, err := axisOf(a, rank)
		if err != nil {
			return nil, err
		}
		if set[a] {
			return nil, fmt.Errorf("axis %d is named twice", a)
		}
		set[a] = true
	}
	return set, nil
}
