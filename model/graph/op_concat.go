package graph

import (
	"fmt"
	"slices"
)

// ConcatAxis is the axis of a Concat node, counted from the front.
func ConcatAxis(n *Node) (int, error) {
	x, err := n.need(0)
	if err != nil {
		return 0, err
	}
	axis, err := n.Attrs.Int("axis", 1)
	if err != nil {
		return 0, err
	}
	return axisOf(axis, len(x.Shape))
}

func inferConcat(in *inference, n *Node) error {
	axis, err := ConcatAxis(n)
	if err != nil {
		return err
	}
	if err := n.sameType(); err != nil {
		return err
	}
	shape := slices.Clone(n.Inputs[0].Shape)
	shape[axis] = 0
	fold := true
	for i := range n.Inputs {
		x, err := n.need(i)
		if err != nil {
			return err
		}
		if len(x.Shape) != len(shape) {
			return fmt.Errorf("%s beside %s", n.Inputs[0].Dims(), x.Dims())
		}
		for k, d := range x.Shape {
			if k != axis && d != shape[k] {
				return fmt.Errorf("%s beside %s on axis %d", n.Inputs[0].Dims(), x.Dims(), axis)
			}
		}
		shape[axis] += x.Shape[axis]
		fold = fold && foldable(x)
	}
	if fold && len(shape) == 1 {
		var all []int64
		for _, x := range n.Inputs {
			data, err := in.g.Int64s(x)
			if err != nil {
				return err
			}
			all = append(all, data...)
		}
		return n.fold(n.Inputs[0].DType, shape, all)
	}
	return n.set(n.Inputs[0].DType, shape...)
}
