package kernel

import (
	"hamster/model/simd/asm"
	"hamster/preprocess"
)

// The kernels here do what package preprocess does, bit for bit. Pictures are
// RGBA bytes, upright as they are stored. A resize is two filters, RowFilter for
// all rows that are needed and then ColumnFilter, and Normalise; lines are
// filtered, and rounded to bytes, first. A crop is in the pointers. Nearest
// neighbour is Gather and Normalise.

// splitBits is how many low bits of a weight the kernels treat apart, so that
// both parts fit the 16-bit factors of i32x4.dot_i16x8_s: the products and sums
// stay exact.
const splitBits = preprocess.Precision / 2

// FilterTable encodes a filter for RowFilter and ColumnFilter: for each output
// sample three words (first input sample, samples, byte offset of its weights
// from the table), then the weights.
func FilterTable(taps []preprocess.Taps, weights []int32) []int32 {
	table := make([]int32, 3*len(taps))
	for i, t := range taps {
		table[3*i], table[3*i+1], table[3*i+2] = t.First, t.Count, int32(4*len(table))
		w := weights[t.Offset:][:t.Count]
		at := func(k int) int32 {
			if k < len(w) {
				return w[k]
			}
			return 0
		}
		// Groups of four, each two pairs: high halves, low halves.
		for k := 0; k < len(w); k += 4 {
			for p := k; p < k+4; p += 2 {
				a, b := at(p), at(p+1)
				const low = 1<<splitBits - 1
				table = append(table, a>>splitBits|b>>splitBits<<16, a&low|b&low<<16)
			}
		}
	}
	return table
}

// RowFilterStep (kernel rgba_filter_rows) resizes lines of pixels along
// themselves. It reads, but does not use, up to 12 bytes past a line. One item is
// a line.
type RowFilterStep struct {
	In      uint32
	InLine  int // bytes from line to line
	Lines   int
	Out     uint32
	OutLine int
	Width   int    // output pixels in a line
	Table   uint32 // FilterTable
}

type rowFilter struct{}

// Kernel is rgba_filter_rows.
func (RowFilterStep) Kernel() Kernel { return rowFilter{} }

// Items is the number of lines.
func (s RowFilterStep) Items() int { return s.Lines }

// Words is the descriptor.
func (s RowFilterStep) Words() []uint32 {
	return []uint32{s.In, uint32(s.InLine), s.Out, uint32(s.OutLine), uint32(s.Width), s.Table}
}

func (rowFilter) Name(Options) string { return "rgba_filter_rows_simd128" }

// pairMask spreads the bytes of pixels p and p+1 to 16-bit lanes r r g g b b a
// a; an index with its top bit set gives 0.
func pairMask(p byte) asm.V128 {
	var m [16]byte
	for c := range byte(4) {
		m[4*c], m[4*c+1], m[4*c+2], m[4*c+3] = 4*p+c, 0x80, 4*p+4+c, 0x80
	}
	return asm.Bytes(m)
}

// roundSum is (half + high·2^splitBits + low) >> Precision, each lane.
func roundSum(high, low asm.V128Value) asm.V128 {
	return v(high).ShiftLeft32(asm.Int(splitBits)).I32x4Add(low).ShiftRight32S(asm.Int(preprocess.Precision))
}

func (rowFilter) emit(e *emitter, name string) (*asm.Func, error) {
	// One line is a function of its own, so that engines optimise it soon.
	line := e.m.Func(name + "_line")
	{
		f := line
		in, out, width, table := f.ParamI32(), f.ParamI32(), f.ParamI32(), f.ParamI32()
		p, w, wEnd, tap := f.I32(), f.I32(), f.I32(), f.I32()
		high, low, px, pair := f.V128(), f.V128(), f.V128(), f.V128()
		const half = 1 << (preprocess.Precision - 1)
		tap.Set(table.I32)
		tapEnd := f.LetI32(table.Add(width.Mul(asm.Int(12))))
		f.While(tap.LtU(tapEnd), func() {
			p.Set(in.Add(tap.LoadI32(0).MulConst(4)))
			w.Set(table.Add(tap.LoadI32(8)))
			wEnd.Set(w.Add(tap.LoadI32(4).AddConst(3).And(asm.Int(-4)).MulConst(4)))
			high.Set(asm.IntsX4(0, 0, 0, 0))
			low.Set(asm.IntsX4(half, half, half, half))
			f.While(w.LtU(wEnd), func() {
				px.Set(p.LoadV128(0))
				for k := range uint32(2) {
					pair.Set(px.Swizzle(pairMask(byte(2 * k))))
					high.Set(high.I32x4Add(pair.I32x4DotI16x8(w.LoadSplat32(8 * k))))
					low.Set(low.I32x4Add(pair.I32x4DotI16x8(w.LoadSplat32(8*k + 4))))
				}
				p.Inc(16)
				w.Inc(16)
			})
			high.Set(roundSum(high, low))
			high.Set(high.I16x8NarrowI32x4(high))
			f.StoreLane32(out, 0, high.I8x16NarrowI16x8U(high), 0)
			out.Inc(4)
			tap.Inc(12)
		})
	}
	f, desc, item, end := e.kernel(name)
	f.While(item.LtS(end), func() {
		f.Call(line, desc.LoadI32(0).Add(item.Mul(desc.LoadI32(4))), desc.LoadI32(8).Add(item.Mul(desc.LoadI32(12))),
			desc.LoadI32(16), desc.LoadI32(20))
		item.Inc(1)
	})
	return f, nil
}

