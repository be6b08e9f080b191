package kernel

import (
	"fmt"

	"hamster/model/simd/asm"
)

// Winograd is a fast convolution of stride 1: MY × MX outputs of a KY × KX
// window at a time by (MY+KY−1)·(MX+KX−1) multiplications, where the direct one
// takes MY·MX·KY·KX. It is the Cook–Toom algorithm along each axis (Winograd's
// name has stuck to it); an axis with M = K = 1 is left alone, so 1×7 is a
// Winograd too. A 7×1 is a 1×7 of the transposed picture: strides and sizes change
// places, and no other kernel is needed. Larger M saves more and rounds worse;
// RATIONALE.md says how much.
//
// A layer is a WinogradWeightsStep and then three steps: WinogradInputStep, a ConvStep
// that multiplies the matrix of each position (see Blocks), WinogradOutputStep. These
// take a range of tiles, so that a large layer can go in pieces that fit the
// cache: tile t holds the outputs from (t / TilesX · MY, t % TilesX · MX). A
// PositionStride that is a multiple of 4096 makes all positions of a tile meet in
// one set of the first-level cache; 64 bytes more part them.
type Winograd struct{ MY, MX, KY, KX int }

// Positions is the number of multiplications per tile and pair of channels.
func (w Winograd) Positions() int { return (w.MY + w.KY - 1) * (w.MX + w.KX - 1) }

// Tiles is the number of tiles along each axis of an output.
func (w Winograd) Tiles(height, width int) (ty, tx int) {
	return ceilDiv(height, w.MY), ceilDiv(width, w.MX)
}

func (w Winograd) String() string { return "f" + by(w.MY, w.MX) + "_k" + by(w.KY, w.KX) }

// maxPositions bounds the size of the functions, which hold all positions of a tile: 64
// take some 20 KB, and compilers, Safari's above all, take long for large ones.
const maxPositions = 64

// Check tells what cannot be generated.
func (w Winograd) Check() error {
	for _, a := range [2][2]int{{w.MY, w.KY}, {w.MX, w.KX}} {
		if a[0] < 1 || a[1] < 1 || winogradPoints[a[0]+a[1]-2] == nil {
			return fmt.Errorf("no fast convolution of %d outputs by %d taps", a[0], a[1])
		}
	}
	if n := w.Positions(); n > maxPositions {
		return fmt.Errorf("a fast convolution of %d positions, at most %d are possible", n, maxPositions)
	}
	return nil
}

// winogradPoints are where the polynomials are evaluated, besides infinity, by their
// number. A pair ±p shares its additions. Odd numbers of points are pairs and zero, and
// round least of all that a search over simple fractions tried, in float32 for the
// filters that are used; the others are there for completeness.
var winogradPoints = map[int][]float64{
	0:  {},
	1:  {0},
	2:  {0, 1},
	3:  {0, 1, -1},
	4:  {0, 1, -1, 2},
	5:  {0, 0.625, -0.625, 1.5, -1.5},
	6:  {0, 1, -1, 2, -2, 0.5},
	7:  {0, 1, -1, 2, -2, 0.5, -0.5},
	8:  {0, 1, -1, 2, -2, 0.5, -0.5, 0.75},
	9:  {0, 0.375, -0.375, 0.75, -0.75, 1.25, -1.25, 2.5, -2.5},
	11: {0, 0.375, -0.375, 0.625, -0.625, 1, -1, 1.5, -1.5, 2.5, -2.5},
}

// cookToom is F(m, r): y = at·((g·w) ⊙ (bt·d)) are the m outputs of an r-tap
// filter w over m+r−1 inputs d.
type cookToom struct{ at, g, bt [][]float64 }

