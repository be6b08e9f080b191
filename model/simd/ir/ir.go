// Package ir is the form in which a graph is optimised: tensors of one image in
// NHWC, operators with their parameters parsed, weights as references to the
// stored bytes with an affine map per output channel.
//
// Lower makes it from the canonical graph; Passes is the ordered list of what is
// then done to it. Nothing here knows of WebAssembly: another target can lower
// from the same form.
package ir

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"hamster/model/graph"
)

// Graph is a list of operators in topological order.
type Graph struct {
	Inputs  []*Tensor
	Outputs []*Tensor
	// Kept are read after the run as outputs are, but where they lie.
	Kept []*Tensor
	Ops  []*Op
	// InputNHWC says that the caller gives Inputs with the channels last; else
	// they come first, as in Outputs they always do.
	InputNHWC bool
}

// Tensor is one image: H×W pixels of C channels. A matrix of one row is 1×1×C.
type Tensor struct {
	Name    string
	H, W, C int
	// Producer is nil for inputs of the graph.
	Producer *Op
	// Parent is set where the tensor is a slice of another's channels, from
	// channel At on.
	Parent *Tensor
	At     int
}

// Len is the number of elements.
func (t *Tensor) Len() int { return t.H * t.W * t.C }

// Root follows the slices to the tensor that owns the memory, and adds up the
// channel offsets.
func (t *Tensor) Root() (root *Tensor, at int) {
	for t.Parent != nil {
		at += t.At
		t = t.Parent
	}
	return t, at
}

// Kind names what an operator does.
type Kind string

// The kinds of operators.
const (
	KindConv      Kind = "Conv"
	KindMaxPool   Kind = "MaxPool"
	KindAvgPool   Kind = "AvgPool"
	KindGlobalAvg Kind = "GlobalAvg"
	KindGlobalMax Kind = "GlobalMax"
	KindAffine    Kind = "Affine" // y = x·Scale[c] + Bias[c]
	KindUnary     Kind = "Unary"  // Act alone
	KindAdd       Kind = "Add"
	KindSub       Kind = "Sub"
	KindMul       Kind = "Mul"
	KindDiv       Kind = "Div"
	KindConcat    Kind = "Concat"
	KindSoftmax   Kind = "Softmax" // over the channels of each pixel
	KindFlatten   Kind = "Flatten" // H×W×C becomes 1×1×C·H·W in the order C, H, W
	KindPad       Kind = "Pad"     // zeros around
	KindIdentity  Kind = "Identity"
)

// Op is an operator. Which parameters it has depends on its Kind.
type Op struct {
	Name string
	Kind Kind
	// Node is what it came from, for error messages.
	Node *graph.Node
	In   []*Tensor
	// Out holds one tensor, or several where siblings were merged: then the
	// output channels are dealt out in order.
	Out []*Tensor

	Conv *Conv       // KindConv
	Pool *graph.Pool // KindMaxPool, KindAvgPool
	Pad  [4]int      // KindPad: top, left, bottom, right
	// Scale and Bias are one a channel: of KindAffine, and Bias of KindAvgPool,
	// where an exchange left it.
	Scale, Bias []float32
	// Residual is added before Act (KindConv).
	Residual *Tensor
	// Act is applied last.
	Act Act
}

// Inputs are all tensors that the operator reads.
func (o *Op) Inputs() []*Tensor {
	if o.Residual == nil {
		return o.In
	}
	return append(append([]*Tensor(nil), o.In...), o.Residual)
}

// Conv is a convolution, and with a 1×1 kernel on one pixel a matrix product.
type Conv struct {
	graph.Window
	Groups int
	// Weights are stacked along the output channels.
	Weights []Weight
	// Bias is one an output channel.
	Bias []float32
}

// Outputs is the number of output channels.
func (c *Conv) Outputs() int {
	n := 0
	for _, w := range c.Weights {
		n += w.O
	}
	return n
}

// Inputs is the number of input channels of one group.
func (c *Conv) Inputs() int { return c.Weights[0].I }

// MACs is the number of multiply-accumulates for an output of h×w pixels.
func (c *Conv) MACs(h, w int) int64 {
	return int64(h) * int64(w) * int64(c.Outputs()) * int64(c.Inputs()) * int64(c.Kernel[0]) * int64(c.Kernel[1])
}

// Layout is the order in which weights are stored.
type Layout string

// The layouts of ONNX: Conv, Gemm with transB, Gemm and MatMul.
const (
	OIHW Layout = "OIHW"
	IO   Layout = "IO"
)

// Weight refers to stored weights: element e of output channel o is worth
// (e − Zero[o])·Scale[o].
type Weight struct {
	Source      *graph.Value
	Layout      Layout
	O, I        int
	Scale, Zero []float32
}

// ActKind names an activation.
type ActKind string

