package main

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hamster/tools/internal/npy"
)

func writeArray(t testing.TB, path string, shape []int, data []float32) string {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := npy.Write(file, shape, data); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRunWritesTheModelsOutput(t *testing.T) {
	dir := t.TempDir()
	// The means of the channels are 0.1, 0.2 and 0.
	x := writeArray(t, filepath.Join(dir, "x.npy"), []int{1, 3, 2, 2}, []float32{0, 0.1, 0.2, 0.1, 0.2, 0.2, 0.2, 0.2, 1, -1, 2, -2})
	y := filepath.Join(dir, "y.npy")
	out, errs, status := hamster(t, "", "run", "--model", colourModel(t), "--input", x, "--output", y)
	if out != "" || errs != "" || status != 0 {
		t.Fatalf("status %d, stdout %q, stderr %q", status, out, errs)
	}
	file, err := os.Open(y)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	shape, data, err := npy.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(shape, []int{1, 3}) {
		t.Errorf("shape %v", shape)
	}
	// softmax(1, 2, 0)
	for i, want := range []float64{0.24472847, 0.66524096, 0.09003057} {
		if math.Abs(float64(data[i])-want) > 1e-6 {
			t.Errorf("output %d is %v, want %v", i, data[i], want)
		}
	}
}

func TestRunNamesTheFileThatIsWrong(t *testing.T) {
	dir := t.TempDir()
	x := writeArray(t, filepath.Join(dir, "x.npy"), []int{1, 3, 2, 2}, make([]float32, 12))
	flat := writeArray(t, filepath.Join(dir, "flat.npy"), []int{12}, make([]float32, 12))
	text := write(t, filepath.Join(dir, "text.npy"), "1 2 3")
	y := filepath.Join(dir, "y.npy")
	m := colourModel(t)
	for _, c := range []struct {
		input, output string
		want          string
	}{
		{filepath.Join(dir, "none.npy"), y, "none.npy: no such file"},
		{text, y, "text.npy: not a NumPy .npy file"},
		{flat, y, "1×3×2×2"},
		{x, filepath.Join(dir, "no", "y.npy"), "y.npy: no such file"},
	} {
		_, errs, status := hamster(t, "", "run", "--model", m, "--input", c.input, "--output", c.output)
		if status != exitFailure || !strings.Contains(errs, c.want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s to %s: status %d, stderr %q, want %q", c.input, c.output, status, errs, c.want)
		}
	}
	if _, err := os.Stat(y); err == nil {
		t.Error("an output was written for a run that failed")
	}
}
