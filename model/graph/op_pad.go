package graph

import "fmt"

// Pad is a constant pad: Before and After, one entry an axis.
type Pad struct {
	Before, After []int
	Value         float32
}

// PadOf reads the canonical parameters of a Pad node.
func PadOf(n *Node) (Pad, error) {
	pads, err := n.Attrs.Ints("pads", nil)
	if err != nil {
		return Pad{}, err
	}
	value, err := n.Attrs.Float("value", 0)
	return Pad{pads[:len(pads)/2], pads[len(pads)/2:], value}, err
}

func inferPad(in *inference, n *Node) error {
	x, err := n.need(0)
	if err != nil {
		return err
	}
	if mode, err := n.Attrs.String("mode", "constant"); err != nil || mode != "constant" {
		return fmt.Errorf("mode %q is not supported", mode)
	}
	if n.Input(3) != nil {
		return fmt.Errorf("axes are not supported")
	}
	pads, err := in.intsFrom(n, "pads", 1)
	if err != nil {
		return err
	}
	if len(pads) != 2*len(x.Shape) {
		return fmt.Errorf("pads %v do not fit %s", pads, x.Dims())
	}
	value, err := n.Attrs.Float("value", 0)
	if err != nil {
		return err
	}
	if n.Input(2) != nil {
		if value, err = in.scalar(n, 2); err != nil {
			return err
		}
	}
	shape := make([]int, len(x.Shape))
	list := make([]int64, len(pads))
	for i, p := range pads {
		if p < 0 || p > maxWindow {
			return fmt.Errorf("pads %v must lie in 0…%d", pads, maxWindow)
		}
		list[i] = int64(p)
	}
	for i, d := range x.Shape {
		shape[i] = pads[i] + d + pads[i+len(shape)]
	}
	n.Attrs, n.Inputs = Attrs{"pads": list, "value": value}, n.Inputs[:1]
	return n.set(x.DType, shape...)
}
