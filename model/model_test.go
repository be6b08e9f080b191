package model_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hamster/model"
	"hamster/model/conformance/onnxbuild"
	"hamster/model/graph"
	"hamster/model/onnxfile"
)

type (
	attrs = onnxbuild.Attrs
	node  = onnxbuild.Node
	value = onnxbuild.Value
)

// colours is a model of 2×2 pixels that gives the mean of each channel times ten,
// as logits: red, green, blue.
func colours() *onnxbuild.Model {
	return &onnxbuild.Model{
		Opset:   13,
		Inputs:  []value{{Name: "x", Shape: []int{-1, 3, 2, 2}}},
		Outputs: []value{{Name: "y", Shape: []int{-1, 3}}},
		Tensors: []*onnxfile.Tensor{onnxbuild.Floats("w", []int{3, 3}, 10, 0, 0, 0, 10, 0, 0, 0, 10)},
		Nodes: []node{
			{Name: "mean", Op: "GlobalAveragePool", Inputs: []string{"x"}, Outputs: []string{"m"}},
			{Name: "flat", Op: "Flatten", Inputs: []string{"m"}, Outputs: []string{"f"}},
			{Name: "dense", Op: "Gemm", Inputs: []string{"f", "w"}, Outputs: []string{"y"}},
		},
		Metadata: map[string]string{
			model.KeyLabels: `[{"id":"r","label":"red"},{"id":"g","label":"green"},{"id":"b","label":"blue"}]`,
		},
	}
}

// withSoftmax ends m in probabilities.
func withSoftmax(m *onnxbuild.Model) *onnxbuild.Model {
	m.Nodes[2].Outputs = []string{"z"}
	m.Nodes = append(m.Nodes, node{Name: "prob", Op: "Softmax", Inputs: []string{"z"}, Outputs: []string{"y"}})
	return m
}

func load(t testing.TB, m *onnxbuild.Model, opts model.Options) *model.Model {
	t.Helper()
	loaded, err := model.Load(t.Context(), bytes.NewReader(m.Bytes()), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { loaded.Close() })
	return loaded
}

func loadError(t testing.TB, file []byte, opts model.Options) error {
	t.Helper()
	m, err := model.Load(t.Context(), bytes.NewReader(file), opts)
	if err == nil {
		m.Close()
	}
	return err
}

// plain is a picture of one colour.
func plain(r, g, b float32) model.Tensor {
	x := model.Tensor{Shape: []int{1, 3, 2, 2}}
	for _, v := range []float32{r, g, b} {
		x.Data = append(x.Data, v, v, v, v)
	}
	return x
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, p := range parts {
		if strings.Count(err.Error(), p) != 1 {
			t.Errorf("error %q does not say %q once", err, p)
		}
	}
}

// onEveryBackend runs a test once a backend.
func onEveryBackend(t *testing.T, test func(*testing.T, model.Options)) {
	t.Helper()
	for _, b := range model.Backends() {
		t.Run(b, func(t *testing.T) { test(t, model.Options{Backend: b}) })
	}
}

func TestAPictureIsClassified(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, opts model.Options) {
		m := load(t, colours(), opts)
		if !strings.HasPrefix(m.Backend(), opts.Backend) {
			t.Errorf("backend %q, want %q", m.Backend(), opts.Backend)
		}
		got, err := m.Classify(t.Context(), plain(0, 0.1, 0.2))
		if err != nil {
			t.Fatal(err)
		}
		// Softmax of 0, 1 and 2: 1, e and e² over their sum.
		sum := 1 + math.E + math.E*math.E
		want := []model.Prediction{
			{Index: 2, ID: "b", Label: "blue", Score: float32(math.E * math.E / sum)},
			{Index: 1, ID: "g", Label: "green", Score: float32(math.E / sum)},
			{Index: 0, ID: "r", Label: "red", Score: float32(1 / sum)},
		}
		for i, w := range want {
			g := got[i]
			if g.Index != w.Index || g.ID != w.ID || g.Label != w.Label || math.Abs(float64(g.Score-w.Score)) > 1e-6 {
				t.Errorf("prediction %d is %+v, want %+v", i, g, w)
			}
		}
	})
}

func TestRunGivesTheOutputAsItIs(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, opts model.Options) {
		y, err := load(t, colours(), opts).Run(t.Context(), plain(0.5, -0.25, 1))
		if err != nil || !slices.Equal(y.Shape, []int{1, 3}) || !slices.Equal(y.Data, []float32{5, -2.5, 10}) {
			t.Errorf("%v (%v), want 5, −2.5, 10", y, err)
		}
	})
}

