package keras

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"hamster/model/onnxfile"
	"hamster/tools/internal/onnxwrite"
)

// The names of the graph's one input and one output.
const (
	InputName  = "input"
	OutputName = "output"
)

// ToONNX makes an ONNX model of m: one float32 input "input" of shape
// [N, C, H, W] and one output "output" [N, classes]. Keras keeps channels
// last; the ONNX graph has them first throughout, as ONNX operators want, so
// kernels are permuted from HWIO to OIHW. Nodes are named after the layers.
// Weights that come quantised stay so, behind a DequantizeLinear.
func ToONNX(m *Model, w Weights) (*onnxwrite.Model, error) {
	if len(m.Inputs) != 1 || len(m.Outputs) != 1 {
		return nil, fmt.Errorf("the model has %d inputs and %d outputs, not one each", len(m.Inputs), len(m.Outputs))
	}
	layers, err := m.Ordered()
	if err != nil {
		return nil, err
	}
	b := &builder{
		weights: w,
		out:     &onnxwrite.Model{Name: m.Name, Producer: "hamster"},
		values:  map[string]value{},
		shared:  map[string]bool{},
	}
	for _, l := range layers {
		convert := converters[l.Class]
		if convert == nil {
			return nil, fmt.Errorf("layer %q: no conversion for layers of class %q", l.Name, l.Class)
		}
		if f := l.Config.DataFormat; f != "" && f != "channels_last" {
			return nil, fmt.Errorf("layer %q (%s): data_format is %q, not channels_last", l.Name, l.Class, f)
		}
		v, err := convert(b, l)
		if err != nil {
			return nil, fmt.Errorf("layer %q (%s): %w", l.Name, l.Class, err)
		}
		b.values[l.Name] = v
	}
	if err := b.finish(m.Outputs[0]); err != nil {
		return nil, err
	}
	return b.out, nil
}

// converters has an entry for each layer class; each adds the layer's nodes
// and returns what the layer puts out.
var converters = map[string]func(*builder, *Layer) (value, error){
	"InputLayer":             (*builder).input,
	"Conv2D":                 (*builder).conv,
	"BatchNormalization":     (*builder).batchNorm,
	"Activation":             (*builder).activationLayer,
	"MaxPooling2D":           (*builder).maxPool,
	"AveragePooling2D":       (*builder).averagePool,
	"GlobalAveragePooling2D": (*builder).globalAveragePool,
	"Concatenate":            (*builder).concatenate,
	"Flatten":                (*builder).flatten,
	"Dense":                  (*builder).dense,
	"Dropout":                (*builder).dropout,
}

// Converts tells whether ToONNX knows layers of class.
func Converts(class string) bool { return converters[class] != nil }

// activations are the ONNX operators of Keras activations; "" and linear do
// nothing.
var activations = map[string]string{
	"relu": "Relu", "sigmoid": "Sigmoid", "softmax": "Softmax", "tanh": "Tanh",
}

// value is what a layer puts out. shape is Keras's without the batch:
// [H, W, C], or [C].
type value struct {
	name  string
	shape []int
}

func (v value) channels() int { return v.shape[len(v.shape)-1] }

type builder struct {
	weights Weights
	out     *onnxwrite.Model
	values  map[string]value
	shared  map[string]bool // constants that several nodes use
}

// arguments are the values that feed l, checked to be n in number (any number
// from one where n is 0) and of rank dimensions (any where rank is 0).
func (b *builder) arguments(l *Layer, n, rank int) ([]value, error) {
	if len(l.Inputs) == 0 || n > 0 && len(l.Inputs) != n {
		return nil, fmt.Errorf("%d inputs", len(l.Inputs))
	}
	args := make([]value, len(l.Inputs))
	for i, name := range l.Inputs {
		args[i] = b.values[name]
		if rank > 0 && len(args[i].shape) != rank {
			return nil, fmt.Errorf("input %q has shape %v without the batch, not %d dimensions", name, args[i].shape, rank)
		}
	}
	return args, nil
}

