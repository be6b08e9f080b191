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
