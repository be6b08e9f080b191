// Package simdtest makes what the tests of the fast engine need: graphs built of
// the blocks that its passes look for, and the default model.
package simdtest

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"hamster/model/conformance"
	"hamster/model/conformance/onnxbuild"
	"hamster/model/onnxfile"
)

// Blocks makes a model, as an ONNX file, of the patterns that the passes rewrite:
// branches of sibling 1×1 convolutions, pools before them, residual sums,
// written-out swishes, gates of each channel, pads, nested concatenations and
// heads with and without a flattened image. Where conformance.RandomGraph draws
// what windows can have, this draws how operators hang together. A seed always
// gives the same model of one image; its results are finite for inputs in −1…1.
func Blocks(seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 7))
	return makeBlocks(r, r)
}

// ChosenBlocks is Blocks with what it draws, but for constants, taken from bytes.
func ChosenBlocks(choices []byte) []byte {
	return makeBlocks(conformance.Choices(choices), rand.New(rand.NewPCG(1, 7)))
}

func makeBlocks(choices, values *rand.Rand) []byte {
	r := &blocks{Rand: choices, numbers: values}
	r.model.Opset = 14
	x := value{name: "x", c: 1 + r.IntN(20), h: 1 + r.IntN(14), w: 1 + r.IntN(14)}
	r.model.Inputs = []onnxbuild.Value{{Name: "x", Shape: x.shape()}}
	if r.IntN(5) == 0 {
		// As exporters from TensorFlow begin.
		r.model.Inputs[0].Shape = []int{1, x.h, x.w, x.c}
		x = r.add("Transpose", onnxbuild.Attrs{"perm": []int{0, 3, 1, 2}}, x.c, x.h, x.w, "x")
	}
	kinds := []func(value) value{
		r.inception, r.inception, r.residual, r.residual, r.swish, r.gate, r.pool, r.pads, r.affine, r.nested, r.conv,
	}
	var seen []value
	for range 1 + r.IntN(4) {
		x = kinds[r.IntN(len(kinds))](x)
		seen = append(seen, x)
	}
	if r.IntN(2) == 0 {
		x = r.head(x)
	}
	r.model.Outputs = []onnxbuild.Value{{Name: x.name, Shape: x.shape()}}
	if other := seen[r.IntN(len(seen))]; r.IntN(3) == 0 && other.name != x.name {
		r.model.Outputs = append(r.model.Outputs, onnxbuild.Value{Name: other.name, Shape: other.shape()})
	}
	return r.model.Bytes()
}

// value is a tensor of the graph: an image, or a row of c numbers.
type value struct {
	name    string
	c, h, w int
	row     bool
}

func (v value) shape() []int {
	if v.row {
		return []int{1, v.c}
	}
	return []int{1, v.c, v.h, v.w}
}

type blocks struct {
	*rand.Rand
	numbers *rand.Rand // for constants
	model   onnxbuild.Model
}

func (r *blocks) add(op string, attrs onnxbuild.Attrs, c, h, w int, inputs ...string) value {
	v := value{name: fmt.Sprintf("v%d", len(r.model.Nodes)), c: c, h: h, w: w}
	r.model.Nodes = append(r.model.Nodes, onnxbuild.Node{
		Name: op + v.name, Op: op, Attrs: attrs, Inputs: inputs, Outputs: []string{v.name},
	})
	return v
}

// floats makes a constant of values in lo…hi.
func (r *blocks) floats(lo, hi float32, shape ...int) string {
	n := 1
	for _, d := range shape {
		n *= d
	}
	data := make([]float32, n)
	for i := range data {
		data[i] = lo + (hi-lo)*r.numbers.Float32()
	}
	t := onnxbuild.Floats(fmt.Sprintf("c%d", len(r.model.Tensors)), shape, data...)
	r.model.Tensors = append(r.model.Tensors, t)
	return t.Name
}

func (r *blocks) ints(data ...int64) string {
	t := onnxbuild.Ints(fmt.Sprintf("c%d", len(r.model.Tensors)), []int{len(data)}, data...)
	r.model.Tensors = append(r.model.Tensors, t)
	return t.Name
}

// weights are quantised at times, and at times stored as float16.
func (r *blocks) weights(bound float32, shape ...int) string {
	switch r.IntN(6) {
	case 0:
		return r.halves(bound, shape...)
	case 1, 2:
	default:
		return r.floats(-bound, bound, shape...)
	}
	dtype, middle := onnxfile.Uint8, byte(128)
	if r.IntN(3) == 0 {
		dtype, middle = onnxfile.Int8, 0
	}
	q := &onnxfile.Tensor{Name: fmt.Sprintf("c%d", len(r.model.Tensors)), DType: dtype, Shape: shape}
	n := 1
	for _, d := range shape {
		n *= d
	}
	for range n {
		q.Data = append(q.Data, byte(r.numbers.IntN(256)))
	}
	r.model.Tensors = append(r.model.Tensors, q)
	zero := &onnxfile.Tensor{Name: fmt.Sprintf("c%d", len(r.model.Tensors)), DType: dtype, Shape: []int{}, Data: []byte{middle}}
	r.model.Tensors = append(r.model.Tensors, zero)
	return r.add("DequantizeLinear", nil, 0, 0, 0, q.Name, r.floats(bound/128, bound/100), zero.Name).name
}