func (b *builder) argument(l *Layer, rank int) (value, error) {
	args, err := b.arguments(l, 1, rank)
	if err != nil {
		return value{}, err
	}
	return args[0], nil
}

// node adds a node with one output and returns the output's name, which is
// the node's.
func (b *builder) node(name, op string, inputs []string, attrs ...onnxwrite.Attr) string {
	b.out.Nodes = append(b.out.Nodes, onnxwrite.Node{
		Name: name, Op: op, Inputs: inputs, Outputs: []string{name}, Attrs: attrs,
	})
	return name
}

func (b *builder) initializer(name string, dtype onnxfile.DType, shape []int, data []byte) string {
	b.out.Initializers = append(b.out.Initializers, onnxwrite.Tensor{Name: name, DType: dtype, Shape: shape, Data: data})
	return name
}

// weightOr is the vector name of l where has, true by default, says that the
// layer has it, and else a constant: n times v, made once a model.
func (b *builder) weightOr(l *Layer, name string, has *bool, n int, v float32) (string, error) {
	if unset(has, true) {
		return b.weight(l, name, n)
	}
	shared := fmt.Sprintf("%s/%gx%d", name, v, n)
	if !b.shared[shared] {
		b.shared[shared] = true
		data := make([]byte, 0, 4*n)
		for range n {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		}
		b.initializer(shared, onnxfile.Float32, []int{n}, data)
	}
	return shared, nil
}

// weight adds the array name of l, which must have the shape given, and
// returns the name of the float32 value. Kernels get their outputs first, as
// ONNX wants them: OIHW, or [out, in] for a Gemm with transB.
func (b *builder) weight(l *Layer, name string, shape ...int) (string, error) {
	w, err := b.weights.Weight(l.Name, name)
	if err != nil {
		return "", fmt.Errorf("weight %q: %w", name, err)
	}
	if !slices.Equal(w.Shape, shape) {
		return "", fmt.Errorf("weight %q has shape %v, not %v", name, w.Shape, shape)
	}
	n, err := onnxwrite.Elements(shape)
	if err == nil && n == 0 {
		err = fmt.Errorf("shape %v holds nothing", shape)
	}
	if err != nil {
		return "", fmt.Errorf("weight %q: %w", name, err)
	}
	dtype := onnxfile.Float32
	if w.Quantised {
		dtype = onnxfile.Uint8
	}
	if len(w.Data) != n*dtype.Size() {
		return "", fmt.Errorf("weight %q: %v of shape %v does not take %d bytes", name, dtype, shape, len(w.Data))
	}
	data := w.Data
	switch len(shape) {
	case 2:
		data = outputsFirst(data, 1, shape[0], shape[1], dtype.Size())
		shape = []int{shape[1], shape[0]}
	case 4:
		data = outputsFirst(data, shape[0]*shape[1], shape[2], shape[3], dtype.Size())
		shape = []int{shape[3], shape[2], shape[0], shape[1]}
	}
	full := l.Name + "/" + name
	if !w.Quantised {
		return b.initializer(full, dtype, shape, data), nil
	}
	scale := binary.LittleEndian.AppendUint32(nil, math.Float32bits(w.Scale))
	return b.node(full, "DequantizeLinear", []string{
		b.initializer(full+"/quantised", dtype, shape, data),
		b.initializer(full+"/scale", onnxfile.Float32, nil, scale),
		b.initializer(full+"/zero_point", onnxfile.Uint8, nil, []byte{w.ZeroPoint}),
	}), nil
}

// outputsFirst permutes [taps, in, out] to [out, in, taps], of elements of
// size bytes.
func outputsFirst(src []byte, taps, in, out, size int) []byte {
	dst := make([]byte, len(src))
	at := 0
	for o := range out {
		for i := range in {
			for t := range taps {
				copy(dst[at:at+size], src[((t*in+i)*out+o)*size:])
				at += size
			}
		}
	}
	return dst
}

