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

// load4x1 reads one stored weight as a float from each of four places.
func (s Source) load4x1(e *emitter, f *asm.Func, p []asm.LocalI32, offset uint32) []asm.V128 {
	x := asm.IntsX4(0, 0, 0, 0)
	for k := range byte(4) {
		switch s {
		case Float32:
			x = p[k].LoadLane32(offset, x, k)
		case Float16:
			x = p[k].LoadLane16(offset, x, 2*k)
		default:
			x = p[k].LoadLane8(offset, x, 4*k)
		}
	}
	switch s {
	case Float16:
		x = e.halves().CallV128(x)
	case Uint8:
		x = x.F32x4ConvertI32x4()
	case Int8:
		x = x.ShiftLeft32(asm.Int(24)).ShiftRight32S(asm.Int(24)).F32x4ConvertI32x4()
	}
	return []asm.V128{x}
}

// halves is the value, exactly, of four IEEE binary16 in the low halves of the
// lanes.
func (e *emitter) halves() *asm.Func {
	return e.helper("halves", func(f *asm.Func) {
		h := f.ParamV128()
		f.Results(asm.TypeV128)
		all := func(v int32) asm.V128 { return asm.IntsX4(v, v, v, v) }
		sign := h.And(all(0x8000)).ShiftLeft32(asm.Int(16))
		rest := f.LetV128(h.And(all(0x7fff)).ShiftLeft32(asm.Int(13)))
		// The exponents' biases differ by 112; a multiplication also makes
		// the subnormals right. Infinities and NaN keep the highest exponent.
		finite := rest.F32x4Mul(asm.FloatsX4(0x1p112))
		f.Return(rest.I32x4GtS(all(0x7c00<<13-1)).Select(rest.Or(all(0x7f800000)), finite).Or(sign))
	})
}

// packLanes points four weight pointers at the outputs item·NR + lane and the
// next three, and sets their scales and zero points. A lane without an output
// gets the first weight, scaled by 0.
func packLanes(f *asm.Func, desc, item, lane asm.LocalI32, base []asm.LocalI32, scale, zero asm.LocalV128) {
	load := func(offset uint32) asm.I32 { return desc.LoadI32(offset) }
	o, s, z := f.I32(), f.F32(), f.F32()
	scale.Set(asm.FloatsX4(0))
	zero.Set(asm.FloatsX4(0))
	for k := range byte(4) {
		o.Set(item.Mul(load(packNR)).Add(lane).AddConst(int32(k)))
		base[k].Set(load(packIn))
		f.If(o.LtS(load(packOutputs)), func() {
			base[k].Set(base[k].Add(o.Mul(load(packStrideO))))
			s.Set(asm.Float(1))
			z.Set(asm.Float(0))
			f.If(load(packScale), func() { s.Set(load(packScale).Add(o.MulConst(4)).LoadF32(0)) }, nil)
			f.If(load(packZero), func() { z.Set(load(packZero).Add(o.MulConst(4)).LoadF32(0)) }, nil)
			scale.Set(scale.F32x4Replace(k, s))
			zero.Set(zero.F32x4Replace(k, z))
		}, nil)
	}
}

// Pack is the kernel that makes floats of stored weights, once, at load: of those that are
// floats already, for Conv, and of the few that Depthwise has.
type Pack struct{ From Source }

// PackStep writes (q − Zero[o])·Scale[o] for every weight q into
// [⌈Outputs/NR⌉][KernelY][KernelX][Inputs][NR] floats, zeros where the last
// block has no output. Strides are in bytes of the stored weights, so that any
// order can be read: for OIHW they are {I·H·W, H·W, W, 1}·size, for a matrix
// [K, N] with K inputs {size, N·size}. DepthwiseStep says how to pack for it.
// One item is a block of NR outputs.
type PackStep struct {
	Pack
	In               uint32
	Out              uint32
	Outputs, Inputs  int
	KernelY, KernelX int
	StrideO, StrideI int
	StrideY, StrideX int
	NR               int    // a multiple of 4
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
	run := p.run(e, name+"_run")
	f, desc, item, end := e.kernel(name)
	load := func(offset uint32) asm.I32 { return desc.LoadI32(offset) }
	lane, out, ky, kx, tap := f.I32(), f.I32(), f.I32(), f.I32(), f.I32()
	base := f.I32s(4)
	zero, scale := f.V128(), f.V128()
	step := f.LetI32(load(packNR).MulConst(4))
	taps := f.LetI32(load(packInputs).Mul(step))
	f.While(item.LtS(end), func() {
		lane.Set(asm.Int(0))
		f.While(lane.LtS(load(packNR)), func() {
			packLanes(f, desc, item, lane, base, scale, zero)
			out.Set(load(packOut).Add(item.Mul(load(packKernelY)).Mul(load(packKernelX)).Mul(taps)).Add(lane.MulConst(4)))
			each(f, ky, asm.Int(0), load(packKernelY), func() {
				each(f, kx, asm.Int(0), load(packKernelX), func() {
					tap.Set(ky.Mul(load(packStrideY)).Add(kx.Mul(load(packStrideX))))
					f.Call(run, out, step, load(packInputs), load(packStrideI),
						base[0].Add(tap), base[1].Add(tap), base[2].Add(tap), base[3].Add(tap), zero, scale)
					out.Set(out.Add(taps))
				})
			})
			lane.Inc(4)
		})
		item.Inc(1)
	})
	return f, nil
}

