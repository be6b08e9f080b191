package kernel

import "hamster/model/simd/asm"

// Softmax is the kernel f32_softmax.
type Softmax struct{}

// SoftmaxStep makes each row exp(x − max)/Σ exp(x − max). In and Out may be the
// same. A NaN in a row makes the whole row NaN. One item is a row.
type SoftmaxStep struct {
	In, Out      uint32
	Rows, Length int
	InStride     int // bytes from row to row
	OutStride    int
}

// Kernel is Softmax.
func (SoftmaxStep) Kernel() Kernel { return Softmax{} }

// Items is the number of rows.
func (s SoftmaxStep) Items() int { return s.Rows }

// Words is the descriptor.
func (s SoftmaxStep) Words() []uint32 {
	return []uint32{s.In, s.Out, uint32(4 * s.Length), uint32(s.InStride), uint32(s.OutStride)}
}

// Name is f32_softmax_simd128.
func (Softmax) Name(Options) string { return "f32_softmax_simd128" }

func (Softmax) emit(e *emitter, name string) (*asm.Func, error) {
	exp := e.exp()
	f, desc, row, end := e.kernel(name)
	in, out, at := f.I32(), f.I32(), f.I32()
	bytes := f.LetI32(desc.LoadI32(8))
	top, sum := f.F32(), f.F32()
	best, total, x := f.V128(), f.V128(), f.V128()
	widths := []width{4, 1}
	f.While(row.LtS(end), func() {
		in.Set(desc.LoadI32(0).Add(row.Mul(desc.LoadI32(12))))
		out.Set(desc.LoadI32(4).Add(row.Mul(desc.LoadI32(16))))
		best.Set(asm.FloatsX4(-Inf))
		overChannels(f, at, bytes, widths, func(w width) {
			if w == 1 {
				best.Set(best.F32x4Max(in.Add(at).LoadSplat32(0)))
			} else {
				best.Set(best.F32x4Max(w.load(in.Add(at), 0)))
			}
		})
		top.Set(best.F32x4Lane(0).Max(best.F32x4Lane(1)).Max(best.F32x4Lane(2)).Max(best.F32x4Lane(3)))
		best.Set(top.Splat())
		total.Set(asm.FloatsX4(0))
		sum.Set(asm.Float(0))
		overChannels(f, at, bytes, widths, func(w width) {
			x.Set(exp.CallV128(w.load(in.Add(at), 0).F32x4Sub(best)))
			w.store(f, out.Add(at), 0, x)
			if w == 1 {
				sum.Set(sum.Add(x.F32x4Lane(0)))
			} else {
				total.Set(total.F32x4Add(x))
			}
		})
		sum.Set(sum.Add(total.F32x4Lane(0).Add(total.F32x4Lane(1)).Add(total.F32x4Lane(2).Add(total.F32x4Lane(3)))))
		total.Set(sum.Splat())
		overChannels(f, at, bytes, widths, func(w width) {
			w.store(f, out.Add(at), 0, w.load(out.Add(at), 0).F32x4Div(total))
		})
		row.Inc(1)
	})
	return f, nil
}
