package graph

import "math"

// ClipOf returns the bounds of a Clip node; ±Inf where a bound is left out.
func ClipOf(n *Node) (lo, hi float32, err error) {
	if lo, err = n.Attrs.Float("min", float32(math.Inf(-1))); err != nil {
		return 0, 0, err
	}
	hi, err = n.Attrs.Float("max", float32(math.Inf(1)))
	return lo, hi, err
}

// inferClip moves the bounds, inputs since opset 11, into attributes.
func inferClip(in *inference, n *Node) error {
	x, err := n.need(0)
	if err != nil {
		return err
	}
	attrs := Attrs{}
	for i, name := range []string{1: "min", 2: "max"} {
		if i == 0 {
			continue
		}
		if n.Input(i) != nil {
			if attrs[name], err = in.scalar(n, i); err != nil {
				return err
			}
		} else if f, ok := n.Attrs[name]; ok {
			attrs[name] = f
		}
	}
	n.Attrs, n.Inputs = attrs, n.Inputs[:1]
	if _, _, err := ClipOf(n); err != nil {
		return err
	}
	return n.set(x.DType, x.Shape...)
}
