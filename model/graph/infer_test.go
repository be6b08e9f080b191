package graph_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"hamster/model/conformance/onnxbuild"
	"hamster/model/graph"
	"hamster/model/onnxfile"
)

// A rule is one line of the tables below: a node on an input x and constants,
// and the line of text that it becomes, or `error:` and what the error says.
type rule struct {
	name   string
	opset  int // 0 is 13
	x      []int
	consts tensors
	node   node
	want   string
}

func check(t *testing.T, rules []rule) {
	t.Helper()
	for _, r := range rules {
		t.Run(r.node.Op+"/"+r.name, func(t *testing.T) {
			if r.opset == 0 {
				r.opset = 13
			}
			g, err := importModel(t, model(r.opset, r.x, r.consts, r.node).Bytes(), nil)
			if want, ok := strings.CutPrefix(r.want, "error: "); ok {
				prefix := r.node.Name + " (" + r.node.Op + "): "
				wantError(t, err, prefix, want)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := text(t, g); got != r.want {
				t.Errorf("got  %s\nwant %s", got, r.want)
			}
		})
	}
}

var image = []int{1, 4, 8, 6}

func one(name string, v float32) *onnxfile.Tensor { return onnxbuild.Floats(name, nil, v) }

func bytesOf(name string, dtype onnxfile.DType, shape ...int) *onnxfile.Tensor {
	return &onnxfile.Tensor{Name: name, DType: dtype, Shape: shape, Data: make([]byte, graph.Elements(shape)*dtype.Size())}
}

func TestElementwise(t *testing.T) {
	rules := []rule{
		{"like a scalar", 0, nil, nil, op("Relu", "x", "y", nil), "y[scalar] = Relu(x)"},
		{"alpha", 0, []int{2, 3}, nil, op("LeakyRelu", "x", "y", attrs{"alpha": float32(0.3)}), "y[2×3] = LeakyRelu(x) alpha=0.3"},
		{"bounds as inputs", 0, []int{2, 3}, tensors{one("lo", 0), one("hi", 6)}, op("Clip", "x lo hi", "y", nil), "y[2×3] = Clip(x) max=6 min=0"},
		{"bounds as attributes", 6, []int{2, 3}, nil, op("Clip", "x", "y", attrs{"min": float32(-1), "max": float32(1)}), "y[2×3] = Clip(x) max=1 min=-1"},
		{"no bounds", 0, []int{2, 3}, nil, op("Clip", "x", "y", nil), "y[2×3] = Clip(x)"},
		{"a list of bounds", 0, []int{2, 3}, tensors{zeros("lo", 2)}, op("Clip", "x lo", "y", nil), `error: input "lo" must be one constant number`},
		{"a bound that is computed", 0, []int{1}, nil, op("Clip", "x x", "y", nil), `error: input "x" must be one constant number`},
		{"a bound of the wrong type", 6, []int{1}, nil, op("Clip", "x", "y", attrs{"min": 1}), "error: attribute min is int64, want float32"},

		{"same shapes", 0, []int{2, 3}, tensors{zeros("b", 2, 3)}, op("Add", "x b", "y", nil), "y[2×3] = Add(x, b)"},
		{"a row", 0, []int{2, 3}, tensors{zeros("b", 3)}, op("Sub", "x b", "y", nil), "y[2×3] = Sub(x, b)"},
		{"a column and a row", 0, []int{2, 1}, tensors{zeros("b", 3)}, op("Mul", "x b", "y", nil), "y[2×3] = Mul(x, b)"},
		{"a higher rank on the right", 0, []int{3}, tensors{zeros("b", 4, 2, 1)}, op("Div", "x b", "y", nil), "y[4×2×3] = Div(x, b)"},
		{"a scalar", 0, []int{2, 3}, tensors{one("b", 1)}, op("Add", "x b", "y", nil), "y[2×3] = Add(x, b)"},
		{"shapes that do not fit", 0, []int{2, 3}, tensors{zeros("b", 2)}, op("Add", "x b", "y", nil), "error: 2×3 and 2 do not broadcast"},
		{"types that differ", 0, []int{3}, tensors{ints("b", 1, 2, 3)}, op("Add", "x b", "y", nil), "error: inputs of float32 and int64"},
		{"one operand", 0, []int{3}, nil, op("Add", "x", "y", nil), "error: input 1 is missing"},
		{"a product too large", 0, []int{1 << 16, 1}, tensors{zeros("b", 1<<16)}, op("Mul", "x b", "y", nil), "error: 65536×65536 is more than 2147483647 elements"},

		// Before opset 7 the second operand lay along `axis`.
		{"of old, along an axis", 6, image, tensors{zeros("b", 4)}, op("Add", "x b", "y", attrs{"broadcast": 1, "axis": 1}), "y[1×4×8×6] = Add(x, b)"},
		{"of old, along the last", 6, image, tensors{zeros("b", 6)}, op("Mul", "x b", "y", attrs{"broadcast": 1}), "y[1×4×8×6] = Mul(x, b)"},
		{"of old, unset", 6, image, tensors{zeros("b", 6)}, op("Add", "x b", "y", nil), "error: 1×4×8×6 and 6 differ and broadcast is not set"},
		{"of old, beyond the end", 6, image, tensors{zeros("b", 8, 6)}, op("Add", "x b", "y", attrs{"broadcast": 1, "axis": 3}), "error: 8×6 does not lie along the axes of 1×4×8×6 from 3 on"},
		{"of old, computed", 6, []int{4, 4}, nil, op("Add", "x x", "y", attrs{"broadcast": 1, "axis": 0}), "y[4×4] = Add(x, x)"},

		{"to the same type", 0, []int{3}, nil, op("Cast", "x", "y", attrs{"to": 1}), "y[3] = Identity(x)"},
		{"to integers", 0, []int{3}, nil, op("Cast", "x", "y", attrs{"to": 7}), "error: from float32 to int64 is not supported"},
		{"to half as many bits", 0, []int{3}, nil, op("Cast", "x", "y", attrs{"to": 10}), "error: from float32 to float16 is not supported"},
		{"to nothing", 0, []int{3}, nil, op("Cast", "x", "y", nil), "error: from float32 to dtype(0) is not supported"},
		{"without effect", 0, []int{3}, nil, op("Dropout", "x", "y", attrs{"seed": 1}), "y[3] = Identity(x)"},
		{"not training", 0, []int{3}, tensors{one("p", 0.5), bytesOf("t", onnxfile.Bool)}, op("Dropout", "x p t", "y", nil), "y[3] = Identity(x)"},
		{"training", 0, []int{3}, tensors{one("p", 0.5), {Name: "t", DType: onnxfile.Bool, Data: []byte{1}}}, op("Dropout", "x p t", "y", nil), "error: training mode is not supported"},
		{"computed", 0, []int{3}, nil, op("Identity", "x", "y", nil), "y[3] = Identity(x)"},
		{"folded", 0, []int{3}, tensors{zeros("k", 2)}, op("Identity", "k", "y", nil), ""},
		{"of integers", 0, []int{3}, tensors{bytesOf("k", onnxfile.Int32, 2)}, op("Relu", "k", "y", nil), "error: gives int32: only float32 is computed"},
		{"of a constant", 0, []int{3}, tensors{zeros("k", 2)}, op("Relu", "k", "y", nil), "y[2] = Relu(k)"},
		{"of nothing", 0, []int{3}, tensors{zeros("k", 2, 0)}, op("Relu", "k", "y", nil), "error: gives 2×0, which is empty"},
	}
	for _, name := range []string{"Exp", "HardSigmoid", "HardSwish", "Relu", "Sigmoid", "Tanh"} {
		rules = append(rules, rule{"keeps the shape", 0, []int{2, 3}, nil, op(name, "x", "y", nil), "y[2×3] = " + name + "(x)"})
	}
	check(t, rules)
}

func TestAnOldOperandGetsTrailingOnes(t *testing.T) {
	m := model(6, image, tensors{zeros("b", 4, 8)}, op("Add", "x b", "y", attrs{"broadcast": 1, "axis": 1}))
	g, err := importModel(t, m.Bytes(), nil)
	if err != nil {
		t.Fatal(err)
	}
	b := g.Nodes[0].Inputs[1]
	if f, err := g.Float32s(b); b.Dims() != "4×8×1" || len(f) != 32 {
		t.Errorf("the operand is %s of %d numbers (%v)", b.Dims(), len(f), err)
	}
}

func TestConvolutionsAndPools(t *testing.T) {
	w := func(shape ...int) tensors { return tensors{zeros("w", shape...)} }
	conv := func(a attrs) node { return op("Conv", "x w", "y", a) }
	pool := func(a attrs) node { return op("MaxPool", "x", "y", a) }
	check(t, []rule{
		{"plain", 0, image, w(5, 4, 3, 3), conv(nil), "y[1×5×6×4] = Conv(x, w)"},
		{"with a bias", 0, image, tensors{zeros("w", 5, 4, 3, 3), zeros("b", 5)}, op("Conv", "x w b", "y", nil), "y[1×5×6×4] = Conv(x, w, b)"},
		{"padded on each side by its own", 0, image, w(5, 4, 3, 3), conv(attrs{"pads": []int{0, 1, 2, 3}}), "y[1×5×8×8] = Conv(x, w) pads=[0 1 2 3]"},
		{"strides", 0, image, w(5, 4, 3, 3), conv(attrs{"strides": []int{2, 3}}), "y[1×5×3×2] = Conv(x, w) strides=[2 3]"},
		{"dilations", 0, image, w(5, 4, 3, 3), conv(attrs{"dilations": []int{3, 2}}), "y[1×5×2×2] = Conv(x, w) dilations=[3 2]"},
		{"groups", 0, image, w(6, 2, 1, 1), conv(attrs{"group": 2}), "y[1×6×8×6] = Conv(x, w) group=2"},
		{"depthwise", 0, image, w(4, 1, 1, 7), conv(attrs{"group": 4, "auto_pad": "SAME_UPPER"}), "y[1×4×8×6] = Conv(x, w) auto_pad=SAME_UPPER group=4"},
		{"one row", 0, image, w(4, 4, 1, 6), conv(nil), "y[1×4×8×1] = Conv(x, w)"},
		{"kernel as said", 0, image, w(4, 4, 3, 1), conv(attrs{"kernel_shape": []int{3, 1}}), "y[1×4×6×6] = Conv(x, w) kernel_shape=[3 1]"},
		{"a kernel that differs", 0, image, w(4, 4, 3, 1), conv(attrs{"kernel_shape": []int{1, 3}}), "error: kernel_shape [1 3] differs from the weights 4×4×3×1"},
		{"a kernel too large", 0, image, w(4, 4, 9, 1), conv(nil), "error: kernel 9×1 (dilated) is larger than the padded input 8×6"},
		{"other channels", 0, image, w(4, 3, 1, 1), conv(nil), "error: weights 4×3×1×1 want 3 input channels, the input 1×4×8×6 has 4"},
		{"groups that do not divide", 0, image, w(4, 1, 1, 1), conv(attrs{"group": 3}), "error: 3 groups do not divide 4 input and 4 output channels"},
		{"no groups", 0, image, w(4, 4, 1, 1), conv(attrs{"group": 0}), "error: 0 groups"},
		{"a bias of another size", 0, image, tensors{zeros("w", 5, 4, 1, 1), zeros("b", 4)}, op("Conv", "x w b", "y", nil), "error: bias 4 where 5 channels go out"},
		{"a bias of another type", 0, image, tensors{zeros("w", 2, 4, 1, 1), ints("b", 1, 2)}, op("Conv", "x w b", "y", nil), "error: inputs of float32 and int64"},
		{"one dimension", 0, []int{1, 4, 8}, w(4, 4, 3), conv(nil), "error: needs an input and weights of rank 4, has 1×4×8 and 4×4×3"},
		{"no weights", 0, image, nil, op("Conv", "x", "y", nil), "error: needs an input and weights of rank 4, has 1×4×8×6 and none"},
		{"strides of 0", 0, image, w(4, 4, 1, 1), conv(attrs{"strides": []int{0, 1}}), "error: strides [0 1]"},
		{"three strides", 0, image, w(4, 4, 1, 1), conv(attrs{"strides": []int{1, 1, 1}}), "error: do not fit two spatial dimensions"},
		{"negative pads", 0, image, w(4, 4, 1, 1), conv(attrs{"pads": []int{0, 0, -1, 0}}), "error: pads [0 0 -1 0] must lie in 0…32768"},
		{"absurd pads", 0, image, w(4, 4, 1, 1), conv(attrs{"pads": []int{1 << 30, 0, 0, 0}}), "error: must lie in 0…32768"},
		{"pads that make it huge", 0, image, w(4, 4, 1, 1), conv(attrs{"pads": []int{1 << 15, 1 << 15, 1 << 15, 1 << 15}}), "error: output 65544×65542 is too large"},
		{"an unknown auto_pad", 0, image, w(4, 4, 1, 1), conv(attrs{"auto_pad": "SOME"}), `error: auto_pad "SOME" is unknown`},

		{"plain", 0, image, nil, pool(attrs{"kernel_shape": []int{3, 2}, "strides": []int{2, 2}}), "y[1×4×3×3] = MaxPool(x) kernel_shape=[3 2] strides=[2 2]"},
		{"as large as its input", 0, image, nil, pool(attrs{"kernel_shape": []int{8, 6}}), "y[1×4×1×1] = MaxPool(x) kernel_shape=[8 6]"},
		{"rounded up", 0, image, nil, pool(attrs{"kernel_shape": []int{3, 3}, "strides": []int{2, 2}, "ceil_mode": 1}), "y[1×4×4×3] = MaxPool(x) ceil_mode=1 kernel_shape=[3 3] strides=[2 2]"},
		{"VALID", 0, image, nil, pool(attrs{"kernel_shape": []int{3, 3}, "auto_pad": "VALID"}), "y[1×4×6×4] = MaxPool(x) auto_pad=VALID kernel_shape=[3 3]"},
		{"no kernel", 0, image, nil, pool(nil), "error: kernel of 0 dimensions, only 2 are supported"},
		{"three dimensions", 0, []int{1, 4, 8, 6, 2}, nil, pool(attrs{"kernel_shape": []int{1, 1, 1}}), "error: needs an input of rank 4, has 1×4×8×6×2"},
		{"pads not smaller than the kernel", 0, image, nil, pool(attrs{"kernel_shape": []int{2, 2}, "pads": []int{0, 2, 0, 0}}), "error: pads [0 2 0 0] are not smaller than the kernel [2 2]"},
		{"of integers", 0, image, tensors{bytesOf("u", onnxfile.Uint8, 1, 1, 2, 2)}, op("MaxPool", "u", "y", attrs{"kernel_shape": []int{2, 2}}), "error: gives uint8: only float32 is computed"},
		{"counting its padding", 0, image, nil, op("AveragePool", "x", "y", attrs{"kernel_shape": []int{3, 3}, "pads": []int{1, 1, 1, 1}, "count_include_pad": 1}),
			"y[1×4×8×6] = AveragePool(x) count_include_pad=1 kernel_shape=[3 3] pads=[1 1 1 1]"},
		{"plain", 0, image, nil, op("GlobalAveragePool", "x", "y", nil), "y[1×4×1×1] = GlobalAveragePool(x)"},
		{"plain", 0, image, nil, op("GlobalMaxPool", "x", "y", nil), "y[1×4×1×1] = GlobalMaxPool(x)"},
		{"of a matrix", 0, []int{2, 3}, nil, op("GlobalMaxPool", "x", "y", nil), "error: needs an input of rank 4, has 2×3"},
	})
}

func TestMatrices(t *testing.T) {
	check(t, []rule{
		{"plain", 0, []int{2, 3}, tensors{zeros("b", 3, 4)}, op("Gemm", "x b", "y", nil), "y[2×4] = Gemm(x, b)"},
		{"both transposed", 0, []int{3, 2}, tensors{zeros("b", 4, 3)}, op("Gemm", "x b", "y", attrs{"transA": 1, "transB": 1}), "y[2×4] = Gemm(x, b) transA=1 transB=1"},
		{"with C", 0, []int{2, 3}, tensors{zeros("b", 3, 4), zeros("c", 4)}, op("Gemm", "x b c", "y", attrs{"alpha": float32(0.5)}), "y[2×4] = Gemm(x, b, c) alpha=0.5"},
		{"with a column", 0, []int{2, 3}, tensors{zeros("b", 3, 4), zeros("c", 2, 1)}, op("Gemm", "x b c", "y", nil), "y[2×4] = Gemm(x, b, c)"},
		{"a C too large", 0, []int{1, 3}, tensors{zeros("b", 3, 4), zeros("c", 2, 4)}, op("Gemm", "x b c", "y", nil), "error: operand C of 2×4 does not fit 1×4"},
		{"sizes that differ", 0, []int{2, 3}, tensors{zeros("b", 3, 4)}, op("Gemm", "x b", "y", attrs{"transB": 1}), "error: 2×3 and 3×4 do not multiply (transA=0, transB=1)"},
		{"of rank 3", 0, []int{1, 2, 3}, tensors{zeros("b", 3, 4)}, op("Gemm", "x b", "y", nil), "error: needs two matrices, has 1×2×3 and 3×4"},
		{"one matrix", 0, []int{2, 3}, nil, op("Gemm", "x", "y", nil), "error: needs two matrices, has 2×3 and none"},
		{"types that differ", 0, []int{2, 3}, tensors{bytesOf("b", onnxfile.Uint8, 3, 4)}, op("Gemm", "x b", "y", nil), "error: inputs of float32 and uint8"},

		{"plain", 0, []int{2, 3}, tensors{zeros("b", 3, 4)}, op("MatMul", "x b", "y", nil), "y[2×4] = MatMul(x, b)"},
		{"a stack", 0, []int{5, 2, 3}, tensors{zeros("b", 3, 4)}, op("MatMul", "x b", "y", nil), "y[5×2×4] = MatMul(x, b)"},
		{"sizes that differ", 0, []int{2, 3}, tensors{zeros("b", 2, 4)}, op("MatMul", "x b", "y", nil), "error: 2×3 and 2×4 do not multiply"},
		{"a vector", 0, []int{3}, tensors{zeros("b", 3, 4)}, op("MatMul", "x b", "y", nil), "error: 3 by 3×4 is not supported"},
		{"two stacks", 0, []int{5, 2, 3}, tensors{zeros("b", 5, 3, 4)}, op("MatMul", "x b", "y", nil), "error: 5×2×3 by 5×3×4 is not supported"},
		{"types that differ", 0, []int{2, 3}, tensors{bytesOf("b", onnxfile.Uint8, 3, 4)}, op("MatMul", "x b", "y", nil), "error: inputs of float32 and uint8"},
	})
}

func TestNormalisations(t *testing.T) {
	bn := func(n int) tensors {
		return tensors{zeros("s", n), zeros("b", n), zeros("m", n), zeros("v", n)}
	}
	check(t, []rule{
		{"plain", 0, image, bn(4), op("BatchNormalization", "x s b m v", "y", attrs{"epsilon": float32(0.001)}), "y[1×4×8×6] = BatchNormalization(x, s, b, m, v) epsilon=0.001"},
		{"of a matrix", 0, []int{2, 4}, bn(4), op("BatchNormalization", "x s b m v", "y", nil), "y[2×4] = BatchNormalization(x, s, b, m, v)"},
		{"unread outputs of old", 7, image, bn(4), op("BatchNormalization", "x s b m v", "y m2 v2", nil), "y[1×4×8×6] = BatchNormalization(x, s, b, m, v)"},
		{"of a vector", 0, []int{4}, bn(4), op("BatchNormalization", "x s b m v", "y", nil), "error: needs channels, has 4"},
		{"other channels", 0, image, bn(5), op("BatchNormalization", "x s b m v", "y", nil), `error: parameter "s" is 5 where 4 channels go through`},
		{"too few inputs", 0, image, bn(4), op("BatchNormalization", "x s b m", "y", nil), "error: has 4 inputs, needs 5"},
		{"an input left out", 0, image, bn(4), op("BatchNormalization", "x s _ m v", "y", nil), "error: input 2 is missing"},
		{"training", 14, image, bn(4), op("BatchNormalization", "x s b m v", "y", attrs{"training_mode": 1}), "error: training mode is not supported"},

		{"on the last axis", 0, []int{2, 3, 4}, nil, op("Softmax", "x", "y", nil), "y[2×3×4] = Softmax(x)"},
		{"of old", 11, []int{2, 3, 4}, nil, op("Softmax", "x", "y", nil), "y[2×3×4] = Softmax(x) axis=1 flatten=1"},
		{"of old, counted from the end", 11, []int{2, 3, 4}, nil, op("Softmax", "x", "y", attrs{"axis": -1}), "y[2×3×4] = Softmax(x) axis=-1 flatten=1"},
		{"beyond the axes", 0, []int{2, 3}, nil, op("Softmax", "x", "y", attrs{"axis": 2}), "error: axis 2 of a tensor of rank 2"},
		{"of a scalar", 0, nil, nil, op("Softmax", "x", "y", nil), "error: axis -1 of a tensor of rank 0"},

		{"all", 0, []int{2, 3}, nil, op("ReduceMean", "x", "y", nil), "y[1×1] = ReduceMean(x) axes=[0 1] keepdims=1"},
		{"some", 0, image, nil, op("ReduceMean", "x", "y", attrs{"axes": []int{-1, 2}, "keepdims": 0}), "y[1×4] = ReduceMean(x) axes=[2 3] keepdims=0"},
		{"axes as an input", 18, image, tensors{ints("a", 2, 3)}, op("ReduceMean", "x a", "y", nil), "y[1×4×1×1] = ReduceMean(x) axes=[2 3] keepdims=1"},
		{"nothing", 18, image, nil, op("ReduceMean", "x", "y", attrs{"noop_with_empty_axes": 1}), "error: without axes is not supported"},
		{"an axis twice", 0, image, nil, op("ReduceMean", "x", "y", attrs{"axes": []int{1, -3}}), "error: axis 1 is named twice"},
		{"an axis too far", 0, image, nil, op("ReduceMean", "x", "y", attrs{"axes": []int{4}}), "error: axis 4 of a tensor of rank 4"},
	})
}

func TestShapesAndSlices(t *testing.T) {
	r := func(name string, x []int, want string, s ...int64) rule {
		return rule{name, 0, x, tensors{ints("s", s...)}, op("Reshape", "x s", "y", nil), want}
	}
	pad := func(inputs string, a attrs) node { return op("Pad", inputs, "y", a) }
	slice := func(inputs string) node { return op("Slice", inputs, "y", nil) }
	check(t, []rule{
		r("plain", []int{2, 3}, "y[3×2] = Reshape(x)", 3, 2),
		r("one is free", image, "y[1×192] = Reshape(x)", 1, -1),
		r("0 copies", image, "y[1×4×48] = Reshape(x)", 0, 0, -1),
		r("to a scalar", []int{1, 1}, "y[scalar] = Reshape(x)"),
		r("two are free", image, "error: shape [-1 -1]", -1, -1),
		r("negative", image, "error: shape [-2]", -2),
		r("0 copies nothing", []int{2}, "error: dimension 1 is copied from 2, which has none", 2, 0),
		r("another size", []int{2, 3}, "error: 2×3 cannot become 4", 4),
		r("a free one that does not divide", []int{2, 3}, "error: 2×3 cannot become [4 -1]", 4, -1),
		r("a huge shape", []int{2, 3}, "error: is too large", 1<<40, 1<<40),
		{"0 is 0 where that is allowed", 14, image, tensors{ints("s", 0, 4)}, op("Reshape", "x s", "y", attrs{"allowzero": 1}), "error: 1×4×8×6 cannot become 0×4"},
		{"as an attribute", 1, []int{2, 3}, nil, op("Reshape", "x", "y", attrs{"shape": []int{6}}), "y[6] = Reshape(x)"},
		{"no shape", 0, []int{2, 3}, nil, op("Reshape", "x", "y", nil), "error: has no shape"},
		{"a computed shape", 0, []int{2}, nil, op("Reshape", "x x", "y", nil), `error: input "x" must be a constant: shapes that depend on data are not supported`},
		{"a shape of floats", 0, []int{2}, tensors{zeros("s", 1)}, op("Reshape", "x s", "y", nil), "error: float32"},
		{"a shape of thousands", 0, []int{2}, tensors{ints("s", make([]int64, 1000)...)}, op("Reshape", "x s", "y", nil), `error: input "s" has 1000 elements, at most 256 are read`},

		{"from axis 1", 0, image, nil, op("Flatten", "x", "y", nil), "y[1×192] = Reshape(x)"},
		{"from the front", 0, image, nil, op("Flatten", "x", "y", attrs{"axis": 0}), "y[1×192] = Reshape(x)"},
		{"at the end", 0, image, nil, op("Flatten", "x", "y", attrs{"axis": 4}), "y[192×1] = Reshape(x)"},
		{"counted from the end", 0, image, nil, op("Flatten", "x", "y", attrs{"axis": -1}), "y[32×6] = Reshape(x)"},
		{"too far", 0, image, nil, op("Flatten", "x", "y", attrs{"axis": 5}), "error: axis 5 of 1×4×8×6"},

		{"all ones", 0, []int{1, 2, 1, 3}, nil, op("Squeeze", "x", "y", nil), "y[2×3] = Reshape(x)"},
		{"some, as an input", 0, []int{1, 2, 1}, tensors{ints("a", -1)}, op("Squeeze", "x a", "y", nil), "y[1×2] = Reshape(x)"},
		{"some, as an attribute", 11, []int{1, 2, 1}, nil, op("Squeeze", "x", "y", attrs{"axes": []int{0}}), "y[2×1] = Reshape(x)"},
		{"not one", 0, []int{1, 2}, tensors{ints("a", 1)}, op("Squeeze", "x a", "y", nil), "error: axis 1 of 1×2 is not 1"},
		{"as an input", 0, []int{2}, tensors{ints("a", 0, -1)}, op("Unsqueeze", "x a", "y", nil), "y[1×2×1] = Reshape(x)"},
		{"as an attribute", 11, []int{2}, nil, op("Unsqueeze", "x", "y", attrs{"axes": []int{1, 2}}), "y[2×1×1] = Reshape(x)"},
		{"an axis twice", 0, []int{2}, tensors{ints("a", 0, -3)}, op("Unsqueeze", "x a", "y", nil), "error: axis 0 is named twice"},
		{"too many axes", 0, []int{2}, tensors{ints("a", 0, 1, 2, 3, 4, 5, 6, 7)}, op("Unsqueeze", "x a", "y", nil), "error: has more than 8 dimensions"},

		{"reversed", 0, []int{2, 3, 4}, nil, op("Transpose", "x", "y", nil), "y[4×3×2] = Transpose(x)"},
		{"permuted", 0, image, nil, op("Transpose", "x", "y", attrs{"perm": []int{0, 2, 3, 1}}), "y[1×8×6×4] = Transpose(x) perm=[0 2 3 1]"},
		{"an axis twice", 0, []int{2, 3}, nil, op("Transpose", "x", "y", attrs{"perm": []int{0, 0}}), "error: perm [0 0] does not permute 2×3"},
		{"too few axes", 0, []int{2, 3}, nil, op("Transpose", "x", "y", attrs{"perm": []int{0}}), "error: perm [0] does not permute 2×3"},

		{"channels", 0, image, tensors{zeros("b", 1, 3, 8, 6)}, op("Concat", "x b x", "y", attrs{"axis": 1}), "y[1×11×8×6] = Concat(x, b, x) axis=1"},
		{"counted from the end", 0, []int{2, 3}, nil, op("Concat", "x x", "y", attrs{"axis": -1}), "y[2×6] = Concat(x, x) axis=-1"},
		{"one alone", 0, []int{2, 3}, nil, op("Concat", "x", "y", attrs{"axis": 0}), "y[2×3] = Concat(x) axis=0"},
		{"another size", 0, []int{2, 3}, tensors{zeros("b", 3, 3)}, op("Concat", "x b", "y", attrs{"axis": 1}), "error: 2×3 beside 3×3 on axis 1"},
		{"another rank", 0, []int{2, 3}, tensors{zeros("b", 2)}, op("Concat", "x b", "y", attrs{"axis": 1}), "error: 2×3 beside 2"},
		{"another type", 0, []int{2}, tensors{ints("b", 1)}, op("Concat", "x b", "y", attrs{"axis": 0}), "error: inputs of float32 and int64"},
		{"a hole", 0, []int{2}, nil, op("Concat", "x _ x", "y", attrs{"axis": 0}), "error: input 1 is missing"},

		{"a part", 0, []int{4, 6}, tensors{ints("a", 1), ints("b", 5), ints("c", 1), ints("d", 2)}, slice("x a b c d"), "y[4×2] = Slice(x) starts=[0 1] steps=[1 2]"},
		{"to the end", 0, []int{4, 6}, tensors{ints("a", -2), ints("b", 1<<62)}, slice("x a b"), "y[2×6] = Slice(x) starts=[2 0] steps=[1 1]"},
		{"before the start", 0, []int{4}, tensors{ints("a", -1<<62), ints("b", -3)}, slice("x a b"), "y[1] = Slice(x) starts=[0] steps=[1]"},
		{"as attributes", 9, []int{4, 6}, nil, op("Slice", "x", "y", attrs{"starts": []int{1, 2}, "ends": []int{3, -1}, "axes": []int{1, 0}}), "y[1×2] = Slice(x) starts=[2 1] steps=[1 1]"},
		{"nothing left", 0, []int{4}, tensors{ints("a", 3), ints("b", 1)}, slice("x a b"), "error: gives 0, which is empty"},
		{"backwards", 0, []int{4}, tensors{ints("a", 3), ints("b", 0), ints("c", 0), ints("d", -1)}, slice("x a b c d"), "error: step -1 is not supported"},
		{"an axis twice", 0, []int{4}, tensors{ints("a", 0, 0), ints("b", 2, 2), ints("c", 0, -1)}, slice("x a b c"), "error: axis 0 is named twice"},
		{"lists of other lengths", 0, []int{4}, tensors{ints("a", 0), ints("b", 2, 2)}, slice("x a b"), "error: differ in length"},
		{"no starts", 0, []int{4}, nil, op("Slice", "x", "y", nil), "error: has no starts"},

		{"as an attribute", 10, []int{2, 3}, nil, pad("x", attrs{"pads": []int{1, 0, 0, 2}, "value": float32(1)}), "y[3×5] = Pad(x) pads=[1 0 0 2] value=1"},
		{"as inputs", 0, []int{2, 3}, tensors{ints("p", 0, 1, 0, 1), one("v", -1)}, pad("x p v", nil), "y[2×5] = Pad(x) pads=[0 1 0 1] value=-1"},
		{"too few", 0, []int{2, 3}, tensors{ints("p", 0, 1)}, pad("x p", nil), "error: pads [0 1] do not fit 2×3"},
		{"negative", 0, []int{2}, tensors{ints("p", -1, 0)}, pad("x p", nil), "error: pads [-1 0] must lie in 0…32768"},
		{"reflected", 0, []int{2}, tensors{ints("p", 1, 0)}, pad("x p", attrs{"mode": "reflect"}), `error: mode "reflect" is not supported`},
		{"along axes", 18, []int{2, 3}, tensors{ints("p", 1, 0), ints("a", 0)}, pad("x p _ a", nil), "error: axes are not supported"},
		{"a list of values", 0, []int{2}, tensors{ints("p", 1, 0), zeros("v", 2)}, pad("x p v", nil), `error: input "v" must be one constant number`},

		{"of images", 0, image, tensors{ints("i", 0)}, op("Gather", "x i", "y", nil), "error: is supported on lists of integers only, has 1×4×8×6 and 1"},
		{"too far", 0, []int{1}, tensors{ints("l", 1, 2), ints("i", 2)}, op("Gather", "l i", "y", nil), "error: index 2 of 2"},
		{"along another axis", 0, []int{1}, tensors{ints("l", 1, 2), ints("i", 0)}, op("Gather", "l i", "y", attrs{"axis": 1}), "error: axis 1 of a tensor of rank 1"},
	})
}

func TestQuantisedWeights(t *testing.T) {
	u8 := func(shape ...int) *onnxfile.Tensor { return bytesOf("q", onnxfile.Uint8, shape...) }
	zero := func(shape ...int) *onnxfile.Tensor { return bytesOf("z", onnxfile.Uint8, shape...) }
	dq := func(inputs string, a attrs) node { return op("DequantizeLinear", inputs, "y", a) }
	check(t, []rule{
		{"one scale", 0, nil, tensors{u8(2, 3), one("s", 0.5), zero()}, dq("q s z", nil), "y[2×3] = DequantizeLinear(q, s, z)"},
		{"no zero point", 0, nil, tensors{u8(2, 3), one("s", 0.5)}, dq("q s", nil), "y[2×3] = DequantizeLinear(q, s)"},
		{"a scale a channel", 0, nil, tensors{u8(2, 3), zeros("s", 2), zero(2)}, dq("q s z", attrs{"axis": 0}), "y[2×3] = DequantizeLinear(q, s, z) axis=0"},
		{"a scale that does not fit", 0, nil, tensors{u8(2, 3), zeros("s", 2)}, dq("q s", nil), "error: scale 2 does not fit axis 1 of 2×3"},
		{"a zero point that does not fit", 0, nil, tensors{u8(2, 3), one("s", 1), zero(2)}, dq("q s z", nil), "error: zero point uint8 2 does not fit uint8 and scale scalar"},
		{"a zero point of another type", 0, nil, tensors{u8(2), one("s", 1), bytesOf("z", onnxfile.Int8)}, dq("q s z", nil), "error: zero point int8 scalar does not fit"},
		{"floats", 0, []int{2}, tensors{one("s", 1)}, dq("x s", nil), "error: of float32 is not supported"},
		{"a scale of integers", 0, nil, tensors{u8(2), ints("s", 1)}, dq("q s", nil), "error: with a scale of int64 is not supported"},
		{"blocks", 21, nil, tensors{u8(4), zeros("s", 2)}, dq("q s", attrs{"block_size": 2}), "error: in blocks is not supported"},
		{"an axis too far", 0, nil, tensors{u8(2, 3), zeros("s", 2)}, dq("q s", attrs{"axis": 2}), "error: axis 2 of a tensor of rank 2"},
		{"no scale", 0, nil, tensors{u8(2)}, dq("q", nil), "error: needs a tensor and its scale"},
	})
}

func TestDequantisedValues(t *testing.T) {
	q := &onnxfile.Tensor{Name: "q", DType: onnxfile.Int8, Shape: []int{2, 3}, Data: []byte{0, 1, 2, 0xff, 0x80, 0x7f}}
	for _, c := range []struct {
		name   string
		consts tensors
		node   node
		want   []float32
	}{
		{"one scale", tensors{q, one("s", 0.5), {Name: "z", DType: onnxfile.Int8, Data: []byte{1}}}, op("DequantizeLinear", "q s z", "y", nil),
			[]float32{-0.5, 0, 0.5, -1, -64.5, 63}},
		{"a scale a row", tensors{q, onnxbuild.Floats("s", []int{2}, 2, 10)}, op("DequantizeLinear", "q s", "y", attrs{"axis": 0}),
			[]float32{0, 2, 4, -10, -1280, 1270}},
		{"a scale a column", tensors{q, onnxbuild.Floats("s", []int{3}, 1, 10, 100), {Name: "z", DType: onnxfile.Int8, Shape: []int{3}, Data: []byte{0, 0, 1}}}, op("DequantizeLinear", "q s z", "y", attrs{"axis": -1}),
			[]float32{0, 10, 100, -1, -1280, 12600}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := mustImport(t, nil, c.consts, c.node)
			got, err := g.Dequantized(g.Nodes[0])
			if err != nil {
				t.Fatal(err)
			}
			for i := range c.want {
				if got[i] != c.want[i] {
					t.Fatalf("got %v, want %v", got, c.want)
				}
			}
		})
	}
}