func TestAnOutputIsTheCallersToKeep(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, opts model.Options) {
		m := load(t, colours(), opts)
		x := plain(1, 0, 0)
		first, err := m.Run(t.Context(), x)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Run(t.Context(), plain(0, 0, 1)); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(first.Data, []float32{10, 0, 0}) {
			t.Errorf("the first output became %v", first.Data)
		}
		if !slices.Equal(x.Data, plain(1, 0, 0).Data) {
			t.Errorf("the input became %v", x.Data)
		}
	})
}

func TestSoftmaxIsAppliedOnce(t *testing.T) {
	sum := 1 + math.E + math.E*math.E
	for _, c := range []struct {
		name   string
		model  *onnxbuild.Model
		output string // metadata
		want   float64
	}{
		{"logits by the last operator", colours(), "", math.E * math.E / sum},
		{"probabilities by the last operator", withSoftmax(colours()), "", math.E * math.E / sum},
		{"logits by the metadata", colours(), "logits", math.E * math.E / sum},
		{"probabilities by the metadata", colours(), "probabilities", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.output != "" {
				c.model.Metadata[model.KeyOutput] = c.output
			}
			p, err := load(t, c.model, model.Options{}).Classify(t.Context(), plain(0, 0.1, 0.2))
			if err != nil || math.Abs(float64(p[0].Score)-c.want) > 1e-6 {
				t.Errorf("best %v (%v), want %v", p, err, c.want)
			}
		})
	}
}

func TestHugeLogitsStayProbabilities(t *testing.T) {
	p, err := load(t, colours(), model.Options{}).Classify(t.Context(), plain(1e6, 0, -1e6))
	if err != nil || p[0].Score != 1 || p[2].Score != 0 {
		t.Errorf("%v (%v)", p, err)
	}
}

func TestEqualScoresKeepTheirOrder(t *testing.T) {
	p, err := load(t, colours(), model.Options{}).Classify(t.Context(), plain(0, 0, 0))
	if err != nil || p[0].Index != 0 || p[1].Index != 1 || p[2].Index != 2 {
		t.Errorf("%v (%v)", p, err)
	}
}

func TestNoNumberIsAnError(t *testing.T) {
	for name, v := range map[string]float64{"NaN": math.NaN(), "infinity": math.Inf(1)} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, colours(), model.Options{}).Classify(t.Context(), plain(0, float32(v), 0))
			wantError(t, err, "gave no number for class")
		})
	}
}

func TestInputsThatDoNotFitAreRefused(t *testing.T) {
	m := load(t, colours(), model.Options{})
	for want, x := range map[string]model.Tensor{
		"input of 3×2×2 where the model takes 1×3×2×2":   {Shape: []int{3, 2, 2}, Data: make([]float32, 12)},
		"input of 1×2×2×3 where the model takes 1×3×2×2": {Shape: []int{1, 2, 2, 3}, Data: make([]float32, 12)},
		"input of scalar where the model takes":          {},
		"11 numbers where 1×3×2×2 takes 12":              {Shape: []int{1, 3, 2, 2}, Data: make([]float32, 11)},
	} {
		_, err := m.Run(t.Context(), x)
		wantError(t, err, want)
	}
}

func TestLabels(t *testing.T) {
	mine := []model.Label{{ID: "1", Name: "a"}, {ID: "2", Name: "b"}, {ID: "3", Name: "c"}}
	bare := colours()
	delete(bare.Metadata, model.KeyLabels)
	for _, c := range []struct {
		name  string
		model *onnxbuild.Model
		given []model.Label
		want  string
	}{
		{"from the metadata", colours(), nil, "[{r red} {g green} {b blue}]"},
		{"given", colours(), mine, "[{1 a} {2 b} {3 c}]"},
		{"none", bare, nil, "[{0 class 0} {1 class 1} {2 class 2}]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := load(t, c.model, model.Options{Labels: c.given})
			if got := fmt.Sprint(m.Labels()); got != c.want {
				t.Errorf("labels %s, want %s", got, c.want)
			}
			m.Labels()[0].Name = "changed"
			if fmt.Sprint(m.Labels()) != c.want {
				t.Error("the model's own labels can be changed")
			}
		})
	}
	t.Run("given too few", func(t *testing.T) {
		wantError(t, loadError(t, colours().Bytes(), model.Options{Labels: mine[:2]}), "model: 2 labels for 3 outputs")
	})
}

