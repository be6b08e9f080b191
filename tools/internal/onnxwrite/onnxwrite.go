// Package onnxwrite writes ONNX files. Field numbers are those of onnx.proto3
// (IR version 8); only what Hamster's converters need is here.
package onnxwrite

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"hamster/model/onnxfile"
	"hamster/model/onnxfile/wire"
)

// IRVersion and Opset are what every written file declares.
const (
	IRVersion = 8
	Opset     = 13
)

// Model is the content of one ONNX file.
type Model struct {
	Name            string // of the graph
	Producer        string
	ProducerVersion string
	Metadata        map[string]string // metadata_props, written in key order
	Inputs, Outputs []Value
	Nodes           []Node // in topological order
	Initializers    []Tensor
}

// Value declares an input or output of the graph.
type Value struct {
	Name  string
	DType onnxfile.DType
	Shape []Dim
}

// Dim is one dimension: a size, or a name where the size is left open.
type Dim struct {
	Size int
	Name string
}

// Node is one operator of the default ONNX domain.
type Node struct {
	Name, Op        string
	Inputs, Outputs []string
	Attrs           []Attr
}

// Attr is one attribute; make it with Int, Ints, Float or String.
type Attr struct {
	name  string
	value any
}

// Int makes an integer attribute.
func Int(name string, v int) Attr { return Attr{name, v} }

// Ints makes an attribute that is a list of integers.
func Ints(name string, v ...int) Attr { return Attr{name, v} }

// Float makes a float attribute.
func Float(name string, v float32) Attr { return Attr{name, v} }

// String makes a string attribute.
func String(name, v string) Attr { return Attr{name, v} }

// Tensor is an initializer: row-major, little-endian bytes.
type Tensor struct {
	Name  string
	DType onnxfile.DType
	Shape []int
	Data  []byte
}

// Elements is the product of shape, and an error where a dimension is
// negative or the product passes what an ONNX file can hold.
func Elements(shape []int) (int, error) {
	n := 1
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("shape %v has a negative dimension", shape)
		}
		if d > 0 && n > math.MaxInt32/d {
			return 0, fmt.Errorf("shape %v has more than %d elements", shape, math.MaxInt32)
		}
		n *= d
	}
	return n, nil
}

// Write writes m to w. Tensor data are not copied: a model of 90 MB costs no
// second 90 MB.
func (m *Model) Write(w io.Writer) error {
	graph, err := m.graph()
	if err != nil {
		return err
	}
	var head []byte
	head = appendVarint(head, 1, IRVersion)
	head = appendString(head, 2, m.Producer)
	head = appendString(head, 3, m.ProducerVersion)
	var opset []byte
	opset = appendString(opset, 1, "")
	opset = appendVarint(opset, 2, Opset)
	head = wire.Append(head, 8, opset)
	for _, key := range slices.Sorted(maps.Keys(m.Metadata)) {
		var entry []byte
		entry = appendString(entry, 1, key)
		entry = appendString(entry, 2, m.Metadata[key])
		head = wire.Append(head, 14, entry)
	}
	size := 0
	for _, part := range graph {
		size += len(part)
	}
	// A protobuf message may not pass 2 GiB, and readers refuse one that does.
	if size > math.MaxInt32-len(head)-16 {
		return fmt.Errorf("the model takes %d bytes, more than the 2 GiB of an ONNX file", size)
	}
	head = protowire.AppendTag(head, 7, protowire.BytesType)
	head = protowire.AppendVarint(head, uint64(size))
	out := bufio.NewWriter(w)
	out.Write(head) // bufio keeps the first error until Flush
	for _, part := range graph {
		out.Write(part)
	}
	return out.Flush()
}

// graph is GraphProto in parts that follow one another.
func (m *Model) graph() ([][]byte, error) {
	var parts [][]byte
	var b []byte
	for _, n := range m.Nodes {
		node, err := n.encode()
		if err != nil {
			return nil, err
		}
		b = wire.Append(b, 1, node)
	}
	b = appendString(b, 2, m.Name)
	for _, t := range m.Initializers {
		head, err := t.header()
		if err != nil {
			return nil, err
		}
		b = protowire.AppendTag(b, 5, protowire.BytesType)
		b = protowire.AppendVarint(b, uint64(len(head)+len(t.Data)))
		b = append(b, head...)
		parts = append(parts, b, t.Data)
		b = nil
	}
	for _, v := range m.Inputs {
		b = wire.Append(b, 11, v.encode())
	}
	for _, v := range m.Outputs {
		b = wire.Append(b, 12, v.encode())
	}
	return append(parts, b), nil
}

// header is TensorProto up to and with the length of raw_data.
func (t Tensor) header() ([]byte, error) {
	n, err := Elements(t.Shape)
	if err != nil {
		return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	if t.DType.Size() == 0 || n*t.DType.Size() != len(t.Data) {
		return nil, fmt.Errorf("tensor %q: %v of shape %v does not take %d bytes", t.Name, t.DType, t.Shape, len(t.Data))
	}
	var b []byte
	for _, d := range t.Shape {
		b = appendVarint(b, 1, uint64(d))
	}
	b = appendVarint(b, 2, uint64(t.DType))
	b = appendString(b, 8, t.Name)
	b = protowire.AppendTag(b, 9, protowire.BytesType)
	return protowire.AppendVarint(b, uint64(len(t.Data))), nil
}

func (v Value) encode() []byte {
	var shape []byte
	for _, d := range v.Shape {
		var dim []byte
		if d.Name != "" {
			dim = appendString(dim, 2, d.Name)
		} else {
			dim = appendVarint(dim, 1, uint64(d.Size))
		}
		shape = wire.Append(shape, 1, dim)
	}
	var tensor []byte
	tensor = appendVarint(tensor, 1, uint64(v.DType))
	tensor = wire.Append(tensor, 2, shape)
	var b []byte
	b = appendString(b, 1, v.Name)
	return wire.Append(b, 2, wire.Append(nil, 1, tensor))
}

func (n Node) encode() ([]byte, error) {
	var b []byte
	for _, s := range n.Inputs {
		b = appendString(b, 1, s)
	}
	for _, s := range n.Outputs {
		b = appendString(b, 2, s)
	}
	b = appendString(b, 3, n.Name)
	b = appendString(b, 4, n.Op)
	for _, a := range n.Attrs {
		attr, err := a.encode()
		if err != nil {
			return nil, fmt.Errorf("node %q: %w", n.Name, err)
		}
		b = wire.Append(b, 5, attr)
	}
	return b, nil
}

// Values of AttributeProto.AttributeType.
const (
	attrFloat  = 1
	attrInt    = 2
	attrString = 3
	attrInts   = 7
)

func (a Attr) encode() ([]byte, error) {
	b := appendString(nil, 1, a.name)
	var kind uint64
	switch v := a.value.(type) {
	case float32:
		b = protowire.AppendTag(b, 2, protowire.Fixed32Type)
		b = protowire.AppendFixed32(b, math.Float32bits(v))
		kind = attrFloat
	case int:
		b = appendVarint(b, 3, uint64(v))
		kind = attrInt
	case string:
		b = appendString(b, 4, v)
		kind = attrString
	case []int:
		for _, i := range v {
			b = appendVarint(b, 8, uint64(i))
		}
		kind = attrInts
	default:
		return nil, fmt.Errorf("attribute %q holds a %T", a.name, a.value)
	}
	return appendVarint(b, 20, kind), nil
}

func appendVarint(b []byte, field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

func appendString(b []byte, field protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), s)
}
