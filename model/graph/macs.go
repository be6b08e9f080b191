package graph

// MACs is the number of multiply-accumulates that a node takes: those of
// convolutions and matrix products, which is what models are compared by. All
// other operators count as 0, and so does a bias.
func MACs(n *Node) int64 {
	if len(n.Outputs) == 0 || n.Outputs[0] == nil {
		return 0
	}
	out := int64(n.Outputs[0].Len())
	switch n.Op {
	case "Conv": // each output sums C/groups × kh × kw products
		return out * int64(Elements(n.Inputs[1].Shape[1:]))
	case "Gemm":
		g, err := GemmOf(n)
		if err != nil {
			return 0
		}
		return out * int64(g.K)
	case "MatMul":
		return out * int64(n.Inputs[1].Shape[0])
	}
	return 0
}
