package gorgonia

import (
	"math"

	"hamster/model/graph"
)

// lowerBatchNorm scales and shifts every channel:
// y = (x − mean)·scale/√(variance + ε) + bias.
func lowerBatchNorm(c *compiler, n *graph.Node) (*step, error) {
	epsilon, err := graph.BatchNormEpsilon(n)
	if err != nil {
		return nil, err
	}
	x := n.Inputs[0]
	channels := x.Shape[1]
	plane := graph.Elements(x.Shape[2:])
	pool := c.pool
	return &step{inputs: n.Inputs[:5], inPlace: true, do: func(dst []float32, in [][]float32) {
		src, scale, bias, mean, variance := in[0], in[1], in[2], in[3], in[4]
		pool.each(x.Shape[0]*channels, func(i int, _ *scratch) {
			ch := i % channels
			factor := float64(scale[ch]) / math.Sqrt(float64(variance[ch])+float64(epsilon))
			a, b := float32(factor), float32(float64(bias[ch])-float64(mean[ch])*factor)
			out, from := dst[i*plane:][:plane], src[i*plane:][:plane]
			for k := range out {
				out[k] = from[k]*a + b
			}
		})
	}}, nil
}
