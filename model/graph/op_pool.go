package graph

import "fmt"

// Pool is a two-dimensional pool (ONNX MaxPool-12, AveragePool-11) over
// N×C×H×W. CountPad divides an average by the whole kernel, its padding
// included; a window that Ceil lets run past the padding counts only up to it.
type Pool struct {
	Window
	CountPad bool
}

// PoolOf reads the parameters of a MaxPool or AveragePool node.
func PoolOf(n *Node) (Pool, error) {
	x := n.Input(0)
	if x == nil || len(x.Shape) != 4 {
		return Pool{}, fmt.Errorf("needs an input of rank 4, has %s", rankOf(x))
	}
	win, err := windowOf(n, nil, x.Shape[2], x.Shape[3])
	if err != nil {
		return Pool{}, err
	}
	count, err := n.Attrs.Int("count_include_pad", 0)
	if err != nil {
		return Pool{}, err
	}
	for i := range 4 {
		if win.Pad[i] >= win.extent(i%2) {
			return Pool{}, fmt.Errorf("pads %v are not smaller than the kernel %v", win.Pad, win.Kernel)
		}
	}
	return Pool{Window: win, CountPad: count != 0}, nil
}

func inferPool(_ *inference, n *Node) error {
	p, err := PoolOf(n)
	if err != nil {
		return err
	}
	x := n.Inputs[0]
	oh, ow, err := p.Out(x.Shape[2], x.Shape[3])
	if err != nil {
		return err
	}
	return n.set(x.DType, x.Shape[0], x.Shape[1], oh, ow)
}
