package graph

// Softmax normalises Axis elements that lie Inner apart, Outer times.
type Softmax struct{ Outer, Axis, Inner int }

// SoftmaxOf reads the parameters of a Softmax node.
func SoftmaxOf(n *Node) (Softmax, error) {
	x, err := n.need(0)
	if err != nil {
		return Softmax{}, err
	}
	axis, err := n.Attrs.Int("axis", -1)
	if err != nil {
		return Softmax{}, err
	}
	if axis, err = axisOf(axis, len(x.Shape)); err != nil {
		return Softmax{}, err
	}
	s := Softmax{Elements(x.Shape[:axis]), x.Shape[axis], Elements(x.Shape[axis+1:])}
	if flat, err := n.Attrs.Int("flatten", 0); err != nil || flat != 0 {
		s.Axis, s.Inner = s.Axis*s.Inner, 1
	}
	return s, err
}

// inferSoftmax marks the semantics before opset 13, which flattens all axes from
// `axis` on, with the attribute `flatten`.
func inferSoftmax(in *inference, n *Node) error {
	x, err := n.need(0)
	if err != nil {
		return err
	}
	if in.opset < 13 {
		axis, err := n.Attrs.Int("axis", 1)
		if err != nil {
			return err
		}
		n.Attrs = Attrs{"axis": int64(axis), "flatten": int64(1)}
	}
	if _, err := SoftmaxOf(n); err != nil {
		return err
	}
	return n.set(x.DType, x.Shape...)
}
