package httpfile

import (
	"path"
	"strings"
	"testing"
)

func TestNamesOfURLs(t *testing.T) {
	for _, c := range []struct {
		path, name string
		ok         bool
	}{
		{"/", "index.html", true},
		{"/web/a.js", "web/a.js", true},
		{"/web/", "", false},
		{"//web/a.js", "", false},
		{"/a//b", "", false},
		{"/a/../b", "", false},
		{"/..", "", false},
		{"/.git/config", "", false},
		{"/a/.b", "", false},
		{"/c:/windows", "", false},
		{`/a\b`, "", false},
		{"/a\x00", "", false},
		{"/a\xff", "", false},
	} {
		if name, ok := NameOf(c.path); name != c.name || ok != c.ok {
			t.Errorf("%q: %q, %v; want %q, %v", c.path, name, ok, c.name, c.ok)
		}
	}
}

func TestNamesOfPackedFiles(t *testing.T) {
	const shard = "0123456789abcdef0123456789abcdef.bin"
	for _, c := range []struct {
		name, id, file string
		ok             bool
	}{
		{"models/a/model.json", "a", "model.json", true},
		{"models/a/graph.onnx", "a", "graph.onnx", true},
		{"models/a/" + shard, "a", shard, true},
		{"models/a/" + shard + ".br", "", "", false},
		{"models/a/notes.txt", "", "", false},
		{"models/a/b/model.json", "", "", false},
		{"models//model.json", "", "", false},
		{"models/model.json", "", "", false},
		{"a/model.json", "", "", false},
	} {
		if id, file, ok := PackedName(c.name); id != c.id || file != c.file || ok != c.ok {
			t.Errorf("%q: %q, %q, %v; want %q, %q, %v", c.name, id, file, ok, c.id, c.file, c.ok)
		}
	}
}

func FuzzNoNameClimbsOrHides(f *testing.F) {
	f.Add("/models/a/../../b")
	f.Add("/models/a/0123456789abcdef0123456789abcdef.bin")
	f.Fuzz(func(t *testing.T, urlPath string) {
		name, ok := NameOf(urlPath)
		if !ok {
			return
		}
		if path.Clean(name) != name || path.IsAbs(name) || strings.HasPrefix(name, ".") || strings.Contains(name, "/.") {
			t.Errorf("%q gives %q", urlPath, name)
		}
		if id, file, ok := PackedName(name); ok && ModelsPath+"/"+id+"/"+file != name {
			t.Errorf("%q gives %q and %q", name, id, file)
		}
	})
}
