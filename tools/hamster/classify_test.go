package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hamster/model"
	"hamster/model/onnxfile"
	"hamster/tools/internal/getmodel"
	"hamster/tools/internal/onnxwrite"
)

// hamster runs the command line in this process.
func hamster(t testing.TB, stdin string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(context.Background(), args, &streams{In: strings.NewReader(stdin), Out: &out, Err: &errs})
	return out.String(), errs.String(), status
}

// colourModel writes a model that tells whether a picture is mostly red, green
// or blue: the mean of each channel, times ten, through a softmax. It looks at
// 2×2 pixels and takes 0..1.
func colourModel(t testing.TB) string {
	t.Helper()
	var weights []byte
	for i := range 9 {
		v := float32(0)
		if i%4 == 0 {
			v = 10
		}
		weights = binary.LittleEndian.AppendUint32(weights, math.Float32bits(v))
	}
	dims := func(sizes ...int) (shape []onnxwrite.Dim) {
		for _, n := range sizes {
			shape = append(shape, onnxwrite.Dim{Size: n})
		}
		return shape
	}
	m := &onnxwrite.Model{
		Name: "colours",
		Metadata: map[string]string{
			model.KeyName:       "Colours",
			model.KeyLabels:     `[{"id":"c1","label":"red"},{"id":"c22","label":"green"},{"id":"c3","label":"blue"}]`,
			model.KeySize:       "2x2",
			model.KeyScale:      "255",
			model.KeyOffset:     "0",
			model.KeyPreprocess: "keras",
			model.KeyOutput:     "probabilities",
		},
		Inputs:  []onnxwrite.Value{{Name: "x", DType: onnxfile.Float32, Shape: dims(1, 3, 2, 2)}},
		Outputs: []onnxwrite.Value{{Name: "y", DType: onnxfile.Float32, Shape: dims(1, 3)}},
		Nodes: []onnxwrite.Node{
			{Name: "mean", Op: "GlobalAveragePool", Inputs: []string{"x"}, Outputs: []string{"mean"}},
			{Name: "flat", Op: "Flatten", Inputs: []string{"mean"}, Outputs: []string{"flat"}, Attrs: []onnxwrite.Attr{onnxwrite.Int("axis", 1)}},
			{Name: "tenfold", Op: "Gemm", Inputs: []string{"flat", "w"}, Outputs: []string{"tenfold"}},
			{Name: "scores", Op: "Softmax", Inputs: []string{"tenfold"}, Outputs: []string{"y"}, Attrs: []onnxwrite.Attr{onnxwrite.Int("axis", 1)}},
		},
		Initializers: []onnxwrite.Tensor{{Name: "w", DType: onnxfile.Float32, Shape: []int{3, 3}, Data: weights}},
	}
	path := filepath.Join(t.TempDir(), "colours.onnx")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Write(file); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func pngOf(t testing.TB, c color.Color, width, height int) string {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		m.Set(i%width, i/width, c)
	}
	var file bytes.Buffer
	if err := png.Encode(&file, m); err != nil {
		t.Fatal(err)
	}
	return file.String()
}

