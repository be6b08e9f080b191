package gorgonia

import (
	"fmt"

	"hamster/model/graph"
)

func lowerSlice(_ *compiler, n *graph.Node) (*step, error) {
	s, err := graph.SliceOf(n)
	if err != nil {
		return nil, err
	}
	strides, first := contiguous(n.Inputs[0].Shape), 0
	if len(s.Start) != len(strides) || len(s.Step) != len(strides) {
		return nil, fmt.Errorf("starts %v and steps %v do not fit %s", s.Start, s.Step, n.Inputs[0].Dims())
	}
	for i := range strides {
		first += s.Start[i] * strides[i]
		strides[i] *= s.Step[i]
	}
	return strided(n, first, strides, n.Outputs[0].Shape), nil
}
