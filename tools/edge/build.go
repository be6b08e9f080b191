package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"hamster/tools/edge/deployment"
	"hamster/tools/internal/gowasm"
	"hamster/tools/internal/httpfile"
	"hamster/tools/internal/site"
)

// The limits that Cloudflare sets.
const (
	maxWorker = 3_000_000 // bytes of all modules after gzip, on the free plan
	maxAsset  = 25 << 20  // bytes of one static file
	maxAssets = 20_000    // files, on the free plan
)

// compatibility is the day whose behaviour of the runtime is asked for. The
// version of wrangler in tools/npm must know it.
const compatibility = "2026-04-01"

// Names within the folder of a build.
const (
	siteFolder   = "site"
	workerFolder = "worker"
	configFile   = "wrangler.json"
	stateFolder  = "state"
)

type buildFlags struct {
	Models  []string `arg:"" optional:"" name:"model" type:"existingpath" help:"ONNX files or packed models; the first is the default one (without any: the one in the cache, got first if there is none)."`
	Out     string   `type:"path" default:".cache/edge" placeholder:"DIR" help:"Folder for the build (default ${default})."`
	Quality int      `default:"${quality}" help:"Quality of brotli for models that are packed here, 0 to 11 (default ${default})."`
	Embed   string   `env:"HAMSTER_EMBED" placeholder:"ORIGINS" help:"Origins whose pages may show /embed in a frame and load scripts and models; * is any (default: none)."`
	Name    string   `default:"hamster" help:"What the worker is called (default ${default})."`
	Bucket  string   `default:"hamster-models" help:"What the R2 bucket is called (default ${default})."`
}

type buildCommand struct {
	buildFlags
}

func (c *buildCommand) Run(ctx context.Context, s *streams) error {
	_, err := c.build(ctx, s)
	return err
}

// built is a folder with all that is deployed.
type built struct {
	dir     string
	bucket  string
	objects []object // for the bucket
}

// object is a file and what it is called in the bucket.
type object struct {
	Key  string `json:"key"`
	File string `json:"file"`
}

func (f *buildFlags) build(ctx context.Context, s *streams) (*built, error) {
	embedders, err := httpfile.ParseEmbedders(f.Embed)
	if err != nil {
		return nil, fmt.Errorf("--embed: %w", err)
	}
	folders, err := f.pack(ctx, s)
	if err != nil {
		return nil, err
	}
	s.say("Building the site and the worker …")
	return build(ctx, s, options{out: f.Out, name: f.Name, bucket: f.Bucket, embedders: embedders, models: folders})
}

type options struct {
	out, name, bucket string
	embedders         []string
	models            []string // folders of packed models; the first is the default one
	siteFrom          string   // a built site to take; empty: it is built
}

func build(ctx context.Context, s *streams, o options) (*built, error) {
	siteDir, workerDir := filepath.Join(o.out, siteFolder), filepath.Join(o.out, workerFolder)
	if o.siteFrom != "" {
		if err := os.CopyFS(siteDir, os.DirFS(o.siteFrom)); err != nil {
			return nil, fmt.Errorf("copy the site: %w", err)
		}
	} else if err := site.Build(ctx, ".", siteDir); err != nil {
		return nil, fmt.Errorf("build the site: %w", err)
	}
	d := &deployment.Deployment{Embedders: o.embedders, Objects: map[string]deployment.Object{}, Assets: map[string]deployment.Document{}}
	b := &built{dir: o.out, bucket: o.bucket}
	for _, folder := range o.models {
		objects, err := addModel(d, folder)
		if err != nil {
			return nil, err
		}
		b.objects = append(b.objects, objects...)
	}
	slices.SortFunc(b.objects, func(a, b object) int { return strings.Compare(a.Key, b.Key) })
	b.objects = slices.CompactFunc(b.objects, func(a, b object) bool { return a.Key == b.Key })
	slices.SortFunc(d.Catalogue.Models, func(a, b httpfile.Offer) int { return strings.Compare(a.ID, b.ID) })
	if err := addFrame(d, siteDir); err != nil {
		return nil, err
	}
	policy := httpfile.Policy{Embedders: o.embedders}
	if err := finishSite(siteDir, policy); err != nil {
		return nil, err
	}
	if err := buildWorker(ctx, workerDir, d, policy); err != nil {
		return nil, err
	}
	if err := writeConfig(o); err != nil {
		return nil, err
	}
	return b, checkSizes(s, siteDir, workerDir)
}

