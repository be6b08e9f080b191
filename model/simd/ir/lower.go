package ir

import (
	"fmt"
	"slices"

	"hamster/model/graph"
	"hamster/model/onnxfile"
)

// A lowering turns a node of the canonical graph into operators.
type lowering func(*lowerer, *graph.Node) error

// lowerings maps ONNX names to lowerings. To add an operator, write its lowering
// in the file of its name (CONTRIBUTING.md) and list it here.
var lowerings = map[string]lowering{
	"Abs":                lowerUnary,
	"Add":                lowerBinary,
	"AveragePool":        lowerPool,
	"BatchNormalization": lowerBatchNorm,
	"Ceil":               lowerUnary,
	"Clip":               lowerClip,
	"Concat":             lowerConcat,
	"Conv":               lowerConv,
	"DequantizeLinear":   lowerDequantize,
	"Div":                lowerBinary,
	"Elu":                lowerUnary,
	"Erf":                lowerUnary,
	"Exp":                lowerUnary,
	"Floor":              lowerUnary,
	"Gelu":               lowerUnary,
	"Gemm":               lowerGemm,
	"GlobalAveragePool":  lowerGlobalPool,
	"GlobalMaxPool":      lowerGlobalPool,
	"HardSigmoid":        lowerUnary,
	"HardSwish":          lowerUnary,
	"Identity":           lowerIdentity,
	"LeakyRelu":          lowerUnary,
	"MatMul":             lowerMatMul,
	"MaxPool":            lowerPool,
	"Mul":                lowerBinary,
	"Neg":                lowerUnary,
	"Pad":                lowerPad,
	"Reciprocal":         lowerUnary,
	"ReduceMean":         lowerReduceMean,
	"Relu":               lowerUnary,
	"Reshape":            lowerReshape,
	"Sigmoid":            lowerUnary,
	"Softmax":            lowerSoftmax,
	"Softplus":           lowerUnary,
	"Sqrt":               lowerUnary,
	"Sub":                lowerBinary,
	"Tanh":               lowerUnary,
	"Transpose":          lowerTranspose,
}

// LowerError is a node that this form has no way to express.
type LowerError struct {
	Node  *graph.Node
	Opset int
	Err   error
}

func (e *LowerError) Error() string {
	return fmt.Sprintf("%s: opset %d: %v", e.Node, e.Opset, e.Err)
}

func (e *LowerError) Unwrap() error { return e.Err }

type lowerer struct {
	src *graph.Graph
	dst *Graph
	// tensors holds what each value became; constants are not in it.
	tensors map[*graph.Value]*Tensor
	// weights holds constants of any size, by reference.
	weights map[*graph.Value]Weight
}

// Lower turns the canonical graph into the form that the passes work on; the
// values of keep can still be read when all has run. The error names the node,
// its operator, the opset and the limit.
func Lower(g *graph.Graph, keep ...*graph.Value) (*Graph, error) {
	l := &lowerer{
		src: g, dst: &Graph{},
		tensors: map[*graph.Value]*Tensor{},
		weights: map[*graph.Value]Weight{},
	}
	for _, v := range g.Inputs {
		t, err := l.input(v)
		if err != nil {
			return nil, fmt.Errorf("input %q: %w", v.Name, err)
		}
		l.tensors[v] = t
		l.dst.Inputs = append(l.dst.Inputs, t)
	}
	for _, n := range g.Nodes {
		lower, ok := lowerings[n.Op]
		err := fmt.Errorf("the operator is not supported")
		if ok {
			err = lower(l, n)
		}
		if err != nil {
			return nil, &LowerError{n, g.Opset, err}
		}
	}
	for _, v := range g.Outputs {
		t, ok := l.tensors[v]
		if !ok {
			return nil, fmt.Errorf("output %q does not depend on the input", v.Name)
		}
		if len(v.Shape) == 4 && t.H*t.W > 1 {
			// The caller reads NCHW, without a border.
			out := &Tensor{Name: v.Name + ".nchw", H: 1, W: 1, C: t.Len()}
			l.dst.Ops = append(l.dst.Ops, &Op{Name: out.Name, Kind: KindFlatten, In: []*Tensor{t}, Out: []*Tensor{out}})
			out.Producer = l.dst.Ops[len(l.dst.Ops)-1]
			t = out
		}
		l.dst.Outputs = append(l.dst.Outputs, t)
	}
	for _, v := range keep {
		t, ok := l.tensors[v]
		if !ok {
			return nil, fmt.Errorf("value %q does not depend on the input", v.Name)
		}
		l.dst.Kept = append(l.dst.Kept, t)
	}
	return l.dst, nil
}

