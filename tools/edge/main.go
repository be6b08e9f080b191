// Command edge brings Hamster to Cloudflare Workers: it builds the site, the
// worker and the list of what they serve, runs them in Cloudflare's own runtime
// on this machine, and deploys them.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

type grammar struct {
	Build  buildCommand  `cmd:"" set:"quality=11" help:"Build all that is deployed into a folder, and check its size."`
	Dev    devCommand    `cmd:"" set:"quality=5" help:"Run the edge on this machine, without an account."`
	Deploy deployCommand `cmd:"" set:"quality=11" help:"Upload models to R2 and deploy the worker; needs an account at Cloudflare."`
	Bench  benchCommand  `cmd:"" set:"quality=5" help:"Measure how long an edge takes for requests."`
}

// streams are where commands write.
type streams struct{ Out, Err io.Writer }

func (s *streams) say(format string, args ...any) { fmt.Fprintf(s.Err, format+"\n", args...) }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var g grammar
	parser := kong.Parse(&g, kong.Name("edge"), kong.Description("Hamster on Cloudflare Workers. Run it in the repository's folder."), kong.UsageOnError())
	parser.BindTo(ctx, (*context.Context)(nil))
	if err := parser.Run(&streams{os.Stdout, os.Stderr}); err != nil {
		fmt.Fprintf(os.Stderr, "edge: %v\n", err)
		os.Exit(1)
	}
}
