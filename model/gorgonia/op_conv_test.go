package gorgonia

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"hamster/model/conformance"
	"hamster/model/conformance/onnxbuild"
	"hamster/model/graph"
)

// convCase is a convolution of n×c×h×w by m kernels of kh×kw.
type convCase struct {
	n, c, h, w, m, kh, kw, groups int
	stride, dilation              [2]int
	pads                          [4]int // top, left, bottom, right
}

func (c convCase) String() string { return fmt.Sprintf("%+v", struct{ convCase }{c}) }

// naive is ONNX's definition, word for word, in float64.
func (c convCase) naive(x, w, b []float32) []float32 {
	oh := (c.h+c.pads[0]+c.pads[2]-(c.kh-1)*c.dilation[0]-1)/c.stride[0] + 1
	ow := (c.w+c.pads[1]+c.pads[3]-(c.kw-1)*c.dilation[1]-1)/c.stride[1] + 1
	cg, mg := c.c/c.groups, c.m/c.groups
	var out []float32
	for n := range c.n {
		for m := range c.m {
			for oy := range oh {
				for ox := range ow {
					sum := float64(b[m])
					for ch := range cg {
						for ky := range c.kh {
							for kx := range c.kw {
								y := oy*c.stride[0] + ky*c.dilation[0] - c.pads[0]
								xx := ox*c.stride[1] + kx*c.dilation[1] - c.pads[1]
								if y < 0 || y >= c.h || xx < 0 || xx >= c.w {
									continue
								}
								sum += float64(x[((n*c.c+m/mg*cg+ch)*c.h+y)*c.w+xx]) * float64(w[((m*cg+ch)*c.kh+ky)*c.kw+kx])
							}
						}
					}
					out = append(out, float32(sum))
				}
			}
		}
	}
	return out
}

// model has the weights as inputs too, or as constants.
func (c convCase) model(w, b []float32, constant bool) []byte {
	ws, bs := []int{c.m, c.c / c.groups, c.kh, c.kw}, []int{c.m}
	m := onnxbuild.Model{
		Opset:   11,
		Inputs:  []onnxbuild.Value{{Name: "x", Shape: []int{c.n, c.c, c.h, c.w}}},
		Outputs: []onnxbuild.Value{{Name: "y", Shape: []int{-1, -1, -1, -1}}},
		Nodes: []onnxbuild.Node{{Op: "Conv", Inputs: []string{"x", "w", "b"}, Outputs: []string{"y"}, Attrs: onnxbuild.Attrs{
			"group": c.groups, "strides": c.stride[:], "dilations": c.dilation[:], "pads": c.pads[:],
		}}},
	}
	if constant {
		m.Tensors = append(m.Tensors, onnxbuild.Floats("w", ws, w...), onnxbuild.Floats("b", bs, b...))
	} else {
		m.Inputs = append(m.Inputs, onnxbuild.Value{Name: "w", Shape: ws}, onnxbuild.Value{Name: "b", Shape: bs})
	}
	return m.Bytes()
}

func randomConv(r *rand.Rand) convCase {
	c := convCase{
		n: 1 + r.IntN(2), groups: 1, h: 1 + r.IntN(24), w: 1 + r.IntN(24), kh: 1 + r.IntN(5), kw: 1 + r.IntN(5),
		stride: [2]int{1 + r.IntN(3), 1 + r.IntN(3)}, dilation: [2]int{1 + r.IntN(2), 1 + r.IntN(2)},
	}
	if r.IntN(2) == 0 {
		c.groups = 1 + r.IntN(4)
	}
	c.c, c.m = c.groups*(1+r.IntN(10)), c.groups*(1+r.IntN(10))
	if r.IntN(4) == 0 { // by depth
		c.groups = c.c
		c.m = c.c * (1 + r.IntN(5))
	}
	for i := range c.pads {
		c.pads[i] = r.IntN(4)
	}
	c.h = max(c.h, (c.kh-1)*c.dilation[0]+1-c.pads[0]-c.pads[2])
	c.w = max(c.w, (c.kw-1)*c.dilation[1]+1-c.pads[1]-c.pads[3])
	return c
}

func randomFloats(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = 2*r.Float32() - 1
	}
	return x
}

func TestConvolutionsEqualTheNaiveLoopOnAnyNumberOfWorkers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 150 {
		c := randomConv(r)
		x := randomFloats(r, c.n*c.c*c.h*c.w)
		w := randomFloats(r, c.m*c.c/c.groups*c.kh*c.kw)
		b := randomFloats(r, c.m)
		want := c.naive(x, w, b)
		var first []float32
		for _, workers := range []int{1, 2, 5} {
			for _, constant := range []bool{true, false} {
				p := mustCompile(t, c.model(w, b, constant))
				setWorkers(p, workers)
				inputs := [][]float32{x, w, b}
				if constant {
					inputs = inputs[:1]
				}
				out, err := p.Run(context.Background(), inputs)
				if err != nil {
					t.Fatalf("%v: %v", c, err)
				}
				if err := conformance.Compare(out[0], want, 1e-5, 1e-5); err != nil {
					t.Fatalf("%v: %v", c, err)
				}
				if first == nil {
					first = out[0]
				}
				if !slices.Equal(out[0], first) {
					t.Fatalf("%v: %d workers give other bits", c, workers)
				}
			}
		}
	}
}

func TestPadsThatBlowUpTheInputAreRefused(t *testing.T) {
	c := convCase{n: 1, c: 1, h: 1, w: 1, m: 1, kh: 1, kw: 1, groups: 1,
		stride: [2]int{32768, 32768}, dilation: [2]int{1, 1}, pads: [4]int{32768, 32768, 32768, 32768}}
	g, err := conformance.Import(c.model([]float32{1}, []float32{0}, true))
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, compileError(g), "Conv", "65537×65537")
}

func mustCompile(tb testing.TB, model []byte) *Program {
	tb.Helper()
	g, err := conformance.Import(model)
	if err != nil {
		tb.Fatal(err)
	}
	p, err := Compile(context.Background(), g)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { p.Close() })
	return p
}

func compileError(g *graph.Graph) error {
	_, err := Compile(context.Background(), g)
	return err
}