// run packs one run of count inputs of four outputs, stride bytes apart. It is a
// function of its own, so that engines optimise it soon: packing happens once, in
// the first seconds.
func (p Pack) run(e *emitter, name string) *asm.Func {
	f := e.m.Func(name)
	out, step, count, stride := f.ParamI32(), f.ParamI32(), f.ParamI32(), f.ParamI32()
	base := []asm.LocalI32{f.ParamI32(), f.ParamI32(), f.ParamI32(), f.ParamI32()}
	zero, scale := f.ParamV128(), f.ParamV128()
	put := func(x []asm.V128) {
		for _, x := range x {
			f.StoreV128(out, 0, x.F32x4Sub(zero).F32x4Mul(scale))
			out.Set(out.Add(step))
		}
	}
	// Neighbours are read together, which is most of all weights.
	n := p.From.together()
	f.If(stride.Eq(asm.Int(int32(p.From.Size()))), func() {
		f.While(count.GeS(asm.Int(int32(n))), func() {
			put(p.From.load4xN(e, f, base, 0))
			for k := range base {
				base[k].Inc(int32(n * p.From.Size()))
			}
			count.Inc(int32(-n))
		})
	}, nil)
	f.While(count.GtS(asm.Int(0)), func() {
		put(p.From.load4x1(e, f, base, 0))
		for k := range base {
			base[k].Set(base[k].Add(stride))
		}
		count.Inc(-1)
	})
	return f
}

// together is how many neighbouring weights load4xN reads.
func (s Source) together() int {
	if s == Float16 {
		return 2
	}
	return 4
}

// load4xN reads together() neighbouring stored weights from each of four places:
// vectors of the first of each place, of the second, and so on.
func (s Source) load4xN(e *emitter, f *asm.Func, p []asm.LocalI32, offset uint32) []asm.V128 {
	if s == Float32 {
		return transpose4(f, p[0].LoadV128(offset), p[1].LoadV128(offset), p[2].LoadV128(offset), p[3].LoadV128(offset))
	}
	words := asm.IntsX4(0, 0, 0, 0)
	for k := range byte(4) {
		words = p[k].LoadLane32(offset, words, k)
	}
	w := f.LetV128(words)
	bits := 8 * s.Size()
	out := make([]asm.V128, s.together())
	for k := range out {
		// The weight is brought to the top of its lane, then down again.
		x := w.V128
		if up := 32 - bits*(k+1); up > 0 {
			x = x.ShiftLeft32(asm.Int(int32(up)))
		}
		down := asm.Int(int32(32 - bits))
		switch s {
		case Float16:
			out[k] = e.halves().CallV128(x.ShiftRight32U(down))
		case Uint8:
			out[k] = x.ShiftRight32U(down).F32x4ConvertI32x4()
		default:
			out[k] = x.ShiftRight32S(down).F32x4ConvertI32x4()
		}
	}
	return out
}

// transpose4 is the transpose of the matrix with rows a, b, c, d.
func transpose4(f *asm.Func, a, b, c, d asm.V128) []asm.V128 {
	rows := [4]asm.LocalV128{f.LetV128(a), f.LetV128(b), f.LetV128(c), f.LetV128(d)}
	// Two halves at a time: ab0 is a0 b0 a1 b1, ab1 is a2 b2 a3 b3.
	ab0, ab1 := f.LetV128(rows[0].Shuffle32(rows[1], 0, 4, 1, 5)), f.LetV128(rows[0].Shuffle32(rows[1], 2, 6, 3, 7))
	cd0, cd1 := f.LetV128(rows[2].Shuffle32(rows[3], 0, 4, 1, 5)), f.LetV128(rows[2].Shuffle32(rows[3], 2, 6, 3, 7))
	return []asm.V128{
		ab0.Shuffle32(cd0, 0, 1, 4, 5), ab0.Shuffle32(cd0, 2, 3, 6, 7),
		ab1.Shuffle32(cd1, 0, 1, 4, 5), ab1.Shuffle32(cd1, 2, 3, 6, 7),
	}
}
