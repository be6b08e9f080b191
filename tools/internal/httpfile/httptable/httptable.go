// Package httptable tests what package httpfile promises, on any server that
// keeps the promise: over a real socket, from a table, with models of its own.
package httptable

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"

	"hamster/model/conformance/onnxbuild"
	"hamster/model/onnxfile"
	"hamster/model/packed"
	"hamster/tools/internal/httpfile"
	"hamster/tools/internal/pack"
)

// Names of the packed models that Models makes. Small is the default one.
const (
	Small = "small"
	Other = "other"
	// Torn is a model whose only shard is to be cut short, and Partial one whose
	// only shard is to be missing: a server that holds them so is asked for both.
	Torn    = "torn"
	Partial = "partial"
)

// Embedder may show the frame of a server under test.
const Embedder = "https://example.org"

// Frame is the text of httpfile.EmbedFile on a server under test.
const Frame = "<!doctype html><title>frame</title>" + "<p>A hamster hoards.</p>"

// Models packs the models into a folder and returns it.
func Models(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for i, id := range []string{Small, Other, Torn, Partial} {
		weights := make([]float32, 9000)
		for j := range weights {
			weights[j] = float32(j % (7 + i))
		}
		m := &onnxbuild.Model{
			Opset:   13,
			Inputs:  []onnxbuild.Value{{Name: "x", Shape: []int{1, 3, 10, 100}}},
			Outputs: []onnxbuild.Value{{Name: "y", Shape: []int{1, 3}}},
			Tensors: []*onnxfile.Tensor{onnxbuild.Floats("w", []int{3000, 3}, weights...)},
			Nodes: []onnxbuild.Node{
				{Name: "flat", Op: "Flatten", Inputs: []string{"x"}, Outputs: []string{"f"}},
				{Name: "dense", Op: "Gemm", Inputs: []string{"f", "w"}, Outputs: []string{"y"}},
			},
			Metadata: map[string]string{"hamster.name": strings.ToTitle(id), "hamster.version": "2", "hamster.licence": "MIT"},
		}
		if _, err := pack.Pack(t.Context(), bytes.NewReader(m.Bytes()), filepath.Join(folder, id), pack.Options{Quality: pack.Quick}); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// Manifest reads a model's manifest in a folder of packed models.
func Manifest(t *testing.T, folder, id string) *packed.Manifest {
	t.Helper()
	m, err := packed.Parse([]byte(read(t, folder, id, packed.ManifestName)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func read(t *testing.T, elements ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(elements...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Ask sends one request exactly as given, and returns the answer and its body
// as it came: no redirects, no own compression.
func Ask(t *testing.T, base, method, path string, header ...string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, base, nil)
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
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return response, string(body)
}

func decode(t *testing.T, response *http.Response, body string) string {
	t.Helper()
	var reader io.Reader = strings.NewReader(body)
	switch encoding := response.Header.Get("Content-Encoding"); encoding {
	case "":
	case "br":
		reader = brotli.NewReader(reader)
	case "gzip":
		unzipped, err := gzip.NewReader(reader)
		if err != nil {
			t.Fatal(err)
		}
		reader = unzipped
	default:
		t.Fatalf("encoding %q", encoding)
	}
	plain, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

// A Path is what lies between the server and its clients.
type Path int

const (
	Direct Path = iota
	// Compressing is a network that compresses texts on their way, as
	// Cloudflare's does.
	Compressing
)

// Run asks the server at base, which serves the models in folder under a policy
// with Embedder, and Frame. Torn and Partial lack on the server what they have in
// the folder.
func Run(t *testing.T, base, folder string, path Path) {
	base = strings.TrimSuffix(base, "/")
	s := &served{base: base, folder: folder, path: path, small: Manifest(t, folder, Small)}
	s.shard = "/models/small/" + s.small.Shards[0].Path
	s.content = read(t, folder, Small, s.small.Shards[0].Path)
	for _, test := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"every file of a model has its bytes, type and validator", s.testFiles},
		{"a file comes in the coding that the client accepts", s.testEncodings},
		{"conditions are kept", s.testConditions},
		{"ranges are of the plain bytes", s.testRanges},
		{"HEAD is GET without the body", s.testHead},
		{"the catalogue is the same at both addresses and leads to the manifests", s.testCatalogue},
		{"the frame may be shown by whom the policy names", s.testFrame},
		{"other origins may load models", s.testSharing},
		{"every answer carries the security headers", s.testSecurity},
		{"bad requests get a status and a sentence", s.testBadRequests},
		{"headers of absurd content are read, and larger ones refused", s.testAbsurdHeaders},
		{"a file that is damaged or missing on the server is not sent", s.testLosses},
		{"the health is told", s.testHealth},
	} {
		t.Run(test.name, test.run)
	}
}

type served struct {
	base, folder   string
	path           Path
	small          *packed.Manifest
	shard, content string // of the small model
}

func (s *served) ask(t *testing.T, method, path string, header ...string) (*http.Response, string) {
	t.Helper()
	return Ask(t, s.base, method, path, header...)
}

func (s *served) testFiles(t *testing.T) {
	tags := map[string]bool{}
	for _, c := range []struct{ file, contentType, cache string }{
		{packed.ManifestName, "application/json", "public, max-age=60"},
		{packed.GraphName, "application/octet-stream", "no-cache"},
		{s.small.Shards[0].Path, "application/octet-stream", "public, max-age=31536000, immutable"},
	} {
		response, body := s.ask(t, "GET", "/models/small/"+c.file)
		if want := read(t, s.folder, Small, c.file); response.StatusCode != http.StatusOK || body != want {
			t.Errorf("%s: %s, %d bytes, want %d", c.file, response.Status, len(body), len(want))
		}
		for name, want := range map[string]string{
			"Content-Type": c.contentType, "Cache-Control": c.cache, "Content-Encoding": "",
			"Accept-Ranges": "bytes", "Content-Length": strconv.Itoa(len(body)),
		} {
			if got := response.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", c.file, name, got, want)
			}
		}
		tag := response.Header.Get("ETag")
		if !strings.HasPrefix(tag, `"`) || tags[tag] {
			t.Errorf("%s: ETag %s", c.file, tag)
		}
		tags[tag] = true
	}
}

func (s *served) testEncodings(t *testing.T) {
	plain, _ := s.ask(t, "GET", s.shard)
	for _, c := range []struct {
		accept string
		allow  []string // codings that the server may choose
	}{
		{"br", []string{"br"}},
		{"gzip, deflate, br, zstd", []string{"br"}},
		{"br;q=0.5, gzip;q=0.1", []string{"br"}},
		{"gzip", []string{"gzip", ""}},
		{"br;q=0", []string{""}},
		{"identity", []string{""}},
		{"nonsense;;q=,", []string{""}},
	} {
		response, body := s.ask(t, "GET", s.shard, "Accept-Encoding", c.accept)
		encoding := response.Header.Get("Content-Encoding")
		if !slices.Contains(c.allow, encoding) {
			t.Errorf("accepting %q: encoding %q", c.accept, encoding)
			continue
		}
		if got := decode(t, response, body); got != s.content {
			t.Errorf("accepting %q: %d bytes of content, want %d", c.accept, len(got), len(s.content))
		}
		if got := response.Header.Get("Content-Length"); got != strconv.Itoa(len(body)) {
			t.Errorf("accepting %q: length %q of %d bytes", c.accept, got, len(body))
		}
		if got := response.Header.Get("Vary"); got != "Accept-Encoding" {
			t.Errorf("accepting %q: Vary %q", c.accept, got)
		}
		if same := response.Header.Get("ETag") == plain.Header.Get("ETag"); same != (encoding == "") {
			t.Errorf("accepting %q: ETag %s, plain %s", c.accept, response.Header.Get("ETag"), plain.Header.Get("ETag"))
		}
		length := ""
		if encoding != "" {
			length = strconv.Itoa(len(s.content))
		}
		if got := response.Header.Get(httpfile.UncompressedLength); got != length {
			t.Errorf("accepting %q: %s is %q, want %q", c.accept, httpfile.UncompressedLength, got, length)
		}
		if encoding == "br" {
			if want := s.small.Shards[0].Compressed; int64(len(body)) != want {
				t.Errorf("accepting %q: %d bytes, the stream that was packed has %d", c.accept, len(body), want)
			}
		}
	}
}

func (s *served) testConditions(t *testing.T) {
	first, _ := s.ask(t, "GET", s.shard, "Accept-Encoding", "br")
	tag := first.Header.Get("ETag")
	for _, c := range []struct {
		name, header, value string
		status              int
	}{
		{"the same", "If-None-Match", tag, 304},
		{"the same, weak", "If-None-Match", "W/" + tag, 304},
		{"in a list", "If-None-Match", `"other", W/"more" , ` + tag, 304},
		{"in a list with a comma in a tag", "If-None-Match", `"a, b",` + tag, 304},
		{"any", "If-None-Match", "*", 304},
		{"another", "If-None-Match", `"other"`, 200},
		{"that of another coding", "If-None-Match", strings.Replace(tag, "-br", "", 1), 200},
		{"an open quotation", "If-None-Match", strings.TrimSuffix(tag, `"`), 200},
		{"nonsense", "If-None-Match", "nonsense", 200},
		{"empty", "If-None-Match", "", 200},
		{"must match and does", "If-Match", tag, 200},
		{"must match, any", "If-Match", "*", 200},
		{"must match, but weakly", "If-Match", "W/" + tag, 412},
		{"must match and does not", "If-Match", `"other"`, 412},
		{"a date", "If-Modified-Since", "Mon, 02 Jan 2040 15:04:05 GMT", 200},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			response, body := s.ask(t, method, s.shard, "Accept-Encoding", "br", c.header, c.value)
			if response.StatusCode != c.status {
				t.Errorf("%s, %s: %s, want %d", c.name, method, response.Status, c.status)
			}
			if c.status != 200 && response.Header.Get("Content-Encoding") != "" && s.path == Direct {
				t.Errorf("%s, %s: encoding %q", c.name, method, response.Header.Get("Content-Encoding"))
			}
			if c.status == 304 && (body != "" || response.Header.Get("ETag") != tag || response.Header.Get("Vary") != "Accept-Encoding" ||
				response.Header.Get("Cache-Control") != first.Header.Get("Cache-Control")) {
				t.Errorf("%s, %s: %d bytes, headers %v", c.name, method, len(body), response.Header)
			}
		}
	}
}

func (s *served) testRanges(t *testing.T) {
	size := len(s.content)
	from := func(n int) string { return strconv.Itoa(n) }
	whole, _ := s.ask(t, "GET", s.shard)
	compressed, _ := s.ask(t, "GET", s.shard, "Accept-Encoding", "br")
	part := func(first, end int) string { return fmt.Sprintf("bytes %d-%d/%d", first, end-1, size) }
	none := fmt.Sprintf("bytes */%d", size)
	huge := strings.Repeat("9", 40)
	for _, c := range []struct {
		name, ranges, ifRange string
		status                int
		contentRange, body    string
	}{
		{"a middle", "bytes=10-14", "", 206, part(10, 15), s.content[10:15]},
		{"the first byte", "bytes=0-0", "", 206, part(0, 1), s.content[:1]},
		{"all", "bytes=0-", "", 206, part(0, size), s.content},
		{"open-ended", "bytes=" + from(size-3) + "-", "", 206, part(size-3, size), s.content[size-3:]},
		{"a suffix", "bytes=-20", "", 206, part(size-20, size), s.content[size-20:]},
		{"a suffix larger than the file", "bytes=-" + huge, "", 206, part(0, size), s.content},
		{"past the end, cut", "bytes=" + from(size-2) + "-" + huge, "", 206, part(size-2, size), s.content[size-2:]},
		{"in capitals, with spaces", "Bytes= 1-3 ", "", 206, part(1, 4), s.content[1:4]},
		{"just beyond the end", "bytes=" + from(size) + "-", "", 416, none, ""},
		{"far beyond the end", "bytes=" + huge + "-", "", 416, none, ""},
		{"nothing at the end", "bytes=-0", "", 416, none, ""},
		{"backwards", "bytes=5-2", "", 416, none, ""},
		{"nonsense", "bytes=b-a", "", 416, none, ""},
		{"a negative number", "bytes=--5", "", 416, none, ""},
		{"a sign", "bytes=+1-2", "", 416, none, ""},
		{"hexadecimal", "bytes=0x1-0x2", "", 416, none, ""},
		{"no numbers", "bytes=-", "", 416, none, ""},
		{"nothing", "bytes=", "", 416, none, ""},
		{"no dash", "bytes=7", "", 416, none, ""},
		{"another unit", "lines=1-2", "", 200, "", s.content},
		{"no unit", "1-2", "", 200, "", s.content},
		{"two at a time", "bytes=0-1, 4-5", "", 200, "", s.content},
		{"very many at a time", "bytes=" + strings.Repeat("0-1,", 2000) + "0-1", "", 200, "", s.content},
		{"if still the same", "bytes=0-2", whole.Header.Get("ETag"), 206, part(0, 3), s.content[:3]},
		{"if still the same, weak", "bytes=0-2", "W/" + whole.Header.Get("ETag"), 200, "", s.content},
		{"if still the same, of a compressed one", "bytes=0-2", compressed.Header.Get("ETag"), 200, "", s.content},
		{"if another", "bytes=0-2", `"other"`, 200, "", s.content},
		{"if since a date", "bytes=0-2", "Mon, 02 Jan 2040 15:04:05 GMT", 200, "", s.content},
	} {
		header := []string{"Range", c.ranges, "Accept-Encoding", "br, gzip"}
		if c.ifRange != "" {
			header = append(header, "If-Range", c.ifRange)
		}
		response, body := s.ask(t, "GET", s.shard, header...)
		if response.StatusCode != c.status || response.Header.Get("Content-Range") != c.contentRange {
			t.Errorf("%s: %s, %q; want %d, %q", c.name, response.Status, response.Header.Get("Content-Range"), c.status, c.contentRange)
		}
		if c.status == 416 {
			checkSentence(t, c.name, response, decode(t, response, body))
			continue
		}
		if body != c.body || response.Header.Get("Content-Length") != strconv.Itoa(len(c.body)) || response.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: %d bytes, want %d; headers %v", c.name, len(body), len(c.body), response.Header)
		}
	}
}

func (s *served) testHead(t *testing.T) {
	for _, path := range []string{s.shard, "/models/small/graph.onnx", "/models/small/model.json", "/api/models", "/embed", "/models/absent/model.json"} {
		for _, accept := range []string{"", "br"} {
			get, _ := s.ask(t, "GET", path, "Accept-Encoding", accept)
			head, body := s.ask(t, "HEAD", path, "Accept-Encoding", accept, "Range", "bytes=0-1")
			if body != "" || head.StatusCode != get.StatusCode {
				t.Errorf("%s accepting %q: %s for HEAD, with %d bytes; %s for GET", path, accept, head.Status, len(body), get.Status)
			}
			for _, name := range []string{"Content-Length", "Content-Encoding", "Content-Type", "Cache-Control", "ETag", "Vary", httpfile.UncompressedLength} {
				if s.path == Compressing && name == "Content-Length" && get.Header.Get(name) == "" {
					continue // nobody knows it while the text is being compressed
				}
				if get.Header.Get(name) != head.Header.Get(name) {
					t.Errorf("%s accepting %q: %s is %q for HEAD, %q for GET", path, accept, name, head.Header.Get(name), get.Header.Get(name))
				}
			}
		}
	}
}

func (s *served) testCatalogue(t *testing.T) {
	var texts []string
	for _, path := range []string{"/api/models", "/models/index.json"} {
		response, body := s.ask(t, "GET", path)
		if response.Header.Get("Content-Type") != "application/json" || response.Header.Get("Cache-Control") != "public, max-age=60" {
			t.Errorf("%s: headers %v", path, response.Header)
		}
		if again, _ := s.ask(t, "GET", path, "If-None-Match", response.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
			t.Errorf("%s, asked again: %s", path, again.Status)
		}
		var got httpfile.Catalogue
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatal(err)
		}
		from, err := url.Parse(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range got.Models {
			to, err := from.Parse(o.Manifest)
			if err != nil {
				t.Fatal(err)
			}
			manifest, text := s.ask(t, "GET", to.Path)
			if manifest.StatusCode != http.StatusOK || text != read(t, s.folder, o.ID, packed.ManifestName) {
				t.Errorf("%s leads to %s: %s", path, to, manifest.Status)
			}
		}
		var want httpfile.Catalogue
		want.Default = Small
		for _, id := range []string{Other, Partial, Small, Torn} {
			m := Manifest(t, s.folder, id)
			want.Models = append(want.Models, httpfile.Offer{
				ID: id, Name: strings.ToTitle(id), Version: "2", Licence: "MIT", Manifest: "../models/" + id + "/model.json",
				Size: m.Size, Compressed: m.Compressed, Labels: 3,
			})
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", path, got, want)
		}
		texts = append(texts, body)
	}
	if texts[0] != texts[1] {
		t.Errorf("one address says %s, the other %s", texts[0], texts[1])
	}
}

func (s *served) testFrame(t *testing.T) {
	response, body := s.ask(t, "GET", "/embed?model=small")
	if response.StatusCode != http.StatusOK || body != Frame || response.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("%s, %q, headers %v", response.Status, body, response.Header)
	}
	policy := response.Header.Get("Content-Security-Policy")
	if !strings.HasSuffix(policy, "frame-ancestors "+Embedder) || !strings.HasPrefix(policy, "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' data:; ") {
		t.Errorf("policy %q", policy)
	}
	for name, want := range map[string]string{
		"Cross-Origin-Resource-Policy": "cross-origin", "Cross-Origin-Embedder-Policy": "require-corp",
		"X-Frame-Options": "", "Access-Control-Allow-Origin": "",
	} {
		if got := response.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got := response.Header.Get("Permissions-Policy"); !strings.Contains(got, "camera=(self)") {
		t.Errorf("Permissions-Policy is %q", got)
	}
	if again, _ := s.ask(t, "GET", "/embed", "If-None-Match", response.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
		t.Errorf("asked again: %s", again.Status)
	}
}

func (s *served) testSharing(t *testing.T) {
	for _, path := range []string{s.shard, "/models/small/model.json", "/api/models", "/models/absent/model.json"} {
		response, _ := s.ask(t, "GET", path, "Origin", "https://anywhere.example")
		exposed := response.Header.Get("Access-Control-Expose-Headers")
		if response.Header.Get("Access-Control-Allow-Origin") != "*" || response.Header.Get("Cross-Origin-Resource-Policy") != "cross-origin" ||
			!strings.Contains(exposed, httpfile.UncompressedLength) || !strings.Contains(exposed, "Content-Encoding") {
			t.Errorf("%s: headers %v", path, response.Header)
		}
		response, body := s.ask(t, "OPTIONS", path, "Origin", "https://anywhere.example", "Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "range")
		if response.StatusCode != http.StatusNoContent || body != "" || response.Header.Get("Access-Control-Allow-Methods") != "GET, HEAD" ||
			!strings.Contains(response.Header.Get("Access-Control-Allow-Headers"), "Range") {
			t.Errorf("asked before %s: %s, headers %v", path, response.Status, response.Header)
		}
	}
}

func (s *served) testSecurity(t *testing.T) {
	for _, c := range []struct{ method, path string }{
		{"GET", "/"}, {"GET", s.shard}, {"HEAD", s.shard}, {"GET", "/embed"}, {"GET", "/api/models"}, {"GET", "/healthz"},
		{"GET", "/models/nothing"}, {"GET", "/api/nothing"}, {"GET", "/nothing"}, {"POST", "/api/models"},
	} {
		response, _ := s.ask(t, c.method, c.path)
		for name, want := range map[string]string{
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cross-Origin-Embedder-Policy": "require-corp",
			"X-Content-Type-Options":       "nosniff",
			"Referrer-Policy":              "no-referrer",
		} {
			if got := response.Header.Get(name); got != want {
				t.Errorf("%s %s: %s is %q, want %q", c.method, c.path, name, got, want)
			}
		}
		if got := response.Header.Get("Content-Security-Policy"); c.path != "/embed" && got != httpfile.ContentSecurityPolicy {
			t.Errorf("%s %s: policy %q", c.method, c.path, got)
		}
		if got := response.Header.Get("Cross-Origin-Resource-Policy"); c.path == "/" && got != "same-origin" {
			t.Errorf("%s %s: Cross-Origin-Resource-Policy is %q", c.method, c.path, got)
		}
	}
}

func (s *served) testBadRequests(t *testing.T) {
	base := strings.TrimPrefix(s.shard, "/models/small/")
	for _, c := range []struct {
		name, method, path string
		status             int
		header             []string
	}{
		{"an unknown model", "GET", "/models/absent/model.json", 404, nil},
		{"an unknown shard", "GET", "/models/small/" + strings.Repeat("0", 32) + ".bin", 404, nil},
		{"a shard of another model", "GET", "/models/other/" + base, 404, nil},
		{"a stream", "GET", s.shard + ".br", 404, nil},
		{"another case", "GET", "/models/small/" + strings.ToUpper(base), 404, nil},
		{"a folder", "GET", "/models/small/", 404, nil},
		{"the folder of models", "GET", "/models/", 404, nil},
		{"a model without its file", "GET", "/models/small", 404, nil},
		{"a file within a file", "GET", "/models/small/model.json/", 404, nil},
		{"a double slash", "GET", "/models//small/model.json", 404, nil},
		{"climbing", "GET", "/models/small/../../../etc/passwd", 404, nil},
		{"climbing, escaped", "GET", "/models/small/%2e%2e/%2e%2e/%2e%2e/etc/passwd", 404, nil},
		{"climbing, with an escaped slash", "GET", "/models/..%2f..%2fetc%2fpasswd", 404, nil},
		{"climbing, escaped twice", "GET", "/models/%252e%252e/model.json", 404, nil},
		{"climbing, with backslashes", "GET", "/models/..%5c..%5cmodel.json", 404, nil},
		{"a NUL", "GET", "/models/small/model.json%00.bin", 404, nil},
		{"no UTF-8", "GET", "/models/%ff%fe/model.json", 404, nil},
		{"a hidden file", "GET", "/models/.small/model.json", 404, nil},
		{"a prototype's name", "GET", "/models/__proto__/model.json", 404, nil},
		{"a very long name", "GET", "/models/" + strings.Repeat("long", 1000), 404, nil},
		{"an unknown interface", "GET", "/api/secrets", 404, nil},
		{"below the frame", "GET", "/embed/more", 404, nil},
		{"a malformed escape", "GET", "/models/%zz/model.json", 400, nil},
		{"POST", "POST", "/api/models", 405, nil},
		{"PUT of a shard", "PUT", s.shard, 405, nil},
		{"DELETE of a shard", "DELETE", s.shard, 405, nil},
		{"OPTIONS without a question", "OPTIONS", s.shard, 405, nil},
		{"PATCH", "PATCH", "/embed", 405, nil},
		{"oversized headers", "GET", s.shard, 431, []string{"X-Large", strings.Repeat("x", httpfile.MaxHeader)}},
		{"very many headers", "GET", s.shard, 431, slices.Repeat([]string{"X-Many", strings.Repeat("x", 100)}, 200)},
	} {
		method, path := c.method, c.path
		var response *http.Response
		var body string
		if strings.Contains(path, "%zz") {
			response, body = askRaw(t, s.base, method, path)
		} else {
			response, body = s.ask(t, method, path, c.header...)
		}
		if response.StatusCode != c.status {
			t.Errorf("%s: %s, want %d", c.name, response.Status, c.status)
		}
		checkSentence(t, c.name, response, body)
		if c.status == http.StatusMethodNotAllowed && response.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: Allow %q", c.name, response.Header.Get("Allow"))
		}
	}
}

// testAbsurdHeaders fills each header that is looked at, to just under the limit and
// far beyond it.
func (s *served) testAbsurdHeaders(t *testing.T) {
	compressed, _ := s.ask(t, "GET", s.shard, "Accept-Encoding", "br")
	tag := compressed.Header.Get("ETag")
	// fill repeats what comes before the end until both have about so many bytes.
	fill := func(size int, begin, again, end string) string {
		return begin + strings.Repeat(again, (size-len(begin)-len(end))/len(again)) + end
	}
	for _, c := range []struct {
		header, begin, again, end string
		// What comes while it is not too large. A range, even one that is passed
		// over, is of plain bytes.
		status   int
		encoding string
	}{
		{"Range", "bytes=", "0-1,", "0-1", 200, ""},
		{"Range", "bytes=", ",", "0-1", 206, ""},
		{"Range", "bytes=", "-", "", 416, ""},
		{"Range", "bytes=", "9", "-", 416, ""},
		{"Range", "", "x", "=0-1", 200, ""},
		{"Range", "", "=", "", 200, ""},
		{"Accept-Encoding", "", "zstd, ", "br", 200, "br"},
		{"Accept-Encoding", "br, ", "zstd, ", "br;q=0", 200, ""},
		{"Accept-Encoding", "br;q=0.", "0", "1", 200, ""}, // too little to count
		{"Accept-Encoding", "br;q=0.", "9", "", 200, "br"},
		{"Accept-Encoding", "", "b", "", 200, ""},
		{"Accept-Encoding", "", ";", ", br", 200, "br"},
		{"If-None-Match", "", `"a", `, tag, 304, ""},
		{"If-None-Match", "", `W/"a", `, "W/" + tag, 304, ""},
		{"If-None-Match", "", `"a", `, `"a"`, 200, "br"},
		{"If-None-Match", "", `"`, "", 200, "br"},
		{"If-None-Match", "", ", ", tag, 304, ""},
		{"If-None-Match", "", "W/", tag, 200, "br"},
		{"If-Match", "", `"a", `, `"a"`, 412, ""},
		{"If-Match", "", `"a", `, tag, 200, "br"},
		{"If-Range", `"`, "a", `"`, 200, ""},
	} {
		for _, size := range []int{httpfile.MaxHeader * 3 / 4, 100_000} {
			value := fill(size, c.begin, c.again, c.end)
			name := fmt.Sprintf("%s of %d bytes, %.20q…%q", c.header, size, value, c.end)
			header := []string{c.header, value}
			if c.header != "Accept-Encoding" {
				header = append(header, "Accept-Encoding", "br")
			}
			if c.header == "If-Range" {
				header = append(header, "Range", "bytes=0-1")
			}
			for _, method := range []string{"GET", "HEAD"} {
				response, body := s.ask(t, method, s.shard, header...)
				if size > httpfile.MaxHeader {
					if response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
						t.Errorf("%s, %s: %s, want 431", method, name, response.Status)
					} else if method == "GET" {
						checkSentence(t, name, response, decode(t, response, body))
					}
					continue
				}
				status := c.status
				if method == "HEAD" && strings.HasSuffix(c.header, "Range") {
					continue // a range is of what GET sends
				}
				if response.StatusCode != status {
					t.Errorf("%s, %s: %s, want %d", method, name, response.Status, status)
					continue
				}
				if encoding := response.Header.Get("Content-Encoding"); status == http.StatusOK && encoding != c.encoding {
					t.Errorf("%s, %s: encoding %q, want %q", method, name, encoding, c.encoding)
				}
				if status == http.StatusOK && method == "GET" {
					if got := decode(t, response, body); got != s.content {
						t.Errorf("%s: %d bytes of content, want %d", name, len(got), len(s.content))
					}
				}
			}
		}
	}
}

// askRaw asks for a path that Go's client would not.
func askRaw(t *testing.T, base, method, path string) (*http.Response, string) {
	t.Helper()
	host := strings.TrimPrefix(base, "http://")
	connection, err := net.DialTimeout("tcp", host, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	fmt.Fprintf(connection, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", method, path, host)
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

// checkSentence wants an answer that says no more than a person should hear.
func checkSentence(t *testing.T, what string, response *http.Response, body string) {
	t.Helper()
	if !strings.HasPrefix(response.Header.Get("Content-Type"), "text/plain") || len(body) == 0 || len(body) > 120 || strings.Count(strings.TrimSpace(body), "\n") > 0 ||
		strings.Contains(body, "goroutine") || strings.Contains(body, ".go:") || strings.Contains(body, "    at ") {
		t.Errorf("%s: %s, %.200q, want one sentence", what, response.Header.Get("Content-Type"), body)
	}
}

func (s *served) testLosses(t *testing.T) {
	for _, c := range []struct {
		id     string
		status int
		word   string
	}{{Torn, 500, "damaged"}, {Partial, 503, "missing"}} {
		path := "/models/" + c.id + "/" + Manifest(t, s.folder, c.id).Shards[0].Path
		for _, header := range [][]string{nil, {"Accept-Encoding", "br"}, {"Range", "bytes=10-19"}} {
			response, body := s.ask(t, "GET", path, header...)
			body = decode(t, response, body)
			if response.StatusCode != c.status || !strings.Contains(body, c.word) || response.Header.Get("Cache-Control") != "no-store" ||
				(response.Header.Get("Content-Encoding") != "" && s.path == Direct) || response.Header.Get("Content-Range") != "" {
				t.Errorf("%s %q: %s, %q, headers %v", c.id, header, response.Status, body, response.Header)
			}
			checkSentence(t, c.id, response, body)
		}
		if response, _ := s.ask(t, "HEAD", path); response.StatusCode != c.status {
			t.Errorf("%s: %s for HEAD", c.id, response.Status)
		}
	}
}

func (s *served) testHealth(t *testing.T) {
	response, body := s.ask(t, "GET", "/healthz")
	if response.StatusCode != http.StatusOK || body != "ok\n" || response.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s, %q, headers %v", response.Status, body, response.Header)
	}
}
