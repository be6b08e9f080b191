package dequantise

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"hamster/model/onnxfile"
	"hamster/tools/internal/onnxwrite"
)

func floats(x ...float32) (b []byte) {
	for _, f := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return b
}

func file(t *testing.T, nodes []onnxwrite.Node, tensors ...onnxwrite.Tensor) []byte {
	t.Helper()
	shape := []onnxwrite.Dim{{Size: 2}, {Size: 3}}
	m := onnxwrite.Model{
		Name:         "small",
		Metadata:     map[string]string{"hamster.name": "small"},
		Inputs:       []onnxwrite.Value{{Name: "x", DType: onnxfile.Float32, Shape: shape}},
		Outputs:      []onnxwrite.Value{{Name: "y", DType: onnxfile.Float32, Shape: shape}},
		Nodes:        nodes,
		Initializers: tensors,
	}
	var out bytes.Buffer
	if err := m.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

var (
	bytesOfW = onnxwrite.Tensor{Name: "q", DType: onnxfile.Uint8, Shape: []int{2, 3}, Data: []byte{0, 1, 2, 3, 254, 255}}
	add      = onnxwrite.Node{Name: "add", Op: "Add", Inputs: []string{"x", "w"}, Outputs: []string{"y"}}
)

func TestStoredWeightsBecomeFloats(t *testing.T) {
	for _, c := range []struct {
		name    string
		axis    []onnxwrite.Attr
		shape   []int
		scales  []float32
		zeros   []byte
		want    []float32
		initial onnxwrite.Tensor
	}{
		{"one scale for all", nil, nil, []float32{0.5}, []byte{2}, []float32{-1, -0.5, 0, 0.5, 126, 126.5}, bytesOfW},
		{"a scale a row", []onnxwrite.Attr{onnxwrite.Int("axis", 0)}, []int{2}, []float32{1, 2}, []byte{1, 3}, []float32{-1, 0, 1, 0, 502, 504}, bytesOfW},
		{"a scale a column, axis 1 by default", nil, []int{3}, []float32{1, 2, 4}, []byte{0, 0, 1}, []float32{0, 2, 4, 3, 508, 1016}, bytesOfW},
		{"a scale a column, counted from the end", []onnxwrite.Attr{onnxwrite.Int("axis", -1)}, []int{3}, []float32{1, 2, 4}, []byte{0, 0, 1}, []float32{0, 2, 4, 3, 508, 1016}, bytesOfW},
		{"signed bytes", nil, nil, []float32{1}, []byte{0xff}, []float32{1, 2, 3, 4, -1, 0},
			onnxwrite.Tensor{Name: "q", DType: onnxfile.Int8, Shape: []int{2, 3}, Data: bytesOfW.Data}},
	} {
		before := file(t, []onnxwrite.Node{
			{Name: "dq", Op: "DequantizeLinear", Inputs: []string{"q", "s", "z"}, Outputs: []string{"w"}, Attrs: c.axis}, add,
		},
			c.initial,
			onnxwrite.Tensor{Name: "s", DType: onnxfile.Float32, Shape: c.shape, Data: floats(c.scales...)},
			onnxwrite.Tensor{Name: "z", DType: c.initial.DType, Shape: c.shape, Data: c.zeros},
		)
		after, count, err := Model(before)
		if err != nil || count != 1 {
			t.Errorf("%s: %d, %v", c.name, count, err)
			continue
		}
		f, err := onnxfile.Parse(bytes.NewReader(after), int64(len(after)))
		if err != nil {
			t.Fatal(err)
		}
		if len(f.Nodes) != 1 || f.Nodes[0].Op != "Add" || len(f.Tensors) != 1 || f.Metadata["hamster.name"] != "small" {
			t.Errorf("%s: nodes %v, %d tensors, metadata %v", c.name, f.Nodes, len(f.Tensors), f.Metadata)
			continue
		}
		w := f.Tensors["w"]
		got, err := f.ReadTensor(w)
		if err != nil {
			t.Fatal(err)
		}
		if w.DType != onnxfile.Float32 || !slices.Equal(w.Shape, []int{2, 3}) || !bytes.Equal(got, floats(c.want...)) {
			t.Errorf("%s: %v %v % x", c.name, w.DType, w.Shape, got)
		}
	}
}

func TestAFileOfFloatsIsLeftAlone(t *testing.T) {
	before := file(t, []onnxwrite.Node{add}, onnxwrite.Tensor{Name: "w", DType: onnxfile.Float32, Shape: []int{2, 3}, Data: floats(1, 2, 3, 4, 5, 6)})
	after, count, err := Model(before)
	if err != nil || count != 0 || !bytes.Equal(before, after) {
		t.Errorf("%d, %v", count, err)
	}
}

func TestScalesThatDoNotFitAreRefused(t *testing.T) {
	before := file(t, []onnxwrite.Node{
		{Name: "dq", Op: "DequantizeLinear", Inputs: []string{"q", "s", "z"}, Outputs: []string{"w"}}, add,
	},
		bytesOfW,
		onnxwrite.Tensor{Name: "s", DType: onnxfile.Float32, Shape: []int{2}, Data: floats(1, 2)},
		onnxwrite.Tensor{Name: "z", DType: onnxfile.Uint8, Shape: []int{2}, Data: []byte{0, 0}},
	)
	if _, _, err := Model(before); err == nil {
		t.Error("no error")
	}
}

func TestWeightsThatOthersUseStay(t *testing.T) {
	before := file(t, []onnxwrite.Node{
		{Name: "dq", Op: "DequantizeLinear", Inputs: []string{"q", "s", "z"}, Outputs: []string{"w"}},
		{Name: "mul", Op: "Mul", Inputs: []string{"w", "s"}, Outputs: []string{"v"}},
		{Name: "add", Op: "Add", Inputs: []string{"x", "v"}, Outputs: []string{"y"}},
	},
		bytesOfW,
		onnxwrite.Tensor{Name: "s", DType: onnxfile.Float32, Data: floats(1)},
		onnxwrite.Tensor{Name: "z", DType: onnxfile.Uint8, Data: []byte{0}},
	)
	after, _, err := Model(before)
	if err != nil {
		t.Fatal(err)
	}
	f, err := onnxfile.Parse(bytes.NewReader(after), int64(len(after)))
	if err != nil {
		t.Fatal(err)
	}
	if f.Tensors["s"] == nil || f.Tensors["q"] != nil || f.Tensors["z"] != nil {
		t.Errorf("tensors %v", f.Tensors)
	}
}
