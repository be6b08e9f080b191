package model_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"hamster/model"
	"hamster/model/conformance/onnxbuild"
	"hamster/model/onnxfile"
)

func inspect(t testing.TB, file []byte) *model.Report {
	t.Helper()
	r, err := model.Inspect(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAModelIsDescribed(t *testing.T) {
	m := withSoftmax(colours())
	m.Metadata[model.KeyName], m.Metadata[model.KeyVersion] = "Colours", "2"
	m.Metadata[model.KeyScale], m.Metadata[model.KeyOffset] = "255", "-1,0,1"
	m.Metadata[model.KeyCrop] = "0.875"
	b := m.Bytes()
	want := &model.Report{
		Name: "Colours", Version: "2", Size: int64(len(b)), IRVersion: 7, Opsets: map[string]int64{"ai.onnx": 13},
		Inputs:     []model.ReportValue{{Name: "x", Type: "float32", Shape: []int{1, 3, 2, 2}}},
		Outputs:    []model.ReportValue{{Name: "y", Type: "float32", Shape: []int{1, 3}}},
		Nodes:      4,
		Operators:  []model.ReportOperator{{Op: "Flatten", Count: 1}, {Op: "Gemm", Count: 1}, {Op: "GlobalAveragePool", Count: 1}, {Op: "Softmax", Count: 1}},
		Parameters: 9, MACs: 9,
		Weights:  []model.ReportWeights{{Type: "float32", Tensors: 1, Elements: 9, Size: 36}},
		Input:    "2×2 RGB, byte / 255 + (-1, 0, 1), quality of the middle 0.875",
		Labels:   []model.Label{{ID: "r", Name: "red"}, {ID: "g", Name: "green"}, {ID: "b", Name: "blue"}},
		Metadata: m.Metadata,
	}
	got := inspect(t, b)
	if m := got.Memory; m == nil || m.Peak != m.Activations+m.Weights+m.Tables || m.Unplanned != 4*(12+3+3+3) {
		t.Errorf("memory %+v", m)
	}
	got.Memory = nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestScalesAndShapesAreNoParameters(t *testing.T) {
	m := colours()
	m.Tensors = []*onnxfile.Tensor{
		{Name: "q", DType: onnxfile.Uint8, Shape: []int{3, 3}, Data: make([]byte, 9)},
		{Name: "z", DType: onnxfile.Uint8, Shape: []int{3}, Data: make([]byte, 3)},
		onnxbuild.Floats("s", []int{3}, 1, 1, 1),
		onnxbuild.Ints("shape", []int{2}, 1, -1),
	}
	m.Nodes[1] = node{Name: "flat", Op: "Reshape", Inputs: []string{"m", "shape"}, Outputs: []string{"f"}}
	m.Nodes = append([]node{{Name: "dq", Op: "DequantizeLinear", Inputs: []string{"q", "s", "z"}, Outputs: []string{"w"}}}, m.Nodes...)
	r := inspect(t, m.Bytes())
	if r.Parameters != 9 || r.Unsupported != "" {
		t.Errorf("%d parameters (%s), want 9", r.Parameters, r.Unsupported)
	}
	if got := fmt.Sprint(r.Weights); got != "[{int64 1 2 16} {float32 1 3 12} {uint8 2 12 12}]" {
		t.Errorf("weights %s", got)
	}
}

func TestAModelThatNothingRunsIsDescribedToo(t *testing.T) {
	m := colours()
	m.Tensors = append(m.Tensors, onnxbuild.Ints("axes", []int{1}, 0))
	m.Nodes = append(m.Nodes,
		node{Name: "odd", Op: "Einsum", Inputs: []string{"y"}, Outputs: []string{"e"}},
		node{Name: "own", Op: "Blur", Domain: "com.example", Inputs: []string{"y"}, Outputs: []string{"f"}},
		node{Name: "fill", Op: "ConstantOfShape", Inputs: []string{"axes"}, Outputs: []string{"g"}, Attrs: attrs{"value": onnxbuild.Floats("", []int{1}, 0)}})
	r := inspect(t, m.Bytes())
	if r.Unsupported != "odd (Einsum): operator Einsum of ai.onnx 13 is not supported" {
		t.Errorf("unsupported: %q", r.Unsupported)
	}
	if r.Nodes != 6 || r.Operators[0].Op != "ConstantOfShape" || r.Operators[5].Op != "com.example.Blur" {
		t.Errorf("operators %v", r.Operators)
	}
	if got := fmt.Sprint(r.Inputs, r.Outputs, r.Parameters, len(r.Labels)); got != "[{x float32 [-1 3 2 2]}] [{y float32 [-1 3]}] 9 3" {
		t.Errorf("declared %s", got)
	}
}

func TestAModelThatLoadRefusesSaysWhy(t *testing.T) {
	m := colours()
	m.Metadata[model.KeyLabels] = `[{"id":"r","label":"red"}]`
	r := inspect(t, m.Bytes())
	if r.Unsupported != "1 labels for 3 outputs" || r.MACs != 9 || len(r.Labels) != 1 || r.Input != "" {
		t.Errorf("%+v", r)
	}
}

func TestFilesBesideTheModelAreListed(t *testing.T) {
	file, _ := external(t)
	r := inspect(t, file)
	if fmt.Sprint(r.ExternalFiles) != "[w.bin]" || r.Parameters != 9 {
		t.Errorf("%v, %d parameters", r.ExternalFiles, r.Parameters)
	}
}

func TestWhatIsNoModelIsNotDescribed(t *testing.T) {
	if _, err := model.Inspect(bytes.NewReader([]byte("GIF89a"))); !errors.Is(err, onnxfile.ErrNotONNX) {
		t.Errorf("error %v", err)
	}
}

func TestAReportIsJSON(t *testing.T) {
	b, err := json.Marshal(inspect(t, colours().Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"opsets":{"ai.onnx":13}`, `"inputs":[{"name":"x","type":"float32","shape":[1,3,2,2]}]`, `"macs":9`, `"labels":[{"id":"r","label":"red"}`} {
		if !bytes.Contains(b, []byte(part)) {
			t.Errorf("%s lacks %s", b, part)
		}
	}
}