// activate adds the activation, as node name, and returns its output.
func (b *builder) activate(name, activation, in string) (string, error) {
	if activation == "" || activation == "linear" {
		return in, nil
	}
	op := activations[activation]
	if op == "" {
		return "", fmt.Errorf("no conversion for the activation %q", activation)
	}
	if op == "Softmax" {
		// Keras normalises over the last axis, the channels: here axis 1.
		return b.node(name, op, []string{in}, onnxwrite.Int("axis", 1)), nil
	}
	return b.node(name, op, []string{in}), nil
}

// activated adds l's node op and the activation that l's settings ask for
// after it. The layer's name goes to the node that does the layer's work.
func (b *builder) activated(l *Layer, op string, inputs []string, attrs ...onnxwrite.Attr) (string, error) {
	return b.activate(l.Name+"/activation", l.Config.Activation, b.node(l.Name, op, inputs, attrs...))
}

func (b *builder) input(l *Layer) (value, error) {
	if len(b.out.Inputs) > 0 {
		return value{}, fmt.Errorf("the model has a second input")
	}
	dims := l.Config.BatchInputShape
	if len(dims) != 4 || dims[1] == nil || dims[2] == nil || dims[3] == nil {
		return value{}, fmt.Errorf("the input is not a batch of images of one size")
	}
	shape := []int{*dims[1], *dims[2], *dims[3]}
	if _, err := onnxwrite.Elements(shape); err != nil {
		return value{}, err
	}
	if slices.Contains(shape, 0) {
		return value{}, fmt.Errorf("images of shape %v hold nothing", shape)
	}
	b.out.Inputs = []onnxwrite.Value{{
		Name: InputName, DType: onnxfile.Float32,
		Shape: []onnxwrite.Dim{{Name: "N"}, {Size: shape[2]}, {Size: shape[0]}, {Size: shape[1]}},
	}}
	return value{InputName, shape}, nil
}

func (b *builder) conv(l *Layer) (value, error) {
	x, err := b.argument(l, 3)
	if err != nil {
		return value{}, err
	}
	c := &l.Config
	if c.Groups > 1 {
		return value{}, fmt.Errorf("no conversion for %d groups", c.Groups)
	}
	win, err := c.window(c.KernelSize)
	if err != nil {
		return value{}, err
	}
	shape, pads, err := win.over(x.shape)
	if err != nil {
		return value{}, err
	}
	shape[2] = c.Filters
	kernel, err := b.weight(l, "kernel", win.size[0], win.size[1], x.channels(), c.Filters)
	if err != nil {
		return value{}, err
	}
	inputs := []string{x.name, kernel}
	if unset(c.UseBias, true) {
		bias, err := b.weight(l, "bias", c.Filters)
		if err != nil {
			return value{}, err
		}
		inputs = append(inputs, bias)
	}
	name, err := b.activated(l, "Conv", inputs,
		onnxwrite.Ints("kernel_shape", win.size[:]...), onnxwrite.Ints("strides", win.stride[:]...),
		onnxwrite.Ints("dilations", win.dilation[:]...), onnxwrite.Ints("pads", pads...))
	return value{name, shape}, err
}

func (b *builder) batchNorm(l *Layer) (value, error) {
	x, err := b.argument(l, 0)
	if err != nil {
		return value{}, err
	}
	c := &l.Config
	if err := c.lastAxis(x); err != nil {
		return value{}, err
	}
	// The stored arrays come first: they vouch for n before anything of its
	// size is made up.
	n := x.channels()
	mean, err := b.weight(l, "moving_mean", n)
	if err != nil {
		return value{}, err
	}
	variance, err := b.weight(l, "moving_variance", n)
	if err != nil {
		return value{}, err
	}
	gamma, err := b.weightOr(l, "gamma", c.Scale, n, 1)
	if err != nil {
		return value{}, err
	}
	beta, err := b.weightOr(l, "beta", c.Center, n, 0)
	if err != nil {
		return value{}, err
	}
	name := b.node(l.Name, "BatchNormalization", []string{x.name, gamma, beta, mean, variance},
		onnxwrite.Float("epsilon", float32(unset(c.Epsilon, 1e-3))))
	return value{name, x.shape}, nil
}

