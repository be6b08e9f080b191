package model_test

import (
	"bytes"
	"context"
	"os"
	"testing"

	"hamster/model/explain"
	"hamster/model/graph"
	"hamster/model/onnxfile"
	"hamster/model/simd"
	"hamster/model/simd/ir"
	"hamster/model/simd/simdtest"
)

// The stages from a file to an engine, each alone, on the default model. What
// only a browser can tell is measured by hamster bench.

func BenchmarkParse(b *testing.B) {
	file := defaultModel(b)
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		parsed(b, file)
	}
}

func BenchmarkImport(b *testing.B) {
	f := parsed(b, defaultModel(b))
	b.ReportAllocs()
	for b.Loop() {
		imported(b, f)
	}
}

func BenchmarkLowerAndOptimise(b *testing.B) {
	g := imported(b, parsed(b, defaultModel(b)))
	b.ReportAllocs()
	for b.Loop() {
		low, err := ir.Lower(g)
		if err != nil {
			b.Fatal(err)
		}
		ir.Optimise(low, nil)
	}
}

// BenchmarkFindHead is what a model's explanations take of its start.
func BenchmarkFindHead(b *testing.B) {
	g := imported(b, parsed(b, defaultModel(b)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := explain.Find(g); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCompile lowers and optimises too; then it plans the memory and emits
// the module.
func BenchmarkCompile(b *testing.B) {
	g := imported(b, parsed(b, defaultModel(b)))
	for _, c := range []struct {
		name string
		opts simd.Options
	}{
		{"simd128", simd.Options{}},
		{"relaxed", simd.Options{Relaxed: true}},
		{"relaxed and threads", simd.Options{Relaxed: true, Threads: true}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := simd.Compile(context.Background(), g, c.opts); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func defaultModel(b *testing.B) []byte {
	b.Helper()
	file, err := os.ReadFile(simdtest.ModelPath(b))
	if err != nil {
		b.Fatal(err)
	}
	return file
}

func parsed(b *testing.B, file []byte) *onnxfile.File {
	b.Helper()
	f, err := onnxfile.Parse(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		b.Fatal(err)
	}
	return f
}

func imported(b *testing.B, f *onnxfile.File) *graph.Graph {
	b.Helper()
	g, err := graph.Import(f, nil)
	if err != nil {
		b.Fatal(err)
	}
	return g
}
