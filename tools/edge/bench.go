package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"hamster/model/packed"
	"hamster/tools/internal/httpfile"
)

type benchCommand struct {
	buildFlags
	URL      string `placeholder:"URL" help:"Where an edge runs (default: one is started here)."`
	Requests int    `default:"300" help:"Requests of each kind, one after the other (default ${default})."`
	Parallel int    `default:"200" help:"Downloads of a shard at the same time (default ${default})."`
}

func (c *benchCommand) Run(ctx context.Context, s *streams) error {
	if c.URL == "" {
		b, err := c.build(ctx, s)
		if err != nil {
			return err
		}
		r, err := b.seedAndStart(ctx, "127.0.0.1", "0")
		if err != nil {
			return err
		}
		defer r.stop()
		c.URL = r.url
	}
	kinds, err := requestKinds(ctx, c.URL)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "one after the other\tmedian\t95 %\t99 %")
	for _, k := range kinds {
		if _, err := k.times(ctx, 10); err != nil { // the first ones wait for compilers
			return err
		}
		times, err := k.times(ctx, c.Requests)
		if err != nil {
			return err
		}
		fmt.Fprintf(table, "%s\t%s\n", k.name, quantiles(times))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	shard := kinds[len(kinds)-1]
	begin := time.Now()
	bytes, err := shard.atOnce(ctx, c.Parallel)
	if err != nil {
		return err
	}
	took := time.Since(begin)
	_, err = fmt.Fprintf(s.Out, "%d times %s, at once: %.2f s, %.0f MB/s\n", c.Parallel, shard.name, took.Seconds(), float64(bytes)/1e6/took.Seconds())
	return err
}

// requestKind is one request that is made again and again.
type requestKind struct {
	name   string
	url    string
	header http.Header
	status int
	size   int64 // bytes of the answer; -1: any
}

// requestKinds are those that visitors make; the last one is for a whole shard.
func requestKinds(ctx context.Context, base string) ([]requestKind, error) {
	at, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	resolve := func(reference string) string { return at.ResolveReference(&url.URL{Path: reference}).String() }
	var list httpfile.Catalogue
	if err := fetchJSON(ctx, resolve("/"+httpfile.APIPath), &list); err != nil {
		return nil, err
	}
	if list.Default == "" {
		return nil, fmt.Errorf("%s offers no model", base)
	}
	folder := "/" + httpfile.ModelsPath + "/" + list.Default + "/"
	var m packed.Manifest
	if err := fetchJSON(ctx, resolve(folder+packed.ManifestName), &m); err != nil {
		return nil, err
	}
	if len(m.Shards) == 0 {
		return nil, fmt.Errorf("model %s has no shards", list.Default)
	}
	shard := m.Shards[0]
	part := min(64<<10, shard.Size)
	plain := func(more ...string) http.Header {
		h := http.Header{"Accept-Encoding": {"identity"}}
		for i := 0; i < len(more); i += 2 {
			h.Set(more[i], more[i+1])
		}
		return h
	}
	return []requestKind{
		{"static page", resolve("/"), plain(), http.StatusOK, -1},
		{"nothing there", resolve("/nothing"), plain(), http.StatusNotFound, -1},
		{"catalogue", resolve("/" + httpfile.APIPath), plain(), http.StatusOK, -1},
		{"manifest", resolve(folder + packed.ManifestName), plain(), http.StatusOK, -1},
		{"shard, not modified", resolve(folder + shard.Path), plain("If-None-Match", httpfile.Etag(shard.SHA256, httpfile.Identity)), http.StatusNotModified, 0},
		{fmt.Sprintf("range of %d KiB", part>>10), resolve(folder + shard.Path), plain("Range", fmt.Sprintf("bytes=0-%d", part-1)), http.StatusPartialContent, part},
		{fmt.Sprintf("shard as brotli, %.1f MB", float64(shard.Compressed)/1e6), resolve(folder + shard.Path), http.Header{"Accept-Encoding": {"br"}}, http.StatusOK, shard.Compressed},
	}, nil
}

func fetchJSON(ctx context.Context, address string, v any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", address, response.Status)
	}
	if err := json.NewDecoder(response.Body).Decode(v); err != nil {
		return fmt.Errorf("%s: %w", address, err)
	}
	return nil
}

// benchClient does not unpack what it gets, and keeps as many connections as a
// test opens.
var benchClient = &http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 256}}

// once makes the request and reads the answer.
func (k *requestKind) once(ctx context.Context) (size int64, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url, nil)
	if err != nil {
		return 0, err
	}
	request.Header = k.header
	response, err := benchClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	size, err = io.Copy(io.Discard, response.Body)
	if err != nil {
		return size, fmt.Errorf("%s: %w", k.name, err)
	}
	if response.StatusCode != k.status || (k.size >= 0 && size != k.size) {
		return size, fmt.Errorf("%s: %s and %d bytes, want status %d and %d bytes", k.name, response.Status, size, k.status, k.size)
	}
	return size, nil
}

// times makes n requests, one after the other.
func (k *requestKind) times(ctx context.Context, n int) ([]time.Duration, error) {
	times := make([]time.Duration, n)
	for i := range times {
		begin := time.Now()
		if _, err := k.once(ctx); err != nil {
			return nil, err
		}
		times[i] = time.Since(begin)
	}
	return times, nil
}

// atOnce makes n requests at the same time and returns the bytes of all answers.
func (k *requestKind) atOnce(ctx context.Context, n int) (bytes int64, err error) {
	sizes, faults := make([]int64, n), make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { sizes[i], faults[i] = k.once(ctx) })
	}
	all.Wait()
	for i := range n {
		if faults[i] != nil {
			return 0, fmt.Errorf("one of %d at once: %w", n, faults[i])
		}
		bytes += sizes[i]
	}
	return bytes, nil
}

func quantiles(times []time.Duration) string {
	sorted := slices.Sorted(slices.Values(times))
	var b strings.Builder
	for i, q := range []float64{0.5, 0.95, 0.99} {
		if i > 0 {
			b.WriteByte('\t')
		}
		fmt.Fprintf(&b, "%.1f ms", float64(sorted[int(q*float64(len(sorted)-1))].Microseconds())/1000)
	}
	return b.String()
}
