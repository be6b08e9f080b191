package kernel

import (
	"fmt"

	"hamster/model/simd/asm"
)

// Panel is the kernel that lays stored weights out, once, at load, and leaves them
// as they are: so they take the memory that they take in the file. Expand and
// WinogradWeights make floats of them in each run.
type Panel struct{ From Source }

// PanelStep writes the weights of NR outputs side by side, each of the size of From:
// [⌈Outputs/NR⌉][Depth][NR]. Weight d of output o lies at In + o·StrideO +
// d·StrideD, in bytes; where the last block has no output the first one stands.
// For OIHW the strides are {I·H·W, 1}·size and the depth counts inputs and, within
// them, taps; for a matrix [K, N] with K inputs they are {1, N}·size. One item is a
// block of NR outputs.
type PanelStep struct {
	Panel
	In, Out          uint32
	Outputs, Depth   int
	StrideO, StrideD int
	NR               int // a multiple of 4
}

const (
	panelIn = 4 * iota
	panelOut
	panelOutputs
	panelDepth
	panelStrideO
	panelStrideD
	panelNR
)

// Kernel is the step's Panel.
func (s PanelStep) Kernel() Kernel { return s.Panel }

// Items is the number of blocks.
func (s PanelStep) Items() int { return ceilDiv(s.Outputs, s.NR) }

// Bytes is how many the step writes.
func (s PanelStep) Bytes() int { return s.Items() * s.Depth * s.NR * s.From.Size() }

// Words is the descriptor.
func (s PanelStep) Words() []uint32 {
	w := []uint32{s.In, s.Out}
	for _, x := range []int{s.Outputs, s.Depth, s.StrideO, s.StrideD, s.NR} {
		w = append(w, uint32(x))
	}
	return w
}

// Name is, for instance, b8_panel: what the bits mean does not matter.
func (p Panel) Name(Options) string { return fmt.Sprintf("b%d_panel", 8*p.From.Size()) }

func (p Panel) emit(e *emitter, name string) (*asm.Func, error) {
	if p.From > Int8 {
		return nil, fmt.Errorf("no weights of type %v", p.From)
	}
	size := int32(p.From.Size())
	run := p.run(e, name+"_run")
	f, desc, item, end := e.kernel(name)
	load := func(offset uint32) asm.I32 { return desc.LoadI32(offset) }
	lane, o, out := f.I32(), f.I32(), f.I32()
	base := f.I32s(4)
	row := f.LetI32(load(panelNR).MulConst(size))
	f.While(item.LtS(end), func() {
		lane.Set(asm.Int(0))
		f.While(lane.LtS(load(panelNR)), func() {
			for k := range base {
				o.Set(item.Mul(load(panelNR)).Add(lane).AddConst(int32(k)))
				base[k].Set(load(panelIn))
				f.If(o.LtS(load(panelOutputs)), func() { base[k].Set(base[k].Add(o.Mul(load(panelStrideO)))) }, nil)
			}
			out.Set(load(panelOut).Add(item.Mul(load(panelDepth)).Mul(row)).Add(lane.MulConst(size)))
			f.Call(run, out, row, load(panelDepth), load(panelStrideD), base[0], base[1], base[2], base[3])
			lane.Inc(4)
		})
		item.Inc(1)
	})
	return f, nil
}

