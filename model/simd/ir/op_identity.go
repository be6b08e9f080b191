package ir

import "hamster/model/graph"

func lowerIdentity(l *lowerer, n *graph.Node) error {
	if l.isConst(n.Inputs[0]) {
		w, err := l.weight(n.Inputs[0])
		l.weights[n.Outputs[0]] = w
		return err
	}
	x, err := l.in(n, 0)
	if err != nil {
		return err
	}
	return l.emit(n, Op{Kind: KindIdentity, In: []*Tensor{x}})
}