// newCookToom evaluates at n−1 points and at infinity, n = m+r−1: a product of
// polynomials by interpolation (Toom), transposed to a filter.
func newCookToom(m, r int) cookToom {
	n := m + r - 1
	p := winogradPoints[n-1]
	var c cookToom
	for i := range m {
		row := make([]float64, n)
		for j, x := range p {
			row[j] = power(x, i)
		}
		if i == m-1 {
			row[n-1] = 1
		}
		c.at = append(c.at, row)
	}
	for j, x := range p {
		// Lagrange's polynomial of x: its numerator goes to bt, its
		// denominator to g, on the side of the weights.
		numerator, denominator := []float64{1}, 1.0
		for l, y := range p {
			if l != j {
				numerator = timesRoot(numerator, y)
				denominator *= x - y
			}
		}
		c.bt = append(c.bt, append(numerator, 0))
		row := make([]float64, r)
		for k := range row {
			row[k] = power(x, k) / denominator
		}
		c.g = append(c.g, row)
	}
	all := []float64{1}
	for _, y := range p {
		all = timesRoot(all, y)
	}
	c.bt = append(c.bt, all)
	last := make([]float64, r)
	last[r-1] = 1
	c.g = append(c.g, last)
	return c
}

func power(x float64, n int) float64 {
	y := 1.0
	for range n {
		y *= x
	}
	return y
}

// timesRoot is the polynomial c times (x − root), lowest power first.
func timesRoot(c []float64, root float64) []float64 {
	out := make([]float64, len(c)+1)
	for i, v := range c {
		out[i+1] += v
		out[i] -= root * v
	}
	return out
}

// term is one summand of a linear combination.
type term struct {
	coefficient float64
	value       asm.V128
}

// combine is Σ coefficient · value; nothing to add is 0.
func (e *emitter) combine(terms []term) asm.V128 {
	var sum asm.V128
	started := false
	// A coefficient of 1 starts the sum best.
	for _, first := range []bool{true, false} {
		for _, t := range terms {
			switch {
			case t.coefficient == 0 || (t.coefficient == 1) != first:
			case !started && t.coefficient == 1:
				sum, started = t.value, true
			case !started:
				sum, started = t.value.F32x4Mul(asm.FloatsX4(float32(t.coefficient))), true
			case t.coefficient == 1:
				sum = sum.F32x4Add(t.value)
			case t.coefficient == -1:
				sum = sum.F32x4Sub(t.value)
			default:
				sum = e.madd(t.value, asm.FloatsX4(float32(t.coefficient)), sum)
			}
		}
	}
	if !started {
		return asm.FloatsX4(0)
	}
	return sum
}

// byRows sets out = matrix · in, where neighbouring rows that differ in signs
// alone share their sums.
func (e *emitter) byRows(f *asm.Func, matrix [][]float64, in, out []asm.LocalV128, same, other asm.LocalV128) {
	n := len(in)
	room := make([]term, 3*n)
	for i := 0; i < len(matrix); i++ {
		if i+1 < len(matrix) {
			sames, others := room[:0:n], room[n:n:2*n]
			paired := true
			for k, a := range matrix[i] {
				switch b := matrix[i+1][k]; {
				case a == b:
					sames = append(sames, term{a, in[k].V128})
				case a == -b:
					others = append(others, term{a, in[k].V128})
				default:
					paired = false
				}
			}
			if paired && len(others) > 0 {
				same.Set(e.combine(sames))
				other.Set(e.combine(others))
				out[i].Set(same.F32x4Add(other))
				out[i+1].Set(same.F32x4Sub(other))
				i++
				continue
			}
		}
		terms := room[2*n : 2*n]
		for k, a := range matrix[i] {
			terms = append(terms, term{a, in[k].V128})
		}
		out[i].Set(e.combine(terms))
	}
}

