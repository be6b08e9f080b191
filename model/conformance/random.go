package conformance

import (
	"fmt"
	"math"
	"math/rand/v2"

	"hamster/model/conformance/onnxbuild"
	"hamster/model/graph"
	"hamster/model/onnxfile"
)

// RandomGraph makes a model of a few nodes, as an ONNX file: convolutions, pools,
// joins, activations and a head, of small odd shapes (1 to 40 channels) with all
// that windows can have. A seed always gives the same model. Its results are
// finite for the inputs that RandomInputs makes.
func RandomGraph(seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	return makeGraph(r, r)
}

// ChosenGraph is RandomGraph with shapes, windows and operators taken from bytes,
// one a choice, so that fuzzing can see what a byte leads to.
func ChosenGraph(choices []byte) []byte {
	return makeGraph(Choices(choices), rand.New(rand.NewPCG(1, 1)))
}

// Choices draws from bytes, one a number, and goes on at random where they end.
func Choices(bytes []byte) *rand.Rand {
	return rand.New(&choices{bytes, rand.NewPCG(1, 3)})
}

type choices struct {
	bytes []byte
	rest  *rand.PCG
}

// Uint64 repeats a byte, since rand reads numbers from above, from below or from
// the middle.
func (c *choices) Uint64() uint64 {
	if len(c.bytes) == 0 {
		return c.rest.Uint64()
	}
	b := c.bytes[0]
	c.bytes = c.bytes[1:]
	return uint64(b) * 0x0101010101010101
}

func makeGraph(choices, values *rand.Rand) []byte {
	r := &randomGraph{Rand: choices, numbers: values}
	r.model.Opset = 14 // the first with HardSwish
	r.values = []onnxbuild.Value{{Name: "x", Shape: d{r.between(1, 2), r.between(1, 40), r.between(1, 20), r.between(1, 20)}}}
	r.model.Inputs = r.values[:1:1]
	steps := []func(x onnxbuild.Value){
		r.conv, r.conv, r.conv, r.conv, r.pool, r.pool, r.activation, r.activation,
		r.batchNorm, r.join, r.concat, r.concat, r.scale, r.pad,
	}
	for range r.between(2, 8) {
		steps[r.IntN(len(steps))](r.pick())
	}
	if r.chance(0.3) {
		r.head(r.pick())
	}
	// The last value, and at times another, which then has to outlive the rest.
	last := r.values[len(r.values)-1]
	if last.Name == "x" {
		r.activation(last)
		last = r.values[len(r.values)-1]
	}
	r.model.Outputs = []onnxbuild.Value{last}
	if other := r.pick(); r.chance(0.2) && other.Name != "x" && other.Name != last.Name {
		r.model.Outputs = append(r.model.Outputs, other)
	}
	return r.model.Bytes()
}

// RandomInputs makes an input of values in −1…1 for each of g's.
func RandomInputs(g *graph.Graph, seed uint64) [][]float32 {
	r := rand.New(rand.NewPCG(seed, 2))
	inputs := make([][]float32, len(g.Inputs))
	for k, v := range g.Inputs {
		inputs[k] = make([]float32, v.Len())
		for j := range inputs[k] {
			inputs[k][j] = 2*r.Float32() - 1
		}
	}
	return inputs
}

// Compare returns an error that tells the first element of got that is further
// from want than absolute + relative·|want|. NaN equals NaN.
func Compare(got, want []float32, relative, absolute float64) error {
	return example{relative: relative, absolute: absolute}.compare(got, want)
}

type randomGraph struct {
	*rand.Rand
	numbers *rand.Rand // for constants
	model   onnxbuild.Model
	values  []onnxbuild.Value // of rank 4, the last computed last
}

// most bounds the elements of a value.
const most = 40_000

func (r *randomGraph) between(lo, hi int) int { return lo + r.IntN(hi-lo+1) }
func (r *randomGraph) chance(p float64) bool  { return r.Float64() < p }

// pick draws a value, rather a late one.
func (r *randomGraph) pick() onnxbuild.Value {
	return r.values[max(r.IntN(len(r.values)), r.IntN(len(r.values)))]
}
func (r *randomGraph) one(of ...string) string { return of[r.IntN(len(of))] }

// divisor draws one of n's divisors.
func (r *randomGraph) divisor(n int) int {
	var all []int
	for k := 1; k <= n; k++ {
		if n%k == 0 {
			all = append(all, k)
		}
	}
	return all[r.IntN(len(all))]
}

// add appends a node; values of that size join those to pick from.
func (r *randomGraph) add(op string, attrs a, shape d, inputs ...string) onnxbuild.Value {
	v := onnxbuild.Value{Name: fmt.Sprintf("v%d", len(r.model.Nodes)), Shape: shape}
	r.model.Nodes = append(r.model.Nodes, node{
		Name: fmt.Sprintf("%s%d", op, len(r.model.Nodes)), Op: op, Attrs: attrs, Inputs: inputs, Outputs: []string{v.Name},
	})
	if len(shape) == 4 {
		r.values = append(r.values, v)
	}
	return v
}

