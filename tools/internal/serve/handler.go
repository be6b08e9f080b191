// Package serve gives Hamster's page and models from folders: it finds, hashes
// and compresses files, and leaves to package httpfile what is said of them. It
// lists no folder and leaves none.
package serve

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"hamster/tools/internal/httpfile"
)

// Options say what a Handler serves.
type Options struct {
	// Site is the folder of the built site.
	Site string
	// Model is the ONNX file served as httpfile.ModelPath; empty means there is
	// none.
	Model string
	// Packed is a folder of packed models, each in a folder of its own; empty
	// means there are none. Default is the one of them to load where nobody has
	// chosen.
	Packed, Default string
	// Cache is the folder for compressed copies.
	Cache string
	// Policy says who else may use it all.
	Policy httpfile.Policy
}

// A Handler serves one site and its models. It sees files that change while it
// runs.
type Handler struct {
	http.Handler
	site       *os.Root
	model      string
	packed     *os.Root // nil where there are no packed models
	defaultID  string
	compressed *compressed

	mu      sync.Mutex
	digests map[string]digest // by name in the site, or httpfile.ModelPath
}

// digest is a file's hash and what the file looked like when it was taken.
type digest struct {
	size     int64
	modified time.Time
	sha256   string
}

// New returns a handler over a folder that exists. Close it after use.
func New(o Options) (*Handler, error) {
	site, err := os.OpenRoot(o.Site)
	if err != nil {
		return nil, fmt.Errorf("open the site: %w", err)
	}
	h := &Handler{site: site, model: o.Model, defaultID: o.Default, digests: map[string]digest{}}
	h.Handler = &httpfile.Handler{Files: h, Policy: o.Policy}
	if o.Packed != "" {
		if h.packed, err = os.OpenRoot(o.Packed); err != nil {
			h.Close()
			return nil, fmt.Errorf("open the packed models: %w", err)
		}
	}
	if h.compressed, err = newCompressed(o.Cache); err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// Close gives back the folders.
func (h *Handler) Close() error {
	err := h.site.Close()
	if h.packed != nil {
		err = errors.Join(err, h.packed.Close())
	}
	return err
}

// Warm makes the compressed copies that a browser will ask for first, so that
// the first visitor does not wait for them.
func (h *Handler) Warm() error {
	names := []string{httpfile.ModelPath}
	err := fs.WalkDir(h.site.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("list the site: %w", err)
	}
	for _, name := range names {
		if err := h.warm(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (h *Handler) warm(name string) error {
	c, err := h.find(name)
	if err != nil {
		return err
	}
	defer c.Close()
	if !c.worthCompressing() {
		return nil
	}
	copied, err := h.compressed.open(c.sha256, httpfile.Brotli, c.file)
	if err != nil {
		return err
	}
	return copied.Close()
}

// Check finds the site where it was.
func (h *Handler) Check(context.Context) error {
	_, err := h.site.Stat(".")
	return err
}

// Find opens the named file.
func (h *Handler) Find(_ context.Context, name string) (*httpfile.File, error) {
	c, err := h.find(name)
	if err != nil {
		return nil, err
	}
	f := &httpfile.File{Name: name, Size: c.size, SHA256: c.sha256, Content: c}
	if c.worthCompressing() {
		f.Encodings = []httpfile.Encoding{httpfile.Brotli, httpfile.Gzip}
	}
	return f, nil
}

// content is an open file.
type content struct {
	handler *Handler
	name    string
	file    *os.File
	size    int64
	sha256  string
	// stream names the brotli stream among the packed models; empty where
	// copies are made here.
	stream string
}

func (c *content) worthCompressing() bool {
	return c.size >= httpfile.CompressFrom && compressible(httpfile.ContentType(c.name))
}

// compressible tells whether a media type gains from compression; pictures
// are compressed already.
func compressible(contentType string) bool {
	return !strings.HasPrefix(contentType, "image/") || strings.HasPrefix(contentType, "image/svg")
}

// Open finds the part in the file itself, or all of it in a compressed copy.
func (c *content) Open(_ context.Context, part httpfile.Part) (httpfile.Body, error) {
	if part.Encoding == httpfile.Identity {
		if _, err := c.file.Seek(part.Offset, io.SeekStart); err != nil {
			return nil, err
		}
		return &body{file: c.file, size: part.Length, borrowed: true}, nil
	}
	copied, err := c.copyIn(part.Encoding)
	if err != nil {
		return nil, err
	}
	info, err := copied.Stat()
	if err != nil {
		copied.Close()
		return nil, err
	}
	return &body{file: copied, size: info.Size()}, nil
}

// copyIn opens the file in the given encoding: the stream beside it, or a copy
// that is made where there is none.
func (c *content) copyIn(encoding httpfile.Encoding) (*os.File, error) {
	if encoding == httpfile.Brotli && c.stream != "" {
		if stream, err := c.handler.packed.Open(c.stream); err == nil {
			return stream, nil
		}
	}
	return c.handler.compressed.open(c.sha256, encoding, c.file)
}

func (c *content) Close() error { return c.file.Close() }

// body is what comes next in a file.
type body struct {
	file     *os.File
	size     int64
	borrowed bool // from a content, which closes it
}

func (b *body) Size() int64 { return b.size }

func (b *body) Send(w http.ResponseWriter) error {
	_, err := io.CopyN(w, b.file, b.size)
	return err
}

func (b *body) Close() error {
	if b.borrowed {
		return nil
	}
	return b.file.Close()
}

// find opens the named file. It is fs.ErrNotExist for what is absent and for
// what is not a regular file.
func (h *Handler) find(name string) (*content, error) {
	c, err := h.open(name)
	if err != nil && isMissing(err) {
		return nil, fs.ErrNotExist
	}
	return c, err
}

func (h *Handler) open(name string) (*content, error) {
	if id, file, ok := httpfile.PackedName(name); ok && h.packed != nil {
		return h.findPacked(name, id, file)
	}
	if name != httpfile.ModelPath {
		file, err := h.site.Open(filepath.FromSlash(name))
		if err != nil {
			return nil, err
		}
		return h.describe(name, file)
	}
	if h.model == "" {
		return nil, fs.ErrNotExist
	}
	file, err := os.Open(h.model)
	if err != nil {
		return nil, err
	}
	return h.describe(name, file)
}

// describe finds out what the headers say of a file, or closes it.
func (h *Handler) describe(name string, file *os.File) (*content, error) {
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	var sum string
	if err == nil {
		sum, err = h.digest(name, file, info)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return &content{handler: h, name: name, file: file, size: info.Size(), sha256: sum}, nil
}

// isMissing also counts a path through a file, an impossible name, and a link
// out of the site (an error of os.Root that holds no errno). Anything else,
// such as too many open files, is a fault worth a 500.
func isMissing(err error) bool {
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno == syscall.ENOTDIR || errno == syscall.ENAMETOOLONG || errno == syscall.ELOOP
	}
	var pathError *fs.PathError
	return errors.As(err, &pathError)
}

// digest returns the file's SHA-256 in hexadecimal, read again only when its
// size or time changed.
func (h *Handler) digest(name string, file *os.File, info fs.FileInfo) (string, error) {
	h.mu.Lock()
	known, ok := h.digests[name]
	h.mu.Unlock()
	if ok && known.size == info.Size() && known.modified.Equal(info.ModTime()) {
		return known.sha256, nil
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	fresh := digest{size: info.Size(), modified: info.ModTime(), sha256: hex.EncodeToString(sum.Sum(nil))}
	h.mu.Lock()
	h.digests[name] = fresh
	h.mu.Unlock()
	return fresh.sha256, nil
}
