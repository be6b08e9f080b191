package gowasm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestALightProgramHasNeitherGorgoniaNorWhatStandInsReplace(t *testing.T) {
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, light := range []bool{false, true} {
		deps, err := Program{Root: root, Package: "./wasm", Light: light}.Deps(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]string{}
		for _, line := range deps {
			path, dir, _ := strings.Cut(line, " ")
			found[path] = dir
		}
		tensor := found["gorgonia.org/tensor"] == filepath.Join(root, "wasm", "tensor")
		protobuf := found["github.com/gogo/protobuf/proto"] == filepath.Join(root, "wasm", "protobuf", "proto")
		_, gorgonia := found["gorgonia.org/gorgonia"]
		_, regexp := found["regexp"] // whose tables take longest to start, by way of tensor
		if tensor != light || protobuf != light || gorgonia == light || regexp == light {
			t.Errorf("light %v: stand-ins for tensor %v, for protobuf %v; gorgonia %v, regexp %v", light, tensor, protobuf, gorgonia, regexp)
		}
	}
}

func TestAProgramIsBuiltWhereItIsAskedFor(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example\n\ngo 1.26\n", "go.sum": "", "p/main.go": "package main\n\nfunc main() {}\n", "bad/main.go": "package main\n\nfunc main() { none }\n",
	} {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(t.TempDir(), "p.wasm")
	if err := (Program{Root: root, Package: "./p"}).Build(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(out); err != nil || !strings.HasPrefix(string(b), "\x00asm") {
		t.Errorf("%.4q, %v", b, err)
	}
	err := Program{Root: root, Package: "./bad"}.Build(t.Context(), out)
	if err == nil || !strings.Contains(err.Error(), "./bad") || !strings.Contains(err.Error(), "undefined: none") {
		t.Errorf("a program that does not compile: %v", err)
	}
}
