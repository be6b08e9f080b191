package graph

import "fmt"

// Conv is a two-dimensional convolution (ONNX Conv-11): input N×C×H×W, weights
// M×C/Groups×kh×kw, optional bias M.
type Conv struct {
	Window
	Groups int
}

// ConvOf reads the parameters of a Conv node.
func ConvOf(n *Node) (Conv, error) {
	x, w := n.Input(0), n.Input(1)
	if x == nil || w == nil || len(x.Shape) != 4 || len(w.Shape) != 4 {
		return Conv{}, fmt.Errorf("needs an input and weights of rank 4, has %s and %s", rankOf(x), rankOf(w))
	}
	if err := n.sameType(); err != nil {
		return Conv{}, err
	}
	groups, err := n.Attrs.Int("group", 1)
	if err != nil {
		return Conv{}, err
	}
	win, err := windowOf(n, w.Shape[2:], x.Shape[2], x.Shape[3])
	if err != nil {
		return Conv{}, err
	}
	c := Conv{Window: win, Groups: groups}
	if groups < 1 || x.Shape[1]%groups != 0 || w.Shape[0]%groups != 0 {
		return c, fmt.Errorf("%d groups do not divide %d input and %d output channels", groups, x.Shape[1], w.Shape[0])
	}
	if x.Shape[1] != w.Shape[1]*groups {
		return c, fmt.Errorf("weights %s want %d input channels, the input %s has %d", w.Dims(), w.Shape[1]*groups, x.Dims(), x.Shape[1])
	}
	if w.Shape[2] != win.Kernel[0] || w.Shape[3] != win.Kernel[1] {
		return c, fmt.Errorf("kernel_shape %v differs from the weights %s", win.Kernel, w.Dims())
	}
	if b := n.Input(2); b != nil && (len(b.Shape) != 1 || b.Shape[0] != w.Shape[0]) {
		return c, fmt.Errorf("bias %s where %d channels go out", b.Dims(), w.Shape[0])
	}
	return c, nil
}

func inferConv(_ *inference, n *Node) error {
	c, err := ConvOf(n)
	if err != nil {
		return err
	}
	x, w := n.Inputs[0], n.Inputs[1]
	oh, ow, err := c.Out(x.Shape[2], x.Shape[3])
	if err != nil {
		return err
	}
	return n.set(x.DType, x.Shape[0], w.Shape[0], oh, ow)
}
