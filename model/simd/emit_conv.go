package simd

import (
	"fmt"

	"hamster/model/simd/ir"
	"hamster/model/simd/kernel"
)

// tile is a size of f32_conv_nhwc, with its speed where measured (by `hamster bench
// kernels`, and 2×16 in InceptionV3, where it is slower than alone): GMAC/s of one core.
type tile struct {
	mr, nr int
	speed  float64
}

var (
	// One tile for every width: without fused sums none is quicker (5×8 makes 22.3,
	// 3×12 and 2×16 18 to 23), and 4 pixels pad 35×35, 17×17 or 8×8 by 1 % at most.
	tilesSimd128 = []tile{{4, 8, 23.8}}
	tilesRelaxed = []tile{{6, 8, 28.9}, {5, 8, 27.8}, {2, 16, 22}}
	// The last two stream the weights of a matrix product with one row.
	tilesRow        = []tile{{1, 16, 10}}
	tilesRowRelaxed = []tile{{1, 16, 10}, {1, 32, 19}}
)

// pickTile chooses the tile that takes least time for pixels × parts, the
// padding of incomplete tiles included.
func pickTile(opts Options, pixels int, parts []int) tile {
	tiles := tilesSimd128
	switch {
	case pixels == 1 && opts.Relaxed:
		tiles = tilesRowRelaxed
	case pixels == 1:
		tiles = tilesRow
	case opts.Relaxed:
		tiles = tilesRelaxed
	}
	best, bestCost := tiles[0], 0.0
	for _, t := range tiles {
		blocks := 0
		for _, channels := range parts {
			blocks += (channels + t.nr - 1) / t.nr
		}
		cost := float64((pixels+t.mr-1)/t.mr*t.mr) * float64(blocks*t.nr) / t.speed
		if bestCost == 0 || cost < bestCost {
			best, bestCost = t, cost
		}
	}
	return best
}

// newConv chooses how a convolution is computed.
func newConv(c *compiler, o *ir.Op) (emitter, error) {
	conv, in, out := o.Conv, o.In[0], o.Out[0]
	if out.H*out.W > maxPixels {
		return nil, fmt.Errorf("gives %d×%d pixels, at most %d are supported", out.H, out.W, maxPixels)
	}
	if conv.Groups > 1 && conv.Groups == in.C && conv.Outputs() == in.C && len(o.Out) == 1 && o.Residual == nil {
		return newDepthwise(c, o)
	}
	if w := newWinograd(c, o); w != nil {
		return w, nil
	}
	return newDirect(c, o), nil
}

// directConv computes a convolution with f32_conv_nhwc.
type directConv struct {
	o     *ir.Op
	tile  tile
	parts []part
	// from is the type of the weights where they stay as they are stored, and are expanded
	// chunk blocks at a time; else chunk is all.
	from     kernel.Source
	expanded bool
	blocks   int
	chunk    int
}

// part is a run of output channels that share a destination and a group.
type part struct {
	out      *ir.Tensor
	channel  int // of out
	count    int
	group    int
	weight   ir.Weight
	weightAt int // the first output channel within weight
	bias     []float32
}

func (p part) blocks(nr int) int { return (p.count + nr - 1) / nr }

func newDirect(c *compiler, o *ir.Op) *directConv {
	conv := o.Conv
	d := &directConv{o: o}
	var counts []int
	bias := conv.Bias
	for i, w := range conv.Weights {
		out := o.Out[0]
		if len(o.Out) > 1 {
			out = o.Out[i]
		}
		per := w.O / conv.Groups
		for g := range conv.Groups {
			d.parts = append(d.parts, part{
				out: out, channel: g * per, count: per, group: g,
				weight: w, weightAt: g * per, bias: bias[g*per : (g+1)*per],
			})
			counts = append(counts, per)
		}
		bias = bias[w.O:]
	}
	out := o.Out[0]
	d.tile = pickTile(c.opts, out.H*out.W, counts)
	for _, p := range d.parts {
		d.blocks += p.blocks(d.tile.nr)
	}
	d.from, d.expanded = compact(conv)
	d.expanded = d.expanded && d.tile.nr%kernel.ExpandLanes == 0
	d.chunk = d.blocks
	if d.expanded {
		chunks := min(d.blocks, (4*d.blocks*d.panel()+chunkBytes-1)/chunkBytes)
		d.chunk = (d.blocks + chunks - 1) / chunks
	}
	return d
}

// chunkBytes is about how many bytes of weights are expanded at a time: few enough to
// be still in a second-level cache when they are read.
const chunkBytes = 1 << 19

// compact tells whether weights are stored in fewer bytes than a float has: then they stay
// so in memory, and become floats in each run.
func compact(conv *ir.Conv) (from kernel.Source, ok bool) {
	first := conv.Weights[0].Source.Const.DType
	for _, w := range conv.Weights {
		if w.Source.Const.DType != first {
			return 0, false
		}
	}
	from, err := sourceType(conv.Weights[0])
	return from, err == nil && from.Size() < kernel.Float32.Size()
}

// panel is the number of one block's weights.
func (d *directConv) panel() int {
	k := d.o.Conv.Kernel
	return k[0] * k[1] * d.o.Conv.Inputs() * d.tile.nr
}

func (d *directConv) needs() (scratch, weights int) {
	if d.expanded {
		return 4 * d.chunk * d.panel(), d.blocks * d.panel() * d.from.Size()
	}
	return 0, 4 * d.blocks * d.panel()
}

