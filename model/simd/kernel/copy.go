package kernel

import "hamster/model/simd/asm"

// Fill is the kernel x32_fill: sets 32-bit words.
type Fill struct{}

// FillStep sets Count words at Out to Value. One item is 4096 words.
type FillStep struct {
	Out   uint32
	Count int
	Value uint32
}

const fillBlock = 4096

// Kernel is Fill.
func (FillStep) Kernel() Kernel { return Fill{} }

// Items is one per 4096 words.
func (s FillStep) Items() int { return ceilDiv(s.Count, fillBlock) }

// Words is the descriptor.
func (s FillStep) Words() []uint32 { return []uint32{s.Out, uint32(s.Count), s.Value} }

// Name is x32_fill.
func (Fill) Name(Options) string { return "x32_fill" }

func (Fill) emit(e *emitter, name string) (*asm.Func, error) {
	f, desc, begin, end := e.kernel(name)
	p := f.LetI32(desc.LoadI32(0).Add(begin.MulConst(4 * fillBlock)))
	count := f.LetI32(desc.LoadI32(4))
	last := f.LetI32(end.MulConst(fillBlock))
	last.Set(desc.LoadI32(0).Add(last.MinS(count).MulConst(4)))
	value := f.LetV128(desc.LoadSplat32(8))
	f.While(p.AddConst(16).LeU(last), func() {
		f.StoreV128(p, 0, value)
		p.Inc(16)
	})
	f.While(p.LtU(last), func() {
		f.StoreLane32(p, 0, value, 0)
		p.Inc(4)
	})
	return f, nil
}

// Halo is the step (and kernel x8_halo) that zeroes the border of a tensor: of
// Rows rows of RowBytes from Base, the first Top and last Bottom rows wholly
// and, of the others, the first Left and last Right bytes. One item is a row.
type Halo struct {
	Base                     uint32 // the border's first byte
	Rows, RowBytes           int
	Top, Bottom, Left, Right int // Left and Right in bytes
}

type haloKernel struct{}

// Kernel is x8_halo.
func (Halo) Kernel() Kernel { return haloKernel{} }

// Items is the number of rows.
func (s Halo) Items() int { return s.Rows }

// Words is the descriptor.
func (s Halo) Words() []uint32 {
	return []uint32{s.Base, uint32(s.RowBytes), uint32(s.Top), uint32(s.Rows - s.Bottom), uint32(s.Left), uint32(s.Right)}
}

func (haloKernel) Name(Options) string { return "x8_halo" }

func (haloKernel) emit(e *emitter, name string) (*asm.Func, error) {
	f, desc, row, end := e.kernel(name)
	bytes := f.LetI32(desc.LoadI32(4))
	p := f.I32()
	zero := asm.Int(0)
	f.While(row.LtS(end), func() {
		p.Set(desc.LoadI32(0).Add(row.Mul(bytes)))
		f.If(row.LtS(desc.LoadI32(8)).Or(row.GeS(desc.LoadI32(12))), func() {
			f.MemoryFill(p, zero, bytes)
		}, func() {
			f.MemoryFill(p, zero, desc.LoadI32(16))
			f.MemoryFill(p.Add(bytes).Sub(desc.LoadI32(20)), zero, desc.LoadI32(20))
		})
		row.Inc(1)
	})
	return f, nil
}

// Copy is the step (and kernel x32_copy) that moves 32-bit words between two
// four-dimensional layouts: Out + Σ i·OutStride = In + Σ i·InStride, strides in
// bytes. Transposes, slices, concatenations and layout changes are copies; a
// stride of 0 in repeats. One item is one index of the two outer dimensions;
// make the outer ones those that vary slowest in the output.
type Copy struct {
	In, Out             uint32
	Size                [4]int
	InStride, OutStride [4]int
}

type copyKernel struct{}

// Kernel is x32_copy.
func (Copy) Kernel() Kernel { return copyKernel{} }

// Items is the product of the two outer dimensions.
func (s Copy) Items() int { return s.Size[0] * s.Size[1] }

const (
	copySize      = 8
	copyInStride  = 24
	copyOutStride = 40
)

// Words is the descriptor.
func (s Copy) Words() []uint32 {
	w := []uint32{s.In, s.Out}
	for _, dims := range [][4]int{s.Size, s.InStride, s.OutStride} {
		for _, d := range dims {
			w = append(w, uint32(d))
		}
	}
	return w
}

func (copyKernel) Name(Options) string { return "x32_copy" }

func (copyKernel) emit(e *emitter, name string) (*asm.Func, error) {
	f, desc, item, end := e.kernel(name)
	size := func(d uint32) asm.I32 { return desc.LoadI32(copySize + 4*d) }
	in, out, i, j, q, p := f.I32(), f.I32(), f.I32(), f.I32(), f.I32(), f.I32()
	n2, n3 := f.LetI32(size(2)), f.LetI32(size(3))
	is2, os2 := f.LetI32(desc.LoadI32(copyInStride+8)), f.LetI32(desc.LoadI32(copyOutStride+8))
	is3, os3 := f.LetI32(desc.LoadI32(copyInStride+12)), f.LetI32(desc.LoadI32(copyOutStride+12))
	// A short row costs less by words than by a call of memory.copy.
	rows := f.LetI32(is3.Eq(asm.Int(4)).And(os3.Eq(asm.Int(4))).And(n3.GeS(asm.Int(16))))
	f.While(item.LtS(end), func() {
		i.Set(item.DivU(size(1)))
		j.Set(item.Sub(i.Mul(size(1))))
		start := func(base, stride uint32) asm.I32 {
			return desc.LoadI32(base).Add(i.Mul(desc.LoadI32(stride))).Add(j.Mul(desc.LoadI32(stride + 4)))
		}
		// i and j are done with once both starts are known.
		in.Set(start(0, copyInStride))
		out.Set(start(4, copyOutStride))
		each(f, i, asm.Int(0), n2, func() {
			f.If(rows, func() {
				f.MemoryCopy(out, in, n3.MulConst(4))
			}, func() {
				p.Set(in.I32)
				q.Set(out.I32)
				each(f, j, asm.Int(0), n3, func() {
					f.StoreI32(q, 0, p.LoadI32(0))
					p.Set(p.Add(is3))
					q.Set(q.Add(os3))
				})
			})
			in.Set(in.Add(is2))
			out.Set(out.Add(os2))
		})
		item.Inc(1)
	})
	return f, nil
}