// halves are weights of float16, of which a Cast makes float32.
func (r *blocks) halves(bound float32, shape ...int) string {
	h := &onnxfile.Tensor{Name: fmt.Sprintf("c%d", len(r.model.Tensors)), DType: onnxfile.Float16, Shape: shape}
	n := 1
	for _, d := range shape {
		n *= d
	}
	// Sign, exponent and mantissa of up to bound or a little less.
	_, exponent := math.Frexp(float64(bound))
	for range n {
		e := max(0, exponent+13-r.IntN(5))
		h.Data = binary.LittleEndian.AppendUint16(h.Data, uint16(r.IntN(2)<<15|e<<10|r.IntN(1<<10)))
	}
	r.model.Tensors = append(r.model.Tensors, h)
	return r.add("Cast", onnxbuild.Attrs{"to": int(onnxfile.Float32)}, 0, 0, 0, h.Name).name
}

// convolve is a convolution that keeps the size of the image where it can.
func (r *blocks) convolve(x value, outputs, kh, kw int) value {
	attrs := onnxbuild.Attrs{"pads": []int{kh / 2, kw / 2, (kh - 1) / 2, (kw - 1) / 2}}
	inputs := []string{x.name, r.weights(1.5/float32(x.c*kh*kw), outputs, x.c, kh, kw)}
	if r.IntN(2) == 0 {
		inputs = append(inputs, r.floats(-1, 1, outputs))
	}
	return r.add("Conv", attrs, outputs, x.h, x.w, inputs...)
}

func (r *blocks) conv(x value) value {
	return r.activate(r.convolve(x, 1+r.IntN(20), 1+r.IntN(7), 1+r.IntN(7)))
}

func (r *blocks) activate(x value) value {
	switch r.IntN(6) {
	case 0:
		return x
	case 1:
		return r.add("Clip", nil, x.c, x.h, x.w, x.name, r.floats(-1, 0), r.floats(0.5, 2))
	case 2:
		return r.add("LeakyRelu", nil, x.c, x.h, x.w, x.name)
	case 3:
		return r.affine(x)
	}
	return r.add("Relu", nil, x.c, x.h, x.w, x.name)
}

func (r *blocks) affine(x value) value {
	if r.IntN(3) == 0 {
		return r.add([]string{"Add", "Mul", "Sub", "Div"}[r.IntN(4)], nil, x.c, x.h, x.w, x.name, r.floats(0.5, 2, x.c, 1, 1))
	}
	return r.add("BatchNormalization", nil, x.c, x.h, x.w, x.name,
		r.floats(0.5, 1.5, x.c), r.floats(-0.5, 0.5, x.c), r.floats(-0.5, 0.5, x.c), r.floats(0.5, 2, x.c))
}

// inception is branches of one input, joined.
func (r *blocks) inception(x value) value {
	var names []string
	channels := 0
	for range 2 + r.IntN(4) {
		y := x
		kind := r.IntN(4)
		if x.c > 30 {
			kind = r.IntN(3) // lest the channels multiply
		}
		switch kind {
		case 0:
			y = r.convolve(r.average(x, 1), 1+r.IntN(max(1, x.c)), 1, 1)
		case 1:
			y = r.convolve(r.activate(r.convolve(x, 1+r.IntN(9), 1, 1)), 1+r.IntN(9), 3, 1+2*r.IntN(3))
		case 2:
			y = r.convolve(x, 1+r.IntN(12), 1, 1)
		case 3:
			y = r.add("MaxPool", onnxbuild.Attrs{"kernel_shape": []int{3, 3}, "pads": []int{1, 1, 1, 1}}, x.c, x.h, x.w, x.name)
		}
		if r.IntN(3) > 0 {
			y = r.add("Relu", nil, y.c, y.h, y.w, y.name)
		}
		names, channels = append(names, y.name), channels+y.c
	}
	return r.add("Concat", onnxbuild.Attrs{"axis": 1}, channels, x.h, x.w, names...)
}

// nested is a concatenation within another, and at times one operand twice.
func (r *blocks) nested(x value) value {
	a, b, c := r.conv(x), r.conv(x), r.conv(x)
	inner := r.add("Concat", onnxbuild.Attrs{"axis": 1}, a.c+b.c, x.h, x.w, a.name, b.name)
	d := r.convolve(inner, 1+r.IntN(8), 3, 3)
	last := []value{d, x, inner, a}[r.IntN(4)]
	return r.add("Concat", onnxbuild.Attrs{"axis": 1}, c.c+inner.c+last.c, x.h, x.w, c.name, inner.name, last.name)
}

