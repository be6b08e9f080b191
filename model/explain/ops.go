package explain

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"hamster/model/graph"
)

// builders make the layers of nodes. constants holds the inputs of the node that
// are constant, in their places; the others are nil. To add an operator, write
// its op and list it here; the test of random heads then wants it too.
var builders = map[string]func(f *finder, n *graph.Node, constants []*graph.Value) (op, error){
	"Add": buildBinary, "Sub": buildBinary, "Mul": buildBinary, "Div": buildBinary,
	"BatchNormalization": buildBatchNorm,
	"Concat":             buildConcat,
	"Conv":               buildConv,
	"Gemm":               buildGemm,
	"MatMul":             buildMatMul,
	"Clip":               buildClip,
	"Exp":                buildActivation,
	"HardSigmoid":        buildActivation,
	"HardSwish":          buildActivation,
	"LeakyRelu":          buildActivation,
	"Relu":               buildActivation,
	"Sigmoid":            buildActivation,
	"Tanh":               buildActivation,
	// On a vector these change the shape alone.
	"GlobalAveragePool": buildSame, "GlobalMaxPool": buildSame, "Identity": buildSame,
	"ReduceMean": buildSame, "Reshape": buildSame, "Transpose": buildSame,
}

// alone fails unless the first input is computed and all others are constant.
func alone(n *graph.Node, constants []*graph.Value) error {
	for i, v := range n.Inputs {
		if computed := v != nil && constants[i] == nil; computed != (i == 0) {
			return fmt.Errorf("%w: input %d is not what it is in a dense layer", ErrNoHead, i)
		}
	}
	return nil
}

func buildSame(_ *finder, n *graph.Node, constants []*graph.Value) (op, error) {
	if n.Inputs[0].Len() != n.Outputs[0].Len() {
		return nil, fmt.Errorf("%w: it makes %s of %s", ErrNoHead, n.Outputs[0].Dims(), n.Inputs[0].Dims())
	}
	return same{}, alone(n, constants)
}

// same passes a vector on.
type same struct{}

func (same) linear() bool                          { return true }
func (same) forward(in [][]float64, out []float64) { copy(out, in[0]) }
func (same) backward(_ [][]float64, grad []float64, grads [][]float64) {
	for i, g := range grad {
		grads[0][i] += g
	}
}

func buildConcat(_ *finder, n *graph.Node, constants []*graph.Value) (op, error) {
	for _, v := range constants {
		if v != nil {
			return nil, fmt.Errorf("%w: %q is constant", ErrNoHead, v.Name)
		}
	}
	return concat{}, nil
}

type concat struct{}

func (concat) linear() bool { return true }

func (concat) forward(in [][]float64, out []float64) {
	for _, x := range in {
		out = out[copy(out, x):]
	}
}

func (concat) backward(_ [][]float64, grad []float64, grads [][]float64) {
	for _, to := range grads {
		for i := range to {
			to[i] += grad[i]
		}
		grad = grad[len(to):]
	}
}

// activation applies f to each element.
type activation struct {
	f, derivative func(float64) float64
}

func (activation) linear() bool { return false }

func (a activation) forward(in [][]float64, out []float64) {
	for i, x := range in[0] {
		out[i] = a.f(x)
	}
}

func (a activation) backward(in [][]float64, grad []float64, grads [][]float64) {
	for i, x := range in[0] {
		grads[0][i] += grad[i] * a.derivative(x)
	}
}

