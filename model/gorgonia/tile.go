package gorgonia

// Convolutions and matrix products come down to one kernel: a tile of 2 pixels
// (or rows) by 4 channels (or columns), summed over k. The eight sums, a pixel
// and a product fit the sixteen float32 registers that Go has on amd64 and in
// WebAssembly; larger tiles spill. Both operands are packed so that the kernel
// reads them in order, four steps of k a block, which makes the bounds checks
// vanish.
const (
	tilePixels   = 2
	tileChannels = 4
	tileSteps    = 4
)

// pixelBlock holds four steps of k for the pixels of a tile: [step][pixel].
type pixelBlock [tileSteps * tilePixels]float32

// weightBlock holds four steps of k for the channels of a tile: [step][channel].
type weightBlock [tileSteps * tileChannels]float32

// tileSums holds the sums of a tile: [pixel][channel].
type tileSums [tilePixels * tileChannels]float32

// tile sums pixels·weights over k, in the order of k.
func tile(pixels []pixelBlock, weights []weightBlock, sums *tileSums) {
	var c00, c01, c02, c03, c10, c11, c12, c13 float32
	weights = weights[:len(pixels)]
	for k := range pixels {
		p, w := &pixels[k], &weights[k]

		x := w[0]
		c00 += x * p[0]
		c10 += x * p[1]
		x = w[1]
		c01 += x * p[0]
		c11 += x * p[1]
		x = w[2]
		c02 += x * p[0]
		c12 += x * p[1]
		x = w[3]
		c03 += x * p[0]
		c13 += x * p[1]

		x = w[4]
		c00 += x * p[2]
		c10 += x * p[3]
		x = w[5]
		c01 += x * p[2]
		c11 += x * p[3]
		x = w[6]
		c02 += x * p[2]
		c12 += x * p[3]
		x = w[7]
		c03 += x * p[2]
		c13 += x * p[3]

		x = w[8]
		c00 += x * p[4]
		c10 += x * p[5]
		x = w[9]
		c01 += x * p[4]
		c11 += x * p[5]
		x = w[10]
		c02 += x * p[4]
		c12 += x * p[5]
		x = w[11]
		c03 += x * p[4]
		c13 += x * p[5]

		x = w[12]
		c00 += x * p[6]
		c10 += x * p[7]
		x = w[13]
		c01 += x * p[6]
		c11 += x * p[7]
		x = w[14]
		c02 += x * p[6]
		c12 += x * p[7]
		x = w[15]
		c03 += x * p[6]
		c13 += x * p[7]
	}
	*sums = tileSums{c00, c01, c02, c03, c10, c11, c12, c13}
}

// blocks is the number of blocks that k steps take.
func blocks(k int) int { return (k + tileSteps - 1) / tileSteps }

// weights is a matrix of channels × k, packed for tile: groups of four channels,
// each [blocks(k)]. What sticks out is zero.
type weights struct {
	channels, k int
	data        []weightBlock
}

// weightBlocks is the number of blocks that weights of this size take.
func weightBlocks(channels, k int) int {
	return (channels + tileChannels - 1) / tileChannels * blocks(k)
}

// packWeights packs the matrix whose element (c, k) is src[c·cStride + k·kStride]
// into data, which has weightBlocks(channels, k) blocks.
func packWeights(data []weightBlock, channels, k int, src []float32, cStride, kStride int) weights {
	w := weights{channels, k, data}
	n := blocks(k)
	for c0 := 0; c0 < channels; c0 += tileChannels {
		group := w.group(c0)
		for b := range n {
			block := &group[b]
			*block = weightBlock{}
			for s := range min(tileSteps, k-b*tileSteps) {
				for c := range min(tileChannels, channels-c0) {
					block[s*tileChannels+c] = src[(c0+c)*cStride+(b*tileSteps+s)*kStride]
				}
			}
		}
	}
	return w
}

