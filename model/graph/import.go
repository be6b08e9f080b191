package graph

import (
	"errors"
	"fmt"

	"github.com/owulveryck/onnx-go"
	gonum "gonum.org/v1/gonum/graph"

	"hamster/model/onnxfile"
)

// Import decodes the nodes of f through onnx-go, attaches its constants, infers
// every shape and folds the arithmetic on shapes. Symbolic dimensions become
// those of dims (by input name) or, for the batch, 1.
//
// Errors that concern a node begin with its name and operator, as in
// `conv1 (Conv): …`. An operator that is not known gives *UnsupportedError.
func Import(f *onnxfile.File, dims map[string][]int) (*Graph, error) {
	opset := f.Opset[""]
	if opset < 1 || opset > maxOpset {
		return nil, fmt.Errorf("operator set %d: 1 to %d are supported", opset, maxOpset)
	}
	for _, n := range f.Nodes {
		if err := decodable(f, n); err != nil {
			return nil, err
		}
	}
	b := &builder{file: f, values: map[string]*Value{}}
	if err := b.decode(); err != nil {
		return nil, err
	}
	g, err := b.build(dims)
	if err != nil {
		return nil, err
	}
	g.Opset = int(opset)
	if err := g.infer(); err != nil {
		return nil, err
	}
	return g, nil
}

// maxOpset is the newest operator set whose differences Import knows.
const maxOpset = 22

// decodable refuses what must not reach onnx-go or would be lost in it.
func decodable(f *onnxfile.File, n onnxfile.NodeInfo) error {
	if !Known(n) {
		return &UnsupportedError{Node: n.Name, Op: n.Op, Domain: n.Domain, Opset: int(f.Opset[n.Domain])}
	}
	if n.Refused != "" {
		return fmt.Errorf("%s: %s", n, n.Refused)
	}
	if n.Inputs == 0 {
		return fmt.Errorf("%s: has no input", n) // onnx-go would make one up
	}
	return nil
}

// Known says whether the operator of a node has a rule here.
func Known(n onnxfile.NodeInfo) bool {
	_, ok := operators[n.Op]
	return ok && n.Domain == ""
}

// build puts names and constants to what onnx-go decoded and checks that every
// value is there before it is read.
func (b *builder) build(dims map[string][]int) (*Graph, error) {
	g := &Graph{Name: b.file.GraphName, Nodes: b.nodes, weights: b.file}
	ready := map[*Value]bool{}
	for _, info := range b.file.Inputs {
		v := b.values[info.Name]
		if ready[v] {
			return nil, fmt.Errorf("two inputs are called %q", info.Name)
		}
		shape, err := inputShape(info, dims[info.Name])
		if err != nil {
			return nil, fmt.Errorf("input %q: %w", info.Name, err)
		}
		v.DType, v.Shape = info.DType, shape
		g.Inputs = append(g.Inputs, v)
		ready[v] = true
	}
	read := map[*Value]bool{}
	resolve := func(v *Value) error {
		if v == nil {
			return nil
		}
		read[v] = true
		if ready[v] {
			return nil
		}
		t, ok := b.file.Tensors[v.Name]
		if !ok {
			return fmt.Errorf("value %q is no input, no constant, and no node before computes it", v.Name)
		}
		v.Const, v.DType, v.Shape = t, t.DType, t.Shape
		ready[v] = true
		return nil
	}
	for _, n := range g.Nodes {
		for _, v := range n.Inputs {
			if err := resolve(v); err != nil {
				return nil, fmt.Errorf("%s: %w", n, err)
			}
		}
		for _, v := range n.Outputs {
			if v == nil {
				continue
			}
			if ready[v] || b.file.Tensors[v.Name] != nil {
				return nil, fmt.Errorf("%s: value %q is there already", n, v.Name)
			}
			v.Producer = n
			ready[v] = true
		}
	}
	for _, info := range b.file.Outputs {
		v := b.values[info.Name]
		if err := resolve(v); err != nil {
			return nil, fmt.Errorf("output: %w", err)
		}
		g.Outputs = append(g.Outputs, v)
	}
	// Exporters name optional outputs, as the mask of Dropout, that nobody reads.
	for _, n := range g.Nodes {
		for i, v := range n.Outputs {
			if i > 0 && !read[v] {
				n.Outputs[i] = nil
			}
		}
	}
	return g, nil
}

