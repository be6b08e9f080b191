package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"hamster/tools/internal/getmodel"
	"hamster/tools/internal/serve"
	"hamster/tools/internal/site"
)

type serveCommand struct {
	Addr  string `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address to listen on (default ${default}); port 0 takes any free one."`
	Model string `type:"existingfile" placeholder:"FILE" help:"ONNX model to serve (default: the one in the cache, got first if there is none)."`
	Site  string `type:"existingdir" placeholder:"DIR" help:"Built site to serve (default: built from the repository in the working folder)."`
}

func (c *serveCommand) Run(ctx context.Context, s *streams) error {
	say := func(format string, args ...any) { fmt.Fprintf(s.Err, format+"\n", args...) }
	// The address first: nobody should wait for a build to hear it is taken.
	listener, err := serve.Listen(ctx, c.Addr)
	if err != nil {
		return err
	}
	defer listener.Close()

	if c.Site == "" {
		c.Site = filepath.FromSlash(builtSite)
		say("Building the page …")
		if err := site.Build(ctx, ".", c.Site); err != nil {
			return fmt.Errorf("build the site: %w", err)
		}
	}
	if c.Model == "" {
		if c.Model, err = defaultModel(ctx, say); err != nil {
			return err
		}
	}
	cache, err := getmodel.CacheDir()
	if err != nil {
		return err
	}
	handler, err := serve.New(serve.Options{Site: c.Site, Model: c.Model, Cache: filepath.Join(cache, "compressed")})
	if err != nil {
		return err
	}
	defer handler.Close()
	go func() {
		if err := handler.Warm(); err != nil && ctx.Err() == nil {
			say("Compressing ahead failed, so the first visitor waits a little: %v", err)
		}
	}()
	fmt.Fprintf(s.Out, "http://%s/\n", listener.Addr())
	say("Serving %s. Stop with Ctrl+C.", filepath.Base(c.Model))
	return serve.Serve(ctx, listener, handler)
}

// defaultModel returns the model in the cache, and gets one where there is
// none.
func defaultModel(ctx context.Context, say func(string, ...any)) (string, error) {
	path, err := getmodel.Default()
	if errors.Is(err, fs.ErrNotExist) {
		path, err = getmodel.Ensure(ctx, getmodel.Auto, say)
	}
	if err != nil {
		return "", fmt.Errorf("get a model: %w (or name one with --model)", err)
	}
	return path, nil
}
