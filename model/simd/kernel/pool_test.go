package kernel

import (
	"fmt"
	"math"
	"testing"
)

// poolCase is one pooling, in the terms of ONNX.
type poolCase struct {
	pool              Pool
	h, w, c           int
	ky, kx            int
	sy, sx, dy, dx    int
	pads              [4]int // top, left, bottom, right
	ceil, countPad    bool
	extraIn, extraOut int
}

// outputs is the length of an output axis, by the formula of ONNX. With ceil
// the last window must still begin inside the input or its leading padding.
func outputs(size, before, after, kernel, dilation, stride int, ceil bool) int {
	room := size + before + after - dilation*(kernel-1) - 1
	if room < 0 {
		return 0
	}
	n := room/stride + 1
	if ceil && room%stride != 0 {
		n++
		if (n-1)*stride >= size+before {
			n--
		}
	}
	return n
}

func (c poolCase) run(t *testing.T, seed uint64) {
	t.Helper()
	oh := outputs(c.h, c.pads[0], c.pads[2], c.ky, c.dy, c.sy, c.ceil)
	ow := outputs(c.w, c.pads[1], c.pads[3], c.kx, c.dx, c.sx, c.ceil)
	if oh < 1 || ow < 1 {
		return
	}
	w := newWorld(seed)
	x, bias := w.random(c.h*c.w*c.c), w.random(c.c)
	in := w.newTensor(c.h, c.w, c.c, 0, c.extraIn, false)
	w.fill(in, x)
	out := w.newTensor(oh, ow, c.c, 0, c.extraOut, true)
	step := PoolStep{
		Pool: c.pool, In: in.at, InRow: in.row, InPixel: in.pixel, Height: c.h, Width: c.w,
		Out: out.at, OutRow: out.row, OutPixel: out.pixel, OutHeight: oh, OutWidth: ow, Channels: c.c,
		KernelY: c.ky, KernelX: c.kx, StrideY: c.sy, StrideX: c.sx, DilationY: c.dy, DilationX: c.dx,
		PadTop: c.pads[0], PadLeft: c.pads[1], PadBottom: c.pads[2], PadRight: c.pads[3], CountPad: c.countPad,
		BiasAt: w.floats(bias), A: -0.1, B: 0.2,
	}
	want := make([]float32, oh*ow*c.c)
	for i := range want {
		oy, ox, ch := i/(ow*c.c), i/c.c%ow, i%c.c
		best, sum := math.Inf(-1), 0.0
		inside, counted := 0, 0
		for ky := range c.ky {
			for kx := range c.kx {
				iy, ix := oy*c.sy-c.pads[0]+ky*c.dy, ox*c.sx-c.pads[1]+kx*c.dx
				if iy < c.h+c.pads[2] && ix < c.w+c.pads[3] {
					counted++
				}
				if iy < 0 || ix < 0 || iy >= c.h || ix >= c.w {
					continue
				}
				inside++
				v := float64(x[(iy*c.w+ix)*c.c+ch])
				best = math.Max(best, v)
				sum += v
			}
		}
		v := best
		if c.pool.Kind == AveragePool {
			if !c.countPad {
				counted = inside
			}
			v = sum / float64(counted)
		}
		if c.pool.Bias {
			v += float64(bias[ch])
		}
		want[i] = float32(c.pool.Act.reference(v, -0.1, 0.2))
	}
	w.run(t, []Step{step}, func(t *testing.T, mem []byte) { near(t, "output", out.read(mem), want, 1e-6) })
	if t.Failed() {
		t.Fatalf("%+v", c)
	}
}

