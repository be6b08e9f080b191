package graph

import (
	"errors"
	"fmt"

	"github.com/owulveryck/onnx-go"
	gonum "gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/iterator"

	"hamster/model/onnxfile"
)

// Import decodes the nodes of f through onnx-go, attaches its constants, infers
// every shape and folds the arithmetic on shapes. Symbolic dimensions become
// those of dims (by input name) or, for the batch, 1.
func Import(f *onnxfile.File, dims map[string][]int) (*Graph, error) {
	b := &builder{file: f}
	if err := b.decode(); err != nil {
		return nil, err
	}
	g, err := b.build(dims)
	if err != nil {
		return nil, err
	}
	if err := g.infer(); err != nil {
		return nil, err
	}
	return g, nil
}

// maxOpset is the newest operator set whose differences Import knows.
const maxOpset = 22

func (b *builder) build(dims map[string][]int) (*Graph, error) {
	opset := b.file.Opset[""]
	if opset < 1 || opset > maxOpset {
		return nil, fmt.Errorf("operator set %d: 1 to %d are supported", opset, maxOpset)
	}
	g := &Graph{Name: b.file.GraphName, Opset: int(opset), Nodes: b.nodes, weights: b.file}
	values := map[string]*Value{}
	for _, info := range b.file.Inputs {
		v := b.value(info.Name)
		if v == nil {
			return nil, fmt.Errorf("input %q is read by no node", info.Name)
		}
		shape, err := inputShape(info, dims[info.Name])
		if err != nil {
			return nil, fmt.Errorf("input %q: %w", info.Name, err)
		}
		v.DType, v.Shape = info.DType, shape
		g.Inputs = append(g.Inputs, v)
		values[v.Name] = v
	}
	resolve := func(v *Value) error {
		if v == nil || values[v.Name] == v {
			return nil
		}
		if values[v.Name] != nil {
			return fmt.Errorf("two values are called %q", v.Name)
		}
		t, ok := b.file.Tensors[v.Name]
		if !ok {
			return fmt.Errorf("value %q is used before any node computes it", v.Name)
		}
		v.Const, v.DType, v.Shape = t, t.DType, t.Shape
		values[v.Name] = v
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
			if values[v.Name] != nil || b.file.Tensors[v.Name] != nil {
				return nil, fmt.Errorf("%s: value %q is computed twice", n, v.Name)
			}
			v.Producer = n
			values[v.Name] = v
		}
	}
	for _, info := range b.file.Outputs {
		v := b.value(info.Name)
		if v == nil {
			v = &Value{Name: info.Name}
		}
		if err := resolve(v); err != nil {
			return nil, fmt.Errorf("output: %w", err)
		}
		g.Outputs = append(g.Outputs, v)
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
	if _, err := checkedElements(shape); err != nil {
		return nil, err
	}
	return shape, nil
}

// builder is onnx-go's Backend: it keeps what onnx-go hands it. In onnx-go a
// gonum node is a tensor, and an operator is the edges from its outputs to its
// inputs, weighted by the inputs' positions. gonum's own graphs hold an edge
// once, so that Add(x, x) would lose an operand; this one keeps lists.
type builder struct {
	file   *onnxfile.File
	values []*valueNode
	nodes  []*Node
}

// valueNode is a tensor while onnx-go decodes.
type valueNode struct {
	id     int64
	v      Value
	inputs []*valueNode
}

func (b *builder) decode() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("onnx-go: %v", r)
		}
	}()
	err = onnx.NewModel(b).UnmarshalBinary(b.file.Stripped)
	if err != nil && len(b.nodes) < len(b.file.Nodes) {
		info := b.file.Nodes[len(b.nodes)]
		return fmt.Errorf("%s (%s): %w", info.Name, info.Op, err)
	}
	return err
}

// value finds a value by name: the last of that name, as onnx-go does.
func (b *builder) value(name string) *Value {
	for i := len(b.values) - 1; i >= 0; i-- {
		if b.values[i].v.Name == name {
			return &b.values[i].v
		}
	}
	return nil
}