// group is the panel of the four channels from c0 on.
func (w weights) group(c0 int) []weightBlock {
	n := blocks(w.k)
	return w.data[c0/tileChannels*n:][:n]
}

// gather packs a tile's pixels: step k of pixel i is src[base_i + offset[k]].
func gather(dst []pixelBlock, src []float32, base0, base1 int, offset []int32) {
	a, b := src[base0:], src[base1:]
	full := len(offset) / tileSteps
	for i := range dst[:full] {
		o := (*[tileSteps]int32)(offset[i*tileSteps:])
		p := &dst[i]
		p[0], p[1] = a[o[0]], b[o[0]]
		p[2], p[3] = a[o[1]], b[o[1]]
		p[4], p[5] = a[o[2]], b[o[2]]
		p[6], p[7] = a[o[3]], b[o[3]]
	}
	if full == len(dst) {
		return
	}
	last := &dst[full]
	*last = pixelBlock{}
	for s, o := range offset[full*tileSteps:] {
		last[s*tilePixels], last[s*tilePixels+1] = a[o], b[o]
	}
}

// product is a matrix product in tiles: pixel p of channel c goes to
// dst[p·pixelStride + c·channelStride].
type product struct {
	src    []float32
	pixels int
	// base is where pixel p begins in src; its step k lies offset[k] further on.
	base   func(p int) int
	offset []int32

	weights weights
	bias    []float32 // one a channel, or nil

	dst                        []float32
	pixelStride, channelStride int
}

// packed is about how many bytes of pixels are packed at a time, so that they
// stay in the second-level cache while the weights stream past.
const packed = 256 << 10

// blockPixels is how many pixels one task packs.
func blockPixels(k int) int {
	n := packed / (4 * max(k, 1))
	return min(max(n, 16), 256) &^ (tilePixels - 1)
}

// tasks cuts the product into a grid of pixels × channels such that there is
// work for every worker.
func (m *product) tasks(workers int) (pixelTasks, channelTasks int) {
	per := blockPixels(m.weights.k)
	pixelTasks = (m.pixels + per - 1) / per
	if workers == 1 || pixelTasks >= 2*workers {
		return pixelTasks, 1
	}
	groups := (m.weights.channels + tileChannels - 1) / tileChannels
	return pixelTasks, min(groups, (2*workers+pixelTasks-1)/max(pixelTasks, 1))
}

// run computes one task of the grid; scratch is the worker's own.
func (m *product) run(task, channelTasks int, scratch *scratch) {
	per, n := blockPixels(m.weights.k), blocks(m.weights.k)
	p0 := task / channelTasks * per
	count := min(per, m.pixels-p0)
	tiles := (count + tilePixels - 1) / tilePixels
	pack := scratch.pixels(tiles * n)
	for t := range tiles {
		p := p0 + t*tilePixels
		gather(pack[t*n:][:n], m.src, m.base(p), m.base(min(p+1, m.pixels-1)), m.offset)
	}

	groups := (m.weights.channels + tileChannels - 1) / tileChannels
	part := task % channelTasks
	var sums tileSums
	for g := groups * part / channelTasks; g < groups*(part+1)/channelTasks; g++ {
		c0 := g * tileChannels
		panel := m.weights.group(c0)
		for t := range tiles {
			tile(pack[t*n:][:n], panel, &sums)
			m.store(&sums, p0+t*tilePixels, c0)
		}
	}
}

func (m *product) store(sums *tileSums, p0, c0 int) {
	pixels := min(tilePixels, m.pixels-p0)
	for c := range min(tileChannels, m.weights.channels-c0) {
		var b float32
		if m.bias != nil {
			b = m.bias[c0+c]
		}
		at := p0*m.pixelStride + (c0+c)*m.channelStride
		for p := range pixels {
			m.dst[at+p*m.pixelStride] = sums[p*tileChannels+c] + b
		}
	}
}
