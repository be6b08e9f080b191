package graph

import "fmt"

// inferGather serves the arithmetic on shapes: a list, indexed by constants.
func inferGather(in *inference, n *Node) error {
	x, idx := n.Input(0), n.Input(1)
	if !foldable(x) || !foldable(idx) || len(x.Shape) != 1 {
		return fmt.Errorf("is supported on lists of integers only, has %s and %s", rankOf(x), rankOf(idx))
	}
	if axis, err := n.Attrs.Int("axis", 0); err != nil {
		return err
	} else if _, err := axisOf(axis, 1); err != nil {
		return err
	}
	data, err := in.g.Int64s(x)
	if err != nil {
		return err
	}
	at, err := in.g.Int64s(idx)
	if err != nil {
		return err
	}
	out := make([]int64, len(at))
	for i, k := range at {
		if k < 0 {
			k += int64(len(data))
		}
		if k < 0 || k >= int64(len(data)) {
			return fmt.Errorf("index %d of %d", at[i], len(data))
		}
		out[i] = data[k]
	}
	return n.fold(x.DType, idx.Shape, out)
}
