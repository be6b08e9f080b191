package kernel

import (
	"fmt"

	"hamster/model/simd/asm"
)

// Conv is the direct convolution (and matrix product) f32_conv_nhwc: MR output
// pixels × NR output channels at a time, bias as the start of the sums, then
// the residual if any, then the activation.
//
// Tiles that fit V8's 15 vector registers on x86-64: 4×8 for simd128, 6×8,
// 5×8, 3×12 and 2×16 for relaxed, 1×8 to 1×32 for single pixels.
type Conv struct {
	MR, NR   int // NR is a multiple of 4
	Act      Activation
	Residual bool // add a tensor before the activation
}

// ConvStep is a convolution. One item is a tile; items go through all pixels of
// a block of channels before the next block, so that the block's weights stay
// in the cache.
type ConvStep struct {
	Conv
	In      uint32 // the first tap of output pixel (0, 0), perhaps in the halo
	Weights uint32 // packed [blocks][segments · segment length][NR]
	Bias    uint32 // [blocks · NR]

	InTable uint32 // PixelTable of the input's first taps, for MR
	Pixels  int    // output pixels, padding not counted

	Segments     uint32 // table made by Segments
	SegmentCount int
	SegmentLen   int // floats in a segment

	Blocks     uint32 // table of Block
	BlockCount int

	A, B float32 // parameters of Act

	// ResidualTable is the PixelTable of the tensor to add; each Block says
	// where its channels begin there.
	ResidualTable uint32
}

// Block says what becomes of NR output channels.
type Block struct {
	InOffset int32  // added to In: the group's first channel
	Out      uint32 // this block's first channel at output pixel (0, 0)
	OutTable uint32 // PixelTable of the output, for MR
	Lanes    int32  // channels to write, 1 to NR
	Residual uint32 // this block's first channel of the residual at pixel (0, 0)
}

const (
	blockIn       = 0
	blockOut      = 4
	blockOutTable = 8
	blockLanes    = 12
	blockResidual = 16
	// BlockSize is the number of bytes of an encoded Block.
	BlockSize = 20
)

// Append appends the entry of the block table.
func (b Block) Append(table []int32) []int32 {
	return append(table, b.InOffset, int32(b.Out), int32(b.OutTable), b.Lanes, int32(b.Residual))
}

const (
	convIn = 4 * iota
	convWeights
	convBias
	convInTable
	convTiles
	convSegments
	convSegmentCount
	convSegmentLen
	convBlocks
	convPanel
	convA
	convB
	convResidual
)

// Kernel is the step's Conv.
func (s ConvStep) Kernel() Kernel { return s.Conv }

// Items is blocks × tiles.
func (s ConvStep) Items() int { return s.BlockCount * ceilDiv(s.Pixels, s.MR) }

// Words is the descriptor.
func (s ConvStep) Words() []uint32 {
	return []uint32{
		s.In, s.Weights, s.Bias, s.InTable, uint32(ceilDiv(s.Pixels, s.MR)),
		s.Segments, uint32(s.SegmentCount), uint32(s.SegmentLen), s.Blocks,
		uint32(s.SegmentCount * s.SegmentLen * s.NR * 4), bits(s.A), bits(s.B), s.ResidualTable,
	}
}

// Name is, for instance, f32_conv_nhwc_6x8_relaxed_minmax.
func (c Conv) Name(o Options) string {
	name := "f32_conv_nhwc_" + by(c.MR, c.NR) + "_" + o.isa()
	if c.Residual {
		name += "_add"
	}
	return name + c.Act.suffix()
}

func (c Conv) emit(e *emitter, name string) (*asm.Func, error) {
	if c.MR < 1 || c.MR > 8 || c.NR < 4 || c.NR > 32 || c.NR%4 != 0 || c.MR*c.NR > 64 {
		return nil, fmt.Errorf("no tile of %d pixels × %d channels", c.MR, c.NR)
	}
	tile, err := c.tile(e, name+"_tile")
	if err != nil {
		return nil, err
	}
	f, desc, item, end := e.kernel(name)
	tiles, block := f.LetI32(desc.LoadI32(convTiles)), f.I32()
	f.While(item.LtS(end), func() {
		block.Set(item.DivU(tiles))
		f.Call(tile, desc,
			desc.LoadI32(convWeights).Add(block.Mul(desc.LoadI32(convPanel))),
			desc.LoadI32(convBias).Add(block.MulConst(int32(4*c.NR))),
			desc.LoadI32(convBlocks).Add(block.MulConst(BlockSize)),
			item.Sub(block.Mul(tiles)).MulConst(int32(4*c.MR)))
		item.Inc(1)
	})
	return f, nil
}

