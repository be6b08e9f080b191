package main

import (
	"context"
	"fmt"
	"net"
)

type devCommand struct {
	buildFlags
	Addr string `default:"127.0.0.1:8787" placeholder:"HOST:PORT" help:"Address to listen on (default ${default}); port 0 takes any free one."`
}

func (c *devCommand) Run(ctx context.Context, s *streams) error {
	host, port, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return fmt.Errorf("--addr: %w", err)
	}
	b, err := c.build(ctx, s)
	if err != nil {
		return err
	}
	r, err := b.seedAndStart(ctx, host, port)
	if err != nil {
		return err
	}
	defer r.stop()
	fmt.Fprintf(s.Out, "%s/\n", r.url)
	s.say("Running in workerd. Stop with Ctrl+C.")
	select {
	case <-ctx.Done():
		return nil
	case err := <-r.ended:
		r.ended <- nil // for stop
		return fmt.Errorf("wrangler dev ended: %w\n%s", err, r.output)
	}
}
