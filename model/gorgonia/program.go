package gorgonia

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"hamster/model/graph"
	"hamster/model/onnxfile"
)

// Program is a compiled graph. Its methods may be called from any goroutine;
// runs follow one after the other.
type Program struct {
	mu      sync.Mutex
	pool    *pool
	inputs  []slot
	outputs []slot
	kept    slot
	machine G.VM  // nil where every output is an input or a constant
	ops     []*op // in the order in which the machine runs them
	closed  bool
	ran     bool // the last run left its values

	// Of the run at hand.
	ctx     context.Context
	next    int // index in ops
	failure error
}

// slot is where a value lies.
type slot struct {
	value *graph.Value
	data  []float32
}

// maxSteps bounds the operators of a graph: the time in which Gorgonia compiles
// them grows with their square, and this many take it seconds.
const maxSteps = 10_000

// ErrClosed is what Run returns after Close.
var ErrClosed = errors.New("the program is closed")

// Compile lowers g to a Gorgonia graph. Constants are read, dequantised and
// packed here, once; g is not needed afterwards. The error names the node and
// its operator where one cannot be lowered.
func Compile(ctx context.Context, g *graph.Graph) (*Program, error) {
	return CompileKeeping(ctx, g, nil)
}

// CompileKeeping is Compile with a computed value that Kept returns after a run;
// nil for none.
func CompileKeeping(ctx context.Context, g *graph.Graph, keep *graph.Value) (p *Program, err error) {
	defer func() {
		if r := recover(); r != nil {
			p, err = nil, fmt.Errorf("gorgonia: %v", r)
		}
	}()
	p, err = compile(ctx, g, keep)
	if err != nil {
		return nil, fmt.Errorf("gorgonia: %w", err)
	}
	return p, nil
}

func compile(ctx context.Context, g *graph.Graph, keep *graph.Value) (*Program, error) {
	c := &compiler{ctx: ctx, g: g, pool: newPool(), folded: map[*graph.Value]*step{}, values: map[*graph.Value][]float32{}}
	if err := c.lower(keep); err != nil {
		return nil, err
	}
	if len(c.steps) > maxSteps {
		return nil, fmt.Errorf("%d operators, at most %d are supported", len(c.steps), maxSteps)
	}
	fixed, err := c.fixed()
	if err != nil {
		return nil, err
	}
	p := &Program{pool: c.pool}
	order := c.steps
	if len(c.steps) > 0 {
		expr, err := p.build(c.steps, fixed)
		if err != nil {
			return nil, err
		}
		if order, err = p.order(expr); err != nil {
			return nil, err
		}
		p.machine = G.NewTapeMachine(expr)
	}
	stay := g.Outputs
	if keep != nil {
		stay = append(slices.Clip(stay), keep)
	}
	at, err := plan(order, fixed, stay)
	if err != nil {
		return nil, err
	}
	for _, o := range p.ops {
		o.dst = at[o.output()].data[:o.output().Len()]
		for _, v := range o.inputs {
			o.in = append(o.in, at[v].data[:v.Len()])
		}
		o.out = tensor.New(tensor.WithShape(o.shape...), tensor.WithBacking(at[o.output()].data[:o.shape.TotalSize()]))
	}
	for _, v := range g.Inputs {
		p.inputs = append(p.inputs, slot{v, at[v].data[:v.Len()]})
	}
	for _, v := range g.Outputs {
		p.outputs = append(p.outputs, slot{v, at[v].data[:v.Len()]})
	}
	if keep != nil {
		if at[keep] == nil {
			return nil, fmt.Errorf("value %q is not computed by a run", keep.Name)
		}
		p.kept = slot{keep, at[keep].data[:keep.Len()]}
	}
	return p, nil
}

// fixed gives the inputs of the graph memory, and the constants that are read
// when it runs.
func (c *compiler) fixed() (map[*graph.Value]*buffer, error) {
	fixed := map[*graph.Value]*buffer{}
	total := 0
	for _, v := range c.g.Inputs {
		if v.DType != onnxfile.Float32 {
			return nil, fmt.Errorf("input %q holds %s; only float32 goes in", v.Name, v.DType)
		}
		if total += v.Len(); total > maxElements {
			return nil, fmt.Errorf("input %q: %w", v.Name, checkElements(total))
		}
		fixed[v] = &buffer{data: make([]float32, max(1, v.Len()))}
	}
	constant := func(v *graph.Value) error {
		if fixed[v] != nil || !c.isConstant(v) {
			return nil
		}
		data, err := c.constant(v)
		if err != nil {
			return err
		}
		if len(data) == 0 {
			data = make([]float32, 1)
		}
		fixed[v] = &buffer{data: data}
		return nil
	}
	for _, s := range c.steps {
		for _, v := range s.inputs {
			if err := constant(v); err != nil {
				return nil, fmt.Errorf("node %s: %w", s.node, err)
			}
		}
	}
	for _, v := range c.g.Outputs {
		if err := constant(v); err != nil {
			return nil, fmt.Errorf("output %q: %w", v.Name, err)
		}
	}
	return fixed, nil
}