func (r *blocks) average(x value, stride int) value {
	attrs := onnxbuild.Attrs{
		"kernel_shape": []int{3, 3}, "pads": []int{1, 1, 1, 1}, "strides": []int{stride, stride},
		"count_include_pad": r.IntN(2),
	}
	return r.add("AveragePool", attrs, x.c, (x.h-1)/stride+1, (x.w-1)/stride+1, x.name)
}

func (r *blocks) pool(x value) value { return r.average(x, 1+r.IntN(2)) }

// residual is x + f(x), with the sum either way round, and at times a projection.
func (r *blocks) residual(x value) value {
	outputs, short := x.c, x
	if r.IntN(3) == 0 {
		outputs = 1 + r.IntN(20)
		short = r.convolve(x, outputs, 1, 1)
	}
	y := x
	if r.IntN(3) > 0 {
		y = r.activate(r.convolve(x, 1+r.IntN(12), 1, 1))
	}
	y = r.convolve(y, outputs, 3, 3)
	if r.IntN(2) == 0 {
		y = r.affine(y)
	}
	if r.IntN(2) == 0 {
		y, short = short, y
	}
	return r.activate(r.add("Add", nil, outputs, x.h, x.w, y.name, short.name))
}

func (r *blocks) swish(x value) value {
	x = r.convolve(x, 1+r.IntN(12), 3, 3)
	gate := "Sigmoid"
	var attrs onnxbuild.Attrs
	if r.IntN(2) == 0 {
		gate = "HardSigmoid"
		attrs = onnxbuild.Attrs{"alpha": float32([]float64{1.0 / 6, 0.2}[r.IntN(2)]), "beta": float32(0.5)}
	}
	s := r.add(gate, attrs, x.c, x.h, x.w, x.name)
	if r.IntN(2) == 0 {
		return r.add("Mul", nil, x.c, x.h, x.w, s.name, x.name)
	}
	return r.add("Mul", nil, x.c, x.h, x.w, x.name, s.name)
}

// gate weighs channels by what their means say.
func (r *blocks) gate(x value) value {
	m := r.add("GlobalAveragePool", nil, x.c, 1, 1, x.name)
	m = r.add("Relu", nil, m.c, 1, 1, m.name)
	m = r.convolve(m, x.c, 1, 1)
	m = r.add("Sigmoid", nil, x.c, 1, 1, m.name)
	if r.IntN(2) == 0 {
		return r.add("Mul", nil, x.c, x.h, x.w, m.name, x.name)
	}
	return r.add("Mul", nil, x.c, x.h, x.w, x.name, m.name)
}

// pads are folded where only convolutions read them.
func (r *blocks) pads(x value) value {
	top, left, bottom, right := r.IntN(3), r.IntN(3), r.IntN(3), r.IntN(3)
	p := r.add("Pad", nil, x.c, x.h+top+bottom, x.w+left+right, x.name,
		r.ints(0, 0, int64(top), int64(left), 0, 0, int64(bottom), int64(right)))
	if r.IntN(3) == 0 {
		return p
	}
	a, b := r.convolve(p, 1+r.IntN(8), 3, 3), r.convolve(p, 1+r.IntN(8), 1, 1)
	return r.add("Concat", onnxbuild.Attrs{"axis": 1}, a.c+b.c, p.h, p.w, a.name, b.name)
}

// head ends a classifier, with or without a mean over the image.
func (r *blocks) head(x value) value {
	n := x.c * x.h * x.w
	if r.IntN(2) == 0 {
		x = r.add("GlobalAveragePool", nil, x.c, 1, 1, x.name)
		n = x.c
	}
	f := r.add("Flatten", nil, n, 1, 1, x.name)
	classes, transB := 1+r.IntN(12), r.IntN(2)
	shape := []int{n, classes}
	if transB == 1 {
		shape = []int{classes, n}
	}
	y := r.add("Gemm", onnxbuild.Attrs{"transB": transB, "alpha": float32(0.5)}, classes, 1, 1,
		f.name, r.weights(2/float32(n), shape...), r.floats(-1, 1, classes))
	y = r.add("Softmax", nil, classes, 1, 1, y.name)
	y.row = true
	return y
}

// ModelPath is the default model: HAMSTER_MODEL, or what `hamster model get`
// leaves in the cache. Without it a test is skipped, or fails under CI.
func ModelPath(tb testing.TB) string {
	tb.Helper()
	path := os.Getenv("HAMSTER_MODEL")
	if path == "" {
		cache := os.Getenv("HAMSTER_CACHE")
		if cache == "" {
			user, err := os.UserCacheDir()
			if err != nil {
				tb.Fatal(err)
			}
			cache = filepath.Join(user, "hamster")
		}
		path = filepath.Join(cache, "models", "inception_v3_nsfw.onnx")
	}
	if _, err := os.Stat(path); err != nil {
		const hint = "run `hamster model get`, or set HAMSTER_MODEL"
		if os.Getenv("CI") == "true" {
			tb.Fatalf("the default model is missing: %v; %s", err, hint)
		}
		tb.Skipf("the default model is missing: %v; %s", err, hint)
	}
	return path
}
