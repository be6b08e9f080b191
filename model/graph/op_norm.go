package graph

import "fmt"

// BatchNormEpsilon is the epsilon of a BatchNormalization node.
func BatchNormEpsilon(n *Node) (float32, error) { return n.Attrs.Float("epsilon", 1e-5) }

// inferBatchNorm takes the inference form (BatchNormalization-15): inputs are x,
// scale, bias, mean and variance, one element a channel.
func inferBatchNorm(_ *inference, n *Node) error {
	x, err := n.need(0)
	if err != nil {
		return err
	}
	if len(x.Shape) < 2 {
		return fmt.Errorf("needs channels, has %s", x.Dims())
	}
	if len(n.Inputs) != 5 {
		return fmt.Errorf("has %d inputs, needs 5", len(n.Inputs))
	}
	for i := 1; i < 5; i++ {
		p, err := n.need(i)
		if err != nil {
			return err
		}
		if len(p.Shape) != 1 || p.Shape[0] != x.Shape[1] {
			return fmt.Errorf("parameter %q is %s where %d channels go through", p.Name, p.Dims(), x.Shape[1])
		}
	}
	if err := n.sameType(); err != nil {
		return err
	}
	if mode, err := n.Attrs.Int("training_mode", 0); err != nil || mode != 0 {
		return fmt.Errorf("training mode is not supported")
	}
	if _, err := BatchNormEpsilon(n); err != nil {
		return err
	}
	return n.set(x.DType, x.Shape...)
}

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
