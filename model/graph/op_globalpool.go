package graph

import "fmt"

func inferGlobalPool(_ *inference, n *Node) error {
	x := n.Input(0)
	if x == nil || len(x.Shape) != 4 {
		return fmt.Errorf("needs an input of rank 4, has %s", rankOf(x))
	}
	return n.set(x.DType, x.Shape[0], x.Shape[1], 1, 1)
}
