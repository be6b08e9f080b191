package simd

import (
	"math"

	"hamster/model/simd/ir"
	"hamster/model/simd/kernel"
)

// winogradConv computes a convolution of stride 1 with fewer multiplications
// (Winograd; Lavin & Gray 2015, "Fast Algorithms for Convolutional Neural
// Networks"): transform the input, multiply a matrix for each position of the
// transform, transform back.
type winogradConv struct {
	o *ir.Op
	w kernel.Winograd
	// transposed lets rows and columns change places, so that 7×1 needs no kernels but those
	// of 1×7.
	transposed bool
	// height and width of the output, as w sees it.
	height, width int
	tile          tile
	// tiles in all, tilesX in a row of them, piece at a time.
	tiles, tilesX, piece int
}

// winogradOutputs are the numbers of outputs at a time that each kernel size may
// use on an axis. More save more multiplications and lose more precision.
var winogradOutputs = map[int][]int{1: {1}, 3: {2, 4}, 5: {2}, 7: {2, 4, 6}}

// pieceBytes is a part of a second-level cache: so much of the transforms is worked on at
// a time, beside the weights.
const pieceBytes = 3 << 18

// What the transforms take, in nanoseconds for a position and channel, beside
// multiplications at the tiles' speed in GMAC/s.
const (
	transformInput  = 0.32
	transformOutput = 0.2
)

// weightBandwidth is at how many bytes in a nanosecond weights come from memory:
// all of them do in every run, since they are larger than any cache.
const weightBandwidth = 10

// transformWeight is what a weight takes to be transformed, in nanoseconds for a position
// of a pair of channels; expandWeight what one takes to become a float.
const (
	transformWeight = 0.35
	expandWeight    = 0.27
)

// worthwhile is how much of the time of a direct convolution a faster one may take at the
// most: its kernels are more code, which the first run waits for.
const worthwhile = 0.85

// maxTransformed bounds the weights of a layer once transformed, in bytes: they should
// stay in a cache until they are used.
const maxTransformed = 5 << 19

// newWinograd returns nil where a direct convolution is faster, or the only way.
func newWinograd(c *compiler, o *ir.Op) emitter {
	conv, out := o.Conv, o.Out[0]
	if c.opts.NoWinograd || len(o.Out) > 1 || conv.Groups != 1 || conv.Kernel == [2]int{1, 1} ||
		conv.Stride != [2]int{1, 1} || conv.Dilation != [2]int{1, 1} || conv.Weights[0].Layout != ir.OIHW {
		return nil
	}
	direct := newDirect(c, o)
	_, bytes := direct.needs()
	best := gemmTime(direct.tile, out.H*out.W, conv.Outputs(), conv.Inputs()*conv.Kernel[0]*conv.Kernel[1]) + float64(bytes)/weightBandwidth
	if direct.expanded {
		best += expandWeight * float64(direct.blocks*direct.panel())
	}
	best *= worthwhile
	if c.opts.everyWinograd {
		best = math.Inf(1)
	}
	var found *winogradConv
	for _, my := range winogradOutputs[conv.Kernel[0]] {
		for _, mx := range winogradOutputs[conv.Kernel[1]] {
			w := &winogradConv{o: o, w: kernel.Winograd{MY: my, MX: mx, KY: conv.Kernel[0], KX: conv.Kernel[1]}, height: out.H, width: out.W}
			if conv.Kernel[1] == 1 {
				w.w = kernel.Winograd{MY: mx, MX: my, KY: 1, KX: conv.Kernel[0]}
				w.transposed, w.height, w.width = true, out.W, out.H
			}
			if w.w.Check() != nil {
				continue
			}
			t := w.plan(c)
			if t < best && w.transformed() <= maxTransformed {
				best, found = t, w
			}
		}
	}
	if found == nil {
		return nil
	}
	return found
}

// gemmTime estimates a product of rows × depth by depth × columns, in
// nanoseconds, the padding of tiles included.
func gemmTime(t tile, rows, columns, depth int) float64 {
	blocks := (columns + t.nr - 1) / t.nr
	return float64((rows+t.mr-1)/t.mr*t.mr) * float64(blocks*t.nr) * float64(depth) / t.speed
}

// plan splits the work and estimates its time in nanoseconds.
func (w *winogradConv) plan(c *compiler) float64 {
	conv := w.o.Conv
	inputs, outputs, positions := conv.Inputs(), conv.Outputs(), w.w.Positions()
	ty, tx := w.w.Tiles(w.height, w.width)
	w.tiles, w.tilesX = ty*tx, tx
	w.tile = pickTile(c.opts, max(2, w.tiles), []int{outputs})
	pieces := max(1, (4*positions*(inputs+outputs)*w.tiles+pieceBytes/2)/pieceBytes)
	w.piece = (w.tiles + pieces - 1) / pieces
	w.piece = min(w.tiles, (w.piece+w.tile.mr-1)/w.tile.mr*w.tile.mr)

	_, bytes := w.needs()
	time := float64(bytes)/weightBandwidth + transformWeight*float64(w.transformed()/4) +
		float64(w.tiles*positions)*(float64(inputs)*transformInput+float64(outputs)*transformOutput)
	for first := 0; first < w.tiles; first += w.piece {
		time += float64(positions) * gemmTime(w.tile, min(w.piece, w.tiles-first), outputs, inputs)
	}
	return time
}

