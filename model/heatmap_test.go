package model_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"hamster/model"
	"hamster/model/conformance/onnxbuild"
	"hamster/model/onnxfile"
	"hamster/preprocess"
)

// squares is a picture of n×n pixels whose red is brightest at its top left, and
// whose blue is at its bottom right alone.
func squares(n int) preprocess.Image {
	img := preprocess.Image{Width: n, Height: n}
	for y := range n {
		for x := range n {
			blue := byte(0)
			if x >= n/2 && y >= n/2 {
				blue = 200
			}
			img.Pix = append(img.Pix, byte(250-4*(x+y)), 90, blue, 255)
		}
	}
	return img
}

// grid is colours for pictures of n×n.
func grid(n int) *onnxbuild.Model {
	m := colours()
	m.Inputs[0].Shape = []int{1, 3, n, n}
	m.Metadata[model.KeyScale], m.Metadata[model.KeyOffset] = "255", "0"
	return m
}

// blind is grid without a pool: a class is one quarter of the blue plane, from the
// top left to the bottom right.
func blind(n int) *onnxbuild.Model {
	w := make([]float32, 3*n*n*4)
	for y := range n {
		for x := range n {
			quarter := 2*(2*y/n) + 2*x/n
			w[4*(2*n*n+y*n+x)+quarter] = 1 / float32(n)
		}
	}
	return &onnxbuild.Model{
		Opset:   13,
		Inputs:  []value{{Name: "x", Shape: []int{1, 3, n, n}}},
		Outputs: []value{{Name: "y", Shape: []int{1, 4}}},
		Tensors: []*onnxfile.Tensor{onnxbuild.Floats("w", []int{3 * n * n, 4}, w...)},
		Nodes: []node{
			{Name: "flat", Op: "Flatten", Inputs: []string{"x"}, Outputs: []string{"f"}},
			{Name: "dense", Op: "MatMul", Inputs: []string{"f", "w"}, Outputs: []string{"z"}},
			{Name: "prob", Op: "Softmax", Inputs: []string{"z"}, Outputs: []string{"y"}},
		},
		Metadata: map[string]string{model.KeyScale: "255", model.KeyOffset: "0"},
	}
}

func near(t *testing.T, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d values, want %d", len(got), len(want))
	}
	for i, w := range want {
		if math.Abs(float64(got[i])-float64(w)) > 1e-4 {
			t.Fatalf("value %d is %v, want %v\n%v\n%v", i, got[i], w, got, want)
		}
	}
}

func TestAHeatMapShowsWhatSpokeForAClass(t *testing.T) {
	img := squares(8)
	onEveryBackend(t, func(t *testing.T, opts model.Options) {
		m := load(t, grid(8), opts)
		if m.Method() != model.GradCAM {
			t.Errorf("method %q", m.Method())
		}
		for class := range 3 {
			got, err := m.Explain(t.Context(), img, "", class, model.ExplainOptions{})
			if err != nil {
				t.Fatal(err)
			}
			// A class is the mean of its colour, so its map is that plane.
			var want []float32
			for i := range 64 {
				want = append(want, float32(img.Pix[4*i+class]))
			}
			top := slices.Max(want)
			for i := range want {
				want[i] /= top
			}
			near(t, got.Values, want)
			if got.Width != 8 || got.Height != 8 || got.Class != class || got.Method != model.GradCAM || got.Area != (model.Area{Right: 1, Bottom: 1}) {
				t.Errorf("%+v", got)
			}
		}
	})
}

