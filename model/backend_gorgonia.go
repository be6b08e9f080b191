//go:build !nogorgonia

package model

import (
	"context"

	"hamster/model/gorgonia"
	"hamster/model/graph"
)

func compileGorgonia(ctx context.Context, g *graph.Graph, opts Options) (engine, string, error) {
	p, err := gorgonia.CompileKeeping(ctx, g, opts.keep)
	if err != nil {
		return nil, "", err
	}
	return p, "gorgonia", nil
}
