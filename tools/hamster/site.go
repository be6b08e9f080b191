package main

import (
	"context"
	"fmt"

	"hamster/tools/internal/site"
)

// builtSite is where the site lies in the repository unless said otherwise;
// the same is the default of --out.
const builtSite = ".cache/site"

type siteCommand struct {
	Out  string `type:"path" default:".cache/site" placeholder:"DIR" help:"Folder for the site (default ${default})."`
	Root string `type:"existingdir" default:"." hidden:"" help:"Root of the repository."`
}

func (c *siteCommand) Run(ctx context.Context, s *streams) error {
	if err := site.Build(ctx, c.Root, c.Out); err != nil {
		return fmt.Errorf("build the site: %w", err)
	}
	fmt.Fprintln(s.Out, c.Out)
	return nil
}
