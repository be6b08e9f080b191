package gorgonia

import (
	"fmt"

	"hamster/model/graph"
)

// maxPadded bounds the copy of an input with its border of zeros, which a few
// bytes of pads in a file could otherwise make as large as they please.
const maxPadded = 1 << 26

// conv is what is known of a convolution when it is lowered.
type conv struct {
	graph.Conv
	n, inC, inH, inW    int
	outC, outH, outW    int
	padH, padW          int // the input with its border
	groupIn, groupOut   int
	offset              []int32
	k                   int
	elements, outPlane  int
	bordered, depthwise bool
}

func newConv(n *graph.Node) (*conv, error) {
	p, err := graph.ConvOf(n)
	if err != nil {
		return nil, err
	}
	x, y := n.Inputs[0].Shape, n.Outputs[0].Shape
	c := &conv{
		Conv: p, n: x[0], inC: x[1], inH: x[2], inW: x[3], outC: y[1], outH: y[2], outW: y[3],
		padH: x[2] + p.Pad[0] + p.Pad[2], padW: x[3] + p.Pad[1] + p.Pad[3],
		groupIn: x[1] / p.Groups, groupOut: y[1] / p.Groups,
		outPlane: y[2] * y[3], bordered: p.Pad != [4]int{},
	}
	c.k = c.groupIn * p.Kernel[0] * p.Kernel[1]
	c.depthwise = c.groupIn == 1 && c.groupOut < tileChannels
	c.elements = c.inC * c.padH * c.padW
	if c.bordered && c.elements > maxPadded && c.elements/4 > c.inC*c.inH*c.inW {
		return nil, fmt.Errorf("pads %v make %d×%d pixels of %d×%d", p.Pad, c.padH, c.padW, c.inH, c.inW)
	}
	for ch := range c.groupIn {
		for ky := range p.Kernel[0] {
			for kx := range p.Kernel[1] {
				at := (ch*c.padH+ky*p.Dilation[0])*c.padW + kx*p.Dilation[1]
				c.offset = append(c.offset, int32(at))
			}
		}
	}
	return c, nil
}

// lowerConv packs constant weights once; others are packed in every run.
func lowerConv(c *compiler, n *graph.Node) (*step, error) {
	conv, err := newConv(n)
	if err != nil {
		return nil, err
	}
	inputs := []*graph.Value{n.Inputs[0]}
	weightsAt, biasAt := -1, -1
	var constant []weights
	var taps []float32
	switch {
	case !c.isConstant(n.Inputs[1]):
		weightsAt = len(inputs)
		inputs = append(inputs, n.Inputs[1])
	case conv.depthwise:
		if taps, err = c.constant(n.Inputs[1]); err != nil {
			return nil, err
		}
	default:
		w, err := c.constant(n.Inputs[1])
		if err != nil {
			return nil, err
		}
		constant = conv.pack(make([]weightBlock, conv.weightBlocks()), w)
	}
	if b := n.Input(2); b != nil {
		biasAt = len(inputs)
		inputs = append(inputs, b)
	}
	pool := c.pool
	do := func(dst []float32, in [][]float32) {
		var bias []float32
		if biasAt >= 0 {
			bias = in[biasAt]
		}
		packed, taps := constant, taps
		switch {
		case weightsAt >= 0 && conv.depthwise:
			taps = in[weightsAt]
		case weightsAt >= 0:
			packed = conv.pack(pool.weightBlocks(conv.weightBlocks()), in[weightsAt])
		}
		for b := range conv.n {
			src := conv.border(pool, in[0][b*conv.inC*conv.inH*conv.inW:][:conv.inC*conv.inH*conv.inW])
			out := dst[b*conv.outC*conv.outPlane:][:conv.outC*conv.outPlane]
			if conv.depthwise {
				conv.runDepthwise(pool, out, src, taps, bias)
			} else {
				conv.run(pool, out, src, packed, bias)
			}
		}
	}
	return &step{inputs: inputs, do: do}, nil
}

