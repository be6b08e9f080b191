package ir

import "hamster/model/graph"

func lowerClip(l *lowerer, n *graph.Node) error {
	x, err := l.in(n, 0)
	if err != nil {
		return err
	}
	lo, hi, err := graph.ClipOf(n)
	if err != nil {
		return err
	}
	return l.emit(n, Op{Kind: KindUnary, In: []*Tensor{x}, Act: Act{ActClamp, lo, hi}})
}
