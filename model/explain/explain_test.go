package explain_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"hamster/model/conformance"
	"hamster/model/conformance/onnxbuild"
	"hamster/model/explain"
	"hamster/model/gorgonia"
	"hamster/model/graph"
	"hamster/model/onnxfile"
	"hamster/model/simd"
)

type (
	attrs = onnxbuild.Attrs
	shape = []int
)

// heads draws networks that are a head alone: the feature map is the input.
type heads struct {
	*rand.Rand
	model onnxbuild.Model
	ops   []string
}

// head makes the one of a seed. Without probabilities its outputs are the scores
// that are differentiated.
func head(seed uint64, probabilities bool) (onnxbuild.Model, []string) {
	r := &heads{Rand: rand.New(rand.NewPCG(seed, 5))}
	r.model.Opset = 14
	c, h, w := 1+r.IntN(12), 1+r.IntN(6), 2+r.IntN(6)
	r.model.Inputs = []onnxbuild.Value{{Name: "x", Shape: shape{1, c, h, w}}}
	v := r.pool(c, h, w)
	n := c
	if r.IntN(4) == 0 {
		v, n = r.add("Concat", attrs{"axis": 1}, v, r.pool(c, h, w)), 2*c
	}
	image := true
	for range 1 + r.IntN(4) {
		v, n, image = r.layer(v, n, image)
	}
	if image {
		v = r.add("Flatten", nil, v)
	}
	if probabilities {
		v = r.add([]string{"Softmax", "Sigmoid"}[r.IntN(2)], nil, v)
		if r.IntN(2) == 0 {
			r.add("Identity", nil, v)
		}
	}
	r.model.Nodes[len(r.model.Nodes)-1].Outputs[0] = "y"
	r.model.Outputs = []onnxbuild.Value{{Name: "y", Shape: shape{1, n}}}
	return r.model, r.ops
}

func (r *heads) add(op string, a attrs, inputs ...string) string {
	out := fmt.Sprintf("v%d", len(r.model.Nodes))
	r.model.Nodes = append(r.model.Nodes, onnxbuild.Node{Name: op + out, Op: op, Attrs: a, Inputs: inputs, Outputs: []string{out}})
	r.ops = append(r.ops, op)
	return out
}

func (r *heads) floats(lo, hi float32, s ...int) string {
	data := make([]float32, graph.Elements(s))
	for i := range data {
		data[i] = lo + (hi-lo)*r.Float32()
	}
	t := onnxbuild.Floats(fmt.Sprintf("c%d", len(r.model.Tensors)), s, data...)
	r.model.Tensors = append(r.model.Tensors, t)
	return t.Name
}

// weights are quantised at times, by one scale or by one for each part of an axis.
func (r *heads) weights(bound float32, s ...int) string {
	if r.IntN(2) == 0 {
		return r.floats(-bound, bound, s...)
	}
	q := &onnxfile.Tensor{Name: fmt.Sprintf("c%d", len(r.model.Tensors)), DType: onnxfile.Uint8, Shape: s}
	zero := &onnxfile.Tensor{DType: onnxfile.Uint8, Shape: shape{}, Data: []byte{121}}
	if r.IntN(2) == 0 {
		q.DType, zero.DType, zero.Data = onnxfile.Int8, onnxfile.Int8, []byte{3}
	}
	for range graph.Elements(s) {
		q.Data = append(q.Data, byte(r.IntN(256)))
	}
	r.model.Tensors = append(r.model.Tensors, q)
	a, channels := attrs(nil), shape{}
	if axis := r.IntN(3); axis < 2 {
		a, channels = attrs{"axis": axis}, shape{s[axis]}
		zero.Shape, zero.Data = channels, slices.Repeat(zero.Data, s[axis])
	}
	scale := r.floats(bound/200, bound/100, channels...)
	zero.Name = fmt.Sprintf("c%d", len(r.model.Tensors))
	r.model.Tensors = append(r.model.Tensors, zero)
	return r.add("DequantizeLinear", a, q.Name, scale, zero.Name)
}

// pool gives 1×C×1×1.
func (r *heads) pool(c, h, w int) string {
	switch r.IntN(5) {
	case 0:
		return r.add("GlobalMaxPool", nil, "x")
	case 1:
		return r.add("ReduceMean", attrs{"axes": []int{2, 3}}, "x")
	case 2:
		return r.add("AveragePool", attrs{"kernel_shape": []int{h, w}}, "x")
	}
	return r.add("GlobalAveragePool", nil, "x")
}

