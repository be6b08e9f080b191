package ir

import (
	"fmt"
	"math"

	"hamster/model/graph"
)

var binaryKinds = map[string]Kind{"Add": KindAdd, "Sub": KindSub, "Mul": KindMul, "Div": KindDiv}

func lowerBinary(l *lowerer, n *graph.Node) error {
	a, b := n.Inputs[0], n.Inputs[1]
	if l.isConst(a) || l.isConst(b) {
		return lowerAffine(l, n)
	}
	x, err := l.in(n, 0)
	if err != nil {
		return err
	}
	y, err := l.in(n, 1)
	if err != nil {
		return err
	}
	if len(a.Shape) != len(b.Shape) {
		return fmt.Errorf("of %s and %s is not supported", a.Dims(), b.Dims())
	}
	commutes := n.Op == "Add" || n.Op == "Mul"
	if x.H*x.W == 1 && y.H*y.W > 1 && commutes {
		x, y = y, x
	}
	same := x.H == y.H && x.W == y.W && x.C == y.C
	if !same && !(y.H == 1 && y.W == 1 && y.C == x.C) {
		return fmt.Errorf("of %s and %s is not supported: equal shapes, or one value a channel on the right", a.Dims(), b.Dims())
	}
	return l.emit(n, Op{Kind: binaryKinds[n.Op], In: []*Tensor{x, y}})
}

// lowerAffine serves arithmetic with a constant: one number, or one a channel.
func lowerAffine(l *lowerer, n *graph.Node) error {
	xi, ci := 0, 1
	if l.isConst(n.Inputs[0]) {
		xi, ci = 1, 0
	}
	x, err := l.in(n, xi)
	if err != nil {
		return err
	}
	if x.C > maxFloats {
		return fmt.Errorf("with a constant on %d channels is not supported: at most %d", x.C, maxFloats)
	}
	cv := n.Inputs[ci]
	if !perChannel(cv.Shape, n.Inputs[xi].Shape) {
		return fmt.Errorf("with a constant of %s on %s is not supported: one number, or one a channel", cv.Dims(), n.Inputs[xi].Dims())
	}
	c, err := l.floats(cv)
	if err != nil {
		return err
	}
	scale, bias := make([]float32, x.C), make([]float32, x.C)
	for i := range scale {
		v := c[i%len(c)]
		scale[i] = 1
		switch {
		case n.Op == "Add":
			bias[i] = v
		case n.Op == "Mul":
			scale[i] = v
		case n.Op == "Sub" && xi == 0:
			bias[i] = -v
		case n.Op == "Sub":
			scale[i], bias[i] = -1, v
		case n.Op == "Div" && xi == 0 && v != 0 && !math.IsInf(float64(1/v), 0):
			scale[i] = 1 / v
		default:
			return fmt.Errorf("of a constant by an activation, or by (nearly) zero, is not supported")
		}
	}
	return l.emit(n, Op{Kind: KindAffine, In: []*Tensor{x}, Scale: scale, Bias: bias})
}

// perChannel tells whether a constant of shape c holds one value, or one for
// each channel of x.
func perChannel(c, x []int) bool {
	if len(c) > len(x) {
		return false
	}
	for i, d := range c {
		axis := i + len(x) - len(c)
		if d != 1 && (axis != 1 || d != x[1]) {
			return false
		}
	}
	return true
}
