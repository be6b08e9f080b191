package ir

import "hamster/model/graph"

// unaryKinds are the activations without parameters.
var unaryKinds = map[string]ActKind{
	"Abs": ActAbs, "Ceil": ActCeil, "Erf": ActErf, "Exp": ActExp, "Floor": ActFloor, "Gelu": ActGelu, "HardSwish": ActHardSwish,
	"Neg": ActNeg, "Reciprocal": ActReciprocal, "Sigmoid": ActSigmoid, "Softplus": ActSoftplus, "Sqrt": ActSqrt, "Tanh": ActTanh,
}

func lowerUnary(l *lowerer, n *graph.Node) error {
	x, err := l.in(n, 0)
	if err != nil {
		return err
	}
	act := Act{Kind: unaryKinds[n.Op]}
	switch n.Op {
	case "Relu":
		act = Relu
	case "HardSigmoid":
		act.Kind = ActHardSigmoid
		act.A, act.B, err = graph.HardSigmoidOf(n)
	case "LeakyRelu":
		act.Kind = ActLeaky
		act.A, err = graph.LeakyReluOf(n)
	case "Elu":
		act.Kind = ActElu
		act.A, err = graph.EluOf(n)
	}
	if err != nil {
		return err
	}
	return l.emit(n, Op{Kind: KindUnary, In: []*Tensor{x}, Act: act})
}
