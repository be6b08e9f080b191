package gorgonia

import "hamster/model/graph"

// contiguous are the strides of a row-major tensor.
func contiguous(shape []int) []int {
	strides, step := make([]int, len(shape)), 1
	for i := len(shape) - 1; i >= 0; i-- {
		strides[i] = step
		step *= shape[i]
	}
	return strides
}

// broadcastStrides are the steps in a tensor of this shape for each axis of the
// shape it is broadcast to: 0 along axes that repeat.
func broadcastStrides(shape, to []int) []int {
	strides := make([]int, len(to))
	step := 1
	for i := 1; i <= len(shape); i++ {
		if d := shape[len(shape)-i]; d != 1 {
			strides[len(to)-i] = step
			step *= d
		}
	}
	return strides
}

// walk visits every index of shape in row-major order and hands over where it
// lies in two tensors of the given strides.
func walk(shape []int, strides [2][]int, visit func(at [2]int)) {
	if graph.Elements(shape) == 0 {
		return
	}
	index := make([]int, len(shape))
	var at [2]int
	for {
		visit(at)
		axis := len(shape) - 1
		for ; axis >= 0; axis-- {
			index[axis]++
			at[0] += strides[0][axis]
			at[1] += strides[1][axis]
			if index[axis] < shape[axis] {
				break
			}
			index[axis] = 0
			at[0] -= strides[0][axis] * shape[axis]
			at[1] -= strides[1][axis] * shape[axis]
		}
		if axis < 0 {
			return
		}
	}
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
