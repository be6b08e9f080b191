package kernel

import (
	"fmt"
	"math"
	"testing"
)

// convCase is one convolution, in the terms of ONNX.
type convCase struct {
	conv             Conv
	h, w             int
	cin, cout, group int
	kh, kw           int
	sy, sx, dy, dx   int
	pad              int // on all four sides; the halo is this wide
	extraIn          int // foreign channels in the input's pixels
	extraOut         int
	a, b             float32
}

func (c convCase) String() string {
	return fmt.Sprintf("%s %dx%dx%d to %d, groups %d, kernel %dx%d, stride %dx%d, dilation %dx%d, pad %d, extra %d %d",
		c.conv.Name(Options{}), c.h, c.w, c.cin, c.cout, c.group, c.kh, c.kw, c.sy, c.sx, c.dy, c.dx, c.pad, c.extraIn, c.extraOut)
}

// reference is the activation in double precision.
func (a Activation) reference(x, p, q float64) float64 {
	switch a {
	case None:
		return x
	case MinMax:
		return math.Min(math.Max(x, p), q)
	case HardSwish:
		return x * math.Min(math.Max(x/6+0.5, 0), 1)
	case HardSigmoid:
		return math.Min(math.Max(p*x+q, 0), 1)
	case Sigmoid:
		return 1 / (1 + math.Exp(-x))
	case SiLU:
		return x / (1 + math.Exp(-p*x))
	case LeakyReLU:
		if x < 0 {
			return p * x
		}
		return x
	case Tanh:
		return math.Tanh(x)
	case GELU:
		return x / 2 * (1 + math.Erf(x/math.Sqrt2))
	case Exp:
		return math.Exp(x)
	case Erf:
		return math.Erf(x)
	case Abs:
		return math.Abs(x)
	case Neg:
		return -x
	case Sqrt:
		return math.Sqrt(x)
	case Floor:
		return math.Floor(x)
	case Ceil:
		return math.Ceil(x)
	case Reciprocal:
		return 1 / x
	case ELU:
		if x < 0 {
			return p * math.Expm1(x)
		}
		return x
	case Softplus:
		return math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
	}
	panic("no reference for " + a.String())
}

func (c convCase) run(t *testing.T, seed uint64) {
	t.Helper()
	w := newWorld(seed)
	cin, cout := c.cin/c.group, c.cout/c.group // per group
	roomY, roomX := c.h+2*c.pad-c.dy*(c.kh-1)-1, c.w+2*c.pad-c.dx*(c.kw-1)-1
	if roomY < 0 || roomX < 0 {
		return
	}
	oh, ow := roomY/c.sy+1, roomX/c.sx+1
	x := w.random(c.h * c.w * c.cin)
	weights := w.random(c.cout * cin * c.kh * c.kw) // OIHW
	bias := w.random(c.cout)
	res := w.random(oh * ow * c.cout)
	in := w.newTensor(c.h, c.w, c.cin, c.pad, c.extraIn, false)
	w.fill(in, x)
	out := w.newTensor(oh, ow, c.cout, 0, c.extraOut, true)
	// The residual may be the output itself.
	resT := out
	if !c.conv.Residual || seed%2 == 0 {
		resT = w.newTensor(oh, ow, c.cout, 0, c.extraIn, false)
	}
	w.fill(resT, res)

	nr := c.conv.NR
	panels := ceilDiv(cout, nr)
	stored := w.floats(weights)
	packed := w.output(4 * c.group * panels * nr * cin * c.kh * c.kw)
	packedBias := make([]float32, c.group*panels*nr)
	table, length := ConvSegments(c.kh, c.kw, cin, in.row, in.pixel, c.dy, c.dx)
	outTable := w.ints(PixelTable(oh, ow, out.row, out.pixel, c.conv.MR))
	var blocks []int32
	var steps []Step
	for g := range c.group {
		copy(packedBias[g*panels*nr:], bias[g*cout:(g+1)*cout])
		taps := c.kh * c.kw
		pack := PackStep{Pack: Pack{Float32}, In: stored + uint32(4*g*cout*cin*taps), Outputs: cout, Inputs: cin, KernelY: c.kh, KernelX: c.kw,
			StrideO: 4 * cin * taps, StrideI: 4 * taps, StrideY: 4 * c.kw, StrideX: 4, NR: nr}
		pack.Out = packed + uint32(4*g*pack.Floats())
		steps = append(steps, pack)
		for p := range panels {
			ch := g*cout + p*nr
			blocks = Block{InOffset: int32(4 * g * cin), Out: out.addr(0, 0, ch), OutTable: outTable,
				Lanes: int32(min(nr, cout-p*nr)), Residual: resT.addr(0, 0, ch)}.Append(blocks)
		}
	}
	steps = append(steps, ConvStep{
		Conv: c.conv, In: in.addr(-c.pad, -c.pad, 0), Weights: packed, Bias: w.floats(packedBias),
		InTable: w.ints(PixelTable(oh, ow, c.sy*in.row, c.sx*in.pixel, c.conv.MR)), Pixels: oh * ow,
		Segments: w.ints(table), SegmentCount: len(table), SegmentLen: length,
		Blocks: w.ints(blocks), BlockCount: len(blocks) * 4 / BlockSize, A: c.a, B: c.b,
		ResidualTable: w.ints(PixelTable(oh, ow, resT.row, resT.pixel, c.conv.MR)),
	})

	want := make([]float32, oh*ow*c.cout)
	for i := range want {
		oy, ox, o := i/(ow*c.cout), i/c.cout%ow, i%c.cout
		g := o / cout
		sum := float64(bias[o])
		for ky := range c.kh {
			for kx := range c.kw {
				iy, ix := oy*c.sy-c.pad+ky*c.dy, ox*c.sx-c.pad+kx*c.dx
				if iy < 0 || iy >= c.h || ix < 0 || ix >= c.w {
					continue
				}
				for k := range cin {
					sum += float64(x[(iy*c.w+ix)*c.cin+g*cin+k]) * float64(weights[((o*cin+k)*c.kh+ky)*c.kw+kx])
				}
			}
		}
		if c.conv.Residual {
			sum += float64(res[i])
		}
		want[i] = float32(c.conv.Act.reference(sum, float64(c.a), float64(c.b)))
	}
	w.run(t, steps, func(t *testing.T, mem []byte) {
		near(t, "output", out.read(mem), want, 1e-6*math.Sqrt(float64(cin*c.kh*c.kw))+1e-6)
	})
	if t.Failed() {
		t.Fatal(c)
	}
}

