package graph_test

import (
	"testing"

	"hamster/model/graph"
)

func TestMultiplyAccumulatesAreCounted(t *testing.T) {
	for _, c := range []struct {
		name   string
		x      []int
		consts tensors
		node   node
		want   int64
	}{
		{"a convolution", image, tensors{zeros("w", 5, 4, 3, 3)}, op("Conv", "x w", "y", nil), 5 * 6 * 4 * (4 * 3 * 3)},
		{"with strides", image, tensors{zeros("w", 5, 4, 1, 1)}, op("Conv", "x w", "y", attrs{"strides": []int{2, 2}}), 5 * 4 * 3 * 4},
		{"depthwise", image, tensors{zeros("w", 4, 1, 3, 3)}, op("Conv", "x w", "y", attrs{"group": 4}), 4 * 6 * 4 * 9},
		{"Gemm", []int{2, 3}, tensors{zeros("b", 4, 3), zeros("c", 4)}, op("Gemm", "x b c", "y", attrs{"transB": 1}), 2 * 3 * 4},
		{"Gemm, transposed", []int{3, 2}, tensors{zeros("b", 3, 4)}, op("Gemm", "x b", "y", attrs{"transA": 1}), 2 * 3 * 4},
		{"MatMul", []int{5, 2, 3}, tensors{zeros("b", 3, 4)}, op("MatMul", "x b", "y", nil), 5 * 2 * 3 * 4},
		{"anything else", image, nil, op("Relu", "x", "y", nil), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := graph.MACs(mustImport(t, c.x, c.consts, c.node).Nodes[0]); got != c.want {
				t.Errorf("%d, want %d", got, c.want)
			}
		})
	}
}
