package graph

import "fmt"

func inferSqueeze(in *inference, n *Node) error {
	x, err := n.need(0)
	if err != nil {
		return err
	}
	axes, err := in.axesOf(n, len(x.Shape))
	if err != nil {
		return err
	}
	shape := []int{}
	for i, d := range x.Shape {
		switch {
		case axes[i] && d != 1:
			return fmt.Errorf("axis %d of %s is not 1", i, x.Dims())
		case axes[i] || len(axes) == 0 && d == 1:
		default:
			shape = append(shape, d)
		}
	}
	return in.reshape(n, shape)
}
