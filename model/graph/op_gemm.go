package graph

import "fmt"

// Gemm is Y = Alpha·A'·B' + Beta·C (ONNX Gemm-13) with A' of M×K and B' of K×N.
type Gemm struct {
	Alpha, Beta    float32
	TransA, TransB bool
	M, K, N        int
}

// GemmOf reads the parameters of a Gemm node.
func GemmOf(n *Node) (Gemm, error) {
	var g Gemm
	a, b := n.Input(0), n.Input(1)
	if a == nil || b == nil || len(a.Shape) != 2 || len(b.Shape) != 2 {
		return g, fmt.Errorf("needs two matrices, has %s and %s", rankOf(a), rankOf(b))
	}
	err := n.sameType()
	if err != nil {
		return g, err
	}
	if g.Alpha, err = n.Attrs.Float("alpha", 1); err != nil {
		return g, err
	}
	if g.Beta, err = n.Attrs.Float("beta", 1); err != nil {
		return g, err
	}
	ta, err := n.Attrs.Int("transA", 0)
	if err != nil {
		return g, err
	}
	tb, err := n.Attrs.Int("transB", 0)
	if err != nil {
		return g, err
	}
	g.TransA, g.TransB = ta != 0, tb != 0
	g.M, g.K = a.Shape[0], a.Shape[1]
	if g.TransA {
		g.M, g.K = g.K, g.M
	}
	k, nn := b.Shape[0], b.Shape[1]
	if g.TransB {
		k, nn = nn, k
	}
	g.N = nn
	if k != g.K {
		return g, fmt.Errorf("%s and %s do not multiply (transA=%d, transB=%d)", a.Dims(), b.Dims(), ta, tb)
	}
	if c := n.Input(2); c != nil {
		if shape, err := broadcast(c.Shape, []int{g.M, g.N}); err != nil || len(shape) != 2 || shape[0] != g.M || shape[1] != g.N {
			return g, fmt.Errorf("operand C of %s does not fit %d×%d", c.Dims(), g.M, g.N)
		}
	}
	return g, nil
}

func inferGemm(_ *inference, n *Node) error {
	g, err := GemmOf(n)
	if err != nil {
		return err
	}
	return n.set(n.Inputs[0].DType, g.M, g.N)
}
