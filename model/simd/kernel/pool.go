package kernel

import "hamster/model/simd/asm"

// PoolKind says how a window becomes one number.
type PoolKind uint8

// The kinds of pooling.
const (
	MaxPool     PoolKind = iota // NaN in the window is ignored; nothing but NaN gives −Inf
	AveragePool                 // sums in window order, divided by the number of taps
)

func (k PoolKind) String() string {
	if k == MaxPool {
		return "maxpool"
	}
	return "avgpool"
}

// Pool is the kernel f32_maxpool_nhwc or f32_avgpool_nhwc.
type Pool struct {
	Kind PoolKind
	Bias bool // add a bias per channel before the activation
	Act  Activation
}

// PoolStep pools windows clamped to the tensor; it reads no halo. One item is
// one row of output.
type PoolStep struct {
	Pool
	In                   uint32
	InRow, InPixel       int // strides in bytes
	Height, Width        int
	Out                  uint32
	OutRow, OutPixel     int
	OutHeight, OutWidth  int
	Channels             int
	KernelY, KernelX     int
	StrideY, StrideX     int
	DilationY, DilationX int
	PadTop, PadLeft      int
	PadBottom, PadRight  int    // count only for CountPad
	CountPad             bool   // average: taps in the padding count (count_include_pad)
	BiasAt               uint32 // float32 per channel, where Pool.Bias
	A, B                 float32
}

const (
	poolIn = 4 * iota
	poolInRow
	poolInPixel
	poolHeight
	poolWidth
	poolOut
	poolOutRow
	poolOutPixel
	poolOutWidth
	poolChannels
	poolKernelY
	poolKernelX
	poolStrideY
	poolStrideX
	poolDilationY
	poolDilationX
	poolPadTop
	poolPadLeft
	poolCountBottom // height + bottom padding where padding counts, else 0
	poolCountRight
	poolBias
	poolA
	poolB
)

// Kernel is the step's Pool.
func (s PoolStep) Kernel() Kernel { return s.Pool }

// Items is the number of output rows.
func (s PoolStep) Items() int { return s.OutHeight }

// Words is the descriptor.
func (s PoolStep) Words() []uint32 {
	w := []int{
		s.InRow, s.InPixel, s.Height, s.Width, int(s.Out), s.OutRow, s.OutPixel, s.OutWidth, 4 * s.Channels,
		s.KernelY, s.KernelX, s.StrideY, s.StrideX, max(s.DilationY, 1), max(s.DilationX, 1), s.PadTop, s.PadLeft, 0, 0, int(s.BiasAt),
	}
	if s.CountPad {
		w[17], w[18] = s.Height+s.PadBottom, s.Width+s.PadRight
	}
	words := []uint32{s.In}
	for _, x := range w {
		words = append(words, uint32(x))
	}
	return append(words, bits(s.A), bits(s.B))
}

// Name is, for instance, f32_avgpool_nhwc_simd128_bias_minmax.
func (p Pool) Name(Options) string {
	name := "f32_" + p.Kind.String() + "_nhwc_simd128"
	if p.Bias {
		name += "_bias"
	}
	return name + p.Act.suffix()
}

// axis is one dimension of a window clamped to the tensor.
type axis struct {
	at        asm.LocalI32 // position of the first tap, perhaps negative
	low, high asm.LocalI32 // the taps that lie inside
	counted   asm.LocalI32 // the taps that the average divides by
}

// clamp emits the clamping of taps at, at + dilation, … to 0 ≤ position < size.
func clamp(f *asm.Func, a axis, taps, dilation, size, count asm.I32) {
	zero := asm.Int(0)
	// ⌈−at / dilation⌉ taps lie before the tensor.
	a.low.Set(a.at.LtS(zero).Select(zero.Sub(a.at).Add(dilation).AddConst(-1).DivS(dilation), zero))
	below := func(limit asm.I32, high asm.LocalI32) {
		high.Set(limit.Sub(a.at).Add(dilation).AddConst(-1))
		high.Set(high.GtS(zero).Select(high.DivS(dilation), zero))
		high.Set(high.LtS(taps).Select(high, taps))
	}
	below(size, a.high)
	f.If(count, func() { below(count, a.counted) }, func() { a.counted.Set(a.high.Sub(a.low)) })
}

