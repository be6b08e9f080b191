package main

import (
	"context"
	"fmt"
	"path/filepath"

	"hamster/tools/internal/npmpackage"
	"hamster/tools/internal/site"
)

type packageCommand struct {
	Out  string `type:"path" default:".cache/package" placeholder:"DIR" help:"Folder for the package (default ${default})."`
	Site string `type:"existingdir" placeholder:"DIR" help:"Built site whose programs it takes (default: built from the repository in the working folder)."`
}

func (c *packageCommand) Run(ctx context.Context, s *streams) error {
	if c.Site == "" {
		c.Site = filepath.FromSlash(builtSite)
		if err := site.Build(ctx, ".", c.Site); err != nil {
			return fmt.Errorf("build the site: %w", err)
		}
	}
	if err := npmpackage.Build(ctx, ".", c.Site, c.Out); err != nil {
		return fmt.Errorf("build the package: %w", err)
	}
	fmt.Fprintln(s.Out, c.Out)
	return nil
}