// ApplyOperation turns the edges of outputs into a node.
func (b *builder) ApplyOperation(op onnx.Operation, outputs ...gonum.Node) error {
	if len(b.nodes) >= len(b.file.Nodes) {
		return errors.New("more operations than nodes")
	}
	info := b.file.Nodes[len(b.nodes)]
	if _, ok := operators[op.Name]; !ok || info.Domain != "" {
		return &UnsupportedError{Node: info.Name, Op: op.Name, Domain: info.Domain, Opset: int(b.file.Opset[info.Domain])}
	}
	n := &Node{Name: info.Name, Op: op.Name, Attrs: op.Attributes}
	for i, o := range outputs {
		out, ok := o.(*valueNode)
		if !ok {
			return fmt.Errorf("output %d is %T", i, o)
		}
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
	return &n.v
}

func (n *valueNode) ID() int64           { return n.id }
func (n *valueNode) SetName(name string) { n.v.Name = name }
func (n *valueNode) GetName() string     { return n.v.Name }

// The methods below are gonum's DirectedWeightedBuilder.

type edge struct {
	from, to *valueNode
	weight   float64
}

func (e edge) From() gonum.Node         { return e.from }
func (e edge) To() gonum.Node           { return e.to }
func (e edge) Weight() float64          { return e.weight }
func (e edge) ReversedEdge() gonum.Edge { return edge{e.to, e.from, e.weight} }

func (b *builder) NewNode() gonum.Node { return &valueNode{id: int64(len(b.values))} }

func (b *builder) AddNode(n gonum.Node) { b.values = append(b.values, n.(*valueNode)) }

func (b *builder) NewWeightedEdge(from, to gonum.Node, w float64) gonum.WeightedEdge {
	return edge{from.(*valueNode), to.(*valueNode), w}
}

func (b *builder) SetWeightedEdge(e gonum.WeightedEdge) {
	from, to, at := e.From().(*valueNode), e.To().(*valueNode), int(e.Weight())
	for len(from.inputs) <= at {
		from.inputs = append(from.inputs, nil)
	}
	from.inputs[at] = to
}

func (b *builder) Node(id int64) gonum.Node {
	if id < 0 || id >= int64(len(b.values)) {
		return nil
	}
	return b.values[id]
}

func (b *builder) Nodes() gonum.Nodes {
	nodes := make([]gonum.Node, len(b.values))
	for i, v := range b.values {
		nodes[i] = v
	}
	return iterator.NewOrderedNodes(nodes)
}

func (b *builder) From(id int64) gonum.Nodes {
	var nodes []gonum.Node
	if id >= 0 && id < int64(len(b.values)) {
		for _, in := range b.values[id].inputs {
			nodes = append(nodes, in)
		}
	}
	return iterator.NewOrderedNodes(nodes)
}

func (b *builder) To(id int64) gonum.Nodes {
	var nodes []gonum.Node
	for _, v := range b.values {
		if b.HasEdgeFromTo(v.id, id) {
			nodes = append(nodes, v)
		}
	}
	return iterator.NewOrderedNodes(nodes)
}

func (b *builder) HasEdgeFromTo(u, v int64) bool { return b.WeightedEdge(u, v) != nil }

func (b *builder) HasEdgeBetween(u, v int64) bool {
	return b.HasEdgeFromTo(u, v) || b.HasEdgeFromTo(v, u)
}

func (b *builder) Edge(u, v int64) gonum.Edge {
	if e := b.WeightedEdge(u, v); e != nil {
		return e
	}
	return nil
}

func (b *builder) WeightedEdge(u, v int64) gonum.WeightedEdge {
	if u < 0 || u >= int64(len(b.values)) {
		return nil
	}
	from := b.values[u]
	for i, in := range from.inputs {
		if in != nil && in.id == v {
			return edge{from, in, float64(i)}
		}
	}
	return nil
}

func (b *builder) Weight(u, v int64) (float64, bool) {
	if e := b.WeightedEdge(u, v); e != nil {
		return e.Weight(), true
	}
	return 0, u == v
}
