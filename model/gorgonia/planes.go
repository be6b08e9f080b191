package gorgonia

import "hamster/model/graph"

// planes applies f to each of count planes.
func planes(c *compiler, n *graph.Node, count int, f func(dst, src []float32, s *scratch)) *step {
	pool := c.pool
	in, out := n.Inputs[0].Len()/max(count, 1), n.Outputs[0].Len()/max(count, 1)
	return &step{inputs: n.Inputs[:1], do: func(dst []float32, src [][]float32) {
		pool.each(count, func(i int, s *scratch) {
			f(dst[i*out:][:out], src[0][i*in:][:in], s)
		})
	}}
}
