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

func lowerElu(c *compiler, n *graph.Node) (*step, error) {
	alpha, err := graph.EluOf(n)
	if err != nil {
		return nil, err
	}
	return lowerUnary(func(x float32) float32 {
		if x < 0 {
			return alpha * float32(math.Expm1(float64(x)))
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

func abs(x float32) float32 { return float32(math.Abs(float64(x))) }

func neg(x float32) float32 { return -x }

func sqrt(x float32) float32 { return float32(math.Sqrt(float64(x))) }

func floor(x float32) float32 { return float32(math.Floor(float64(x))) }

func ceil(x float32) float32 { return float32(math.Ceil(float64(x))) }

func reciprocal(x float32) float32 { return 1 / x }

func erf(x float32) float32 { return float32(math.Erf(float64(x))) }

// gelu is x·Φ(x), with Φ the normal distribution (ONNX Gelu-20).
func gelu(x float32) float32 {
	return float32(float64(x) / 2 * (1 + math.Erf(float64(x)/math.Sqrt2)))
}

// softplus is ln(1 + eˣ), in the form that does not overflow.
func softplus(x float32) float32 {
	return float32(math.Max(float64(x), 0) + math.Log1p(math.Exp(-math.Abs(float64(x)))))
}