// input decides how an input of the graph is laid out: exporters from
// TensorFlow begin with a transposition from NHWC, which costs nothing here.
func (l *lowerer) input(v *graph.Value) (*Tensor, error) {
	if v.DType != onnxfile.Float32 {
		return nil, fmt.Errorf("of %s", v.DType)
	}
	if len(v.Shape) == 4 && v.Shape[0] == 1 && !slices.Contains(l.src.Outputs, v) {
		nhwc := 0
		for _, n := range l.src.Nodes {
			for _, x := range n.Inputs {
				if x != v {
					continue
				}
				if !isTranspose(n, 0, 3, 1, 2) {
					return shaped(v.Name, v.Shape)
				}
				nhwc++
			}
		}
		if nhwc > 0 {
			l.dst.InputNHWC = true
			return &Tensor{Name: v.Name, H: v.Shape[1], W: v.Shape[2], C: v.Shape[3]}, nil
		}
	}
	return shaped(v.Name, v.Shape)
}

// shaped makes a tensor for an ONNX shape.
func shaped(name string, shape []int) (*Tensor, error) {
	switch {
	case len(shape) == 4 && shape[0] == 1:
		return &Tensor{Name: name, C: shape[1], H: shape[2], W: shape[3]}, nil
	case len(shape) == 2 && shape[0] == 1:
		return &Tensor{Name: name, C: shape[1], H: 1, W: 1}, nil
	}
	return nil, fmt.Errorf("%q is %s: only one image (1×C×H×W) or one row (1×C) is supported", name, graph.Dims(shape))
}

// in returns the tensor of the i-th input.
func (l *lowerer) in(n *graph.Node, i int) (*Tensor, error) {
	v := n.Input(i)
	if v == nil {
		return nil, fmt.Errorf("input %d is missing", i)
	}
	t, ok := l.tensors[v]
	if !ok {
		return nil, fmt.Errorf("input %d (%q) is a constant, which is not supported there", i, v.Name)
	}
	return t, nil
}

// emit appends an operator that computes the first output of n.
func (l *lowerer) emit(n *graph.Node, op Op) error {
	v := n.Outputs[0]
	t, err := shaped(v.Name, v.Shape)
	if err != nil {
		return err
	}
	if v.DType != onnxfile.Float32 {
		return fmt.Errorf("gives %s: only float32 is supported", v.DType)
	}
	op.Name, op.Node, op.Out = n.Name, n, []*Tensor{t}
	t.Producer = &op
	l.dst.Ops = append(l.dst.Ops, &op)
	l.tensors[v] = t
	return nil
}

// isConst tells whether v is known before any input is.
func (l *lowerer) isConst(v *graph.Value) bool {
	if v == nil {
		return false
	}
	_, ok := l.weights[v]
	return v.Const != nil || ok
}

// weight returns a constant by reference, with the map of its DequantizeLinear.
func (l *lowerer) weight(v *graph.Value) (Weight, error) {
	if w, ok := l.weights[v]; ok {
		return w, nil
	}
	if v == nil || v.Const == nil {
		return Weight{}, fmt.Errorf("weights that are computed while running are not supported")
	}
	if v.DType != onnxfile.Float32 {
		return Weight{}, fmt.Errorf("weights %q of %s are not supported", v.Name, v.DType)
	}
	return Weight{Source: v}, nil
}

// maxFloats bounds the constants that are read while lowering.
const maxFloats = 1 << 20

// floats reads a small constant: a bias, the parameters of a BatchNormalization.
func (l *lowerer) floats(v *graph.Value) ([]float32, error) {
	w, err := l.weight(v)
	if err != nil {
		return nil, err
	}
	if v.Len() > maxFloats {
		return nil, fmt.Errorf("constant %q of %s is too large to be folded", v.Name, v.Dims())
	}
	x, err := l.src.Float32s(w.Source)
	if err != nil || w.Scale == nil {
		return x, err
	}
	inner := len(x) / len(w.Scale)
	for i := range x {
		c := i / inner
		x[i] = (x[i] - w.Zero[c]) * w.Scale[c]
	}
	return x, nil
}
