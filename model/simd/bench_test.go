package simd

import (
	"context"
	"os"
	"testing"

	"hamster/model/graph"
	"hamster/model/simd/ir"
	"hamster/model/simd/kernel"
	"hamster/model/simd/simdtest"
)

// The stages from an imported graph to a module, each alone, on the default
// model.

func benchGraph(b *testing.B) *graph.Graph {
	b.Helper()
	file, err := os.ReadFile(simdtest.ModelPath(b))
	if err != nil {
		b.Fatal(err)
	}
	return imported(b, file)
}

func benchLowered(b *testing.B, g *graph.Graph) *ir.Graph {
	b.Helper()
	low, err := ir.Lower(g)
	if err != nil {
		b.Fatal(err)
	}
	return low
}

func BenchmarkLower(b *testing.B) {
	g := benchGraph(b)
	b.ReportAllocs()
	for b.Loop() {
		benchLowered(b, g)
	}
}

// BenchmarkPass runs each pass on what those before it have left, as Optimise
// does.
func BenchmarkPass(b *testing.B) {
	g := benchGraph(b)
	for i, pass := range ir.Passes {
		b.Run(pass.Name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				low := benchLowered(b, g)
				for _, earlier := range ir.Passes[:i] {
					earlier.Run(low)
				}
				b.StartTimer()
				pass.Run(low)
			}
		})
	}
}

func benchCompiler(b *testing.B, g *graph.Graph) *compiler {
	b.Helper()
	low := benchLowered(b, g)
	ir.Optimise(low, nil)
	return &compiler{
		g: low, src: g, bufs: buffers(low), b: kernel.NewBuilder(kernel.Options{}), tables: map[uint64][]Region{},
	}
}

func BenchmarkPlan(b *testing.B) {
	g := benchGraph(b)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		c := benchCompiler(b, g)
		b.StartTimer()
		if _, err := c.plan(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEmit emits steps, tables and kernels, and encodes the module; it plans
// too, which takes next to nothing.
func BenchmarkEmit(b *testing.B) {
	g := benchGraph(b)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		c := benchCompiler(b, g)
		b.StartTimer()
		if _, err := c.compile(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRun is an inference on the engine that runs natively, without relaxed
// SIMD.
func BenchmarkRun(b *testing.B) {
	g := benchGraph(b)
	e, err := New(context.Background(), g, Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	x := make([]float32, g.Inputs[0].Len())
	for b.Loop() {
		if _, err := e.Run(context.Background(), [][]float32{x}); err != nil {
			b.Fatal(err)
		}
	}
}
