package serve

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"

	"hamster/tools/internal/httpfile"
	"hamster/tools/internal/httpfile/httptable"
)

var (
	page    = strings.Repeat("<p>A hamster hoards.</p>\n", 200)
	program = "\x00asm\x01\x00\x00\x00" + strings.Repeat("wasm", 1000)
	model   = strings.Repeat("0123456789", 1000)
)

// testSite serves a small site over a real socket.
func testSite(t *testing.T) (*httptest.Server, string) {
	t.Helper()
	dir := t.TempDir()
	outside := filepath.Join(t.TempDir(), "secret.txt")
	modelFile := filepath.Join(t.TempDir(), "some.onnx")
	write(t, outside, "secret")
	write(t, modelFile, model)
	for name, content := range map[string]string{
		"index.html":         page,
		"wasm/hamster.wasm":  program,
		"web/page/main.js":   "export {};\n",
		"web/page/page.css":  "body {}\n",
		"web/icons/icon.svg": "<svg/>",
		"samples/cat.png":    strings.Repeat("PNG", 1000),
		".hidden/key":        "secret",
		".env":               "secret",
	} {
		write(t, filepath.Join(dir, filepath.FromSlash(name)), content)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link.txt")); err != nil {
		t.Fatal(err)
	}
	handler, err := New(Options{Site: dir, Model: modelFile, Cache: filepath.Join(t.TempDir(), "copies")})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.Close()
		handler.Close()
	})
	return server, dir
}

