package ir

import (
	"fmt"

	"hamster/model/graph"
)

func lowerMatMul(l *lowerer, n *graph.Node) error {
	a, b := n.Inputs[0], n.Inputs[1]
	if len(a.Shape) != 2 {
		return fmt.Errorf("of %s by %s is not supported: only a row by a matrix", a.Dims(), b.Dims())
	}
	return l.product(n, IO, b.Shape[0], b.Shape[1], 1, make([]float32, b.Shape[1]))
}
