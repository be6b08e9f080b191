package graph

func inferUnary(_ *inference, n *Node) error {
	x, err := n.need(0)
	if err != nil {
		return err
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

// LeakyReluOf returns the slope for negative inputs.
func LeakyReluOf(n *Node) (alpha float32, err error) { return n.Attrs.Float("alpha", 0.01) }