// build makes Gorgonia's graph. Gorgonia takes nodes of equal 32-bit hash for
// one and the same, so hashes are salted until all differ.
func (p *Program) build(steps []*step, fixed map[*graph.Value]*buffer) (*G.ExprGraph, error) {
	const tries = 8
	for salt := range tries {
		g, err := p.buildSalted(steps, fixed, salt)
		if err != nil {
			return nil, err
		}
		if distinct(g.AllNodes()) {
			return g, nil
		}
	}
	return nil, fmt.Errorf("the hashes of %d nodes collide", len(steps))
}

// distinct says whether no two nodes have the same hash.
func distinct(nodes G.Nodes) bool {
	seen := map[uint32]bool{}
	for _, n := range nodes {
		if seen[n.Hashcode()] {
			return false
		}
		seen[n.Hashcode()] = true
	}
	return true
}

func (p *Program) buildSalted(steps []*step, fixed map[*graph.Value]*buffer, salt int) (*G.ExprGraph, error) {
	g := G.NewGraph()
	nodes := map[*graph.Value]*G.Node{}
	leaf := func(v *graph.Value) *G.Node {
		shape := shapeOf(v.Shape, v.Len())
		// The number keeps apart values that have one name.
		name := fmt.Sprintf("%s#%d.%d", v.Name, salt, len(nodes))
		value := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(fixed[v].data[:shape.TotalSize()]))
		return G.NewTensor(g, tensor.Float32, shape.Dims(), G.WithShape(shape...), G.WithName(name), G.WithValue(value))
	}
	for i, s := range steps {
		o := &op{step: s, program: p, id: uint32(salt*len(steps) + i), shape: shapeOf(s.output().Shape, s.output().Len())}
		var children []*G.Node
		for _, v := range s.inputs {
			if nodes[v] == nil {
				nodes[v] = leaf(v)
			}
			// Gorgonia's graph holds an edge once.
			if !slices.Contains(children, nodes[v]) {
				children = append(children, nodes[v])
				o.children = append(o.children, typeOf(nodes[v].Shape()))
			}
		}
		n, err := G.ApplyOp(o, children...)
		if err != nil {
			return nil, fmt.Errorf("node %s: %w", s.node, err)
		}
		nodes[s.output()] = n
	}
	return g, nil
}

// order fixes p.ops as the machine will run them.
func (p *Program) order(g *G.ExprGraph) ([]*step, error) {
	sorted, err := G.Sort(g)
	if err != nil {
		return nil, err
	}
	slices.Reverse(sorted)
	p.ops = nil
	var steps []*step
	for _, n := range sorted {
		if o, ok := n.Op().(*op); ok {
			p.ops = append(p.ops, o)
			steps = append(steps, o.step)
		}
	}
	return steps, nil
}

// Run computes the outputs of the graph. There is one slice an input and one an
// output, in the graph's order, row-major, of the graph's shapes. The outputs
// are the caller's to keep. It returns ctx's error when ctx ends between two
// operators.
func (p *Program) Run(ctx context.Context, inputs [][]float32) (outputs [][]float32, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() {
		if r := recover(); r != nil {
			outputs, err = nil, fmt.Errorf("gorgonia: %v", r)
		}
	}()
	if p.closed {
		return nil, fmt.Errorf("gorgonia: %w", ErrClosed)
	}
	if len(inputs) != len(p.inputs) {
		return nil, fmt.Errorf("gorgonia: %d inputs given, the graph has %d", len(inputs), len(p.inputs))
	}
	p.ran = false
	for i, in := range p.inputs {
		if len(inputs[i]) != len(in.data) {
			return nil, fmt.Errorf("gorgonia: input %q: %d elements given, %s has %d", in.value.Name, len(inputs[i]), in.value.Dims(), len(in.data))
		}
		copy(in.data, inputs[i])
	}
	if err := p.run(ctx); err != nil {
		return nil, fmt.Errorf("gorgonia: %w", err)
	}
	p.ran = true
	outputs = make([][]float32, len(p.outputs))
	for i, out := range p.outputs {
		outputs[i] = append(make([]float32, 0, len(out.data)), out.data...)
	}
	return outputs, nil
}

// Kept returns what the last run computed for the value that Compile was asked to
// keep, row-major, of the graph's shape.
func (p *Program) Kept() ([]float32, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return nil, fmt.Errorf("gorgonia: %w", ErrClosed)
	case p.kept.value == nil:
		return nil, errors.New("gorgonia: the program was not asked to keep a value")
	case !p.ran:
		return nil, errors.New("gorgonia: there was no run")
	}
	return slices.Clone(p.kept.data), nil
}

func (p *Program) run(ctx context.Context) error {
	if err := ctx.Err(); err != nil || p.machine == nil {
		return err
	}
	p.ctx, p.next, p.failure = ctx, 0, nil
	defer func() { p.ctx = nil }()
	p.machine.Reset()
	err := p.machine.RunAll()
	switch {
	case p.failure != nil:
		// The machine's error would print the program around it, and does not
		// unwrap.
		return p.failure
	case err != nil:
		return err
	case p.next != len(p.ops):
		return fmt.Errorf("the machine ran %d of %d operators", p.next, len(p.ops))
	}
	return nil
}

// Close lets the memory go. It is safe to call twice.
func (p *Program) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	var err error
	if p.machine != nil {
		err = p.machine.Close()
	}
	p.pool, p.machine, p.ops, p.inputs, p.outputs, p.kept = nil, nil, nil, nil, nil, slot{}
	return err
}