var tiles = [][2]int{{4, 8}, {6, 8}, {5, 8}, {2, 16}, {3, 12}, {1, 8}, {1, 16}, {1, 32}, {4, 4}}

func TestConvAgreesWithNaiveLoop(t *testing.T) {
	base := convCase{conv: Conv{MR: 4, NR: 8}, h: 7, w: 6, cin: 5, cout: 9, group: 1, kh: 3, kw: 3, sy: 1, sx: 1, dy: 1, dx: 1, pad: 1}
	with := func(change func(*convCase)) convCase { c := base; change(&c); return c }
	tests := []struct {
		name string
		c    convCase
	}{
		{"3x3", base},
		{"1x1", with(func(c *convCase) { c.kh, c.kw, c.pad = 1, 1, 0 })},
		{"stride 2", with(func(c *convCase) { c.sy, c.sx = 2, 2 })},
		{"1x7", with(func(c *convCase) { c.kh, c.kw, c.pad = 1, 7, 3 })},
		{"dilated", with(func(c *convCase) { c.dy, c.dx, c.pad = 2, 3, 3 })},
		{"groups", with(func(c *convCase) { c.cin, c.cout, c.group = 6, 10, 2 })},
		{"slices of wider tensors", with(func(c *convCase) { c.extraIn, c.extraOut = 3, 5 })},
		{"one channel to one", with(func(c *convCase) { c.cin, c.cout = 1, 1 })},
		{"one pixel", with(func(c *convCase) { c.h, c.w, c.kh, c.kw, c.pad, c.cin = 1, 1, 1, 1, 0, 37 })},
		{"relu", with(func(c *convCase) { c.conv.Act, c.b = MinMax, Inf })},
		{"relu6 with residual", with(func(c *convCase) { c.conv.Act, c.b, c.conv.Residual = MinMax, 6, true })},
	}
	for _, test := range tests {
		for i, tile := range tiles {
			c := test.c
			c.conv.MR, c.conv.NR = tile[0], tile[1]
			t.Run(test.name+"/"+c.conv.Name(Options{}), func(t *testing.T) { c.run(t, uint64(i)) })
		}
	}
}

func TestConvEpiloguesAgreeWithDoublePrecision(t *testing.T) {
	for act := range activations {
		if act == Sqrt || act == Reciprocal {
			continue // ill-conditioned on random sums; the elementwise test has them
		}
		c := convCase{conv: Conv{MR: 4, NR: 8, Act: act, Residual: act%2 == 0}, h: 3, w: 3, cin: 6, cout: 11, group: 1, kh: 1, kw: 1, sy: 1, sx: 1, dy: 1, dx: 1, a: 0.3, b: 0.7}
		if act == Floor || act == Ceil {
			c.cin, c.conv.Residual = 1, false
		}
		t.Run(act.String(), func(t *testing.T) { c.run(t, 5) })
	}
}

// randomConv draws a configuration out of fuzz bytes.
func randomConv(b script) convCase {
	next := b.next
	tile := tiles[next(len(tiles))]
	group := 1 + next(3)*next(2)
	c := convCase{
		conv: Conv{MR: tile[0], NR: tile[1], Act: Activation(next(2)), Residual: next(2) == 1},
		h:    1 + next(9), w: 1 + next(9), cin: group * (1 + next(40/group)), cout: group * (1 + next(40/group)), group: group,
		kh: 1 + next(4), kw: 1 + next(4), sy: 1 + next(3), sx: 1 + next(3), dy: 1 + next(2), dx: 1 + next(2),
		pad: next(3), extraIn: next(6), extraOut: next(6), a: -0.5, b: 0.5,
	}
	return c
}

func FuzzConv(f *testing.F) {
	addScripts(f, 24, 20)
	f.Fuzz(func(t *testing.T, b []byte) { randomConv(b).run(t, uint64(len(b))) })
}

func TestConvRefusesImpossibleTiles(t *testing.T) {
	for _, c := range []Conv{{MR: 0, NR: 8}, {MR: 4, NR: 6}, {MR: 9, NR: 8}, {MR: 4, NR: 64}, {MR: 4, NR: 8, Act: activations}} {
		b := NewBuilder(Options{})
		if _, err := b.Program(0, []Step{ConvStep{Conv: c, Pixels: 1, BlockCount: 1}}); err == nil {
			t.Errorf("no error for %+v", c)
		}
	}
}
