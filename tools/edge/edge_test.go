package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"hamster/model/packed"
	"hamster/tools/edge/deployment"
	"hamster/tools/internal/httpfile"
	"hamster/tools/internal/httpfile/httptable"
)

// The runtime takes seconds to start: everything that one can show is in one test.
func TestInCloudflaresRuntime(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	models := httptable.Models(t)
	b := fixture(t, models, "hamster-models")
	// What the bucket holds of two models is not what it should.
	torn := httptable.Manifest(t, models, httptable.Torn).Shards[0]
	partial := httptable.Manifest(t, models, httptable.Partial).Shards[0]
	short := write(t, filepath.Join(t.TempDir(), "short"), "cut")
	var uploaded []object
	for _, o := range b.objects {
		switch {
		case strings.HasPrefix(o.Key, partial.SHA256):
			continue
		case strings.HasPrefix(o.Key, torn.SHA256):
			o.File = short
		}
		uploaded = append(uploaded, o)
	}
	if err := b.upload(t.Context(), b.local(), uploaded); err != nil {
		t.Fatal(err)
	}
	r, err := b.start(t.Context(), "127.0.0.1", "0")
	if err != nil {
		t.Fatal(err)
	}
	defer r.stop()
	t.Run("it keeps what every server of Hamster promises", func(t *testing.T) { httptable.Run(t, r.url, models, httptable.Compressing) })
	t.Run("static files come with the headers of every server", func(t *testing.T) { testStatic(t, r, b) })
	t.Run("clients that go away leave the others alone", func(t *testing.T) { testLeaving(t, r) })
	t.Run("200 downloads at once, and many requests in turn, without growing", func(t *testing.T) { testLoad(t, r) })
	if t.Failed() {
		for line := range strings.Lines(r.output.String()) {
			if !strings.Contains(line, "[wrangler:info]") { // one for each request
				t.Log("the runtime said: ", line)
			}
		}
	}
}