func (p Pool) emit(e *emitter, name string) (*asm.Func, error) {
	f, desc, oy, end := e.kernel(name)
	load := func(offset uint32) asm.I32 { return desc.LoadI32(offset) }
	newAxis := func() axis { return axis{f.I32(), f.I32(), f.I32(), f.I32()} }
	y, x := newAxis(), newAxis()
	ox, out, at, ky, kx, row, q := f.I32(), f.I32(), f.I32(), f.I32(), f.I32(), f.I32(), f.I32()
	stepY := f.LetI32(load(poolDilationY).Mul(load(poolInRow)))
	stepX := f.LetI32(load(poolDilationX).Mul(load(poolInPixel)))
	acc := f.V128s(4)
	count := f.V128()
	act, err := p.Act.begin(e, f, desc, poolA)
	if err != nil {
		return nil, err
	}
	bytes := f.LetI32(load(poolChannels))
	pixel := func() {
		// row points at the first valid tap.
		row.Set(load(poolIn).Add(y.at.Mul(load(poolInRow))).Add(y.low.Mul(stepY)).Add(x.at.Mul(load(poolInPixel))).Add(x.low.Mul(stepX)))
		if p.Kind == AveragePool {
			count.Set(y.counted.Mul(x.counted).ToF32().Splat())
		}
		first := f.LetI32(row.I32)
		overChannels(f, at, bytes, []width{16, 4, 1}, func(w width) {
			n := w.vectors()
			for i := range n {
				if p.Kind == MaxPool {
					acc[i].Set(asm.FloatsX4(-Inf))
				} else {
					acc[i].Set(asm.FloatsX4(0))
				}
			}
			row.Set(first.Add(at))
			each(f, ky, y.low, y.high, func() {
				q.Set(row.I32)
				each(f, kx, x.low, x.high, func() {
					for i := range n {
						tap := w.load(q, uint32(16*i))
						if p.Kind == MaxPool {
							acc[i].Set(acc[i].F32x4PMax(tap))
						} else {
							acc[i].Set(acc[i].F32x4Add(tap))
						}
					}
					q.Set(q.Add(stepX))
				})
				row.Set(row.Add(stepY))
			})
			for i := range n {
				if p.Kind == AveragePool {
					acc[i].Set(acc[i].F32x4Div(count))
				}
				if p.Bias {
					acc[i].Set(acc[i].F32x4Add(w.load(load(poolBias).Add(at), uint32(16*i))))
				}
				w.store(f, out.Add(at), uint32(16*i), act(acc[i]))
			}
		})
	}
	f.While(oy.LtS(end), func() {
		y.at.Set(oy.Mul(load(poolStrideY)).Sub(load(poolPadTop)))
		clamp(f, y, load(poolKernelY), load(poolDilationY), load(poolHeight), load(poolCountBottom))
		out.Set(load(poolOut).Add(oy.Mul(load(poolOutRow))))
		each(f, ox, asm.Int(0), load(poolOutWidth), func() {
			x.at.Set(ox.Mul(load(poolStrideX)).Sub(load(poolPadLeft)))
			clamp(f, x, load(poolKernelX), load(poolDilationX), load(poolWidth), load(poolCountRight))
			pixel()
			out.Set(out.Add(load(poolOutPixel)))
		})
		oy.Inc(1)
	})
	return f, nil
}

// GlobalPool is the kernel f32_globalavgpool_nhwc or f32_globalmaxpool_nhwc.
type GlobalPool struct {
	Kind PoolKind
}

// GlobalPoolStep pools a whole tensor to one float per channel. One item is 16
// channels.
type GlobalPoolStep struct {
	GlobalPool
	In             uint32
	InRow, InPixel int
	Height, Width  int
	Channels       int
	Out            uint32
}

// Kernel is the step's GlobalPool.
func (s GlobalPoolStep) Kernel() Kernel { return s.GlobalPool }

// Items is one per 16 channels.
func (s GlobalPoolStep) Items() int { return ceilDiv(s.Channels, 16) }

// Words is the descriptor.
func (s GlobalPoolStep) Words() []uint32 {
	return []uint32{s.In, uint32(s.InRow), uint32(s.InPixel), uint32(s.Height), uint32(s.Width), uint32(4 * s.Channels), s.Out}
}

// Name is, for instance, f32_globalavgpool_nhwc_simd128.
func (p GlobalPool) Name(Options) string { return "f32_global" + p.Kind.String() + "_nhwc_simd128" }

func (p GlobalPool) emit(e *emitter, name string) (*asm.Func, error) {
	f, desc, begin, end := e.kernel(name)
	at, y, x, row, q := f.I32(), f.I32(), f.I32(), f.I32(), f.I32()
	first := f.LetI32(begin.MulConst(64))
	last := f.LetI32(end.MulConst(64))
	bytes := f.LetI32(desc.LoadI32(20))
	last.Set(last.MinS(bytes))
	height, widthPx := f.LetI32(desc.LoadI32(12)), f.LetI32(desc.LoadI32(16))
	pixel := f.LetI32(desc.LoadI32(8))
	count := f.LetV128(height.Mul(widthPx).ToF32().Splat())
	acc := f.V128s(4)
	overChannels(f, at, last.Sub(first), []width{16, 4, 1}, func(w width) {
		n := w.vectors()
		for i := range n {
			if p.Kind == MaxPool {
				acc[i].Set(asm.FloatsX4(-Inf))
			} else {
				acc[i].Set(asm.FloatsX4(0))
			}
		}
		row.Set(desc.LoadI32(0).Add(first).Add(at))
		each(f, y, asm.Int(0), height, func() {
			q.Set(row.I32)
			each(f, x, asm.Int(0), widthPx, func() {
				for i := range n {
					tap := w.load(q, uint32(16*i))
					if p.Kind == MaxPool {
						acc[i].Set(acc[i].F32x4PMax(tap))
					} else {
						acc[i].Set(acc[i].F32x4Add(tap))
					}
				}
				q.Set(q.Add(pixel))
			})
			row.Set(row.Add(desc.LoadI32(4)))
		})
		for i := range n {
			if p.Kind == AveragePool {
				acc[i].Set(acc[i].F32x4Div(count))
			}
			w.store(f, desc.LoadI32(24).Add(first).Add(at), uint32(16*i), acc[i])
		}
	})
	return f, nil
}
