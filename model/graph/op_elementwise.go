package graph

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"hamster/model/onnxfile"
)

func inferUnary(_ *inference, n *Node) error {
	x, err := n.need(0)
	if err != nil {
		return err
	}
	return n.set(x.DType, x.Shape...)
}

// inferIdentity serves Identity and, as inference has it, Dropout.
func inferIdentity(in *inference, n *Node) error {
	x, err := n.need(0)
	if err != nil {
		return err
	}
	if n.Op == "Dropout" && n.Input(2) != nil {
		training, err := in.ints(n, 2)
		if err != nil {
			return err
		}
		if len(training) != 1 || training[0] != 0 {
			return errors.New("training mode is not supported")
		}
	}
	n.Op, n.Attrs, n.Inputs = "Identity", nil, n.Inputs[:1]
	if err := n.set(x.DType, x.Shape...); err != nil {
		return err
	}
	n.Outputs[0].Const = x.Const
	return nil
}

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

// HardSigmoidOf returns alpha and beta of max(0, min(1, alpha·x + beta)).
func HardSigmoidOf(n *Node) (alpha, beta float32, err error) {
	if alpha, err = n.Attrs.Float("alpha", 0.2); err != nil {
		return 0, 0, err
	}
	beta, err = n.Attrs.Float("beta", 0.5)
	return alpha, beta, err
}

// LeakyReluOf returns the slope for negative inputs.
func LeakyReluOf(n *Node) (alpha float32, err error) { return n.Attrs.Float("alpha", 0.01) }

func inferCast(in *inference, n *Node) error {
	x, err := n.need(0)
	if err != nil {
		return err
	}
	to, err := n.Attrs.Int("to", 0)
	if err != nil {
		return err
	}
	dtype := onnxfile.DType(to)
	if foldable(x) && (dtype == onnxfile.Int64 || dtype == onnxfile.Int32) {
		data, err := in.g.Int64s(x)
		if err != nil {
			return err
		}
		return n.fold(dtype, x.Shape, data)
	}
	if dtype != x.DType {
		return fmt.Errorf("from %s to %s is not supported", x.DType, dtype)
	}
	return inferIdentity(in, n)
}
