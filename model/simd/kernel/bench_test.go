package kernel

import (
	"testing"

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
