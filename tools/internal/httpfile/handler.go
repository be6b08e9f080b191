package httpfile

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"strconv"
	"strings"
)

// Requests whose headers take more than this, in bytes, are refused.
const MaxHeader = 16 << 10

// CompressFrom is the size, in bytes, under which a file gains nothing from
// compression.
const CompressFrom = 1024

// Files is where the bytes lie.
type Files interface {
	// Find returns the file with a name that NameOf gives. It is
	// fs.ErrNotExist for what is not there, ErrMissing for what should be, and
	// ErrDamaged for what is not what it should be.
	Find(ctx context.Context, name string) (*File, error)
	// Catalogue lists the packed models.
	Catalogue(ctx context.Context) (*Catalogue, error)
	// Check tells why nothing could be answered at present, or nil.
	Check(ctx context.Context) error
}

var (
	// ErrMissing means that a model has a file which is not there.
	ErrMissing = errors.New("the file is missing")
	// ErrDamaged means that a file is not what its name or its model says.
	ErrDamaged = errors.New("the file is damaged")
	// ErrUnavailable means that files cannot be looked for at present.
	ErrUnavailable = errors.New("the storage is not there")
)

// A File is one file and what its headers say.
type File struct {
	Name   string
	Size   int64  // of the plain bytes
	SHA256 string // of the plain bytes, in hexadecimal
	// Encodings are those that it can be had in besides Identity, the best one
	// first.
	Encodings []Encoding
	Content   Content
}

// Content gives the bytes of a File.
type Content interface {
	// Open fails as Files.Find does when the bytes are not there.
	Open(ctx context.Context, part Part) (Body, error)
	Close() error
}

// A Part is what is asked for of a file.
type Part struct {
	Encoding Encoding
	// Offset and Length are of the plain bytes; encoded, a file is always sent
	// whole.
	Offset, Length int64
	// NoBody is set when only the size of the Body matters.
	NoBody bool
}

// A Body is what follows the headers.
type Body interface {
	Size() int64 // in bytes, as they are sent
	Send(w http.ResponseWriter) error
	Close() error
}

// A Handler answers for Files.
type Handler struct {
	Files  Files
	Policy Policy
}

// ServeHTTP answers GET and HEAD, and lets other origins ask whether they may.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, ok := NameOf(r.URL.Path)
	maps.Copy(w.Header(), h.Policy.HeadersFor(name))
	switch {
	case headerSize(r.Header) > MaxHeader:
		refuse(w, r, http.StatusRequestHeaderFieldsTooLarge, "The request's headers are too large.")
	case r.Method == http.MethodOptions && h.Policy.shared() && r.Header.Get("Access-Control-Request-Method") != "":
		permit(w)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, r, http.StatusMethodNotAllowed, "Only GET and HEAD are answered here.")
	case !ok:
		nothing(w, r)
	case name == HealthPath:
		h.sendHealth(w, r)
	case name == CataloguePath || name == APIPath:
		h.sendCatalogue(w, r)
	case name == EmbedPath:
		h.sendFile(w, r, EmbedFile)
	default:
		h.sendFile(w, r, name)
	}
}

func headerSize(h http.Header) (bytes int) {
	for name, values := range h {
		// A line may have been split at its commas on its way here.
		bytes += len(name) + len(": \r\n")
		for _, value := range values {
			bytes += len(value) + len(",")
		}
	}
	return bytes
}

// permit answers the question that a browser asks before a request with
// headers of its own. That the origin may read the answer is said already.
func permit(w http.ResponseWriter) {
	w.Header().Set("Access-Control-Allow-Methods", "GET, HEAD")
	w.Header().Set("Access-Control-Allow-Headers", "If-Match, If-None-Match, If-Range, Range")
	w.Header().Set("Access-Control-Max-Age", "86400")
	w.WriteHeader(http.StatusNoContent)
}

const noModels = "No model can be served at present."

func (h *Handler) sendHealth(w http.ResponseWriter, r *http.Request) {
	if err := h.Files.Check(r.Context()); err != nil {
		refuse(w, r, http.StatusServiceUnavailable, noModels)
		return
	}
	say(w, r, http.StatusOK, "ok")
}

func (h *Handler) sendCatalogue(w http.ResponseWriter, r *http.Request) {
	list, err := h.Files.Catalogue(r.Context())
	var text []byte
	if err == nil {
		text, err = list.Encode()
	}
	if errors.Is(err, fs.ErrNotExist) {
		nothing(w, r)
		return
	}
	if err != nil {
		refuse(w, r, http.StatusInternalServerError, "The models could not be listed.")
		return
	}
	sum := sha256.Sum256(text)
	w.Header().Set("Cache-Control", brief)
	h.send(w, r, &File{Name: CataloguePath, Size: int64(len(text)), SHA256: hex.EncodeToString(sum[:]), Content: inMemory(text)})
}

