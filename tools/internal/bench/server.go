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
	"sync"
	"time"

	"hamster/tools/internal/httpfile"
)

// server gives the page of the bench and all that engines load. Unlike
// Hamster's own it lets the browser keep what it got, for a warm visit is
// measured; it lives no longer than that browser.
type server struct {
	root   string
	site   string // the folder of Hamster's own, of which the engine and the library come
	http   *http.Server
	origin string

	mu    sync.Mutex
	files map[string][]byte // what the bench made, by URL path
}

// folders are what is served from the repository, by URL path.
var folders = map[string]string{
	"/bench/": "tools/bench",
	"/npm/":   packagesDir,
}

func newServer(root, site string, files map[string][]byte) (*server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	s := &server{root: root, site: site, files: files, origin: fmt.Sprintf("http://%s", listener.Addr())}
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
	s.mu.Lock()
	content, ok := s.files[name]
	s.mu.Unlock()
	if ok {
		return content, nil
	}
	for prefix, folder := range folders {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		return os.ReadFile(filepath.Join(s.root, filepath.FromSlash(folder), filepath.FromSlash(rest)))
	}
	if s.site == "" {
		return nil, os.ErrNotExist
	}
	return os.ReadFile(filepath.Join(s.site, filepath.FromSlash(name)))
}

// put replaces a file that the bench made. Browsers are told to keep what they
// got, so a new one needs a new name, or a query that makes one.
func (s *server) put(name string, content []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[name] = content
}
