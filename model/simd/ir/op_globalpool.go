package ir

import "hamster/model/graph"

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
