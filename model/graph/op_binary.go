package graph

import (
	"fmt"
	"slices"
)

func inferBinary(in *inference, n *Node) error {
	a, err := n.need(0)
	if err != nil {
		return err
	}
	b, err := n.need(1)
	if err != nil {
		return err
	}
	if err := n.sameType(); err != nil {
		return err
	}
	if in.opset < 7 {
		if b, err = alignOperand(n, a, b); err != nil {
			return err
		}
	}
	shape, err := broadcast(a.Shape, b.Shape)
	if err != nil {
		return err
	}
	if foldable(a) && foldable(b) {
		return in.foldBinary(n, a, b, shape)
	}
	return n.set(a.DType, shape...)
}

// alignOperand brings the second operand of an older opset's operator, which
// lies along the axes from `axis` on, to the rank that lets it broadcast from the
// end. It must be a constant then: its bytes stay, its shape gets trailing ones.
func alignOperand(n *Node, a, b *Value) (*Value, error) {
	on, err := n.Attrs.Int("broadcast", 0)
	if err != nil {
		return nil, err
	}
	if on == 0 && !slices.Equal(a.Shape, b.Shape) {
		return nil, fmt.Errorf("%s and %s differ and broadcast is not set", a.Dims(), b.Dims())
	}
	_, given := n.Attrs["axis"]
	axis, err := n.Attrs.Int("axis", 0)
	if err != nil {
		return nil, err
	}
	n.Attrs = nil
	if on == 0 || !given || axis < 0 {
		return b, nil
	}
	ones := len(a.Shape) - axis - len(b.Shape)
	switch {
	case ones == 0:
		return b, nil
	case ones < 0:
		return nil, fmt.Errorf("%s does not lie along the axes of %s from %d on", b.Dims(), a.Dims(), axis)
	case b.Const == nil:
		return nil, fmt.Errorf("input %q must be a constant to lie along axis %d", b.Name, axis)
	}
	aligned := *b
	for range ones {
		aligned.Shape = append(slices.Clip(aligned.Shape), 1)
	}
	n.Inputs[1] = &aligned
	return &aligned, nil
}

// foldBinary computes on shapes: lists of integers and scalars.
func (in *inference) foldBinary(n *Node, a, b *Value, shape []int) error {
	if len(shape) > 1 {
		return fmt.Errorf("integer arithmetic on %s and %s is not supported", a.Dims(), b.Dims())
	}
	x, err := in.g.Int64s(a)
	if err != nil {
		return err
	}
	y, err := in.g.Int64s(b)
	if err != nil {
		return err
	}
	out := make([]int64, Elements(shape))
	for i := range out {
		p, q := x[i%len(x)], y[i%len(y)]
		switch n.Op {
		case "Add":
			out[i] = p + q
		case "Sub":
			out[i] = p - q
		case "Mul":
			out[i] = p * q
		case "Div":
			if q == 0 {
				return fmt.Errorf("division by zero")
			}
			out[i] = p / q
		}
	}
	return n.fold(a.DType, shape, out)
}