// frameAddress is where Cloudflare has httpfile.EmbedFile among the static files:
// it leaves the ending of pages out.
var frameAddress = "/" + strings.TrimSuffix(httpfile.EmbedFile, ".html")

// addFrame lets the worker answer for the page in the frame, if there is one.
func addFrame(d *deployment.Deployment, siteDir string) error {
	text, err := os.ReadFile(filepath.Join(siteDir, filepath.FromSlash(httpfile.EmbedFile)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the page for frames: %w", err)
	}
	d.Assets[httpfile.EmbedFile] = deployment.Document{Address: frameAddress, Size: int64(len(text)), SHA256: hash(text)}
	return nil
}

// finishSite adds what Cloudflare wants to know of static files.
func finishSite(siteDir string, policy httpfile.Policy) error {
	names, err := siteNames(siteDir)
	if err != nil {
		return err
	}
	lengths, err := lengthRules(siteDir, names)
	if err != nil {
		return err
	}
	for name, text := range map[string]string{
		"_headers":      headerRules(names, policy) + lengths,
		".assetsignore": ".*\n",
	} {
		if err := os.WriteFile(filepath.Join(siteDir, name), []byte(text), 0o644); err != nil {
			return fmt.Errorf("write the site's settings: %w", err)
		}
	}
	return nil
}

// siteNames are the files that visitors see.
func siteNames(siteDir string) ([]string, error) {
	var names []string
	err := fs.WalkDir(os.DirFS(siteDir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && !strings.HasPrefix(entry.Name(), ".") && name != "_headers" {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the site: %w", err)
	}
	return names, nil
}

// headerRules is the file _headers: which headers the static files come with.
// Rules that match the same address add up, so a header is either in the rule
// for all, or in the one of each file or folder at the top.
func headerRules(names []string, policy httpfile.Policy) string {
	rules := map[string]http.Header{}
	for _, name := range names {
		pattern := "/" + name
		if top, _, ok := strings.Cut(name, "/"); ok {
			pattern, name = "/"+top+"/*", top+"/"
		}
		rules[pattern] = policy.HeadersFor(name)
	}
	if page, ok := rules["/index.html"]; ok {
		rules["/"] = page
	}
	common := policy.HeadersFor("")
	for name := range common {
		for _, rule := range rules {
			if rule.Get(name) != common.Get(name) {
				common.Del(name)
			}
		}
	}
	var b strings.Builder
	write := func(pattern string, h http.Header) {
		if len(h) == 0 {
			return
		}
		fmt.Fprintln(&b, pattern)
		for _, name := range slices.Sorted(maps.Keys(h)) {
			fmt.Fprintf(&b, "  %s: %s\n", name, h.Get(name))
		}
	}
	for _, pattern := range slices.Sorted(maps.Keys(rules)) {
		own := rules[pattern].Clone()
		for name := range common {
			own.Del(name)
		}
		write(pattern, own)
	}
	common.Set("Cache-Control", "no-cache") // as httpfile has it
	write("/*", common)
	return b.String()
}

// lengthRules let a page show how far the download of a program is, which
// Cloudflare compresses on its way.
func lengthRules(siteDir string, names []string) (string, error) {
	var b strings.Builder
	for _, name := range names {
		if path.Ext(name) != ".wasm" {
			continue
		}
		info, err := os.Stat(filepath.Join(siteDir, filepath.FromSlash(name)))
		if err != nil {
			return "", fmt.Errorf("measure the site: %w", err)
		}
		fmt.Fprintf(&b, "/%s\n  %s: %d\n", name, httpfile.UncompressedLength, info.Size())
	}
	return b.String(), nil
}

//go:embed worker/worker.mjs worker/program.mjs
var scripts embed.FS

// buildWorker compiles the Go program and puts the scripts that start it and their
// settings beside it.
func buildWorker(ctx context.Context, dir string, d *deployment.Deployment, policy httpfile.Policy) error {
	program := filepath.Join(dir, "go")
	if err := os.MkdirAll(program, 0o755); err != nil {
		return fmt.Errorf("make the worker's folder: %w", err)
	}
	// The compiler last: the generator empties the folder.
	command := exec.CommandContext(ctx, "go", "tool", "workers-assets-gen", "-mode=go", "-o", program)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("build the worker: %s: %w\n%s", strings.Join(command.Args, " "), err, bytes.TrimSpace(output))
	}
	worker := gowasm.Program{Package: "hamster/tools/edge/worker"}
	if err := worker.Build(ctx, filepath.Join(program, "app.wasm")); err != nil {
		return fmt.Errorf("build the worker: %w", err)
	}
	// program.mjs takes its place.
	if err := os.Remove(filepath.Join(program, "worker.mjs")); err != nil {
		return fmt.Errorf("build the worker: %w", err)
	}
	text, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("write the deployment: %w", err)
	}
	headers := map[string]string{}
	for name := range policy.HeadersFor("") {
		headers[name] = policy.HeadersFor("").Get(name)
	}
	var settings strings.Builder
	for _, s := range []struct {
		name  string
		value any
	}{{"deployment", string(text)}, {"headers", headers}, {"dynamic", httpfile.Dynamic}} {
		value, err := json.Marshal(s.value)
		if err != nil {
			return fmt.Errorf("write the worker's settings: %w", err)
		}
		fmt.Fprintf(&settings, "export const %s = %s;\n", s.name, value)
	}
	if err := os.WriteFile(filepath.Join(dir, "settings.mjs"), []byte(settings.String()), 0o644); err != nil {
		return fmt.Errorf("write the worker's settings: %w", err)
	}
	for _, name := range []string{"worker.mjs", "program.mjs"} {
		content, err := scripts.ReadFile(path.Join(workerFolder, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), content, 0o644)
		}
		if err != nil {
			return fmt.Errorf("write the worker: %w", err)
		}
	}
	return nil
}

