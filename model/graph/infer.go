package graph

import (
	"fmt"

	"hamster/model/onnxfile"
)

// operator checks a node, sets the type and shape of its outputs, rewrites what
// older opsets wrote differently into the canonical form, and folds what is
// constant and small.
type operator func(*inference, *Node) error

type inference struct {
	g     *Graph
	opset int
}

// infer runs over the nodes in order; when it returns, every value has a static
// shape, and nodes whose outputs are all constant are gone.
func (g *Graph) infer() error {
	in := &inference{g: g, opset: g.Opset}
	kept := g.Nodes[:0]
	for _, n := range g.Nodes {
		if err := in.node(n); err != nil {
			return fmt.Errorf("%s: %w", n, err)
		}
		folded := true
		for _, v := range n.Outputs {
			if v != nil && v.Const == nil {
				folded = false
			}
		}
		if folded {
			for _, v := range n.Outputs {
				if v != nil {
					v.Producer = nil
				}
			}
			continue
		}
		kept = append(kept, n)
	}
	g.Nodes = kept
	for _, v := range g.Outputs {
		if v.Producer == nil && v.Const == nil && !contains(g.Inputs, v) {
			return fmt.Errorf("output %q is computed by no node", v.Name)
		}
	}
	return nil
}

func (in *inference) node(n *Node) error {
	op, ok := operators[n.Op]
	if !ok {
		return &UnsupportedError{Node: n.Name, Op: n.Op, Opset: in.opset}
	}
	if len(n.Outputs) == 0 {
		return fmt.Errorf("has no output")
	}
	if err := op(in, n); err != nil {
		return err
	}
	for i, v := range n.Outputs {
		if v == nil {
			continue
		}
		if v.DType == onnxfile.Undefined {
			return fmt.Errorf("output %d is not supported", i)
		}
		if _, err := checkedElements(v.Shape); err != nil {
			return fmt.Errorf("output %q: %w", v.Name, err)
		}
	}
	return nil
}

// UnsupportedError is an operator that no backend knows.
type UnsupportedError struct {
	Node, Op, Domain string
	Opset            int
}

func (e *UnsupportedError) Error() string {
	op := e.Op
	if e.Domain != "" {
		op = e.Domain + "." + op
	}
	return fmt.Sprintf("operator %s (opset %d) is not supported", op, e.Opset)
}

func (n *Node) set(i int, dtype onnxfile.DType, shape ...int) error {
	if i >= len(n.Outputs) || n.Outputs[i] == nil {
		return fmt.Errorf("output %d is missing", i)
	}
	if _, err := checkedElements(shape); err != nil {
		return err
	}
	n.Outputs[i].DType, n.Outputs[i].Shape = dtype, append([]int(nil), shape...)
	return nil
}

func (n *Node) setInts(i int, shape []int, data []int64) error {
	if err := n.set(i, onnxfile.Int64, shape...); err != nil {
		return err
	}
	v := n.Outputs[i]
	if len(data) != v.Len() {
		return fmt.Errorf("%d integers for shape %s", len(data), v.Dims())
	}
	v.Const = onnxfile.Int64Tensor(v.Name, shape, data)
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

// foldable says whether v is an integer constant small enough to compute with
// while loading, as the arithmetic on shapes is.
func foldable(v *Value) bool {
	const maxFold = 1 << 14
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

func contains(list []*Value, v *Value) bool {
	for _, x := range list {
		if x == v {
			return true
		}
	}
	return false
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