func TestPoolsAgreeWithNaiveLoop(t *testing.T) {
	tests := []struct {
		name string
		c    poolCase
	}{
		{"max 3x3 stride 2", poolCase{h: 9, w: 11, c: 17, ky: 3, kx: 3, sy: 2, sx: 2, dy: 1, dx: 1}},
		{"max with padding", poolCase{h: 6, w: 5, c: 3, ky: 3, kx: 3, sy: 1, sx: 1, dy: 1, dx: 1, pads: [4]int{1, 1, 1, 1}}},
		{"max dilated", poolCase{h: 9, w: 9, c: 5, ky: 3, kx: 2, sy: 1, sx: 2, dy: 2, dx: 3, pads: [4]int{2, 1, 0, 2}}},
		{"max ceil", poolCase{h: 8, w: 8, c: 4, ky: 3, kx: 3, sy: 2, sx: 2, dy: 1, dx: 1, ceil: true}},
		{"average without padding counted", poolCase{pool: Pool{Kind: AveragePool}, h: 6, w: 7, c: 21, ky: 3, kx: 3, sy: 1, sx: 1, dy: 1, dx: 1, pads: [4]int{1, 1, 1, 1}}},
		{"average with padding counted", poolCase{pool: Pool{Kind: AveragePool}, h: 6, w: 7, c: 21, ky: 3, kx: 3, sy: 1, sx: 1, dy: 1, dx: 1, pads: [4]int{1, 1, 1, 1}, countPad: true}},
		{"average ceil with padding counted", poolCase{pool: Pool{Kind: AveragePool}, h: 8, w: 8, c: 4, ky: 3, kx: 3, sy: 2, sx: 2, dy: 1, dx: 1, pads: [4]int{1, 0, 0, 1}, countPad: true, ceil: true}},
		{"average with bias and clip", poolCase{pool: Pool{Kind: AveragePool, Bias: true, Act: MinMax}, h: 5, w: 5, c: 9, ky: 3, kx: 3, sy: 1, sx: 1, dy: 1, dx: 1, pads: [4]int{1, 1, 1, 1}}},
		{"window as large as the input", poolCase{pool: Pool{Kind: AveragePool}, h: 5, w: 4, c: 2, ky: 5, kx: 4, sy: 1, sx: 1, dy: 1, dx: 1, extraIn: 3, extraOut: 2}},
	}
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.c.run(t, uint64(i)) })
	}
}

func FuzzPool(f *testing.F) {
	addScripts(f, 24, 20)
	f.Fuzz(func(t *testing.T, b []byte) {
		next := (*script)(&b).next
		c := poolCase{pool: Pool{Kind: PoolKind(next(2)), Bias: next(2) == 1, Act: Activation(next(2))}, h: 1 + next(9), w: 1 + next(9), c: 1 + next(40),
			ky: 1 + next(4), kx: 1 + next(4), sy: 1 + next(3), sx: 1 + next(3), dy: 1 + next(2), dx: 1 + next(2),
			ceil: next(2) == 1, countPad: next(2) == 1, extraIn: next(5), extraOut: next(5)}
		// ONNX demands pads smaller than the window.
		c.pads = [4]int{next(c.ky), next(c.kx), next(c.ky), next(c.kx)}
		if c.dy > 1 || c.dx > 1 {
			// A dilated window may lie wholly outside: no defined average.
			c.pads = [4]int{}
		}
		if c.h < c.ky || c.w < c.kx {
			return
		}
		c.run(t, 3)
	})
}

func TestGlobalPoolsAgreeWithNaiveLoop(t *testing.T) {
	for _, kind := range []PoolKind{MaxPool, AveragePool} {
		for _, channels := range []int{1, 4, 15, 16, 37} {
			t.Run(fmt.Sprintf("%v %d", kind, channels), func(t *testing.T) {
				w := newWorld(uint64(channels))
				in := w.newTensor(5, 3, channels, 1, channels%4, false)
				x := w.random(15 * channels)
				w.fill(in, x)
				out := w.output(4 * channels)
				want := make([]float32, channels)
				for c := range want {
					best, sum := math.Inf(-1), 0.0
					for p := range 15 {
						v := float64(x[p*channels+c])
						best, sum = math.Max(best, v), sum+v
					}
					want[c] = float32(best)
					if kind == AveragePool {
						want[c] = float32(sum / 15)
					}
				}
				step := GlobalPoolStep{GlobalPool: GlobalPool{kind}, In: in.at, InRow: in.row, InPixel: in.pixel, Height: 5, Width: 3, Channels: channels, Out: out}
				w.run(t, []Step{step}, func(t *testing.T, mem []byte) { near(t, "output", readFloats(mem, out, channels), want, 1e-6) })
			})
		}
	}
}
