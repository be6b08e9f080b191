package graph

// inferIdentity serves what Dropout and Cast become too.
func inferIdentity(_ *inference, n *Node) error {
	x, err := n.need(0)
	if err != nil {
		return err
	}
	n.Op, n.Attrs, n.Inputs = "Identity", nil, n.Inputs[:1]
	if err := n.set(x.DType, x.Shape...); err != nil {
		return err
	}
	n.Outputs[0].Const = x.Const
	return nil
}
