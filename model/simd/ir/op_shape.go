package ir

import (
	"fmt"
	"slices"

	"hamster/model/graph"
)

func lowerIdentity(l *lowerer, n *graph.Node) error {
	if l.isConst(n.Inputs[0]) {
		w, err := l.weight(n.Inputs[0])
		l.weights[n.Outputs[0]] = w
		return err
	}
	x, err := l.in(n, 0)
	if err != nil {
		return err
	}
	return l.emit(n, Op{Kind: KindIdentity, In: []*Tensor{x}})
}

// lowerReshape changes the name of a shape where the order of the elements in
// NHWC stays, and copies where it does not.
func lowerReshape(l *lowerer, n *graph.Node) error {
	if l.isConst(n.Inputs[0]) {
		return lowerIdentity(l, n)
	}
	x, err := l.in(n, 0)
	if err != nil {
		return err
	}
	out, err := shaped(n.Outputs[0].Name, n.Outputs[0].Shape)
	if err != nil {
		return err
	}
	switch {
	case out.C == x.C && out.H == x.H && out.W == x.W:
		return l.emit(n, Op{Kind: KindIdentity, In: []*Tensor{x}})
	case out.H*out.W == 1:
		return l.emit(n, Op{Kind: KindFlatten, In: []*Tensor{x}})
	}
	return fmt.Errorf("from %s to %s is not supported", n.Inputs[0].Dims(), n.Outputs[0].Dims())
}

func isTranspose(n *graph.Node, perm ...int) bool {
	if n.Op != "Transpose" {
		return false
	}
	p, err := graph.PermOf(n)
	return err == nil && slices.Equal(p, perm)
}

// lowerTranspose serves the one that leads from an NHWC input into the network.
func lowerTranspose(l *lowerer, n *graph.Node) error {
	x, err := l.in(n, 0)
	if err != nil {
		return err
	}
	if !isTranspose(n, 0, 3, 1, 2) || !l.dst.InputNHWC || !slices.Contains(l.dst.Inputs, x) {
		return fmt.Errorf("is supported from an input in NHWC only")
	}
	return l.emit(n, Op{Kind: KindIdentity, In: []*Tensor{x}})
}

func lowerConcat(l *lowerer, n *graph.Node) error {
	axis, err := graph.ConcatAxis(n)
	if err != nil {
		return err
	}
	if axis != 1 {
		return fmt.Errorf("along axis %d: only channels are supported", axis)
	}
	var in []*Tensor
	for i := range n.Inputs {
		x, err := l.in(n, i)
		if err != nil {
			return err
		}
		in = append(in, x)
	}
	return l.emit(n, Op{Kind: KindConcat, In: in})
}

func lowerPad(l *lowerer, n *graph.Node) error {
	p, err := graph.PadOf(n)
	if err != nil {
		return err
	}
	x, err := l.in(n, 0)
	if err != nil {
		return err
	}
	if len(p.Before) != 4 || p.Before[0]+p.Before[1]+p.After[0]+p.After[1] != 0 || p.Value != 0 {
		return fmt.Errorf("of %v and %v with %v: only zeros around height and width are supported", p.Before, p.After, p.Value)
	}
	return l.emit(n, Op{Kind: KindPad, In: []*Tensor{x}, Pad: [4]int{p.Before[2], p.Before[3], p.After[2], p.After[3]}})
}

func lowerSoftmax(l *lowerer, n *graph.Node) error {
	p, err := graph.SoftmaxOf(n)
	if err != nil {
		return err
	}
	x, err := l.in(n, 0)
	if err != nil {
		return err
	}
	if p.Outer != 1 || p.Axis != x.C || p.Inner != x.H*x.W {
		return fmt.Errorf("of %s is supported over the channels only", n.Inputs[0].Dims())
	}
	return l.emit(n, Op{Kind: KindSoftmax, In: []*Tensor{x}})
}
