//go:build !js

package simd

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/tetratelabs/wazero/api"

	"hamster/model/graph"
)

// variants are the ways to run an engine on wazero, which has no relaxed SIMD.
func variants(testing.TB) []variant {
	return []variant{
		{Config{Threads: 1}, "simd, 1 thread"},
		{Config{Threads: 2}, "simd, 2 threads"},
		{Config{Threads: 3}, "simd, 3 threads"},
	}
}

func started(t *testing.T, g *graph.Graph, cfg Config) *Engine {
	t.Helper()
	e, err := New(context.Background(), g, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// dying is a thread that never gets to its work.
type dying struct{ api.Function }

func (dying) Call(context.Context, ...uint64) ([]uint64, error) {
	return nil, errors.New("this thread dies")
}

func TestAThreadThatFailsIsAnErrorAndTheNextEngineWorks(t *testing.T) {
	g := small(t)
	want := one(t, engine(t, g, Config{Threads: 1}), wave(smallLen))
	e := engine(t, g, Config{Threads: 3})
	hasten(t, e, 200*time.Millisecond)
	if got := one(t, e, wave(smallLen)); !slices.Equal(got, want) {
		t.Errorf("the first run gives %v, want %v", got, want)
	}
	m := e.m.(*wazeroMachine)
	m.entries[1] = dying{m.entries[1]}
	ctx, input := context.Background(), [][]float32{wave(smallLen)}
	_, err := e.Run(ctx, input)
	wantError(t, err, "simd: the engine broke down: wazero: ", "this thread dies", "the run was aborted")
	// What is broken stays so, and at once.
	m.entries[1] = nil
	for name, err := range map[string]error{
		"Run":     second(e.Run(ctx, input)),
		"Prepare": e.Prepare(ctx, pattern(9, 9), spec9, "keras"),
		"Kept":    second(e.Kept()),
	} {
		if !errors.Is(err, ErrBroken) {
			t.Errorf("%s: %v is not ErrBroken", name, err)
		}
	}
	next := engine(t, g, Config{Threads: 3})
	if got := one(t, next, wave(smallLen)); !slices.Equal(got, want) {
		t.Errorf("the next engine gives %v, want %v", got, want)
	}
}

func second[T any](_ T, err error) error { return err }
