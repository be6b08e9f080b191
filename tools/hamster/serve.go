package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"hamster/model"
	"hamster/tools/internal/getmodel"
	"hamster/tools/internal/httpfile"
	"hamster/tools/internal/pack"
	"hamster/tools/internal/serve"
	"hamster/tools/internal/site"
)

type serveCommand struct {
	Addr  string `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address to listen on (default ${default}); port 0 takes any free one."`
	Model string `type:"existingfile" placeholder:"FILE" help:"ONNX model to serve (default: the one in the cache, got first if there is none)."`
	Site  string `type:"existingdir" placeholder:"DIR" help:"Built site to serve (default: built from the repository in the working folder)."`
	Embed string `placeholder:"ORIGINS" help:"Origins whose pages may show /embed in a frame and load scripts and models, such as https://example.org; * is any (default: none)."`
}

func (c *serveCommand) Run(ctx context.Context, s *streams) error {
	say := func(format string, args ...any) { fmt.Fprintf(s.Err, format+"\n", args...) }
	embedders, err := httpfile.ParseEmbedders(c.Embed)
	if err != nil {
		return fmt.Errorf("--embed: %w", err)
	}
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
	packed := filepath.Join(cache, "packed")
	name, err := packModel(ctx, c.Model, packed, say)
	if err != nil {
		return err
	}
	handler, err := serve.New(serve.Options{
		Site: c.Site, Model: c.Model, Packed: packed, Default: name, Cache: filepath.Join(cache, "compressed"),
		Policy: httpfile.Policy{Embedders: embedders},
	})
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

// packModel packs a model into the folder of packed models, unless it is there
// already, and returns what it is called there: as its file. A model that cannot
// be packed is served as one file all the same, so that the page can say what is
// wrong with it; its name is empty.
func packModel(ctx context.Context, path, packed string, say func(string, ...any)) (name string, err error) {
	if err := os.MkdirAll(packed, 0o755); err != nil {
		return "", err
	}
	name = pack.FolderName(path)
	err = func() error {
		source, err := model.Open(path)
		if err != nil {
			return err
		}
		defer source.Close()
		say("Packing the model, where that is not done yet …")
		_, err = pack.Pack(ctx, source, filepath.Join(packed, name), pack.Options{Quality: pack.Quick, Reuse: true})
		return err
	}()
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		say("The model cannot be packed: %v.", err)
		return "", nil
	}
	return name, nil
}
