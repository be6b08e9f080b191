package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hamster/tools/internal/httpfile"
)

// serveModel runs hamster serve with a model until the test ends, and returns its
// address.
func serveModel(t *testing.T, model string) (url string) {
	t.Helper()
	site := t.TempDir()
	write(t, filepath.Join(site, "index.html"), "<!doctype html>")
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan int)
	go func() {
		defer in.Close()
		ended <- run(ctx, []string{"serve", "--addr", "127.0.0.1:0", "--site", site, "--model", model}, &streams{Out: in, Err: io.Discard})
	}()
	t.Cleanup(func() {
		stop()
		if status := <-ended; status != 0 {
			t.Errorf("hamster serve ended with status %d", status)
		}
	})
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(url)
}

func get(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s (%v)", url, response.Status, err)
	}
	return string(body)
}

func TestTheServedModelIsPackedOnce(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("HAMSTER_CACHE", cache)
	model := colourModel(t)
	manifest := filepath.Join(cache, "packed", "colours", "model.json")
	var first os.FileInfo
	for range 2 {
		url := serveModel(t, model)
		var list httpfile.Catalogue
		if err := json.Unmarshal([]byte(get(t, url+"models/index.json")), &list); err != nil {
			t.Fatal(err)
		}
		if list.Default != "colours" || len(list.Models) != 1 || list.Models[0].Name != "Colours" {
			t.Fatalf("offered are %+v", list)
		}
		get(t, url+strings.TrimPrefix(list.Models[0].Manifest, "../"))
		get(t, url+"models/colours/graph.onnx")
		get(t, url+"models/default.onnx")
		info, err := os.Stat(manifest)
		if err != nil {
			t.Fatal(err)
		}
		if first != nil && !os.SameFile(first, info) {
			t.Error("it was packed again")
		}
		first = info
	}
}

func TestAModelThatCannotBePackedIsServedAsItIs(t *testing.T) {
	t.Setenv("HAMSTER_CACHE", t.TempDir())
	url := serveModel(t, write(t, filepath.Join(t.TempDir(), "page.onnx"), "<!doctype html>"))
	if list := get(t, url+"models/index.json"); list != `{"models":[]}` {
		t.Errorf("offered are %s", list)
	}
	if body := get(t, url+"models/default.onnx"); body != "<!doctype html>" {
		t.Errorf("the model is %q", body)
	}
}

func TestWhoMayEmbedIsChecked(t *testing.T) {
	var said strings.Builder
	status := run(t.Context(), []string{"serve", "--addr", "127.0.0.1:0", "--embed", "example.org; script-src *"}, &streams{Out: io.Discard, Err: &said})
	if status == 0 || !strings.Contains(said.String(), "is no origin") {
		t.Errorf("status %d, said %q", status, said.String())
	}
}
