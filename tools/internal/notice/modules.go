package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// product is something that leaves the house, built from one package.
type product struct {
	name, pkg string
	env       []string
}

// One system stands for all: which modules are linked hardly depends on it.
var products = []product{
	{"command", "./tools/hamster", []string{"GOOS=linux", "GOARCH=amd64"}},
	{"site", "./wasm", []string{"GOOS=js", "GOARCH=wasm"}},
	{"edge", "./tools/edge/worker", []string{"GOOS=js", "GOARCH=wasm"}},
}

// component is a piece of others' work and its licence.
type component struct {
	name    string
	in      []string // names of products
	note    string
	licence licence
}

// modules returns what the go command links into the products, by name.
func modules(root string) ([]component, error) {
	type module struct{ path, version, dir string }
	linked := map[module][]string{}
	for _, p := range products {
		command := exec.Command("go", "list", "-deps",
			"-f", "{{with .Module}}{{if not .Main}}{{.Path}}\t{{with .Replace}}{{.Version}}{{else}}{{.Version}}{{end}}\t{{.Dir}}{{end}}{{end}}", p.pkg)
		command.Dir = root
		command.Env = append(os.Environ(), p.env...)
		var problem bytes.Buffer
		command.Stderr = &problem
		output, err := command.Output()
		if err != nil {
			return nil, fmt.Errorf("list what %s is made of: %w\n%s", p.pkg, err, problem.Bytes())
		}
		for line := range strings.Lines(string(output)) {
			fields := strings.Split(strings.TrimSpace(line), "\t")
			if len(fields) != 3 {
				continue // the standard library and the module itself
			}
			m := module{fields[0], fields[1], fields[2]}
			if !slices.Contains(linked[m], p.name) {
				linked[m] = append(linked[m], p.name)
			}
		}
	}
	var components []component
	for m, in := range linked {
		licence, err := readModuleLicence(m.path, m.dir)
		if err != nil {
			return nil, err
		}
		components = append(components, component{name: m.path + " " + m.version, in: in, licence: licence})
	}
	slices.SortFunc(components, func(a, b component) int { return strings.Compare(a.name, b.name) })
	return components, nil
}

// goLicensed are modules without a licence file whose README says that they
// are Go's standard library, adapted, and under its licence.
var goLicensed = []string{"github.com/chewxy/math32"}

func readModuleLicence(path, dir string) (licence, error) {
	if slices.Contains(goLicensed, path) {
		return goLicence, nil
	}
	for _, name := range []string{"LICENSE", "LICENCE", "LICENSE.txt", "LICENSE.md", "COPYING"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return licence{}, fmt.Errorf("read the licence of %s: %w", path, err)
		}
		l, err := parseLicence(string(text))
		if err != nil {
			return licence{}, fmt.Errorf("the licence of %s: %w", path, err)
		}
		return l, nil
	}
	return licence{}, fmt.Errorf("%s has no licence file: find out whether it may be shipped", path)
}
