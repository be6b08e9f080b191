package graph

import (
	"errors"
	"fmt"

	"hamster/model/onnxfile"
)

// reshape turns a node into the canonical Reshape: one input, the shape known
// from the output.
func (in *inference) reshape(n *Node, shape []int) error {
	x := n.Inputs[0]
	if n, err := checkedElements(shape); err != nil {
		return err
	} else if n != x.Len() {
		return fmt.Errorf("%s cannot become %s", x.Dims(), Dims(shape))
	}
	if foldable(x) {
		data, err := in.g.Int64s(x)
		if err != nil {
			return err
		}
		return n.fold(x.DType, shape, data)
	}
	n.Op, n.Attrs, n.Inputs = "Reshape", nil, n.Inputs[:1]
	return n.set(x.DType, shape...)
}

func inferReshape(in *inference, n *Node) error {
	x, err := n.need(0)
	if err != nil {
		return err
	}
	want, err := in.intsFrom(n, "shape", 1)
	if err != nil {
		return err
	}
	if _, given := n.Attrs["shape"]; !given && n.Input(1) == nil {
		return errors.New("has no shape")
	}
	allowZero, err := n.Attrs.Int("allowzero", 0)
	if err != nil {
		return err
	}
	shape, free, known := make([]int, len(want)), -1, 1
	for i, d := range want {
		switch {
		case d == -1 && free < 0:
			free = i
			continue
		case d == 0 && allowZero == 0:
			if i >= len(x.Shape) {
				return fmt.Errorf("dimension %d is copied from %s, which has none", i, x.Dims())
			}
			d = x.Shape[i]
		case d < 0:
			return fmt.Errorf("shape %v", want)
		}
		if known > 0 && d > onnxfile.MaxElements/known {
			return fmt.Errorf("shape %v is too large", want)
		}
		shape[i] = d
		known *= d
	}
	if free >= 0 {
		if known == 0 || x.Len()%known != 0 {
			return fmt.Errorf("%s cannot become %v", x.Dims(), want)
		}
		shape[free] = x.Len() / known
	}
	return in.reshape(n, shape)
}