// floats makes a constant of values in lo…hi.
func (r *randomGraph) floats(shape d, lo, hi float32) string {
	data := make([]float32, graph.Elements(shape))
	for k := range data {
		data[k] = lo + (hi-lo)*r.numbers.Float32()
	}
	t := onnxbuild.Floats(fmt.Sprintf("c%d", len(r.model.Tensors)), shape, data...)
	r.model.Tensors = append(r.model.Tensors, t)
	return t.Name
}

func (r *randomGraph) constant(t *onnxfile.Tensor) string {
	t.Name = fmt.Sprintf("c%d", len(r.model.Tensors))
	r.model.Tensors = append(r.model.Tensors, t)
	return t.Name
}

// weights makes weights that keep the scale of what goes through them, some of
// them quantised, by tensor or by channel.
func (r *randomGraph) weights(shape d, k int) string {
	bound := float32(1.7 / math.Sqrt(float64(k)))
	if r.chance(0.7) {
		return r.floats(shape, -bound, bound)
	}
	dtype, middle := onnxfile.Uint8, 128
	if r.chance(0.3) {
		dtype, middle = onnxfile.Int8, 0
	}
	q := &onnxfile.Tensor{DType: dtype, Shape: shape}
	for range graph.Elements(shape) {
		q.Data = append(q.Data, byte(r.numbers.IntN(256)))
	}
	scales := d{}
	if r.chance(0.5) {
		scales = d{shape[0]}
	}
	zero := &onnxfile.Tensor{DType: dtype, Shape: scales}
	for range graph.Elements(scales) {
		zero.Data = append(zero.Data, byte(middle+r.between(-10, 10)))
	}
	w := fmt.Sprintf("w%d", len(r.model.Nodes))
	r.model.Nodes = append(r.model.Nodes, node{
		Name: "Dequantize" + w, Op: "DequantizeLinear", Attrs: a{"axis": 0},
		Inputs:  []string{r.constant(q), r.floats(scales, bound/200, bound/120), r.constant(zero)},
		Outputs: []string{w},
	})
	return w
}

// window draws kernel, strides, dilations and pads, and works out the size that
// comes of them.
func (r *randomGraph) window(x d, pool bool) (attrs a, kernel, out d) {
	kernel, out = d{0, 0}, d{0, 0}
	strides, dilations, pads := d{1, 1}, d{1, 1}, d{0, 0, 0, 0}
	ceil := pool && r.chance(0.3)
	same := r.chance(0.15)
	for i := range 2 {
		size := x[2+i]
		kernel[i] = r.between(1, 5)
		if r.chance(0.1) {
			kernel[i] = min(size, 9) // as large as the input
		}
		if r.chance(0.4) {
			strides[i] = r.between(1, 3)
		}
		if !pool && r.chance(0.2) {
			dilations[i] = r.between(2, 3)
		}
		extent := (kernel[i]-1)*dilations[i] + 1
		if r.chance(0.6) {
			pads[i], pads[i+2] = r.IntN(extent), r.IntN(extent)
		}
		if same {
			// onnxruntime takes no dilations here, nor strides beyond the kernel.
			strides[i], dilations[i] = min(strides[i], kernel[i]), 1
			pads[i], pads[i+2] = 0, 0
			out[i] = (size + strides[i] - 1) / strides[i]
			continue
		}
		if size+pads[i]+pads[i+2] < extent {
			kernel[i], dilations[i], extent = 1, 1, 1
			pads[i], pads[i+2] = 0, 0
		}
		room := size + pads[i] + pads[i+2] - extent
		steps := room / strides[i]
		if ceil && room%strides[i] != 0 && (steps+1)*strides[i] < size+pads[i] {
			steps++
		}
		out[i] = steps + 1
	}
	attrs = a{"kernel_shape": kernel, "strides": strides}
	if same {
		attrs["auto_pad"] = r.one("SAME_UPPER", "SAME_LOWER")
	} else {
		attrs["pads"] = pads
		if ceil {
			attrs["ceil_mode"] = 1
		}
	}
	if !pool {
		attrs["dilations"] = dilations
	}
	return attrs, kernel, out
}

func (r *randomGraph) conv(x onnxbuild.Value) {
	in, out, groups := x.Shape[1], r.between(1, 40), 1
	switch {
	case r.chance(0.2): // by depth
		groups, out = in, in*r.between(1, max(1, min(5, 40/in)))
	case r.chance(0.2):
		groups = r.divisor(in)
		out = groups * r.between(1, max(1, 40/groups))
	}
	attrs, kernel, size := r.window(x.Shape, false)
	attrs["group"] = groups
	if x.Shape[0]*out*size[0]*size[1] > most {
		return
	}
	k := in / groups * kernel[0] * kernel[1]
	inputs := []string{x.Name, r.weights(d{out, in / groups, kernel[0], kernel[1]}, k)}
	if r.chance(0.6) {
		inputs = append(inputs, r.floats(d{out}, -0.5, 0.5))
	}
	y := r.add("Conv", attrs, d{x.Shape[0], out, size[0], size[1]}, inputs...)
	if r.chance(0.3) {
		r.batchNorm(y)
		y = r.values[len(r.values)-1]
	}
	if r.chance(0.5) {
		r.activation(y)
	}
}

