package simd

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hamster/model/conformance"
	"hamster/model/conformance/onnxbuild"
	"hamster/model/graph"
	"hamster/model/onnxfile"
	"hamster/model/simd/kernel"
	"hamster/model/simd/simdtest"
	"hamster/preprocess"
)

// small is a model of one convolution and a pool: 3×9×9 in, a row of 5 out.
func small(tb testing.TB) *graph.Graph { return smallOf(tb, "conv") }

// smallOf gives the first node a name, whose length decides where weights lie in the file.
func smallOf(tb testing.TB, node string) *graph.Graph {
	tb.Helper()
	w := make([]float32, 5*3*3*3)
	for i := range w {
		w[i] = float32(i%7)/7 - 0.4
	}
	m := onnxbuild.Model{
		Opset:   13,
		Inputs:  []onnxbuild.Value{{Name: "x", Shape: []int{1, 3, 9, 9}}},
		Outputs: []onnxbuild.Value{{Name: "y", Shape: []int{1, 5}}},
		Tensors: []*onnxfile.Tensor{onnxbuild.Floats("w", []int{5, 3, 3, 3}, w...)},
		Nodes: []onnxbuild.Node{
			{Name: node, Op: "Conv", Inputs: []string{"x", "w"}, Outputs: []string{"a"}, Attrs: onnxbuild.Attrs{"pads": []int{1, 1, 1, 1}}},
			{Name: "mean", Op: "GlobalAveragePool", Inputs: []string{"a"}, Outputs: []string{"b"}},
			{Name: "flat", Op: "Flatten", Inputs: []string{"b"}, Outputs: []string{"y"}},
		},
	}
	return imported(tb, m.Bytes())
}

func imported(tb testing.TB, model []byte) *graph.Graph {
	tb.Helper()
	g, err := conformance.Import(model)
	if err != nil {
		tb.Fatal(err)
	}
	return g
}

const smallLen = 3 * 9 * 9

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

func TestRunsFromManyGoroutinesDoNotMix(t *testing.T) {
	e := engine(t, small(t), Config{})
	var inputs, want [][]float32
	for k := range 8 {
		x := wave(smallLen)
		for i := range x {
			x[i] *= float32(k)
		}
		inputs, want = append(inputs, x), append(want, one(t, e, x))
	}
	var wg sync.WaitGroup
	for k := range inputs {
		wg.Go(func() {
			for range 20 {
				got, err := e.Run(context.Background(), [][]float32{inputs[k]})
				if err != nil || !slices.Equal(got[0], want[k]) {
					t.Errorf("input %d: %v, %v; want %v", k, got, err, want[k])
				}
			}
		})
	}
	wg.Wait()
}

func TestOutputsAreCopies(t *testing.T) {
	e := engine(t, small(t), Config{})
	first := one(t, e, wave(smallLen))
	kept := slices.Clone(first)
	one(t, e, make([]float32, smallLen))
	if !slices.Equal(first, kept) {
		t.Error("the second run changed the first's output")
	}
}

func TestInputsOfTheWrongNumberOrSizeAreRefused(t *testing.T) {
	e := engine(t, small(t), Config{})
	ctx := context.Background()
	for _, inputs := range [][][]float32{nil, {}, {nil}, {make([]float32, smallLen-1)}, {make([]float32, smallLen+1)}, {make([]float32, smallLen), nil}} {
		_, err := e.Run(ctx, inputs)
		wantError(t, err, "simd", "243")
	}
	one(t, e, wave(smallLen))
}

