package gorgonia

import "hamster/model/graph"

// lowerIdentity serves all that changes nothing in memory.
func lowerIdentity(_ *compiler, n *graph.Node) (*step, error) {
	return &step{inputs: n.Inputs[:1], view: true, do: func(dst []float32, in [][]float32) {
		copy(dst, in[0])
	}}, nil
}
