package gorgonia

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// op is a step as Gorgonia sees it. Gorgonia's own operators will not do: in
// v0.9.4 SoftMax makes NaN of large logits, MaxPool refuses a kernel as large as
// its input and misreads asymmetric pads, Rectify makes NaN of −Inf, and all of
// them allocate their results anew in every run.
type op struct {
	*step
	program *Program
	// id is unlike that of every other op: Gorgonia takes nodes of equal hash for
	// one and the same.
	id uint32
	// children are the types of the nodes it is applied to, each once.
	children []G.TensorType

	shape tensor.Shape
	in    [][]float32
	dst   []float32
	out   *tensor.Dense
}

// shapeOf is v's shape for Gorgonia, which has no tensors without elements, and
// takes those without dimensions for numbers.
func shapeOf(shape []int, elements int) tensor.Shape {
	if len(shape) == 0 || elements == 0 {
		return tensor.Shape{1}
	}
	return tensor.Shape(shape).Clone()
}

func typeOf(s tensor.Shape) G.TensorType { return G.TensorType{Dims: s.Dims(), Of: tensor.Float32} }

func (o *op) Arity() int { return len(o.children) }

func (o *op) Type() hm.Type {
	types := make([]hm.Type, 0, len(o.children)+1)
	for _, t := range o.children {
		types = append(types, t)
	}
	return hm.NewFnType(append(types, typeOf(o.shape))...)
}

func (o *op) InferShape(...G.DimSizer) (tensor.Shape, error) { return o.shape.Clone(), nil }

// Do runs on a goroutine of the tape machine's, where a panic would end the
// process.
func (o *op) Do(...G.Value) (v G.Value, err error) {
	p := o.program
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
		if err != nil {
			p.failure = fmt.Errorf("node %s: %w", o.node, err)
		}
	}()
	if err := p.ctx.Err(); err != nil {
		return nil, err
	}
	// The memory of the operands was planned for this order.
	if p.next >= len(p.ops) || p.ops[p.next] != o {
		return nil, errors.New("the machine runs it out of order")
	}
	p.next++
	if !o.view {
		o.do(o.dst, o.in)
	}
	return o.out, nil
}

// ReturnsPtr keeps Gorgonia from copying the result.
func (o *op) ReturnsPtr() bool { return true }

func (o *op) CallsExtern() bool { return false }

// OverwritesInput denies that operands are overwritten, since Gorgonia would
// choose where; plan does.
func (o *op) OverwritesInput() int { return -1 }

func (o *op) WriteHash(h hash.Hash) { _ = binary.Write(h, binary.LittleEndian, o.id) }

func (o *op) Hashcode() uint32 { return o.id }

func (o *op) String() string { return o.node.String() }
