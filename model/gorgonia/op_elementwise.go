package gorgonia

import (
	"math"

	"hamster/model/graph"
)

// lowerUnary makes a lowering of a function of one element.
func lowerUnary(f func(float32) float32) lowering {
	return func(c *compiler, n *graph.Node) (*step, error) {
		return unary(c, n, func(dst, src []float32) {
			for i, x := range src {
				dst[i] = f(x)
			}
		}), nil
	}
}

// unary applies f to stretches of the input.
func unary(c *compiler, n *graph.Node, f func(dst, src []float32)) *step {
	pool := c.pool
	return &step{inputs: n.Inputs[:1], inPlace: true, do: func(dst []float32, in [][]float32) {
		pool.span(len(dst), func(from, to int) { f(dst[from:to], in[0][from:to]) })
	}}
}

// lowerRelu is max(x, 0): NaN stays NaN, −Inf becomes 0.
func lowerRelu(c *compiler, n *graph.Node) (*step, error) {
	return unary(c, n, func(dst, src []float32) {
		dst = dst[:len(src)]
		for i, x := range src {
			dst[i] = max(x, 0)
		}
	}), nil
}

// lowerClip is min(max(x, lo), hi): NaN stays NaN, and hi wins where lo > hi.
func lowerClip(c *compiler, n *graph.Node) (*step, error) {
	lo, hi, err := graph.ClipOf(n)
	if err != nil {
		return nil, err
	}
	return unary(c, n, func(dst, src []float32) {
		dst = dst[:len(src)]
		for i, x := range src {
			dst[i] = min(max(x, lo), hi)
		}
	}), nil
}

func lowerLeakyRelu(c *compiler, n *graph.Node) (*step, error) {
	alpha, err := graph.LeakyReluOf(n)
	if err != nil {
		return nil, err
	}
	return lowerUnary(func(x float32) float32 {
		if x < 0 {
			return alpha * x
		}
		return x
	})(c, n)
}

func lowerHardSigmoid(c *compiler, n *graph.Node) (*step, error) {
	alpha, beta, err := graph.HardSigmoidOf(n)
	if err != nil {
		return nil, err
	}
	return lowerUnary(func(x float32) float32 { return max(0, min(1, alpha*x+beta)) })(c, n)
}

// hardSwish is x·max(0, min(1, x/6 + 1/2)) (ONNX HardSwish-14).
func hardSwish(x float32) float32 { return x * max(0, min(1, x/6+0.5)) }

func sigmoid(x float32) float32 { return float32(1 / (1 + math.Exp(-float64(x)))) }

func tanh(x float32) float32 { return float32(math.Tanh(float64(x))) }

func exp(x float32) float32 { return float32(math.Exp(float64(x))) }

func add(a, b float32) float32 { return a + b }
func sub(a, b float32) float32 { return a - b }
func mul(a, b float32) float32 { return a * b }
func div(a, b float32) float32 { return a / b }

// lowerBinary makes a lowering of a function of two elements, with ONNX's
// multidirectional broadcasting.
func lowerBinary(f func(a, b float32) float32) lowering {
	return func(c *compiler, n *graph.Node) (*step, error) {
		out := n.Outputs[0].Shape
		a, b := broadcastStrides(n.Inputs[0].Shape, out), broadcastStrides(n.Inputs[1].Shape, out)
		// The last axis is the inner loop.
		inner, sa, sb := 1, 0, 0
		if r := len(out); r > 0 {
			inner, sa, sb = out[r-1], a[r-1], b[r-1]
			out, a, b = out[:r-1], a[:r-1], b[:r-1]
		}
		return &step{inputs: n.Inputs[:2], inPlace: true, do: func(dst []float32, in [][]float32) {
			at := 0
			walk(out, [2][]int{a, b}, func(i [2]int) {
				x, y := in[0][i[0]:], in[1][i[1]:]
				for k := range dst[at:][:inner] {
					dst[at+k] = f(x[k*sa], y[k*sb])
				}
				at += inner
			})
		}}, nil
	}
}

// broadcastStrides are the steps in a tensor of this shape for each axis of the
// shape it is broadcast to: 0 along axes that repeat.
func broadcastStrides(shape, to []int) []int {
	strides := make([]int, len(to))
	step := 1
	for i := 1; i <= len(shape); i++ {
		if d := shape[len(shape)-i]; d != 1 {
			strides[len(to)-i] = step
			step *= d
		}
	}
	return strides
}

// walk visits every index of shape in row-major order and hands over where it
// lies in two tensors of the given strides.
func walk(shape []int, strides [2][]int, visit func(at [2]int)) {
	if graph.Elements(shape) == 0 {
		return
	}
	index := make([]int, len(shape))
	var at [2]int
	for {
		visit(at)
		axis := len(shape) - 1
		for ; axis >= 0; axis-- {
			index[axis]++
			at[0] += strides[0][axis]
			at[1] += strides[1][axis]
			if index[axis] < shape[axis] {
				break
			}
			index[axis] = 0
			at[0] -= strides[0][axis] * shape[axis]
			at[1] -= strides[1][axis] * shape[axis]
		}
		if axis < 0 {
			return
		}
	}
}
