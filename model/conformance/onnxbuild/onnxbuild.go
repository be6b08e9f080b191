// Package onnxbuild writes small ONNX files for tests, straight in the wire
// format of onnx.proto3.
package onnxbuild

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"hamster/model/onnxfile"
	"hamster/model/onnxfile/wire"
)

// Model is an ONNX model of one graph.
type Model struct {
	Opset    int
	Inputs   []Value
	Outputs  []Value
	Tensors  []*onnxfile.Tensor // initializers
	Nodes    []Node
	Metadata map[string]string
}

// Value is an input or output of the graph: float32 where DType is not set.
type Value struct {
	Name  string
	DType onnxfile.DType
	Shape []int
}

// Node applies Op. An input "" is left out.
type Node struct {
	Name, Op, Domain string
	Inputs, Outputs  []string
	Attrs            Attrs
}

// Attrs hold int, float32, string, []int, []float32 or *onnxfile.Tensor.
type Attrs map[string]any

// Bytes is the model as a file.
func (m *Model) Bytes() []byte {
	var g []byte
	for _, n := range m.Nodes {
		g = wire.Append(g, 1, n.bytes())
	}
	g = text(g, 2, "test")
	for _, t := range m.Tensors {
		g = wire.Append(g, 5, tensor(t))
	}
	for _, v := range m.Inputs {
		g = wire.Append(g, 11, v.bytes())
	}
	for _, v := range m.Outputs {
		g = wire.Append(g, 12, v.bytes())
	}
	var b []byte
	b = number(b, 1, 7) // IR version
	b = wire.Append(b, 7, g)
	b = wire.Append(b, 8, number(nil, 2, m.Opset))
	for _, k := range slices.Sorted(maps.Keys(m.Metadata)) {
		b = wire.Append(b, 14, text(text(nil, 1, k), 2, m.Metadata[k]))
	}
	return b
}

// Floats makes a float32 tensor.
func Floats(name string, shape []int, data ...float32) *onnxfile.Tensor {
	return onnxfile.Float32Tensor(name, shape, data)
}

// Ints makes an int64 tensor.
func Ints(name string, shape []int, data ...int64) *onnxfile.Tensor {
	return onnxfile.Int64Tensor(name, shape, data)
}

// WithInitializers returns the model with tensors as initializers, by which
// inputs of these names become constants.
func WithInitializers(model []byte, tensors ...*onnxfile.Tensor) ([]byte, error) {
	return editGraph(model, func(graph []byte) ([]byte, error) {
		for _, t := range tensors {
			graph = wire.Append(graph, 5, tensor(t))
		}
		return graph, nil
	})
}

// WithAddend returns the model with an input "addend", a scalar, that is added to
// its one output.
func WithAddend(model []byte) ([]byte, error) {
	return editGraph(model, func(graph []byte) ([]byte, error) {
		var out []byte
		var output string
		err := wire.Fields(graph, func(num protowire.Number, value, field []byte) error {
			if num != 12 {
				out = append(out, field...)
				return nil
			}
			return wire.Fields(value, func(num protowire.Number, value, _ []byte) error {
				if num == 1 {
					output = string(value)
				}
				return nil
			})
		})
		sum := output + "+addend"
		out = wire.Append(out, 1, Node{Op: "Add", Inputs: []string{output, "addend"}, Outputs: []string{sum}}.bytes())
		out = wire.Append(out, 11, Value{Name: "addend"}.bytes())
		out = wire.Append(out, 12, Value{Name: sum}.bytes())
		return out, err
	})
}

func editGraph(model []byte, edit func(graph []byte) ([]byte, error)) ([]byte, error) {
	var out []byte
	err := wire.Fields(model, func(num protowire.Number, value, field []byte) error {
		if num != 7 {
			out = append(out, field...)
			return nil
		}
		graph, err := edit(slices.Clone(value))
		out = wire.Append(out, 7, graph)
		return err
	})
	return out, err
}

func (v Value) bytes() []byte {
	dtype := v.DType
	if dtype == onnxfile.Undefined {
		dtype = onnxfile.Float32
	}
	var shape []byte
	for _, d := range v.Shape {
		if d < 0 {
			shape = wire.Append(shape, 1, text(nil, 2, "N"))
		} else {
			shape = wire.Append(shape, 1, number(nil, 1, d))
		}
	}
	t := wire.Append(number(nil, 1, int(dtype)), 2, shape)
	return wire.Append(text(nil, 1, v.Name), 2, wire.Append(nil, 1, t))
}

