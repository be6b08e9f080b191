package ir

import (
	"fmt"

	"hamster/model/graph"
)

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