func (b *builder) activationLayer(l *Layer) (value, error) {
	x, err := b.argument(l, 0)
	if err != nil {
		return value{}, err
	}
	name, err := b.activate(l.Name, l.Config.Activation, x.name)
	return value{name, x.shape}, err
}

func (b *builder) maxPool(l *Layer) (value, error) {
	return b.pool(l, "MaxPool")
}

func (b *builder) averagePool(l *Layer) (value, error) {
	// Keras divides by the number of pixels, not counting the padding.
	return b.pool(l, "AveragePool", onnxwrite.Int("count_include_pad", 0))
}

func (b *builder) pool(l *Layer, op string, attrs ...onnxwrite.Attr) (value, error) {
	x, err := b.argument(l, 3)
	if err != nil {
		return value{}, err
	}
	c := l.Config
	if c.PoolSize == nil {
		c.PoolSize = []int{2, 2}
	}
	if c.Strides == nil {
		c.Strides = c.PoolSize
	}
	win, err := c.window(c.PoolSize)
	if err != nil {
		return value{}, err
	}
	shape, pads, err := win.over(x.shape)
	if err != nil {
		return value{}, err
	}
	attrs = append(attrs, onnxwrite.Ints("kernel_shape", win.size[:]...),
		onnxwrite.Ints("strides", win.stride[:]...), onnxwrite.Ints("pads", pads...))
	return value{b.node(l.Name, op, []string{x.name}, attrs...), shape}, nil
}

func (b *builder) globalAveragePool(l *Layer) (value, error) {
	x, err := b.argument(l, 3)
	if err != nil {
		return value{}, err
	}
	pooled := b.node(l.Name, "GlobalAveragePool", []string{x.name})
	if l.Config.KeepDims {
		return value{pooled, []int{1, 1, x.channels()}}, nil
	}
	flat := b.node(l.Name+"/flatten", "Flatten", []string{pooled}, onnxwrite.Int("axis", 1))
	return value{flat, []int{x.channels()}}, nil
}

func (b *builder) concatenate(l *Layer) (value, error) {
	args, err := b.arguments(l, 0, 0)
	if err != nil {
		return value{}, err
	}
	if err := l.Config.lastAxis(args[0]); err != nil {
		return value{}, err
	}
	last := len(args[0].shape) - 1
	shape := slices.Clone(args[0].shape)
	shape[last] = 0
	var names []string
	for i, a := range args {
		if len(a.shape) != len(shape) || !slices.Equal(a.shape[:last], shape[:last]) {
			return value{}, fmt.Errorf("inputs of shapes %v and %v do not go together", args[0].shape, args[i].shape)
		}
		shape[last] += a.shape[last]
		names = append(names, a.name)
	}
	return value{b.node(l.Name, "Concat", names, onnxwrite.Int("axis", 1)), shape}, nil
}

func (b *builder) flatten(l *Layer) (value, error) {
	x, err := b.argument(l, 0)
	if err != nil {
		return value{}, err
	}
	n, err := onnxwrite.Elements(x.shape)
	if err != nil {
		return value{}, err
	}
	in := x.name
	if n != x.channels() {
		// Keras flattens with the channels last, and the weights of the next
		// layer are in that order.
		in = b.node(l.Name+"/transpose", "Transpose", []string{in}, onnxwrite.Ints("perm", 0, 2, 3, 1))
	}
	return value{b.node(l.Name, "Flatten", []string{in}, onnxwrite.Int("axis", 1)), []int{n}}, nil
}

func (b *builder) dense(l *Layer) (value, error) {
	x, err := b.argument(l, 1)
	if err != nil {
		return value{}, err
	}
	c := &l.Config
	kernel, err := b.weight(l, "kernel", x.channels(), c.Units)
	if err != nil {
		return value{}, err
	}
	inputs := []string{x.name, kernel}
	if unset(c.UseBias, true) {
		bias, err := b.weight(l, "bias", c.Units)
		if err != nil {
			return value{}, err
		}
		inputs = append(inputs, bias)
	}
	// A kernel of [in, out] would do without transB, but onnxruntime (1.30)
	// turns DequantizeLinear and such a Gemm into its MatMulNBits, which rounds
	// the input to 8 bits and moves the scores by 1e-4.
	name, err := b.activated(l, "Gemm", inputs, onnxwrite.Int("transB", 1))
	return value{name, []int{c.Units}}, err
}

