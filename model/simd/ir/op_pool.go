package ir

import "hamster/model/graph"

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