func TestSpecComesFromTheMetadata(t *testing.T) {
	m := colours()
	for k, v := range map[string]string{
		model.KeyName: "Colours", model.KeyVersion: "2", model.KeyLicence: "MIT", model.KeySource: "here",
		model.KeySize: "2x2", model.KeyLayout: "NCHW", model.KeyChannels: "BGR",
		model.KeyScale: "1, 2,4", model.KeyOffset: "-0.5", model.KeyPreprocess: "keras", model.KeyCrop: "0.875",
	} {
		m.Metadata[k] = v
	}
	s := load(t, m, model.Options{}).Spec()
	if got, want := fmt.Sprint(s), "{Colours 2 MIT here {2 2 NCHW BGR [1 2 4] [-0.5 -0.5 -0.5] keras 0.875} true}"; got != want {
		t.Errorf("spec %s, want %s", got, want)
	}
}

func TestSpecHasDefaults(t *testing.T) {
	loaded := load(t, colours(), model.Options{})
	s := loaded.Spec()
	if got, want := fmt.Sprint(s), "{    {2 2 NCHW RGB [127.5 127.5 127.5] [-1 -1 -1] quality 0} true}"; got != want {
		t.Errorf("spec %s, want %s", got, want)
	}
	if got := loaded.InputShape(); !slices.Equal(got, []int{1, 3, 2, 2}) {
		t.Errorf("input shape %v", got)
	}
}

func TestMetadataThatContradictTheModelAreRefused(t *testing.T) {
	for _, c := range []struct{ key, value, want string }{
		{model.KeyLabels, `[{"id":"r","label":"red"}]`, "1 labels for 3 outputs"},
		{model.KeyLabels, `[]`, "0 labels for 3 outputs"},
		{model.KeyLabels, `null`, "0 labels for 3 outputs"},
		{model.KeyLabels, `{`, "metadata hamster.labels: "},
		{model.KeyLabels, `["red","green","blue"]`, "metadata hamster.labels: "},
		{model.KeySize, "4x2", `metadata hamster.input.size="4x2": the input is [1 3 2 2]`},
		{model.KeySize, "2", `metadata hamster.input.size="2": want width x height`},
		{model.KeySize, "2x2 ", `metadata hamster.input.size="2x2 ": want width x height`},
		{model.KeyLayout, "NHWC", `metadata hamster.input.layout="NHWC": the input is [1 3 2 2]`},
		{model.KeyChannels, "GRB", `input channels "GRB"`},
		{model.KeyScale, "0", "input scale"},
		{model.KeyScale, "NaN", "input scale"},
		{model.KeyScale, "1,2", `metadata hamster.input.scale="1,2": want one number or three`},
		{model.KeyScale, "much", `metadata hamster.input.scale="much"`},
		{model.KeyOffset, "1e99", `metadata hamster.input.offset="1e99"`},
		{model.KeyPreprocess, "best", `metadata hamster.preprocess="best"`},
		{model.KeyCrop, "0", `metadata hamster.input.crop="0": want a number over 0, up to 1`},
		{model.KeyCrop, "half", `metadata hamster.input.crop="half": want a number over 0, up to 1`},
		{model.KeyCrop, "1.5", "crop fraction 1.5: want 0 to 1"},
		{model.KeyOutput, "odds", `metadata hamster.output="odds": want logits or probabilities`},
	} {
		t.Run(c.key+"="+c.value, func(t *testing.T) {
			m := colours()
			m.Metadata[c.key] = c.value
			wantError(t, loadError(t, m.Bytes(), model.Options{}), "model: ", c.want)
		})
	}
}

func TestAnEmptyModeIsTheDefault(t *testing.T) {
	m := colours()
	m.Metadata[model.KeyPreprocess] = ""
	if got := load(t, m, model.Options{}).Spec().Input.Mode; got != "quality" {
		t.Errorf("mode %q", got)
	}
}

func TestSizesLeftOpenComeFromTheMetadata(t *testing.T) {
	m := colours()
	m.Inputs[0].Shape = []int{-1, -1, -1, -1}
	wantError(t, loadError(t, m.Bytes(), model.Options{}), `input "x": dimension 1 is symbolic`)
	m.Metadata[model.KeySize] = "6x4"
	loaded := load(t, m, model.Options{})
	if got := loaded.InputShape(); !slices.Equal(got, []int{1, 3, 4, 6}) {
		t.Errorf("input shape %v, want 1×3×4×6", got)
	}
}

