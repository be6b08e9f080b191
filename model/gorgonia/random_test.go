package gorgonia

import (
	"context"
	"math"
	"testing"

	"hamster/model/conformance"
)

func TestRandomGraphsRunAndStayFinite(t *testing.T) {
	ctx := context.Background()
	operators := map[string]int{}
	for seed := range uint64(200) {
		g, err := conformance.Import(conformance.RandomGraph(seed))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		p, err := Compile(ctx, g)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		out, err := p.Run(ctx, conformance.RandomInputs(g, seed))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for i, values := range out {
			for _, x := range values {
				if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
					t.Fatalf("seed %d: output %d holds %v", seed, i, x)
				}
			}
		}
		for _, n := range g.Nodes {
			operators[n.Op]++
		}
		p.Close()
	}
	for _, op := range []string{"Conv", "MaxPool", "AveragePool", "Concat", "Add", "Mul", "BatchNormalization", "DequantizeLinear", "Gemm", "Pad", "HardSwish"} {
		if operators[op] == 0 {
			t.Errorf("no graph has %s", op)
		}
	}
	t.Log(operators)
}
