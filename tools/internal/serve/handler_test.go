package serve

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
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

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// ask sends one request exactly as given: no redirects, no own compression.
func ask(t *testing.T, server *httptest.Server, method, path string, header ...string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequest(method, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.URL.Opaque = path // as it stands, uncleaned
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Add(header[i], header[i+1])
	}
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
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
		response, body := ask(t, server, "GET", c.path)
		if response.StatusCode != 200 || response.Header.Get("Content-Type") != c.contentType || body != c.body {
			t.Errorf("%s: %s, %q, %d bytes; want 200, %q, %d bytes", c.path,
				response.Status, response.Header.Get("Content-Type"), len(body), c.contentType, len(c.body))
		}
	}
}

func TestEveryAnswerCarriesTheSecurityHeaders(t *testing.T) {
	server, _ := testSite(t)
	for _, c := range []struct{ method, path string }{
		{"GET", "/"}, {"HEAD", "/wasm/hamster.wasm"}, {"GET", "/nothing"}, {"POST", "/"}, {"GET", "/../etc/passwd"},
	} {
		response, _ := ask(t, server, c.method, c.path)
		for name, want := range map[string]string{
			"Content-Security-Policy":      ContentSecurityPolicy,
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cross-Origin-Embedder-Policy": "require-corp",
			"Cross-Origin-Resource-Policy": "same-origin",
			"X-Content-Type-Options":       "nosniff",
			"Referrer-Policy":              "no-referrer",
		} {
			if got := response.Header.Get(name); got != want {
				t.Errorf("%s %s: %s is %q, want %q", c.method, c.path, name, got, want)
			}
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
		response, body := ask(t, server, "GET", path)
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
		response, _ := ask(t, server, method, "/")
		if response.StatusCode != http.StatusMethodNotAllowed || response.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %s, Allow %q", method, response.Status, response.Header.Get("Allow"))
		}
	}
}

