package getmodel

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hamster/model"
	"hamster/model/onnxfile"
	"hamster/tools/internal/fetch"
	"hamster/tools/internal/gztest"
)

// weights are those of a small InceptionV3 with 1000 classes.
func weights(t *testing.T) []byte {
	t.Helper()
	return gztest.Read(t, "../inception/testdata/tiny.h5.gz")
}

// getter works in folders of its own, takes the small weights for those of
// Keras, and reaches url alone.
func getter(t *testing.T, url string) (g *Getter, logged *strings.Builder) {
	t.Helper()
	logged = new(strings.Builder)
	sum := md5.Sum(weights(t))
	return &Getter{
		Cache: t.TempDir(), Home: t.TempDir(), URL: url,
		Fetch:    fetch.Client{Connect: time.Second, Stall: time.Second, Tries: 1},
		Log:      func(format string, args ...any) { fmt.Fprintf(logged, format+"\n", args...) },
		kerasMD5: hex.EncodeToString(sum[:]),
	}, logged
}

// nowhere is an address that answers nothing but 404.
func nowhere(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	return s.URL
}

func putInHome(t *testing.T, g *Getter, data []byte) {
	t.Helper()
	dir := filepath.Join(g.Home, ".keras", "models")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, kerasFile), data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// useTarball gives g the tarball of nsfwjs that the user's cache holds, after
// npm has put it there if need be.
func useTarball(t *testing.T, g *Getter) {
	t.Helper()
	dir, err := CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	tarball, err := (&Getter{Cache: dir}).nsfwjs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(g.Cache, "npm"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(tarball, filepath.Join(g.Cache, "npm", nsfwjsTarball)); err != nil {
		t.Fatal(err)
	}
}

func ensure(t *testing.T, g *Getter, from Origin, wantFile string) string {
	t.Helper()
	path, err := g.Ensure(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(g.Cache, "models", wantFile); path != want {
		t.Errorf("path %s, want %s", path, want)
	}
	return path
}

func wantLog(t *testing.T, logged *strings.Builder, text string) {
	t.Helper()
	if !strings.Contains(logged.String(), text) {
		t.Errorf("logged %q, want %q in it", logged, text)
	}
	logged.Reset()
}

func parse(t *testing.T, path string) *onnxfile.File {
	t.Helper()
	source, err := model.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	file, err := onnxfile.Parse(source, source.Size())
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestAutoTakesTheFileThatKerasHasLeft(t *testing.T) {
	g, logged := getter(t, nowhere(t))
	putInHome(t, g, weights(t))
	path := ensure(t, g, Auto, "inception_v3_imagenet.onnx")
	wantLog(t, logged, "Keras has left its weights in "+filepath.Join(g.Home, ".keras", "models"))

	meta := parse(t, path).Metadata
	for key, want := range map[string]string{
		"hamster.input.size": "299x299", "hamster.input.layout": "NCHW", "hamster.input.channels": "RGB",
		"hamster.input.scale": "127.5", "hamster.input.offset": "-1", "hamster.preprocess": "keras",
		"hamster.output": "probabilities", "hamster.licence": "Apache-2.0",
	} {
		if meta[key] != want {
			t.Errorf("%s is %q, want %q", key, meta[key], want)
		}
	}
	if want := `{"id":"n02342885","label":"hamster"}`; !strings.Contains(meta["hamster.labels"], want) {
		t.Errorf("no label %s", want)
	}
}

func TestAutoDoesNotTakeAKerasFileWithAnotherHash(t *testing.T) {
	g, logged := getter(t, nowhere(t))
	putInHome(t, g, []byte("an older one"))
	useTarball(t, g)
	ensure(t, g, Auto, "inception_v3_nsfw.onnx")
	wantLog(t, logged, "Not taking the Keras file: "+filepath.Join(g.Home, ".keras", "models", kerasFile)+" has md5")
}

func TestAutoDownloadsTheKerasWeights(t *testing.T) {
	data := weights(t)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(data) }))
	defer s.Close()
	g, logged := getter(t, s.URL)
	ensure(t, g, Auto, "inception_v3_imagenet.onnx")
	wantLog(t, logged, "could be downloaded")
}

