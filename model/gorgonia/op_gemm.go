package gorgonia

import "hamster/model/graph"

func lowerGemm(c *compiler, n *graph.Node) (*step, error) {
	g, err := graph.GemmOf(n)
	if err != nil {
		return nil, err
	}
	m := matmul{m: g.M, k: g.K, n: g.N, transA: g.TransA, transB: g.TransB}
	s, err := m.lower(c, n)
	if err != nil || n.Input(2) == nil && g.Alpha == 1 {
		return s, err
	}
	multiply, addAt := s.do, -1
	strides := []int{0, 0}
	if add := n.Input(2); add != nil {
		addAt = len(s.inputs)
		s.inputs = append(s.inputs, add)
		strides = broadcastStrides(add.Shape, []int{g.M, g.N})
	}
	s.do = func(dst []float32, in [][]float32) {
		multiply(dst, in)
		for i := range dst {
			dst[i] *= g.Alpha
			if addAt >= 0 {
				dst[i] += g.Beta * in[addAt][i/g.N*strides[0]+i%g.N*strides[1]]
			}
		}
	}
	return s, nil
}
