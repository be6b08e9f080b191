package graph

import (
	"errors"
	"fmt"

	"hamster/model/onnxfile"
)

// Dequantize is y = (x − zero point)·scale (ONNX DequantizeLinear-13). One scale
// serves Inner·… elements: element i belongs to scale (i/Inner) mod len(scales).
type Dequantize struct {
	Channels, Inner int
}

// DequantizeOf reads the parameters of a DequantizeLinear node.
func DequantizeOf(n *Node) (Dequantize, error) {
	x, scale := n.Input(0), n.Input(1)
	if x == nil || scale == nil {
		return Dequantize{}, fmt.Errorf("needs a tensor and its scale")
	}
	if x.DType != onnxfile.Uint8 && x.DType != onnxfile.Int8 && x.DType != onnxfile.Int32 {
		return Dequantize{}, fmt.Errorf("of %s is not supported", x.DType)
	}
	if scale.DType != onnxfile.Float32 {
		return Dequantize{}, fmt.Errorf("with a scale of %s is not supported", scale.DType)
	}
	if zero := n.Input(2); zero != nil && (zero.DType != x.DType || zero.Len() != scale.Len()) {
		return Dequantize{}, fmt.Errorf("zero point %s %s does not fit %s and scale %s", zero.DType, zero.Dims(), x.DType, scale.Dims())
	}
	if block, err := n.Attrs.Int("block_size", 0); err != nil || block != 0 {
		return Dequantize{}, errors.New("in blocks is not supported")
	}
	if scale.Len() == 1 {
		return Dequantize{Channels: 1, Inner: max(1, x.Len())}, nil
	}
	axis, err := n.Attrs.Int("axis", 1)
	if err != nil {
		return Dequantize{}, err
	}
	if axis, err = axisOf(axis, len(x.Shape)); err != nil {
		return Dequantize{}, err
	}
	if len(scale.Shape) != 1 || scale.Shape[0] != x.Shape[axis] {
		return Dequantize{}, fmt.Errorf("scale %s does not fit axis %d of %s", scale.Dims(), axis, x.Dims())
	}
	return Dequantize{Channels: scale.Shape[0], Inner: Elements(x.Shape[axis+1:])}, nil
}

func inferDequantize(_ *inference, n *Node) error {
	if _, err := DequantizeOf(n); err != nil {
		return err
	}
	return n.set(onnxfile.Float32, n.Inputs[0].Shape...)
}

// Dequantized returns the float32 values of a DequantizeLinear node all of whose
// inputs are constant.
func (g *Graph) Dequantized(n *Node) ([]float32, error) {
	d, err := DequantizeOf(n)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", n, err)
	}
	x, err := g.Float32s(n.Inputs[0])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", n, err)
	}
	scale, err := g.Float32s(n.Inputs[1])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", n, err)
	}
	zero := make([]float32, len(scale))
	if z := n.Input(2); z != nil {
		if zero, err = g.Float32s(z); err != nil {
			return nil, fmt.Errorf("%s: %w", n, err)
		}
	}
	for i := 0; i < len(x); i += d.Inner {
		c := i / d.Inner % d.Channels
		s, z := scale[c], zero[c]
		for k, q := range x[i : i+d.Inner] {
			x[i+k] = (q - z) * s
		}
	}
	return x, nil
}
