// Package explain says where in a photo a network saw what it answers: a class
// activation map, from the network's last feature map and the gradient of the
// class's score with respect to it.
//
// The map is that of Grad-CAM (Selvaraju et al. 2017, "Grad-CAM: Visual
// Explanations from Deep Networks via Gradient-based Localization", equations 1
// and 2): ReLU(Σₖ αₖ·Aᵏ), where Aᵏ is the k-th plane of the feature map and αₖ
// the mean over its pixels of the score's derivative.
//
// What lies between the feature map and the scores, the head, is a few dense
// layers on one vector. So its gradient is computed here, by the chain rule from
// the canonical graph, and no backend has to know of derivatives.
package explain

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"hamster/model/graph"
	"hamster/model/onnxfile"
)

// ErrNoHead means that a network does not end in a global pool and dense layers,
// so that it has no gradient here.
var ErrNoHead = errors.New("the network does not end in global pooling and dense layers")

// Head is what a network does after its last feature map.
type Head struct {
	// Channels planes of Height×Width are the feature map.
	Channels, Height, Width int
	// Classes is how many scores there are.
	Classes int

	// layers in topological order; each computes one vector.
	layers []layer
	// score is the layer whose result is differentiated.
	score int
}

// finder makes a head of a graph.
type finder struct {
	Head
	g        *graph.Graph
	feature  *graph.Value
	layerOf  map[*graph.Value]int
	constant map[*graph.Value]bool
	bytes    int64 // of weights
}

// maxHead bounds the weights of a head, in bytes: they are read into Go's memory.
const maxHead = 64 << 20

// Find looks for the head of g's first output, and reads its weights. It returns
// the feature map too, 1×C×H×W. The error wraps ErrNoHead where there is no head
// that this package knows.
//
// The score that Gradient differentiates is what goes into the Softmax or Sigmoid
// at the end, as Grad-CAM wants it, and else the output itself.
func Find(g *graph.Graph) (*Head, *graph.Value, error) {
	out := g.Outputs[0]
	if !isVector(out) {
		return nil, nil, fmt.Errorf("%w: output %q is %s", ErrNoHead, out.Name, out.Dims())
	}
	f := &finder{g: g, layerOf: map[*graph.Value]int{}, constant: map[*graph.Value]bool{}}
	var err error
	if f.score, err = f.vector(beforeProbability(out)); err != nil {
		return nil, nil, err
	}
	if f.feature == nil {
		return nil, nil, fmt.Errorf("%w: output %q is constant", ErrNoHead, out.Name)
	}
	h := f.Head // without what it was made from
	h.Classes = out.Len()
	h.Channels, h.Height, h.Width = f.feature.Shape[1], f.feature.Shape[2], f.feature.Shape[3]
	return &h, f.feature, nil
}

// beforeProbability goes up from an output to what its Softmax or Sigmoid reads.
func beforeProbability(out *graph.Value) *graph.Value {
	for v := out; v.Producer != nil; v = v.Producer.Inputs[0] {
		switch v.Producer.Op {
		case "Softmax", "Sigmoid":
			return v.Producer.Inputs[0]
		case "Identity", "Reshape", "Transpose":
		default:
			return out
		}
	}
	return out
}

// isVector tells whether all but one dimension are 1, so that the order of the
// elements is the same in every layout.
func isVector(v *graph.Value) bool {
	return len(v.Shape) > 0 && v.Len() > 0 && v.Len() == slices.Max(v.Shape) && v.DType == onnxfile.Float32
}

// vector finds the layer that computes v, and makes it and those above it, up to
// the pool, where it is new.
func (f *finder) vector(v *graph.Value) (int, error) {
	if at, ok := f.layerOf[v]; ok {
		return at, nil
	}
	n := v.Producer
	switch {
	case n == nil:
		return 0, fmt.Errorf("%w: it reads %q", ErrNoHead, v.Name)
	case !isVector(v):
		return 0, fmt.Errorf("%w: %s gives %s", ErrNoHead, n, v.Dims())
	}
	l, err := f.layer(n)
	if err != nil {
		return 0, err
	}
	f.layers = append(f.layers, l)
	f.layerOf[v] = len(f.layers) - 1
	return f.layerOf[v], nil
}

