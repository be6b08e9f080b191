// Package dequantise rewrites ONNX files whose weights are stored as small
// integers behind DequantizeLinear into ones that store float32: the form that
// runtimes without kernels for quantised weights run fastest.
package dequantise

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"hamster/model/onnxfile"
	"hamster/model/onnxfile/wire"
)

// Field numbers of onnx.proto3.
const (
	modelGraph = 7

	graphNode        = 1
	graphInitializer = 5
	graphOutput      = 12

	nodeInput  = 1
	nodeOutput = 2
	nodeOp     = 4
	nodeAttr   = 5
	nodeDomain = 7

	tensorDims  = 1
	tensorDType = 2
	tensorName  = 8
	tensorRaw   = 9
)

// Model returns an ONNX file in which every DequantizeLinear of stored weights
// has become the float32 tensor that it makes, and how many there were. With
// none, it returns file itself.
func Model(file []byte) (rewritten []byte, count int, err error) {
	parsed, err := onnxfile.Parse(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, 0, err
	}
	var out []byte
	err = wire.Fields(file, func(num protowire.Number, value, whole []byte) error {
		if num != modelGraph {
			out = append(out, whole...)
			return nil
		}
		g := graph{file: parsed}
		body, err := g.rewrite(value)
		if err != nil {
			return err
		}
		count = g.count
		out = wire.Append(out, modelGraph, body)
		return nil
	})
	if err != nil || count == 0 {
		return file, 0, err
	}
	return out, count, nil
}

// graph rewrites a GraphProto.
type graph struct {
	file  *onnxfile.File
	count int
}

func (g *graph) rewrite(b []byte) ([]byte, error) {
	// An initializer is dropped with its last user; an output of the graph must
	// stay the output of a node.
	users, outputs := map[string]int{}, map[string]bool{}
	err := wire.Fields(b, func(num protowire.Number, value, _ []byte) error {
		switch num {
		case graphNode:
			n, err := parseNode(value)
			for _, name := range n.inputs {
				users[name]++
			}
			return err
		case graphOutput:
			return wire.Fields(value, func(num protowire.Number, value, _ []byte) error {
				if num == 1 {
					outputs[string(value)] = true
				}
				return nil
			})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var out, tensors []byte
	err = wire.Fields(b, func(num protowire.Number, value, whole []byte) error {
		if num == graphNode {
			n, err := parseNode(value)
			if err != nil {
				return err
			}
			if n.op == "DequantizeLinear" && n.domain == "" && !outputs[n.output] {
				t, err := g.dequantise(n)
				if err != nil {
					return fmt.Errorf("dequantise %q: %w", n.output, err)
				}
				if t != nil {
					g.count++
					for _, name := range n.inputs {
						users[name]--
					}
					tensors = wire.Append(tensors, graphInitializer, t)
					return nil
				}
			}
		}
		if num != graphInitializer {
			out = append(out, whole...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = wire.Fields(b, func(num protowire.Number, value, whole []byte) error {
		if num != graphInitializer {
			return nil
		}
		name := ""
		err := wire.Fields(value, func(num protowire.Number, value, _ []byte) error {
			if num == tensorName {
				name = string(value)
			}
			return nil
		})
		if users[name] > 0 || outputs[name] {
			out = append(out, whole...)
		}
		return err
	})
	return append(out, tensors...), err
}

type node struct {
	op, domain, output string
	inputs             []string
	axis, block        int64
}

func parseNode(b []byte) (node, error) {
	n := node{axis: 1} // DequantizeLinear's default
	err := wire.Fields(b, func(num protowire.Number, value, _ []byte) error {
		switch num {
		case nodeInput:
			n.inputs = append(n.inputs, string(value))
		case nodeOutput:
			n.output = string(value)
		case nodeOp:
			n.op = string(value)
		case nodeDomain:
			n.domain = string(value)
		case nodeAttr:
			return n.attribute(value)
		}
		return nil
	})
	return n, err
}

func (n *node) attribute(b []byte) error {
	const attrName, attrInt = 1, 3
	name, number := "", int64(0)
	err := wire.Fields(b, func(num protowire.Number, value, whole []byte) error {
		switch num {
		case attrName:
			name = string(value)
		case attrInt:
			_, _, tag := protowire.ConsumeTag(whole)
			v, size := protowire.ConsumeVarint(whole[tag:])
			number = int64(v)
			return protowire.ParseError(size)
		}
		return nil
	})
	switch name {
	case "axis":
		n.axis = number
	case "block_size":
		n.block = number
	}
	return err
}

// dequantise returns the TensorProto that n makes, or nil where n does not work
// on stored weights alone: y = (x − zero) · scale, with one scale for all or
// one for each index of an axis.
func (g *graph) dequantise(n node) ([]byte, error) {
	if len(n.inputs) < 2 || n.block != 0 {
		return nil, nil
	}
	x, scale := g.file.Tensors[n.inputs[0]], g.file.Tensors[n.inputs[1]]
	if x == nil || scale == nil || scale.DType != onnxfile.Float32 {
		return nil, nil
	}
	var zero *onnxfile.Tensor
	if len(n.inputs) > 2 && n.inputs[2] != "" {
		if zero = g.file.Tensors[n.inputs[2]]; zero == nil {
			return nil, nil
		}
	}
	values, err := g.integers(x)
	if err != nil {
		return nil, err
	}
	scales, err := g.file.ReadTensor(scale)
	if err != nil {
		return nil, err
	}
	zeros := make([]int32, len(scales)/4)
	if zero != nil {
		if zeros, err = g.integers(zero); err != nil {
			return nil, err
		}
	}
	channels, inner := 1, len(values)
	if len(scales) > 4 {
		axis := int(n.axis)
		if axis < 0 {
			axis += len(x.Shape)
		}
		if axis < 0 || axis >= len(x.Shape) || x.Shape[axis] != len(scales)/4 {
			return nil, fmt.Errorf("%d scales for axis %d of %v", len(scales)/4, n.axis, x.Shape)
		}
		channels, inner = x.Shape[axis], 1
		for _, d := range x.Shape[axis+1:] {
			inner *= d
		}
	}
	if len(zeros) != channels {
		return nil, fmt.Errorf("%d zero points for %d scales", len(zeros), channels)
	}
	raw := make([]byte, 0, 4*len(values))
	for i, v := range values {
		c := i / inner % channels
		s := math.Float32frombits(binary.LittleEndian.Uint32(scales[4*c:]))
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(v-zeros[c])*s))
	}
	var t []byte
	for _, d := range x.Shape {
		t = protowire.AppendTag(t, tensorDims, protowire.VarintType)
		t = protowire.AppendVarint(t, uint64(d))
	}
	t = protowire.AppendTag(t, tensorDType, protowire.VarintType)
	t = protowire.AppendVarint(t, uint64(onnxfile.Float32))
	t = wire.Append(t, tensorName, []byte(n.output))
	return wire.Append(t, tensorRaw, raw), nil
}

func (g *graph) integers(t *onnxfile.Tensor) ([]int32, error) {
	raw, err := g.file.ReadTensor(t)
	if err != nil {
		return nil, err
	}
	out := make([]int32, t.Elements())
	for i := range out {
		switch t.DType {
		case onnxfile.Uint8:
			out[i] = int32(raw[i])
		case onnxfile.Int8:
			out[i] = int32(int8(raw[i]))
		case onnxfile.Int32:
			out[i] = int32(binary.LittleEndian.Uint32(raw[4*i:]))
		default:
			return nil, fmt.Errorf("tensor %q: elements of %s are not supported", t.Name, t.DType)
		}
	}
	return out, nil
}
