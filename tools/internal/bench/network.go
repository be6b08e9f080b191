package bench

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"

	"google.golang.org/protobuf/encoding/protowire"

	"hamster/model"
	"hamster/model/graph"
	"hamster/model/onnxfile"
	"hamster/model/onnxfile/wire"
	"hamster/tools/internal/onnxwrite"
)

// network is a plain classifier with random weights: a stem of two strided
// convolutions, four stages of two 3×3 convolutions, each on half as many pixels
// a side with twice as many channels, then the mean and one dense layer. Its
// parameters and its work grow with the square of the width: about 1200·width².
type network struct{ width, side int }

func (n network) file() ([]byte, error) {
	b := networkBuilder{random: rand.New(rand.NewPCG(uint64(n.width), 1)), last: "input", channels: 3}
	b.Name = fmt.Sprintf("plain-%d", n.width)
	b.Inputs = []onnxwrite.Value{{Name: b.last, DType: onnxfile.Float32, Shape: dims(1, 3, n.side, n.side)}}
	b.conv(n.width, 2)
	b.conv(n.width, 2)
	for stage := range 4 {
		stride := 2
		if stage == 0 {
			stride = 1
		}
		b.conv(n.width<<stage, stride)
		b.conv(n.width<<stage, 1)
	}
	const classes = 10
	b.node("GlobalAveragePool", []string{b.last}, "mean")
	b.node("Flatten", []string{b.last}, "flat", onnxwrite.Int("axis", 1))
	b.weights("dense", b.channels, b.channels, classes)
	b.node("MatMul", []string{b.last, "dense"}, "logits")
	b.node("Softmax", []string{b.last}, "output", onnxwrite.Int("axis", 1))
	b.Outputs = []onnxwrite.Value{{Name: b.last, DType: onnxfile.Float32, Shape: dims(1, classes)}}
	var file bytes.Buffer
	if err := b.Write(&file); err != nil {
		return nil, fmt.Errorf("write the network: %w", err)
	}
	return file.Bytes(), nil
}

type networkBuilder struct {
	onnxwrite.Model
	random   *rand.Rand
	last     string
	channels int
}

func (b *networkBuilder) node(op string, inputs []string, output string, attrs ...onnxwrite.Attr) {
	b.Nodes = append(b.Nodes, onnxwrite.Node{Name: output, Op: op, Inputs: inputs, Outputs: []string{output}, Attrs: attrs})
	b.last = output
}

func (b *networkBuilder) conv(channels, stride int) {
	name := fmt.Sprintf("conv%d", len(b.Nodes))
	b.weights(name+"_w", 9*b.channels, channels, b.channels, 3, 3)
	b.node("Conv", []string{b.last, name + "_w"}, name,
		onnxwrite.Ints("kernel_shape", 3, 3), onnxwrite.Ints("strides", stride, stride), onnxwrite.Ints("pads", 1, 1, 1, 1))
	b.node("Relu", []string{b.last}, name+"_relu")
	b.channels = channels
}

// weights adds a tensor whose products with fanIn values keep their size.
func (b *networkBuilder) weights(name string, fanIn int, shape ...int) {
	count := 1
	for _, d := range shape {
		count *= d
	}
	data := make([]byte, 4*count)
	bound := float32(math.Sqrt(6 / float64(fanIn)))
	for i := range count {
		v := (2*b.random.Float32() - 1) * bound
		binary.LittleEndian.PutUint32(data[4*i:], math.Float32bits(v))
	}
	b.Initializers = append(b.Initializers, onnxwrite.Tensor{Name: name, DType: onnxfile.Float32, Shape: shape, Data: data})
}

func dims(sizes ...int) (shape []onnxwrite.Dim) {
	for _, n := range sizes {
		shape = append(shape, onnxwrite.Dim{Size: n})
	}
	return shape
}

// Field numbers of onnx.proto3.
const (
	modelGraph    = 7
	modelMetadata = 14
	graphNode     = 1
	graphInput    = 11
	entryKey      = 1
	nodeOutput    = 2
	nodeOp        = 4
	nodeAttribute = 5
)

// withInput returns an ONNX file whose one input has another shape; what it says
// of itself no longer includes a size. Where it took the mean of all pixels by a
// window of just that size, it does so for any number of pixels.
func withInput(file []byte, shape []int) ([]byte, error) {
	means, err := wholeMeans(file)
	if err != nil {
		return nil, err
	}
	var out []byte
	err = wire.Fields(file, func(number protowire.Number, value, whole []byte) error {
		switch number {
		case modelMetadata:
			isSize := false
			err := wire.Fields(value, func(number protowire.Number, value, _ []byte) error {
				isSize = isSize || number == entryKey && string(value) == model.KeySize
				return nil
			})
			if err != nil || isSize {
				return err
			}
		case modelGraph:
			body, err := graphWithInput(value, shape, means)
			if err != nil {
				return err
			}
			out = wire.Append(out, modelGraph, body)
			return nil
		}
		out = append(out, whole...)
		return nil
	})
	return out, err
}

// wholeMeans names the results of AveragePool nodes whose window is all there is.
func wholeMeans(file []byte) (map[string]bool, error) {
	g, _, err := model.Import(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	means := map[string]bool{}
	for _, n := range g.Nodes {
		if n.Op == "AveragePool" && graph.Elements(n.Outputs[0].Shape[2:]) == 1 {
			means[n.Outputs[0].Name] = true
		}
	}
	return means, nil
}

func graphWithInput(proto []byte, shape []int, means map[string]bool) ([]byte, error) {
	var out []byte
	err := wire.Fields(proto, func(number protowire.Number, value, whole []byte) error {
		switch number {
		case graphNode:
			node, err := withoutWindow(value, means)
			out = wire.Append(out, graphNode, node)
			return err
		case graphInput:
		default:
			out = append(out, whole...)
			return nil
		}
		var name []byte
		err := wire.Fields(value, func(number protowire.Number, value, _ []byte) error {
			if number == 1 {
				name = value
			}
			return nil
		})
		// ValueInfoProto{name, type: {tensor_type: {elem_type, shape: {dim: {dim_value}…}}}}
		var sizes []byte
		for _, d := range shape {
			dim := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(d))
			sizes = wire.Append(sizes, 1, dim)
		}
		tensor := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(onnxfile.Float32))
		tensor = wire.Append(tensor, 2, sizes)
		info := wire.Append(nil, 1, name)
		info = wire.Append(info, 2, wire.Append(nil, 1, tensor))
		out = wire.Append(out, graphInput, info)
		return err
	})
	return out, err
}

// withoutWindow makes a NodeProto a GlobalAveragePool where means has its result.
func withoutWindow(node []byte, means map[string]bool) ([]byte, error) {
	var other []byte
	isMean := false
	err := wire.Fields(node, func(number protowire.Number, value, whole []byte) error {
		switch number {
		case nodeOutput:
			isMean = isMean || means[string(value)]
		case nodeOp:
			other = wire.Append(other, nodeOp, []byte("GlobalAveragePool"))
			return nil
		case nodeAttribute:
			return nil
		}
		other = append(other, whole...)
		return nil
	})
	if err != nil || !isMean {
		return node, err
	}
	return other, nil
}
