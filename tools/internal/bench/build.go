package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"hamster/tools/internal/gowasm"
)

// buildDir is where what the bench builds lies in the repository.
const buildDir = ".cache/bench"

// compile builds a Go program for the browser, as the site's are built, and
// returns it.
func compile(ctx context.Context, root, pkg string, light bool) ([]byte, error) {
	name := strings.ReplaceAll(pkg, "/", "_")
	if light {
		name += "_light"
	}
	out := filepath.Join(root, filepath.FromSlash(buildDir), name+".wasm")
	if err := (gowasm.Program{Root: root, Package: "./" + pkg, Light: light}).Build(ctx, out); err != nil {
		return nil, err
	}
	return os.ReadFile(out)
}

// bundle makes one script of a file of tools/bench and the packages that it
// imports, as a page's author would, and adds it to files under prefix. What is
// imported late stays apart.
func bundle(ctx context.Context, root, entry, prefix string, files map[string][]byte) error {
	out := filepath.Join(root, filepath.FromSlash(buildDir), "bundles", strings.TrimSuffix(path.Base(entry), path.Ext(entry)))
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	packages := filepath.Join(root, filepath.FromSlash(packagesDir))
	modules, err := filepath.Abs(packages)
	if err != nil {
		return err
	}
	command := exec.CommandContext(ctx, filepath.Join(packages, ".bin", "esbuild"),
		filepath.Join(root, "tools", "bench", filepath.FromSlash(entry)), "--bundle", "--splitting", "--format=esm", "--minify",
		"--out-extension:.js=.mjs", "--log-level=error", "--outdir="+out)
	command.Env = append(os.Environ(), "NODE_PATH="+modules)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("bundle %s (tools/setup.sh test installs what that takes): %w\n%s", entry, err, bytes.TrimSpace(output))
	}
	made, err := os.ReadDir(out)
	if err != nil {
		return err
	}
	for _, f := range made {
		if files[prefix+f.Name()], err = os.ReadFile(filepath.Join(out, f.Name())); err != nil {
			return err
		}
	}
	return nil
}

// layers is the TensorFlow.js layers model in the npm package nsfwjs as one file;
// tools/bench/layers.mjs says how it is laid out.
func layers(ctx context.Context, root string) ([]byte, error) {
	var complaint bytes.Buffer
	command := exec.CommandContext(ctx, "node", filepath.Join(root, "tools", "bench", "layers.mjs"))
	command.Stderr = &complaint
	file, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("read the model of nsfwjs: %w\n%s", err, bytes.TrimSpace(complaint.Bytes()))
	}
	return file, nil
}

// findRoot is the folder of this repository that holds the working folder.
func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if text, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil && bytes.HasPrefix(text, []byte("module hamster\n")) {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("the bench runs in Hamster's repository, and the working folder is not in it")
		}
	}
}