// byColumns sets out = matrix · in, where neighbouring columns that differ in
// signs alone are summed and subtracted first, in place.
func (e *emitter) byColumns(f *asm.Func, matrix [][]float64, in, out []asm.LocalV128, spare asm.LocalV128) {
	n := len(in)
	// paired[k]: in[k] holds the sum and in[k+1] the difference.
	paired := make([]bool, n)
	for k := 0; k+1 < n; k++ {
		ok, negated := true, false
		for i := range matrix {
			a, b := matrix[i][k], matrix[i][k+1]
			ok = ok && (a == b || a == -b)
			negated = negated || a != b
		}
		if ok && negated {
			paired[k] = true
			spare.Set(in[k].F32x4Sub(in[k+1]))
			in[k].Set(in[k].F32x4Add(in[k+1]))
			in[k+1].Set(spare)
			k++
		}
	}
	terms := make([]term, 0, n)
	for i, row := range matrix {
		terms = terms[:0]
		for k := 0; k < n; k++ {
			if !paired[k] {
				terms = append(terms, term{row[k], in[k].V128})
				continue
			}
			if row[k] == row[k+1] {
				terms = append(terms, term{row[k], in[k].V128})
			} else {
				terms = append(terms, term{row[k], in[k+1].V128})
			}
			k++
		}
		out[i].Set(e.combine(terms))
	}
}

// grid is a matrix of locals.
func grid(f *asm.Func, rows, cols int) [][]asm.LocalV128 {
	g := make([][]asm.LocalV128, rows)
	for i := range g {
		g[i] = f.V128s(cols)
	}
	return g
}

func column(g [][]asm.LocalV128, j int) []asm.LocalV128 {
	c := make([]asm.LocalV128, len(g))
	for i := range g {
		c[i] = g[i][j]
	}
	return c
}

// inFours goes through all fours of channels, or with a width of 1 through those that are
// left. They are functions apart, for the rest is seldom there, and what is not called
// is not compiled.
func inFours(f *asm.Func, at asm.LocalI32, bytes asm.LocalI32, wd width, pass func()) {
	if wd == 4 {
		// Not at < bytes & −16: wazero 1.12 takes 0 < a & b for a & b < 0.
		overChannels(f, at, bytes, []width{4}, func(width) { pass() })
		return
	}
	at.Set(bytes.And(asm.Int(-16)))
	f.While(at.LtS(bytes), func() {
		pass()
		at.Inc(4)
	})
}

// WinogradInput is the kernel that transforms the input.
type WinogradInput struct{ Winograd }

// WinogradInputStep writes the transform of tile FirstTile + t at position p
// and channel c to Out + p·PositionStride + t·4·Channels + 4c. One item is a
// tile.
type WinogradInputStep struct {
	WinogradInput
	In               uint32 // the first tap of output (0, 0)
	InRow, InPixel   int
	InRows, InCols   int // pixels from In that may be read; the rest is 0
	TilesX           int
	FirstTile, Count int
	Channels         int
	Out              uint32
	PositionStride   int
}

const (
	winIn = 4 * iota
	winInRow
	winInPixel
	winInRows
	winInCols
	winTilesX
	winFirst
	winBytes
	winOut
	winPosition
	winPad0
	winPad1
	winZeros // sixteen bytes
)

// Kernel is the step's WinogradInput.
func (s WinogradInputStep) Kernel() Kernel { return s.WinogradInput }

// Items is the number of tiles.
func (s WinogradInputStep) Items() int { return s.Count }

// Words is the descriptor.
func (s WinogradInputStep) Words() []uint32 {
	return []uint32{
		s.In, uint32(s.InRow), uint32(s.InPixel), uint32(s.InRows), uint32(s.InCols), uint32(s.TilesX), uint32(s.FirstTile),
		uint32(4 * s.Channels), s.Out, uint32(s.PositionStride), 0, 0, 0, 0, 0, 0,
	}
}

// Name is, for instance, f32_winograd_input_f4x4_k3x3_relaxed.
func (w WinogradInput) Name(o Options) string {
	return "f32_winograd_input_" + w.Winograd.String() + "_" + o.isa()
}

