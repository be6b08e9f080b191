package kernel

import (
	"context"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"hamster/model/simd/kernel/kerneltest"
)

func TestBenchProgramsRun(t *testing.T) {
	for _, h := range hosts() {
		for _, relaxed := range []bool{false, true} {
			if relaxed && !h.Relaxed() {
				continue
			}
			bench, err := NewBench(Options{Relaxed: relaxed})
			if err != nil {
				t.Fatal(err)
			}
			c := kerneltest.Case{Wasm: bench.Wasm, Memory: bench.Image}
			for _, e := range bench.Entries {
				// The larger layers take the kernels of the smaller.
				if e.MACs < 60e6 {
					c.Programs = append(c.Programs, e.Program)
				}
			}
			if _, err := h.Run(c); err != nil {
				t.Error(err)
			}
		}
	}
}

// BenchmarkKernel runs each kernel on wazero, which has no relaxed SIMD. GMAC/s
// count what a direct convolution would take, as everywhere.
func BenchmarkKernel(b *testing.B) {
	bench, err := NewBench(Options{})
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCoreFeatures(api.CoreFeaturesV2))
	defer r.Close(ctx)
	m, err := r.Instantiate(ctx, bench.Wasm)
	if err != nil {
		b.Fatal(err)
	}
	if !m.Memory().Write(0, bench.Image) {
		b.Fatal("the image does not fit the memory")
	}
	run := m.ExportedFunction("run")
	for _, e := range bench.Entries {
		b.Run(e.Name+"/"+strings.ReplaceAll(e.Layer, " ", "_"), func(b *testing.B) {
			for b.Loop() {
				if aborted, err := run.Call(ctx, uint64(e.Program), 0, 1); err != nil || aborted[0] != 0 {
					b.Fatal(err, aborted)
				}
			}
			b.ReportMetric(e.MACs*float64(b.N)/b.Elapsed().Seconds()/1e9, "GMAC/s")
		})
	}
}