func TestNHWCModelsAreRead(t *testing.T) {
	m := colours()
	m.Inputs[0].Shape = []int{-1, -1, -1, -1}
	m.Metadata[model.KeySize], m.Metadata[model.KeyLayout] = "6x4", "NHWC"
	m.Nodes[0].Inputs = []string{"t"}
	m.Nodes = slices.Insert(m.Nodes, 0, node{Name: "turn", Op: "Transpose", Inputs: []string{"x"}, Outputs: []string{"t"}, Attrs: attrs{"perm": []int{0, 3, 1, 2}}})
	loaded := load(t, m, model.Options{})
	if got, in := loaded.InputShape(), loaded.Spec().Input; !slices.Equal(got, []int{1, 4, 6, 3}) || in.Layout != "NHWC" || in.Width != 6 {
		t.Errorf("input shape %v, spec %+v", got, in)
	}
}

func TestModelsThatClassifyNoImagesAreRefused(t *testing.T) {
	relu := func(in ...int) []byte {
		return (&onnxbuild.Model{
			Opset: 13, Inputs: []value{{Name: "x", Shape: in}}, Outputs: []value{{Name: "y"}},
			Nodes: []node{{Name: "r", Op: "Relu", Inputs: []string{"x"}, Outputs: []string{"y"}}},
		}).Bytes()
	}
	two := colours()
	two.Inputs = append(two.Inputs, value{Name: "v", Shape: []int{1}})
	batch := colours()
	batch.Inputs[0].Shape = []int{2, 3, 2, 2}
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"a vector", relu(1, 3), "the input is [1 3]: one image of four dimensions is needed"},
		{"two images", batch.Bytes(), "the input is [2 3 2 2]: one image"},
		{"four channels", relu(1, 4, 2, 2), "the input is [1 4 2 2]: three channels are needed"},
		{"two inputs", two.Bytes(), "2 inputs where a classifier has one"},
		{"an image goes out", relu(1, 3, 2, 2), `output "y" is float32 1×3×2×2: a classifier gives one score for each class`},
	} {
		t.Run(c.name, func(t *testing.T) { wantError(t, loadError(t, c.file, model.Options{}), "model: ", c.want) })
	}
}

func TestFilesThatAreNoModelsAreToldApart(t *testing.T) {
	if err := loadError(t, []byte("<html>404</html>"), model.Options{}); !errors.Is(err, onnxfile.ErrNotONNX) {
		t.Errorf("HTML gives %v", err)
	}
	whole := colours().Bytes()
	err := loadError(t, whole[:len(whole)/2], model.Options{})
	wantError(t, err, "model: broken ONNX file", "cut off")
	m := colours()
	m.Nodes[1].Op = "Einsum"
	err = loadError(t, m.Bytes(), model.Options{})
	var unsupported *graph.UnsupportedError
	if !errors.As(err, &unsupported) || unsupported.Node != "flat" || unsupported.Op != "Einsum" {
		t.Errorf("an unknown operator gives %v", err)
	}
	wantError(t, err, "model: flat (Einsum): operator Einsum of ai.onnx 13 is not supported")
}

func TestAnUnknownBackendIsNamed(t *testing.T) {
	wantError(t, loadError(t, colours().Bytes(), model.Options{Backend: "warp"}), `model: backend "warp" is unknown: use auto, simd, gorgonia`)
}

func TestARefusalKeepsItsReason(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, opts model.Options) {
		_, err := model.Load(t.Context(), shrinking{bytes.NewReader(colours().Bytes())}, opts)
		wantError(t, err, "model: "+opts.Backend+": ")
		if !errors.Is(err, errGone) {
			t.Errorf("%v does not wrap its cause", err)
		}
	})
}

var errGone = errors.New("gone")

// shrinking is a source whose weights can no longer be read once its headers are.
type shrinking struct{ *bytes.Reader }

func (s shrinking) ReadAt(p []byte, off int64) (int, error) {
	if off > 0 && len(p) == 36 { // the weights: nine floats
		return 0, errGone
	}
	return s.Reader.ReadAt(p, off)
}

func TestAnEndedContextStopsLoadingAndRunning(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	onEveryBackend(t, func(t *testing.T, opts model.Options) {
		if _, err := model.Load(ended, bytes.NewReader(colours().Bytes()), opts); !errors.Is(err, context.Canceled) {
			t.Errorf("Load gives %v", err)
		}
		m := load(t, colours(), opts)
		if _, err := m.Classify(ended, plain(0, 0, 0)); !errors.Is(err, context.Canceled) {
			t.Errorf("Classify gives %v", err)
		}
		if _, err := m.Classify(t.Context(), plain(0, 0, 0)); err != nil {
			t.Errorf("the run after a cancelled one gives %v", err)
		}
	})
}

