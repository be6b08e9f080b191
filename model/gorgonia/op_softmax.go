package gorgonia

import (
	"math"

	"hamster/model/graph"
)

// lowerSoftmax subtracts the largest logit first, so that none overflows.
func lowerSoftmax(c *compiler, n *graph.Node) (*step, error) {
	s, err := graph.SoftmaxOf(n)
	if err != nil {
		return nil, err
	}
	pool := c.pool
	return &step{inputs: n.Inputs[:1], inPlace: true, do: func(dst []float32, in [][]float32) {
		src := in[0]
		pool.each(s.Outer*s.Inner, func(i int, _ *scratch) {
			first := i/s.Inner*s.Axis*s.Inner + i%s.Inner
			largest := float32(math.Inf(-1))
			for k := range s.Axis {
				largest = max(largest, src[first+k*s.Inner])
			}
			var sum float64
			for k := range s.Axis {
				e := math.Exp(float64(src[first+k*s.Inner]) - float64(largest))
				dst[first+k*s.Inner] = float32(e)
				sum += e
			}
			for k := range s.Axis {
				dst[first+k*s.Inner] = float32(float64(dst[first+k*s.Inner]) / sum)
			}
		})
	}}, nil
}
