package main

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
)

func TestCompiledModelsRunByThemselves(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.wasm")
	out, errs, status := hamster(t, "", "compile", colourModel(t), "-o", path)
	if status != 0 || !strings.HasPrefix(out, path+": ") {
		t.Fatalf("status %d, printed %s%s", status, out, errs)
	}
	wasm, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	r := wazero.NewRuntime(ctx)
	defer r.Close(ctx)
	m, err := r.Instantiate(ctx, wasm)
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(m.ExportedFunctionDefinitions())); !slices.Equal(got, []string{"infer", "init", "run"}) {
		t.Errorf("exports the functions %q: docs/standalone.md names others", got)
	}
	if _, err := m.ExportedFunction("init").Call(ctx); err != nil {
		t.Fatal(err)
	}
	at := func(name string) uint32 { return uint32(m.ExportedGlobal(name).Get()) }
	// Planes of red, green and blue: a picture that is all green.
	for i := range at("inputLength") {
		v := float32(0)
		if i/4 == 1 {
			v = 1
		}
		m.Memory().WriteFloat32Le(at("input")+4*i, v)
	}
	if res, err := m.ExportedFunction("infer").Call(ctx); err != nil || res[0] != 0 {
		t.Fatalf("infer: %v, %v", res, err)
	}
	scores := make([]float32, at("outputLength"))
	for i := range scores {
		scores[i], _ = m.Memory().ReadFloat32Le(at("output") + uint32(4*i))
	}
	if len(scores) != 3 || scores[1] <= scores[0] || scores[1] <= scores[2] {
		t.Errorf("green scores %v for red, green, blue", scores)
	}
}

func TestWhatCannotBeCompiledIsNamed(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "text.onnx"), "no model at all")
	_, errs, status := hamster(t, "", "compile", path, "-o", filepath.Join(t.TempDir(), "m.wasm"))
	if status != exitFailure || !strings.Contains(errs, path) {
		t.Errorf("status %d, printed %s", status, errs)
	}
}
