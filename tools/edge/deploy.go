package main

import (
	"context"
	"fmt"
	"os"
)

type deployCommand struct {
	buildFlags
	DryRun bool `help:"Do all but what needs an account, and say what would be uploaded."`
}

func (c *deployCommand) Run(ctx context.Context, s *streams) error {
	b, err := c.build(ctx, s)
	if err != nil {
		return err
	}
	if c.DryRun {
		return b.rehearse(ctx, s)
	}
	// Models first: the former worker does not know them, and the new one finds
	// them all.
	s.say("Uploading %d objects to the bucket %s …", len(b.objects), b.bucket)
	if err := b.upload(ctx, []string{"--remote"}, b.objects); err != nil {
		return err
	}
	return b.deploy(ctx, s)
}

// rehearse says what would be uploaded, and lets wrangler put together what it
// would send.
func (b *built) rehearse(ctx context.Context, s *streams) error {
	for _, o := range b.objects {
		info, err := os.Stat(o.File)
		if err != nil {
			return err
		}
		fmt.Fprintf(s.Out, "%s/%s\t%d bytes\n", b.bucket, o.Key, info.Size())
	}
	return b.deploy(ctx, s, "--dry-run")
}

func (b *built) deploy(ctx context.Context, s *streams, more ...string) error {
	command, err := b.wrangler(ctx, append([]string{"deploy", "--config", configFile}, more...)...)
	if err != nil {
		return err
	}
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, s.Out, s.Err
	if err := command.Run(); err != nil {
		return fmt.Errorf("wrangler deploy: %w", err)
	}
	return nil
}
