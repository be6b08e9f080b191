package model

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"hamster/model/graph"
	"hamster/model/simd"
)

// A backend compiles a graph; its second result describes what will run.
type backend func(context.Context, *graph.Graph, Options) (engine, string, error)

// ErrLeftOut means that this program was built without the backend that could
// run the model: with the build tag nogorgonia it is half as large.
var ErrLeftOut = errors.New("this program was built without it")

// backends in the order in which "auto" tries them; nil for one that was left
// out.
var backends = []struct {
	name    string
	compile backend
}{
	{"simd", compileSIMD},
	{"gorgonia", compileGorgonia},
}

// Backends are the names that Options.Backend takes besides "auto".
func Backends() []string {
	var names []string
	for _, b := range backends {
		names = append(names, b.name)
	}
	return names
}

func compile(ctx context.Context, g *graph.Graph, opts Options) (engine, string, error) {
	name := opts.Backend
	var why refusals
	for _, b := range backends {
		if name != "" && name != "auto" && name != b.name {
			continue
		}
		if b.compile == nil {
			why = append(why, fmt.Errorf("%s: %w", b.name, ErrLeftOut))
			continue
		}
		e, description, err := b.compile(ctx, g, opts)
		if err == nil {
			if len(why) > 0 {
				description += " (" + why.Error() + ")"
			}
			return e, description, nil
		}
		if ctx.Err() != nil {
			return nil, "", ctx.Err()
		}
		why = append(why, err) // which begins with the backend's name
	}
	if len(why) == 0 {
		return nil, "", fmt.Errorf("model: backend %q is unknown: use auto, %s", name, strings.Join(Backends(), ", "))
	}
	return nil, "", fmt.Errorf("model: %w", why)
}

// refusals are the errors of all backends that were tried.
type refusals []error

func (r refusals) Error() string {
	texts := make([]string, len(r))
	for i, err := range r {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

func (r refusals) Unwrap() []error { return r }

func compileSIMD(ctx context.Context, g *graph.Graph, opts Options) (engine, string, error) {
	e, err := simd.New(ctx, g, opts.simd())
	if err != nil {
		return nil, "", err
	}
	return e, e.Describe(), nil
}

func (o Options) simd() simd.Config {
	return simd.Config{
		Threads: o.Threads, ThreadURL: o.ThreadURL,
		NoRelaxed: o.NoRelaxed, NoWinograd: o.NoWinograd, Keep: o.keep, Record: o.Remember,
	}
}
