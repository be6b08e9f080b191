package packed_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"

	"hamster/model/packed"
)

// file remembers that it was closed.
type file struct {
	*bytes.Reader
	closed *int
}

func (f file) Close() error {
	*f.closed++
	return nil
}

// fileOf is the entry of a shard with the given content; of the graph if so named.
func fileOf(name, content string) packed.File {
	sum := sha256.Sum256([]byte(content))
	digest := hex.EncodeToString(sum[:])
	if name == "" {
		name = packed.ShardName(digest)
	}
	return packed.File{Path: name, Size: int64(len(content)), SHA256: digest}
}

func TestASourceIsTheGraphAndAFolderOfTheShards(t *testing.T) {
	a, b := fileOf("", "shard a"), fileOf("", "shard b")
	m := &packed.Manifest{Graph: fileOf(packed.GraphName, "graph"), Shards: []packed.File{a, b}}
	contents := map[string]string{packed.GraphName: "graph", a.Path: "shard a", b.Path: "shard b"}
	closed := 0
	s, err := packed.New(m, func(f packed.File) (packed.Bytes, error) {
		return file{bytes.NewReader([]byte(contents[f.Path])), &closed}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(); err != nil {
		t.Error(err)
	}
	read := func(r io.ReaderAt, size int64) string {
		text, err := io.ReadAll(io.NewSectionReader(r, 0, size))
		if err != nil {
			t.Error(err)
		}
		return string(text)
	}
	if got := read(s, s.Size()); got != "graph" {
		t.Errorf("the source reads as %q", got)
	}
	for _, f := range m.Shards {
		r, size, err := s.OpenBeside(f.Path)
		if err != nil || read(r, size) != contents[f.Path] {
			t.Errorf("%s: %v", f.Path, err)
		}
	}
	for _, name := range []string{packed.GraphName, packed.ManifestName, "", "../" + a.Path} {
		if _, _, err := s.OpenBeside(name); err == nil {
			t.Errorf("%q is opened", name)
		}
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil || closed != 3 {
		t.Errorf("%d files are closed (%v)", closed, err)
	}
}

func TestAFileThatIsNotAsTheManifestSaysIsNamed(t *testing.T) {
	a := fileOf("", "shard a")
	m := &packed.Manifest{Graph: fileOf(packed.GraphName, "graph"), Shards: []packed.File{a}}
	for _, c := range []struct {
		name         string
		graph, shard string
		want         string
	}{
		{"a missing shard", "graph", "", "the shard " + a.Path + ": not there"},
		{"half a shard", "graph", "sha", "the shard " + a.Path + " has 3 bytes, the manifest says 7"},
		{"a shard and more", "graph", "shard a!", "the shard " + a.Path + " has 8 bytes, the manifest says 7"},
		{"another shard", "graph", "shard b", "the shard " + a.Path + " is damaged: its SHA-256 is "},
		{"another graph", "grapf", "shard a", "the graph graph.onnx is damaged: its SHA-256 is "},
	} {
		closed, opened := 0, 0
		s, err := packed.New(m, func(f packed.File) (packed.Bytes, error) {
			content := c.shard
			if f.Path == packed.GraphName {
				content = c.graph
			}
			if content == "" {
				return nil, errors.New("not there")
			}
			opened++
			return file{bytes.NewReader([]byte(content)), &closed}, nil
		})
		if err == nil {
			err = s.Verify()
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		if opened != closed {
			t.Errorf("%s: of %d files %d are closed", c.name, opened, closed)
		}
	}
}