// layer appends one layer to a vector of n numbers, 1×n×1×1 or 1×n.
func (r *heads) layer(v string, n int, image bool) (string, int, bool) {
	like := shape{1, n}
	if image {
		like = shape{n, 1, 1}
	}
	switch kind := r.IntN(9); kind {
	case 0, 1: // dense
		m := 2 + r.IntN(9)
		bound := 3 / float32(n)
		switch {
		case image && r.IntN(2) == 0:
			return r.add("Conv", nil, v, r.weights(bound, m, n, 1, 1), r.floats(-1, 1, m)), m, true
		case image:
			v = r.add("Flatten", nil, v)
		}
		if r.IntN(2) == 0 {
			return r.add("MatMul", nil, v, r.weights(bound, n, m)), m, false
		}
		transB := r.IntN(2)
		s := shape{n, m}
		if transB == 1 {
			s = shape{m, n}
		}
		return r.add("Gemm", attrs{"transB": transB, "alpha": float32(0.7), "beta": float32(1.3)}, v, r.weights(bound, s...), r.floats(-1, 1, m)), m, false
	case 2:
		return r.add("BatchNormalization", nil, v, r.floats(0.5, 1.5, n), r.floats(-1, 1, n), r.floats(-1, 1, n), r.floats(0.5, 2, n)), n, image
	case 3:
		op := []string{"Add", "Sub", "Mul", "Div"}[r.IntN(4)]
		operands := []string{v, r.floats(0.5, 2, [][]int{like, {}}[r.IntN(2)]...)}
		if op != "Div" && r.IntN(2) == 0 {
			slices.Reverse(operands)
		}
		return r.add(op, nil, operands...), n, image
	case 4: // a gate: both operands are computed
		gate := r.add("Sigmoid", nil, v)
		return r.add("Mul", nil, v, gate), n, image
	case 5:
		return r.add("Clip", nil, v, r.floats(-1, -0.5), r.floats(0.5, 1)), n, image
	case 6:
		return r.add("Add", nil, v, v), n, image
	}
	op := []string{"Relu", "LeakyRelu", "HardSigmoid", "HardSwish", "Tanh", "Sigmoid", "Exp", "Dropout"}[r.IntN(8)]
	return r.add(op, nil, v), n, image
}

func find(tb testing.TB, m onnxbuild.Model) (*explain.Head, *graph.Graph) {
	tb.Helper()
	g, err := conformance.Import(m.Bytes())
	if err != nil {
		tb.Fatal(err)
	}
	h, feature, err := explain.Find(g)
	if err != nil {
		tb.Fatal(err)
	}
	if feature != g.Inputs[0] {
		tb.Fatalf("the feature map is %q, want the input", feature.Name)
	}
	return h, g
}

const seeds = 300

func TestRandomHeadsHaveEveryOperator(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(seeds) {
		_, ops := head(seed, true)
		for _, op := range ops {
			seen[op] = true
		}
	}
	for _, op := range explain.Operators() {
		// What only changes shapes is imported as Reshape or Identity.
		if !seen[op] && op != "Reshape" && op != "Transpose" {
			t.Errorf("%s is in no random head", op)
		}
	}
}

func TestScoresAreWhatTheBackendsCompute(t *testing.T) {
	backends := map[string]conformance.Compile{
		"gorgonia": func(ctx context.Context, g *graph.Graph) (conformance.Runner, error) { return gorgonia.Compile(ctx, g) },
		"simd": func(ctx context.Context, g *graph.Graph) (conformance.Runner, error) {
			return simd.New(ctx, g, simd.Config{Threads: 1})
		},
	}
	for name, compile := range backends {
		t.Run(name, func(t *testing.T) {
			ran := 0
			for seed := range uint64(60) {
				m, _ := head(seed, false)
				h, g := find(t, m)
				p, err := compile(t.Context(), g)
				if err != nil {
					continue // an operator of one backend only
				}
				x := conformance.RandomInputs(g, seed)
				out, err := p.Run(t.Context(), x)
				p.Close()
				if err != nil {
					t.Fatal(err)
				}
				scores, err := h.Scores(x[0])
				if err != nil {
					t.Fatal(err)
				}
				want := make([]float32, len(scores))
				for i, s := range scores {
					want[i] = float32(s)
				}
				if err := conformance.Compare(out[0], want, 1e-4, 1e-5); err != nil {
					t.Errorf("seed %d: %v", seed, err)
				}
				ran++
			}
			if ran < 40 {
				t.Errorf("%d heads ran", ran)
			}
		})
	}
}

