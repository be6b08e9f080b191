// Package serve answers HTTP for Hamster's page and models: right media types,
// strong validators, ranges, compression, and the security headers that the
// page is written to live under. It lists no folder and leaves none.
package serve

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// ModelPath is where the model is found as one file.
const ModelPath = modelsPath + "/default.onnx"

// UncompressedLength is the answer header that holds a compressed file's
// length after decompression, in bytes. A page that reads the answer as a
// stream sees decompressed bytes, and can show progress only with this.
const UncompressedLength = "X-Uncompressed-Length"

// Answers smaller than this gain nothing from compression.
const compressFrom = 1024

// Values of Cache-Control.
const (
	// Kept, but asked about every time: the validator makes that one short
	// answer, and a new build shows at once.
	revalidated = "no-cache"
	// Never asked about again.
	kept = "public, max-age=31536000, immutable"
)

// Options say what a Handler serves.
type Options struct {
	// Site is the folder of the built site.
	Site string
	// Model is the ONNX file served as ModelPath; empty means there is none.
	Model string
	// Packed is a folder of packed models, each in a folder of its own; empty
	// means there are none. Default is the one of them to load where nobody has
	// chosen.
	Packed, Default string
	// Cache is the folder for compressed copies.
	Cache string
}

// A Handler serves one site and its models. It sees files that change while it
// runs.
type Handler struct {
	site       *os.Root
	model      string
	packed     *os.Root // nil where there are no packed models
	defaultID  string
	compressed *compressed

	mu      sync.Mutex
	digests map[string]digest // by name in the site, or ModelPath
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
	names := []string{ModelPath}
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
		found, err := h.find(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if found.worthCompressing() {
			if copied, err := h.compressed.open(found.sha256, Brotli, found.file); err != nil {
				found.file.Close()
				return fmt.Errorf("%s: %w", name, err)
			} else {
				copied.Close()
			}
		}
		found.file.Close()
	}
	return nil
}

// ServeHTTP answers GET and HEAD.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	SetSecurityHeaders(w.Header())
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, http.StatusMethodNotAllowed, "Only GET and HEAD are answered here.")
		return
	}
	name, ok := fileName(r.URL.Path)
	if !ok {
		refuse(w, http.StatusNotFound, "There is nothing at this address.")
		return
	}
	if name == CataloguePath && h.packed != nil {
		h.sendCatalogue(w, r)
		return
	}
	found, err := h.find(name)
	switch {
	case errors.Is(err, errDamaged):
		refuse(w, http.StatusInternalServerError, "This shard is damaged on the server: its content is not what its name says.")
	case errors.Is(err, fs.ErrNotExist) && name == ModelPath:
		refuse(w, http.StatusNotFound, "There is no model here yet. Get one with: hamster model get")
	case errors.Is(err, fs.ErrNotExist):
		refuse(w, http.StatusNotFound, "There is nothing at this address.")
	case err != nil:
		refuse(w, http.StatusInternalServerError, "The file could not be read.")
	default:
		defer found.file.Close()
		h.send(w, r, found)
	}
}

// fileName turns a URL's path into a name inside the site. Names that climb,
// that start with a dot, or that two systems may read differently are none.
func fileName(urlPath string) (string, bool) {
	name := strings.TrimPrefix(urlPath, "/")
	if name == "" {
		return "index.html", true
	}
	if !fs.ValidPath(name) || !filepath.IsLocal(name) || strings.ContainsAny(name, "\\\x00:") {
		return "", false
	}
	for element := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(element, ".") {
			return "", false
		}
	}
	return name, true
}

// found is an open file and what its headers say.
type found struct {
	name        string
	file        *os.File
	size        int64
	modified    time.Time
	sha256      string
	contentType string
	// stream names the brotli stream among the packed models; empty where
	// copies are made here.
	stream string
	// immutable is set where the name changes with the content.
	immutable bool
}

func (f *found) worthCompressing() bool {
	return f.size >= compressFrom && compressible(f.contentType)
}

// etag differs by encoding, since a strong validator names exact bytes.
func etag(sha256 string, e Encoding) string {
	tag := sha256[:32]
	if e != Identity {
		tag += "-" + string(e)
	}
	return `"` + tag + `"`
}

// find opens the named file. It is fs.ErrNotExist for what is absent and for
// what is not a regular file.
func (h *Handler) find(name string) (*found, error) {
	f, err := h.open(name)
	if err != nil && isMissing(err) {
		return nil, fs.ErrNotExist
	}
	return f, err
}

func (h *Handler) open(name string) (*found, error) {
	if file, ok := packedFile(name); ok && h.packed != nil {
		return h.findPacked(name, file)
	}
	if name != ModelPath {
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
func (h *Handler) describe(name string, file *os.File) (*found, error) {
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
	return &found{
		name: name, file: file, size: info.Size(), modified: info.ModTime(), sha256: sum,
		contentType: ContentType(name),
	}, nil
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

// send writes one file with its validators, compressed where that helps. A
// range is always of the plain bytes, so that a cut download can go on
// whichever encoding it began with.
func (h *Handler) send(w http.ResponseWriter, r *http.Request, f *found) {
	header := w.Header()
	header.Set("Content-Type", f.contentType)
	header.Set("Cache-Control", revalidated)
	if f.immutable {
		header.Set("Cache-Control", kept)
	}

	encoding, content := Identity, io.ReadSeeker(f.file)
	if f.worthCompressing() {
		header.Set("Vary", "Accept-Encoding")
		if r.Header.Get("Range") == "" {
			encoding = NegotiateEncoding(strings.Join(r.Header.Values("Accept-Encoding"), ","))
		}
	}
	if encoding != Identity {
		copied, err := h.copyOf(f, encoding)
		if err == nil {
			defer copied.Close()
			content = copied
			w = &encoded{ResponseWriter: w, encoding: encoding, length: f.size}
		} else {
			// A full disk must not take the page down: send it plain.
			encoding = Identity
			if _, err := f.file.Seek(0, io.SeekStart); err != nil {
				refuse(w, http.StatusInternalServerError, "The file could not be read.")
				return
			}
		}
	}
	header.Set("ETag", etag(f.sha256, encoding))
	http.ServeContent(w, r, f.name, f.modified, content)
}

// copyOf opens the file in the given encoding: the stream beside it, or a copy
// that is made where there is none.
func (h *Handler) copyOf(f *found, encoding Encoding) (*os.File, error) {
	if encoding == Brotli && f.stream != "" {
		if stream, err := h.packed.Open(f.stream); err == nil {
			return stream, nil
		}
	}
	return h.compressed.open(f.sha256, encoding, f.file)
}

// encoded names the content's encoding once it is sure that content follows.
// Set earlier, http.ServeContent would leave the length out, and an answer
// such as 412 would claim an encoding for a body it lacks.
type encoded struct {
	http.ResponseWriter
	encoding Encoding
	length   int64
}

func (e *encoded) WriteHeader(status int) {
	if status == http.StatusOK {
		e.Header().Set("Content-Encoding", string(e.encoding))
		e.Header().Set(UncompressedLength, strconv.FormatInt(e.length, 10))
	}
	e.ResponseWriter.WriteHeader(status)
}

// refuse answers with a status and one sentence.
func refuse(w http.ResponseWriter, status int, sentence string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	fmt.Fprintln(w, sentence)
}
