package site

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// bundles are the scripts that go into one file each, with the modules that they
// import: a module tells which ones it imports only when it is there, so many small
// ones are as many round trips as they are deep. Bundles of one group share
// further files, part-….js. They stay in their folder, or next to it at the same
// depth, for library/addresses.js and worker/addresses.js find things from there.
var bundles = [][]string{{"web/page/main.js", "web/page/language.js", "web/page/ahead.js"}, {"web/worker/worker.js"}}

// bundle puts bundles in the place of their scripts. What only the page imports is
// gone then; the rest stays, for other pages use it by name.
func bundle(files map[string][]byte) error {
	made := map[string][]byte{}
	var shared []string
	for _, group := range bundles {
		folder := path.Dir(group[0])
		options := api.BuildOptions{
			Bundle: true, Splitting: true, Format: api.FormatESModule, Target: api.ES2022, Charset: api.CharsetUTF8,
			MinifyWhitespace: true, MinifySyntax: true, LegalComments: api.LegalCommentsNone, LogLevel: api.LogLevelSilent,
			AbsWorkingDir: "/", Outdir: "/" + folder, ChunkNames: "part-[hash]", Metafile: true,
			Plugins: []api.Plugin{from(files)},
		}
		for _, name := range group {
			options.EntryPointsAdvanced = append(options.EntryPointsAdvanced, api.EntryPoint{
				InputPath: name, OutputPath: strings.TrimSuffix(path.Base(name), ".js"),
			})
		}
		result := api.Build(options)
		// A warning may be an import that the page would lack.
		if messages := append(result.Errors, result.Warnings...); len(messages) > 0 {
			text := api.FormatMessages(messages, api.FormatMessagesOptions{Kind: api.ErrorMessage})
			return fmt.Errorf("bundle %s: %s", group[0], strings.TrimSpace(strings.Join(text, "\n")))
		}
		for _, file := range result.OutputFiles {
			made[strings.TrimPrefix(file.Path, "/")] = file.Contents
		}
		parts, err := sharedBy(result.Metafile, group)
		if err != nil {
			return fmt.Errorf("bundle %s: %w", group[0], err)
		}
		shared = append(shared, parts...)
	}
	for name := range files {
		if path.Dir(name) == "web/page" && path.Ext(name) == ".js" {
			delete(files, name)
		}
	}
	for name, content := range made {
		files[name] = content
	}
	return preload(files, shared)
}

// from has esbuild read from files.
func from(files map[string][]byte) api.Plugin {
	return api.Plugin{Name: "site", Setup: func(build api.PluginBuild) {
		build.OnResolve(api.OnResolveOptions{Filter: `.*`}, func(args api.OnResolveArgs) (api.OnResolveResult, error) {
			name := path.Join(path.Dir(args.Importer), args.Path)
			if args.Kind == api.ResolveEntryPoint {
				name = args.Path
			}
			if _, ok := files[name]; !ok {
				return api.OnResolveResult{}, fmt.Errorf("there is no %s", name)
			}
			return api.OnResolveResult{Path: name, Namespace: "site"}, nil
		})
		build.OnLoad(api.OnLoadOptions{Filter: `.*`, Namespace: "site"}, func(args api.OnLoadArgs) (api.OnLoadResult, error) {
			text := string(files[args.Path])
			return api.OnLoadResult{Contents: &text, Loader: api.LoaderJS}, nil
		})
	}}
}

// sharedBy lists the further files that scripts of a group import at once.
func sharedBy(metafile string, group []string) ([]string, error) {
	var meta struct {
		Outputs map[string]struct {
			Imports []struct{ Path, Kind string }
		}
	}
	if err := json.Unmarshal([]byte(metafile), &meta); err != nil {
		return nil, err
	}
	var parts []string
	for waiting := slices.Clone(group); len(waiting) > 0; waiting = waiting[1:] {
		for _, i := range meta.Outputs[waiting[0]].Imports {
			if i.Kind == "import-statement" && !slices.Contains(parts, i.Path) {
				parts = append(parts, i.Path)
				waiting = append(waiting, i.Path)
			}
		}
	}
	slices.Sort(parts)
	return parts, nil
}

// preload has the page ask for the shared files while it asks for its scripts.
func preload(files map[string][]byte, names []string) error {
	const script = `<script type="module"`
	before, after, ok := strings.Cut(string(files[indexFile]), script)
	if !ok {
		return errors.New("index.html has no script")
	}
	var links strings.Builder
	for _, name := range names {
		fmt.Fprintf(&links, "<link rel=\"modulepreload\" href=\"%s\">\n  ", name)
	}
	files[indexFile] = []byte(before + links.String() + script + after)
	return nil
}
