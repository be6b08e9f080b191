package ir

import (
	"errors"
	"math"
	"strings"
	"testing"

	"hamster/model/conformance"
	"hamster/model/conformance/onnxbuild"
	"hamster/model/onnxfile"
)

// chain is a model of nodes between the input "x" and the output "y".
type chain struct {
	name    string
	x, y    []int
	tensors []*onnxfile.Tensor
	nodes   []onnxbuild.Node
	// want is the lowered graph as text; refused is what the error must say
	// instead, after the node.
	want, refused string
}

func (c chain) lower(t *testing.T) (*Graph, error) {
	t.Helper()
	for i := range c.nodes {
		if c.nodes[i].Name == "" {
			c.nodes[i].Name = c.nodes[i].Outputs[0]
		}
	}
	m := onnxbuild.Model{
		Opset: 14, Tensors: c.tensors, Nodes: c.nodes,
		Inputs: []onnxbuild.Value{{Name: "x", Shape: c.x}}, Outputs: []onnxbuild.Value{{Name: "y", Shape: c.y}},
	}
	g, err := conformance.Import(m.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return Lower(g)
}

func node(op, output string, attrs onnxbuild.Attrs, inputs ...string) onnxbuild.Node {
	return onnxbuild.Node{Op: op, Inputs: inputs, Outputs: []string{output}, Attrs: attrs}
}

func zeros(name string, shape ...int) *onnxfile.Tensor {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return onnxbuild.Floats(name, shape, make([]float32, n)...)
}

func bytes(name string, dtype onnxfile.DType, shape ...int) *onnxfile.Tensor {
	n := dtype.Size()
	for _, d := range shape {
		n *= d
	}
	return &onnxfile.Tensor{Name: name, DType: dtype, Shape: shape, Data: make([]byte, n)}
}

type (
	attrs   = onnxbuild.Attrs
	nodes   = []onnxbuild.Node
	tensors = []*onnxfile.Tensor
)

var chains = []chain{
	{name: "Conv", x: []int{1, 4, 8, 9}, y: []int{1, 6, 4, 5},
		tensors: tensors{zeros("w", 6, 2, 3, 3), zeros("b", 6)},
		nodes:   nodes{node("Conv", "y", attrs{"strides": []int{2, 2}, "pads": []int{1, 1, 1, 1}, "group": 2}, "x", "w", "b")},
		want: `input x[8×9×4]
y[4×5×6] = Conv(x) 3×3 stride=2×2 pad=1,1,1,1 groups=2 w=w:float32 bias
y.nchw[1×1×120] = Flatten(y)
output y.nchw[1×1×120]`},
	{name: "Conv with quantised weights", x: []int{1, 4, 8, 8}, y: []int{1, 6, 8, 8},
		tensors: tensors{bytes("q", onnxfile.Uint8, 6, 4, 1, 1), zeros("s", 6), bytes("z", onnxfile.Uint8, 6)},
		nodes: nodes{node("DequantizeLinear", "w", attrs{"axis": 0}, "q", "s", "z"),
			node("Conv", "y", nil, "x", "w")},
		want: `input x[8×8×4]
y[8×8×6] = Conv(x) 1×1 w=q:uint8 bias
y.nchw[1×1×384] = Flatten(y)
output y.nchw[1×1×384]`},
	{name: "Conv with weights scaled along another axis", x: []int{1, 4, 1, 1}, y: []int{1, 6, 1, 1},
		tensors: tensors{bytes("q", onnxfile.Uint8, 6, 4, 1, 1), zeros("s", 4), bytes("z", onnxfile.Uint8, 4)},
		nodes: nodes{node("DequantizeLinear", "w", attrs{"axis": 1}, "q", "s", "z"),
			node("Conv", "y", nil, "x", "w")},
		refused: "w (DequantizeLinear): opset 14: along an axis other than the first"},
	{name: "Conv of one output with a scale for each input", x: []int{1, 4, 1, 1}, y: []int{1, 1, 1, 1},
		tensors: tensors{bytes("q", onnxfile.Uint8, 1, 4, 1, 1), zeros("s", 4), bytes("z", onnxfile.Uint8, 4)},
		nodes: nodes{node("DequantizeLinear", "w", attrs{"axis": 1}, "q", "s", "z"),
			node("Conv", "y", nil, "x", "w")},
		refused: `y (Conv): opset 14: weights "q" have 4 scales`},
	{name: "Conv with weights that a node computes", x: []int{1, 4, 1, 1}, y: []int{1, 4, 1, 1},
		tensors: tensors{zeros("w", 4, 4, 1, 1)},
		nodes:   nodes{node("Relu", "v", nil, "x"), node("Conv", "y", nil, "w", "v")},
		refused: "y (Conv): opset 14: input 0 (\"w\") is a constant"},
	{name: "Conv of two images", x: []int{2, 4, 1, 1}, y: []int{2, 4, 1, 1},
		tensors: tensors{zeros("w", 4, 4, 1, 1)},
		nodes:   nodes{node("Conv", "y", nil, "x", "w")},
		refused: "2×4×1×1: only one image"},
	{name: "NHWC input", x: []int{1, 8, 9, 4}, y: []int{1, 4, 8, 9},
		nodes: nodes{node("Transpose", "t", attrs{"perm": []int{0, 3, 1, 2}}, "x"), node("Relu", "y", nil, "t")},
		want: `input x[8×9×4]
t[8×9×4] = Identity(x)
y[8×9×4] = Unary(t) relu
y.nchw[1×1×288] = Flatten(y)
output y.nchw[1×1×288]`},
	{name: "a transposition that is read beside its input", x: []int{1, 4, 4, 4}, y: []int{1, 4, 4, 4},
		nodes:   nodes{node("Transpose", "t", attrs{"perm": []int{0, 3, 1, 2}}, "x"), node("Add", "y", nil, "t", "x")},
		refused: "t (Transpose): opset 14: is supported from an input in NHWC only"},
	{name: "Gemm, transposed and scaled", x: []int{1, 4}, y: []int{1, 3},
		tensors: tensors{zeros("w", 3, 4), zeros("b", 3)},
		nodes:   nodes{node("Gemm", "y", attrs{"transB": 1, "alpha": float32(0.5)}, "x", "w", "b")},
		want: `input x[1×1×4]
y[1×1×3] = Conv(x) 1×1 w=w:float32 bias
output y[1×1×3]`},
	{name: "MatMul with weights scaled along their outputs", x: []int{1, 4}, y: []int{1, 4},
		tensors: tensors{bytes("q", onnxfile.Uint8, 4, 4), zeros("s", 4), bytes("z", onnxfile.Uint8, 4)},
		nodes: nodes{node("DequantizeLinear", "w", attrs{"axis": 0}, "q", "s", "z"),
			node("MatMul", "y", nil, "x", "w")},
		refused: `y (MatMul): opset 14: weights "q" have 4 scales`},
	{name: "MatMul of an image's rows", x: []int{1, 3, 2, 3}, y: []int{1, 3, 2, 5},
		tensors: tensors{zeros("w", 3, 5)},
		nodes:   nodes{node("MatMul", "y", nil, "x", "w")},
		refused: "y (MatMul): opset 14: of 1×3×2×3 by 3×5"},
	{name: "Gemm of several rows", x: []int{1, 4}, y: []int{4, 3},
		tensors: tensors{zeros("w", 1, 3)},
		nodes:   nodes{node("Gemm", "y", attrs{"transA": 1}, "x", "w")},
		refused: "y (Gemm): opset 14: of 4 rows, transA=true: only one row"},
	{name: "Add of a constant a channel", x: []int{1, 4, 2, 2}, y: []int{1, 4, 2, 2},
		tensors: tensors{zeros("c", 4, 1, 1)},
		nodes:   nodes{node("Add", "y", nil, "c", "x")},
		want: `input x[2×2×4]
y[2×2×4] = Affine(x) bias
y.nchw[1×1×16] = Flatten(y)
output y.nchw[1×1×16]`},
	{name: "Add of a constant a pixel", x: []int{1, 4, 2, 2}, y: []int{1, 4, 2, 2},
		tensors: tensors{zeros("c", 2, 2)},
		nodes:   nodes{node("Add", "y", nil, "x", "c")},
		refused: "y (Add): opset 14: with a constant of 2×2 on 1×4×2×2"},
	{name: "Div by zero", x: []int{1, 4, 2, 2}, y: []int{1, 4, 2, 2},
		tensors: tensors{zeros("c")},
		nodes:   nodes{node("Div", "y", nil, "x", "c")},
		refused: "y (Div): opset 14: of a constant by an activation, or by (nearly) zero"},
	{name: "Div by what has no inverse", x: []int{1, 4, 2, 2}, y: []int{1, 4, 2, 2},
		tensors: tensors{onnxbuild.Floats("c", []int{}, 1e-40)},
		nodes:   nodes{node("Div", "y", nil, "x", "c")},
		refused: "y (Div): opset 14: of a constant by an activation, or by (nearly) zero"},
	{name: "a gate on the left", x: []int{1, 4, 2, 2}, y: []int{1, 4, 2, 2},
		nodes: nodes{node("GlobalAveragePool", "m", nil, "x"), node("Mul", "y", nil, "m", "x")},
		want: `input x[2×2×4]
m[1×1×4] = GlobalAvg(x)
y[2×2×4] = Mul(x, m)
y.nchw[1×1×16] = Flatten(y)
output y.nchw[1×1×16]`},
	{name: "a quotient with the smaller on the left", x: []int{1, 4, 2, 2}, y: []int{1, 4, 2, 2},
		nodes:   nodes{node("GlobalAveragePool", "m", nil, "x"), node("Div", "y", nil, "m", "x")},
		refused: "y (Div): opset 14: of 1×4×1×1 and 1×4×2×2 is not supported"},
	{name: "Reshape to a row", x: []int{1, 4, 2, 3}, y: []int{1, 24},
		tensors: tensors{onnxbuild.Ints("s", []int{2}, 1, -1)},
		nodes:   nodes{node("Reshape", "y", nil, "x", "s")},
		want: `input x[2×3×4]
y[1×1×24] = Flatten(x)
output y[1×1×24]`},
	{name: "Reshape to an image", x: []int{1, 24}, y: []int{1, 4, 2, 3},
		tensors: tensors{onnxbuild.Ints("s", []int{4}, 1, 4, 2, 3)},
		nodes:   nodes{node("Reshape", "y", nil, "x", "s")},
		refused: "y (Reshape): opset 14: from 1×24 to 1×4×2×3"},
	{name: "an image of one channel goes out", x: []int{1, 1, 2, 3}, y: []int{1, 1, 2, 3},
		nodes: nodes{node("Relu", "y", nil, "x")},
		want: `input x[2×3×1]
y[2×3×1] = Unary(x) relu
y.nchw[1×1×6] = Flatten(y)
output y.nchw[1×1×6]`},
	{name: "one pixel goes out", x: []int{1, 5, 1, 1}, y: []int{1, 5, 1, 1},
		nodes: nodes{node("Relu", "y", nil, "x")},
		want: `input x[1×1×5]
y[1×1×5] = Unary(x) relu
output y[1×1×5]`},
	{name: "Softmax over the channels", x: []int{1, 5}, y: []int{1, 5},
		nodes: nodes{node("Softmax", "y", nil, "x")},
		want: `input x[1×1×5]
y[1×1×5] = Softmax(x)
output y[1×1×5]`},
	{name: "Softmax over columns", x: []int{1, 5, 2, 2}, y: []int{1, 5, 2, 2},
		nodes:   nodes{node("Softmax", "y", nil, "x")},
		refused: "y (Softmax): opset 14: of 1×5×2×2 is supported over the channels only"},
	{name: "Concat along rows", x: []int{1, 5, 2, 2}, y: []int{1, 5, 4, 2},
		nodes:   nodes{node("Concat", "y", attrs{"axis": 2}, "x", "x")},
		refused: "y (Concat): opset 14: along axis 2"},
	{name: "Pad with another number than zero", x: []int{1, 5, 2, 2}, y: []int{1, 5, 4, 4},
		tensors: tensors{onnxbuild.Ints("p", []int{8}, 0, 0, 1, 1, 0, 0, 1, 1), onnxbuild.Floats("v", []int{}, 2)},
		nodes:   nodes{node("Pad", "y", nil, "x", "p", "v")},
		refused: "y (Pad): opset 14: of [0 0 1 1] and [0 0 1 1] with 2"},
	{name: "ReduceMean over the channels", x: []int{1, 5, 2, 2}, y: []int{1, 1, 2, 2},
		nodes:   nodes{node("ReduceMean", "y", attrs{"axes": []int{1}}, "x")},
		refused: "y (ReduceMean): opset 14: over axes [1] of 1×5×2×2"},
	{name: "an operator without a lowering", x: []int{1, 5, 2, 2}, y: []int{1, 5, 1, 2},
		nodes:   nodes{node("Slice", "y", attrs{"starts": []int{0}}, "x", "s", "e", "a")},
		tensors: tensors{onnxbuild.Ints("s", []int{1}, 0), onnxbuild.Ints("e", []int{1}, 1), onnxbuild.Ints("a", []int{1}, 2)},
		refused: "y (Slice): opset 14: the operator is not supported"},
}

func TestLowering(t *testing.T) {
	for _, c := range chains {
		t.Run(c.name, func(t *testing.T) {
			g, err := c.lower(t)
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) {
					t.Errorf("got %v, want an error that says %q", err, c.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := g.String(); got != c.want+"\n" {
				t.Errorf("got\n%s", got)
			}
			check(t, g)
		})
	}
}

func TestRefusedNodesCanBeAskedFor(t *testing.T) {
	_, err := chain{x: []int{1, 5, 2, 2}, y: []int{1, 5, 4, 2},
		nodes: nodes{node("Concat", "y", attrs{"axis": 2}, "x", "x")}}.lower(t)
	var refused *LowerError
	if !errors.As(err, &refused) {
		t.Fatalf("%v is no *LowerError", err)
	}
	if refused.Node.Op != "Concat" || refused.Opset != 14 || refused.Unwrap() == nil {
		t.Errorf("%+v", refused)
	}
}

func TestABatchNormalizationBecomesAScaleAndABias(t *testing.T) {
	g, err := chain{x: []int{1, 2, 1, 1}, y: []int{1, 2, 1, 1},
		tensors: tensors{onnxbuild.Floats("s", []int{2}, 2, 3), onnxbuild.Floats("b", []int{2}, 5, -1),
			onnxbuild.Floats("m", []int{2}, 4, 0), onnxbuild.Floats("v", []int{2}, 15.5, 3.5)},
		nodes: nodes{node("BatchNormalization", "y", attrs{"epsilon": float32(0.5)}, "x", "s", "b", "m", "v")}}.lower(t)
	if err != nil {
		t.Fatal(err)
	}
	o := g.Ops[0]
	// 2/√16 = 0.5 and 5 − 4·0.5 = 3; 3/√4 = 1.5 and −1.
	want := [][2]float32{{0.5, 3}, {1.5, -1}}
	for c, w := range want {
		if math.Abs(float64(o.Scale[c]-w[0])) > 1e-6 || math.Abs(float64(o.Bias[c]-w[1])) > 1e-6 {
			t.Errorf("channel %d: scale %v, bias %v, want %v", c, o.Scale[c], o.Bias[c], w)
		}
	}
}

func TestGemmScalesItsWeightsAndItsBias(t *testing.T) {
	g, err := chain{x: []int{1, 4}, y: []int{1, 2},
		tensors: tensors{zeros("w", 4, 2), onnxbuild.Floats("b", []int{1}, 3)},
		nodes:   nodes{node("Gemm", "y", attrs{"alpha": float32(0.5), "beta": float32(2)}, "x", "w", "b")}}.lower(t)
	if err != nil {
		t.Fatal(err)
	}
	w, bias := g.Ops[0].Conv.Weights[0], g.Ops[0].Conv.Bias
	if w.Layout != IO || w.I != 4 || w.O != 2 || w.Scale[1] != 0.5 || bias[0] != 6 || bias[1] != 6 {
		t.Errorf("%+v, bias %v", w, bias)
	}
}
