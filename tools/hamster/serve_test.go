package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestServeServesASiteAndAModelUntilItIsStopped(t *testing.T) {
	t.Setenv("HAMSTER_CACHE", t.TempDir())
	site, model := t.TempDir(), filepath.Join(t.TempDir(), "some.onnx")
	for name, content := range map[string]string{filepath.Join(site, "index.html"): "the page", model: "the model"} {
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, said := io.Pipe()
	status := make(chan int, 1)
	go func() {
		status <- run(ctx, []string{"serve", "--addr", "127.0.0.1:0", "--site", site, "--model", model},
			&streams{In: strings.NewReader(""), Out: said, Err: io.Discard})
		said.Close()
	}()
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("no address was printed: %v (status %d)", err, <-status)
	}
	for path, want := range map[string]string{"": "the page", "models/default.onnx": "the model"} {
		response, err := http.Get(strings.TrimSpace(url) + path)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || string(content) != want {
			t.Errorf("/%s: %q, %v; want %q", path, content, err, want)
		}
	}
	stop()
	if got := <-status; got != 0 {
		t.Errorf("exit status %d, want 0", got)
	}
}

func TestServeSaysWhatIsInTheWay(t *testing.T) {
	t.Setenv("HAMSTER_CACHE", t.TempDir())
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, c := range []struct {
		name   string
		args   []string
		status int
		says   string
	}{
		{"a taken port", []string{"--addr", taken.Addr().String()}, exitFailure, "another program already uses " + taken.Addr().String()},
		{"a site that is not there", []string{"--site", "absent"}, exitUsage, "absent"},
		{"a model that is not there", []string{"--model", "absent.onnx"}, exitUsage, "absent.onnx"},
	} {
		var out, said bytes.Buffer
		status := run(t.Context(), append([]string{"serve"}, c.args...), &streams{In: strings.NewReader(""), Out: &out, Err: &said})
		if status != c.status || !strings.Contains(said.String(), c.says) || out.Len() > 0 {
			t.Errorf("%s: status %d, %q; want %d, %q", c.name, status, said.String(), c.status, c.says)
		}
	}
}
