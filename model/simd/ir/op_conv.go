package ir

import (
	"fmt"

	"hamster/model/graph"
)

func lowerConv(l *lowerer, n *graph.Node) error {
	p, err := graph.ConvOf(n)
	if err != nil {
		return err
	}
	x, err := l.in(n, 0)
	if err != nil {
		return err
	}
	w, err := l.weight(n.Inputs[1])
	if err != nil {
		return err
	}
	shape := n.Inputs[1].Shape
	w.Layout, w.O, w.I = OIHW, shape[0], shape[1]
	if err := w.spread(); err != nil {
		return err
	}
	bias := make([]float32, w.O)
	if b := n.Input(2); b != nil {
		if bias, err = l.floats(b); err != nil {
			return fmt.Errorf("bias: %w", err)
		}
	}
	return l.emit(n, Op{Kind: KindConv, In: []*Tensor{x}, Conv: &Conv{
		Window: p.Window, Groups: p.Groups, Weights: []Weight{w}, Bias: bias,
	}})
}

// spread gives every output channel its own scale and zero point.
func (w *Weight) spread() error {
	k := len(w.Scale)
	if k > 1 && (k != w.O || w.Layout == IO) {
		return fmt.Errorf("weights %q have %d scales that are not those of their %d outputs, which is not supported", w.Source.Name, k, w.O)
	}
	scale, zero := make([]float32, w.O), make([]float32, w.O)
	for i := range scale {
		scale[i] = 1
		if k > 0 {
			scale[i], zero[i] = w.Scale[i%k], w.Zero[i%k]
		}
	}
	w.Scale, w.Zero = scale, zero
	return nil
}

// lowerDequantize keeps a constant's map by reference; nothing is computed.
func lowerDequantize(l *lowerer, n *graph.Node) error {
	d, err := graph.DequantizeOf(n)
	if err != nil {
		return err
	}
	x := n.Inputs[0]
	if x.Const == nil {
		return fmt.Errorf("of an activation is not supported")
	}
	if d.Channels > 1 && d.Channels*d.Inner != x.Len() {
		return fmt.Errorf("along an axis other than the first is not supported")
	}
	scale, err := l.src.Float32s(n.Inputs[1])
	if err != nil {
		return err
	}
	zero := make([]float32, len(scale))
	if z := n.Input(2); z != nil {
		if zero, err = l.src.Float32s(z); err != nil {
			return err
		}
	}
	l.weights[n.Outputs[0]] = Weight{Source: x, Scale: scale, Zero: zero}
	return nil
}

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

func lowerMatMul(l *lowerer, n *graph.Node) error {
	a, b := n.Inputs[0], n.Inputs[1]
	if len(a.Shape) != 2 {
		return fmt.Errorf("of %s by %s is not supported: only a row by a matrix", a.Dims(), b.Dims())
	}
	return l.product(n, IO, b.Shape[0], b.Shape[1], 1, make([]float32, b.Shape[1]))
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
