package serve

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"

	"hamster/model/conformance/onnxbuild"
	"hamster/model/onnxfile"
	"hamster/model/packed"
	"hamster/tools/internal/httpfile"
	"hamster/tools/internal/httpfile/httptable"
	"hamster/tools/internal/pack"
)

// packedSite serves two packed models, "small" and "other", and what else may lie
// beside them. The first is the default one.
func packedSite(t *testing.T) (server *httptest.Server, folder string, small *packed.Manifest) {
	t.Helper()
	site, folder := t.TempDir(), t.TempDir()
	write(t, filepath.Join(site, "index.html"), page)
	weights := make([]float32, 900)
	for i := range weights {
		weights[i] = float32(i % 7)
	}
	m := &onnxbuild.Model{
		Opset:   13,
		Inputs:  []onnxbuild.Value{{Name: "x", Shape: []int{1, 3, 10, 10}}},
		Outputs: []onnxbuild.Value{{Name: "y", Shape: []int{1, 3}}},
		Tensors: []*onnxfile.Tensor{onnxbuild.Floats("w", []int{300, 3}, weights...)},
		Nodes: []onnxbuild.Node{
			{Name: "flat", Op: "Flatten", Inputs: []string{"x"}, Outputs: []string{"f"}},
			{Name: "dense", Op: "Gemm", Inputs: []string{"f", "w"}, Outputs: []string{"y"}},
		},
		Metadata: map[string]string{"hamster.name": "Other", "hamster.version": "2", "hamster.licence": "MIT"},
	}
	for _, id := range []string{"other", "small"} {
		var err error
		if small, err = pack.Pack(t.Context(), bytes.NewReader(m.Bytes()), filepath.Join(folder, id), pack.Options{}); err != nil {
			t.Fatal(err)
		}
		m.Metadata["hamster.name"], weights[0] = "Small", 1
		m.Tensors[0] = onnxbuild.Floats("w", []int{300, 3}, weights...)
	}
	write(t, filepath.Join(folder, "broken", packed.ManifestName), "{")
	write(t, filepath.Join(folder, "empty", "notes.txt"), "secret")
	write(t, filepath.Join(folder, "small", "notes.txt"), "secret")
	write(t, filepath.Join(folder, ".small-123", packed.ManifestName), "secret")
	write(t, filepath.Join(folder, "file.txt"), "secret")
	handler, err := New(Options{Site: site, Packed: folder, Default: "small", Cache: filepath.Join(t.TempDir(), "copies")})
	if err != nil {
		t.Fatal(err)
	}
	server = httptest.NewServer(handler)
	t.Cleanup(func() {
		server.Close()
		handler.Close()
	})
	return server, folder, small
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestThePackedModelsAreListed(t *testing.T) {
	server, folder, small := packedSite(t)
	response, body := httptable.Ask(t, server.URL, "GET", "/models/index.json")
	var got httpfile.Catalogue
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	other, err := packed.Parse([]byte(read(t, filepath.Join(folder, "other", packed.ManifestName))))
	if err != nil {
		t.Fatal(err)
	}
	want := httpfile.Catalogue{Default: "small", Models: []httpfile.Offer{
		{ID: "other", Name: "Other", Version: "2", Licence: "MIT", Manifest: "../models/other/model.json", Size: other.Size, Compressed: other.Compressed, Labels: 3},
		{ID: "small", Name: "Small", Version: "2", Licence: "MIT", Manifest: "../models/small/model.json", Size: small.Size, Compressed: small.Compressed, Labels: 3},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("listed are %+v, want %+v", got, want)
	}
	if response.Header.Get("Content-Type") != "application/json" || response.Header.Get("Cache-Control") != "public, max-age=60" {
		t.Errorf("headers %v", response.Header)
	}
	if again, _ := httptable.Ask(t, server.URL, "GET", "/models/index.json", "If-None-Match", response.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
		t.Errorf("asked again: %s", again.Status)
	}
	for _, o := range got.Models {
		if manifest, _ := httptable.Ask(t, server.URL, "GET", strings.TrimPrefix(o.Manifest, "..")); manifest.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", o.Manifest, manifest.Status)
		}
	}
	if err := os.RemoveAll(filepath.Join(folder, "small")); err != nil {
		t.Fatal(err)
	}
	if _, body := httptable.Ask(t, server.URL, "GET", "/models/index.json"); strings.Contains(body, "small") {
		t.Errorf("a removed model is listed: %s", body)
	}
}

func TestAPackedModelIsServedFileByFile(t *testing.T) {
	server, folder, small := packedSite(t)
	for _, c := range []struct{ file, contentType, cache string }{
		{packed.ManifestName, "application/json", "public, max-age=60"},
		{packed.GraphName, "application/octet-stream", "no-cache"},
		{small.Shards[0].Path, "application/octet-stream", "public, max-age=31536000, immutable"},
	} {
		name := filepath.Join(folder, "small", c.file)
		// Not what a compressor would make of it, to see that it is sent as it lies.
		stream := "stream of " + c.file
		write(t, name+".br", stream)
		path := "/models/small/" + c.file
		if len(read(t, name)) >= httpfile.CompressFrom {
			response, body := httptable.Ask(t, server.URL, "GET", path, "Accept-Encoding", "gzip, br")
			if body != stream || response.Header.Get("Content-Encoding") != "br" ||
				response.Header.Get("Content-Length") != strconv.Itoa(len(stream)) ||
				response.Header.Get(httpfile.UncompressedLength) != strconv.Itoa(len(read(t, name))) {
				t.Errorf("%s as brotli: %.20q, headers %v", c.file, body, response.Header)
			}
		}
		plain, body := httptable.Ask(t, server.URL, "GET", path)
		if body != read(t, name) || plain.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: %d bytes, headers %v", c.file, len(body), plain.Header)
		}
		for header, want := range map[string]string{"Content-Type": c.contentType, "Cache-Control": c.cache} {
			if got := plain.Header.Get(header); got != want {
				t.Errorf("%s: %s is %q, want %q", c.file, header, got, want)
			}
		}
	}
}

