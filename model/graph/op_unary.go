package graph

import "fmt"

// inferUnary also refuses Gelu's other formula (Gelu-20): no backend has it.
func inferUnary(_ *inference, n *Node) error {
	x, err := n.need(0)
	if err != nil {
		return err
	}
	if n.Op == "Gelu" {
		if formula, err := n.Attrs.String("approximate", "none"); err != nil || formula != "none" {
			return fmt.Errorf("approximate %q is not supported", formula)
		}
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

// EluOf returns alpha of x < 0 ? alpha·(eˣ − 1) : x.
func EluOf(n *Node) (alpha float32, err error) { return n.Attrs.Float("alpha", 1) }

// LeakyReluOf returns the slope for negative inputs.
func LeakyReluOf(n *Node) (alpha float32, err error) { return n.Attrs.Float("alpha", 0.01) }