func TestWeightsStoredAsFloat16StayWhereTheyAre(t *testing.T) {
	half := &onnxfile.Tensor{Name: "h", DType: onnxfile.Float16, Shape: []int{2, 2}, Data: []byte{0, 0x3c, 0, 0xc0, 1, 0, 0, 0x7c}}
	g := mustImport(t, []int{1, 2}, tensors{half}, op("Cast", "h", "w", attrs{"to": 1}), op("MatMul", "x w", "y", nil))
	if len(g.Nodes) != 1 {
		t.Fatalf("%d nodes, want the MatMul alone", len(g.Nodes))
	}
	w := g.Nodes[0].Inputs[1]
	if w.Name != "w" || w.DType != onnxfile.Float32 || w.Const.DType != onnxfile.Float16 || w.Const.Bytes() != 8 {
		t.Errorf("%s is %s, stored as %d bytes of %s", w.Name, w.DType, w.Const.Bytes(), w.Const.DType)
	}
	got, err := g.Float32s(w)
	if want := []float32{1, -2, 0x1p-24, float32(math.Inf(1))}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
}

// An exporter writes "flatten from axis 1" as arithmetic on shapes.
func TestArithmeticOnShapesIsFolded(t *testing.T) {
	constant := func(name string, v int64) node {
		return op("Constant", "", name, attrs{"value": onnxbuild.Ints("", nil, v)})
	}
	i32 := func(name string, vs ...int64) *onnxfile.Tensor { return onnxfile.Int32Tensor(name, []int{len(vs)}, vs) }
	for _, c := range []struct {
		name   string
		opset  int
		consts tensors
		nodes  []node
		want   string
	}{
		{"view(x.size(0), -1)", 11, tensors{ints("minus", -1)}, []node{
			op("Shape", "x", "dims", nil),
			constant("zero", 0),
			op("Gather", "dims zero", "batch", attrs{"axis": 0}),
			op("Unsqueeze", "batch", "list", attrs{"axes": []int{0}}),
			op("Concat", "list minus", "shape", attrs{"axis": 0}),
			op("Relu", "x", "r", nil),
			op("Reshape", "r shape", "y", nil),
		}, "r[1×4×8×6] = Relu(x)\ny[1×192] = Reshape(r)"},
		{"shuffled channels", 13, tensors{ints("two", 2), ints("half", 2), ints("axis", 0)}, []node{
			op("Shape", "x", "dims", nil),
			op("Slice", "dims half2 four", "hw", nil),
			op("Slice", "dims one1 two", "c", nil),
			op("Div", "c two", "c2", nil),
			op("Concat", "one1 two c2 hw", "shape", attrs{"axis": 0}),
			op("Reshape", "x shape", "y", nil),
		}, "y[1×2×2×8×6] = Reshape(x)"},
		{"through 32 bits", 13, tensors{i32("two", 2), ints("at", 1)}, []node{
			op("Shape", "x", "dims", nil),
			op("Cast", "dims", "d32", attrs{"to": 6}),
			op("Gather", "d32 at", "c", nil),
			op("Mul", "c two", "c2", nil),
			op("Cast", "c2", "c64", attrs{"to": 7}),
			op("Concat", "c64 rest", "shape", attrs{"axis": 0}),
			op("Reshape", "x shape", "y", nil),
		}, "y[8×24] = Reshape(x)"},
		{"a part of the shape", 15, nil, []node{
			op("Shape", "x", "hw", attrs{"start": -2}),
			op("Shape", "x", "nc", attrs{"start": 0, "end": -2}),
			op("Concat", "hw nc", "shape", attrs{"axis": 0}),
			op("Reshape", "x shape", "y", nil),
		}, "y[8×6×1×4] = Reshape(x)"},
		{"sums, differences, squeezing", 13, tensors{ints("at", 1), ints("axis", 0)}, []node{
			op("Shape", "x", "dims", nil),
			op("Gather", "dims at", "c", nil),
			op("Squeeze", "c axis", "s", nil),
			op("Add", "s s", "eight", nil),
			op("Sub", "eight c", "four4", nil),
			op("Identity", "four4", "i", nil),
			op("Concat", "i rest", "shape", attrs{"axis": 0}),
			op("Reshape", "x shape", "y", nil),
		}, "y[4×48] = Reshape(x)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			consts := append(c.consts, ints("half2", 2), ints("four", 4), ints("one1", 1), ints("rest", -1))
			g, err := importModel(t, model(c.opset, image, consts, c.nodes...).Bytes(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := text(t, g); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestFoldingRefuses(t *testing.T) {
	long := make([]int64, 200)
	for _, c := range []struct {
		name   string
		consts tensors
		nodes  []node
		want   string
	}{
		{"division by zero", tensors{ints("a", 1), ints("z", 0)}, []node{op("Div", "a z", "y", nil)}, "div (Div): division by zero"},
		{"matrices", tensors{onnxbuild.Ints("a", []int{1, 2}, 1, 2)}, []node{op("Add", "a a", "y", nil)}, "add (Add): integer arithmetic on 1×2 and 1×2"},
		{"lists that grow", tensors{ints("a", long...)}, []node{op("Concat", "a a", "y", attrs{"axis": 0})}, "concat (Concat): gives 400 integers, at most 256 are computed with"},
		{"numbers that went through floats", nil, []node{op("Shape", "x", "d", nil), op("Cast", "d", "y", attrs{"to": 1})}, "cast (Cast): from int64 to float32 is not supported"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := importModel(t, model(13, image, c.consts, c.nodes...).Bytes(), nil)
			wantError(t, err, c.want)
		})
	}
}

func TestTypedParameters(t *testing.T) {
	first := func(opset int, x []int, consts tensors, n node) *graph.Node {
		g, err := importModel(t, model(opset, x, consts, n).Bytes(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return g.Nodes[0]
	}
	t.Run("Softmax of old flattens the axes", func(t *testing.T) {
		s, err := graph.SoftmaxOf(first(11, []int{2, 3, 4}, nil, op("Softmax", "x", "y", nil)))
		if want := (graph.Softmax{Outer: 2, Axis: 12, Inner: 1}); s != want {
			t.Errorf("%+v, want %+v (%v)", s, want, err)
		}
	})
	t.Run("Softmax of today keeps the inner axes", func(t *testing.T) {
		s, err := graph.SoftmaxOf(first(13, []int{2, 3, 4}, nil, op("Softmax", "x", "y", attrs{"axis": 1})))
		if want := (graph.Softmax{Outer: 2, Axis: 3, Inner: 4}); s != want {
			t.Errorf("%+v, want %+v (%v)", s, want, err)
		}
	})
	t.Run("Gemm", func(t *testing.T) {
		g, err := graph.GemmOf(first(13, []int{3, 2}, tensors{zeros("b", 3, 4)}, op("Gemm", "x b", "y", attrs{"transA": 1, "beta": float32(2)})))
		if want := (graph.Gemm{Alpha: 1, Beta: 2, TransA: true, M: 2, K: 3, N: 4}); g != want {
			t.Errorf("%+v, want %+v (%v)", g, want, err)
		}
	})
	t.Run("HardSigmoid", func(t *testing.T) {
		a, b, err := graph.HardSigmoidOf(first(13, nil, nil, op("HardSigmoid", "x", "y", nil)))
		if a != 0.2 || b != 0.5 {
			t.Errorf("alpha %v, beta %v (%v)", a, b, err)
		}
	})
	t.Run("LeakyRelu", func(t *testing.T) {
		if a, err := graph.LeakyReluOf(first(13, nil, nil, op("LeakyRelu", "x", "y", nil))); a != 0.01 {
			t.Errorf("alpha %v (%v)", a, err)
		}
	})
	t.Run("BatchNormalization", func(t *testing.T) {
		n := first(13, []int{1, 1}, tensors{zeros("p", 1)}, op("BatchNormalization", "x p p p p", "y", nil))
		if e, err := graph.BatchNormEpsilon(n); e != 1e-5 {
			t.Errorf("epsilon %v (%v)", e, err)
		}
	})
	t.Run("Pad", func(t *testing.T) {
		p, err := graph.PadOf(first(13, []int{2, 3}, tensors{ints("p", 1, 2, 3, 4)}, op("Pad", "x p", "y", nil)))
		if err != nil || p.Before[1] != 2 || p.After[0] != 3 || p.Value != 0 {
			t.Errorf("%+v (%v)", p, err)
		}
	})
}
