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