func (h *Handler) sendFile(w http.ResponseWriter, r *http.Request, name string) {
	f, err := h.Files.Find(r.Context(), name)
	if err != nil {
		refuseFile(w, r, name, err)
		return
	}
	defer f.Content.Close()
	w.Header().Set("Cache-Control", cacheControl(name))
	h.send(w, r, f)
}

// send writes one file with its validators, compressed where that helps. A
// range is always of the plain bytes, so that a cut download can go on
// whichever encoding it began with.
func (h *Handler) send(w http.ResponseWriter, r *http.Request, f *File) {
	header := w.Header()
	isRange := r.Method == http.MethodGet && len(r.Header.Values("Range")) > 0
	part := Part{Length: f.Size, NoBody: r.Method == http.MethodHead}
	if len(f.Encodings) > 0 {
		header.Set("Vary", "Accept-Encoding")
		if !isRange {
			part.Encoding = negotiate(field(r.Header, "Accept-Encoding"), f.Encodings)
		}
	}
	status := precondition(r.Header, Etag(f.SHA256, part.Encoding))
	if status != http.StatusOK {
		header.Set("ETag", Etag(f.SHA256, part.Encoding))
		if status == http.StatusNotModified {
			w.WriteHeader(status)
			return
		}
		refuse(w, r, status, "The file is another one by now.")
		return
	}
	if isRange && rangeHolds(r.Header, Etag(f.SHA256, Identity)) {
		offset, length, verdict := parseRange(field(r.Header, "Range"), f.Size)
		switch verdict {
		case unsatisfiable:
			header.Set("Content-Range", fmt.Sprintf("bytes */%d", f.Size))
			refuse(w, r, http.StatusRequestedRangeNotSatisfiable, "The file has no such bytes.")
			return
		case partial:
			part.Offset, part.Length = offset, length
			status = http.StatusPartialContent
			header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", offset, offset+length-1, f.Size))
		}
	}
	body, err := f.Content.Open(r.Context(), part)
	if err != nil && part.Encoding != Identity {
		// A full disk, or a stream that was not uploaded, must not take the
		// file down: it is sent plain.
		part.Encoding = Identity
		body, err = f.Content.Open(r.Context(), part)
	}
	if err != nil {
		header.Del("Content-Range")
		refuseFile(w, r, f.Name, err)
		return
	}
	defer body.Close()
	if part.Encoding != Identity {
		header.Set("Content-Encoding", string(part.Encoding))
		header.Set(UncompressedLength, strconv.FormatInt(f.Size, 10))
	}
	header.Set("Accept-Ranges", "bytes")
	header.Set("Content-Length", strconv.FormatInt(body.Size(), 10))
	header.Set("Content-Type", ContentType(f.Name))
	header.Set("ETag", Etag(f.SHA256, part.Encoding))
	w.WriteHeader(status)
	if !part.NoBody {
		_ = body.Send(w) // the status is out: a client sees that bytes lack
	}
}

// refuseFile says why a file is not sent.
func refuseFile(w http.ResponseWriter, r *http.Request, name string, err error) {
	switch {
	case errors.Is(err, fs.ErrNotExist) && name == ModelPath:
		refuse(w, r, http.StatusNotFound, "There is no model here yet. Get one with: hamster model get")
	case errors.Is(err, fs.ErrNotExist) && name == EmbedFile:
		refuse(w, r, http.StatusNotFound, "This site has no page to embed.")
	case errors.Is(err, fs.ErrNotExist):
		nothing(w, r)
	case errors.Is(err, ErrUnavailable):
		w.Header().Set("Retry-After", "60")
		refuse(w, r, http.StatusServiceUnavailable, noModels)
	case errors.Is(err, ErrMissing):
		w.Header().Set("Retry-After", "60")
		refuse(w, r, http.StatusServiceUnavailable, "This part of the model is missing on the server.")
	case errors.Is(err, ErrDamaged):
		refuse(w, r, http.StatusInternalServerError, "This part of the model is damaged on the server: its content is not what its name says.")
	default:
		refuse(w, r, http.StatusInternalServerError, "The file could not be read.")
	}
}

func nothing(w http.ResponseWriter, r *http.Request) {
	refuse(w, r, http.StatusNotFound, "There is nothing at this address.")
}

// refuse answers with a status and one sentence.
func refuse(w http.ResponseWriter, r *http.Request, status int, sentence string) {
	w.Header().Del("Accept-Ranges")
	say(w, r, status, sentence)
}

func say(w http.ResponseWriter, r *http.Request, status int, line string) {
	line += "\n"
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(line)))
	w.Header().Set("Cache-Control", never)
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(line))
	}
}

// inMemory is content that was made for one answer.
type inMemory string

func (m inMemory) Open(_ context.Context, part Part) (Body, error) {
	return inMemory(m[part.Offset : part.Offset+part.Length]), nil
}

func (m inMemory) Size() int64 { return int64(len(m)) }

func (m inMemory) Send(w http.ResponseWriter) error {
	_, err := strings.NewReader(string(m)).WriteTo(w)
	return err
}

func (m inMemory) Close() error { return nil }
