package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// winogradCase is one convolution of stride 1.
type winogradCase struct {
	w                Winograd
	h, wd, cin, cout int // of the output
	act              Activation
	residual         bool
	piece            int // tiles at a time; 0 = all
	extra            int
	from             Source // of the weights
}

func (c winogradCase) run(t *testing.T, seed uint64, tolerance float64) {
	t.Helper()
	const nr, mr = 8, 4
	w := newWorld(seed)
	ih, iw := c.h+c.w.KY-1, c.wd+c.w.KX-1
	x := w.random(ih * iw * c.cin)
	taps := c.w.KY * c.w.KX
	weights := make([]float32, c.cout*c.cin*taps)
	var stored []byte
	scale, zero := make([]float32, c.cout), make([]float32, c.cout)
	for o := range scale {
		middle, span := c.from.values()
		scale[o], zero[o] = (w.rng.Float32()+0.5)/span, middle
	}
	for i := range weights {
		o := i / (c.cin * taps)
		var v float32
		v, stored = c.from.random(w, stored)
		weights[i] = (v - zero[o]) * scale[o]
	}
	bias, res := w.random(c.cout), w.random(c.h*c.wd*c.cout)
	in := w.newTensor(ih, iw, c.cin, 0, c.extra, false)
	w.fill(in, x)
	out := w.newTensor(c.h, c.wd, c.cout, 0, c.extra, true)
	resT := w.newTensor(c.h, c.wd, c.cout, 0, 0, false)
	w.fill(resT, res)

	ty, tx := c.w.Tiles(c.h, c.wd)
	piece := c.piece
	if piece == 0 {
		piece = ty * tx
	}
	panels := ceilDiv(c.cout, nr)
	panel := PanelStep{Panel: Panel{c.from}, In: w.bytes(stored), Outputs: c.cout, Depth: c.cin * taps,
		StrideO: c.cin * taps * c.from.Size(), StrideD: c.from.Size(), NR: nr}
	panel.Out = w.output(panel.Bytes())
	transform := WinogradWeightsStep{WinogradWeights: WinogradWeights{c.w, c.from}, In: panel.Out, Blocks: panels, Inputs: c.cin, NR: nr,
		Scale: w.floats(padded(scale, nr)), Zero: w.floats(padded(zero, nr))}
	transform.Out = w.output(4 * transform.Floats())
	n := c.w.Positions()
	v := w.output(4 * n * piece * c.cin)
	m := w.output(4 * n * piece * c.cout)
	steps := []Step{panel, transform}
	for first := 0; first < ty*tx; first += piece {
		count := min(piece, ty*tx-first)
		outTable := w.ints(PixelTable(1, count, 0, 4*c.cout, mr))
		blocks := c.w.Blocks(4*piece*c.cin, m, 4*piece*c.cout, outTable, c.cout, nr)
		steps = append(steps,
			WinogradInputStep{WinogradInput: WinogradInput{c.w}, In: in.at, InRow: in.row, InPixel: in.pixel, InRows: ih, InCols: iw,
				TilesX: tx, FirstTile: first, Count: count, Channels: c.cin, Out: v, PositionStride: 4 * piece * c.cin},
			ConvStep{Conv: Conv{MR: mr, NR: nr}, In: v, Weights: transform.Out, Bias: w.floats(make([]float32, n*panels*nr)),
				InTable: w.ints(PixelTable(1, count, 0, 4*c.cin, mr)), Pixels: count, Segments: w.ints([]int32{0}), SegmentCount: 1, SegmentLen: c.cin,
				Blocks: w.ints(blocks), BlockCount: n * panels},
			WinogradOutputStep{WinogradOutput: WinogradOutput{c.w, c.act, c.residual}, In: m, PositionStride: 4 * piece * c.cout, TileStride: 4 * c.cout,
				Bias: w.floats(bias), Out: out.at, OutRow: out.row, OutPixel: out.pixel, OutRows: c.h, OutCols: c.wd, TilesX: tx, FirstTile: first, Count: count,
				Channels: c.cout, ResidualAt: resT.at, ResidualRow: resT.row, ResidualPixel: resT.pixel, A: -0.5, B: 0.5})
	}
	want := make([]float32, c.h*c.wd*c.cout)
	for i := range want {
		oy, ox, o := i/(c.wd*c.cout), i/c.cout%c.wd, i%c.cout
		sum := float64(bias[o])
		for ky := range c.w.KY {
			for kx := range c.w.KX {
				for k := range c.cin {
					sum += float64(x[((oy+ky)*iw+ox+kx)*c.cin+k]) * float64(weights[((o*c.cin+k)*c.w.KY+ky)*c.w.KX+kx])
				}
			}
		}
		if c.residual {
			sum += float64(res[i])
		}
		want[i] = float32(c.act.reference(sum, -0.5, 0.5))
	}
	w.run(t, steps, func(t *testing.T, mem []byte) { near(t, "output", out.read(mem), want, tolerance) })
	if t.Failed() {
		t.Fatalf("%+v", c)
	}
}

var winograds = []Winograd{{2, 2, 3, 3}, {4, 4, 3, 3}, {2, 2, 5, 5}, {1, 2, 1, 7}, {2, 1, 7, 1}, {1, 4, 1, 7}, {4, 1, 7, 1}, {1, 4, 1, 3}, {3, 1, 3, 1}, {1, 6, 1, 7}, {2, 2, 7, 7}, {2, 4, 3, 7}}