// layer makes a layer of a node, and first those of what it reads.
func (f *finder) layer(n *graph.Node) (layer, error) {
	pools, err := poolsAll(n)
	if err != nil {
		return layer{}, fmt.Errorf("%s: %w", n, err)
	}
	if pools {
		return f.pool(n)
	}
	build, ok := builders[n.Op]
	if !ok {
		return layer{}, fmt.Errorf("%w: %s has no derivative here", ErrNoHead, n)
	}
	l := layer{size: n.Outputs[0].Len()}
	var constants []*graph.Value
	for _, v := range n.Inputs {
		if v == nil || f.isConstant(v) {
			constants = append(constants, v)
			continue
		}
		at, err := f.vector(v)
		if err != nil {
			return layer{}, err
		}
		l.in = append(l.in, at)
		constants = append(constants, nil)
	}
	if l.op, err = build(f, n, constants); err != nil {
		return layer{}, fmt.Errorf("%s: %w", n, err)
	}
	return l, nil
}

// poolsAll tells whether n makes one number of each plane of an image.
func poolsAll(n *graph.Node) (bool, error) {
	x := n.Input(0)
	if x == nil || len(x.Shape) != 4 || x.Shape[2]*x.Shape[3] <= 1 {
		return false, nil // on one pixel a pool does nothing
	}
	switch n.Op {
	case "GlobalAveragePool", "GlobalMaxPool":
		return true, nil
	case "ReduceMean":
		axes, _, err := graph.ReduceOf(n)
		return slices.Equal(axes, []int{2, 3}), err
	case "AveragePool", "MaxPool":
		p, err := graph.PoolOf(n)
		return err == nil && p.Kernel == [2]int{x.Shape[2], x.Shape[3]} && p.Pad == [4]int{} && p.Dilation == [2]int{1, 1}, err
	}
	return false, nil
}

// pool makes the layer that gives the pooled feature map, whichever way it is
// pooled.
func (f *finder) pool(n *graph.Node) (layer, error) {
	x := n.Inputs[0]
	if f.feature != nil && f.feature != x {
		return layer{}, fmt.Errorf("%w: it pools both %q and %q", ErrNoHead, f.feature.Name, x.Name)
	}
	if f.isConstant(x) || x.Shape[0] != 1 {
		return layer{}, fmt.Errorf("%w: it pools %q of %s", ErrNoHead, x.Name, x.Dims())
	}
	f.feature = x
	largest := n.Op == "GlobalMaxPool" || n.Op == "MaxPool"
	return layer{size: x.Shape[1], pool: true, largest: largest}, nil
}

// isConstant tells whether v depends on no input of the graph.
func (f *finder) isConstant(v *graph.Value) bool {
	if v.Const != nil || v.Producer == nil {
		return v.Const != nil
	}
	constant, known := f.constant[v]
	if !known {
		constant = true
		for _, x := range v.Producer.Inputs {
			constant = constant && (x == nil || f.isConstant(x))
		}
		f.constant[v] = constant
	}
	return constant
}

// layer computes one vector from others, or from the feature map.
type layer struct {
	size    int
	in      []int
	op      op
	pool    bool
	largest bool // of pool: the maximum, not the mean
}

// op is a function of vectors.
type op interface {
	// forward computes out from in.
	forward(in [][]float64, out []float64)
	// backward adds to grads the gradients of in, where grad is that of the
	// output. linear ops do not look at in.
	backward(in [][]float64, grad []float64, grads [][]float64)
	// linear tells whether in is not looked at by backward.
	linear() bool
}

