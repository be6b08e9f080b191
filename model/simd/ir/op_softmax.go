package ir

import (
	"fmt"

	"hamster/model/graph"
)

func lowerSoftmax(l *lowerer, n *graph.Node) error {
	p, err := graph.SoftmaxOf(n)
	if err != nil {
		return err
	}
	x, err := l.in(n, 0)
	if err != nil {
		return err
	}
	if p.Outer != 1 || p.Axis != x.C || p.Inner != x.H*x.W {
		return fmt.Errorf("of %s is supported over the channels only", n.Inputs[0].Dims())
	}
	return l.emit(n, Op{Kind: KindSoftmax, In: []*Tensor{x}})
}
