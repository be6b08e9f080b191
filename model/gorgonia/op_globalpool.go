package gorgonia

import (
	"math"

	"hamster/model/graph"
)

// lowerGlobalPool reduces every channel to one value.
func lowerGlobalPool(c *compiler, n *graph.Node) (*step, error) {
	x := n.Inputs[0].Shape
	pool := func(dst, src []float32, _ *scratch) { dst[0] = mean(src) }
	if n.Op == "GlobalMaxPool" {
		pool = func(dst, src []float32, _ *scratch) { dst[0] = maximum(src) }
	}
	return planes(c, n, x[0]*x[1], pool), nil
}

// mean sums in float64, as planes may be large.
func mean(src []float32) float32 {
	var sum float64
	for _, x := range src {
		sum += float64(x)
	}
	return float32(sum / float64(len(src)))
}

func maximum(src []float32) float32 {
	best := float32(math.Inf(-1))
	for _, x := range src {
		best = max(best, x)
	}
	return best
}