// tile emits the microkernel: a function of its own, since engines optimise
// small functions that are called often soonest and best.
func (c Conv) tile(e *emitter, name string) (*asm.Func, error) {
	const unroll = 4
	nv := c.NR / 4
	f := e.m.Func(name)
	// at is the byte offset of the tile's first entry in the pixel tables.
	desc, w, bias, block, at := f.ParamI32(), f.ParamI32(), f.ParamI32(), f.ParamI32(), f.ParamI32()
	px := f.I32s(c.MR)
	wEnd, wEnd4, segment, segments := f.I32(), f.I32(), f.I32(), f.I32()
	acc := make([][]asm.LocalV128, c.MR)
	for i := range acc {
		acc[i] = f.V128s(nv)
	}
	held := f.V128s(min(c.MR, nv))
	x := f.V128()

	for j := range nv {
		acc[0][j].Set(bias.LoadV128(uint32(16 * j)))
		for i := 1; i < c.MR; i++ {
			acc[i][j].Set(acc[0][j].V128)
		}
	}
	in := f.LetI32(desc.LoadI32(convIn).Add(block.LoadI32(blockIn)))
	table := f.LetI32(desc.LoadI32(convInTable).Add(at))
	for i := range c.MR {
		px[i].Set(in.Add(table.LoadI32(uint32(4 * i))))
	}

	// step does n multiplications deep: n input floats of each pixel.
	step := func(n int) {
		// Backwards: an engine that checks bounds itself (wazero) then knows
		// after the first access that the others are inside.
		for k := n - 1; k >= 0; k-- {
			weight := func(j int) asm.V128 { return w.LoadV128(uint32(4*c.NR*k + 16*j)) }
			input := func(i int) asm.V128 { return px[i].LoadSplat32(uint32(4 * k)) }
			// The fewer of weights and inputs wait in registers for the others
			// to come by.
			if c.MR < nv {
				for i := range c.MR {
					held[i].Set(input(i))
				}
				for j := nv - 1; j >= 0; j-- {
					x.Set(weight(j))
					for i := range c.MR {
						acc[i][j].Set(e.madd(held[i], x, acc[i][j]))
					}
				}
				continue
			}
			for j := nv - 1; j >= 0; j-- {
				held[j].Set(weight(j))
			}
			for i := range c.MR {
				x.Set(input(i))
				for j := range nv {
					acc[i][j].Set(e.madd(x, held[j], acc[i][j]))
				}
			}
		}
		w.Inc(int32(4 * c.NR * n))
		for i := range c.MR {
			px[i].Inc(int32(4 * n))
		}
	}
	segLen := f.LetI32(desc.LoadI32(convSegmentLen))
	segment.Set(desc.LoadI32(convSegments))
	segments.Set(segment.Add(desc.LoadI32(convSegmentCount).MulConst(4)))
	f.While(segment.LtU(segments), func() {
		jump := f.LetI32(segment.LoadI32(0))
		for i := range c.MR {
			px[i].Set(px[i].Add(jump))
		}
		wEnd4.Set(w.Add(segLen.And(asm.Int(-unroll)).MulConst(int32(4 * c.NR))))
		wEnd.Set(w.Add(segLen.MulConst(int32(4 * c.NR))))
		f.While(w.LtU(wEnd4), func() { step(unroll) })
		f.While(w.LtU(wEnd), func() { step(1) })
		segment.Inc(4)
	})

	lanes := f.LetI32(block.LoadI32(blockLanes))
	if c.Residual {
		// All sums before any store: the residual may be the output.
		res := f.LetI32(block.LoadI32(blockResidual))
		table.Set(desc.LoadI32(convResidual).Add(at))
		for i := range c.MR {
			px[0].Set(res.Add(table.LoadI32(uint32(4 * i))))
			for j := range nv {
				acc[i][j].Set(acc[i][j].F32x4Add(px[0].LoadV128(uint32(16 * j))))
			}
		}
	}
	act, err := c.Act.begin(e, f, desc, convA)
	if err != nil {
		return nil, err
	}
	for i := range c.MR {
		for j := range nv {
			if c.Act != None {
				acc[i][j].Set(act(acc[i][j]))
			}
		}
	}
	out := f.LetI32(block.LoadI32(blockOut))
	table.Set(block.LoadI32(blockOutTable).Add(at))
	store := e.storeLanes()
	f.If(lanes.Eq(asm.Int(int32(c.NR))), func() {
		for i := range c.MR {
			px[0].Set(out.Add(table.LoadI32(uint32(4 * i))))
			for j := range nv {
				f.StoreV128(px[0], uint32(16*j), acc[i][j])
			}
		}
	}, func() {
		for i := range c.MR {
			px[0].Set(out.Add(table.LoadI32(uint32(4 * i))))
			for j := range nv {
				f.Call(store, px[0].AddConst(int32(16*j)), lanes.AddConst(int32(-4*j)), acc[i][j])
			}
		}
	})
	return f, nil
}

// PixelTable lists the byte offsets of rows × cols pixels, rowStep and colStep
// bytes apart, padded to a multiple of mr by repeating the last.
func PixelTable(rows, cols, rowStep, colStep, mr int) []int32 {
	table := make([]int32, 0, ceilDiv(rows*cols, mr)*mr)
	for y := range rows {
		for x := range cols {
			table = append(table, int32(y*rowStep+x*colStep))
		}
	}
	for len(table) > 0 && len(table)%mr != 0 {
		table = append(table, table[len(table)-1])
	}
	return table
}

// Segments makes a segment table from the byte offsets of the segments of one
// output pixel, relative to its first tap, each length floats long.
func Segments(offsets []int, length int) []int32 {
	table := make([]int32, len(offsets))
	at := 0
	for i, o := range offsets {
		// The kernel's pointers have advanced by the segments before.
		table[i] = int32(o - at)
		at = o + 4*length
	}
	return table
}

// ConvSegments is the segment table of a kh × kw window over channels input
// channels, and the floats in a segment: one segment a row where the row's taps
// are contiguous, else one a tap. Strides and dilations (dy, dx, in pixels) are
// those of the input tensor.
func ConvSegments(kh, kw, channels, rowStride, pixelStride, dy, dx int) (table []int32, length int) {
	var offsets []int
	if kw == 1 || dx == 1 && pixelStride == 4*channels {
		for y := range kh {
			offsets = append(offsets, y*dy*rowStride)
		}
		return Segments(offsets, kw*channels), kw * channels
	}
	for y := range kh {
		for x := range kw {
			offsets = append(offsets, y*dy*rowStride+x*dx*pixelStride)
		}
	}
	return Segments(offsets, channels), channels
}