func (d *directConv) emit(c *compiler, scratch uint32) error {
	o, conv, t := d.o, d.o.Conv, d.tile
	act, a, b, err := activation(o.Act)
	if err != nil {
		return err
	}
	_, size := d.needs()
	weights := c.weights.take(size)
	in, out := c.view(o.In[0]), o.Out[0]
	s := kernel.ConvStep{
		Conv:    kernel.Conv{MR: t.mr, NR: t.nr, Act: act, Residual: o.Residual != nil},
		In:      in.pixel(-conv.Pad[0], -conv.Pad[1]),
		InTable: c.table(kernel.PixelTable(out.H, out.W, conv.Stride[0]*in.rowStride(), conv.Stride[1]*in.pixelStride(), t.mr)),
		Pixels:  out.H * out.W,
		A:       a, B: b,
	}
	segments, length := kernel.ConvSegments(conv.Kernel[0], conv.Kernel[1], conv.Inputs(), in.rowStride(), in.pixelStride(), conv.Dilation[0], conv.Dilation[1])
	s.Segments, s.SegmentCount, s.SegmentLen = c.table(segments), len(segments), length
	var residual view
	if o.Residual != nil {
		residual = c.view(o.Residual)
		s.ResidualTable = c.table(kernel.PixelTable(out.H, out.W, residual.rowStride(), residual.pixelStride(), t.mr))
	}
	var bias, scale, zero []float32
	var blocks []int32
	at := weights
	for _, p := range d.parts {
		v := c.view(p.out)
		n := p.blocks(t.nr)
		bias = appendPadded(bias, p.bias, t.nr)
		outTable := c.table(kernel.PixelTable(out.H, out.W, v.rowStride(), v.pixelStride(), t.mr))
		for i := range n {
			block := kernel.Block{
				InOffset: int32(4 * p.group * conv.Inputs()),
				Out:      v.pixel(0, 0) + uint32(4*(p.channel+i*t.nr)),
				OutTable: outTable,
				Lanes:    int32(min(t.nr, p.count-i*t.nr)),
			}
			if o.Residual != nil {
				block.Residual = residual.pixel(0, 0) + uint32(4*(p.channel+i*t.nr))
			}
			blocks = block.Append(blocks)
		}
		if d.expanded {
			scale = appendPadded(scale, p.weight.Scale[p.weightAt:][:p.count], t.nr)
			zero = appendPadded(zero, p.weight.Zero[p.weightAt:][:p.count], t.nr)
			err = c.packPanel(p.weight, p.weightAt, p.count, conv.Kernel, t.nr, at)
		} else {
			err = c.packDirect(p, conv.Kernel, t.nr, at)
		}
		if err != nil {
			return err
		}
		at += uint32(size / d.blocks * n)
	}
	biasAt, blocksAt := c.floats(bias), c.table(blocks)
	if !d.expanded {
		s.Weights, s.Bias, s.Blocks, s.BlockCount = weights, biasAt, blocksAt, d.blocks
		c.step(o, s)
		return nil
	}
	scaleAt, zeroAt := c.floats(scale), c.floats(zero)
	for first := 0; first < d.blocks; first += d.chunk {
		s.BlockCount = min(d.chunk, d.blocks-first)
		maps := uint32(4 * first * t.nr)
		c.step(o, kernel.ExpandStep{
			Expand: kernel.Expand{From: d.from},
			In:     weights + uint32(size/d.blocks*first), Out: scratch,
			Blocks: s.BlockCount, Inputs: conv.Inputs(), Taps: conv.Kernel[0] * conv.Kernel[1], NR: t.nr,
			Scale: scaleAt + maps, Zero: zeroAt + maps,
		})
		s.Weights, s.Bias, s.Blocks = scratch, biasAt+maps, blocksAt+uint32(first*kernel.BlockSize)
		c.step(o, s)
	}
	return nil
}

// appendPadded fills up the last block of nr values: what it has no output for is 0.
func appendPadded(to, values []float32, nr int) []float32 {
	missing := (nr - len(values)%nr) % nr
	return append(append(to, values...), make([]float32, missing)...)
}

// packPanel plans how the weights of count outputs are laid out as they are.
func (c *compiler) packPanel(w ir.Weight, first, count int, kernelSize [2]int, nr int, to uint32) error {
	from, stride, err := source(w, kernelSize)
	if err != nil {
		return err
	}
	// Taps follow one another in OIHW, so that an input's are a part of the depth.
	depth, strideD := w.I*kernelSize[0]*kernelSize[1], from.Size()
	if w.Layout == ir.IO {
		strideD = stride[1]
	}
	c.layJob(w, func(in uint32) kernel.Step {
		return kernel.PanelStep{
			Panel: kernel.Panel{From: from},
			In:    in + uint32(first*stride[0]), Out: to,
			Outputs: count, Depth: depth, StrideO: stride[0], StrideD: strideD, NR: nr,
		}
	})
	return nil
}

// packDirect plans the packing of one part's weights to an address. The parts of
// a grouped convolution share their stored weights, which are staged once.
func (c *compiler) packDirect(p part, kernelSize [2]int, nr int, to uint32) error {
	from, stride, err := source(p.weight, kernelSize)
	if err != nil {
		return err
	}
	c.packJob(p.weight, func(in, scale, zero uint32) kernel.Step {
		return kernel.PackStep{
			Pack: kernel.Pack{From: from},
			In:   in + uint32(p.weightAt*stride[0]), Out: to,
			Outputs: p.count, Inputs: p.weight.I,
			KernelY: kernelSize[0], KernelX: kernelSize[1],
			StrideO: stride[0], StrideI: stride[1], StrideY: stride[2], StrideX: stride[3],
			NR:    nr,
			Scale: scale + uint32(4*p.weightAt), Zero: zero + uint32(4*p.weightAt),
		}
	})
	return nil
}
