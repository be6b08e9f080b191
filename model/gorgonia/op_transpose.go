package gorgonia

import "hamster/model/graph"

func lowerTranspose(_ *compiler, n *graph.Node) (*step, error) {
	perm, err := graph.PermOf(n)
	if err != nil {
		return nil, err
	}
	steps := contiguous(n.Inputs[0].Shape)
	strides := make([]int, len(perm))
	for i, p := range perm {
		strides[i] = steps[p]
	}
	return strided(n, 0, strides, n.Outputs[0].Shape), nil
}