func TestTheLastRunIsExplainedWithoutAnother(t *testing.T) {
	img := squares(8)
	onEveryBackend(t, func(t *testing.T, opts model.Options) {
		m := load(t, grid(8), opts)
		if _, err := m.ExplainLast(t.Context(), 0); !errors.Is(err, model.ErrNoRun) {
			t.Errorf("before a run: %v, want ErrNoRun", err)
		}
		predictions, _, err := m.ClassifyImage(t.Context(), img, "")
		if err != nil {
			t.Fatal(err)
		}
		want, err := m.Explain(t.Context(), img, "", 2, model.ExplainOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, run := range []func() error{
			func() error { _, _, err := m.ClassifyImage(t.Context(), img, ""); return err },
			func() error {
				x, err := preprocess.Tensor(img, m.Spec().Input, "")
				if err == nil {
					_, err = m.Classify(t.Context(), model.Tensor{Shape: m.InputShape(), Data: x})
				}
				return err
			},
		} {
			if err := run(); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				got, err := m.ExplainLast(t.Context(), 2)
				if err != nil {
					t.Fatal(err)
				}
				near(t, got.Values, want.Values)
			}
			if got, err := m.ExplainLast(t.Context(), model.Likeliest); err != nil || got.Class != predictions[0].Index {
				t.Errorf("class %d, %v; want %d", got.Class, err, predictions[0].Index)
			}
		}
		if _, _, err := m.ClassifyImage(t.Context(), preprocess.Image{}, ""); err == nil {
			t.Error("an image without pixels is no error")
		}
		if _, err := m.ExplainLast(t.Context(), 2); !errors.Is(err, model.ErrNoRun) {
			t.Errorf("after a failure: %v, want ErrNoRun", err)
		}
		m.Close()
		if _, err := m.ExplainLast(t.Context(), 2); !errors.Is(err, model.ErrClosed) {
			t.Errorf("after Close: %v, want ErrClosed", err)
		}
	})
}

func TestOcclusionFindsWhatAClassDependsOn(t *testing.T) {
	const n, cells = 16, 4
	img := squares(n)
	onEveryBackend(t, func(t *testing.T, opts model.Options) {
		m := load(t, blind(n), opts)
		if m.Method() != model.Occlusion {
			t.Errorf("method %q", m.Method())
		}
		var told []int
		var last model.Heatmap
		got, err := m.Explain(t.Context(), img, "", 3, model.ExplainOptions{Cells: cells, Progress: func(done, total int, soFar model.Heatmap) {
			if total != cells*cells+1 {
				t.Errorf("a total of %d", total)
			}
			told, last = append(told, done), soFar
		}})
		if err != nil {
			t.Fatal(err)
		}
		// The same by hand, one patch of 8×8 pixels, cut at the borders, a cell.
		x, err := preprocess.Tensor(img, m.Spec().Input, "")
		if err != nil {
			t.Fatal(err)
		}
		score := func(x []float32) float64 {
			y, err := m.Run(t.Context(), model.Tensor{Shape: m.InputShape(), Data: x})
			if err != nil {
				t.Fatal(err)
			}
			return float64(y.Data[3])
		}
		want, top := make([]float64, cells*cells), 0.0
		for i := range want {
			covered := slices.Clone(x)
			for c := range 3 {
				sum := float32(0)
				for _, v := range x[c*n*n:][:n*n] {
					sum += v
				}
				for y := max(0, i/cells*4-2); y < min(n, i/cells*4+6); y++ {
					for x := max(0, i%cells*4-2); x < min(n, i%cells*4+6); x++ {
						covered[c*n*n+y*n+x] = sum / (n * n)
					}
				}
			}
			want[i] = max(0, score(x)-score(covered))
			top = max(top, want[i])
		}
		values := make([]float32, len(want))
		for i, w := range want {
			values[i] = float32(w / top)
		}
		near(t, got.Values, values)
		if got.Values[15] != 1 && got.Values[10] != 1 || got.Values[0] > 0.2 {
			t.Errorf("%v: want the most at the bottom right, and little at the top left", got.Values)
		}
		if !slices.Equal(last.Values, got.Values) || len(told) != cells*cells+1 || told[0] != 1 || told[len(told)-1] != cells*cells+1 {
			t.Errorf("progress %v, and at last %v", told, last.Values)
		}
	})
}

func TestOcclusionAgreesWithGradCAMWhereBothWork(t *testing.T) {
	m := load(t, withSoftmax(grid(16)), model.Options{})
	img := squares(16)
	got, err := m.Explain(t.Context(), img, "", 2, model.ExplainOptions{Method: model.Occlusion, Cells: 2})
	if err != nil {
		t.Fatal(err)
	}
	if got.Values[3] != 1 || got.Method != model.Occlusion {
		t.Errorf("%+v: want the most at the bottom right", got)
	}
}

