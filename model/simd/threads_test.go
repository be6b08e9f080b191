package simd

import (
	"context"
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"hamster/model/conformance"
	"hamster/model/graph"
	"hamster/model/simd/kernel"
	"hamster/model/simd/simdtest"
)

// variant is a way to run an engine, and what the engine then says of itself.
type variant struct {
	cfg      Config
	describe string
}

// sameBits runs a graph in every variant of this host. All with the same
// instructions must agree to the bit, and those with others nearly.
func sameBits(t *testing.T, g *graph.Graph, input []float32) {
	t.Helper()
	first := map[bool][][]float32{} // by whether they are without relaxed SIMD
	for _, v := range variants(t) {
		e := started(t, g, v.cfg)
		if got := e.Describe(); got != v.describe {
			t.Errorf("runs %q, want %q", got, v.describe)
		}
		for range 3 {
			got, err := e.Run(context.Background(), [][]float32{input})
			if err != nil {
				t.Fatal(err)
			}
			want := first[v.cfg.NoRelaxed]
			if want == nil {
				first[v.cfg.NoRelaxed], want = got, got
			}
			for i := range want {
				if !slices.Equal(got[i], want[i]) {
					t.Errorf("%s gives other bits in output %d", v.describe, i)
				}
			}
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
	for i, relaxed := range first[false] {
		if plain := first[true]; plain != nil {
			if err := near(plain[i], relaxed, winogradTolerance); err != nil {
				t.Errorf("simd128 and relaxed: %v", err)
			}
		}
	}
}

func TestInceptionGivesTheSameBitsOnAnyNumberOfThreads(t *testing.T) {
	variants(t) // skips where there are none
	g := inception(t)
	sameBits(t, g, wave(g.Inputs[0].Len()))
}

func TestRandomModelsGiveTheSameBitsOnAnyNumberOfThreads(t *testing.T) {
	for seed := range uint64(15) {
		g := imported(t, simdtest.Blocks(seed))
		sameBits(t, g, conformance.RandomInputs(g, seed)[0])
		if g, err := conformance.Import(conformance.RandomGraph(seed)); err == nil && isImageOrRow(g.Inputs[0].Shape) {
			if _, err := Compile(context.Background(), g, Options{}); err == nil {
				sameBits(t, g, conformance.RandomInputs(g, seed)[0])
			}
		}
	}
}

// hasten makes the threads of an engine wait for each other so long at most.
func hasten(t *testing.T, e *Engine, limit time.Duration) {
	t.Helper()
	b := binary.LittleEndian.AppendUint64(nil, uint64(limit))
	for _, program := range []uint32{e.c.Program, e.c.Net} {
		if err := e.m.write(program+kernel.TimeoutOffset, b); err != nil {
			t.Fatal(err)
		}
	}
}