// run is one pass through a head.
type run struct {
	*Head
	feature []float32
	values  [][]float64
}

func (h *Head) run(feature []float32) (*run, error) {
	if want := h.Channels * h.Height * h.Width; len(feature) != want {
		return nil, fmt.Errorf("a feature map of %d numbers where %d×%d×%d are", len(feature), h.Channels, h.Height, h.Width)
	}
	return &run{h, feature, make([][]float64, len(h.layers))}, nil
}

// value computes a vector, and what it depends on, when somebody asks.
func (r *run) value(i int) []float64 {
	if r.values[i] != nil {
		return r.values[i]
	}
	l := r.layers[i]
	out := make([]float64, l.size)
	if l.pool {
		plane := len(r.feature) / l.size
		for c := range out {
			x := r.feature[c*plane:][:plane]
			if l.largest {
				out[c] = float64(slices.Max(x))
				continue
			}
			sum := 0.0
			for _, v := range x {
				sum += float64(v)
			}
			out[c] = sum / float64(plane)
		}
	} else {
		l.op.forward(r.inputs(l), out)
	}
	r.values[i] = out
	return out
}

func (r *run) inputs(l layer) [][]float64 {
	in := make([][]float64, len(l.in))
	for k, at := range l.in {
		in[k] = r.value(at)
	}
	return in
}

// Scores computes the scores that Gradient differentiates, one a class. feature
// is the feature map, plane after plane.
func (h *Head) Scores(feature []float32) ([]float64, error) {
	r, err := h.run(feature)
	if err != nil {
		return nil, err
	}
	return slices.Clone(r.value(h.score)), nil
}

// Gradient computes the derivatives of a class's score with respect to each
// element of the feature map, summed over each of its planes: C numbers. Only
// the sums are needed for a map; of a mean over a plane all derivatives are alike,
// of a maximum one counts.
func (h *Head) Gradient(feature []float32, class int) ([]float64, error) {
	if class < 0 || class >= h.Classes {
		return nil, fmt.Errorf("class %d of %d", class, h.Classes)
	}
	r, err := h.run(feature)
	if err != nil {
		return nil, err
	}
	grads := make([][]float64, len(h.layers))
	for i, l := range h.layers {
		grads[i] = make([]float64, l.size)
	}
	grads[h.score][class] = 1
	total := make([]float64, h.Channels)
	for i := h.score; i >= 0; i-- {
		l := h.layers[i]
		if l.pool {
			for c, g := range grads[i] {
				total[c] += g
			}
			continue
		}
		var in [][]float64
		if !l.op.linear() {
			in = r.inputs(l)
		}
		below := make([][]float64, len(l.in))
		for k, at := range l.in {
			below[k] = grads[at]
		}
		l.op.backward(in, grads[i], below)
	}
	return total, nil
}

// Map is the class activation map, H×W numbers in 0…1 from the top row on: 1 where
// the most spoke for the class, 0 where nothing did. It is all zeros where nothing
// in the photo did.
func (h *Head) Map(feature []float32, class int) ([]float32, error) {
	gradient, err := h.Gradient(feature, class)
	if err != nil {
		return nil, err
	}
	// The mean over the pixels rather than the sum would change the scale alone.
	plane := h.Height * h.Width
	sum := make([]float64, plane)
	for c, g := range gradient {
		for i, v := range feature[c*plane:][:plane] {
			sum[i] += g * float64(v)
		}
	}
	return Normalise(sum)
}

// Normalise brings numbers to 0…1: those below 0 become 0, the largest 1.
func Normalise(x []float64) ([]float32, error) {
	top := 0.0
	for _, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, errors.New("the map holds what is no number")
		}
		top = max(top, v)
	}
	out := make([]float32, len(x))
	if top > 0 {
		for i, v := range x {
			out[i] = float32(max(v, 0) / top)
		}
	}
	return out, nil
}
