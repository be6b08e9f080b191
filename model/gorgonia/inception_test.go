package gorgonia

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"testing"

	"hamster/model/graph"
	"hamster/model/onnxfile"
)

// inceptionPath is where the default model lies once it is converted.
func inceptionPath(tb testing.TB) string {
	tb.Helper()
	path := os.Getenv("HAMSTER_MODEL")
	if path == "" {
		cache := os.Getenv("HAMSTER_CACHE")
		if cache == "" {
			user, err := os.UserCacheDir()
			if err != nil {
				tb.Fatal(err)
			}
			cache = filepath.Join(user, "hamster")
		}
		path = filepath.Join(cache, "models", "inception_v3_nsfw.onnx")
	}
	if _, err := os.Stat(path); err != nil {
		const hint = "run `go run ./tools/hamster model get` and `model convert`, or set HAMSTER_MODEL"
		if os.Getenv("CI") == "true" {
			tb.Fatalf("the default model is missing: %v; %s", err, hint)
		}
		tb.Skipf("the default model is missing: %v; %s", err, hint)
	}
	return path
}

// compileInception compiles the default model, and makes the input whose result
// is known.
func compileInception(tb testing.TB) (*Program, []float32) {
	tb.Helper()
	f, err := os.Open(inceptionPath(tb))
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		tb.Fatal(err)
	}
	file, err := onnxfile.Parse(f, stat.Size())
	if err != nil {
		tb.Fatal(err)
	}
	g, err := graph.Import(file, nil)
	if err != nil {
		tb.Fatal(err)
	}
	p, err := Compile(context.Background(), g)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { p.Close() })
	x := make([]float32, g.Inputs[0].Len())
	for i := range x {
		x[i] = float32(math.Sin(0.001*float64(i)) * 0.9)
	}
	return p, x
}

func TestInceptionGivesTheProbabilitiesOfONNXRuntime(t *testing.T) {
	p, x := compileInception(t)
	out, err := p.Run(context.Background(), [][]float32{x})
	if err != nil {
		t.Fatal(err)
	}
	// By onnxruntime; TensorFlow.js agrees to 2e-6.
	want := []float32{0.0552446, 0.0042114, 0.9368434, 0.0031503, 0.0005502}
	if len(out[0]) != len(want) {
		t.Fatalf("%d probabilities, want %d", len(out[0]), len(want))
	}
	for i, w := range want {
		if got := out[0][i]; math.Abs(float64(got-w)) > 1e-4 {
			t.Errorf("class %d: %.7f, want %.7f", i, got, w)
		}
	}
}

func BenchmarkInception(b *testing.B) {
	p, x := compileInception(b)
	for b.Loop() {
		if _, err := p.Run(context.Background(), [][]float32{x}); err != nil {
			b.Fatal(err)
		}
	}
}
