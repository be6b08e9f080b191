package ir

import (
	"fmt"

	"hamster/model/graph"
)

// lowerReshape changes the name of a shape where the order of the elements in
// NHWC stays, and copies where it does not.
func lowerReshape(l *lowerer, n *graph.Node) error {
	if l.isConst(n.Inputs[0]) {
		return lowerIdentity(l, n)
	}
	x, err := l.in(n, 0)
	if err != nil {
		return err
	}
	out, err := shaped(n.Outputs[0].Name, n.Outputs[0].Shape)
	if err != nil {
		return err
	}
	switch {
	case out.C == x.C && out.H == x.H && out.W == x.W:
		return l.emit(n, Op{Kind: KindIdentity, In: []*Tensor{x}})
	case out.H*out.W == 1:
		return l.emit(n, Op{Kind: KindFlatten, In: []*Tensor{x}})
	}
	return fmt.Errorf("from %s to %s is not supported", n.Inputs[0].Dims(), n.Outputs[0].Dims())
}
