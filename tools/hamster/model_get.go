package main

import (
	"context"
	"fmt"

	"hamster/tools/internal/getmodel"
)

type modelGet struct {
	From string `enum:"auto,keras,npm" default:"auto" help:"Where the model comes from: ${enum}."`
}

func (c *modelGet) Run(ctx context.Context, s *streams) error {
	path, err := getmodel.Ensure(ctx, getmodel.Origin(c.From), func(format string, args ...any) {
		fmt.Fprintf(s.Err, format+"\n", args...)
	})
	if err != nil {
		return fmt.Errorf("get the model: %w", err)
	}
	fmt.Fprintln(s.Out, path)
	return nil
}