func TestACancelledContextEndsNothingButItsOwnRun(t *testing.T) {
	g := small(t)
	e := engine(t, g, Config{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := e.Run(ctx, [][]float32{wave(smallLen)}); !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
	if _, err := New(ctx, g, Config{}); !errors.Is(err, context.Canceled) {
		t.Errorf("New: %v", err)
	}
	if _, err := Compile(ctx, g, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Compile: %v", err)
	}
	one(t, e, wave(smallLen))
}

func TestAClosedEngineSaysSo(t *testing.T) {
	e := engine(t, small(t), Config{})
	for range 2 {
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	ctx := context.Background()
	_, err := e.Run(ctx, [][]float32{wave(smallLen)})
	wantError(t, err, "closed")
	_, err = e.RunPrepared(ctx)
	wantError(t, err, "closed")
	wantError(t, e.Prepare(ctx, pattern(9, 9), spec9, preprocess.Keras), "closed")
	if e.Describe() == "" || e.Compiled() == nil {
		t.Error("a closed engine does not describe itself")
	}
}

var spec9 = preprocess.Spec{
	Width: 9, Height: 9, Layout: preprocess.NCHW, Channels: preprocess.RGB, Scale: [3]float32{255, 255, 255},
}

func TestAPreparedImageServesOneRun(t *testing.T) {
	e := engine(t, small(t), Config{})
	ctx := context.Background()
	prepare := func() {
		t.Helper()
		if err := e.Prepare(ctx, pattern(40, 30), spec9, preprocess.Keras); err != nil {
			t.Fatal(err)
		}
	}
	refused := func(when string) {
		t.Helper()
		if _, err := e.RunPrepared(ctx); err == nil || !strings.Contains(err.Error(), "no image") {
			t.Errorf("%s: got %v", when, err)
		}
	}
	refused("before any image")
	prepare()
	first, err := e.RunPrepared(ctx)
	if err != nil {
		t.Fatal(err)
	}
	refused("a second time")
	prepare()
	one(t, e, wave(smallLen))
	refused("after another run")
	prepare()
	if err := e.Prepare(ctx, pattern(40, 30), preprocess.Spec{}, preprocess.Keras); err == nil {
		t.Fatal("no error")
	}
	prepare()
	again, err := e.RunPrepared(ctx)
	if err != nil || !slices.Equal(first[0], again[0]) {
		t.Errorf("%v, %v, want %v", again, err, first)
	}
}

func TestSeveralOutputsComeInOrder(t *testing.T) {
	m := onnxbuild.Model{
		Opset:   13,
		Inputs:  []onnxbuild.Value{{Name: "x", Shape: []int{1, 2, 1, 2}}},
		Outputs: []onnxbuild.Value{{Name: "c", Shape: []int{1, 2, 1, 2}}, {Name: "a", Shape: []int{1, 2, 1, 2}}, {Name: "x", Shape: []int{1, 2, 1, 2}}},
		Nodes: []onnxbuild.Node{
			{Op: "Relu", Inputs: []string{"x"}, Outputs: []string{"a"}},
			{Op: "Add", Inputs: []string{"a", "a"}, Outputs: []string{"b"}},
			{Op: "Add", Inputs: []string{"b", "x"}, Outputs: []string{"c"}},
		},
	}
	e := engine(t, imported(t, m.Bytes()), Config{})
	got, err := e.Run(context.Background(), [][]float32{{1, -2, 3, 4}})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]float32{{3, -2, 9, 12}, {1, 0, 3, 4}, {1, -2, 3, 4}} {
		if !slices.Equal(got[i], want) {
			t.Errorf("output %d is %v, want %v", i, got[i], want)
		}
	}
}

func TestStoredWeightsAreStagedAsFarPastAWordAsInTheirFile(t *testing.T) {
	var want []float32
	offsets := map[int64]bool{}
	for length := 1; length <= 8; length++ {
		g := smallOf(t, strings.Repeat("n", length))
		c, err := Compile(t.Context(), g, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range c.Packs[0].Loads {
			if at := l.Tensor.Range.Offset; int64(l.Addr)%8 != at%8 {
				t.Errorf("%d in the file, %d in the memory", at, l.Addr)
			} else {
				offsets[at%8] = true
			}
		}
		got := one(t, engine(t, g, Config{Threads: 1}), wave(smallLen))
		if want == nil {
			want = got
		} else if !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	if len(offsets) != 8 {
		t.Errorf("only %v were tried", offsets)
	}
}

func TestAStandAloneModuleCarriesNoKernelsForPictures(t *testing.T) {
	ctx, g := context.Background(), small(t)
	whole, err := Compile(ctx, g, Options{})
	if err != nil {
		t.Fatal(err)
	}
	alone, err := Standalone(ctx, g, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range imageSteps {
		name := s.Kernel().Name(whole.builder.Options())
		if !slices.Contains(whole.Kernels, name) {
			t.Errorf("the engine's module lacks %s", name)
		}
		if _, reads := s.(kernel.Copy); !reads && slices.Contains(alone.Kernels, name) {
			t.Errorf("the stand-alone module has %s", name)
		}
	}
	if alone.Pages >= whole.Pages {
		t.Errorf("the stand-alone module takes %d pages, and the engine's %d", alone.Pages, whole.Pages)
	}
}

// hostile are models of a few hundred bytes that ask for too much.
var hostile = []struct {
	name  string
	x, y  []int
	nodes []onnxbuild.Node
	// says is what the error must name.
	says []string
}{
	{"activations of more than memory", []int{1, 1, 20000, 20000}, []int{1, 1, 20000, 20000},
		[]onnxbuild.Node{{Name: "huge", Op: "LeakyRelu", Inputs: []string{"x"}, Outputs: []string{"y"}}},
		[]string{"MB of memory", "at most 1791 are supported", "20000×20000×1"}},
	{"a border of more than memory", []int{1, 1, 1, 1}, []int{1, 1, 3, 3},
		[]onnxbuild.Node{{Name: "huge", Op: "Conv", Inputs: []string{"x", "w"}, Outputs: []string{"y"},
			Attrs: onnxbuild.Attrs{"pads": []int{32768, 32768, 32768, 32768}, "strides": []int{32768, 32768}}}},
		[]string{"MB of memory", "at most 1791", `x[1×1×1]`}},
	{"a convolution of more pixels than tables hold", []int{1, 1, 4500, 4500}, []int{1, 1, 4500, 4500},
		[]onnxbuild.Node{{Name: "huge", Op: "Conv", Inputs: []string{"x", "w"}, Outputs: []string{"y"}}},
		[]string{"huge (Conv)", "opset 13", "4500×4500 pixels", "at most 16777216"}},
	{"a constant on too many channels", []int{1, 100_000_000, 1, 1}, []int{1, 100_000_000, 1, 1},
		[]onnxbuild.Node{{Name: "huge", Op: "Add", Inputs: []string{"x", "one"}, Outputs: []string{"y"}}},
		[]string{"huge (Add)", "opset 13", "100000000 channels", "at most 1048576"}},
	{"a softmax of millions of rows beside a border", []int{1, 2, 4_000_000, 1}, []int{1, 2, 4_000_000, 1},
		[]onnxbuild.Node{
			{Name: "huge", Op: "Softmax", Inputs: []string{"x"}, Outputs: []string{"s"}, Attrs: onnxbuild.Attrs{"axis": 1}},
			{Name: "conv", Op: "Conv", Inputs: []string{"s", "v"}, Outputs: []string{"y"}, Attrs: onnxbuild.Attrs{"pads": []int{1, 1, 1, 1}}},
		},
		[]string{"huge (Softmax)", "opset 13", "4000000 rows", "at most 4096"}},
}

func hostileModel(i int) []byte {
	c := hostile[i]
	m := onnxbuild.Model{
		Opset: 13, Nodes: c.nodes,
		Inputs:  []onnxbuild.Value{{Name: "x", Shape: c.x}},
		Outputs: []onnxbuild.Value{{Name: "y", Shape: c.y}},
		Tensors: []*onnxfile.Tensor{
			onnxbuild.Floats("w", []int{1, 1, 1, 1}, 1), onnxbuild.Floats("one", []int{}, 1),
			onnxbuild.Floats("v", []int{2, 2, 3, 3}, make([]float32, 36)...),
		},
	}
	return m.Bytes()
}

func TestModelsThatAskForTooMuchAreRefusedAtOnce(t *testing.T) {
	for i, c := range hostile {
		t.Run(c.name, func(t *testing.T) {
			g := imported(t, hostileModel(i))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := time.Now()
			_, err := Compile(context.Background(), g, Options{})
			runtime.ReadMemStats(&after)
			wantError(t, err, append(c.says, "simd")...)
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("took %v", took)
			}
			const bound = 16 << 20
			if n := after.TotalAlloc - before.TotalAlloc; n > bound {
				t.Errorf("took %d MB of Go's memory", n>>20)
			}
		})
	}
}

func TestTooManyOperatorsAreRefused(t *testing.T) {
	m := onnxbuild.Model{
		Opset:   13,
		Inputs:  []onnxbuild.Value{{Name: "v0", Shape: []int{1, 1}}},
		Outputs: []onnxbuild.Value{{Name: fmt.Sprintf("v%d", maxOperators+1), Shape: []int{1, 1}}},
	}
	for i := range maxOperators + 1 {
		m.Nodes = append(m.Nodes, onnxbuild.Node{
			Op: "Sigmoid", Inputs: []string{fmt.Sprintf("v%d", i)}, Outputs: []string{fmt.Sprintf("v%d", i+1)},
		})
	}
	_, err := Compile(context.Background(), imported(t, m.Bytes()), Options{})
	wantError(t, err, "20001 operators", "at most 20000")
}

func TestTooManyStepsAreRefused(t *testing.T) {
	// A softmax beside a border takes a step for each row.
	const pairs = maxSteps/4096 + 1
	m := onnxbuild.Model{
		Opset:   13,
		Inputs:  []onnxbuild.Value{{Name: "v0", Shape: []int{1, 2, 4096, 1}}},
		Outputs: []onnxbuild.Value{{Name: fmt.Sprintf("v%d", pairs), Shape: []int{1, 2, 4096, 1}}},
		Tensors: []*onnxfile.Tensor{onnxbuild.Floats("w", []int{2, 2, 3, 3}, make([]float32, 36)...)},
	}
	for i := range pairs {
		x, s, y := fmt.Sprintf("v%d", i), fmt.Sprintf("s%d", i), fmt.Sprintf("v%d", i+1)
		m.Nodes = append(m.Nodes,
			onnxbuild.Node{Name: s, Op: "Softmax", Inputs: []string{x}, Outputs: []string{s}, Attrs: onnxbuild.Attrs{"axis": 1}},
			onnxbuild.Node{Name: y, Op: "Conv", Inputs: []string{s, "w"}, Outputs: []string{y}, Attrs: onnxbuild.Attrs{"pads": []int{1, 1, 1, 1}}})
	}
	_, err := Compile(context.Background(), imported(t, m.Bytes()), Options{})
	wantError(t, err, "simd: ", fmt.Sprintf("s%d (Softmax)", pairs-2), "opset 13", "more than 262144 steps")
}

func TestAsManyOperatorsAsAreSupportedCompileSoon(t *testing.T) {
	m := onnxbuild.Model{
		Opset:   13,
		Inputs:  []onnxbuild.Value{{Name: "v0", Shape: []int{1, 1}}},
		Outputs: []onnxbuild.Value{{Name: fmt.Sprintf("v%d", maxOperators), Shape: []int{1, 1}}},
	}
	for i := range maxOperators {
		m.Nodes = append(m.Nodes, onnxbuild.Node{
			Op: "Sigmoid", Inputs: []string{fmt.Sprintf("v%d", i)}, Outputs: []string{fmt.Sprintf("v%d", i+1)},
		})
	}
	g := imported(t, m.Bytes())
	began := time.Now()
	c, err := Compile(context.Background(), g, Options{})
	if err != nil || len(c.Steps()) != maxOperators {
		t.Fatalf("%d steps, %v", len(c.Steps()), err)
	}
	// Less than a second, unless the time grows with the square of their number.
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("took %v", took)
	}
}

// FuzzCompile compiles whatever imports as a graph, and runs what is small: that
// Compile names a limit is fine; another error, a panic, a module that is not
// valid, and addresses outside of memory are not.
func FuzzCompile(f *testing.F) {
	for seed := range uint64(6) {
		f.Add(simdtest.Blocks(seed), false, false)
		f.Add(conformance.RandomGraph(seed), true, true)
	}
	for i := range hostile {
		f.Add(hostileModel(i), true, false)
	}
	f.Fuzz(func(t *testing.T, model []byte, relaxed, threads bool) {
		g, err := conformance.Import(model)
		if err != nil {
			return
		}
		c, err := Compile(context.Background(), g, Options{Relaxed: relaxed, Threads: threads})
		if err != nil {
			if !strings.HasPrefix(err.Error(), "simd: ") || !isLimit(err) {
				t.Errorf("%v is no limit of the engine's", err)
			}
			return
		}
		inside := func(what string, addr, n uint32) {
			if int64(addr)+int64(n) > int64(c.Pages)*pageSize {
				t.Errorf("%s at %d, %d bytes long, in %d pages", what, addr, n, c.Pages)
			}
		}
		inside("the input", c.Input.Addr, c.Input.Len)
		inside("the scratch area", c.Scratch.Addr, c.Scratch.Len)
		for _, r := range c.Outputs {
			inside("an output", r.Addr, r.Len)
		}
		for _, s := range c.Image {
			inside("constants", s.Addr, uint32(len(s.Data)))
		}
		for _, p := range c.Packs {
			inside("a program", p.Image.Addr, uint32(len(p.Image.Data)))
			for _, l := range p.Loads {
				inside("weights", l.Addr, uint32(l.Tensor.Bytes()))
			}
		}
		const small = 300 // pages
		if c.Pages > small {
			return
		}
		e, err := New(context.Background(), g, Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		if _, err := e.Run(context.Background(), conformance.RandomInputs(g, 1)); err != nil {
			t.Error(err)
		}
	})
}
