package ir

import (
	"fmt"

	"hamster/model/graph"
)

// lowerDequantize keeps a constant's map by reference; nothing is computed.
func lowerDequantize(l *lowerer, n *graph.Node) error {
	d, err := graph.DequantizeOf(n)
	if err != nil {
		return err
	}
	x := n.Inputs[0]
	if x.Const == nil {
		return fmt.Errorf("of an activation is not supported")
	}
	if d.Channels > 1 && d.Channels*d.Inner != x.Len() {
		return fmt.Errorf("along an axis other than the first is not supported")
	}
	scale, err := l.src.Float32s(n.Inputs[1])
	if err != nil {
		return err
	}
	zero := make([]float32, len(scale))
	if z := n.Input(2); z != nil {
		if zero, err = l.src.Float32s(z); err != nil {
			return err
		}
	}
	l.weights[n.Outputs[0]] = Weight{Source: x, Scale: scale, Zero: zero}
	return nil
}
