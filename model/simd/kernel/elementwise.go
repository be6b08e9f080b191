package kernel

import (
	"fmt"

	"hamster/model/simd/asm"
)

// Elementwise kernels go over rows × pixels × channels. A tensor without gaps
// may be seen as rows of one pixel with W·C channels.

// Unary is the kernel that applies an Activation, for instance
// f32_hardswish_nhwc. None copies.
type Unary struct{ Act Activation }

// UnaryStep applies Act. In and Out may be the same. One item is a row.
type UnaryStep struct {
	Unary
	In                      uint32
	InRow, InPixel          int
	Out                     uint32
	OutRow, OutPixel        int
	Height, Width, Channels int
	A, B                    float32
}

// Kernel is the step's Unary.
func (s UnaryStep) Kernel() Kernel { return s.Unary }

// Items is the number of rows.
func (s UnaryStep) Items() int { return s.Height }

// Words is the descriptor.
func (s UnaryStep) Words() []uint32 {
	return []uint32{s.In, uint32(s.InRow), uint32(s.InPixel), s.Out, uint32(s.OutRow), uint32(s.OutPixel), uint32(s.Width), uint32(4 * s.Channels), bits(s.A), bits(s.B)}
}

// Name is, for instance, f32_unary_nhwc_simd128_sigmoid.
func (u Unary) Name(Options) string { return "f32_unary_nhwc_simd128" + u.Act.suffix() }

func (u Unary) emit(e *emitter, name string) (*asm.Func, error) {
	f, desc, item, end := e.kernel(name)
	at, x, in, out := f.I32(), f.I32(), f.I32(), f.I32()
	inPixel, outPixel := f.LetI32(desc.LoadI32(8)), f.LetI32(desc.LoadI32(20))
	pixels, bytes := f.LetI32(desc.LoadI32(24)), f.LetI32(desc.LoadI32(28))
	act, err := u.Act.begin(e, f, desc, 32)
	if err != nil {
		return nil, err
	}
	f.While(item.LtS(end), func() {
		in.Set(desc.LoadI32(0).Add(item.Mul(desc.LoadI32(4))))
		out.Set(desc.LoadI32(12).Add(item.Mul(desc.LoadI32(16))))
		each(f, x, asm.Int(0), pixels, func() {
			overChannels(f, at, bytes, []width{4, 1}, func(w width) {
				w.store(f, out.Add(at), 0, act(w.load(in.Add(at), 0)))
			})
			in.Set(in.Add(inPixel))
			out.Set(out.Add(outPixel))
		})
		item.Inc(1)
	})
	return f, nil
}

// BinaryOp is an operation of two operands, x and y.
type BinaryOp uint8

// The operations.
const (
	Add BinaryOp = iota // x + y
	Sub                 // x − y
	Mul                 // x · y
	Div                 // x / y
	binaryOps
)

func (o BinaryOp) String() string {
	if o < binaryOps {
		return [...]string{"add", "sub", "mul", "div"}[o]
	}
	return fmt.Sprintf("BinaryOp(%d)", uint8(o))
}

// Binary is the kernel that combines two tensors, for instance
// f32_binary_nhwc_simd128_add_minmax.
type Binary struct {
	Op  BinaryOp
	Act Activation
}

// BinaryStep sets Out = Act(Op(X, Y)). Y is broadcast over rows or pixels by a
// stride of 0. Out may be X or Y where their layouts are the same. One item is a
// row.
type BinaryStep struct {
	Binary
	X                       uint32
	XRow, XPixel            int
	Y                       uint32
	YRow, YPixel            int
	Out                     uint32
	OutRow, OutPixel        int
	Height, Width, Channels int
	A, B                    float32
}

// Kernel is the step's Binary.
func (s BinaryStep) Kernel() Kernel { return s.Binary }

// Items is the number of rows.
func (s BinaryStep) Items() int { return s.Height }

// Words is the descriptor.
func (s BinaryStep) Words() []uint32 {
	return []uint32{
		s.X, uint32(s.XRow), uint32(s.XPixel), s.Y, uint32(s.YRow), uint32(s.YPixel), s.Out, uint32(s.OutRow), uint32(s.OutPixel),
		uint32(s.Width), uint32(4 * s.Channels), bits(s.A), bits(s.B),
	}
}

// Name is, for instance, f32_binary_nhwc_simd128_mul.
func (b Binary) Name(Options) string {
	return "f32_binary_nhwc_simd128_" + b.Op.String() + b.Act.suffix()
}

func (b Binary) apply(x, y asm.V128) asm.V128 {
	switch b.Op {
	case Add:
		return x.F32x4Add(y)
	case Sub:
		return x.F32x4Sub(y)
	case Mul:
		return x.F32x4Mul(y)
	default:
		return x.F32x4Div(y)
	}
}

func (b Binary) emit(e *emitter, name string) (*asm.Func, error) {
	if b.Op >= binaryOps {
		return nil, fmt.Errorf("unknown operation %d", b.Op)
	}
	f, desc, item, end := e.kernel(name)
	at, i, x, y, out := f.I32(), f.I32(), f.I32(), f.I32(), f.I32()
	xPixel, yPixel, outPixel := f.LetI32(desc.LoadI32(8)), f.LetI32(desc.LoadI32(20)), f.LetI32(desc.LoadI32(32))
	pixels, bytes := f.LetI32(desc.LoadI32(36)), f.LetI32(desc.LoadI32(40))
	act, err := b.Act.begin(e, f, desc, 44)
	if err != nil {
		return nil, err
	}
	f.While(item.LtS(end), func() {
		x.Set(desc.LoadI32(0).Add(item.Mul(desc.LoadI32(4))))
		y.Set(desc.LoadI32(12).Add(item.Mul(desc.LoadI32(16))))
		out.Set(desc.LoadI32(24).Add(item.Mul(desc.LoadI32(28))))
		each(f, i, asm.Int(0), pixels, func() {
			overChannels(f, at, bytes, []width{4, 1}, func(w width) {
				w.store(f, out.Add(at), 0, act(b.apply(w.load(x.Add(at), 0), w.load(y.Add(at), 0))))
			})
			x.Set(x.Add(xPixel))
			y.Set(y.Add(yPixel))
			out.Set(out.Add(outPixel))
		})
		item.Inc(1)
	})
	return f, nil
}
