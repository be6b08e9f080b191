package ir

import (
	"math"

	"hamster/model/graph"
)

// lowerBatchNorm makes an Affine (Ioffe & Szegedy 2015; ONNX
// BatchNormalization-15): scale/√(variance + ε), bias − mean·that.
func lowerBatchNorm(l *lowerer, n *graph.Node) error {
	x, err := l.in(n, 0)
	if err != nil {
		return err
	}
	eps, err := graph.BatchNormEpsilon(n)
	if err != nil {
		return err
	}
	var p [5][]float32
	for i := 1; i < 5; i++ {
		if p[i], err = l.floats(n.Inputs[i]); err != nil {
			return err
		}
	}
	scale, bias := make([]float32, x.C), make([]float32, x.C)
	for c := range scale {
		s := float64(p[1][c]) / math.Sqrt(float64(p[4][c])+float64(eps))
		scale[c], bias[c] = float32(s), float32(float64(p[2][c])-float64(p[3][c])*s)
	}
	return l.emit(n, Op{Kind: KindAffine, In: []*Tensor{x}, Scale: scale, Bias: bias})
}
