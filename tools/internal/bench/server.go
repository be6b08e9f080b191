package bench

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"hamster/tools/internal/httpfile"
)

// server gives the page of the bench and all that engines load. Unlike
// Hamster's own it lets the browser keep what it got, for a warm visit is
// measured; it lives no longer than that browser.
type server struct {
	root  string
	files map[string][]byte // what the bench made, by URL path
	http  *http.Server
	url   string
}

// folders are what is served from the repository, by URL path.
var folders = map[string]string{
	"/bench/": "tools/bench",
	"/web/":   "web",
	"/npm/":   "tools/npm/node_modules",
}

func newServer(root string, files map[string][]byte) (*server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	s := &server{root: root, files: files, url: fmt.Sprintf("http://%s/bench/page.html", listener.Addr())}
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go s.http.Serve(listener) // ends with close
	return s, nil
}

func (s *server) close() error { return s.http.Close() }

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	content, err := s.read(path.Clean(r.URL.Path))
	if err != nil {
		status := http.StatusNotFound
		if !errors.Is(err, os.ErrNotExist) {
			status = http.StatusInternalServerError
		}
		http.Error(w, http.StatusText(status), status)
		return
	}
	h := w.Header()
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Embedder-Policy", "require-corp")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Content-Type", httpfile.ContentType(r.URL.Path))
	h.Set("Cache-Control", "max-age=86400")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

func (s *server) read(name string) ([]byte, error) {
	if content, ok := s.files[name]; ok {
		return content, nil
	}
	for prefix, folder := range folders {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		return os.ReadFile(filepath.Join(s.root, filepath.FromSlash(folder), filepath.FromSlash(rest)))
	}
	return nil, os.ErrNotExist
}