// fixture builds the edge with a small site.
func fixture(t *testing.T, models, bucket string) *built {
	t.Helper()
	site := t.TempDir()
	write(t, filepath.Join(site, "index.html"), "<!doctype html><title>page</title>"+strings.Repeat("<p>A hamster hoards.</p>\n", 200))
	write(t, filepath.Join(site, "sw.js"), "// rules over the page\n")
	write(t, filepath.Join(site, "web", "page", "main.js"), strings.Repeat("export {};\n", 200))
	write(t, filepath.Join(site, "web", "page", "page.css"), "body {}\n")
	write(t, filepath.Join(site, "web", "icon.svg"), "<svg/>\n")
	write(t, filepath.Join(site, "web", "hamster.webmanifest"), "{}\n")
	write(t, filepath.Join(site, "wasm", "hamster.wasm"), "\x00asm\x01\x00\x00\x00")
	write(t, filepath.Join(site, "samples", "cat.png"), "\x89PNG")
	write(t, filepath.Join(site, ".secret"), "secret")
	write(t, filepath.Join(site, filepath.FromSlash(httpfile.EmbedFile)), httptable.Frame)
	folders := []string{filepath.Join(models, httptable.Small)}
	for _, id := range []string{httptable.Other, httptable.Torn, httptable.Partial} {
		folders = append(folders, filepath.Join(models, id))
	}
	b, err := build(t.Context(), &streams{io.Discard, io.Discard}, options{
		out: t.TempDir(), name: "hamster", bucket: bucket, embedders: []string{httptable.Embedder}, models: folders, siteFrom: site,
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func testStatic(t *testing.T, r *runtime, b *built) {
	names, err := siteNames(filepath.Join(b.dir, siteFolder))
	if err != nil {
		t.Fatal(err)
	}
	policy := httpfile.Policy{Embedders: []string{httptable.Embedder}}
	for _, name := range names {
		if name == httpfile.EmbedFile {
			continue // asked for as /embed
		}
		address := "/" + strings.TrimSuffix(name, "index.html")
		response, body := httptable.Ask(t, r.url, "GET", address)
		want, err := os.ReadFile(filepath.Join(b.dir, siteFolder, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != http.StatusOK || body != string(want) {
			t.Errorf("%s: %s, %d bytes, want %d", address, response.Status, len(body), len(want))
		}
		for header := range policy.HeadersFor(name) {
			if got, want := response.Header.Get(header), policy.HeadersFor(name).Get(header); got != want {
				t.Errorf("%s: %s is %q, want %q", address, header, got, want)
			}
		}
		if got := response.Header.Get("Content-Type"); got != httpfile.ContentType(name) {
			t.Errorf("%s: Content-Type is %q, want %q", address, got, httpfile.ContentType(name))
		}
		if got := response.Header.Get("Cache-Control"); got != "no-cache" {
			t.Errorf("%s: Cache-Control is %q", address, got)
		}
		again, _ := httptable.Ask(t, r.url, "GET", address, "If-None-Match", response.Header.Get("ETag"))
		if again.StatusCode != http.StatusNotModified {
			t.Errorf("%s, asked again with %s: %s", address, response.Header.Get("ETag"), again.Status)
		}
	}
	for _, address := range []string{"/.secret", "/_headers", "/.assetsignore", "/../wrangler.json", "/web/", "/web"} {
		if response, body := httptable.Ask(t, r.url, "GET", address); response.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s, %.60q", address, response.Status, body)
		}
	}
	if response, _ := httptable.Ask(t, r.url, "GET", "/wasm/hamster.wasm"); response.Header.Get(httpfile.UncompressedLength) != "8" {
		t.Errorf("the program's length is %q", response.Header.Get(httpfile.UncompressedLength))
	}
}

// longTest asks for all of the requests; there are fewer in the short form.
const longTest = "HAMSTER_EDGE_LONG"

func testLoad(t *testing.T, r *runtime) {
	kinds, err := requestKinds(t.Context(), r.url)
	if err != nil {
		t.Fatal(err)
	}
	shard := kinds[len(kinds)-1]
	bytes, err := shard.atOnce(t.Context(), 200)
	if err != nil {
		t.Fatal(err)
	}
	if want := 200 * shard.size; bytes != want {
		t.Errorf("200 downloads have %d bytes, want %d", bytes, want)
	}
	requests := 400
	if os.Getenv(longTest) != "" {
		requests = 2000
	}
	// A former program has 10 MB: if they stayed, they would be seen. What wrangler
	// puts before the worker grows a little by itself.
	var sizes []int64
	const rounds = 8
	for round := range rounds {
		for i := range requests / rounds {
			k := kinds[(round+i)%len(kinds)]
			if _, err := k.once(t.Context()); err != nil {
				t.Fatalf("request %d: %v", round*requests/rounds+i, err)
			}
		}
		sizes = append(sizes, r.memory(t))
	}
	t.Logf("memory of workerd after each of %d rounds of %d requests, in MB: %v", rounds, requests/rounds, inMegabytes(sizes))
	before, after := slices.Max(sizes[:rounds/2]), slices.Max(sizes[rounds/2:])
	allowed := before/5 + 32<<20
	if after > before+allowed {
		t.Errorf("workerd grew from %d to %d MB", before>>20, after>>20)
	}
	for _, k := range kinds {
		times, err := k.times(t.Context(), 20)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %s (median, 95 %%, 99 %%)", k.name, strings.ReplaceAll(quantiles(times), "\t", ", "))
	}
}

// testLeaving mixes requests that wait for their answers with such that break off
// at any moment: one program serves them all.
func testLeaving(t *testing.T, r *runtime) {
	kinds, err := requestKinds(t.Context(), r.url)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 15 {
		for _, k := range kinds {
			all.Go(func() {
				ctx, leave := context.WithTimeout(t.Context(), time.Duration(i)*2*time.Millisecond)
				defer leave()
				_, _ = k.once(ctx) // mostly it fails, as it should
			})
			all.Go(func() {
				if _, err := k.once(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
	}
	all.Wait()
}

func inMegabytes(sizes []int64) (mb []int64) {
	for _, size := range sizes {
		mb = append(mb, size>>20)
	}
	return mb
}

// memory is what the runtime's processes hold, in bytes, but for wrangler's own.
func (r *runtime) memory(t *testing.T) (total int64) {
	t.Helper()
	output, err := exec.Command("ps", "-A", "-o", "pgid=,rss=,comm=").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(output)) {
		fields := strings.Fields(line)
		if len(fields) < 3 || fields[0] != strconv.Itoa(r.process.Process.Pid) || !strings.Contains(fields[2], "workerd") {
			continue
		}
		kilobytes, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		total += kilobytes << 10
	}
	if total == 0 {
		t.Fatalf("there is no workerd among\n%s", output)
	}
	return total
}

func TestWithoutABucketTheSiteStaysAndModelsAreUnavailable(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	b := fixture(t, httptable.Models(t), "")
	r, err := b.start(t.Context(), "127.0.0.1", "0")
	if err != nil {
		t.Fatal(err)
	}
	defer r.stop()
	var d deployment.Deployment
	if err := fetchJSON(t.Context(), r.url+"/api/models", &d.Catalogue); err != nil {
		t.Error(err)
	}
	for path, status := range map[string]int{
		"/": 200, "/embed": 200, "/healthz": 503, "/models/small/model.json": 503, "/models/absent/model.json": 404,
	} {
		response, body := httptable.Ask(t, r.url, "GET", path)
		if response.StatusCode != status || (status == 503 && body != "No model can be served at present.\n") {
			t.Errorf("%s: %s, %.60q, want %d", path, response.Status, body, status)
		}
	}
}

func TestADeploymentIsRehearsedWithoutAnAccount(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	models := httptable.Models(t)
	b := fixture(t, models, "some-bucket")
	var out, said bytes.Buffer
	if err := b.rehearse(t.Context(), &streams{&out, &said}); err != nil {
		t.Fatalf("%v\n%s%s", err, out.Bytes(), said.Bytes())
	}
	small := httptable.Manifest(t, models, httptable.Small)
	for _, want := range []string{
		fmt.Sprintf("some-bucket/%s\t%d bytes\n", small.Shards[0].SHA256, small.Shards[0].Size),
		fmt.Sprintf("some-bucket/%s.br\t%d bytes\n", small.Shards[0].SHA256, small.Shards[0].Compressed),
		fmt.Sprintf("some-bucket/%s\t%d bytes\n", small.Graph.SHA256, small.Graph.Size),
		"env.MODELS (some-bucket)", "--dry-run: exiting now.",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}

func TestADamagedModelIsNotDeployed(t *testing.T) {
	models := httptable.Models(t)
	shard := httptable.Manifest(t, models, httptable.Small).Shards[0].Path
	for _, c := range []struct {
		name, want string
		damage     func(folder string) error
	}{
		{"a missing shard", "no such file", func(folder string) error { return os.Remove(filepath.Join(folder, shard)) }},
		{"a missing stream", "no such file", func(folder string) error { return os.Remove(filepath.Join(folder, shard+".br")) }},
		{"half a shard", "bytes, not", func(folder string) error { return os.Truncate(filepath.Join(folder, shard), 1000) }},
		{"a shard with another byte", "SHA-256", func(folder string) error { return flip(filepath.Join(folder, shard)) }},
		{"a stream with another byte", ".br", func(folder string) error { return flip(filepath.Join(folder, shard+".br")) }},
		{"a manifest that is none", "manifest", func(folder string) error {
			return os.WriteFile(filepath.Join(folder, packed.ManifestName), []byte("{"), 0o644)
		}},
	} {
		folder := filepath.Join(t.TempDir(), "small")
		if err := os.CopyFS(folder, os.DirFS(filepath.Join(models, httptable.Small))); err != nil {
			t.Fatal(err)
		}
		if err := c.damage(folder); err != nil {
			t.Fatal(err)
		}
		_, err := addModel(newDeployment(), folder)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), folder) {
			t.Errorf("%s: error %v, want one with %q and the folder", c.name, err, c.want)
		}
	}
}

func flip(name string) error {
	content, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	content[len(content)/2] ^= 1
	return os.WriteFile(name, content, 0o644)
}

func newDeployment() *deployment.Deployment {
	return &deployment.Deployment{Objects: map[string]deployment.Object{}, Assets: map[string]deployment.Document{}}
}

func TestTwoModelsOfOneNameAreRefused(t *testing.T) {
	models, d := httptable.Models(t), newDeployment()
	folder := filepath.Join(models, httptable.Small)
	if _, err := addModel(d, folder); err != nil {
		t.Fatal(err)
	}
	if _, err := addModel(d, folder); err == nil || !strings.Contains(err.Error(), "another model of this name") {
		t.Errorf("error %v", err)
	}
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	if read, err := deployment.Parse(string(text)); err != nil || len(read.Objects) != len(d.Objects) {
		t.Errorf("written and read it has %d objects, not %d (%v)", len(read.Objects), len(d.Objects), err)
	}
}

func TestAFileThatCloudflareWouldRefuseFailsTheBuild(t *testing.T) {
	site, worker := t.TempDir(), t.TempDir()
	write(t, filepath.Join(site, "small.js"), "x")
	write(t, filepath.Join(worker, "app.wasm"), "x")
	var said strings.Builder
	if err := checkSizes(&streams{io.Discard, &said}, site, worker); err != nil || !strings.Contains(said.String(), "The worker has") {
		t.Errorf("%v, said %q", err, said.String())
	}
	large := write(t, filepath.Join(site, "large.wasm"), "")
	if err := os.Truncate(large, maxAsset+1); err != nil {
		t.Fatal(err)
	}
	noise := make([]byte, maxWorker+1)
	for i, state := 0, uint64(1); i < len(noise); i++ {
		state = state*6364136223846793005 + 1442695040888963407
		noise[i] = byte(state >> 56)
	}
	write(t, filepath.Join(worker, "app.wasm"), string(noise))
	err := checkSizes(&streams{io.Discard, io.Discard}, site, worker)
	if err == nil || !strings.Contains(err.Error(), "site/large.wasm has") || !strings.Contains(err.Error(), "the worker has") {
		t.Errorf("error %v", err)
	}
}

func TestOnlyWhatIsDynamicRunsTheWorkerFirst(t *testing.T) {
	dir := t.TempDir()
	if err := writeConfig(options{out: dir, name: "hamster", bucket: "b"}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, configFile))
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Assets struct {
			First []string `json:"run_worker_first"`
		}
	}
	if err := json.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	if want := []string{"/models/*", "/api/*", "/embed", "/healthz"}; !slices.Equal(config.Assets.First, want) {
		t.Errorf("%q, want %q", config.Assets.First, want)
	}
}

func TestSeedingUploadsOnlyWhatLacks(t *testing.T) {
	b := &built{dir: t.TempDir(), bucket: "b", objects: []object{{Key: "one"}}}
	write(t, filepath.Join(b.dir, stateFolder, "seeded.json"), `["one"]`)
	ctx, stop := context.WithTimeout(t.Context(), time.Second)
	defer stop()
	if err := b.seed(ctx); err != nil { // would fail: there is no such file
		t.Error(err)
	}
}