// ColumnFilterStep (kernel rgba_filter_columns) resizes a picture across its
// lines: output line y is the weighted sum of whole input lines. One item is an
// output line.
type ColumnFilterStep struct {
	In      uint32
	InLine  int // bytes from line to line
	Out     uint32
	OutLine int
	Lines   int    // output lines
	Width   int    // pixels in a line
	Table   uint32 // FilterTable
	// First is subtracted from the table's first samples: the number of the
	// line at In.
	First int
}

type columnFilter struct{}

// Kernel is rgba_filter_columns.
func (ColumnFilterStep) Kernel() Kernel { return columnFilter{} }

// Items is the number of output lines.
func (s ColumnFilterStep) Items() int { return s.Lines }

// Words is the descriptor.
func (s ColumnFilterStep) Words() []uint32 {
	return []uint32{s.In, uint32(s.InLine), s.Out, uint32(s.OutLine), uint32(4 * s.Width), s.Table, uint32(s.First)}
}

func (columnFilter) Name(Options) string { return "rgba_filter_columns_simd128" }

func (columnFilter) emit(e *emitter, name string) (*asm.Func, error) {
	line := e.m.Func(name + "_line")
	{
		f := line
		in, stride, out, bytes, weights, count := f.ParamI32(), f.ParamI32(), f.ParamI32(), f.ParamI32(), f.ParamI32(), f.ParamI32()
		at, p, q, w, left := f.I32(), f.I32(), f.I32(), f.I32(), f.I32()
		a, b, high16, low16 := f.V128(), f.V128(), f.V128(), f.V128()
		high, low := f.V128s(4), f.V128s(4)
		const half = 1 << (preprocess.Precision - 1)
		interleave := func(from byte) asm.V128 {
			var lanes [16]byte
			for i := range byte(8) {
				lanes[2*i], lanes[2*i+1] = from+i, 16+from+i
			}
			return a.Shuffle(b, lanes)
		}
		overChannels(f, at, bytes, []width{4, 1}, func(wd width) {
			n := int(wd) // pixels, one accumulator pair each
			for i := range n {
				high[i].Set(asm.IntsX4(0, 0, 0, 0))
				low[i].Set(asm.IntsX4(half, half, half, half))
			}
			p.Set(in.Add(at))
			w.Set(weights.I32)
			left.Set(count.I32)
			f.While(left.GtS(asm.Int(0)), func() {
				// The odd line out is paired with itself; its weight is 0.
				q.Set(p.Add(left.GtS(asm.Int(1)).Select(stride, asm.Int(0))))
				a.Set(wd.load(p, 0))
				b.Set(wd.load(q, 0))
				high16.Set(w.LoadSplat32(0))
				low16.Set(w.LoadSplat32(4))
				sum := func(i int, pair asm.V128) {
					t := f.LetV128(pair)
					high[i].Set(high[i].I32x4Add(t.I32x4DotI16x8(high16)))
					low[i].Set(low[i].I32x4Add(t.I32x4DotI16x8(low16)))
				}
				for i := 0; i < n; i += 2 {
					pairs := f.LetV128(interleave(byte(4 * i)))
					sum(i, pairs.I16x8ExtendLowI8x16U())
					if i+1 < n {
						sum(i+1, pairs.I16x8ExtendHighI8x16U())
					}
				}
				p.Set(q.Add(stride))
				w.Inc(8)
				left.Inc(-2)
			})
			for i := range n {
				high[i].Set(roundSum(high[i], low[i]))
			}
			if n == 4 {
				f.StoreV128(out.Add(at), 0, high[0].I16x8NarrowI32x4(high[1]).I8x16NarrowI16x8U(high[2].I16x8NarrowI32x4(high[3])))
			} else {
				high[0].Set(high[0].I16x8NarrowI32x4(high[0]))
				f.StoreLane32(out.Add(at), 0, high[0].I8x16NarrowI16x8U(high[0]), 0)
			}
		})
	}
	f, desc, item, end := e.kernel(name)
	tap := f.I32()
	f.While(item.LtS(end), func() {
		tap.Set(desc.LoadI32(20).Add(item.Mul(asm.Int(12))))
		f.Call(line, desc.LoadI32(0).Add(tap.LoadI32(0).Sub(desc.LoadI32(24)).Mul(desc.LoadI32(4))), desc.LoadI32(4),
			desc.LoadI32(8).Add(item.Mul(desc.LoadI32(12))), desc.LoadI32(16),
			desc.LoadI32(20).Add(tap.LoadI32(8)), tap.LoadI32(4))
		item.Inc(1)
	})
	return f, nil
}

