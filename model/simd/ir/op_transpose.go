package ir

import (
	"fmt"
	"slices"

	"hamster/model/graph"
)

func isTranspose(n *graph.Node, perm ...int) bool {
	if n.Op != "Transpose" {
		return false
	}
	p, err := graph.PermOf(n)
	return err == nil && slices.Equal(p, perm)
}

// lowerTranspose serves the one that leads from an NHWC input into the network.
func lowerTranspose(l *lowerer, n *graph.Node) error {
	x, err := l.in(n, 0)
	if err != nil {
		return err
	}
	if !isTranspose(n, 0, 3, 1, 2) || !l.dst.InputNHWC || !slices.Contains(l.dst.Inputs, x) {
		return fmt.Errorf("is supported from an input in NHWC only")
	}
	return l.emit(n, Op{Kind: KindIdentity, In: []*Tensor{x}})
}
