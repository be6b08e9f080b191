package ir

import (
	"math"
	"testing"

	"hamster/model/conformance"
	"hamster/model/simd/simdtest"
)

// A pass rounds scales and biases to float32 once or twice.
const tolerance = 1e-5

func TestEveryPassKeepsWhatAGraphComputes(t *testing.T) {
	changed := map[string]int{}
	lowered := 0
	for _, source := range []struct {
		name  string
		model func(seed uint64) []byte
		seeds uint64
	}{
		{"blocks", simdtest.Blocks, 60},
		{"windows", conformance.RandomGraph, 80},
	} {
		for seed := range source.seeds {
			g, err := conformance.Import(source.model(seed))
			if err != nil {
				t.Fatalf("%s %d: %v", source.name, seed, err)
			}
			low, err := Lower(g)
			if err != nil {
				if source.name == "blocks" {
					t.Errorf("%s %d: %v", source.name, seed, err)
				}
				continue
			}
			lowered++
			check(t, low)
			inputs := randomInputs(low, seed)
			want, err := evaluate(low, g.Float32s, inputs)
			if err != nil {
				t.Fatalf("%s %d: %v", source.name, seed, err)
			}
			before := low.String()
			for _, p := range Passes {
				n := p.Run(low)
				changed[p.Name] += n
				check(t, low)
				after := low.String()
				if n == 0 {
					if after != before {
						t.Errorf("%s %d: %s changed, as it says, nothing, but makes of\n%s\n%s", source.name, seed, p.Name, before, after)
					}
					continue
				}
				got, err := evaluate(low, g.Float32s, inputs)
				if err != nil {
					t.Fatalf("%s %d: %s: %v", source.name, seed, p.Name, err)
				}
				if i, k, ok := differ(got, want); ok {
					t.Fatalf("%s %d: %s: element %d of output %d is %v, was %v; it makes of\n%s\n%s",
						source.name, seed, p.Name, k, i, got[i][k], want[i][k], before, after)
				}
				before = after
			}
		}
	}
	t.Logf("%d graphs; changes: %v", lowered, changed)
	for _, p := range Passes {
		if changed[p.Name] == 0 {
			t.Errorf("pass %s never changed a graph", p.Name)
		}
	}
}

// differ finds the first element that differs; NaN differs from all.
func differ(got, want [][]float64) (output, element int, found bool) {
	for i := range want {
		top := 1.0
		for _, w := range want[i] {
			top = max(top, math.Abs(w))
		}
		for k, w := range want[i] {
			if !(math.Abs(got[i][k]-w) <= tolerance*top) {
				return i, k, true
			}
		}
	}
	return 0, 0, false
}