// Gather is the step (and kernel x32_gather) that picks words by row and
// column: Out + y·OutLine + 4x = In + Rows[y] + Columns[x], tables of byte
// offsets. One item is a row.
type Gather struct {
	In            uint32
	Out           uint32
	OutLine       int
	Height, Width int
	Rows, Columns uint32
}

type gatherKernel struct{}

// Kernel is x32_gather.
func (Gather) Kernel() Kernel { return gatherKernel{} }

// Items is the number of output rows.
func (s Gather) Items() int { return s.Height }

// Words is the descriptor.
func (s Gather) Words() []uint32 {
	return []uint32{s.In, s.Out, uint32(s.OutLine), uint32(4 * s.Width), s.Rows, s.Columns}
}

func (gatherKernel) Name(Options) string { return "x32_gather" }

func (gatherKernel) emit(e *emitter, name string) (*asm.Func, error) {
	f, desc, item, end := e.kernel(name)
	at, in, out := f.I32(), f.I32(), f.I32()
	columns, bytes := f.LetI32(desc.LoadI32(20)), f.LetI32(desc.LoadI32(12))
	f.While(item.LtS(end), func() {
		in.Set(desc.LoadI32(0).Add(desc.LoadI32(16).Add(item.MulConst(4)).LoadI32(0)))
		out.Set(desc.LoadI32(4).Add(item.Mul(desc.LoadI32(8))))
		at.Set(asm.Int(0))
		f.While(at.LtS(bytes), func() {
			f.StoreI32(out.Add(at), 0, in.Add(columns.Add(at).LoadI32(0)).LoadI32(0))
			at.Inc(4)
		})
		item.Inc(1)
	})
	return f, nil
}

// NormaliseStep (kernel rgba_normalise_f32) turns RGBA pixels to three floats
// each: byte / Scale + Offset, each step rounded. Scale and Offset are for red,
// green and blue; BGR swaps red and blue in the output. One item is a row.
type NormaliseStep struct {
	In                           uint32
	InLine                       int // bytes
	Height, Width                int
	Out                          uint32
	OutRow, OutPixel, OutChannel int // strides in bytes
	Scale, Offset                [3]float32
	BGR                          bool
}

type normalise struct{}

// Kernel is rgba_normalise_f32.
func (NormaliseStep) Kernel() Kernel { return normalise{} }

// Items is the number of rows.
func (s NormaliseStep) Items() int { return s.Height }

// Words is the descriptor.
func (s NormaliseStep) Words() []uint32 {
	// BGR begins at the last channel and goes back.
	first, step := s.Out, s.OutChannel
	if s.BGR {
		first, step = s.Out+uint32(2*s.OutChannel), -s.OutChannel
	}
	return []uint32{
		s.In, uint32(s.InLine), uint32(4 * s.Width), first, uint32(s.OutRow), uint32(s.OutPixel), uint32(step), 0,
		bits(s.Scale[0]), bits(s.Scale[1]), bits(s.Scale[2]), bits(1),
		bits(s.Offset[0]), bits(s.Offset[1]), bits(s.Offset[2]), 0,
	}
}

func (normalise) Name(Options) string { return "rgba_normalise_f32_simd128" }

func (normalise) emit(e *emitter, name string) (*asm.Func, error) {
	f, desc, item, end := e.kernel(name)
	in, inEnd, out, p := f.I32(), f.I32(), f.I32(), f.I32()
	pixel, channel := f.LetI32(desc.LoadI32(20)), f.LetI32(desc.LoadI32(24))
	scale, offset, x := f.LetV128(desc.LoadV128(32)), f.LetV128(desc.LoadV128(48)), f.V128()
	f.While(item.LtS(end), func() {
		in.Set(desc.LoadI32(0).Add(item.Mul(desc.LoadI32(4))))
		inEnd.Set(in.Add(desc.LoadI32(8)))
		out.Set(desc.LoadI32(12).Add(item.Mul(desc.LoadI32(16))))
		f.While(in.LtU(inEnd), func() {
			x.Set(in.LoadZero32(0).I16x8ExtendLowI8x16U().I32x4ExtendLowI16x8U().F32x4ConvertI32x4())
			x.Set(x.F32x4Div(scale).F32x4Add(offset))
			p.Set(out.I32)
			for c := range byte(3) {
				if c > 0 {
					p.Set(p.Add(channel))
				}
				f.StoreLane32(p, 0, x, c)
			}
			in.Inc(4)
			out.Set(out.Add(pixel))
		})
		item.Inc(1)
	})
	return f, nil
}
