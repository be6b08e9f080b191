package graph

import "fmt"

// PermOf is the permutation of a Transpose node.
func PermOf(n *Node) ([]int, error) {
	x, err := n.need(0)
	if err != nil {
		return nil, err
	}
	rank := len(x.Shape)
	reversed := make([]int, rank)
	for i := range reversed {
		reversed[i] = rank - 1 - i
	}
	perm, err := n.Attrs.Ints("perm", reversed)
	if err != nil {
		return nil, err
	}
	seen := make([]bool, rank)
	if len(perm) != rank {
		return nil, fmt.Errorf("perm %v does not permute %s", perm, x.Dims())
	}
	for _, p := range perm {
		if p < 0 || p >= rank || seen[p] {
			return nil, fmt.Errorf("perm %v does not permute %s", perm, x.Dims())
		}
		seen[p] = true
	}
	return perm, nil
}

func inferTranspose(_ *inference, n *Node) error {
	perm, err := PermOf(n)
	if err != nil {
		return err
	}
	x := n.Inputs[0]
	shape := make([]int, len(perm))
	for i, p := range perm {
		shape[i] = x.Shape[p]
	}
	return n.set(x.DType, shape...)
}