func TestOcclusionEndsWithItsContext(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, opts model.Options) {
		m := load(t, blind(16), opts)
		ctx, cancel := context.WithCancel(t.Context())
		runs := 0
		_, err := m.Explain(ctx, squares(16), "", 0, model.ExplainOptions{Progress: func(done, _ int, _ model.Heatmap) {
			runs = done
			if done == 5 {
				cancel()
			}
		}})
		if !errors.Is(err, context.Canceled) || runs != 5 {
			t.Errorf("%v after %d runs", err, runs)
		}
		if _, _, err := m.ClassifyImage(t.Context(), squares(16), ""); err != nil {
			t.Errorf("the model is of no use afterwards: %v", err)
		}
	})
}

func TestOthersMayUseTheModelDuringOcclusion(t *testing.T) {
	m := load(t, blind(16), model.Options{})
	want, _, err := m.ClassifyImage(t.Context(), squares(16), "")
	if err != nil {
		t.Fatal(err)
	}
	plain, err := m.Explain(t.Context(), squares(16), "", 3, model.ExplainOptions{Cells: 3})
	if err != nil {
		t.Fatal(err)
	}
	disturbed, err := m.Explain(t.Context(), squares(16), "", 3, model.ExplainOptions{Cells: 3, Progress: func(int, int, model.Heatmap) {
		got, _, err := m.ClassifyImage(t.Context(), squares(16), "")
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%v, %v; want %v", got, err, want)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	near(t, disturbed.Values, plain.Values)
}

func TestAPartialMapFillsFromCoarseToFine(t *testing.T) {
	m := load(t, blind(16), model.Options{})
	known := map[int]int{}
	_, err := m.Explain(t.Context(), squares(16), "", 3, model.ExplainOptions{Cells: 8, Progress: func(done, _ int, soFar model.Heatmap) {
		different := map[float32]bool{}
		for _, v := range soFar.Values {
			different[v] = true
		}
		known[done] = len(different)
	}})
	if err != nil {
		t.Fatal(err)
	}
	if known[1] != 1 || known[5] < 2 || known[65] <= known[5] {
		t.Errorf("different values after so many runs: %v", known)
	}
}

func TestTheAreaOfAMapIsWhatTheNetworkSaw(t *testing.T) {
	m := load(t, grid(8), model.Options{})
	spec := m.Spec().Input
	for _, c := range []struct {
		w, h, orientation int
		mode              preprocess.Mode
		crop              float32
		want              model.Area
	}{
		{100, 60, 1, preprocess.Quality, 0, model.Area{Right: 1, Bottom: 1}},
		{100, 60, 1, preprocess.Quality, 0.5, model.Area{Left: 0.25, Top: 0.25, Right: 0.75, Bottom: 0.75}},
		// Half of 30 pixels on either side of 61, and 25 of 100.
		{100, 61, 6, preprocess.Quality, 0.5, model.Area{Left: 15. / 61, Top: 0.25, Right: 1 - 15./61, Bottom: 0.75}},
		{100, 60, 6, preprocess.Keras, 0.5, model.Area{Right: 1, Bottom: 1}},
	} {
		spec.CropFraction = c.crop
		img := preprocess.Image{Width: c.w, Height: c.h, Orientation: c.orientation}
		if got := model.AreaOf(img, spec, c.mode); got != c.want {
			t.Errorf("%+v: %+v", c, got)
		}
	}
}

func TestWhatCannotBeExplainedIsAnError(t *testing.T) {
	headless, head := load(t, blind(16), model.Options{}), load(t, grid(16), model.Options{})
	for _, c := range []struct {
		name  string
		m     *model.Model
		class int
		opts  model.ExplainOptions
		want  string
	}{
		{"a class too many", head, 3, model.ExplainOptions{}, "class 3 of 3"},
		{"a class below the likeliest", head, -2, model.ExplainOptions{}, "class -2 of 3"},
		{"an unknown method", head, 0, model.ExplainOptions{Method: "guess"}, `unknown method "guess"`},
		{"a gradient without a head", headless, 0, model.ExplainOptions{Method: model.GradCAM}, "does not end in global pooling"},
		{"one cell", headless, 0, model.ExplainOptions{Cells: 1}, "1 cells: want 2 to 32"},
		{"too many cells", headless, 0, model.ExplainOptions{Cells: 33}, "33 cells"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.m.Explain(t.Context(), squares(16), "", c.class, c.opts)
			wantError(t, err, c.want)
		})
	}
	if _, err := headless.ExplainLast(t.Context(), 0); err == nil || !strings.Contains(err.Error(), "does not end in global pooling") {
		t.Errorf("the last run without a head: %v", err)
	}
}