func (n Node) bytes() []byte {
	var b []byte
	for _, s := range n.Inputs {
		b = text(b, 1, s)
	}
	for _, s := range n.Outputs {
		b = text(b, 2, s)
	}
	b = text(b, 3, n.Name)
	b = text(b, 4, n.Op)
	for _, k := range slices.Sorted(maps.Keys(n.Attrs)) {
		b = wire.Append(b, 5, attribute(k, n.Attrs[k]))
	}
	if n.Domain != "" {
		b = text(b, 7, n.Domain)
	}
	return b
}

func attribute(name string, value any) []byte {
	const typeField = 20
	b := text(nil, 1, name)
	switch v := value.(type) {
	case float32:
		b = protowire.AppendTag(b, 2, protowire.Fixed32Type)
		b = protowire.AppendFixed32(b, math.Float32bits(v))
		return number(b, typeField, 1)
	case int:
		return number(number(b, 3, v), typeField, 2)
	case string:
		return number(text(b, 4, v), typeField, 3)
	case *onnxfile.Tensor:
		return number(wire.Append(b, 5, tensor(v)), typeField, 4)
	case []float32:
		for _, x := range v {
			b = protowire.AppendTag(b, 7, protowire.Fixed32Type)
			b = protowire.AppendFixed32(b, math.Float32bits(x))
		}
		return number(b, typeField, 6)
	case []int:
		for _, x := range v {
			b = number(b, 8, x)
		}
		return number(b, typeField, 7)
	}
	panic(fmt.Sprintf("attribute %s: %T", name, value))
}

func tensor(t *onnxfile.Tensor) []byte {
	var b []byte
	for _, d := range t.Shape {
		b = number(b, 1, d)
	}
	b = number(b, 2, int(t.DType))
	b = text(b, 8, t.Name)
	return wire.Append(b, 9, t.Data)
}

func number(b []byte, field protowire.Number, v int) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), uint64(int64(v)))
}

func text(b []byte, field protowire.Number, s string) []byte { return wire.Append(b, field, []byte(s)) }

// ParseTensor reads a TensorProto, as test data sets hold them.
func ParseTensor(b []byte) (*onnxfile.Tensor, error) {
	t := &onnxfile.Tensor{Shape: []int{}}
	var varints []uint64 // int32_data or int64_data
	le := binary.LittleEndian
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		size := protowire.ConsumeFieldValue(num, typ, b[n:])
		if size < 0 {
			return nil, protowire.ParseError(size)
		}
		value := b[n : n+size]
		b = b[n+size:]
		var list []byte
		if typ == protowire.BytesType {
			list, _ = protowire.ConsumeBytes(value)
		}
		switch num {
		case 1, 5, 7:
			var all []uint64
			if typ == protowire.VarintType {
				list = value
			}
			for len(list) > 0 {
				x, n := protowire.ConsumeVarint(list)
				if n < 0 {
					return nil, protowire.ParseError(n)
				}
				all, list = append(all, x), list[n:]
			}
			if num != 1 {
				varints = append(varints, all...)
				continue
			}
			for _, d := range all {
				t.Shape = append(t.Shape, int(d))
			}
		case 2:
			x, _ := protowire.ConsumeVarint(value)
			t.DType = onnxfile.DType(x)
		case 4: // float_data
			if typ == protowire.Fixed32Type {
				list = value
			}
			t.Data = append(t.Data, list...)
		case 8:
			t.Name = string(list)
		case 9:
			t.Data = slices.Clone(list)
		}
	}
	for _, x := range varints {
		switch t.DType.Size() {
		case 1:
			t.Data = append(t.Data, byte(x))
		case 2:
			t.Data = le.AppendUint16(t.Data, uint16(x))
		case 4:
			t.Data = le.AppendUint32(t.Data, uint32(x))
		case 8:
			t.Data = le.AppendUint64(t.Data, x)
		}
	}
	if size := t.DType.Size(); size == 0 || len(t.Data) != size*t.Elements() {
		return nil, fmt.Errorf("tensor %q: %d bytes for %v of %s", t.Name, len(t.Data), t.Shape, t.DType)
	}
	return t, nil
}
