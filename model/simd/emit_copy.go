package simd

import (
	"fmt"

	"hamster/model/simd/ir"
	"hamster/model/simd/kernel"
)

// copyTo copies src into the channels of dst's view from channel at on, its
// pixel (0, 0) to dst's pixel (y, x).
func copyTo(src, dst view, t *ir.Tensor, y, x, at int) kernel.Step {
	return kernel.Copy{
		In: src.pixel(0, 0), Out: dst.pixel(y, x) + uint32(4*at),
		Size:      [4]int{1, t.H, t.W, t.C},
		InStride:  [4]int{0, src.rowStride(), src.pixelStride(), 4},
		OutStride: [4]int{0, dst.rowStride(), dst.pixelStride(), 4},
	}
}

// newConcat serves the concatenations that were not placed, and copies.
func newConcat(_ *compiler, o *ir.Op) (emitter, error) {
	return plain(func(c *compiler) error {
		at, out := 0, c.view(o.Out[0])
		for i, t := range o.In {
			var s kernel.Step = copyTo(c.view(t), out, t, 0, 0, at)
			if i < len(o.In)-1 {
				s = kernel.Unordered{Step: s}
			}
			c.step(o, s)
			at += t.C
		}
		return nil
	}), nil
}

// newPad serves the pads that no convolution took up.
func newPad(_ *compiler, o *ir.Op) (emitter, error) {
	return plain(func(c *compiler) error {
		in, out, y := c.view(o.In[0]), c.view(o.Out[0]), o.Out[0]
		if out.at != 0 || out.c != y.C {
			// A slice of a concatenation has other tensors' channels beside it.
			zero := kernel.Copy{
				In: c.floats(make([]float32, y.C)), Out: out.pixel(0, 0),
				Size:      [4]int{1, y.H, y.W, y.C},
				InStride:  [4]int{0, 0, 0, 4},
				OutStride: [4]int{0, out.rowStride(), out.pixelStride(), 4},
			}
			c.step(o, zero)
		} else {
			c.step(o, kernel.FillStep{Out: reserved + uint32(out.offset), Count: out.size / 4})
		}
		c.step(o, copyTo(in, out, o.In[0], o.Pad[0], o.Pad[1], 0))
		return nil
	}), nil
}

// newFlatten writes an image in the order channels, rows, columns.
func newFlatten(_ *compiler, o *ir.Op) (emitter, error) {
	return plain(func(c *compiler) error {
		in, out, t := c.view(o.In[0]), c.view(o.Out[0]), o.In[0]
		c.step(o, kernel.Copy{
			In: in.pixel(0, 0), Out: out.pixel(0, 0),
			Size:      [4]int{t.C, t.H, t.W, 1},
			InStride:  [4]int{4, in.rowStride(), in.pixelStride(), 4},
			OutStride: [4]int{4 * t.H * t.W, 4 * t.W, 4, 4},
		})
		return nil
	}), nil
}

// maxSoftmaxRows bounds the steps of one softmax.
const maxSoftmaxRows = 1 << 12

func newSoftmax(_ *compiler, o *ir.Op) (emitter, error) {
	return plain(func(c *compiler) error {
		in, out, t := c.view(o.In[0]), c.view(o.Out[0]), o.In[0]
		h, w := t.H, t.W
		if !in.haloed() && !out.haloed() {
			h, w = 1, h*w // all pixels follow one another
		}
		if h > maxSoftmaxRows {
			return fmt.Errorf("of %d rows beside a border, at most %d are supported", h, maxSoftmaxRows)
		}
		for y := range h {
			var s kernel.Step = kernel.SoftmaxStep{
				In: in.pixel(y, 0), Out: out.pixel(y, 0), Rows: w, Length: t.C,
				InStride: in.pixelStride(), OutStride: out.pixelStride(),
			}
			if y < h-1 {
				s = kernel.Unordered{Step: s}
			}
			c.step(o, s)
		}
		return nil
	}), nil
}