func (w WinogradInput) emit(e *emitter, name string) (*asm.Func, error) {
	if err := w.Check(); err != nil {
		return nil, err
	}
	ty, tx := w.MY+w.KY-1, w.MX+w.KX-1
	inside := w.tile(e, name+"_inside", 4, false)
	edge := w.tile(e, name+"_edge", 4, true)
	rest := w.tile(e, name+"_rest", 1, true)
	f, desc, item, end := e.kernel(name)
	load := func(offset uint32) asm.I32 { return desc.LoadI32(offset) }
	tile, y, x, in, out, rows, cols := f.I32(), f.I32(), f.I32(), f.I32(), f.I32(), f.I32(), f.I32()
	f.While(item.LtS(end), func() {
		tile.Set(item.Add(load(winFirst)))
		y.Set(tile.DivU(load(winTilesX)))
		x.Set(tile.Sub(y.Mul(load(winTilesX))).MulConst(int32(w.MX)))
		y.Set(y.MulConst(int32(w.MY)))
		in.Set(load(winIn).Add(y.Mul(load(winInRow))).Add(x.Mul(load(winInPixel))))
		out.Set(load(winOut).Add(item.Mul(load(winBytes))))
		rows.Set(load(winInRows).Sub(y))
		cols.Set(load(winInCols).Sub(x))
		f.If(rows.GeS(asm.Int(int32(ty))).And(cols.GeS(asm.Int(int32(tx)))), func() {
			f.Call(inside, desc, in, out, rows, cols)
		}, func() {
			f.Call(edge, desc, in, out, rows, cols)
		})
		f.If(load(winBytes).And(asm.Int(15)), func() { f.Call(rest, desc, in, out, rows, cols) }, nil)
		item.Inc(1)
	})
	return f, nil
}

// tile transforms a tile, wd channels at a time: all fours of them, or what is left. With
// edge, it may lie across the input's.
func (w WinogradInput) tile(e *emitter, name string, wd width, edge bool) *asm.Func {
	cy, cx := newCookToom(w.MY, w.KY), newCookToom(w.MX, w.KX)
	ty, tx := len(cy.bt), len(cx.bt)
	f := e.m.Func(name)
	desc, in, out, rows, cols := f.ParamI32(), f.ParamI32(), f.ParamI32(), f.ParamI32(), f.ParamI32()
	row, pixel, position := f.LetI32(desc.LoadI32(winInRow)), f.LetI32(desc.LoadI32(winInPixel)), f.LetI32(desc.LoadI32(winPosition))
	bytes := f.LetI32(desc.LoadI32(winBytes))
	at, p, q := f.I32(), f.I32(), f.I32()
	d, t, u := f.V128s(ty), grid(f, ty, tx), f.V128s(tx)
	same, other := f.V128(), f.V128()
	inFours(f, at, bytes, wd, func() {
		p.Set(in.Add(at))
		for j := range tx {
			q.Set(p.I32)
			for i := range ty {
				tap := q.I32
				if edge {
					tap = asm.Int(int32(i)).LtS(rows).And(asm.Int(int32(j)).LtS(cols)).Select(q, desc.AddConst(winZeros))
				}
				d[i].Set(wd.load(tap, 0))
				if i+1 < ty {
					q.Set(q.Add(row))
				}
			}
			e.byRows(f, cy.bt, d, column(t, j), same, other)
			if j+1 < tx {
				p.Set(p.Add(pixel))
			}
		}
		q.Set(out.Add(at))
		for i := range ty {
			e.byRows(f, cx.bt, t[i], u, same, other)
			for j := range tx {
				wd.store(f, q, 0, u[j])
				if i+1 < ty || j+1 < tx {
					q.Set(q.Add(position))
				}
			}
		}
	})
	return f
}