func TestWaitingForARunEndsWithItsContext(t *testing.T) {
	m := load(t, colours(), model.Options{})
	release := m.Occupy()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := m.Run(ctx, plain(0, 0, 0)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting gives %v", err)
	}
	release()
	if _, err := m.Run(t.Context(), plain(0, 0, 0)); err != nil {
		t.Errorf("the next run gives %v", err)
	}
}

func TestAClosedModelSaysSo(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, opts model.Options) {
		m := load(t, colours(), opts)
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Run(t.Context(), plain(0, 0, 0)); !errors.Is(err, model.ErrClosed) {
			t.Errorf("Run gives %v", err)
		}
		if _, err := m.Classify(t.Context(), plain(0, 0, 0)); !errors.Is(err, model.ErrClosed) {
			t.Errorf("Classify gives %v", err)
		}
		if err := m.Close(); err != nil {
			t.Errorf("a second Close gives %v", err)
		}
	})
}

func TestSeveralGoroutinesMayClassifyAndClose(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, opts model.Options) {
		m := load(t, colours(), opts)
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() {
				for k := range 20 {
					if i == 7 && k == 10 {
						m.Close()
					}
					x := plain(0, 0, 0)
					want := (i + k) % 3
					for p := range 4 {
						x.Data[4*want+p] = 1
					}
					p, err := m.Classify(t.Context(), x)
					if errors.Is(err, model.ErrClosed) {
						return
					}
					if err != nil || p[0].Index != want {
						t.Errorf("class %v (%v), want %d", p, err, want)
					}
				}
			})
		}
		group.Wait()
	})
}

func TestMemoryIsFlatOverTwentyRuns(t *testing.T) {
	m := colours()
	// A convolution on 128×128 pixels: 64 channels take 4 MB.
	m.Inputs[0].Shape = []int{1, 3, 128, 128}
	m.Tensors = append(m.Tensors,
		onnxbuild.Floats("k", []int{64, 3, 3, 3}, make([]float32, 64*27)...),
		onnxbuild.Floats("l", []int{3, 64, 1, 1}, make([]float32, 3*64)...))
	m.Nodes[0].Inputs = []string{"b"}
	m.Nodes = append([]node{
		{Name: "up", Op: "Conv", Inputs: []string{"x", "k"}, Outputs: []string{"a"}, Attrs: attrs{"pads": []int{1, 1, 1, 1}}},
		{Name: "down", Op: "Conv", Inputs: []string{"a", "l"}, Outputs: []string{"b"}},
	}, m.Nodes...)
	onEveryBackend(t, func(t *testing.T, opts model.Options) {
		loaded := load(t, m, opts)
		x := model.Tensor{Shape: []int{1, 3, 128, 128}, Data: make([]float32, 3*128*128)}
		runs := func(n int) uint64 {
			for range n {
				if _, err := loaded.Classify(t.Context(), x); err != nil {
					t.Fatal(err)
				}
			}
			runtime.GC()
			var s runtime.MemStats
			runtime.ReadMemStats(&s)
			return s.HeapAlloc
		}
		before := runs(3)
		if after := runs(20); after > before+1<<20 {
			t.Errorf("the heap grew from %d to %d bytes", before, after)
		}
	})
}

// fleeting is a file that nobody can read any more once it is gone.
type fleeting struct {
	*bytes.Reader
	gone bool
}

func (f *fleeting) ReadAt(p []byte, at int64) (int, error) {
	if f.gone {
		return 0, errors.New("the file is gone")
	}
	return f.Reader.ReadAt(p, at)
}

func TestAModelPractisesWithoutItsFileAndComesToAnEnd(t *testing.T) {
	for backend, want := range map[string]bool{"simd": true, "gorgonia": false} {
		file := &fleeting{Reader: bytes.NewReader(colours().Bytes())}
		m, err := model.Load(t.Context(), file, model.Options{Backend: backend})
		if err != nil {
			t.Fatal(err)
		}
		file.gone = true
		rounds := 0
		for more := true; more; rounds++ {
			if more, err = m.Practise(t.Context()); err != nil || rounds == 100 {
				t.Fatalf("%s: round %d: %v", backend, rounds, err)
			}
		}
		if got := rounds > 1; got != want {
			t.Errorf("%s practises %d rounds", backend, rounds)
		}
		if more, err := m.Practise(t.Context()); more || err != nil {
			t.Errorf("%s: after the end: %v, %v", backend, more, err)
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Practise(t.Context()); !errors.Is(err, model.ErrClosed) {
			t.Errorf("%s: closed: %v", backend, err)
		}
	}
}