// between is the derivative of what is flat outside lo…hi.
func between(lo, hi, slope float64) func(float64) float64 {
	return func(x float64) float64 {
		if x > lo && x < hi {
			return slope
		}
		return 0
	}
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func buildClip(_ *finder, n *graph.Node, constants []*graph.Value) (op, error) {
	lo, hi, err := graph.ClipOf(n)
	if err != nil {
		return nil, err
	}
	a, b := float64(lo), float64(hi)
	clip := func(x float64) float64 { return min(max(x, a), b) }
	return activation{clip, between(a, b, 1)}, alone(n, constants)
}

func buildActivation(_ *finder, n *graph.Node, constants []*graph.Value) (op, error) {
	var a activation
	switch n.Op {
	case "Exp":
		a = activation{math.Exp, math.Exp}
	case "Relu":
		a = activation{func(x float64) float64 { return max(x, 0) }, between(0, math.Inf(1), 1)}
	case "Sigmoid":
		a = activation{sigmoid, func(x float64) float64 { return sigmoid(x) * (1 - sigmoid(x)) }}
	case "Tanh":
		a = activation{math.Tanh, func(x float64) float64 { return 1 - math.Tanh(x)*math.Tanh(x) }}
	case "LeakyRelu":
		alpha, err := graph.LeakyReluOf(n)
		if err != nil {
			return nil, err
		}
		slope := func(x float64) float64 {
			if x < 0 {
				return float64(alpha)
			}
			return 1
		}
		a = activation{func(x float64) float64 { return x * slope(x) }, slope}
	case "HardSigmoid":
		alpha, beta, err := graph.HardSigmoidOf(n)
		if err != nil {
			return nil, err
		}
		p, q := float64(alpha), float64(beta)
		line := func(x float64) float64 { return p*x + q }
		flat := between(0, 1, p)
		a = activation{
			func(x float64) float64 { return max(0, min(1, line(x))) },
			func(x float64) float64 { return flat(line(x)) },
		}
	case "HardSwish":
		gate := func(x float64) float64 { return max(0, min(1, x/6+0.5)) }
		inside := between(-3, 3, 1.0/6)
		a = activation{
			func(x float64) float64 { return x * gate(x) },
			func(x float64) float64 { return gate(x) + x*inside(x) },
		}
	}
	return a, alone(n, constants)
}

// binary is arithmetic on two vectors, of which one may have one element alone.
type binary struct {
	op string
	// constant is the operand at place at; nil where both are computed.
	constant []float64
	at       int
}

func buildBinary(f *finder, n *graph.Node, constants []*graph.Value) (op, error) {
	b := binary{op: n.Op}
	for i, v := range constants {
		if v == nil {
			continue
		}
		if !isVector(v) && v.Len() != 1 {
			return nil, fmt.Errorf("%w: %q is %s", ErrNoHead, v.Name, v.Dims())
		}
		x, err := f.floats(v)
		if err != nil {
			return nil, err
		}
		b.constant, b.at = doubles(x), i
	}
	return b, nil
}

func (b binary) linear() bool { return b.op == "Add" || b.op == "Sub" }

// operands puts the constant in its place.
func (b binary) operands(in [][]float64) (p, q []float64) {
	switch {
	case b.constant == nil:
		return in[0], in[1]
	case b.at == 0:
		return b.constant, in[0]
	}
	return in[0], b.constant
}

func (b binary) forward(in [][]float64, out []float64) {
	p, q := b.operands(in)
	for i := range out {
		x, y := p[i%len(p)], q[i%len(q)]
		switch b.op {
		case "Add":
			out[i] = x + y
		case "Sub":
			out[i] = x - y
		case "Mul":
			out[i] = x * y
		case "Div":
			out[i] = x / y
		}
	}
}

func (b binary) backward(in [][]float64, grad []float64, grads [][]float64) {
	var p, q []float64
	if !b.linear() {
		p, q = b.operands(in)
	}
	// to are the gradients of both operands; a constant has none.
	var to [2][]float64
	switch {
	case b.constant == nil:
		to = [2][]float64{grads[0], grads[1]}
	default:
		to[1-b.at] = grads[0]
	}
	for i, g := range grad {
		var dx, dy float64
		switch b.op {
		case "Add":
			dx, dy = g, g
		case "Sub":
			dx, dy = g, -g
		case "Mul":
			dx, dy = g*q[i%len(q)], g*p[i%len(p)]
		case "Div":
			x, y := p[i%len(p)], q[i%len(q)]
			dx, dy = g/y, -g*x/(y*y)
		}
		if to[0] != nil {
			to[0][i%len(to[0])] += dx
		}
		if to[1] != nil {
			to[1][i%len(to[1])] += dy
		}
	}
}

// buildBatchNorm makes one scale and one offset a channel.
func buildBatchNorm(f *finder, n *graph.Node, constants []*graph.Value) (op, error) {
	if err := alone(n, constants); err != nil {
		return nil, err
	}
	epsilon, err := graph.BatchNormEpsilon(n)
	if err != nil {
		return nil, err
	}
	if n.Inputs[0].Shape[1] != n.Inputs[0].Len() {
		return nil, fmt.Errorf("%w: of %s", ErrNoHead, n.Inputs[0].Dims())
	}
	var p [5][]float32 // scale, bias, mean, variance from 1 on
	for i := 1; i < 5; i++ {
		if p[i], err = f.floats(constants[i]); err != nil {
			return nil, err
		}
	}
	a := affine{make([]float64, len(p[1])), make([]float64, len(p[1]))}
	for c := range a.scale {
		a.scale[c] = float64(p[1][c]) / math.Sqrt(float64(p[4][c])+float64(epsilon))
		a.offset[c] = float64(p[2][c]) - float64(p[3][c])*a.scale[c]
	}
	return a, nil
}

type affine struct{ scale, offset []float64 }

func (affine) linear() bool { return true }

func (a affine) forward(in [][]float64, out []float64) {
	for i, x := range in[0] {
		out[i] = x*a.scale[i] + a.offset[i]
	}
}

func (a affine) backward(_ [][]float64, grad []float64, grads [][]float64) {
	for i, g := range grad {
		grads[0][i] += g * a.scale[i]
	}
}

func doubles(x []float32) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

// Operators lists the operators that a head may have, in order.
func Operators() []string { return slices.Sorted(maps.Keys(builders)) }
