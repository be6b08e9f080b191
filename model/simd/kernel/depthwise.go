package kernel

import "hamster/model/simd/asm"

// Depthwise is the kernel f32_dwconv_nhwc: each channel is convolved with its
// own window.
type Depthwise struct{ Act Activation }

// DepthwiseStep convolves channel by channel, any window, stride and dilation.
// The input needs its halo. Weights are [KernelY][KernelX][C4] with C4 the
// channels rounded up to a multiple of 4 (PackStep with Outputs = Channels,
// Inputs = 1, NR = C4). One item is one row of output.
type DepthwiseStep struct {
	Depthwise
	In                   uint32 // the first tap of output pixel (0, 0), perhaps in the halo
	InRow, InPixel       int
	Weights, Bias        uint32
	Out                  uint32
	OutRow, OutPixel     int
	OutHeight, OutWidth  int
	Channels             int
	KernelY, KernelX     int
	StrideY, StrideX     int
	DilationY, DilationX int
	A, B                 float32
}

const (
	dwIn = 4 * iota
	dwWeights
	dwBias
	dwOut
	dwInStep // bytes from output row to output row, in the input
	dwOutRow
	dwOutPixel
	dwOutWidth
	dwBytes
	dwPixelStep // bytes from output pixel to output pixel, in the input
	dwKernelY
	dwKernelX
	dwTapY
	dwTapX
	dwTapWeights
	dwA
	dwB
)

// Kernel is the step's Depthwise.
func (s DepthwiseStep) Kernel() Kernel { return s.Depthwise }

// Items is the number of output rows.
func (s DepthwiseStep) Items() int { return s.OutHeight }

// Words is the descriptor.
func (s DepthwiseStep) Words() []uint32 {
	w := []uint32{s.In, s.Weights, s.Bias, s.Out}
	for _, x := range []int{
		s.StrideY * s.InRow, s.OutRow, s.OutPixel, s.OutWidth, 4 * s.Channels, s.StrideX * s.InPixel,
		s.KernelY, s.KernelX, max(s.DilationY, 1) * s.InRow, max(s.DilationX, 1) * s.InPixel, 4 * ((s.Channels + 3) &^ 3),
	} {
		w = append(w, uint32(x))
	}
	return append(w, bits(s.A), bits(s.B))
}

// Name is, for instance, f32_dwconv_nhwc_relaxed_minmax.
func (d Depthwise) Name(o Options) string { return "f32_dwconv_nhwc_" + o.isa() + d.Act.suffix() }

func (d Depthwise) emit(e *emitter, name string) (*asm.Func, error) {
	// The inner function makes n pixels of w channels: their sums share the
	// loads of the weights.
	const pixels = 4
	tile := func(n int, w width) (*asm.Func, error) {
		f := e.m.Func(name + "_tile")
		desc, in, weights, bias, out := f.ParamI32(), f.ParamI32(), f.ParamI32(), f.ParamI32(), f.ParamI32()
		q := f.I32s(n)
		row, rows, taps := f.I32(), f.I32(), f.I32()
		pixel, tapX, tapWeights := f.LetI32(desc.LoadI32(dwPixelStep)), f.LetI32(desc.LoadI32(dwTapX)), f.LetI32(desc.LoadI32(dwTapWeights))
		nv := w.vectors()
		acc := grid(f, n, nv)
		wv := f.V128s(nv)
		for j := range nv {
			for i := range n {
				acc[i][j].Set(w.load(bias, uint32(16*j)))
			}
		}
		row.Set(in.I32)
		rows.Set(desc.LoadI32(dwKernelY))
		f.DoWhile(rows, func() {
			q[0].Set(row.I32)
			for i := 1; i < n; i++ {
				q[i].Set(q[i-1].Add(pixel))
			}
			taps.Set(desc.LoadI32(dwKernelX))
			f.DoWhile(taps, func() {
				for j := range nv {
					wv[j].Set(w.load(weights, uint32(16*j)))
				}
				for i := range n {
					for j := range nv {
						acc[i][j].Set(e.madd(w.load(q[i], uint32(16*j)), wv[j], acc[i][j]))
					}
					q[i].Set(q[i].Add(tapX))
				}
				weights.Set(weights.Add(tapWeights))
				taps.Inc(-1)
			})
			row.Set(row.Add(desc.LoadI32(dwTapY)))
			rows.Inc(-1)
		})
		act, err := d.Act.begin(e, f, desc, dwA)
		if err != nil {
			return nil, err
		}
		for i := range n {
			for j := range nv {
				w.store(f, out, uint32(16*j), act(acc[i][j]))
			}
			if i+1 < n {
				out.Set(out.Add(desc.LoadI32(dwOutPixel)))
			}
		}
		return f, nil
	}
	widths := []width{8, 4, 1}
	tiles := map[width][2]*asm.Func{}
	for _, w := range widths {
		wide, err := tile(pixels, w)
		if err != nil {
			return nil, err
		}
		narrow, err := tile(1, w)
		if err != nil {
			return nil, err
		}
		tiles[w] = [2]*asm.Func{wide, narrow}
	}
	f, desc, item, end := e.kernel(name)
	at, x, in, out := f.I32(), f.I32(), f.I32(), f.I32()
	bytes, outWidth := f.LetI32(desc.LoadI32(dwBytes)), f.LetI32(desc.LoadI32(dwOutWidth))
	f.While(item.LtS(end), func() {
		overChannels(f, at, bytes, widths, func(w width) {
			in.Set(desc.LoadI32(dwIn).Add(item.Mul(desc.LoadI32(dwInStep))).Add(at))
			out.Set(desc.LoadI32(dwOut).Add(item.Mul(desc.LoadI32(dwOutRow))).Add(at))
			x.Set(asm.Int(0))
			for k, n := range [2]int32{pixels, 1} {
				f.While(x.AddConst(n).LeS(outWidth), func() {
					f.Call(tiles[w][k], desc, in, desc.LoadI32(dwWeights).Add(at), desc.LoadI32(dwBias).Add(at), out)
					in.Set(in.Add(desc.LoadI32(dwPixelStep).MulConst(n)))
					out.Set(out.Add(desc.LoadI32(dwOutPixel).MulConst(n)))
					x.Inc(n)
				})
			}
		})
		item.Inc(1)
	})
	return f, nil
}