// Blocks is the table of blocks of the ConvStep between the transforms: for each
// position the blocks of its matrix product. inPosition is the PositionStride of
// the first transform; out, outPosition are In and PositionStride of the second.
// The ConvStep has In = the first transform's Out, Pixels = tiles, one segment of
// the input channels, weights by WinogradWeightsStep and a bias of Positions ·
// ⌈outputs/nr⌉ · nr zeros.
func (w Winograd) Blocks(inPosition int, out uint32, outPosition int, outTable uint32, outputs, nr int) []int32 {
	table := make([]int32, 0, w.Positions()*ceilDiv(outputs, nr)*BlockSize/4)
	for p := range w.Positions() {
		for o := 0; o < outputs; o += nr {
			table = Block{
				InOffset: int32(p * inPosition), Out: out + uint32(p*outPosition+4*o), OutTable: outTable, Lanes: int32(min(nr, outputs-o)),
			}.Append(table)
		}
	}
	return table
}

// WinogradOutput is the kernel that transforms the products back.
type WinogradOutput struct {
	Winograd
	Act      Activation
	Residual bool
}

// WinogradOutputStep writes the outputs of tiles FirstTile … from the products
// at In + p·PositionStride + t·TileStride + 4c: sum, bias, residual,
// activation. One item is a tile.
type WinogradOutputStep struct {
	WinogradOutput
	In                         uint32
	PositionStride, TileStride int
	Bias                       uint32 // [Channels]
	Out                        uint32
	OutRow, OutPixel           int
	OutRows, OutCols           int
	TilesX                     int
	FirstTile, Count           int
	Channels                   int
	ResidualAt                 uint32 // pixel (0, 0) of the tensor to add
	ResidualRow, ResidualPixel int
	A, B                       float32
}

const (
	wouIn = 4 * iota
	wouPosition
	wouTile
	wouBias
	wouOut
	wouOutRow
	wouOutPixel
	wouOutRows
	wouOutCols
	wouTilesX
	wouFirst
	wouBytes
	wouResidual
	wouResidualRow
	wouResidualPixel
	wouA
	wouB
)

// Kernel is the step's WinogradOutput.
func (s WinogradOutputStep) Kernel() Kernel { return s.WinogradOutput }

// Items is the number of tiles.
func (s WinogradOutputStep) Items() int { return s.Count }

// Words is the descriptor.
func (s WinogradOutputStep) Words() []uint32 {
	w := []uint32{s.In, uint32(s.PositionStride), uint32(s.TileStride), s.Bias, s.Out}
	for _, x := range []int{s.OutRow, s.OutPixel, s.OutRows, s.OutCols, s.TilesX, s.FirstTile, 4 * s.Channels} {
		w = append(w, uint32(x))
	}
	return append(w, s.ResidualAt, uint32(s.ResidualRow), uint32(s.ResidualPixel), bits(s.A), bits(s.B))
}

// Name is, for instance, f32_winograd_output_f4x4_k3x3_relaxed_minmax.
func (w WinogradOutput) Name(o Options) string {
	name := "f32_winograd_output_" + w.Winograd.String() + "_" + o.isa()
	if w.Residual {
		name += "_add"
	}
	return name + w.Act.suffix()
}

func (w WinogradOutput) emit(e *emitter, name string) (*asm.Func, error) {
	if err := w.Check(); err != nil {
		return nil, err
	}
	inside, err := w.tile(e, name+"_inside", 4, false)
	if err != nil {
		return nil, err
	}
	edge, err := w.tile(e, name+"_edge", 4, true)
	if err != nil {
		return nil, err
	}
	rest, err := w.tile(e, name+"_rest", 1, true)
	if err != nil {
		return nil, err
	}
	f, desc, item, end := e.kernel(name)
	load := func(offset uint32) asm.I32 { return desc.LoadI32(offset) }
	tile, y, x, in, out, res, rows, cols := f.I32(), f.I32(), f.I32(), f.I32(), f.I32(), f.I32(), f.I32(), f.I32()
	f.While(item.LtS(end), func() {
		tile.Set(item.Add(load(wouFirst)))
		y.Set(tile.DivU(load(wouTilesX)))
		x.Set(tile.Sub(y.Mul(load(wouTilesX))).MulConst(int32(w.MX)))
		y.Set(y.MulConst(int32(w.MY)))
		in.Set(load(wouIn).Add(item.Mul(load(wouTile))))
		out.Set(load(wouOut).Add(y.Mul(load(wouOutRow))).Add(x.Mul(load(wouOutPixel))))
		res.Set(load(wouResidual).Add(y.Mul(load(wouResidualRow))).Add(x.Mul(load(wouResidualPixel))))
		rows.Set(load(wouOutRows).Sub(y))
		cols.Set(load(wouOutCols).Sub(x))
		f.If(rows.GeS(asm.Int(int32(w.MY))).And(cols.GeS(asm.Int(int32(w.MX)))), func() {
			f.Call(inside, desc, in, out, res, rows, cols)
		}, func() {
			f.Call(edge, desc, in, out, res, rows, cols)
		})
		f.If(load(wouBytes).And(asm.Int(15)), func() { f.Call(rest, desc, in, out, res, rows, cols) }, nil)
		item.Inc(1)
	})
	return f, nil
}