// numerically is the derivative of a class's score when a plane of the feature map
// rises as a whole, by differences, once from either side.
func numerically(t *testing.T, h *explain.Head, x []float32, class, plane int) (left, right float64) {
	const step = 1.0 / 4096
	score := func(by float32) float64 {
		y := slices.Clone(x)
		n := h.Height * h.Width
		for i := range y[plane*n:][:n] {
			y[plane*n+i] += by
		}
		scores, err := h.Scores(y)
		if err != nil {
			t.Fatal(err)
		}
		return scores[class]
	}
	here := score(0)
	return (here - score(-step)) / step, (score(step) - here) / step
}

func TestTheGradientIsTheNumericalDerivative(t *testing.T) {
	compared, kinks := 0, 0
	for seed := range uint64(seeds) {
		m, _ := head(seed, seed%2 == 0)
		h, g := find(t, m)
		// Multiples of the step, so that no sum is rounded.
		x := conformance.RandomInputs(g, seed)[0]
		for i, v := range x {
			x[i] = float32(math.Round(float64(v)*4096) / 4096)
		}
		class := int(seed) % h.Classes
		got, err := h.Gradient(x, class)
		if err != nil {
			t.Fatal(err)
		}
		for plane, d := range got {
			left, right := numerically(t, h, x, class, plane)
			bound := 1e-3 * (1 + math.Abs(d))
			switch {
			case math.Abs(left-right) > 2*bound:
				kinks++ // of an activation: there is no derivative
			case math.Abs((left+right)/2-d) > bound:
				t.Errorf("seed %d: derivative %v of class %d by plane %d, want %v", seed, d, class, plane, (left+right)/2)
			default:
				compared++
			}
		}
	}
	if compared < 1000 || kinks*20 > compared {
		t.Errorf("%d derivatives compared, %d left out", compared, kinks)
	}
}

// two is a head whose map can be worked out by hand: classes a = p, b = q − p of
// the means p and q of two planes.
func two() onnxbuild.Model {
	return onnxbuild.Model{
		Opset:   13,
		Inputs:  []onnxbuild.Value{{Name: "x", Shape: shape{1, 2, 2, 2}}},
		Outputs: []onnxbuild.Value{{Name: "y", Shape: shape{1, 2}}},
		Tensors: []*onnxfile.Tensor{onnxbuild.Floats("w", shape{2, 2}, 1, -1, 0, 1)},
		Nodes: []onnxbuild.Node{
			{Name: "mean", Op: "GlobalAveragePool", Inputs: []string{"x"}, Outputs: []string{"m"}},
			{Name: "flat", Op: "Flatten", Inputs: []string{"m"}, Outputs: []string{"f"}},
			{Name: "dense", Op: "MatMul", Inputs: []string{"f", "w"}, Outputs: []string{"z"}},
			{Name: "prob", Op: "Softmax", Inputs: []string{"z"}, Outputs: []string{"y"}},
		},
	}
}

func TestTheMapShowsWhereAClassIs(t *testing.T) {
	h, _ := find(t, two())
	x := []float32{
		4, 1, 0, 0,
		0, 3, 2, 0,
	}
	for class, want := range [][]float32{{1, 0.25, 0, 0}, {0, 1, 1, 0}} {
		got, err := h.Map(x, class)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("class %d: %v, want %v", class, got, want)
		}
	}
}

func TestAMapWithoutEvidenceIsAllZeros(t *testing.T) {
	h, _ := find(t, two())
	got, err := h.Map([]float32{1, 1, 1, 1, 0, 0, 0, 0}, 1)
	if err != nil || !slices.Equal(got, make([]float32, 4)) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestWhatCannotBeMappedIsAnError(t *testing.T) {
	h, _ := find(t, two())
	for _, c := range []struct {
		feature []float32
		class   int
		want    string
	}{
		{make([]float32, 8), 2, "class 2 of 2"},
		{make([]float32, 8), -1, "class -1 of 2"},
		{make([]float32, 7), 0, "7 numbers where 2×2×2"},
		{[]float32{float32(math.NaN()), 0, 0, 0, 0, 0, 0, 0}, 0, "no number"},
	} {
		if _, err := h.Map(c.feature, c.class); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("class %d: error %v, want one with %q", c.class, err, c.want)
		}
	}
}