// run lays out count weights of four outputs, stride bytes apart. It is a function of
// its own, so that engines optimise it soon.
func (p Panel) run(e *emitter, name string) *asm.Func {
	size := p.From.Size()
	f := e.m.Func(name)
	out, row, count, stride := f.ParamI32(), f.ParamI32(), f.ParamI32(), f.ParamI32()
	base := []asm.LocalI32{f.ParamI32(), f.ParamI32(), f.ParamI32(), f.ParamI32()}
	x := f.V128()
	// put writes the four weights of one depth, which are a part of x.
	put := func(part byte) {
		switch size {
		case 1:
			f.StoreLane32(out, 0, x, part)
		case 2:
			f.StoreLane64(out, 0, x, part)
		default:
			f.StoreV128(out, 0, x)
		}
		out.Set(out.Add(row))
	}
	// Neighbours are read together, a vector of each output.
	together := 16 / size
	f.If(stride.Eq(asm.Int(int32(size))), func() {
		f.While(count.GeS(asm.Int(int32(together))), func() {
			for _, v := range interleave4(f, size, base) {
				x.Set(v)
				for part := range 4 / size {
					put(byte(part))
				}
			}
			for k := range base {
				base[k].Inc(16)
			}
			count.Inc(int32(-together))
		})
	}, nil)
	f.While(count.GtS(asm.Int(0)), func() {
		v := asm.IntsX4(0, 0, 0, 0)
		for k := range byte(4) {
			switch size {
			case 1:
				v = base[k].LoadLane8(0, v, k)
			case 2:
				v = base[k].LoadLane16(0, v, k)
			default:
				v = base[k].LoadLane32(0, v, k)
			}
		}
		x.Set(v)
		put(0)
		for k := range base {
			base[k].Set(base[k].Add(stride))
		}
		count.Inc(-1)
	})
	return f
}

// interleave4 reads a vector from each of four places and deals out their elements of
// size bytes in turn: the first of each place, the second of each, and so on, in four
// vectors.
func interleave4(f *asm.Func, size int, p []asm.LocalI32) []asm.LocalV128 {
	deal := func(unit int, a, b asm.LocalV128) (low, high asm.LocalV128) {
		var l, h [16]byte
		for i := range 16 {
			which, of := i/unit%2, i/(2*unit)*unit+i%unit
			l[i], h[i] = byte(16*which+of), byte(16*which+8+of)
		}
		return f.LetV128(a.Shuffle(b, l)), f.LetV128(a.Shuffle(b, h))
	}
	rows := make([]asm.LocalV128, len(p))
	for k := range p {
		rows[k] = f.LetV128(p[k].LoadV128(0))
	}
	ab0, ab1 := deal(size, rows[0], rows[1])
	cd0, cd1 := deal(size, rows[2], rows[3])
	v0, v1 := deal(2*size, ab0, cd0)
	v2, v3 := deal(2*size, ab1, cd1)
	return []asm.LocalV128{v0, v1, v2, v3}
}

// neighbours reads four weights that lie side by side, as floats.
func (s Source) neighbours(e *emitter, p asm.I32, offset uint32) asm.V128 {
	switch s {
	case Float32:
		return p.LoadV128(offset)
	case Float16:
		return e.halves().CallV128(p.Load16x4U(offset))
	case Uint8:
		return p.LoadZero32(offset).I16x8ExtendLowI8x16U().I32x4ExtendLowI16x8U().F32x4ConvertI32x4()
	}
	return p.LoadZero32(offset).I16x8ExtendLowI8x16S().I32x4ExtendLowI16x8S().F32x4ConvertI32x4()
}

// neighbours8 reads eight of them; bytes go through x.
func (s Source) neighbours8(e *emitter, p asm.I32, x asm.LocalV128) (low, high asm.V128) {
	switch s {
	case Uint8:
		x.Set(p.Load8x8U(0))
		return x.I32x4ExtendLowI16x8U().F32x4ConvertI32x4(), x.I32x4ExtendHighI16x8U().F32x4ConvertI32x4()
	case Int8:
		x.Set(p.Load8x8S(0))
		return x.I32x4ExtendLowI16x8S().F32x4ConvertI32x4(), x.I32x4ExtendHighI16x8S().F32x4ConvertI32x4()
	}
	return s.neighbours(e, p, 0), s.neighbours(e, p, uint32(4*s.Size()))
}

// ExpandLanes is how many outputs Expand takes at a time.
const ExpandLanes = 8

// Expand is the kernel that makes floats of panels, in each run, shortly before a Conv
// reads them: in a cache, they cost less than in memory.
type Expand struct{ From Source }

