package kernel

import (
	"fmt"
	"math"
	"testing"
)

// hard are inputs where functions go wrong: signs, ties, ends of the range.
var hard = []float32{
	0, float32(math.Copysign(0, -1)), 1, -1, 0.5, -0.5, 1e-8, -1e-8, 1e-30, 2.5, -2.5, 0.6249, 0.6251, -0.6249, -0.6251, 0.999, 1.001, -1.001,
	3, -3, 5.9, 6.1, -6, 9, -9, 17, -17, 20, -20, 60, -60, 80, -80, 87, -87, 88.7, -88.7, 89, -89, 100, -100, -103, -104, 1000, -1000,
	float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), 1.5, 7.3, -7.3,
}

// ulps is the distance of got from the true value in units of the last place
// of the float32 nearest to it.
func ulps(got float32, want float64) float64 {
	w := float32(want)
	switch {
	case got == w, math.IsNaN(want) && got != got:
		return 0
	case math.IsInf(float64(w), 0) || math.IsInf(float64(got), 0) || got != got || math.IsNaN(want):
		return math.Inf(1)
	}
	next := math.Nextafter32(float32(math.Abs(want)), Inf)
	return math.Abs(float64(got)-want) / (float64(next) - math.Abs(float64(w)))
}

func TestUnaryFunctionsKeepTheirErrorBounds(t *testing.T) {
	// Bounds in units of the last place, unless absolute is set.
	bounds := map[Activation]struct{ ulps, absolute float64 }{
		None: {}, MinMax: {}, Abs: {}, Neg: {}, Floor: {}, Ceil: {},
		Sqrt: {ulps: 0.5}, Reciprocal: {ulps: 0.5},
		Exp: {ulps: 2}, Sigmoid: {ulps: 4}, SiLU: {ulps: 5}, Tanh: {ulps: 5}, Softplus: {ulps: 4},
		HardSwish: {absolute: 3e-7}, HardSigmoid: {absolute: 3e-7}, LeakyReLU: {ulps: 0.5},
		ELU: {absolute: 1e-7}, Erf: {absolute: 5e-7}, GELU: {absolute: 1e-6},
	}
	for act := range activations {
		t.Run(act.String(), func(t *testing.T) {
			bound, ok := bounds[act]
			if !ok {
				t.Fatal("no bound")
			}
			w := newWorld(uint64(act))
			x := append([]float32(nil), hard...)
			for range 4000 {
				x = append(x, float32(w.rng.NormFloat64()*4))
			}
			const a, b = float32(0.25), float32(0.75)
			n := len(x)
			step := UnaryStep{Unary: Unary{act}, In: w.floats(x), Out: w.output(4 * n), Height: 1, Width: 1, Channels: n, A: a, B: b}
			w.run(t, []Step{step}, func(t *testing.T, mem []byte) {
				worst, at := 0.0, float32(0)
				for i, got := range readFloats(mem, step.Out, n) {
					in := float64(x[i])
					want := act.reference(in, float64(a), float64(b))
					if math.IsInf(in, -1) && (act == HardSwish || act == SiLU || act == GELU) {
						continue // −∞ · 0
					}
					if got == 0 && math.Abs(want) < 0x1p-126 {
						continue // 1/(1 + e^−x) underflows at once
					}
					e := ulps(got, want)
					if bound.absolute != 0 && !math.IsInf(e, 1) {
						e = math.Abs(float64(got)-want) / (1 + math.Abs(want))
					}
					if e > worst {
						worst, at = e, x[i]
					}
				}
				if worst > max(bound.ulps, bound.absolute) {
					t.Errorf("error %v at %v", worst, at)
				}
				t.Logf("worst error %v at %v", worst, at)
			})
		})
	}
}

func TestUnaryGoesOverSlices(t *testing.T) {
	for _, c := range []int{1, 3, 4, 7, 19} {
		w := newWorld(1)
		in, out := w.newTensor(3, 5, c, 1, 2, false), w.newTensor(3, 5, c, 0, 3, true)
		x := w.random(15 * c)
		w.fill(in, x)
		step := UnaryStep{Unary: Unary{Neg}, In: in.at, InRow: in.row, InPixel: in.pixel, Out: out.at, OutRow: out.row, OutPixel: out.pixel, Height: 3, Width: 5, Channels: c}
		w.run(t, []Step{step}, func(t *testing.T, mem []byte) {
			for i, got := range out.read(mem) {
				if got != -x[i] {
					t.Fatalf("%d channels: %d is %v", c, i, got)
				}
			}
		})
	}
}

