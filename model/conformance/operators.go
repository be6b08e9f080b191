package conformance

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"testing"

	"hamster/model/conformance/onnxbuild"
	"hamster/model/onnxfile"
)

// operatorCase is one operator alone. The expected values are worked out by hand
// from ONNX's operator definitions; the tensors are small for that.
type operatorCase struct {
	name  string
	opset int
	op    string
	attrs onnxbuild.Attrs
	in    []*onnxfile.Tensor // nil is left out
	want  *onnxfile.Tensor
}

// graphCase is a few nodes that go together. It has the input "x" and the output
// "y"; what else the nodes read are constants.
type graphCase struct {
	name   string
	opset  int
	nodes  []onnxbuild.Node
	consts []*onnxfile.Tensor
	x, y   *onnxfile.Tensor
}

// Short names for the tables.
type (
	d    = []int
	a    = onnxbuild.Attrs
	node = onnxbuild.Node
)

var (
	nan  = float32(math.NaN())
	inf  = float32(math.Inf(1))
	ln3  = float32(math.Log(3))
	exp1 = float32(math.E)
)

// f is a tensor of floats, i one of integers.
func f(shape d, data ...float32) *onnxfile.Tensor { return onnxbuild.Floats("", shape, data...) }
func i(shape d, data ...int64) *onnxfile.Tensor   { return onnxbuild.Ints("", shape, data...) }

// b is a tensor of bytes: uint8 or int8.
func b(dtype onnxfile.DType, shape d, data ...int) *onnxfile.Tensor {
	t := &onnxfile.Tensor{DType: dtype, Shape: shape}
	for _, x := range data {
		t.Data = append(t.Data, byte(x))
	}
	return t
}

// h is a tensor of float16, by its bits.
func h(shape d, bits ...uint16) *onnxfile.Tensor {
	t := &onnxfile.Tensor{DType: onnxfile.Float16, Shape: shape}
	for _, x := range bits {
		t.Data = binary.LittleEndian.AppendUint16(t.Data, x)
	}
	return t
}

func in(t ...*onnxfile.Tensor) []*onnxfile.Tensor { return t }

// named gives a constant of a graphCase its name.
func named(name string, t *onnxfile.Tensor) *onnxfile.Tensor {
	t.Name = name
	return t
}

// operatorCases are the tables of the files cases_*.go. To add an operator, add
// its cases to one of them.
var operatorCases = slices.Concat(convCases, poolCases, normCases, elementwiseCases, matmulCases, shapeCases)

// tabled says whether the tables have an operator.
func tabled(op string) bool {
	return slices.ContainsFunc(operatorCases, func(c operatorCase) bool { return c.op == op }) ||
		slices.ContainsFunc(graphCases, func(c graphCase) bool {
			return slices.ContainsFunc(c.nodes, func(n node) bool { return n.Op == op })
		})
}

func (s *suite) operators(t *testing.T) {
	for _, c := range operatorCases {
		if s.maxPoolSkipsNaN && c.op == "MaxPool" && c.name == "passes on NaN and infinities" {
			continue
		}
		t.Run(c.op+" "+c.name, func(t *testing.T) {
			if err := s.check(c.example()); err != nil {
				t.Error(err)
			}
		})
	}
	for _, c := range graphCases {
		t.Run(c.name, func(t *testing.T) {
			if err := s.check(c.example()); err != nil {
				t.Error(err)
			}
		})
	}
}

// tolerance is for results that hand calculation gives to seven digits.
func tolerance(e example) example {
	e.relative, e.absolute = 1e-5, 1e-6
	return e
}

func (c operatorCase) example() example {
	e := example{outputs: in(c.want)}
	n := node{Op: c.op, Attrs: c.attrs, Outputs: []string{"y"}}
	m := onnxbuild.Model{Opset: c.opset, Outputs: []onnxbuild.Value{{Name: "y", DType: c.want.DType, Shape: c.want.Shape}}}
	parameters := slices.Contains([]string{"Clip", "Dropout", "Pad"}, c.op)
	for k, x := range c.in {
		if x == nil {
			n.Inputs = append(n.Inputs, "")
			continue
		}
		x.Name = fmt.Sprintf("x%d", k)
		n.Inputs = append(n.Inputs, x.Name)
		m.Inputs = append(m.Inputs, onnxbuild.Value{Name: x.Name, DType: x.DType, Shape: x.Shape})
		if e.runtime == len(e.inputs) && x.DType == onnxfile.Float32 && !(parameters && k > 0) {
			e.runtime++
		}
		e.inputs = append(e.inputs, x)
	}
	m.Nodes = []node{n}
	e.model = m.Bytes()
	return tolerance(e)
}

func (c graphCase) example() example {
	c.x.Name = "x"
	m := onnxbuild.Model{
		Opset:   c.opset,
		Inputs:  []onnxbuild.Value{{Name: "x", Shape: c.x.Shape}},
		Outputs: []onnxbuild.Value{{Name: "y", Shape: c.y.Shape}},
		Tensors: c.consts,
		Nodes:   c.nodes,
	}
	return tolerance(example{model: m.Bytes(), inputs: in(c.x), outputs: in(c.y), runtime: 1})
}
