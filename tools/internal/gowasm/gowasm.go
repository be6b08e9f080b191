// Package gowasm builds Go programs for JavaScript.
package gowasm

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Program is a package main of the module at Root.
type Program struct {
	Root    string
	Package string // as in "./wasm"
	// Light leaves Gorgonia out, and what onnx-go needs no more of than the
	// stand-ins have: half the size, and a quicker start.
	Light bool
}

// Build compiles to the file out; the go command's own cache makes a second time
// quick.
func (p Program) Build(ctx context.Context, out string) error {
	out, err := filepath.Abs(out) // the go command runs in Root
	if err != nil {
		return fmt.Errorf("compile %s: %w", p.Package, err)
	}
	_, err = p.run(ctx, "build", "-trimpath", "-ldflags=-s -w", "-o", out)
	return err
}

// Deps are the import paths of the packages that it is made of.
func (p Program) Deps(ctx context.Context) ([]string, error) {
	list, err := p.run(ctx, "list", "-deps", "-f", "{{.ImportPath}} {{.Dir}}")
	return strings.Split(strings.TrimSpace(list), "\n"), err
}

func (p Program) run(ctx context.Context, verb string, args ...string) (string, error) {
	args = append([]string{verb}, args...)
	if p.Light {
		modules, err := os.MkdirTemp("", "hamster")
		if err != nil {
			return "", fmt.Errorf("compile %s: %w", p.Package, err)
		}
		defer os.RemoveAll(modules)
		if err := lightModules(p.Root, modules); err != nil {
			return "", fmt.Errorf("compile %s: %w", p.Package, err)
		}
		args = append(args, "-tags=nogorgonia", "-modfile="+filepath.Join(modules, "go.mod"))
	}
	command := exec.CommandContext(ctx, "go", append(args, p.Package)...)
	command.Dir = p.Root
	command.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	var problem bytes.Buffer
	command.Stderr = &problem
	output, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("compile %s: %w\n%s", p.Package, err, bytes.TrimSpace(problem.Bytes()))
	}
	return string(output), nil
}

// standIns are the modules that a light program has in place of others.
var standIns = map[string]string{"gorgonia.org/tensor": "./wasm/tensor", "github.com/gogo/protobuf": "./wasm/protobuf"}

// lightModules writes the go.mod of the module at root, with the stand-ins, into
// the folder to.
func lightModules(root, to string) error {
	var replace strings.Builder
	for module, folder := range standIns {
		fmt.Fprintf(&replace, "\nreplace %s => %s\n", module, folder)
	}
	for name, more := range map[string]string{"go.mod": replace.String(), "go.sum": ""} {
		content, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, name), append(content, more...), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Runtime is the script that starts a Go program in JavaScript. It must come from
// the toolchain that compiles the program.
func Runtime(ctx context.Context) ([]byte, error) {
	goroot, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("ask for GOROOT: %w", err)
	}
	content, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(goroot)), "lib", "wasm", "wasm_exec.js"))
	if err != nil {
		return nil, fmt.Errorf("read Go's WebAssembly support: %w", err)
	}
	return content, nil
}