// tile transforms a tile back, as that of WinogradInput.
func (w WinogradOutput) tile(e *emitter, name string, wd width, edge bool) (*asm.Func, error) {
	cy, cx := newCookToom(w.MY, w.KY), newCookToom(w.MX, w.KX)
	ty, tx := len(cy.bt), len(cx.bt)
	f := e.m.Func(name)
	desc, in, out, res, rows, cols := f.ParamI32(), f.ParamI32(), f.ParamI32(), f.ParamI32(), f.ParamI32(), f.ParamI32()
	position := f.LetI32(desc.LoadI32(wouPosition))
	bytes := f.LetI32(desc.LoadI32(wouBytes))
	at, p, q, r := f.I32(), f.I32(), f.I32(), f.I32()
	d, t, y := f.V128s(tx), grid(f, ty, w.MX), f.V128s(w.MY)
	spare, bias := f.V128(), f.V128()
	act, err := w.Act.begin(e, f, desc, wouA)
	if err != nil {
		return nil, err
	}
	inFours(f, at, bytes, wd, func() {
		p.Set(in.Add(at))
		for i := range ty {
			for j := range tx {
				d[j].Set(wd.load(p, 0))
				p.Set(p.Add(position))
			}
			e.byColumns(f, cx.at, d, t[i], spare)
		}
		bias.Set(wd.load(desc.LoadI32(wouBias).Add(at), 0))
		q.Set(out.Add(at))
		r.Set(res.Add(at))
		for j := range w.MX {
			e.byColumns(f, cy.at, column(t, j), y, spare)
			q.Set(out.Add(desc.LoadI32(wouOutPixel).Mul(asm.Int(int32(j)))).Add(at))
			if w.Residual {
				r.Set(res.Add(desc.LoadI32(wouResidualPixel).Mul(asm.Int(int32(j)))).Add(at))
			}
			for i := range w.MY {
				store := func() {
					sum := y[i].F32x4Add(bias)
					if w.Residual {
						sum = sum.F32x4Add(wd.load(r, 0))
					}
					wd.store(f, q, 0, act(sum))
				}
				if edge {
					f.If(asm.Int(int32(i)).LtS(rows).And(asm.Int(int32(j)).LtS(cols)), store, nil)
				} else {
					store()
				}
				if i+1 < w.MY {
					q.Set(q.Add(desc.LoadI32(wouOutRow)))
					if w.Residual {
						r.Set(r.Add(desc.LoadI32(wouResidualRow)))
					}
				}
			}
		}
	})
	return f, nil
}

// WinogradWeights is the kernel that transforms weights, in each run: transformed they
// would take up to four times the memory of floats, and sixteen times that of bytes.
type WinogradWeights struct {
	Winograd
	From Source
}

// WinogradWeightsStep reads [Blocks][Inputs][KY·KX][NR] weights q as PanelStep leaves
// them, and writes the transform of (q − Zero[o])·Scale[o]: [Positions][Blocks][Inputs][NR]
// floats. One item is an input of a block.
type WinogradWeightsStep struct {
	WinogradWeights
	In, Out        uint32
	Blocks, Inputs int
	NR             int    // a multiple of 4
	Scale, Zero    uint32 // float32 [Blocks·NR]
}