// ExpandStep reads [Blocks][Inputs][Taps][NR] weights q as PanelStep leaves them, and
// writes (q − Zero[o])·Scale[o], in the order of Conv: [Blocks][Taps][Inputs][NR]
// floats. One item is a tap of a block.
type ExpandStep struct {
	Expand
	In, Out              uint32
	Blocks, Inputs, Taps int
	NR                   int    // a multiple of ExpandLanes
	Scale, Zero          uint32 // float32 [Blocks·NR]
}

const (
	expandIn = 4 * iota
	expandOut
	expandInputs
	expandTaps
	expandNR
	expandScale
	expandZero
)

// Kernel is the step's Expand.
func (s ExpandStep) Kernel() Kernel { return s.Expand }

// Items is blocks × taps.
func (s ExpandStep) Items() int { return s.Blocks * s.Taps }

// Words is the descriptor.
func (s ExpandStep) Words() []uint32 {
	return []uint32{s.In, s.Out, uint32(s.Inputs), uint32(s.Taps), uint32(s.NR), s.Scale, s.Zero}
}

// Name is, for instance, u8_expand_f32.
func (x Expand) Name(Options) string { return x.From.String() + "_expand_f32" }

func (x Expand) emit(e *emitter, name string) (*asm.Func, error) {
	if x.From > Int8 {
		return nil, fmt.Errorf("no weights of type %v", x.From)
	}
	size := int32(x.From.Size())
	run := x.run(e, name+"_run")
	f, desc, item, end := e.kernel(name)
	load := func(offset uint32) asm.I32 { return desc.LoadI32(offset) }
	block, lane, maps := f.I32(), f.I32(), f.I32()
	nr := f.LetI32(load(expandNR))
	taps := f.LetI32(load(expandTaps))
	in, out := f.I32(), f.I32()
	f.While(item.LtS(end), func() {
		block.Set(item.DivU(taps))
		// A block's weights begin at its first item's; a tap is one further on.
		in.Set(load(expandIn).Add(block.Mul(taps).Mul(load(expandInputs)).Add(item.Sub(block.Mul(taps))).Mul(nr).MulConst(size)))
		out.Set(load(expandOut).Add(item.Mul(load(expandInputs)).Mul(nr).MulConst(4)))
		lane.Set(asm.Int(0))
		f.While(lane.LtS(nr), func() {
			maps.Set(block.Mul(nr).Add(lane).MulConst(4))
			f.Call(run, in.Add(lane.MulConst(size)), taps.Mul(nr).MulConst(size), out.Add(lane.MulConst(4)), nr.MulConst(4),
				load(expandInputs), load(expandScale).Add(maps), load(expandZero).Add(maps))
			lane.Inc(ExpandLanes)
		})
		item.Inc(1)
	})
	return f, nil
}

// run expands eight outputs of count inputs: a function of its own, called often.
func (x Expand) run(e *emitter, name string) *asm.Func {
	const unroll = 4
	f := e.m.Func(name)
	in, inStep, out, outStep, count := f.ParamI32(), f.ParamI32(), f.ParamI32(), f.ParamI32(), f.ParamI32()
	scales, zeros := f.ParamI32(), f.ParamI32()
	scale := []asm.LocalV128{f.LetV128(scales.LoadV128(0)), f.LetV128(scales.LoadV128(16))}
	zero := []asm.LocalV128{f.LetV128(zeros.LoadV128(0)), f.LetV128(zeros.LoadV128(16))}
	v := f.V128()
	step := func() {
		low, high := x.From.neighbours8(e, in.I32, v)
		f.StoreV128(out, 0, low.F32x4Sub(zero[0]).F32x4Mul(scale[0]))
		f.StoreV128(out, 16, high.F32x4Sub(zero[1]).F32x4Mul(scale[1]))
		in.Set(in.Add(inStep))
		out.Set(out.Add(outStep))
	}
	f.While(count.GeS(asm.Int(unroll)), func() {
		for range unroll {
			step()
		}
		count.Inc(-unroll)
	})
	f.While(count.GtS(asm.Int(0)), func() {
		step()
		count.Inc(-1)
	})
	return f
}
