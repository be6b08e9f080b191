// Package gorgonia runs the canonical graph on Gorgonia: its graph, its tape
// machine, its tensors. It is the portable path where there is no SIMD, and the
// oracle that the fast engine is checked against, so it runs the graph as it is.
//
// Every operator is an Op of our own (op.go says why); the machine decides the
// order, this package the memory.
package gorgonia

import (
	"context"
	"fmt"

	"hamster/model/graph"
	"hamster/model/onnxfile"
)

// step is what a node does when the program runs.
type step struct {
	node *graph.Node
	// inputs are read when it runs; constants that the lowering has used up are
	// not among them.
	inputs []*graph.Value
	// do computes dst from the inputs, in their order. It must write every
	// element of dst, whose content is undefined.
	do func(dst []float32, in [][]float32)
	// inPlace says that dst may be the memory of the first input.
	inPlace bool
	// view says that the output is the memory of the first input.
	view bool
}

func (s *step) output() *graph.Value { return s.node.Outputs[0] }

// lowering turns a node into a step.
type lowering func(*compiler, *graph.Node) (*step, error)

// compiler lowers a graph. It holds the graph and its constants, so steps must not
// hold it.
type compiler struct {
	ctx   context.Context
	g     *graph.Graph
	pool  *pool
	steps []*step
	// folded are the steps that read nothing but constants; they are computed
	// when somebody asks for their value.
	folded map[*graph.Value]*step
	values map[*graph.Value][]float32
}

// lower makes a step of every node that an output or keep needs and that is not
// constant.
func (c *compiler) lower(keep *graph.Value) error {
	needed := neededNodes(c.g, keep)
	for _, n := range c.g.Nodes {
		if !needed[n] {
			continue
		}
		if err := c.ctx.Err(); err != nil {
			return err
		}
		if err := c.node(n); err != nil {
			return fmt.Errorf("node %s of opset %d: %w", n, c.g.Opset, err)
		}
	}
	return nil
}

func (c *compiler) node(n *graph.Node) error {
	for i, v := range n.Outputs {
		if v != nil && v.DType != onnxfile.Float32 {
			return fmt.Errorf("output %d holds %s; only float32 is computed", i, v.DType)
		}
	}
	constant := true
	for _, v := range n.Inputs {
		constant = constant && (v == nil || c.isConstant(v))
	}
	if n.Op == "DequantizeLinear" {
		if !constant {
			return fmt.Errorf("only constants are dequantised")
		}
		c.folded[n.Outputs[0]] = &step{node: n}
		return nil
	}
	lower, ok := operators[n.Op]
	if !ok {
		return fmt.Errorf("the operator is not known to this backend")
	}
	s, err := lower(c, n)
	if err != nil {
		return err
	}
	s.node = n
	if constant {
		c.folded[n.Outputs[0]] = s
	} else {
		c.steps = append(c.steps, s)
	}
	return nil
}

// neededNodes are the nodes that the outputs depend on, and keep, which may be nil.
func neededNodes(g *graph.Graph, keep *graph.Value) map[*graph.Node]bool {
	needed := map[*graph.Node]bool{}
	if keep != nil {
		needed[keep.Producer] = true
	}
	for _, v := range g.Outputs {
		needed[v.Producer] = true
	}
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		if n := g.Nodes[i]; needed[n] {
			for _, v := range n.Inputs {
				if v != nil {
					needed[v.Producer] = true
				}
			}
		}
	}
	return needed
}

func (c *compiler) isConstant(v *graph.Value) bool { return v.Const != nil || c.folded[v] != nil }

// constant is the value of a constant as float32. Weights are mostly read once,
// so what comes from the file or from DequantizeLinear is not kept.
func (c *compiler) constant(v *graph.Value) ([]float32, error) {
	if v.Const != nil {
		return c.g.Float32s(v)
	}
	s := c.folded[v]
	if s.node.Op == "DequantizeLinear" {
		return c.g.Dequantized(s.node)
	}
	if data, ok := c.values[v]; ok {
		return data, nil
	}
	if err := c.ctx.Err(); err != nil {
		return nil, err
	}
	in := make([][]float32, len(s.inputs))
	for i, x := range s.inputs {
		var err error
		if in[i], err = c.constant(x); err != nil {
			return nil, err
		}
	}
	if err := checkElements(v.Len()); err != nil {
		return nil, fmt.Errorf("node %s: %w", s.node, err)
	}
	data := make([]float32, v.Len())
	s.do(data, in)
	c.values[v] = data
	return data, nil
}
