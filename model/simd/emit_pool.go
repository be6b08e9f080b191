package simd

import (
	"hamster/model/simd/ir"
	"hamster/model/simd/kernel"
)

func newPool(_ *compiler, o *ir.Op) (emitter, error) {
	act, a, b, err := activation(o.Act)
	if err != nil {
		return nil, err
	}
	kind := kernel.MaxPool
	if o.Kind == ir.KindAvgPool {
		kind = kernel.AveragePool
	}
	return plain(func(c *compiler) error {
		p, in, out := o.Pool, c.view(o.In[0]), c.view(o.Out[0])
		x, y := o.In[0], o.Out[0]
		s := kernel.PoolStep{
			Pool: kernel.Pool{Kind: kind, Bias: o.Bias != nil, Act: act},
			In:   in.pixel(0, 0), InRow: in.rowStride(), InPixel: in.pixelStride(),
			Height: x.H, Width: x.W,
			Out: out.pixel(0, 0), OutRow: out.rowStride(), OutPixel: out.pixelStride(),
			OutHeight: y.H, OutWidth: y.W, Channels: x.C,
			KernelY: p.Kernel[0], KernelX: p.Kernel[1],
			StrideY: p.Stride[0], StrideX: p.Stride[1],
			DilationY: p.Dilation[0], DilationX: p.Dilation[1],
			PadTop: p.Pad[0], PadLeft: p.Pad[1], PadBottom: p.Pad[2], PadRight: p.Pad[3],
			CountPad: p.CountPad,
			A:        a, B: b,
		}
		if o.Bias != nil {
			s.BiasAt = c.floats(o.Bias)
		}
		c.step(o, s)
		return nil
	}), nil
}

func newGlobalPool(_ *compiler, o *ir.Op) (emitter, error) {
	kind := kernel.MaxPool
	if o.Kind == ir.KindGlobalAvg {
		kind = kernel.AveragePool
	}
	return plain(func(c *compiler) error {
		in, out := c.view(o.In[0]), c.view(o.Out[0])
		c.step(o, kernel.GlobalPoolStep{
			GlobalPool: kernel.GlobalPool{Kind: kind},
			In:         in.pixel(0, 0), InRow: in.rowStride(), InPixel: in.pixelStride(),
			Height: o.In[0].H, Width: o.In[0].W, Channels: o.In[0].C,
			Out: out.pixel(0, 0),
		})
		return nil
	}), nil
}