func write(t testing.TB, path, content string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

var (
	red   = color.NRGBA{255, 0, 0, 255}
	green = color.NRGBA{0, 255, 0, 255}
	blue  = color.NRGBA{0, 0, 255, 255}
)

func TestOnePictureIsOneAlignedTable(t *testing.T) {
	file := write(t, filepath.Join(t.TempDir(), "green.png"), pngOf(t, green, 5, 3))
	out, errs, status := hamster(t, "", "classify", "--model", colourModel(t), file)
	want := "" +
		"c22  green  1.000\n" +
		"c1   red    0.000\n" +
		"c3   blue   0.000\n"
	if out != want || errs != "" || status != 0 {
		t.Errorf("status %d\n%s%s, want\n%s", status, out, errs, want)
	}
}

func TestTopLimitsTheRows(t *testing.T) {
	file := write(t, filepath.Join(t.TempDir(), "red.png"), pngOf(t, red, 2, 2))
	m := colourModel(t)
	for top, rows := range map[string]int{"--top=1": 1, "--top=2": 2, "--top=0": 3, "--top=99": 3} {
		out, errs, status := hamster(t, "", "classify", "-m", m, top, file)
		if strings.Count(out, "\n") != rows || status != 0 {
			t.Errorf("%s: status %d\n%s%s", top, status, out, errs)
		}
	}
}

func TestBlueComesFromStandardInput(t *testing.T) {
	out, errs, status := hamster(t, pngOf(t, blue, 3, 3), "classify", "--model", colourModel(t), "--top", "1", "-")
	if out != "c3  blue  1.000\n" || status != 0 {
		t.Errorf("status %d\n%s%s", status, out, errs)
	}
}

func TestABrokenFileIsOneLineAndTheRestGoOn(t *testing.T) {
	dir := t.TempDir()
	first := write(t, filepath.Join(dir, "first.png"), pngOf(t, red, 4, 4))
	text := write(t, filepath.Join(dir, "text.jpg"), "no picture at all\n")
	missing := filepath.Join(dir, "missing.png")
	empty := write(t, filepath.Join(dir, "empty.png"), "")
	last := write(t, filepath.Join(dir, "last.png"), pngOf(t, blue, 4, 4))

	out, errs, status := hamster(t, "", "classify", "--model", colourModel(t), "--top=1", first, text, missing, empty, last)
	if want := first + "\nc1  red  1.000\n\n" + last + "\nc3  blue  1.000\n"; out != want {
		t.Errorf("stdout\n%s, want\n%s", out, want)
	}
	want := "hamster: " + text + ": not an image: this looks like text\n" +
		"hamster: " + missing + ": no such file or directory\n" +
		"hamster: " + empty + ": the file is empty (0 bytes)\n"
	if errs != want {
		t.Errorf("stderr\n%s, want\n%s", errs, want)
	}
	if status != exitFailure {
		t.Errorf("status %d", status)
	}
}

func TestAFolderIsSearchedInOrder(t *testing.T) {
	dir := t.TempDir()
	picture := pngOf(t, red, 2, 2)
	for _, name := range []string{"b.png", "a/z.PNG", "a/c/d.jpeg", "notes.txt", ".hidden.png", ".git/e.png"} {
		write(t, filepath.Join(dir, filepath.FromSlash(name)), picture)
	}
	out, errs, status := hamster(t, "", "classify", "--model", colourModel(t), "--top=1", dir)
	var files []string
	for line := range strings.Lines(out) {
		if file, ok := strings.CutPrefix(strings.TrimSpace(line), dir+string(filepath.Separator)); ok {
			files = append(files, filepath.ToSlash(file))
		}
	}
	if got := strings.Join(files, " "); got != "a/c/d.jpeg a/z.PNG b.png" || status != 0 {
		t.Errorf("status %d, files %s\n%s", status, got, errs)
	}
}

func TestAFolderWithoutPicturesIsAnError(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "notes.txt"), "nothing to see")
	_, errs, status := hamster(t, "", "classify", "--model", colourModel(t), dir)
	if status != exitFailure || !strings.Contains(errs, dir+": no image files in this folder") {
		t.Errorf("status %d, stderr %s", status, errs)
	}
}

func TestJSONIsAnObjectAFile(t *testing.T) {
	dir := t.TempDir()
	good := write(t, filepath.Join(dir, "good.png"), pngOf(t, color.NRGBA{51, 255, 0, 255}, 9, 9))
	bad := write(t, filepath.Join(dir, "bad.png"), "%PDF-1.7")
	out, errs, status := hamster(t, "", "classify", "--model", colourModel(t), "--json", "--top=2", "--mode=quality", good, bad)
	if status != exitFailure {
		t.Errorf("status %d", status)
	}
	if want := "hamster: " + bad + ": not an image: this looks like a PDF document\n"; errs != want {
		t.Errorf("stderr %q, want %q", errs, want)
	}

	var got []map[string]any
	if err := json.Unmarshal([]byte(out), &got); err != nil || len(got) != 2 {
		t.Fatalf("%v in\n%s", err, out)
	}
	predictions := got[0]["predictions"].([]any)
	if len(predictions) != 2 {
		t.Fatalf("%d predictions", len(predictions))
	}
	best := predictions[0].(map[string]any)
	// exp(10) / (exp(10) + exp(10·0.2) + exp(0))
	if score := best["score"].(float64); math.Abs(score-0.9996193) > 1e-5 {
		t.Errorf("score %v", score)
	}
	if best["index"] != 1.0 || best["id"] != "c22" || best["label"] != "green" {
		t.Errorf("best %v", best)
	}
	if got[0]["file"] != good || got[0]["model"] != "Colours" || got[0]["mode"] != "quality" || got[0]["backend"] == "" {
		t.Errorf("object %v", got[0])
	}
	ms := got[0]["ms"].(map[string]any)
	for _, stage := range []string{"decode", "preprocess", "run"} {
		if v, ok := ms[stage].(float64); !ok || v < 0 || v > 60_000 {
			t.Errorf("ms.%s is %v", stage, ms[stage])
		}
	}
	if _, said := got[0]["error"]; said {
		t.Error("an error beside predictions")
	}
	if len(got[1]) != 2 || got[1]["file"] != bad || got[1]["error"] != "not an image: this looks like a PDF document" {
		t.Errorf("object of the broken file %v", got[1])
	}
}