// weightBlocks is the number of blocks that all groups' weights take.
func (c *conv) weightBlocks() int { return c.Groups * weightBlocks(c.groupOut, c.k) }

// pack packs M×C/Groups×kh×kw, group by group.
func (c *conv) pack(data []weightBlock, src []float32) []weights {
	per := weightBlocks(c.groupOut, c.k)
	all := make([]weights, c.Groups)
	for g := range all {
		all[g] = packWeights(data[g*per:][:per], c.groupOut, c.k, src[g*c.groupOut*c.k:], c.k, 1)
	}
	return all
}

// border returns the image with its border of zeros, so that no window leaves
// it.
func (c *conv) border(p *pool, src []float32) []float32 {
	if !c.bordered {
		return src
	}
	dst := p.padded(c.elements)
	top, left := c.Pad[0], c.Pad[1]
	p.each(c.inC, func(ch int, _ *scratch) {
		plane := dst[ch*c.padH*c.padW:][:c.padH*c.padW]
		from := src[ch*c.inH*c.inW:][:c.inH*c.inW]
		clear(plane[:top*c.padW])
		for y := range c.inH {
			row := plane[(top+y)*c.padW:][:c.padW]
			clear(row[:left])
			copy(row[left:], from[y*c.inW:][:c.inW])
			clear(row[left+c.inW:])
		}
		clear(plane[(top+c.inH)*c.padW:])
	})
	return dst
}

func (c *conv) run(p *pool, dst, src []float32, w []weights, bias []float32) {
	products := make([]product, c.Groups)
	for g := range products {
		m := &products[g]
		*m = product{
			src:    src[g*c.groupIn*c.padH*c.padW:],
			pixels: c.outPlane,
			base: func(p int) int {
				return p/c.outW*c.Stride[0]*c.padW + p%c.outW*c.Stride[1]
			},
			offset:      c.offset,
			weights:     w[g],
			dst:         dst[g*c.groupOut*c.outPlane:][:c.groupOut*c.outPlane],
			pixelStride: 1, channelStride: c.outPlane,
		}
		if bias != nil {
			m.bias = bias[g*c.groupOut:][:c.groupOut]
		}
	}
	workers := len(p.workers)
	if c.Groups >= 2*workers {
		workers = 1 // the groups are tasks enough
	}
	pixelTasks, channelTasks := products[0].tasks(workers)
	per := pixelTasks * channelTasks
	p.each(c.Groups*per, func(i int, s *scratch) { products[i/per].run(i%per, channelTasks, s) })
}

// runDepthwise convolves one channel with one kernel at a time: a row of the
// result is a sum of rows of the input, each by one weight.
func (c *conv) runDepthwise(p *pool, dst, src, taps, bias []float32) {
	kh, kw := c.Kernel[0], c.Kernel[1]
	p.each(c.outC, func(m int, _ *scratch) {
		plane := src[m/c.groupOut*c.padH*c.padW:][:c.padH*c.padW]
		out := dst[m*c.outPlane:][:c.outPlane]
		kernel := taps[m*kh*kw:][:kh*kw]
		var b float32
		if bias != nil {
			b = bias[m]
		}
		for oy := range c.outH {
			row := out[oy*c.outW:][:c.outW]
			clear(row)
			for i, t := range kernel {
				at := (oy*c.Stride[0]+i/kw*c.Dilation[0])*c.padW + i%kw*c.Dilation[1]
				addScaled(row, plane[at:], t, c.Stride[1])
			}
			for i := range row {
				row[i] += b
			}
		}
	})
}

// addScaled adds factor·src[i·stride] to dst[i].
func addScaled(dst, src []float32, factor float32, stride int) {
	if stride == 1 {
		src = src[:len(dst)]
		for i := range dst {
			dst[i] += factor * src[i]
		}
		return
	}
	for i := range dst {
		dst[i] += factor * src[i*stride]
	}
}
