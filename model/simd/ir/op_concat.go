package ir

import (
	"fmt"

	"hamster/model/graph"
)

func lowerConcat(l *lowerer, n *graph.Node) error {
	axis, err := graph.ConcatAxis(n)
	if err != nil {
		return err
	}
	if axis != 1 {
		return fmt.Errorf("along axis %d: only channels are supported", axis)
	}
	var in []*Tensor
	for i := range n.Inputs {
		x, err := l.in(n, i)
		if err != nil {
			return err
		}
		in = append(in, x)
	}
	return l.emit(n, Op{Kind: KindConcat, In: in})
}
