package graph

import "fmt"

// ReduceOf returns the axes a ReduceMean node averages over, in order, and
// whether they stay as 1.
func ReduceOf(n *Node) (axes []int, keep bool, err error) {
	k, err := n.Attrs.Int("keepdims", 1)
	if err != nil {
		return nil, false, err
	}
	axes, err = n.Attrs.Ints("axes", nil)
	return axes, k != 0, err
}

func inferReduceMean(in *inference, n *Node) error {
	x, err := n.need(0)
	if err != nil {
		return err
	}
	set, err := in.axesOf(n, len(x.Shape))
	if err != nil {
		return err
	}
	keep, err := n.Attrs.Int("keepdims", 1)
	if err != nil {
		return err
	}
	if noop, err := n.Attrs.Int("noop_with_empty_axes", 0); err != nil || noop != 0 && len(set) == 0 {
		return fmt.Errorf("without axes is not supported")
	}
	var axes []int64
	shape := []int{}
	for i, d := range x.Shape {
		switch {
		case !set[i] && len(set) > 0:
			shape = append(shape, d)
		default:
			axes = append(axes, int64(i))
			if keep != 0 {
				shape = append(shape, 1)
			}
		}
	}
	n.Attrs, n.Inputs = Attrs{"axes": axes, "keepdims": int64(keep)}, n.Inputs[:1]
	return n.set(x.DType, shape...)
}
