package ir

import (
	"fmt"

	"hamster/model/graph"
)

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
