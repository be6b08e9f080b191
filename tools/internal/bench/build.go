package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// buildDir is where what the bench builds lies in the repository.
const buildDir = ".cache/bench"

// compile builds a Go program for the browser, as the site's is built, and
// returns it.
func compile(ctx context.Context, root, pkg string) ([]byte, error) {
	out, err := filepath.Abs(filepath.Join(root, filepath.FromSlash(buildDir), strings.ReplaceAll(pkg, "/", "_")+".wasm"))
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", out, "./"+pkg)
	command.Dir = root
	command.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	if output, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("compile %s: %w\n%s", pkg, err, bytes.TrimSpace(output))
	}
	return os.ReadFile(out)
}

// goRuntime is the script that starts a Go program in JavaScript.
func goRuntime(ctx context.Context) ([]byte, error) {
	goroot, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("ask for GOROOT: %w", err)
	}
	return os.ReadFile(filepath.Join(strings.TrimSpace(string(goroot)), "lib", "wasm", "wasm_exec.js"))
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