const (
	wweIn = 4 * iota
	wweOut
	wweBlocks
	wweInputs
	wweNR
	wweScale
	wweZero
)

// Kernel is the step's WinogradWeights.
func (s WinogradWeightsStep) Kernel() Kernel { return s.WinogradWeights }

// Items is blocks × inputs.
func (s WinogradWeightsStep) Items() int { return s.Blocks * s.Inputs }

// Floats is the number of floats that the step writes.
func (s WinogradWeightsStep) Floats() int { return s.Positions() * s.Blocks * s.Inputs * s.NR }

// Words is the descriptor.
func (s WinogradWeightsStep) Words() []uint32 {
	return []uint32{s.In, s.Out, uint32(s.Blocks), uint32(s.Inputs), uint32(s.NR), s.Scale, s.Zero}
}

// Name is, for instance, u8_winograd_weights_f4x4_k3x3_relaxed.
func (w WinogradWeights) Name(o Options) string {
	return w.From.String() + "_winograd_weights_" + w.Winograd.String() + "_" + o.isa()
}

func (w WinogradWeights) emit(e *emitter, name string) (*asm.Func, error) {
	if err := w.Check(); err != nil {
		return nil, err
	}
	if w.From > Int8 {
		return nil, fmt.Errorf("no weights of type %v", w.From)
	}
	pair := w.pair(e, name+"_pair")
	size := int32(w.From.Size())
	f, desc, item, end := e.kernel(name)
	load := func(offset uint32) asm.I32 { return desc.LoadI32(offset) }
	lane, maps, in, out := f.I32(), f.I32(), f.I32(), f.I32()
	nr := f.LetI32(load(wweNR))
	position := f.LetI32(load(wweBlocks).Mul(load(wweInputs)).Mul(nr).MulConst(4))
	f.While(item.LtS(end), func() {
		maps.Set(item.DivU(load(wweInputs)).Mul(nr).MulConst(4))
		in.Set(load(wweIn).Add(item.Mul(nr).MulConst(size * int32(w.KY*w.KX))))
		out.Set(load(wweOut).Add(item.Mul(nr).MulConst(4)))
		each(f, lane, asm.Int(0), nr.DivU(asm.Int(4)), func() {
			f.Call(pair, in, nr.MulConst(size), out, position, load(wweScale).Add(maps).LoadV128(0), load(wweZero).Add(maps).LoadV128(0))
			in.Inc(4 * size)
			out.Inc(16)
			maps.Inc(16)
		})
		item.Inc(1)
	})
	return f, nil
}

// pair transforms the window between an input and four outputs: a function of its own,
// called often.
func (w WinogradWeights) pair(e *emitter, name string) *asm.Func {
	cy, cx := newCookToom(w.MY, w.KY), newCookToom(w.MX, w.KX)
	ty, tx := len(cy.g), len(cx.g)
	f := e.m.Func(name)
	in, tapStep, out, position := f.ParamI32(), f.ParamI32(), f.ParamI32(), f.ParamI32()
	scale, zero := f.ParamV128(), f.ParamV128()
	same, other := f.V128(), f.V128()
	tap, t, u := grid(f, w.KY, w.KX), grid(f, ty, w.KX), f.V128s(tx)
	for y := range w.KY {
		for x := range w.KX {
			tap[y][x].Set(w.From.neighbours(e, in.I32, 0).F32x4Sub(zero).F32x4Mul(scale))
			in.Set(in.Add(tapStep))
		}
	}
	for x := range w.KX {
		e.byRows(f, cy.g, column(tap, x), column(t, x), same, other)
	}
	for y := range ty {
		e.byRows(f, cx.g, t[y], u, same, other)
		for x := range tx {
			f.StoreV128(out, 0, u[x])
			out.Set(out.Add(position))
		}
	}
	return f
}