func TestItKeepsWhatEveryServerOfHamsterPromises(t *testing.T) {
	models, damaged := httptable.Models(t), t.TempDir()
	if err := os.CopyFS(damaged, os.DirFS(models)); err != nil {
		t.Fatal(err)
	}
	torn := filepath.Join(damaged, httptable.Torn, httptable.Manifest(t, models, httptable.Torn).Shards[0].Path)
	if err := os.Truncate(torn, 100); err != nil {
		t.Fatal(err)
	}
	partial := filepath.Join(damaged, httptable.Partial, httptable.Manifest(t, models, httptable.Partial).Shards[0].Path)
	if err := os.Remove(partial); err != nil {
		t.Fatal(err)
	}
	site := t.TempDir()
	write(t, filepath.Join(site, "index.html"), page)
	write(t, filepath.Join(site, filepath.FromSlash(httpfile.EmbedFile)), httptable.Frame)
	handler, err := New(Options{
		Site: site, Packed: damaged, Default: httptable.Small, Cache: t.TempDir(),
		Policy: httpfile.Policy{Embedders: []string{httptable.Embedder}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer handler.Close()
	ctx, stop := context.WithCancel(t.Context())
	listener, err := Listen(ctx, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, listener, handler) }()
	httptable.Run(t, "http://"+listener.Addr().String(), models, httptable.Direct)
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestNothingIsSharedUnlessSomebodyMayEmbedIt(t *testing.T) {
	server, _ := testSite(t)
	for _, path := range []string{"/", "/web/page/main.js", "/models/default.onnx", "/embed", "/nothing"} {
		response, _ := httptable.Ask(t, server.URL, "GET", path)
		for name, want := range map[string]string{
			"Content-Security-Policy":      httpfile.ContentSecurityPolicy,
			"Cross-Origin-Resource-Policy": "same-origin",
			"Access-Control-Allow-Origin":  "",
		} {
			if got := response.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestEveryFileHasItsContentAndType(t *testing.T) {
	server, _ := testSite(t)
	for _, c := range []struct{ path, contentType, body string }{
		{"/", "text/html; charset=utf-8", page},
		{"/index.html", "text/html; charset=utf-8", page},
		{"/?photo=1", "text/html; charset=utf-8", page},
		{"/wasm/hamster.wasm", "application/wasm", program},
		{"/web/page/main.js", "text/javascript; charset=utf-8", "export {};\n"},
		{"/web/page/page.css", "text/css; charset=utf-8", "body {}\n"},
		{"/web/icons/icon.svg", "image/svg+xml", "<svg/>"},
		{"/models/default.onnx", "application/octet-stream", model},
	} {
		response, body := httptable.Ask(t, server.URL, "GET", c.path)
		if response.StatusCode != 200 || response.Header.Get("Content-Type") != c.contentType || body != c.body {
			t.Errorf("%s: %s, %q, %d bytes; want 200, %q, %d bytes", c.path,
				response.Status, response.Header.Get("Content-Type"), len(body), c.contentType, len(c.body))
		}
	}
}

func TestNothingOutsideTheSiteIsServed(t *testing.T) {
	server, _ := testSite(t)
	for _, path := range []string{
		"/nothing", "/index.html/", "/index.html/more", "/web", "/web/", "/web/page/",
		"/../secret.txt", "/..%2fsecret.txt", "/web/../index.html", "/web/%2e%2e/%2e%2e/secret.txt",
		"/./index.html", "/web//page/main.js", "/..%5csecret.txt", "/web%5cpage%5cmain.js",
		"/.env", "/.hidden/key", "/link.txt", "/index.html%00.png", "/models/", "/models/other.onnx",
		"/" + strings.Repeat("long", 200),
	} {
		response, body := httptable.Ask(t, server.URL, "GET", path)
		if response.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s, want 404", path, response.Status)
		}
		if strings.Contains(body, "secret") || strings.Count(body, "\n") != 1 {
			t.Errorf("%s: body is %.80q, want one sentence", path, body)
		}
	}
}

func TestOnlyGetAndHeadAreAnswered(t *testing.T) {
	server, _ := testSite(t)
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PATCH"} {
		response, _ := httptable.Ask(t, server.URL, method, "/")
		if response.StatusCode != http.StatusMethodNotAllowed || response.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %s, Allow %q", method, response.Status, response.Header.Get("Allow"))
		}
	}
}

func TestHeadEqualsGetWithoutTheBody(t *testing.T) {
	server, _ := testSite(t)
	for _, encoding := range []string{"", "br", "gzip"} {
		get, _ := httptable.Ask(t, server.URL, "GET", "/wasm/hamster.wasm", "Accept-Encoding", encoding)
		head, body := httptable.Ask(t, server.URL, "HEAD", "/wasm/hamster.wasm", "Accept-Encoding", encoding)
		if body != "" {
			t.Errorf("%q: HEAD has a body of %d bytes", encoding, len(body))
		}
		for _, name := range []string{"Content-Length", "Content-Encoding", "Content-Type", "ETag", "Vary", httpfile.UncompressedLength} {
			if get.Header.Get(name) != head.Header.Get(name) {
				t.Errorf("%q: %s is %q for HEAD, %q for GET", encoding, name, head.Header.Get(name), get.Header.Get(name))
			}
		}
	}
}

func TestCompressionFollowsWhatTheClientAccepts(t *testing.T) {
	server, _ := testSite(t)
	for _, c := range []struct{ path, accept, encoding string }{
		{"/", "gzip, deflate, br, zstd", "br"},
		{"/", "gzip", "gzip"},
		{"/", "", ""},
		{"/models/default.onnx", "br", "br"},
		{"/web/page/main.js", "br", ""}, // too small to gain
		{"/samples/cat.png", "br", ""},  // compressed already
	} {
		response, body := httptable.Ask(t, server.URL, "GET", c.path, "Accept-Encoding", c.accept)
		if got := response.Header.Get("Content-Encoding"); got != c.encoding {
			t.Errorf("%s accepting %q: encoding %q, want %q", c.path, c.accept, got, c.encoding)
			continue
		}
		if got := response.Header.Get("Content-Length"); got != strconv.Itoa(len(body)) {
			t.Errorf("%s accepting %q: length %q of %d bytes", c.path, c.accept, got, len(body))
		}
		var plain []byte
		var err error
		switch c.encoding {
		case "br":
			plain, err = io.ReadAll(brotli.NewReader(strings.NewReader(body)))
		case "gzip":
			var reader *gzip.Reader
			if reader, err = gzip.NewReader(strings.NewReader(body)); err == nil {
				plain, err = io.ReadAll(reader)
			}
		default:
			continue
		}
		_, want := httptable.Ask(t, server.URL, "GET", c.path)
		if err != nil || !bytes.Equal(plain, []byte(want)) {
			t.Errorf("%s accepting %q: does not decompress to the file: %v", c.path, c.accept, err)
		}
		if got := response.Header.Get(httpfile.UncompressedLength); got != strconv.Itoa(len(want)) {
			t.Errorf("%s accepting %q: %s is %q, want %d", c.path, c.accept, httpfile.UncompressedLength, got, len(want))
		}
	}
}

func TestAValidatorNamesExactBytes(t *testing.T) {
	server, dir := testSite(t)
	etag := func(accept string) string {
		response, _ := httptable.Ask(t, server.URL, "GET", "/", "Accept-Encoding", accept)
		return response.Header.Get("ETag")
	}
	plain, br, gz := etag(""), etag("br"), etag("gzip")
	if plain == br || br == gz || plain == gz || strings.HasPrefix(plain, "W/") || plain == "" {
		t.Errorf("ETags are %q plain, %q br, %q gzip; want three different strong ones", plain, br, gz)
	}
	write(t, filepath.Join(dir, "index.html"), page+"changed")
	if changed := etag(""); changed == plain {
		t.Errorf("the ETag stayed %q when the file changed", changed)
	}
}

func TestWithoutAModelTheAnswerSaysHowToGetOne(t *testing.T) {
	for _, name := range []string{"", filepath.Join(t.TempDir(), "absent.onnx")} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "index.html"), page)
		handler, err := New(Options{Site: dir, Model: name, Cache: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		defer handler.Close()
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest("GET", "/models/default.onnx", nil))
		if recorder.Code != 404 || !strings.Contains(recorder.Body.String(), "hamster model get") {
			t.Errorf("model %q: %d %q", name, recorder.Code, recorder.Body)
		}
	}
}

func TestAMissingSiteIsRefused(t *testing.T) {
	if _, err := New(Options{Site: filepath.Join(t.TempDir(), "absent"), Cache: t.TempDir()}); err == nil {
		t.Error("no error for a site that is not there")
	}
}

func TestWarmMakesTheCopiesBeforehand(t *testing.T) {
	dir, cache := t.TempDir(), t.TempDir()
	write(t, filepath.Join(dir, "index.html"), page)
	write(t, filepath.Join(dir, "small.js"), "export {};")
	handler, err := New(Options{Site: dir, Cache: cache})
	if err != nil {
		t.Fatal(err)
	}
	defer handler.Close()
	if err := handler.Warm(); err != nil {
		t.Fatal(err)
	}
	copies, err := filepath.Glob(filepath.Join(cache, "*.br"))
	if err != nil || len(copies) != 1 {
		t.Errorf("copies are %q, %v; want one", copies, err)
	}
}

func TestAFullDiskStillServesThePlainFile(t *testing.T) {
	dir, cache := t.TempDir(), filepath.Join(t.TempDir(), "copies")
	write(t, filepath.Join(dir, "index.html"), page)
	handler, err := New(Options{Site: dir, Cache: cache})
	if err != nil {
		t.Fatal(err)
	}
	defer handler.Close()
	if err := os.Remove(cache); err != nil { // no copy can be written any more
		t.Fatal(err)
	}
	request := httptest.NewRequest("GET", "/", nil)
	request.Header.Set("Accept-Encoding", "br")
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	if recorder.Code != 200 || recorder.Header().Get("Content-Encoding") != "" || recorder.Body.String() != page {
		t.Errorf("%d, encoding %q, %d bytes", recorder.Code, recorder.Header().Get("Content-Encoding"), recorder.Body.Len())
	}
}