func writeConfig(o options) error {
	config := map[string]any{
		"name":               o.name,
		"main":               workerFolder + "/worker.mjs",
		"compatibility_date": compatibility,
		"workers_dev":        true,
		"send_metrics":       false,
		// The modules are ready: nothing is bundled.
		"no_bundle": true,
		"base_dir":  workerFolder,
		// Besides those that wrangler knows by itself.
		"rules": []map[string]any{{"type": "ESModule", "globs": []string{"**/*.mjs", "**/*.js"}}},
		"assets": map[string]any{
			"directory":        siteFolder,
			"binding":          deployment.Assets,
			"run_worker_first": httpfile.Dynamic,
		},
	}
	if o.bucket != "" {
		config["r2_buckets"] = []map[string]string{{"binding": deployment.Bucket, "bucket_name": o.bucket}}
	}
	text, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		return fmt.Errorf("write wrangler's settings: %w", err)
	}
	if err := os.WriteFile(filepath.Join(o.out, configFile), text, 0o644); err != nil {
		return fmt.Errorf("write wrangler's settings: %w", err)
	}
	return nil
}

// checkSizes holds the build against Cloudflare's limits.
func checkSizes(s *streams, siteDir, workerDir string) error {
	worker, err := compressedSize(workerDir)
	if err != nil {
		return fmt.Errorf("measure the worker: %w", err)
	}
	names, err := siteNames(siteDir)
	if err != nil {
		return err
	}
	var faults []error
	if worker > maxWorker {
		faults = append(faults, fmt.Errorf("the worker has %d bytes after gzip, %d are allowed", worker, maxWorker))
	}
	if len(names) > maxAssets {
		faults = append(faults, fmt.Errorf("the site has %d files, %d are allowed", len(names), maxAssets))
	}
	largest := int64(0)
	for _, name := range names {
		info, err := os.Stat(filepath.Join(siteDir, filepath.FromSlash(name)))
		if err != nil {
			return fmt.Errorf("measure the site: %w", err)
		}
		largest = max(largest, info.Size())
		if info.Size() > maxAsset {
			faults = append(faults, fmt.Errorf("%s has %d bytes, %d are allowed", path.Join("site", name), info.Size(), maxAsset))
		}
	}
	s.say("The worker has %.2f MB after gzip (%.2f at most); the site %d files, the largest of %.1f MiB (25 at most).",
		float64(worker)/1e6, float64(maxWorker)/1e6, len(names), float64(largest)/(1<<20))
	return errors.Join(faults...)
}

// compressedSize is what all files of a folder take after gzip.
func compressedSize(dir string) (int64, error) {
	var size counter
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		file, err := os.Open(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		defer file.Close()
		z := gzip.NewWriter(&size)
		if _, err := io.Copy(z, file); err != nil {
			return err
		}
		return z.Close()
	})
	return int64(size), err
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
