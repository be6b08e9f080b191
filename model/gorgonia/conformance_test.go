package gorgonia

import (
	"context"
	"testing"

	"hamster/model/conformance"
	"hamster/model/graph"
)

func compileRunner(ctx context.Context, g *graph.Graph) (conformance.Runner, error) {
	return Compile(ctx, g)
}

func TestGorgoniaConforms(t *testing.T) { conformance.Run(t, compileRunner) }