func (r *randomGraph) pool(x onnxbuild.Value) {
	if r.chance(0.1) {
		r.add(r.one("GlobalAveragePool", "GlobalMaxPool"), nil, d{x.Shape[0], x.Shape[1], 1, 1}, x.Name)
		return
	}
	attrs, _, size := r.window(x.Shape, true)
	op := r.one("MaxPool", "AveragePool")
	if op == "AveragePool" && r.chance(0.5) {
		attrs["count_include_pad"] = 1
	}
	r.add(op, attrs, d{x.Shape[0], x.Shape[1], size[0], size[1]}, x.Name)
}

func (r *randomGraph) activation(x onnxbuild.Value) {
	op := r.one("Relu", "Relu", "LeakyRelu", "Clip", "Sigmoid", "Tanh", "HardSwish", "HardSigmoid", "Identity", "Elu", "Softplus", "Erf", "Abs", "Neg")
	inputs := []string{x.Name}
	if op == "Clip" {
		inputs = append(inputs, r.floats(d{}, -1, 0), r.floats(d{}, 0.2, 2))
	}
	r.add(op, nil, x.Shape, inputs...)
}

func (r *randomGraph) batchNorm(x onnxbuild.Value) {
	c := d{x.Shape[1]}
	r.add("BatchNormalization", a{"epsilon": float32(1e-3)}, x.Shape, x.Name,
		r.floats(c, 0.5, 1.5), r.floats(c, -0.5, 0.5), r.floats(c, -0.5, 0.5), r.floats(c, 0.3, 2))
}

// join adds, subtracts or multiplies two values of one shape.
func (r *randomGraph) join(x onnxbuild.Value) {
	other := x
	for _, v := range r.values {
		if graph.Dims(v.Shape) == graph.Dims(x.Shape) && r.chance(0.5) {
			other = v
		}
	}
	r.add(r.one("Add", "Add", "Sub", "Mul"), nil, x.Shape, x.Name, other.Name)
}

// scale adds or multiplies a constant: a number, one a channel, or one a pixel.
func (r *randomGraph) scale(x onnxbuild.Value) {
	shape := []d{{}, {x.Shape[1], 1, 1}, {x.Shape[2], x.Shape[3]}, {1, x.Shape[1], 1, 1}}[r.IntN(4)]
	operands := []string{x.Name, r.floats(shape, 0.3, 1.5)}
	if r.chance(0.3) {
		operands[0], operands[1] = operands[1], operands[0]
	}
	r.add(r.one("Add", "Mul", "Sub"), nil, x.Shape, operands...)
}

// concat joins values of one size along the channels.
func (r *randomGraph) concat(x onnxbuild.Value) {
	names, channels := []string{x.Name}, x.Shape[1]
	for _, v := range r.values {
		if v.Shape[2] == x.Shape[2] && v.Shape[3] == x.Shape[3] && channels+v.Shape[1] <= 80 && r.chance(0.6) {
			names, channels = append(names, v.Name), channels+v.Shape[1]
		}
	}
	if shape := (d{x.Shape[0], channels, x.Shape[2], x.Shape[3]}); graph.Elements(shape) <= most {
		r.add("Concat", a{"axis": 1}, shape, names...)
	}
}

func (r *randomGraph) pad(x onnxbuild.Value) {
	pads := []int64{0, 0, int64(r.IntN(3)), int64(r.IntN(3)), 0, 0, int64(r.IntN(3)), int64(r.IntN(3))}
	shape := d{x.Shape[0], x.Shape[1], x.Shape[2] + int(pads[2]+pads[6]), x.Shape[3] + int(pads[3]+pads[7])}
	r.add("Pad", nil, shape, x.Name, r.constant(onnxbuild.Ints("", d{8}, pads...)), r.floats(d{}, -1, 1))
}

// head ends the graph as classifiers end.
func (r *randomGraph) head(x onnxbuild.Value) {
	n, c, classes := x.Shape[0], x.Shape[1], r.between(1, 20)
	x = r.add("GlobalAveragePool", nil, d{n, c, 1, 1}, x.Name)
	x = r.add("Flatten", nil, d{n, c}, x.Name)
	x = r.add("Gemm", a{"transB": 1}, d{n, classes}, x.Name, r.floats(d{classes, c}, -1, 1), r.floats(d{classes}, -1, 1))
	r.values = append(r.values, r.add("Softmax", nil, d{n, classes}, x.Name))
}
