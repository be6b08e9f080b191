package gorgonia

import "hamster/model/graph"

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