// dropout does nothing outside training.
func (b *builder) dropout(l *Layer) (value, error) { return b.argument(l, 0) }

// finish declares the output and gives it its name.
func (b *builder) finish(layer string) error {
	v := b.values[layer]
	if len(v.shape) != 1 {
		return fmt.Errorf("output layer %q puts out shape %v without the batch, not a score a class", layer, v.shape)
	}
	if len(b.out.Nodes) == 0 || len(b.out.Inputs) == 0 {
		return fmt.Errorf("the model computes nothing")
	}
	for i, n := range b.out.Nodes {
		for j, in := range n.Inputs {
			if in == v.name {
				b.out.Nodes[i].Inputs[j] = OutputName
			}
		}
		if n.Outputs[0] == v.name {
			b.out.Nodes[i].Outputs[0] = OutputName
		}
	}
	taken := map[string]bool{InputName: true}
	for _, n := range b.out.Nodes {
		if taken[n.Outputs[0]] {
			return fmt.Errorf("two values would be named %q", n.Outputs[0])
		}
		taken[n.Outputs[0]] = true
	}
	b.out.Outputs = []onnxwrite.Value{{
		Name: OutputName, DType: onnxfile.Float32,
		Shape: []onnxwrite.Dim{{Name: "N"}, {Size: v.shape[0]}},
	}}
	return nil
}

// lastAxis checks that the axis set, if any, is the last one of v.
func (c *Config) lastAxis(v value) error {
	if a := int(unset(c.Axis, -1)); a != -1 && a != len(v.shape) {
		return fmt.Errorf("axis %d of a batch of shape %v is not the last", a, v.shape)
	}
	return nil
}

// window is a kernel's or a pool's way over an image: each pair is vertical,
// horizontal.
type window struct {
	size, stride, dilation [2]int
	same                   bool
}

func (c *Config) window(size []int) (w window, err error) {
	one := []int{1, 1}
	for _, f := range []struct {
		name string
		list []int
		to   *[2]int
	}{{"window", size, &w.size}, {"strides", c.Strides, &w.stride}, {"dilation_rate", c.DilationRate, &w.dilation}} {
		if f.list == nil {
			f.list = one
		}
		if len(f.list) != 2 || min(f.list[0], f.list[1]) < 1 || max(f.list[0], f.list[1]) > math.MaxInt16 {
			return w, fmt.Errorf("%s %v", f.name, f.list)
		}
		copy(f.to[:], f.list)
	}
	switch c.Padding {
	case "same":
		w.same = true
	case "valid", "":
	default:
		return w, fmt.Errorf("no conversion for padding %q", c.Padding)
	}
	return w, nil
}

// over is the shape [H, W, C] that the window makes of one, and the ONNX pads
// (top, left, bottom, right). With 'same', TensorFlow pads by what makes the
// output ceil(input / stride), the odd pixel at the end:
// https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2
func (w window) over(in []int) (shape, pads []int, err error) {
	shape = slices.Clone(in)
	pads = make([]int, 4)
	for d := range 2 {
		reach := (w.size[d]-1)*w.dilation[d] + 1
		if w.same {
			shape[d] = (in[d] + w.stride[d] - 1) / w.stride[d]
			total := max((shape[d]-1)*w.stride[d]+reach-in[d], 0)
			pads[d], pads[d+2] = total/2, total-total/2
			continue
		}
		if in[d] < reach {
			return nil, nil, fmt.Errorf("a window of %v does not fit into an image of %v", w.size, in[:2])
		}
		shape[d] = (in[d]-reach)/w.stride[d] + 1
	}
	return shape, pads, nil
}

// unset is *p, or fallback where the file does not set it.
func unset[T any](p *T, fallback T) T {
	if p == nil {
		return fallback
	}
	return *p
}
