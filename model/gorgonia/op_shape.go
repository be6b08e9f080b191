package gorgonia

import (
	"fmt"

	"hamster/model/graph"
)

// lowerView serves the operators that change nothing in memory: Reshape and
// Identity.
func lowerView(_ *compiler, n *graph.Node) (*step, error) {
	return &step{inputs: n.Inputs[:1], view: true, do: func(dst []float32, in [][]float32) {
		copy(dst, in[0])
	}}, nil
}

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

// strided reads the input at first + Σ index·stride for every index of shape.
func strided(n *graph.Node, first int, strides, shape []int) *step {
	inner, stride := 1, 0
	if r := len(shape); r > 0 {
		inner, stride = shape[r-1], strides[r-1]
		shape, strides = shape[:r-1], strides[:r-1]
	}
	return &step{inputs: n.Inputs[:1], do: func(dst []float32, in [][]float32) {
		if len(dst) == 0 {
			return
		}
		out := 0
		walk(shape, [2][]int{strides, strides}, func(at [2]int) {
			src := in[0][first+at[0]:]
			row := dst[out:][:inner]
			if stride == 1 {
				copy(row, src)
			} else {
				for i := range row {
					row[i] = src[i*stride]
				}
			}
			out += inner
		})
	}}
}

// contiguous are the strides of a row-major tensor.
func contiguous(shape []int) []int {
	strides, step := make([]int, len(shape)), 1
	for i := len(shape) - 1; i >= 0; i-- {
		strides[i] = step
		step *= shape[i]
	}
	return strides
}

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