func TestHeadEqualsGetWithoutTheBody(t *testing.T) {
	server, _ := testSite(t)
	for _, encoding := range []string{"", "br", "gzip"} {
		get, _ := ask(t, server, "GET", "/wasm/hamster.wasm", "Accept-Encoding", encoding)
		head, body := ask(t, server, "HEAD", "/wasm/hamster.wasm", "Accept-Encoding", encoding)
		if body != "" {
			t.Errorf("%q: HEAD has a body of %d bytes", encoding, len(body))
		}
		for _, name := range []string{"Content-Length", "Content-Encoding", "Content-Type", "ETag", "Vary", UncompressedLength} {
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
		response, body := ask(t, server, "GET", c.path, "Accept-Encoding", c.accept)
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
		_, want := ask(t, server, "GET", c.path)
		if err != nil || !bytes.Equal(plain, []byte(want)) {
			t.Errorf("%s accepting %q: does not decompress to the file: %v", c.path, c.accept, err)
		}
		if got := response.Header.Get(UncompressedLength); got != strconv.Itoa(len(want)) {
			t.Errorf("%s accepting %q: %s is %q, want %d", c.path, c.accept, UncompressedLength, got, len(want))
		}
	}
}

func TestAValidatorNamesExactBytes(t *testing.T) {
	server, dir := testSite(t)
	etag := func(accept string) string {
		response, _ := ask(t, server, "GET", "/", "Accept-Encoding", accept)
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

func TestConditionalRequests(t *testing.T) {
	server, _ := testSite(t)
	first, _ := ask(t, server, "GET", "/", "Accept-Encoding", "br")
	etag := first.Header.Get("ETag")
	for _, c := range []struct {
		name, header, value string
		status              int
	}{
		{"the same", "If-None-Match", etag, 304},
		{"the same, weak", "If-None-Match", "W/" + etag, 304},
		{"in a list", "If-None-Match", `"other", ` + etag, 304},
		{"any", "If-None-Match", "*", 304},
		{"another", "If-None-Match", `"other"`, 200},
		{"nonsense", "If-None-Match", "nonsense", 200},
		{"must match and does", "If-Match", etag, 200},
		{"must match and does not", "If-Match", `"other"`, 412},
	} {
		response, body := ask(t, server, "GET", "/", "Accept-Encoding", "br", c.header, c.value)
		if response.StatusCode != c.status {
			t.Errorf("%s: %s, want %d", c.name, response.Status, c.status)
		}
		if c.status != 200 && (body != "" || response.Header.Get("Content-Encoding") != "") {
			t.Errorf("%s: %d bytes, encoding %q; want neither", c.name, len(body), response.Header.Get("Content-Encoding"))
		}
		if c.status == 304 && (response.Header.Get("ETag") != etag || response.Header.Get("Vary") != "Accept-Encoding") {
			t.Errorf("%s: ETag %q, Vary %q", c.name, response.Header.Get("ETag"), response.Header.Get("Vary"))
		}
	}
}

func TestRangesAreOfThePlainBytes(t *testing.T) {
	server, _ := testSite(t)
	whole, _ := ask(t, server, "GET", "/models/default.onnx")
	compressed, _ := ask(t, server, "GET", "/models/default.onnx", "Accept-Encoding", "br")
	for _, c := range []struct {
		name, ranges, ifRange string
		status                int
		contentRange, body    string
	}{
		{"a middle", "bytes=10-14", "", 206, "bytes 10-14/10000", "01234"},
		{"open-ended", "bytes=9997-", "", 206, "bytes 9997-9999/10000", "789"},
		{"a suffix", "bytes=-2", "", 206, "bytes 9998-9999/10000", "89"},
		{"past the end, cut", "bytes=9998-20000", "", 206, "bytes 9998-9999/10000", "89"},
		{"beyond the end", "bytes=10000-", "", 416, "bytes */10000", "invalid range: failed to overlap\n"},
		{"nonsense", "bytes=b-a", "", 416, "", "invalid range\n"},
		{"another unit", "lines=1-2", "", 416, "", "invalid range\n"},
		{"if still the same", "bytes=0-2", whole.Header.Get("ETag"), 206, "bytes 0-2/10000", "012"},
		{"if still the same, of a compressed one", "bytes=0-2", compressed.Header.Get("ETag"), 200, "", model},
		{"if another", "bytes=0-2", `"other"`, 200, "", model},
	} {
		header := []string{"Range", c.ranges, "Accept-Encoding", "br, gzip"}
		if c.ifRange != "" {
			header = append(header, "If-Range", c.ifRange)
		}
		response, body := ask(t, server, "GET", "/models/default.onnx", header...)
		if response.StatusCode != c.status || response.Header.Get("Content-Range") != c.contentRange || body != c.body {
			t.Errorf("%s: %s, %q, %.20q; want %d, %q, %.20q", c.name,
				response.Status, response.Header.Get("Content-Range"), body, c.status, c.contentRange, c.body)
		}
		if encoding := response.Header.Get("Content-Encoding"); encoding != "" {
			t.Errorf("%s: encoding %q, want none", c.name, encoding)
		}
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

func TestFileNamesOfURLs(t *testing.T) {
	for _, c := range []struct {
		path, name string
		ok         bool
	}{
		{"/", "index.html", true},
		{"/web/a.js", "web/a.js", true},
		{"/web/", "", false},
		{"//web/a.js", "", false},
		{"/a//b", "", false},
		{"/a/../b", "", false},
		{"/..", "", false},
		{"/.git/config", "", false},
		{"/a/.b", "", false},
		{"/c:/windows", "", false},
		{`/a\b`, "", false},
		{"/a\x00", "", false},
		{"/a\xff", "", false},
	} {
		if name, ok := fileName(c.path); name != c.name || ok != c.ok {
			t.Errorf("%q: %q, %v; want %q, %v", c.path, name, ok, c.name, c.ok)
		}
	}
}