func TestCodingsOfAShard(t *testing.T) {
	server, folder, small := packedSite(t)
	shard := small.Shards[0]
	path, content := "/models/small/"+shard.Path, read(t, filepath.Join(folder, "small", shard.Path))
	tags := map[string]bool{}
	for _, accept := range []string{"", "br", "gzip"} {
		response, _ := httptable.Ask(t, server.URL, "GET", path, "Accept-Encoding", accept)
		if response.Header.Get("Vary") != "Accept-Encoding" || response.Header.Get("Content-Encoding") != accept {
			t.Errorf("accepting %q: headers %v", accept, response.Header)
		}
		tag := response.Header.Get("ETag")
		tags[tag] = true
		if again, _ := httptable.Ask(t, server.URL, "GET", path, "Accept-Encoding", accept, "If-None-Match", tag); again.StatusCode != http.StatusNotModified {
			t.Errorf("accepting %q, asked again: %s", accept, again.Status)
		}
	}
	if len(tags) != 3 {
		t.Errorf("validators %v", tags)
	}
	response, body := httptable.Ask(t, server.URL, "GET", path, "Accept-Encoding", "br", "Range", "bytes=100-")
	if response.StatusCode != http.StatusPartialContent || body != content[100:] || response.Header.Get("Content-Encoding") != "" {
		t.Errorf("a range: %s, %d bytes, headers %v", response.Status, len(body), response.Header)
	}
	if err := os.Remove(filepath.Join(folder, "small", shard.Path+".br")); err != nil {
		t.Fatal(err)
	}
	response, body = httptable.Ask(t, server.URL, "GET", path, "Accept-Encoding", "br")
	plain, err := io.ReadAll(brotli.NewReader(strings.NewReader(body)))
	if err != nil || string(plain) != content || response.Header.Get("Content-Encoding") != "br" {
		t.Errorf("without a stream: %v, headers %v", err, response.Header)
	}
}

func TestOnlyTheFilesOfPackedModelsAreServed(t *testing.T) {
	server, _, small := packedSite(t)
	for _, path := range []string{
		"/models", "/models/", "/models/small", "/models/small/", "/models/absent/model.json", "/models/small/model.json/",
		"/models/small/notes.txt", "/models/empty/notes.txt", "/models/file.txt", "/models/.small-123/model.json",
		"/models/small/model.json.br", "/models/small/" + small.Shards[0].Path + ".br",
		"/models/small/" + strings.Repeat("0", 32) + ".bin", "/models/small/" + strings.ToUpper(small.Shards[0].Path),
		"/models/small/../file.txt", "/models/small/%2e%2e/file.txt", "/models/..%2fsmall/model.json",
		"/models/small/small/model.json", "/models/default.onnx", "/small/model.json",
	} {
		response, body := httptable.Ask(t, server.URL, "GET", path)
		if response.StatusCode != http.StatusNotFound || strings.Contains(body, "secret") {
			t.Errorf("%s: %s, %.40q", path, response.Status, body)
		}
	}
}

func TestADamagedShardIsNotSent(t *testing.T) {
	server, folder, small := packedSite(t)
	shard := small.Shards[0].Path
	write(t, filepath.Join(folder, "small", shard), strings.Repeat("x", int(small.Shards[0].Size)))
	response, body := httptable.Ask(t, server.URL, "GET", "/models/small/"+shard, "Accept-Encoding", "br")
	if response.StatusCode != http.StatusInternalServerError || !strings.Contains(body, "damaged") || response.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s, %q, headers %v", response.Status, body, response.Header)
	}
}

func TestAFolderOfPackedModelsMustBeThere(t *testing.T) {
	_, err := New(Options{Site: t.TempDir(), Packed: filepath.Join(t.TempDir(), "absent"), Cache: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "open the packed models") {
		t.Errorf("error %v", err)
	}
}
