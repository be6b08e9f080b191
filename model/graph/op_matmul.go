package graph

import "fmt"

// inferMatMul takes matrices, and stacks of matrices on the left (MatMul-13).
func inferMatMul(_ *inference, n *Node) error {
	a, b := n.Input(0), n.Input(1)
	if a == nil || b == nil || len(a.Shape) < 2 || len(b.Shape) != 2 {
		return fmt.Errorf("%s by %s is not supported", rankOf(a), rankOf(b))
	}
	if err := n.sameType(); err != nil {
		return err
	}
	last := len(a.Shape) - 1
	if a.Shape[last] != b.Shape[0] {
		return fmt.Errorf("%s and %s do not multiply", a.Dims(), b.Dims())
	}
	shape := append(append([]int(nil), a.Shape[:last]...), b.Shape[1])
	return n.set(a.DType, shape...)
}
