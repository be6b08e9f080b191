package gorgonia

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"hamster/model/conformance"
	"hamster/model/conformance/onnxbuild"
	"hamster/model/graph"
	"hamster/model/onnxfile"
)

// setWorkers makes a program use so many goroutines, whatever the machine has.
func setWorkers(p *Program, n int) { p.pool.workers = make([]scratch, n) }

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

// chain is x → op → op → … → y, of n elements.
func chain(n int, ops ...string) []byte {
	m := onnxbuild.Model{
		Opset:   13,
		Inputs:  []onnxbuild.Value{{Name: "x", Shape: []int{1, n}}},
		Outputs: []onnxbuild.Value{{Name: "y", Shape: []int{1, n}}},
	}
	name := "x"
	for i, op := range ops {
		out := "v" + string(rune('a'+i))
		if i == len(ops)-1 {
			out = "y"
		}
		m.Nodes = append(m.Nodes, onnxbuild.Node{Name: "n" + out, Op: op, Inputs: []string{name}, Outputs: []string{out}})
		name = out
	}
	return m.Bytes()
}

func TestMemoryDoesNotGrowOverTwentyRuns(t *testing.T) {
	ctx := context.Background()
	var programs []*Program
	var inputs [][][]float32
	for seed := range uint64(10) {
		model := conformance.RandomGraph(seed)
		g, err := conformance.Import(model)
		if err != nil {
			t.Fatal(err)
		}
		programs = append(programs, mustCompile(t, model))
		inputs = append(inputs, conformance.RandomInputs(g, seed))
	}
	run := func() {
		for i, p := range programs {
			if _, err := p.Run(ctx, inputs[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
	run()
	before := heapInUse()
	for range 20 {
		run()
	}
	const bound = 64 << 10
	if after := heapInUse(); after > before+bound {
		t.Errorf("the heap grew from %d to %d bytes", before, after)
	}
}

func TestInceptionKeepsItsMemoryOverTwentyRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	p, x := compileInception(t)
	run := func() {
		if _, err := p.Run(context.Background(), [][]float32{x}); err != nil {
			t.Fatal(err)
		}
	}
	run()
	before := heapInUse()
	for range 20 {
		run()
	}
	const bound = 256 << 10
	if after := heapInUse(); after > before+bound {
		t.Errorf("the heap grew from %d to %d bytes", before, after)
	}
	// The weights once, 89.6 MB, and activations.
	const whole = 130 << 20
	if before > whole {
		t.Errorf("the program holds %d MiB, want at most %d", before>>20, whole>>20)
	}
	t.Logf("%d MiB in use", before>>20)
}

func heapInUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// endsAfter is a context that is cancelled after it was asked n times.
type endsAfter struct {
	context.Context
	n int
}

func (c *endsAfter) Err() error {
	if c.n--; c.n < 0 {
		return context.Canceled
	}
	return nil
}

func TestARunEndsBetweenOperatorsAndTheNextOneWorks(t *testing.T) {
	p := mustCompile(t, chain(4, "Relu", "Exp", "Tanh", "Sigmoid"))
	x := [][]float32{{1, 2, 3, 4}}
	want, err := p.Run(context.Background(), x)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 4 {
		if _, err := p.Run(&endsAfter{context.Background(), n}, x); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled after %d: %v", n, err)
		}
		if got, err := p.Run(context.Background(), x); err != nil || !slices.Equal(got[0], want[0]) {
			t.Errorf("afterwards: %v, %v", got, err)
		}
	}
}

func TestCompilingEndsWithTheContext(t *testing.T) {
	g, err := conformance.Import(chain(4, "Relu"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Compile(ctx, g); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestAPanicInAnOperatorIsAnErrorThatNamesTheNode(t *testing.T) {
	p := mustCompile(t, chain(4, "Relu", "Exp"))
	x := [][]float32{{1, 2, 3, 4}}
	good := p.ops[1].step
	for name, do := range map[string]func([]float32, [][]float32){
		"at once": func([]float32, [][]float32) { panic("broken") },
		"on a worker": func([]float32, [][]float32) {
			setWorkers(p, 3)
			p.pool.each(7, func(i int, _ *scratch) {
				if i == 5 {
					panic("broken")
				}
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			bad := *good
			bad.do = do
			p.ops[1].step = &bad
			_, err := p.Run(context.Background(), x)
			wantError(t, err, "ny (Exp)", "broken")
			p.ops[1].step = good
			if _, err := p.Run(context.Background(), x); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRunsFromManyGoroutinesDoNotMix(t *testing.T) {
	p := mustCompile(t, chain(64, "Relu", "Identity", "Relu"))
	var wg sync.WaitGroup
	for k := range 8 {
		wg.Go(func() {
			x := make([]float32, 64)
			for i := range x {
				x[i] = float32(k)
			}
			for range 20 {
				got, err := p.Run(context.Background(), [][]float32{x})
				if err != nil || !slices.Equal(got[0], x) {
					t.Errorf("goroutine %d: %v, %v", k, got, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestOutputsAreCopies(t *testing.T) {
	for _, ops := range [][]string{{"Relu"}, {"Identity"}} {
		p := mustCompile(t, chain(2, ops...))
		first, err := p.Run(context.Background(), [][]float32{{1, 2}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Run(context.Background(), [][]float32{{3, 4}}); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(first[0], []float32{1, 2}) {
			t.Errorf("%v: the second run changed the first's output to %v", ops, first[0])
		}
	}
}

func TestInputsOfTheWrongNumberOrSizeAreRefused(t *testing.T) {
	p := mustCompile(t, chain(2, "Relu"))
	_, err := p.Run(context.Background(), nil)
	wantError(t, err, "0 inputs", "has 1")
	_, err = p.Run(context.Background(), [][]float32{{1, 2, 3}})
	wantError(t, err, `"x"`, "3 elements", "1×2 has 2")
}

func TestAClosedProgramSaysSo(t *testing.T) {
	p := mustCompile(t, chain(2, "Relu"))
	for range 2 {
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.Run(context.Background(), [][]float32{{1, 2}}); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

func TestANodeThatCannotBeLoweredIsNamed(t *testing.T) {
	x := &graph.Value{Name: "x", DType: onnxfile.Float32, Shape: []int{2}}
	y := &graph.Value{Name: "y", DType: onnxfile.Float32, Shape: []int{2}}
	n := &graph.Node{Name: "mystery", Op: "Frobnicate", Inputs: []*graph.Value{x}, Outputs: []*graph.Value{y}}
	y.Producer = n
	g := &graph.Graph{Opset: 13, Inputs: []*graph.Value{x}, Outputs: []*graph.Value{y}, Nodes: []*graph.Node{n}}
	wantError(t, compileError(g), "mystery", "Frobnicate", "13")

	n.Op, y.DType = "Relu", onnxfile.Float16
	wantError(t, compileError(g), "mystery", "Relu", "13", "float16")

	y.DType, x.DType = onnxfile.Float32, onnxfile.Int64
	wantError(t, compileError(g), `"x"`, "int64")
}

func TestAbsurdActivationsAreRefusedBeforeAllocation(t *testing.T) {
	m := onnxbuild.Model{
		Opset:   13,
		Inputs:  []onnxbuild.Value{{Name: "x", Shape: []int{1, 1}}},
		Outputs: []onnxbuild.Value{{Name: "y", Shape: []int{20001, 20001}}},
		Tensors: []*onnxfile.Tensor{onnxbuild.Ints("pads", []int{4}, 10000, 10000, 10000, 10000)},
		Nodes:   []onnxbuild.Node{{Op: "Pad", Inputs: []string{"x", "pads"}, Outputs: []string{"y"}}},
	}
	g, err := conformance.Import(m.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, compileError(g), "1526 MiB")

	m.Inputs[0].Shape = []int{20001, 20001}
	m.Tensors[0] = onnxbuild.Ints("pads", []int{4}, 0, 0, 0, 0)
	if g, err = conformance.Import(m.Bytes()); err != nil {
		t.Fatal(err)
	}
	wantError(t, compileError(g), `"x"`, "1526 MiB")
}

func TestTooManyOperatorsAreRefused(t *testing.T) {
	x := &graph.Value{Name: "x", DType: onnxfile.Float32, Shape: []int{1}}
	g := &graph.Graph{Opset: 13, Inputs: []*graph.Value{x}}
	last := x
	for range maxSteps + 1 {
		v := &graph.Value{Name: "v", DType: onnxfile.Float32, Shape: []int{1}}
		v.Producer = &graph.Node{Name: "n", Op: "Relu", Inputs: []*graph.Value{last}, Outputs: []*graph.Value{v}}
		g.Nodes = append(g.Nodes, v.Producer)
		last = v
	}
	g.Outputs = []*graph.Value{last}
	wantError(t, compileError(g), "10001 operators", "10000")
}

func TestEqualHashesAreNoticed(t *testing.T) {
	g := G.NewGraph()
	leaf := func(name string) *G.Node {
		return G.NewTensor(g, tensor.Float32, 1, G.WithShape(2), G.WithName(name))
	}
	a, b := leaf("a"), leaf("b")
	if !distinct(G.Nodes{a, b}) {
		t.Error("two nodes are taken for one")
	}
	if distinct(G.Nodes{a, b, a}) {
		t.Error("a hash that comes twice is not noticed")
	}
}
