package kernel

import (
	"fmt"

	"hamster/model/simd/asm"
)

// Source is the type of stored weights.
type Source uint8

// The types that Pack reads.
const (
	Float32 Source = iota
	Float16
	Uint8
	Int8
)

func (s Source) String() string {
	if s > Int8 {
		return fmt.Sprintf("Source(%d)", uint8(s))
	}
	return [...]string{"f32", "f16", "u8", "i8"}[s]
}

// Size is the number of bytes of one stored weight.
func (s Source) Size() int {
	switch s {
	case Float32:
		return 4
	case Float16:
		return 2
	}
	return 1
}

// load reads one stored weight as a float.
func (s Source) load(e *emitter, p asm.I32Value) asm.F32 {
	switch s {
	case Float32:
		return p.Expr().LoadF32(0)
	case Float16:
		return e.half().CallF32(p.Expr().LoadU16(0))
	case Uint8:
		return p.Expr().LoadU8(0).ToF32()
	default:
		return p.Expr().LoadS8(0).ToF32()
	}
}

// half is the value of an IEEE binary16, exactly.
func (e *emitter) half() *asm.Func {
	return e.helper("half", func(f *asm.Func) {
		h := f.ParamI32()
		f.Results(asm.TypeF32)
		sign := h.And(asm.Int(0x8000)).ShlConst(16)
		rest := f.LetI32(h.And(asm.Int(0x7fff)).ShlConst(13))
		f.If(rest.GeU(asm.Int(0x7c00<<13)), func() {
			f.Return(rest.Or(asm.Int(0x7f800000)).Or(sign).BitsF32())
		}, nil)
		// The exponents' biases differ by 112; a multiplication also makes
		// the subnormals right.
		f.Return(rest.BitsF32().Mul(asm.Float(0x1p112)).Bits().Or(sign).BitsF32())
	})
}

// Pack is the kernel that lays stored weights out for Conv, once, at load.
type Pack struct{ From Source }

// PackStep writes (q − Zero[o])·Scale[o] for every weight q into
// [⌈Outputs/NR⌉][KernelY][KernelX][Inputs][NR] floats, zeros where the last
// block has no output. Strides are in bytes of the stored weights, so that any
// order can be read: for OIHW they are {I·H·W, H·W, W, 1}·size, for a matrix
// [K, N] with K inputs {size, N·size}. With Outputs = NR·⌈C/NR⌉ ≥ C = NR and
// Inputs = 1 it packs depthwise weights (see DepthwiseStep). One item is a
// block of NR outputs.
type PackStep struct {
	Pack
	In               uint32
	Out              uint32
	Outputs, Inputs  int
	KernelY, KernelX int
	StrideO, StrideI int
	StrideY, StrideX int
	NR               int
	Scale, Zero      uint32 // float32 per output; 0 means all 1 and all 0
}

const (
	packIn = 4 * iota
	packOut
	packOutputs
	packInputs
	packKernelY
	packKernelX
	packStrideO
	packStrideI
	packStrideY
	packStrideX
	packNR
	packScale
	packZero
)

// Kernel is the step's Pack.
func (s PackStep) Kernel() Kernel { return s.Pack }

// Items is the number of blocks.
func (s PackStep) Items() int { return ceilDiv(s.Outputs, s.NR) }

// Floats is the number of floats that the step writes.
func (s PackStep) Floats() int {
	return ceilDiv(s.Outputs, s.NR) * s.KernelY * s.KernelX * s.Inputs * s.NR
}

// Words is the descriptor.
func (s PackStep) Words() []uint32 {
	w := []uint32{s.In, s.Out}
	for _, x := range []int{s.Outputs, s.Inputs, s.KernelY, s.KernelX, s.StrideO, s.StrideI, s.StrideY, s.StrideX, s.NR} {
		w = append(w, uint32(x))
	}
	return append(w, s.Scale, s.Zero)
}

// Name is, for instance, u8_pack_f32.
func (p Pack) Name(Options) string { return p.From.String() + "_pack_f32" }

func (p Pack) emit(e *emitter, name string) (*asm.Func, error) {
	if p.From > Int8 {
		return nil, fmt.Errorf("no weights of type %v", p.From)
	}
	f, desc, item, end := e.kernel(name)
	load := func(offset uint32) asm.I32 { return desc.LoadI32(offset) }
	zero := asm.Int(0)
	o, lane, in, out, ky, kx, i, py, px, pi := f.I32(), f.I32(), f.I32(), f.I32(), f.I32(), f.I32(), f.I32(), f.I32(), f.I32(), f.I32()
	nr := f.LetI32(load(packNR))
	step := f.LetI32(nr.MulConst(4))
	inputs, strideI := f.LetI32(load(packInputs)), f.LetI32(load(packStrideI))
	panel := f.LetI32(load(packKernelY).Mul(load(packKernelX)).Mul(inputs).Mul(step))
	scale, shift := f.F32(), f.F32()
	f.While(item.LtS(end), func() {
		each(f, lane, zero, nr, func() {
			o.Set(item.Mul(nr).Add(lane))
			out.Set(load(packOut).Add(item.Mul(panel)).Add(lane.MulConst(4)))
			// A lane without an output is output 0 times 0; its sum never
			// leaves the tile, so an infinite weight does no harm there.
			scale.Set(asm.Float(0))
			shift.Set(asm.Float(0))
			in.Set(load(packIn))
			f.If(o.LtS(load(packOutputs)), func() {
				in.Set(in.Add(o.Mul(load(packStrideO))))
				scale.Set(asm.Float(1))
				f.If(load(packScale), func() { scale.Set(load(packScale).Add(o.MulConst(4)).LoadF32(0)) }, nil)
				f.If(load(packZero), func() { shift.Set(load(packZero).Add(o.MulConst(4)).LoadF32(0)) }, nil)
			}, nil)
			py.Set(in.I32)
			each(f, ky, zero, load(packKernelY), func() {
				px.Set(py.I32)
				each(f, kx, zero, load(packKernelX), func() {
					pi.Set(px.I32)
					each(f, i, zero, inputs, func() {
						f.StoreF32(out, 0, p.From.load(e, pi).Sub(shift).Mul(scale))
						pi.Set(pi.Add(strideI))
						out.Set(out.Add(step))
					})
					px.Set(px.Add(load(packStrideX)))
				})
				py.Set(py.Add(load(packStrideY)))
			})
		})
		item.Inc(1)
	})
	return f, nil
}