func inputShape(info onnxfile.ValueInfo, given []int) ([]int, error) {
	if info.DType != onnxfile.Float32 {
		return nil, fmt.Errorf("elements of %s: only float32 goes in", info.DType)
	}
	if given != nil {
		if info.HasShape && len(given) != len(info.Shape) {
			return nil, fmt.Errorf("shape %s where the model has %d dimensions", Dims(given), len(info.Shape))
		}
	} else if !info.HasShape {
		return nil, errors.New("its shape is unknown")
	}
	shape := make([]int, max(len(info.Shape), len(given)))
	for i := range shape {
		d := -1
		if info.HasShape {
			d = info.Shape[i]
		}
		switch {
		case given != nil && d < 0:
			d = given[i]
		case given != nil && d != given[i]:
			return nil, fmt.Errorf("shape %s where the model wants %d on axis %d", Dims(given), d, i)
		case d < 0 && i == 0:
			d = 1 // the batch
		case d < 0:
			return nil, fmt.Errorf("dimension %d is symbolic: say its size", i)
		}
		shape[i] = d
	}
	if n, err := checkedElements(shape); err != nil {
		return nil, err
	} else if n == 0 {
		return nil, fmt.Errorf("shape %s is empty", Dims(shape))
	}
	return shape, nil
}

// builder is onnx-go's Backend: it keeps what onnx-go hands it. In onnx-go a
// gonum node is a tensor, and an operator is the edges from its outputs to its
// inputs, weighted by the inputs' positions. gonum's own graphs hold an edge
// once, so that Add(x, x) would lose an operand; this one keeps lists.
type builder struct {
	// onnx-go only builds: it never asks for the nodes and edges it has made, so
	// that the questions of gonum's interface have nobody to answer them.
	gonum.Directed

	file   *onnxfile.File
	values map[string]*Value // by name: onnx-go makes the last one the valid one
	nodes  []*Node
	ids    int64
}

// valueNode is a tensor while onnx-go decodes.
type valueNode struct {
	id     int64
	v      *Value
	inputs []*valueNode
}

func (b *builder) decode() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("onnx-go: %v", r)
		}
		if err != nil && len(b.nodes) < len(b.file.Nodes) {
			err = fmt.Errorf("%s: %w", b.file.Nodes[len(b.nodes)], err)
		}
	}()
	return onnx.NewModel(b).UnmarshalBinary(b.file.Stripped)
}

// ApplyOperation turns the edges of outputs into a node.
func (b *builder) ApplyOperation(op onnx.Operation, outputs ...gonum.Node) error {
	if len(b.nodes) >= len(b.file.Nodes) {
		return errors.New("more operations than nodes")
	}
	n := &Node{Name: b.file.Nodes[len(b.nodes)].Name, Op: op.Name, Attrs: op.Attributes}
	for i, o := range outputs {
		out := o.(*valueNode)
		if i == 0 {
			for _, in := range out.inputs {
				n.Inputs = append(n.Inputs, in.value())
			}
		}
		out.inputs = nil
		n.Outputs = append(n.Outputs, out.value())
	}
	b.nodes = append(b.nodes, n)
	return nil
}

// value is nil for the empty name, by which ONNX leaves out an operand.
func (n *valueNode) value() *Value {
	if n == nil || n.v.Name == "" {
		return nil
	}
	return n.v
}

func (n *valueNode) ID() int64           { return n.id }
func (n *valueNode) SetName(name string) { n.v.Name = name }
func (n *valueNode) GetName() string     { return n.v.Name }

type edge struct {
	from, to *valueNode
	at       float64
}

func (e edge) From() gonum.Node         { return e.from }
func (e edge) To() gonum.Node           { return e.to }
func (e edge) Weight() float64          { return e.at }
func (e edge) ReversedEdge() gonum.Edge { return edge{e.to, e.from, e.at} }

// NewNode makes a value that has no name yet.
func (b *builder) NewNode() gonum.Node {
	b.ids++
	return &valueNode{id: b.ids, v: &Value{}}
}

// AddNode files a value under its name.
func (b *builder) AddNode(n gonum.Node) {
	v := n.(*valueNode).v
	b.values[v.Name] = v
}

// NewWeightedEdge leads from an output to the operand at position w.
func (b *builder) NewWeightedEdge(from, to gonum.Node, w float64) gonum.WeightedEdge {
	return edge{from.(*valueNode), to.(*valueNode), w}
}

// SetWeightedEdge keeps an operand.
func (b *builder) SetWeightedEdge(e gonum.WeightedEdge) {
	from, to, at := e.From().(*valueNode), e.To().(*valueNode), int(e.Weight())
	for len(from.inputs) <= at {
		from.inputs = append(from.inputs, nil)
	}
	from.inputs[at] = to
}