func TestOtherNetworksHaveNoHead(t *testing.T) {
	// edit changes two's nodes: what they are is in TestTheMapShowsWhereAClassIs.
	for _, c := range []struct {
		name string
		edit func(*onnxbuild.Model)
	}{
		{"without a pool", func(m *onnxbuild.Model) {
			m.Nodes = m.Nodes[1:]
			m.Nodes[0].Inputs[0] = "x"
			m.Tensors[0] = onnxbuild.Floats("w", shape{8, 2}, make([]float32, 16)...)
		}},
		{"with a pool of parts", func(m *onnxbuild.Model) {
			m.Inputs[0].Shape = shape{1, 2, 2, 4}
			m.Nodes[0].Op, m.Nodes[0].Attrs = "AveragePool", attrs{"kernel_shape": []int{2, 2}, "strides": []int{2, 2}}
			m.Tensors[0] = onnxbuild.Floats("w", shape{4, 2}, make([]float32, 8)...)
		}},
		{"with a softmax in the middle", func(m *onnxbuild.Model) {
			m.Nodes[1] = onnxbuild.Node{Name: "flat", Op: "Flatten", Inputs: []string{"m"}, Outputs: []string{"e"}}
			m.Nodes = slices.Insert(m.Nodes, 2, onnxbuild.Node{Name: "inner", Op: "Softmax", Inputs: []string{"e"}, Outputs: []string{"f"}})
		}},
		{"with weights that are computed", func(m *onnxbuild.Model) {
			m.Tensors = nil
			m.Nodes = slices.Insert(m.Nodes, 0, onnxbuild.Node{Name: "part", Op: "Reshape", Inputs: []string{"v", "s"}, Outputs: []string{"w"}})
			m.Inputs = append(m.Inputs, onnxbuild.Value{Name: "v", Shape: shape{4}})
			m.Tensors = append(m.Tensors, onnxbuild.Ints("s", shape{2}, 2, 2))
		}},
		{"of two pictures", func(m *onnxbuild.Model) {
			m.Inputs[0].Shape[0], m.Outputs[0].Shape[0] = 2, 2
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := two()
			c.edit(&m)
			g, err := conformance.Import(m.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			if h, _, err := explain.Find(g); !errors.Is(err, explain.ErrNoHead) {
				t.Errorf("%+v, %v; want ErrNoHead", h, err)
			}
		})
	}
}

func TestAConstantOfManyPathsIsLookedAtOnce(t *testing.T) {
	// Sixty doublings have 2⁶⁰ ways through them.
	m := two()
	m.Tensors = append(m.Tensors, onnxbuild.Floats("d0", shape{2}, 1, 1))
	for i := range 60 {
		from := fmt.Sprintf("d%d", i)
		m.Nodes = slices.Insert(m.Nodes, i, onnxbuild.Node{Name: from, Op: "Add", Inputs: []string{from, from}, Outputs: []string{fmt.Sprintf("d%d", i+1)}})
	}
	m.Nodes[62].Outputs[0] = "y0"
	m.Nodes = slices.Insert(m.Nodes, 63, onnxbuild.Node{Name: "sum", Op: "Add", Inputs: []string{"y0", "d60"}, Outputs: []string{"z"}})
	g, err := conformance.Import(m.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := explain.Find(g); !errors.Is(err, explain.ErrNoHead) {
		t.Errorf("error %v, want ErrNoHead", err)
	}
}

func FuzzFind(f *testing.F) {
	for seed := range uint64(20) {
		m, _ := head(seed, seed%2 == 0)
		f.Add(m.Bytes())
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		g, err := conformance.Import(file)
		if err != nil {
			return
		}
		h, feature, err := explain.Find(g)
		if err != nil || feature.Len() > 1<<16 {
			return
		}
		if _, err := h.Scores(make([]float32, feature.Len())); err != nil {
			t.Errorf("scores: %v", err)
		}
		if m, err := h.Map(make([]float32, feature.Len()), h.Classes-1); err == nil && len(m) != h.Width*h.Height {
			t.Errorf("a map of %d cells for %d×%d", len(m), h.Width, h.Height)
		}
	})
}