func TestTheModelsOwnModeIsTheDefault(t *testing.T) {
	file := write(t, filepath.Join(t.TempDir(), "a.png"), pngOf(t, red, 2, 2))
	out, _, _ := hamster(t, "", "classify", "--model", colourModel(t), "--json", file)
	if !strings.Contains(out, `"mode": "keras"`) {
		t.Errorf("output %s", out)
	}
}

func TestJSONOfNothingButFailuresIsStillAnArray(t *testing.T) {
	out, _, status := hamster(t, "", "classify", "--model", colourModel(t), "--json", "-")
	var got []result
	if err := json.Unmarshal([]byte(out), &got); err != nil || len(got) != 1 || got[0].File != "-" || got[0].Error == "" {
		t.Errorf("%v in %s", err, out)
	}
	if status != exitFailure {
		t.Errorf("status %d", status)
	}
}

func TestAnInterruptedRunLeavesWholeJSON(t *testing.T) {
	file := write(t, filepath.Join(t.TempDir(), "a.png"), pngOf(t, red, 2, 2))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var out, errs bytes.Buffer
	status := run(ctx, []string{"classify", "--model", colourModel(t), "--json", file}, &streams{Out: &out, Err: &errs})
	if status != exitFailure || !json.Valid(out.Bytes()) {
		t.Errorf("status %d, stdout %s, stderr %s", status, &out, &errs)
	}
}

func TestWrongArgumentsAreAUsageError(t *testing.T) {
	for _, args := range [][]string{
		{"classify"},
		{"classify", "--top=-1", "a.png"},
		{"classify", "--mode=sharp", "a.png"},
		{"run", "--input", "x.npy"},
	} {
		_, errs, status := hamster(t, "", args...)
		if status != exitUsage || errs == "" {
			t.Errorf("%v: status %d, stderr %s", args, status, errs)
		}
	}
}

func TestAModelThatCannotBeLoadedIsNamed(t *testing.T) {
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "a.png"), pngOf(t, red, 2, 2))
	text := write(t, filepath.Join(dir, "text.onnx"), "not a model")
	t.Setenv("HAMSTER_CACHE", filepath.Join(dir, "cache"))
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"classify", file}, []string{"hamster model get"}},
		{[]string{"classify", "--model", filepath.Join(dir, "none.onnx"), file}, []string{"none.onnx", "no such file"}},
		{[]string{"classify", "--model", text, file}, []string{"text.onnx"}},
		{[]string{"classify", "--model", colourModel(t), "--backend", "abacus", file}, []string{`"abacus"`}},
	} {
		out, errs, status := hamster(t, "", c.args...)
		if status != exitFailure || out != "" || strings.Count(errs, "\n") != 1 {
			t.Errorf("%v: status %d, stdout %q, stderr %q", c.args, status, out, errs)
		}
		for _, want := range c.want {
			if !strings.Contains(errs, want) {
				t.Errorf("%v: stderr %q does not say %q", c.args, errs, want)
			}
		}
	}
}

func TestTheTrainedModelKnowsACatIsDecent(t *testing.T) {
	path, err := getmodel.Ensure(context.Background(), getmodel.NPM, t.Logf)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	photo := filepath.Join("..", "..", "testdata", "photos", "chelsea.png")
	for _, mode := range []string{"keras", "quality"} {
		out, errs, status := hamster(t, "", "classify", "--model", path, "--mode", mode, "--json", photo)
		var got []result
		if err := json.Unmarshal([]byte(out), &got); err != nil || status != 0 {
			t.Fatalf("%v, status %d\n%s", err, status, errs)
		}
		if len(got) != 1 || len(got[0].Predictions) != 5 || got[0].Predictions[0].Label != "Neutral" || got[0].Predictions[0].Score < 0.9 {
			t.Errorf("%s: %s", mode, out)
		}
	}
}
