package simd

import (
	"fmt"

	"hamster/model/simd/ir"
	"hamster/model/simd/kernel"
)

func newUnary(_ *compiler, o *ir.Op) (emitter, error) {
	act, a, b, err := activation(o.Act)
	if err != nil {
		return nil, err
	}
	return plain(func(c *compiler) error {
		in, out, t := c.view(o.In[0]), c.view(o.Out[0]), o.Out[0]
		c.step(o, kernel.UnaryStep{
			Unary: kernel.Unary{Act: act},
			In:    in.pixel(0, 0), InRow: in.rowStride(), InPixel: in.pixelStride(),
			Out: out.pixel(0, 0), OutRow: out.rowStride(), OutPixel: out.pixelStride(),
			Height: t.H, Width: t.W, Channels: t.C, A: a, B: b,
		})
		return nil
	}), nil
}

var binaryOps = map[ir.Kind]kernel.BinaryOp{
	ir.KindAdd: kernel.Add, ir.KindSub: kernel.Sub, ir.KindMul: kernel.Mul, ir.KindDiv: kernel.Div,
}

// newBinary combines two tensors of one shape, or one with a value a channel.
func newBinary(_ *compiler, o *ir.Op) (emitter, error) {
	op, ok := binaryOps[o.Kind]
	if !ok {
		return nil, fmt.Errorf("%s has no kernel", o.Kind)
	}
	act, a, b, err := activation(o.Act)
	if err != nil {
		return nil, err
	}
	return plain(func(c *compiler) error {
		x, y, out, t := c.view(o.In[0]), c.view(o.In[1]), c.view(o.Out[0]), o.Out[0]
		s := kernel.BinaryStep{
			Binary: kernel.Binary{Op: op, Act: act},
			X:      x.pixel(0, 0), XRow: x.rowStride(), XPixel: x.pixelStride(),
			Y: y.pixel(0, 0), YRow: y.rowStride(), YPixel: y.pixelStride(),
			Out: out.pixel(0, 0), OutRow: out.rowStride(), OutPixel: out.pixelStride(),
			Height: t.H, Width: t.W, Channels: t.C, A: a, B: b,
		}
		if v := o.In[1]; v.H*v.W == 1 && t.H*t.W > 1 {
			s.YRow, s.YPixel = 0, 0
		}
		c.step(o, s)
		return nil
	}), nil
}

// newAffine is a depthwise convolution with one tap.
func newAffine(_ *compiler, o *ir.Op) (emitter, error) {
	act, a, b, err := activation(o.Act)
	if err != nil {
		return nil, err
	}
	return plain(func(c *compiler) error {
		in, out, t := c.view(o.In[0]), c.view(o.Out[0]), o.Out[0]
		c.step(o, kernel.DepthwiseStep{
			Depthwise: kernel.Depthwise{Act: act},
			In:        in.pixel(0, 0), InRow: in.rowStride(), InPixel: in.pixelStride(),
			Weights: c.floats(pad4(o.Scale)), Bias: c.floats(pad4(o.Bias)),
			Out: out.pixel(0, 0), OutRow: out.rowStride(), OutPixel: out.pixelStride(),
			OutHeight: t.H, OutWidth: t.W, Channels: t.C,
			KernelY: 1, KernelX: 1, StrideY: 1, StrideX: 1,
			A: a, B: b,
		})
		return nil
	}), nil
}

// pad4 rounds a list up to whole vectors.
func pad4(x []float32) []float32 {
	return append(append([]float32(nil), x...), make([]float32, round4(len(x))-len(x))...)
}

func round4(n int) int { return (n + 3) &^ 3 }
