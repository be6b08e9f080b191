package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hamster/model/packed"
)

// packedColours packs the colour model.
func packedColours(t testing.TB) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "colours")
	out, errs, status := hamster(t, "", "model", "pack", colourModel(t), "-o", dir)
	if status != 0 || errs != "" || !strings.Contains(out, "colours: Colours, 3 classes; graph of 0.00 MB and 0 shards") {
		t.Fatalf("status %d, out %q, err %q", status, out, errs)
	}
	return dir
}

func TestAPackedModelClassifies(t *testing.T) {
	dir := packedColours(t)
	out, errs, status := hamster(t, pngOf(t, blue, 3, 3), "classify", "--model", dir, "--top", "1", "-")
	if out != "c3  blue  1.000\n" || status != 0 {
		t.Errorf("status %d\n%s%s", status, out, errs)
	}
	out, errs, status = hamster(t, "", "model", "inspect", dir)
	if !strings.Contains(out, "Colours") || status != 0 {
		t.Errorf("status %d\n%s%s", status, out, errs)
	}
}

func TestADamagedPackedModelIsRefused(t *testing.T) {
	for _, c := range []struct{ name, file, content, want string }{
		{"half a graph", packed.GraphName, "half", "colours: the graph graph.onnx has 4 bytes, the manifest says "},
		{"no manifest", packed.ManifestName, "<!doctype html>", "model.json: manifest of a packed model: invalid character '<'"},
		{"a later format", packed.ManifestName, `{"format": 9}`, "model.json: manifest of a packed model: it has format 9, only 1 is known"},
	} {
		dir := packedColours(t)
		write(t, filepath.Join(dir, c.file), c.content)
		_, errs, status := hamster(t, pngOf(t, blue, 3, 3), "classify", "--model", dir, "-")
		if status != exitFailure || !strings.Contains(errs, c.want) {
			t.Errorf("%s: status %d, %q, want %q", c.name, status, errs, c.want)
		}
	}
	dir := packedColours(t)
	if err := os.Remove(filepath.Join(dir, packed.GraphName)); err != nil {
		t.Fatal(err)
	}
	_, errs, status := hamster(t, "", "model", "inspect", dir)
	if status != exitFailure || !strings.Contains(errs, "the graph graph.onnx: ") {
		t.Errorf("no graph: status %d, %q", status, errs)
	}
}

func TestWhatCannotBePackedIsNamed(t *testing.T) {
	file := write(t, filepath.Join(t.TempDir(), "photo.png"), pngOf(t, red, 2, 2))
	for _, c := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{file, "-o", t.TempDir()}, exitFailure, "photo.png: model: not an ONNX model"},
		{[]string{colourModel(t), "-o", filepath.Dir(file)}, exitFailure, "holds photo.png, which is no part of a packed model"},
		{[]string{colourModel(t), "-o", t.TempDir(), "--quality", "12"}, exitFailure, "brotli has no quality 12"},
		{[]string{filepath.Join(t.TempDir(), "absent"), "-o", t.TempDir()}, exitFailure, "absent: no such file"},
		{[]string{colourModel(t)}, exitUsage, "missing flags: --output"},
	} {
		_, errs, status := hamster(t, "", append([]string{"model", "pack"}, c.args...)...)
		if status != c.status || !strings.Contains(errs, c.want) {
			t.Errorf("%v: status %d, %q, want %d, %q", c.args, status, errs, c.status, c.want)
		}
	}
}
