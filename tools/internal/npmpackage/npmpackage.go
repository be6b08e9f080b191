// Package npmpackage builds the npm package of Hamster: the library, the element
// and the frame's other end as ES modules, a worker in one file, the programs, and
// what runs a compiled model in Node.js.
package npmpackage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/evanw/esbuild/pkg/api"

	"hamster/tools/internal/gowasm"
	"hamster/tools/internal/site"
)

// markPath tells that the folder is ours to clear; npm packs no such file.
const markPath = ".hamster-package"

// dist is the folder of the code inside the package.
const dist = "dist"

// copied are files of the repository, and where they lie in the package.
var copied = map[string]string{
	"tools/package/package.json":       "package.json",
	"tools/package/README.md":          "README.md",
	"LICENSE":                          "LICENSE",
	"NOTICE":                           "NOTICE",
	"web/element/custom-elements.json": "custom-elements.json",
	"web/hamster.d.ts":                 "dist/hamster.d.ts",
	"web/element/element.d.ts":         "dist/element/element.d.ts",
	"web/element/define.d.ts":          "dist/element/define.d.ts",
	"web/embed/frame.d.ts":             "dist/embed/frame.d.ts",
	"tools/package/node/types.d.ts":    "dist/node.d.ts",
}

// shipped are files of a built site, and where they lie in the package.
var shipped = map[string]string{
	site.ProgramPath:  "dist/hamster.wasm",
	site.PortablePath: "dist/portable.wasm",
	site.RuntimePath:  "dist/wasm_exec.js",
}

// Build writes the package of the repository at root into the folder out, with the
// programs of a built site. A folder that holds anything else is refused.
func Build(ctx context.Context, root, builtSite, out string) error {
	if err := claim(out); err != nil {
		return err
	}
	scripts, err := bundle(root)
	if err != nil {
		return err
	}
	for name, content := range scripts {
		if err := write(out, name, content); err != nil {
			return err
		}
	}
	for _, from := range []struct {
		folder string
		files  map[string]string
	}{{root, copied}, {builtSite, shipped}} {
		for source, name := range from.files {
			content, err := os.ReadFile(filepath.Join(from.folder, filepath.FromSlash(source)))
			if err != nil {
				return fmt.Errorf("read a part of the package: %w", err)
			}
			if err := write(out, name, content); err != nil {
				return err
			}
		}
	}
	return gowasm.Program{Root: root, Package: "./tools/package/photo"}.Build(ctx, filepath.Join(out, dist, "photo.wasm"))
}

// claim empties a folder of ours, or marks one that is absent or empty.
func claim(out string) error {
	entries, err := os.ReadDir(out)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look at the package's folder: %w", err)
	}
	_, err = os.Stat(filepath.Join(out, markPath))
	if len(entries) > 0 && err != nil {
		return fmt.Errorf("%s holds something other than a built package: choose an empty folder", out)
	}
	for _, entry := range entries {
		if err := os.RemoveAll(filepath.Join(out, entry.Name())); err != nil {
			return fmt.Errorf("clear the package: %w", err)
		}
	}
	return write(out, markPath, []byte("Everything here is made by hamster package and may be removed by it.\n"))
}

func write(out, name string, content []byte) error {
	target := filepath.Join(out, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return fmt.Errorf("write the package: %w", err)
	}
	if err := os.WriteFile(target, content, 0o644); err != nil {
		return fmt.Errorf("write the package: %w", err)
	}
	return nil
}

// bundle returns the package's scripts by name.
func bundle(root string) (map[string][]byte, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	common := api.BuildOptions{
		AbsWorkingDir: root,
		Bundle:        true,
		Format:        api.FormatESModule,
		Target:        api.ES2022,
		Charset:       api.CharsetUTF8,
		LogLevel:      api.LogLevelSilent,
		Outdir:        dist,
		ChunkNames:    "shared-[hash]",
	}
	page := common
	page.Platform = api.PlatformBrowser
	page.Splitting = true // whoever takes the element and the library gets one engine
	page.EntryPointsAdvanced = []api.EntryPoint{
		{InputPath: "web/hamster.js", OutputPath: "hamster"},
		{InputPath: "web/element/element.js", OutputPath: "element/element"},
		{InputPath: "web/element/define.js", OutputPath: "element/define"},
		{InputPath: "web/embed/frame.js", OutputPath: "embed/frame"},
	}
	page.Plugins = []api.Plugin{replace(root, "web/library/addresses.js", "tools/package/browser/addresses.js")}

	worker := common
	worker.Platform = api.PlatformBrowser
	worker.EntryPointsAdvanced = []api.EntryPoint{{InputPath: "tools/package/browser/worker.js", OutputPath: "worker"}}
	worker.Plugins = []api.Plugin{replace(root, "web/worker/addresses.js", "tools/package/browser/worker-addresses.js")}

	node := common
	node.Platform = api.PlatformNode
	node.EntryPointsAdvanced = []api.EntryPoint{
		{InputPath: "tools/package/node/node.js", OutputPath: "node"},
		{InputPath: "tools/package/node/worker.js", OutputPath: "node-worker"},
	}

	scripts := map[string][]byte{}
	for _, options := range []api.BuildOptions{page, worker, node} {
		result := api.Build(options)
		// A warning may be an import that the package would lack.
		if messages := append(result.Errors, result.Warnings...); len(messages) > 0 {
			text := api.FormatMessages(messages, api.FormatMessagesOptions{Kind: api.ErrorMessage})
			return nil, fmt.Errorf("bundle the package: %s", strings.TrimSpace(strings.Join(text, "\n")))
		}
		for _, file := range result.OutputFiles {
			name, err := filepath.Rel(root, file.Path)
			if err != nil {
				return nil, err
			}
			scripts[filepath.ToSlash(name)] = file.Contents
		}
	}
	return scripts, nil
}

// replace puts one file in another's place, whoever imports it.
func replace(root, from, by string) api.Plugin {
	return api.Plugin{Name: "replace", Setup: func(build api.PluginBuild) {
		build.OnResolve(api.OnResolveOptions{Filter: `/addresses\.js$`}, func(args api.OnResolveArgs) (api.OnResolveResult, error) {
			if filepath.Join(args.ResolveDir, filepath.FromSlash(args.Path)) == filepath.Join(root, filepath.FromSlash(from)) {
				return api.OnResolveResult{Path: filepath.Join(root, filepath.FromSlash(by))}, nil
			}
			return api.OnResolveResult{}, nil
		})
	}}
}
