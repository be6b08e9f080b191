package graph

import (
	"errors"
	"fmt"
	"slices"
)

// Slice is a slice with positive steps, one entry an axis of the input.
type Slice struct{ Start, Step []int }

// SliceOf reads the canonical parameters of a Slice node.
func SliceOf(n *Node) (Slice, error) {
	start, err := n.Attrs.Ints("starts", nil)
	if err != nil {
		return Slice{}, err
	}
	step, err := n.Attrs.Ints("steps", nil)
	return Slice{start, step}, err
}

// inferSlice resolves starts, ends, axes and steps (Slice-13; attributes before
// opset 10) into starts and steps for every axis.
func inferSlice(in *inference, n *Node) error {
	x, err := n.need(0)
	if err != nil {
		return err
	}
	starts, err := in.intsFrom(n, "starts", 1)
	if err != nil {
		return err
	}
	ends, err := in.intsFrom(n, "ends", 2)
	if err != nil {
		return err
	}
	axes, err := in.intsFrom(n, "axes", 3)
	if err != nil {
		return err
	}
	steps, err := in.intsFrom(n, "steps", 4)
	if err != nil {
		return err
	}
	if axes == nil {
		for i := range starts {
			axes = append(axes, i)
		}
	}
	if len(ends) != len(starts) || len(axes) != len(starts) || steps != nil && len(steps) != len(starts) {
		return fmt.Errorf("starts %v, ends %v, axes %v, steps %v differ in length", starts, ends, axes, steps)
	}
	if len(starts) == 0 {
		return errors.New("has no starts")
	}
	shape := slices.Clone(x.Shape)
	first, step := make([]int64, len(shape)), make([]int64, len(shape))
	seen := make([]bool, len(shape))
	for i := range step {
		step[i] = 1
	}
	for i, a := range axes {
		a, err := axisOf(a, len(shape))
		if err != nil {
			return err
		}
		if seen[a] {
			return fmt.Errorf("axis %d is named twice", a)
		}
		seen[a] = true
		s := 1
		if steps != nil {
			s = steps[i]
		}
		if s < 1 {
			return fmt.Errorf("step %d is not supported", s)
		}
		d := x.Shape[a]
		from, to := starts[i], ends[i]
		if from < 0 {
			from += d
		}
		if to < 0 {
			to += d
		}
		from, to = min(max(from, 0), d), min(max(to, 0), d)
		shape[a] = (max(0, to-from) + s - 1) / s
		first[a], step[a] = int64(from), int64(s)
	}
	if foldable(x) && len(shape) == 1 {
		data, err := in.g.Int64s(x)
		if err != nil {
			return err
		}
		out := make([]int64, shape[0])
		for i := range out {
			out[i] = data[int(first[0])+i*int(step[0])]
		}
		return n.fold(x.DType, shape, out)
	}
	n.Attrs, n.Inputs = Attrs{"starts": first, "steps": step}, n.Inputs[:1]
	return n.set(x.DType, shape...)
}
