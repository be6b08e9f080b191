package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hamster/model"
	"hamster/model/conformance/onnxbuild"
	"hamster/tools/internal/getmodel"
)

func TestInspectPrintsATable(t *testing.T) {
	out, errs, status := hamster(t, "", "model", "inspect", colourModel(t))
	if status != 0 {
		t.Fatalf("status %d\n%s", status, errs)
	}
	want := `
name                  Colours
size                  552 bytes
ONNX                  IR version 8, ai.onnx 13
input                 x: float32 1×3×2×2
output                y: float32 1×3
image                 2×2 RGB, byte / 255 + 0, keras
labels                3: red, green, blue
parameters            9
MACs                  9
memory                4,195,264 bytes at the most: weights 192, activations 4,194,368 (of 84 without a plan), tables 704
weights               float32: 9 in 1 tensors, 36 bytes
nodes                 4
  Flatten             1
  Gemm                1
  GlobalAveragePool   1
  Softmax             1
hamster.input.offset  0
hamster.input.scale   255
hamster.input.size    2x2
hamster.output        probabilities
hamster.preprocess    keras
`
	if out != strings.TrimPrefix(want, "\n") {
		t.Errorf("got\n%s\nwant%s", out, want)
	}
}

func TestSizesLeftOpenComeFromTheMetadataHereToo(t *testing.T) {
	m := &onnxbuild.Model{
		Opset:   13,
		Inputs:  []onnxbuild.Value{{Name: "x", Shape: []int{-1, -1, -1, -1}}},
		Outputs: []onnxbuild.Value{{Name: "y", Shape: []int{-1, 3}}},
		Nodes: []onnxbuild.Node{
			{Name: "mean", Op: "GlobalAveragePool", Inputs: []string{"x"}, Outputs: []string{"m"}},
			{Name: "flat", Op: "Flatten", Inputs: []string{"m"}, Outputs: []string{"y"}},
		},
		Metadata: map[string]string{model.KeySize: "6x4"},
	}
	path := write(t, filepath.Join(t.TempDir(), "open.onnx"), string(m.Bytes()))
	out, errs, status := hamster(t, "", "model", "inspect", "--passes", path)
	if status != 0 || !strings.Contains(out, "x[4×6×3]") {
		t.Errorf("inspect --passes: status %d, printed %s%s", status, out, errs)
	}
	if _, errs, status := hamster(t, "", "compile", path, "-o", filepath.Join(t.TempDir(), "open.wasm")); status != 0 {
		t.Errorf("compile: status %d, printed %s", status, errs)
	}
}

func TestInspectDescribesWhatNothingRuns(t *testing.T) {
	m := &onnxbuild.Model{
		Opset:   13,
		Inputs:  []onnxbuild.Value{{Name: "x", Shape: []int{-1, 3}}},
		Outputs: []onnxbuild.Value{{Name: "y"}},
		Nodes: []onnxbuild.Node{
			{Name: "a", Op: "Relu", Inputs: []string{"x"}, Outputs: []string{"r"}},
			{Name: "b", Op: "Blur", Domain: "com.example", Inputs: []string{"r"}, Outputs: []string{"y"}},
		},
		Metadata: map[string]string{"notes": "two\nlines\x1b[31m and " + strings.Repeat("long ", 100)},
	}
	path := write(t, filepath.Join(t.TempDir(), "odd.onnx"), string(m.Bytes()))
	out, errs, status := hamster(t, "", "model", "inspect", filepath.Dir(path))
	if status != 0 {
		t.Fatalf("status %d\n%s", status, errs)
	}
	for _, part := range []string{
		"unsupported         b (Blur): operator Blur of com.example is not supported\n",
		"input               x: float32 ?×3\n",
		"output              y: float32 scalar\n",
		"  Relu              1\n",
		"  com.example.Blur  1\n",
		"notes               two lines [31m and long",
		"long l…\n",
	} {
		if !strings.Contains(out, part) {
			t.Errorf("the table lacks %q:\n%s", part, out)
		}
	}
	if strings.Contains(out, "MACs") {
		t.Errorf("the table tells MACs that are not known:\n%s", out)
	}
}

func TestShapesAreWrittenForPeople(t *testing.T) {
	for want, shape := range map[string][]int{
		"x: float32 1×3": {1, 3}, "x: float32 ?×?×2": {-1, -1, 2}, "x: float32 scalar": {}, "x: float32 of unknown shape": nil,
	} {
		if got := valueText(model.ReportValue{Name: "x", Type: "float32", Shape: shape}); got != want {
			t.Errorf("%v is %q, want %q", shape, got, want)
		}
	}
}

func TestThousandsAreGrouped(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 5711725792: "5,711,725,792", 123456: "123,456"} {
		if got := grouped(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}

func TestInspectWritesJSON(t *testing.T) {
	out, errs, status := hamster(t, "", "model", "inspect", "--json", colourModel(t))
	var r model.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil || status != 0 {
		t.Fatalf("%v, status %d\n%s", err, status, errs)
	}
	if r.Name != "Colours" || r.MACs != 9 || len(r.Labels) != 3 {
		t.Errorf("%+v", r)
	}
}

func TestInspectNamesWhatIsNoModel(t *testing.T) {
	dir := t.TempDir()
	page := write(t, filepath.Join(dir, "page.onnx"), "<html>")
	for path, want := range map[string]string{
		page:                         page + ": model: not an ONNX model: ",
		filepath.Join(dir, "nobody"): "nobody: no such file",
	} {
		out, errs, status := hamster(t, "", "model", "inspect", path)
		if status != 1 || out != "" || !strings.HasPrefix(errs, "hamster: ") || !strings.Contains(errs, want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: status %d, stderr %q", path, status, errs)
		}
	}
}

// The figures are those that everybody gives for InceptionV3 at 299×299.
func TestInceptionV3TakesTheMultiplicationsItIsKnownFor(t *testing.T) {
	path, err := getmodel.Ensure(t.Context(), getmodel.NPM, t.Logf)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	source, err := model.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	r, err := model.Inspect(source)
	if err != nil || r.Unsupported != "" {
		t.Fatal(err, r)
	}
	if g := float64(r.MACs) / 1e9; g < 5.70 || g > 5.72 {
		t.Errorf("%.3f GMAC, want 5.71", g)
	}
	counts := map[string]int{}
	for _, op := range r.Operators {
		counts[op.Op] = op.Count
	}
	if counts["Conv"] != 94 || len(r.Labels) != 5 {
		t.Errorf("%d convolutions, %d labels, want 94 and 5", counts["Conv"], len(r.Labels))
	}
}

func TestInspectPrintsTheGraphAfterEachPass(t *testing.T) {
	out, _, status := hamster(t, "", "model", "inspect", "--passes", colourModel(t))
	if status != 0 || !strings.Contains(out, "# lowered\ninput x[2×2×3]\n") || !strings.Contains(out, "\n# fuse-activation:") {
		t.Errorf("status %d, printed\n%s", status, out)
	}
}
