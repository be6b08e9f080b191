package httpfile

import (
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

// Directives of the Content-Security-Policy but for who may show the page in a
// frame: everything from the page's own origin, WebAssembly but no eval,
// pictures from the reader's own device. The first five are the promise that
// the page's code is written to; the rest closes what default-src does not
// reach.
const (
	directivesToWorkers = "default-src 'self'; " +
		"script-src 'self' 'wasm-unsafe-eval'; " +
		"worker-src 'self'"
	directivesFromImages = "; img-src 'self' blob: data:; " +
		"connect-src 'self'; " +
		"object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors "
)

// ContentSecurityPolicy is that of every answer but the frame for other sites.
const ContentSecurityPolicy = directivesToWorkers + directivesFromImages + "'none'"

// framePolicy is that of the frame. In a sandbox it has no origin, so that no
// worker's address is of its own but data:, in which an import of ours stands.
func framePolicy(embedders []string) string {
	return directivesToWorkers + " data:" + directivesFromImages + strings.Join(embedders, " ")
}

// UncompressedLength is the answer header that holds a compressed file's
// length after decompression, in bytes. A page that reads the answer as a
// stream sees decompressed bytes, and can show progress only with this.
const UncompressedLength = "X-Uncompressed-Length"

// Values of Cache-Control.
const (
	// Kept, but asked about every time: the validator makes that one short
	// answer, and a new build shows at once.
	revalidated = "no-cache"
	// What tells of a new model may be a minute late.
	brief = "public, max-age=60"
	// Never asked about again.
	kept = "public, max-age=31536000, immutable"
	// Faults pass.
	never = "no-store"
)

// A Policy says who else may use what is served.
type Policy struct {
	// Embedders are the origins whose pages may show EmbedPath in a frame; "*"
	// is any. As soon as there is one, scripts and models can be loaded from
	// other origins too.
	Embedders []string
}

// ParseEmbedders reads a list of origins, separated by commas or spaces, such as
// "https://example.org https://*.example.net:8443". It refuses what could end
// the header or name more than an origin.
func ParseEmbedders(list string) ([]string, error) {
	var origins []string
	for _, origin := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }) {
		if err := checkOrigin(origin); err != nil {
			return nil, err
		}
		if !slices.Contains(origins, origin) {
			origins = append(origins, origin)
		}
	}
	return origins, nil
}

func checkOrigin(origin string) error {
	if origin == "*" {
		return nil
	}
	u, err := url.Parse(origin)
	if err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Scheme+"://"+u.Host == origin && isHost(u.Hostname()) {
		return nil
	}
	return fmt.Errorf("%q is no origin: name scheme and host, as in https://example.org, or * for any", origin)
}

// isHost knows what a Content-Security-Policy takes as a host: names and IPv4
// addresses, with a star as the first label at the most.
func isHost(host string) bool {
	host = strings.TrimPrefix(host, "*.")
	return host != "" && strings.Trim(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") == ""
}

// shared tells whether other origins may load scripts and models.
func (p Policy) shared() bool { return len(p.Embedders) > 0 }

// HeadersFor are the headers that every answer for a name carries, errors
// included. The name is that of a file in the site, or of one of this package's
// own addresses.
//
// COOP and COEP make the page cross-origin isolated, without which a browser
// has no shared memory and the engine no threads; a worker needs COEP on its own
// script too, so no name is exempt.
func (p Policy) HeadersFor(name string) http.Header {
	h := http.Header{}
	h.Set("Content-Security-Policy", ContentSecurityPolicy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Embedder-Policy", "require-corp")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(self), microphone=(), geolocation=(), display-capture=()")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	switch {
	case !p.shared() || path.Ext(name) == ".html" || name == workerPath:
	case name == EmbedPath:
		h.Set("Content-Security-Policy", framePolicy(p.Embedders))
		// A page that is isolated itself shows only frames that agree to it.
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	default:
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Expose-Headers", "Content-Encoding, Content-Length, Content-Range, ETag, "+UncompressedLength)
	}
	return h
}

// contentTypes is complete for what Hamster serves, so that no answer depends
// on the mime tables of the machine it runs on.
var contentTypes = map[string]string{
	".bin":         "application/octet-stream",
	".css":         "text/css; charset=utf-8",
	".html":        "text/html; charset=utf-8",
	".ico":         "image/x-icon",
	".jpg":         "image/jpeg",
	".js":          "text/javascript; charset=utf-8",
	".json":        "application/json",
	".mjs":         "text/javascript; charset=utf-8",
	".onnx":        "application/octet-stream",
	".png":         "image/png",
	".svg":         "image/svg+xml",
	".txt":         "text/plain; charset=utf-8",
	".wasm":        "application/wasm",
	".webmanifest": "application/manifest+json",
	".webp":        "image/webp",
}

// ContentType returns the media type for a file's name.
func ContentType(name string) string {
	ext := strings.ToLower(path.Ext(name))
	if t, ok := contentTypes[ext]; ok {
		return t
	}
	if t := mime.TypeByExtension(ext); t != "" {
		return t
	}
	return "application/octet-stream"
}