func TestWinogradAgreesWithNaiveLoop(t *testing.T) {
	for i, w := range winograds {
		for _, c := range []winogradCase{
			{w: w, h: 8, wd: 8, cin: 8, cout: 8, from: Uint8},
			{w: w, h: 7, wd: 9, cin: 5, cout: 11, extra: 3, act: MinMax, residual: true, from: Float32},
			{w: w, h: 1, wd: 1, cin: 1, cout: 1, from: Uint8},
			{w: w, h: 9, wd: 5, cin: 6, cout: 7, piece: 2, act: MinMax, from: Float16},
		} {
			t.Run(fmt.Sprintf("%v %dx%d %d to %d", w, c.h, c.wd, c.cin, c.cout), func(t *testing.T) { c.run(t, uint64(i), 1e-4) })
		}
	}
}

func TestCookToomIsAFilter(t *testing.T) {
	for m := 1; m <= 6; m++ {
		for r := 1; r <= 7 && winogradPoints[m+r-2] != nil; r++ {
			c := newCookToom(m, r)
			d, w := make([]float64, m+r-1), make([]float64, r)
			for i := range d {
				d[i] = math.Sin(float64(i + m))
			}
			for i := range w {
				w[i] = math.Cos(float64(3*i + r))
			}
			product := make([]float64, len(d))
			for p := range product {
				var u, v float64
				for k := range w {
					u += c.g[p][k] * w[k]
				}
				for k := range d {
					v += c.bt[p][k] * d[k]
				}
				product[p] = u * v
			}
			for i := range m {
				var got, want float64
				for p := range product {
					got += c.at[i][p] * product[p]
				}
				for k := range w {
					want += w[k] * d[i+k]
				}
				if math.Abs(got-want) > 1e-9 {
					t.Errorf("F(%d, %d): output %d is %v, want %v", m, r, i, got, want)
				}
			}
		}
	}
}

// rounding is the root mean square error of w in float32, by that of its outputs, for
// inputs as after a Relu. Sums are taken one after the other, as the kernels do.
func (w Winograd) rounding(rng *rand.Rand, channels, tiles int) float64 {
	cy, cx := newCookToom(w.MY, w.KY), newCookToom(w.MX, w.KX)
	ty, tx := w.MY+w.KY-1, w.MX+w.KX-1
	// apply is left · in · rightᵀ, each product rounded to float32.
	apply := func(left, right [][]float64, in []float32, rows, cols int) []float32 {
		half := make([]float32, len(left)*cols)
		for i, row := range left {
			for j := range cols {
				var sum float32
				for k := range rows {
					sum += float32(float32(row[k]) * in[k*cols+j])
				}
				half[i*cols+j] = sum
			}
		}
		out := make([]float32, len(left)*len(right))
		for i := range left {
			for j, row := range right {
				var sum float32
				for k := range cols {
					sum += float32(float32(row[k]) * half[i*cols+k])
				}
				out[i*len(right)+j] = sum
			}
		}
		return out
	}
	weights := make([][]float32, channels)
	for c := range weights {
		for range w.KY * w.KX {
			weights[c] = append(weights[c], float32(rng.NormFloat64()))
		}
	}
	var errors, squares float64
	for range tiles {
		products, want := make([]float32, ty*tx), make([]float64, w.MY*w.MX)
		for _, weight := range weights {
			in := make([]float32, ty*tx)
			for i := range in {
				in[i] = float32(max(0, rng.NormFloat64()))
			}
			u, v := apply(cy.g, cx.g, weight, w.KY, w.KX), apply(cy.bt, cx.bt, in, ty, tx)
			for i := range products {
				products[i] += float32(u[i] * v[i])
			}
			for i := range want {
				for k, g := range weight {
					want[i] += float64(g) * float64(in[(i/w.MX+k/w.KX)*tx+i%w.MX+k%w.KX])
				}
			}
		}
		for i, y := range apply(cy.at, cx.at, products, ty, tx) {
			errors += (float64(y) - want[i]) * (float64(y) - want[i])
			squares += want[i] * want[i]
		}
	}
	return math.Sqrt(errors / squares)
}

func TestFastConvolutionsRoundAsLittleAsRationaleSays(t *testing.T) {
	for _, c := range []struct {
		w     Winograd
		bound float64
	}{
		{Winograd{2, 2, 3, 3}, 0.5e-6},
		{Winograd{4, 4, 3, 3}, 1.5e-6},
		{Winograd{2, 2, 5, 5}, 1.5e-6},
		{Winograd{1, 2, 1, 7}, 1.5e-6},
		{Winograd{1, 4, 1, 7}, 2.5e-6},
		{Winograd{1, 6, 1, 7}, 6e-6},
	} {
		got := c.w.rounding(rand.New(rand.NewPCG(1, 2)), 192, 60)
		t.Logf("%v: %.2g", c.w, got)
		if got > c.bound {
			t.Errorf("%v rounds by %.2g, want %.2g at the most", c.w, got, c.bound)
		}
	}
}

func TestWinogradRefusesWhatItHasNoPointsFor(t *testing.T) {
	for _, w := range []Winograd{{0, 1, 3, 3}, {6, 6, 7, 7}, {4, 4, 9, 9}, {2, 4, 7, 7}} {
		if _, err := NewBuilder(Options{}).Program(0, []Step{WinogradInputStep{WinogradInput: WinogradInput{w}}}); err == nil {
			t.Errorf("no error for %v", w)
		}
	}
}

func FuzzWinograd(f *testing.F) {
	addScripts(f, 16, 12)
	f.Fuzz(func(t *testing.T, b []byte) {
		next := (*script)(&b).next
		c := winogradCase{w: winograds[next(len(winograds))], h: 1 + next(12), wd: 1 + next(12), cin: 1 + next(40), cout: 1 + next(40),
			act: Activation(next(2)), residual: next(2) == 1, piece: next(5), extra: next(6),
			from: []Source{Uint8, Float32, Float16, Int8}[next(4)]}
		c.run(t, 1, 3e-4)
	})
}
