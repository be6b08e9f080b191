package simd

import (
	"hamster/model/simd/ir"
	"hamster/model/simd/kernel"
)

// depthwiseConv convolves every channel with a window of its own.
type depthwiseConv struct{ o *ir.Op }

func newDepthwise(_ *compiler, o *ir.Op) (emitter, error) {
	_, _, _, err := activation(o.Act)
	return depthwiseConv{o}, err
}

func (d depthwiseConv) needs() (scratch, weights int) {
	k := d.o.Conv.Kernel
	return 0, 4 * k[0] * k[1] * round4(d.o.Out[0].C)
}

func (d depthwiseConv) emit(c *compiler, _ uint32) error {
	o, conv, t := d.o, d.o.Conv, d.o.Out[0]
	act, a, b, err := activation(o.Act)
	if err != nil {
		return err
	}
	from, stride, err := source(conv.Weights[0], conv.Kernel)
	if err != nil {
		return err
	}
	_, size := d.needs()
	weights := c.weights.take(size)
	c.packJob(conv.Weights[0], func(in, scale, zero uint32) kernel.Step {
		return kernel.PackStep{
			Pack: kernel.Pack{From: from}, In: in, Out: weights,
			Outputs: t.C, Inputs: 1, KernelY: conv.Kernel[0], KernelX: conv.Kernel[1],
			StrideO: stride[0], StrideI: stride[1], StrideY: stride[2], StrideX: stride[3],
			NR: round4(t.C), Scale: scale, Zero: zero,
		}
	})
	in, out := c.view(o.In[0]), c.view(t)
	c.step(o, kernel.DepthwiseStep{
		Depthwise: kernel.Depthwise{Act: act},
		In:        in.pixel(-conv.Pad[0], -conv.Pad[1]), InRow: in.rowStride(), InPixel: in.pixelStride(),
		Weights: weights, Bias: c.floats(pad4(conv.Bias)),
		Out: out.pixel(0, 0), OutRow: out.rowStride(), OutPixel: out.pixelStride(),
		OutHeight: t.H, OutWidth: t.W, Channels: t.C,
		KernelY: conv.Kernel[0], KernelX: conv.Kernel[1],
		StrideY: conv.Stride[0], StrideX: conv.Stride[1],
		DilationY: conv.Dilation[0], DilationX: conv.Dilation[1],
		A: a, B: b,
	})
	return nil
}