// positionStride is the bytes from one position of a transform to the next. A
// whole number of pages would make all positions of a tile meet in one set of
// the first-level cache.
func positionStride(floats int) int {
	bytes := align(4 * floats)
	if bytes%4096 == 0 {
		bytes += alignment
	}
	return bytes
}

func (w *winogradConv) needs() (scratch, weights int) {
	conv, n := w.o.Conv, w.w.Positions()
	in, out := align(n*positionStride(w.piece*conv.Inputs())), align(n*positionStride(w.piece*conv.Outputs()))
	return in + out + w.transformed(), w.blocks() * w.tile.nr * conv.Inputs() * conv.Kernel[0] * conv.Kernel[1] * conv.Weights[0].Source.Const.DType.Size()
}

func (w *winogradConv) blocks() int { return (w.o.Conv.Outputs() + w.tile.nr - 1) / w.tile.nr }

// transformed is the bytes of all weights, transformed.
func (w *winogradConv) transformed() int {
	return 4 * w.w.Positions() * w.blocks() * w.tile.nr * w.o.Conv.Inputs()
}

// biases is how many zeros stand in for the bias of the products, which is added
// after the transform back.
func (w *winogradConv) biases() int { return w.w.Positions() * w.blocks() * w.tile.nr }

// zeros are as many as any operator needs.
func (c *compiler) zeros() uint32 {
	if c.zerosAt == 0 {
		most := 0
		for _, e := range c.emitters {
			if w, ok := e.(*winogradConv); ok {
				most = max(most, w.biases())
			}
		}
		c.zerosAt = c.floats(make([]float32, most))
	}
	return c.zerosAt
}

// plane is a tensor as w sees it: where it begins and its strides.
type plane struct {
	at         uint32
	row, pixel int
}

func (w *winogradConv) plane(v view) plane {
	if w.transposed {
		return plane{v.pixel(0, 0), v.pixelStride(), v.rowStride()}
	}
	return plane{v.pixel(0, 0), v.rowStride(), v.pixelStride()}
}

func (w *winogradConv) emit(c *compiler, scratch uint32) error {
	o, conv, out, t := w.o, w.o.Conv, w.o.Out[0], w.tile
	act, a, b, err := activation(o.Act)
	if err != nil {
		return err
	}
	inputs, outputs, n := conv.Inputs(), conv.Outputs(), w.w.Positions()
	_, size := w.needs()
	weights := c.weights.take(size)
	stored := conv.Weights[0]
	if err := c.packPanel(stored, 0, outputs, conv.Kernel, t.nr, weights); err != nil {
		return err
	}
	from, err := sourceType(stored)
	if err != nil {
		return err
	}

	in, dst := w.plane(c.view(o.In[0])), w.plane(c.view(out))
	// The first tap of the first output, perhaps in the border.
	first := c.view(o.In[0]).pixel(-conv.Pad[0], -conv.Pad[1])
	inPosition, outPosition := positionStride(w.piece*inputs), positionStride(w.piece*outputs)
	products := scratch + uint32(align(n*inPosition))
	transformed := products + uint32(align(n*outPosition))
	blocks := w.blocks()
	// Whoever reads what is transformed waits for the input's transform, which follows.
	c.step(o, kernel.Unordered{Step: kernel.WinogradWeightsStep{
		WinogradWeights: kernel.WinogradWeights{Winograd: w.w, From: from},
		In:              weights, Out: transformed, Blocks: blocks, Inputs: inputs, NR: t.nr,
		Scale: c.floats(appendPadded(nil, stored.Scale, t.nr)), Zero: c.floats(appendPadded(nil, stored.Zero, t.nr)),
	}})
	bias := c.floats(conv.Bias)
	segment := c.table([]int32{0})
	for done := 0; done < w.tiles; done += w.piece {
		count := min(w.piece, w.tiles-done)
		c.step(o, kernel.WinogradInputStep{
			WinogradInput: kernel.WinogradInput{Winograd: w.w},
			In:            first, InRow: in.row, InPixel: in.pixel,
			InRows: w.height + w.w.KY - 1, InCols: w.width + w.w.KX - 1,
			TilesX: w.tilesX, FirstTile: done, Count: count,
			Channels: inputs, Out: scratch, PositionStride: inPosition,
		})
		outTable := c.table(kernel.PixelTable(1, count, 0, 4*outputs, t.mr))
		table := w.w.Blocks(inPosition, products, outPosition, outTable, outputs, t.nr)
		c.step(o, kernel.ConvStep{
			Conv: kernel.Conv{MR: t.mr, NR: t.nr},
			In:   scratch, Weights: transformed, Bias: c.zeros(),
			InTable: c.table(kernel.PixelTable(1, count, 0, 4*inputs, t.mr)), Pixels: count,
			Segments: segment, SegmentCount: 1, SegmentLen: inputs,
			Blocks: c.table(table), BlockCount: n * blocks,
		})
		s := kernel.WinogradOutputStep{
			WinogradOutput: kernel.WinogradOutput{Winograd: w.w, Act: act, Residual: o.Residual != nil},
			In:             products, PositionStride: outPosition, TileStride: 4 * outputs,
			Bias: bias, Out: dst.at, OutRow: dst.row, OutPixel: dst.pixel,
			OutRows: w.height, OutCols: w.width, TilesX: w.tilesX, FirstTile: done, Count: count,
			Channels: outputs, A: a, B: b,
		}
		if o.Residual != nil {
			r := w.plane(c.view(o.Residual))
			s.ResidualAt, s.ResidualRow, s.ResidualPixel = r.at, r.row, r.pixel
		}
		c.step(o, s)
	}
	return nil
}
