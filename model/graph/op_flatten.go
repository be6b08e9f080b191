package graph

import "fmt"

func inferFlatten(in *inference, n *Node) error {
	x, err := n.need(0)
	if err != nil {
		return err
	}
	axis, err := n.Attrs.Int("axis", 1)
	if err != nil {
		return err
	}
	if axis < 0 {
		axis += len(x.Shape)
	}
	if axis < 0 || axis > len(x.Shape) {
		return fmt.Errorf("axis %d of %s", axis, x.Dims())
	}
	return in.reshape(n, []int{Elements(x.Shape[:axis]), Elements(x.Shape[axis:])})
}
