package simd

import (
	"cmp"
	"context"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"hamster/model/gorgonia"
	"hamster/model/graph"
	"hamster/model/onnxfile"
	"hamster/model/simd/simdtest"
	"hamster/preprocess"
	"hamster/preprocess/imagefile"
)

// inception imports the default model.
func inception(tb testing.TB) *graph.Graph {
	tb.Helper()
	f, err := os.Open(simdtest.ModelPath(tb))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { f.Close() })
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
	return g
}

// engine makes an engine and closes it after the test.
func engine(tb testing.TB, g *graph.Graph, cfg Config) *Engine {
	tb.Helper()
	e, err := New(context.Background(), g, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { e.Close() })
	return e
}

// one runs an engine, or another backend, that has one output.
func one(tb testing.TB, e interface {
	Run(context.Context, [][]float32) ([][]float32, error)
}, x []float32) []float32 {
	tb.Helper()
	out, err := e.Run(context.Background(), [][]float32{x})
	if err != nil {
		tb.Fatal(err)
	}
	return out[0]
}

// wave is the input for which the model's outputs are known.
func wave(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(math.Sin(0.001*float64(i)) * 0.9)
	}
	return x
}

// spec299 says how a photo becomes the input of the model.
var spec299 = preprocess.Spec{
	Width: 299, Height: 299, Layout: preprocess.NCHW, Channels: preprocess.RGB,
	Scale: [3]float32{255, 255, 255}, Mode: preprocess.Keras,
}

func photo(tb testing.TB, path string) preprocess.Image {
	tb.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	img, _, err := imagefile.Decode(b, imagefile.Limits{})
	if err != nil {
		tb.Fatalf("%s: %v", path, err)
	}
	return img
}

// photos are the test's photos; where Gorgonia takes several seconds a run, one.
func photos(tb testing.TB) []string {
	tb.Helper()
	var all []string
	for _, ext := range []string{"jpg", "png"} {
		paths, err := filepath.Glob("../../testdata/photos/*." + ext)
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, paths...)
	}
	if len(all) < 4 {
		tb.Fatalf("%d photos", len(all))
	}
	if runtime.GOOS == "js" || testing.Short() {
		return all[:1]
	}
	return all
}

// order lists the classes, the likeliest first.
func order(p []float32) []int {
	classes := make([]int, len(p))
	for i := range classes {
		classes[i] = i
	}
	slices.SortStableFunc(classes, func(a, b int) int { return cmp.Compare(p[b], p[a]) })
	return classes[:min(5, len(classes))]
}

func within(t *testing.T, what string, got, want []float32, bound float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d probabilities, want %d", what, len(got), len(want))
	}
	for i, w := range want {
		if d := math.Abs(float64(got[i]) - float64(w)); !(d <= bound) {
			t.Errorf("%s: class %d: %v, want %v within %v", what, i, got[i], w, bound)
		}
	}
}

func TestInceptionClassifiesPhotosAsGorgoniaDoes(t *testing.T) {
	g := inception(t)
	oracle, err := gorgonia.Compile(context.Background(), g)
	if err != nil {
		t.Fatal(err)
	}
	defer oracle.Close()
	winograd, direct := engine(t, g, Config{Threads: 1}), engine(t, g, Config{Threads: 1, NoWinograd: true})
	for _, path := range photos(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			x, err := preprocess.Tensor(photo(t, path), spec299, "")
			if err != nil {
				t.Fatal(err)
			}
			want := one(t, oracle, x)
			for _, c := range []struct {
				name  string
				e     *Engine
				bound float64
			}{{"Winograd", winograd, 1e-3}, {"direct", direct, 1e-4}} {
				got := one(t, c.e, x)
				within(t, c.name, got, want, c.bound)
				if !slices.Equal(order(got), order(want)) {
					t.Errorf("%s: classes in the order %v, want %v", c.name, order(got), order(want))
				}
			}
		})
	}
}

func TestInceptionGivesTheProbabilitiesOfONNXRuntime(t *testing.T) {
	// By onnxruntime; TensorFlow.js agrees to 2e-6.
	want := []float32{0.0552446, 0.0042114, 0.9368434, 0.0031503, 0.0005502}
	g := inception(t)
	x := wave(g.Inputs[0].Len())
	within(t, "Winograd", one(t, engine(t, g, Config{Threads: 1}), x), want, 1e-3)
	within(t, "direct", one(t, engine(t, g, Config{Threads: 1, NoWinograd: true}), x), want, 1e-4)
}

func TestAPreparedPhotoGivesTheBitsOfAPreprocessedOne(t *testing.T) {
	e := engine(t, inception(t), Config{Threads: 1})
	img := photo(t, photos(t)[0])
	for _, mode := range []preprocess.Mode{preprocess.Keras, preprocess.Quality} {
		x, err := preprocess.Tensor(img, spec299, mode)
		if err != nil {
			t.Fatal(err)
		}
		want := one(t, e, x)
		if err := e.Prepare(context.Background(), img, spec299, mode); err != nil {
			t.Fatal(err)
		}
		got, err := e.RunPrepared(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got[0], want) {
			t.Errorf("%s: %v, want %v", mode, got[0], want)
		}
	}
}

// float32s returns the graph with every DequantizeLinear computed beforehand.
func float32s(tb testing.TB, g *graph.Graph) *graph.Graph {
	tb.Helper()
	constants := map[*graph.Value]*graph.Value{}
	kept := g.Nodes[:0]
	for _, n := range g.Nodes {
		for i, v := range n.Inputs {
			if c := constants[v]; c != nil {
				n.Inputs[i] = c
			}
		}
		if n.Op != "DequantizeLinear" {
			kept = append(kept, n)
			continue
		}
		data, err := g.Dequantized(n)
		if err != nil {
			tb.Fatal(err)
		}
		v := n.Outputs[0]
		constants[v] = &graph.Value{Name: v.Name, DType: onnxfile.Float32, Shape: v.Shape, Const: onnxfile.Float32Tensor(v.Name, v.Shape, data)}
	}
	g.Nodes = kept
	return g
}

func TestQuantisedWeightsGiveWhatTheirFloatsGive(t *testing.T) {
	quantised, floats := inception(t), float32s(t, inception(t))
	x := wave(quantised.Inputs[0].Len())
	for _, cfg := range []Config{{Threads: 1}, {Threads: 1, NoWinograd: true}} {
		a, b := engine(t, quantised, cfg), engine(t, floats, cfg)
		// Blocks of channels that are not full take a little more.
		if p, q := a.Compiled().Plan.Weights, b.Compiled().Plan.Weights; p > q/4+q/1000 {
			t.Errorf("weights of a byte take %d bytes, and %d as floats", p, q)
		}
		within(t, "quantised", one(t, a, x), one(t, b, x), 1e-6)
	}
}

func TestInceptionTakesAQuarterOfTheMemoryOfItsActivations(t *testing.T) {
	c, err := Compile(context.Background(), inception(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := c.Plan
	t.Logf("%+v, %d pages", p, c.Pages)
	const mb = 1 << 20
	if p.Arena > p.Unpadded/4 || p.Unpadded < 35*mb || p.Tables > 2*mb {
		t.Errorf("%.1f MB of activations, %.1f without a plan, %.1f of tables; want at most a quarter, at least 35, at most 2",
			float64(p.Arena)/mb, float64(p.Unpadded)/mb, float64(p.Tables)/mb)
	}
	if total := reserved + p.Arena + p.Weights + p.Tables; c.Pages != (total+pageSize-1)/pageSize {
		t.Errorf("%d pages for %d bytes", c.Pages, total)
	}
}