// The activations. A and B are their parameters.
const (
	ActNone        ActKind = ""
	ActClamp       ActKind = "clamp" // min(max(x, A), B)
	ActHardSigmoid ActKind = "hardsigmoid"
	ActHardSwish   ActKind = "hardswish"
	ActLeaky       ActKind = "leaky" // x < 0 ? A·x : x
	ActSigmoid     ActKind = "sigmoid"
	ActSilu        ActKind = "silu"
	ActTanh        ActKind = "tanh"
	ActExp         ActKind = "exp"
	ActElu         ActKind = "elu" // x < 0 ? A·(eˣ − 1) : x
	ActErf         ActKind = "erf"
	ActGelu        ActKind = "gelu"     // x/2 · (1 + erf(x/√2))
	ActSoftplus    ActKind = "softplus" // ln(1 + eˣ)
	ActAbs         ActKind = "abs"
	ActNeg         ActKind = "neg"
	ActSqrt        ActKind = "sqrt"
	ActReciprocal  ActKind = "reciprocal"
	ActFloor       ActKind = "floor"
	ActCeil        ActKind = "ceil"
)

// Act is an activation: HardSigmoid is max(0, min(1, A·x + B)).
type Act struct {
	Kind ActKind
	A, B float32
}

// Relu is the activation max(x, 0).
var Relu = Act{ActClamp, 0, float32(math.Inf(1))}

func (a Act) String() string {
	switch {
	case a == Relu:
		return "relu"
	case a.Kind == ActClamp || a.Kind == ActHardSigmoid:
		return fmt.Sprintf("%s(%v,%v)", a.Kind, a.A, a.B)
	case a.Kind == ActLeaky || a.Kind == ActElu:
		return fmt.Sprintf("%s(%v)", a.Kind, a.A)
	}
	return string(a.Kind)
}

// String is the graph as text, one operator a line.
func (g *Graph) String() string {
	var b strings.Builder
	for _, t := range g.Inputs {
		fmt.Fprintf(&b, "input %s\n", t)
	}
	for _, o := range g.Ops {
		fmt.Fprintln(&b, o)
	}
	for _, t := range g.Outputs {
		fmt.Fprintf(&b, "output %s\n", t)
	}
	for _, t := range g.Kept {
		fmt.Fprintf(&b, "kept %s\n", t)
	}
	return b.String()
}

func (t *Tensor) String() string {
	s := fmt.Sprintf("%s[%d×%d×%d]", t.Name, t.H, t.W, t.C)
	if t.Parent != nil {
		s += fmt.Sprintf("@%s+%d", t.Parent.Name, t.At)
	}
	return s
}

// String is the operator as one line of the textual form.
func (o *Op) String() string {
	var b strings.Builder
	for i, t := range o.Out {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(t.String())
	}
	fmt.Fprintf(&b, " = %s(", o.Kind)
	for i, t := range o.In {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(t.Name)
	}
	b.WriteString(")")
	window := func(w graph.Window) {
		fmt.Fprintf(&b, " %d×%d", w.Kernel[0], w.Kernel[1])
		if w.Stride != [2]int{1, 1} {
			fmt.Fprintf(&b, " stride=%d×%d", w.Stride[0], w.Stride[1])
		}
		if w.Dilation != [2]int{1, 1} {
			fmt.Fprintf(&b, " dilation=%d×%d", w.Dilation[0], w.Dilation[1])
		}
		if w.Pad != [4]int{} {
			fmt.Fprintf(&b, " pad=%d,%d,%d,%d", w.Pad[0], w.Pad[1], w.Pad[2], w.Pad[3])
		}
	}
	switch {
	case o.Conv != nil:
		window(o.Conv.Window)
		if o.Conv.Groups != 1 {
			fmt.Fprintf(&b, " groups=%d", o.Conv.Groups)
		}
		for _, w := range o.Conv.Weights {
			fmt.Fprintf(&b, " w=%s:%s", w.Source.Name, w.Source.Const.DType)
		}
		if o.Conv.Bias != nil {
			b.WriteString(" bias")
		}
	case o.Pool != nil:
		window(o.Pool.Window)
		if o.Pool.CountPad {
			b.WriteString(" countpad")
		}
	case o.Kind == KindPad:
		fmt.Fprintf(&b, " pad=%d,%d,%d,%d", o.Pad[0], o.Pad[1], o.Pad[2], o.Pad[3])
	}
	if o.Conv == nil && o.Bias != nil {
		b.WriteString(" bias")
	}
	if o.Residual != nil {
		fmt.Fprintf(&b, " +%s", o.Residual.Name)
	}
	if o.Act.Kind != ActNone {
		fmt.Fprintf(&b, " %s", o.Act)
	}
	return b.String()
}

// consumers maps a tensor to the operators that read it, once for each reading.
func (g *Graph) consumers() map[*Tensor][]*Op {
	users := map[*Tensor][]*Op{}
	for _, o := range g.Ops {
		for _, t := range o.Inputs() {
			users[t] = append(users[t], o)
		}
	}
	return users
}

// isOutput tells whether the caller reads t.
func (g *Graph) isOutput(t *Tensor) bool {
	return slices.Contains(g.Outputs, t) || slices.Contains(g.Kept, t)
}

// sole returns the one operator that reads t, or nil.
func (g *Graph) sole(users map[*Tensor][]*Op, t *Tensor) *Op {
	if len(users[t]) != 1 || g.isOutput(t) {
		return nil
	}
	return users[t][0]
}

// remove takes operators out of the list.
func (g *Graph) remove(gone map[*Op]bool) {
	kept := g.Ops[:0]
	for _, o := range g.Ops {
		if !gone[o] {
			kept = append(kept, o)
		}
	}
	g.Ops = kept
}
