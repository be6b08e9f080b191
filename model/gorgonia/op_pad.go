package gorgonia

import "hamster/model/graph"

func lowerPad(_ *compiler, n *graph.Node) (*step, error) {
	p, err := graph.PadOf(n)
	if err != nil {
		return nil, err
	}
	shape := n.Inputs[0].Shape
	strides, first := contiguous(n.Outputs[0].Shape), 0
	for i, s := range strides {
		first += p.Before[i] * s
	}
	inner := 1
	if r := len(shape); r > 0 {
		inner = shape[r-1]
		shape, strides = shape[:r-1], strides[:r-1]
	}
	return &step{inputs: n.Inputs[:1], do: func(dst []float32, in [][]float32) {
		for i := range dst {
			dst[i] = p.Value
		}
		src := in[0]
		if len(src) == 0 {
			return
		}
		walk(shape, [2][]int{strides, strides}, func(at [2]int) {
			copy(dst[first+at[0]:], src[:inner])
			src = src[inner:]
		})
	}}, nil
}
