package ir

import "hamster/model/graph"

func lowerUnary(l *lowerer, n *graph.Node) error {
	x, err := l.in(n, 0)
	if err != nil {
		return err
	}
	var act Act
	switch n.Op {
	case "Relu":
		act = Relu
	case "HardSigmoid":
		act.Kind = ActHardSigmoid
		act.A, act.B, err = graph.HardSigmoidOf(n)
	case "LeakyRelu":
		act.Kind = ActLeaky
		act.A, err = graph.LeakyReluOf(n)
	case "HardSwish":
		act.Kind = ActHardSwish
	case "Sigmoid":
		act.Kind = ActSigmoid
	case "Tanh":
		act.Kind = ActTanh
	case "Exp":
		act.Kind = ActExp
	}
	if err != nil {
		return err
	}
	return l.emit(n, Op{Kind: KindUnary, In: []*Tensor{x}, Act: act})
}
