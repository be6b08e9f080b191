package gorgonia

import "hamster/model/graph"

func lowerConcat(_ *compiler, n *graph.Node) (*step, error) {
	axis, err := graph.ConcatAxis(n)
	if err != nil {
		return nil, err
	}
	outer := graph.Elements(n.Outputs[0].Shape[:axis])
	return &step{inputs: n.Inputs, do: func(dst []float32, in [][]float32) {
		for o := range outer {
			for _, src := range in {
				part := len(src) / outer
				copy(dst, src[o*part:][:part])
				dst = dst[part:]
			}
		}
	}}, nil
}
