package ir

import (
	"fmt"

	"hamster/model/graph"
)

// lowerGemm makes a 1×1 convolution on one pixel of a matrix product with
// constant weights.
func lowerGemm(l *lowerer, n *graph.Node) error {
	p, err := graph.GemmOf(n)
	if err != nil {
		return err
	}
	if p.TransA || p.M != 1 {
		return fmt.Errorf("of %d rows, transA=%t: only one row is supported", p.M, p.TransA)
	}
	bias := make([]float32, p.N)
	if c := n.Input(2); c != nil {
		b, err := l.floats(c)
		if err != nil {
			return fmt.Errorf("operand C: %w", err)
		}
		for i := range bias {
			bias[i] = p.Beta * b[i%len(b)]
		}
	}
	layout := IO
	if p.TransB {
		layout = OIHW
	}
	return l.product(n, layout, p.K, p.N, p.Alpha, bias)
}

func (l *lowerer) product(n *graph.Node, layout Layout, k, outputs int, alpha float32, bias []float32) error {
	x, err := l.in(n, 0)
	if err != nil {
		return err
	}
	w, err := l.weight(n.Inputs[1])
	if err != nil {
		return err
	}
	w.Layout, w.O, w.I = layout, outputs, k
	if err := w.spread(); err != nil {
		return err
	}
	for i := range w.Scale {
		w.Scale[i] *= alpha
	}
	one := [2]int{1, 1}
	return l.emit(n, Op{Kind: KindConv, In: []*Tensor{x}, Conv: &Conv{
		Window: graph.Window{Kernel: one, Stride: one, Dilation: one},
		Groups: 1, Weights: []Weight{w}, Bias: bias,
	}})
}
