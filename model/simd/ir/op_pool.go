package ir

import (
	"fmt"

	"hamster/model/graph"
)

func lowerPool(l *lowerer, n *graph.Node) error {
	p, err := graph.PoolOf(n)
	if err != nil {
		return err
	}
	x, err := l.in(n, 0)
	if err != nil {
		return err
	}
	kind := KindMaxPool
	if n.Op == "AveragePool" {
		kind = KindAvgPool
	}
	return l.emit(n, Op{Kind: kind, In: []*Tensor{x}, Pool: &p})
}

func lowerGlobalPool(l *lowerer, n *graph.Node) error {
	x, err := l.in(n, 0)
	if err != nil {
		return err
	}
	kind := KindGlobalAvg
	if n.Op == "GlobalMaxPool" {
		kind = KindGlobalMax
	}
	return l.emit(n, Op{Kind: kind, In: []*Tensor{x}})
}

// lowerReduceMean takes the mean over the spatial axes.
func lowerReduceMean(l *lowerer, n *graph.Node) error {
	axes, _, err := graph.ReduceOf(n)
	if err != nil {
		return err
	}
	if len(n.Inputs[0].Shape) != 4 || len(axes) != 2 || axes[0] != 2 || axes[1] != 3 {
		return fmt.Errorf("over axes %v of %s: only the mean over height and width is supported", axes, n.Inputs[0].Dims())
	}
	x, err := l.in(n, 0)
	if err != nil {
		return err
	}
	return l.emit(n, Op{Kind: KindGlobalAvg, In: []*Tensor{x}})
}
