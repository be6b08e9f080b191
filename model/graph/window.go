package graph

import (
	"fmt"
	"math"
)

// Window is what convolutions and pools share: a kernel that slides over the
// two spatial axes. Pad is top, left, bottom, right.
type Window struct {
	Kernel, Stride, Dilation [2]int
	Pad                      [4]int
	Ceil                     bool
}

const maxWindow = 1 << 15

// windowOf reads kernel, stride, dilation and pads, and resolves auto_pad for
// an input of h×w (ONNX Conv-11, MaxPool-12, AveragePool-11).
func windowOf(n *Node, kernel []int, h, w int) (Window, error) {
	var win Window
	kernel, err := n.Attrs.Ints("kernel_shape", kernel)
	if err != nil {
		return win, err
	}
	if len(kernel) != 2 {
		return win, fmt.Errorf("kernel of %d dimensions, only 2 are supported", len(kernel))
	}
	stride, err := n.Attrs.Ints("strides", []int{1, 1})
	if err != nil {
		return win, err
	}
	dilation, err := n.Attrs.Ints("dilations", []int{1, 1})
	if err != nil {
		return win, err
	}
	pads, err := n.Attrs.Ints("pads", []int{0, 0, 0, 0})
	if err != nil {
		return win, err
	}
	auto, err := n.Attrs.String("auto_pad", "NOTSET")
	if err != nil {
		return win, err
	}
	ceil, err := n.Attrs.Int("ceil_mode", 0)
	if err != nil {
		return win, err
	}
	if len(stride) != 2 || len(dilation) != 2 || len(pads) != 4 {
		return win, fmt.Errorf("strides %v, dilations %v, pads %v do not fit two spatial dimensions", stride, dilation, pads)
	}
	for i := range 2 {
		if kernel[i] < 1 || stride[i] < 1 || dilation[i] < 1 || kernel[i] > maxWindow || stride[i] > maxWindow || dilation[i] > maxWindow {
			return win, fmt.Errorf("kernel %v, strides %v, dilations %v must lie in 1…%d", kernel, stride, dilation, maxWindow)
		}
	}
	for _, p := range pads {
		if p < 0 || p > maxWindow {
			return win, fmt.Errorf("pads %v must lie in 0…%d", pads, maxWindow)
		}
	}
	win = Window{Kernel: [2]int(kernel), Stride: [2]int(stride), Dilation: [2]int(dilation), Pad: [4]int(pads), Ceil: ceil != 0}
	switch auto {
	case "NOTSET", "":
	case "VALID":
		win.Pad = [4]int{}
	case "SAME_UPPER", "SAME_LOWER":
		for i, in := range [2]int{h, w} {
			out := (in + stride[i] - 1) / stride[i]
			total := max(0, (out-1)*stride[i]+win.extent(i)-in)
			small, big := total/2, total-total/2
			if auto == "SAME_LOWER" {
				small, big = big, small
			}
			win.Pad[i], win.Pad[i+2] = small, big
		}
	default:
		return win, fmt.Errorf("auto_pad %q is unknown", auto)
	}
	return win, nil
}

// extent is the number of input pixels that the dilated kernel spans on an axis.
func (w Window) extent(axis int) int { return (w.Kernel[axis]-1)*w.Dilation[axis] + 1 }

// Out is the output size for an input of h×w pixels.
func (w Window) Out(h, wd int) (oh, ow int, err error) {
	var out [2]int
	for i, in := range [2]int{h, wd} {
		room := in + w.Pad[i] + w.Pad[i+2] - w.extent(i)
		if room < 0 {
			return 0, 0, fmt.Errorf("kernel %d×%d (dilated) is larger than the padded input %d×%d", w.extent(0), w.extent(1), h, wd)
		}
		steps := room / w.Stride[i]
		if w.Ceil && room%w.Stride[i] != 0 {
			steps++
			// A window that would start wholly in the trailing pad is dropped
			// (ONNX MaxPool-22, as in PyTorch and onnxruntime).
			if steps*w.Stride[i] >= in+w.Pad[i] {
				steps--
			}
		}
		out[i] = steps + 1
	}
	if out[0] > math.MaxInt32/max(1, out[1]) {
		return 0, 0, fmt.Errorf("output %d×%d is too large", out[0], out[1])
	}
	return out[0], out[1], nil
}