func TestBinaryBroadcasts(t *testing.T) {
	reference := [binaryOps]func(x, y float64) float64{
		func(x, y float64) float64 { return x + y }, func(x, y float64) float64 { return x - y },
		func(x, y float64) float64 { return x * y }, func(x, y float64) float64 { return x / y },
	}
	const h, wd = 3, 4
	for op := range binaryOps {
		for _, shape := range []string{"same", "per channel"} {
			for _, c := range []int{1, 6, 9} {
				t.Run(fmt.Sprintf("%v %s %d", op, shape, c), func(t *testing.T) {
					w := newWorld(uint64(c))
					x, y, out := w.newTensor(h, wd, c, 0, 1, false), w.newTensor(h, wd, c, 0, 2, false), w.newTensor(h, wd, c, 1, 3, true)
					xs, ys := w.random(h*wd*c), w.random(h*wd*c)
					for i := range ys {
						ys[i] += 2
						xs[i] += 3
					}
					w.fill(x, xs)
					w.fill(y, ys)
					step := BinaryStep{Binary: Binary{Op: op, Act: MinMax}, X: x.at, XRow: x.row, XPixel: x.pixel, Y: y.at, YRow: y.row, YPixel: y.pixel,
						Out: out.at, OutRow: out.row, OutPixel: out.pixel, Height: h, Width: wd, Channels: c, A: -Inf, B: Inf}
					index := func(yy, xx, ch int) int { return (yy*wd+xx)*c + ch }
					pick := index
					if shape == "per channel" {
						step.YRow, step.YPixel = 0, 0
						pick = func(_, _, ch int) int { return index(0, 0, ch) }
					}
					want := make([]float32, h*wd*c)
					for yy := range h {
						for xx := range wd {
							for ch := range c {
								want[index(yy, xx, ch)] = float32(reference[op](float64(xs[index(yy, xx, ch)]), float64(ys[pick(yy, xx, ch)])))
							}
						}
					}
					w.run(t, []Step{step}, func(t *testing.T, mem []byte) { near(t, "output", out.read(mem), want, 1e-7) })
				})
			}
		}
	}
}

// depthwiseCase is one depthwise convolution.
type depthwiseCase struct {
	h, w, c, ky, kx, sy, sx, dy, dx, pad, extraIn, extraOut int
	act                                                     Activation
}

func (c depthwiseCase) run(t *testing.T, seed uint64) {
	t.Helper()
	roomY, roomX := c.h+2*c.pad-c.dy*(c.ky-1)-1, c.w+2*c.pad-c.dx*(c.kx-1)-1
	if roomY < 0 || roomX < 0 {
		return
	}
	oh, ow := roomY/c.sy+1, roomX/c.sx+1
	w := newWorld(seed)
	x, weights, bias := w.random(c.h*c.w*c.c), w.random(c.c*c.ky*c.kx), w.random(c.c)
	in, out := w.newTensor(c.h, c.w, c.c, c.pad, c.extraIn, false), w.newTensor(oh, ow, c.c, 0, c.extraOut, true)
	w.fill(in, x)
	taps := c.ky * c.kx
	pack := PackStep{In: w.floats(weights), Outputs: c.c, Inputs: 1, KernelY: c.ky, KernelX: c.kx, StrideO: 4 * taps, StrideY: 4 * c.kx, StrideX: 4, NR: (c.c + 3) &^ 3}
	pack.Out = w.output(4 * pack.Floats())
	steps := []Step{pack, DepthwiseStep{Depthwise: Depthwise{c.act}, In: in.addr(-c.pad, -c.pad, 0), InRow: in.row, InPixel: in.pixel, Weights: pack.Out, Bias: w.floats(bias),
		Out: out.at, OutRow: out.row, OutPixel: out.pixel, OutHeight: oh, OutWidth: ow, Channels: c.c, KernelY: c.ky, KernelX: c.kx,
		StrideY: c.sy, StrideX: c.sx, DilationY: c.dy, DilationX: c.dx, A: -0.5, B: 0.5}}
	want := make([]float32, oh*ow*c.c)
	for i := range want {
		oy, ox, ch := i/(ow*c.c), i/c.c%ow, i%c.c
		sum := float64(bias[ch])
		for ky := range c.ky {
			for kx := range c.kx {
				iy, ix := oy*c.sy-c.pad+ky*c.dy, ox*c.sx-c.pad+kx*c.dx
				if iy >= 0 && iy < c.h && ix >= 0 && ix < c.w {
					sum += float64(x[(iy*c.w+ix)*c.c+ch]) * float64(weights[ch*taps+ky*c.kx+kx])
				}
			}
		}
		want[i] = float32(c.act.reference(sum, -0.5, 0.5))
	}
	w.run(t, steps, func(t *testing.T, mem []byte) { near(t, "output", out.read(mem), want, 3e-6) })
	if t.Failed() {
		t.Fatalf("%+v", c)
	}
}

func TestDepthwiseAgreesWithNaiveLoop(t *testing.T) {
	for i, c := range []depthwiseCase{
		{h: 8, w: 9, c: 13, ky: 3, kx: 3, sy: 1, sx: 1, dy: 1, dx: 1, pad: 1},
		{h: 9, w: 11, c: 8, ky: 5, kx: 3, sy: 2, sx: 2, dy: 1, dx: 1, pad: 2, act: HardSwish},
		{h: 9, w: 11, c: 3, ky: 3, kx: 3, sy: 1, sx: 2, dy: 2, dx: 3, pad: 3, extraIn: 5, extraOut: 2, act: MinMax},
		{h: 1, w: 1, c: 1, ky: 1, kx: 1, sy: 1, sx: 1, dy: 1, dx: 1},
		{h: 7, w: 7, c: 40, ky: 7, kx: 7, sy: 1, sx: 1, dy: 1, dx: 1},
	} {
		t.Run(fmt.Sprintf("%d", i), func(t *testing.T) { c.run(t, uint64(i)) })
	}
}

func FuzzDepthwise(f *testing.F) {
	addScripts(f, 16, 16)
	f.Fuzz(func(t *testing.T, b []byte) {
		next := (*script)(&b).next
		depthwiseCase{h: 1 + next(9), w: 1 + next(9), c: 1 + next(40), ky: 1 + next(4), kx: 1 + next(4), sy: 1 + next(3), sx: 1 + next(3),
			dy: 1 + next(2), dx: 1 + next(2), pad: next(3), extraIn: next(5), extraOut: next(5), act: Activation(next(2))}.run(t, 1)
	})
}
