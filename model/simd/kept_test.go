package simd

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"

	"hamster/model/conformance"
	"hamster/model/gorgonia"
	"hamster/model/graph"
	"hamster/model/simd/simdtest"
)

// images are the values of a graph that can be kept: computed from the input, of
// one image.
func images(g *graph.Graph) []*graph.Value {
	computed := map[*graph.Value]bool{}
	var found []*graph.Value
	for _, v := range g.Inputs {
		computed[v] = true
	}
	for _, n := range g.Nodes {
		v := n.Outputs[0]
		for _, x := range n.Inputs {
			computed[v] = computed[v] || computed[x]
		}
		if computed[v] && len(v.Shape) == 4 && v.Shape[0] == 1 {
			found = append(found, v)
		}
	}
	return found
}

func TestAnyValueOfARandomGraphCanBeKept(t *testing.T) {
	ctx := context.Background()
	seeds, compared := uint64(150), 0
	if testing.Short() {
		seeds = 30
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 11))
		g := imported(t, simdtest.Blocks(seed))
		found := images(g)
		if len(found) == 0 {
			continue
		}
		keep := found[r.IntN(len(found))]
		e, err := New(ctx, g, Config{Threads: 1, NoWinograd: true, Keep: keep})
		if err != nil {
			t.Fatalf("seed %d: keep %q: %v", seed, keep.Name, err)
		}
		oracle, err := gorgonia.CompileKeeping(ctx, g, keep)
		if err != nil {
			t.Fatalf("seed %d: keep %q: %v", seed, keep.Name, err)
		}
		inputs := conformance.RandomInputs(g, seed)
		got, want := one(t, e, inputs[0]), one(t, oracle, inputs[0])
		if err := near(got, want, directTolerance); err != nil {
			t.Errorf("seed %d: keep %q: output: %v", seed, keep.Name, err)
		}
		if got, err = e.Kept(); err != nil {
			t.Fatalf("seed %d: keep %q: %v", seed, keep.Name, err)
		}
		if want, err = oracle.Kept(); err != nil {
			t.Fatalf("seed %d: keep %q: %v", seed, keep.Name, err)
		}
		if err := near(got, want, directTolerance); err != nil {
			t.Errorf("seed %d: keep %q: %v\n%s", seed, keep.Name, err, lowered(g))
		}
		compared++
		e.Close()
		oracle.Close()
	}
	if compared < int(seeds)*3/4 {
		t.Errorf("%d of %d graphs compared", compared, seeds)
	}
}

func TestKeptIsRefusedWhereThereIsNothing(t *testing.T) {
	g := small(t)
	_, err := engine(t, g, Config{Threads: 1}).Kept()
	wantError(t, err, "not asked to keep")

	e := engine(t, g, Config{Threads: 1, Keep: g.Nodes[0].Outputs[0]})
	_, err = e.Kept()
	wantError(t, err, "run is gone")
	one(t, e, make([]float32, smallLen))
	if kept, err := e.Kept(); err != nil || len(kept) != 5*9*9 {
		t.Errorf("%d numbers, %v", len(kept), err)
	}
	e.Close()
	if _, err := e.Kept(); err == nil {
		t.Error("a closed engine gives a value")
	}
}

func TestAPreparedImageEndsWhatTheLastRunLeft(t *testing.T) {
	g := small(t)
	e := engine(t, g, Config{Threads: 1, Keep: g.Nodes[0].Outputs[0]})
	one(t, e, make([]float32, smallLen))
	spec := spec299
	spec.Width, spec.Height = 9, 9
	img := photo(t, photos(t)[0])
	if err := e.Prepare(t.Context(), img, spec, spec.Mode); err != nil {
		t.Fatal(err)
	}
	_, err := e.Kept()
	wantError(t, err, "run is gone")
	if _, err := e.RunPrepared(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Kept(); err != nil {
		t.Error(err)
	}
}

func TestKeepingTheLastFeatureMapTakesNoMemory(t *testing.T) {
	g := inception(t)
	plain, err := Compile(t.Context(), g, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var keep *graph.Value
	for _, n := range g.Nodes {
		if n.Op == "AveragePool" || n.Op == "GlobalAveragePool" || n.Op == "ReduceMean" {
			keep = n.Inputs[0] // the last one is the feature map
		}
	}
	kept, err := Compile(t.Context(), g, Options{Keep: keep})
	if err != nil {
		t.Fatal(err)
	}
	if kept.Pages != plain.Pages || strings.Join(kept.Steps(), "\n") != strings.Join(plain.Steps(), "\n") {
		t.Errorf("%d pages and %d steps, %d and %d without", kept.Pages, len(kept.Steps()), plain.Pages, len(plain.Steps()))
	}
}
