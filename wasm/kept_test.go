//go:build js && wasm

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall/js"
	"testing"

	"hamster/model/onnxfile"
	"hamster/model/packed"
	"hamster/model/simd"
	"hamster/wasm/store"
)

// packedModel is a manifest of a graph and a shard, and their paths.
func packedModel(t *testing.T, graph, shard string) (manifest, shardPath string) {
	t.Helper()
	file := func(content string) packed.File {
		sum := sha256.Sum256([]byte(content))
		digest := hex.EncodeToString(sum[:])
		return packed.File{Path: packed.ShardName(digest), Size: int64(len(content)), SHA256: digest, Compressed: 1}
	}
	m := packed.Manifest{
		Format: packed.Format, Size: int64(len(graph) + len(shard)), Compressed: 2,
		Graph: file(graph), Shards: []packed.File{file(shard)},
		Input: packed.Input{Width: 1, Height: 1, Layout: "NCHW", Channels: "RGB", Scale: []float32{1, 1, 1}, Offset: []float32{0, 0, 0}},
		Mode:  "keras", Labels: []packed.Label{{ID: "a", Name: "a"}},
	}
	m.Graph.Path = packed.GraphName
	text, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return string(text), m.Shards[0].Path
}

// kept is a promise of bytes.
func kept(content string) js.Value {
	return js.Global().Get("Promise").Call("resolve", bytesOf([]byte(content)))
}

func TestAPackedModelIsReadInPlace(t *testing.T) {
	manifest, path := packedModel(t, "the graph", "the shard")
	source, err := sourceOf(js.ValueOf(map[string]any{
		"manifest": manifest,
		"files":    map[string]any{packed.GraphName: kept("the graph"), path: kept("the shard")},
	}))
	if err != nil {
		t.Fatal(err)
	}
	graph, err := io.ReadAll(io.NewSectionReader(source, 0, source.Size()))
	if err != nil || string(graph) != "the graph" {
		t.Errorf("the graph is %q, %v", graph, err)
	}
	shard, size, err := source.(onnxfile.Folder).OpenBeside(path)
	if err != nil || size != 9 {
		t.Fatalf("the shard has %d bytes, %v", size, err)
	}
	if _, direct := shard.(simd.JSBytes); !direct {
		t.Error("the engine would read the shard through Go's memory")
	}
}

func TestAModelIsLoadedWhileWhatItNeedsNotYetIsOnItsWay(t *testing.T) {
	graph := string(means(true)) // which has all weights in it
	manifest, path := packedModel(t, graph, "the shard")
	never := js.FuncOf(func(js.Value, []js.Value) any { return nil })
	defer never.Release()
	source, err := sourceOf(js.ValueOf(map[string]any{
		"manifest": manifest,
		"files":    map[string]any{packed.GraphName: kept(graph), path: js.Global().Get("Promise").New(never)},
	}))
	if err != nil {
		t.Fatal(err)
	}
	var e engine
	if _, err := e.load(t.Context(), source, loadOptions{}); err != nil {
		t.Error(err)
	}
}

func TestAPackedModelThatIsNotAsItsManifestSaysIsRefused(t *testing.T) {
	manifest, path := packedModel(t, "the graph", "the shard")
	for _, c := range []struct {
		name, manifest string
		files          map[string]any
		want           string
	}{
		{"no manifest", "{}", nil, "it names no format"},
		{"a missing shard", manifest, map[string]any{packed.GraphName: kept("the graph")}, path + ": it was not given"},
	} {
		_, err := sourceOf(js.ValueOf(map[string]any{"manifest": c.manifest, "files": c.files}))
		if err == nil || !strings.Contains(err.Error(), c.want) || jsError(err).Get("code").String() != codeModelInvalid {
			t.Errorf("%s: error is %v", c.name, err)
		}
	}
}

func TestReasonsWhyNothingIsKeptHaveTheirCodes(t *testing.T) {
	for _, c := range []struct {
		err  error
		code string
	}{
		{store.ErrMissing, codeStoreMissing},
		{fmt.Errorf("keep a file: %w", store.ErrFull), codeStoreFull},
		{store.ErrRefused, codeStoreRefused},
		{store.ErrBlocked, codeStoreBlocked},
		{store.ErrNewer, codeStoreNewer},
		{errors.New("something else"), codeStoreFailed},
	} {
		if got := jsError(storeFault(c.err)).Get("code").String(); got != c.code {
			t.Errorf("%v: code %q, want %q", c.err, got, c.code)
		}
	}
}