func TestAutoTakesTheModelOfNpmWhereKerasIsOutOfReach(t *testing.T) {
	g, logged := getter(t, nowhere(t))
	useTarball(t, g)
	path := ensure(t, g, Auto, "inception_v3_nsfw.onnx")
	wantLog(t, logged, "npm package nsfwjs@4.4.0: the Keras weights are neither in")

	file := parse(t, path)
	for key, want := range map[string]string{
		"hamster.name": "InceptionV3 (nsfwjs)", "hamster.version": "4.4.0", "hamster.licence": "MIT",
		"hamster.input.scale": "255", "hamster.input.offset": "0", "hamster.preprocess": "quality",
		"hamster.labels": `[{"id":"Drawing","label":"Drawing"},{"id":"Hentai","label":"Hentai"},` +
			`{"id":"Neutral","label":"Neutral"},{"id":"Porn","label":"Porn"},{"id":"Sexy","label":"Sexy"}]`,
	} {
		if file.Metadata[key] != want {
			t.Errorf("%s is %q, want %q", key, file.Metadata[key], want)
		}
	}
	if len(file.Metadata["hamster.source.sha256"]) != 64 {
		t.Errorf("source hash %q", file.Metadata["hamster.source.sha256"])
	}
	ops := map[string]int{}
	for _, n := range file.Nodes {
		ops[n.Op]++
	}
	if ops["Conv"] != 94 || ops["DequantizeLinear"] != 97 || ops["BatchNormalization"] != 94 {
		t.Errorf("operators %v", ops)
	}

	if _, err := g.Ensure(t.Context(), Auto); err != nil {
		t.Error(err)
	}
	wantLog(t, logged, "it is in the cache")
}

func TestDamagedOrOutdatedModelIsMadeAnew(t *testing.T) {
	g, logged := getter(t, nowhere(t))
	putInHome(t, g, weights(t))
	path := ensure(t, g, Keras, "inception_v3_imagenet.onnx")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func() error{
		"cut short":       func() error { return os.Truncate(path, 1000) },
		"gone":            func() error { return os.Remove(path) },
		"no record":       func() error { return os.Remove(recordPath(path)) },
		"broken record":   func() error { return os.WriteFile(recordPath(path), []byte("?"), 0o644) },
		"other converter": func() error { return os.WriteFile(recordPath(path), []byte(`{"converter":0}`), 0o644) },
	} {
		t.Run(name, func(t *testing.T) {
			logged.Reset()
			if err := damage(); err != nil {
				t.Fatal(err)
			}
			ensure(t, g, Keras, "inception_v3_imagenet.onnx")
			wantLog(t, logged, "Keras has left")
			if again, err := os.ReadFile(path); err != nil || string(again) != string(good) {
				t.Errorf("%d bytes, %v; want the same %d as before", len(again), err, len(good))
			}
		})
	}
}

func TestKerasOutOfReachIsAnError(t *testing.T) {
	g, _ := getter(t, nowhere(t))
	_, err := g.Ensure(t.Context(), Keras)
	if err == nil || !strings.Contains(err.Error(), g.URL) || !strings.Contains(err.Error(), "404") {
		t.Errorf("got error %v", err)
	}
}

func TestTarballWithAnotherHashIsNotUsed(t *testing.T) {
	g, _ := getter(t, nowhere(t))
	t.Setenv("PATH", t.TempDir()) // no npm
	if err := os.Mkdir(filepath.Join(g.Cache, "npm"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(g.Cache, "npm", nsfwjsTarball), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := g.Ensure(t.Context(), NPM)
	if err == nil || !strings.Contains(err.Error(), "npm is not installed") {
		t.Errorf("got error %v", err)
	}
}

func TestUnknownOriginIsRefused(t *testing.T) {
	g, _ := getter(t, nowhere(t))
	if _, err := g.Ensure(t.Context(), "elsewhere"); err == nil || !strings.Contains(err.Error(), `"elsewhere"`) {
		t.Errorf("got error %v", err)
	}
}

func TestDefaultIsTheModelInTheCache(t *testing.T) {
	g, _ := getter(t, nowhere(t))
	t.Setenv("HAMSTER_CACHE", g.Cache)
	if _, err := Default(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got error %v", err)
	}
	putInHome(t, g, weights(t))
	want := ensure(t, g, Keras, "inception_v3_imagenet.onnx")
	if got, err := Default(); err != nil || got != want {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
}
