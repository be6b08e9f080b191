package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"hamster/model"
	"hamster/tools/internal/pack"
	"hamster/tools/internal/serve"
)

// visited is what the driver's visit returns.
type visited struct {
	Ms     float64            `json:"ms"`     // from the start of the navigation to the answer
	Label  string             `json:"label"`  // the best guess
	Stages map[string]float64 `json:"stages"` // the page's measures named hamster:…, in ms
}

// visitPhoto is what visitors ask about, as soon as there is a field for it.
const visitPhoto = "testdata/photos/coffee.png"

// stages that Hamster's page tells of.
var stages = []string{"page", "program", "start", "read", "compile", "pack", "run"}

// visit opens a site over a slow line in a fresh profile, and again with all that
// it kept. A visit's bytes and requests are counted until nothing has been sent
// for a while.
func visit(ctx context.Context, s *session, c *Contestant) (map[string]float64, error) {
	if s.shown == nil {
		s.shown = &showroom{shops: map[*Contestant]*shop{}}
	}
	shop, err := s.shown.open(ctx, s, c)
	if err != nil {
		return nil, err
	}
	photo, err := filepath.Abs(filepath.Join(s.root, filepath.FromSlash(visitPhoto)))
	if err != nil {
		return nil, err
	}
	values := map[string]float64{}
	for _, kind := range s.visits() {
		before := shop.count()
		var v visited
		err := s.browser.call(ctx, "visit", map[string]any{"url": shop.url, "photo": photo, "fresh": kind.name == cold}, &v)
		if err != nil {
			return nil, err
		}
		if err := s.agree(v.Label); err != nil {
			return nil, err
		}
		values[kind.name+"_ms"] = v.Ms
		for _, name := range stages {
			if took, ok := v.Stages["hamster:"+name]; ok {
				values[kind.name+"_"+name+"_ms"] = took
			}
		}
		if !kind.counted {
			continue
		}
		after, err := shop.quiet(ctx, s.quick)
		if err != nil {
			return nil, err
		}
		values[kind.name+"_bytes"] = float64(after.bytes - before.bytes)
		values[kind.name+"_requests"] = float64(after.requests - before.requests)
	}
	return values, s.browser.call(ctx, "leave", nil, nil)
}

// What metrics of the two kinds of visits begin with.
const cold, again = "cold", "visit"

type visitKind struct {
	name    string
	counted bool // to the end of what is sent
}

// visits are those that the metrics asked for take. What a service worker fetches
// after the answer of the first must have come before the second.
func (s *session) visits() []visitKind {
	first := visitKind{cold, s.wants("cold_bytes", "cold_requests")}
	if !slices.ContainsFunc(s.metrics, func(m string) bool { return strings.HasPrefix(m, again+"_") }) {
		return []visitKind{first}
	}
	first.counted = true
	return []visitKind{first, {again, s.wants("visit_bytes")}}
}

// agree compares best guesses: sites bring photos to the model's size in ways of
// their own, and so their scores differ a little.
func (s *session) agree(label string) error {
	if s.best == "" {
		s.best = label
	}
	if label == "" || label != s.best {
		return unfit{fmt.Errorf("it takes %s for %q, and others for %q", path.Base(visitPhoto), label, s.best)}
	}
	return nil
}

// showroom has a site for each contestant, each with an address of its own.
type showroom struct{ shops map[*Contestant]*shop }

type shop struct {
	url      string
	link     *link
	http     *http.Server
	handler  *serve.Handler
	requests atomic.Int64
}

type traffic struct{ bytes, requests int64 }

func (s *shop) count() traffic { return traffic{s.link.sent.Load(), s.requests.Load()} }

// quiet waits until nothing has been sent for a while: a service worker fetches
// when the page has its answer.
func (s *shop) quiet(ctx context.Context, quick bool) (traffic, error) {
	calm := 1500 * time.Millisecond
	if quick {
		calm /= 5
	}
	last, since := s.count(), time.Now()
	for time.Since(since) < calm {
		select {
		case <-ctx.Done():
			return last, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
		if now := s.count(); now != last {
			last, since = now, time.Now()
		}
	}
	return last, nil
}

func (r *showroom) close() error {
	var err error
	for _, s := range r.shops {
		err = errors.Join(err, s.http.Close(), s.handler.Close())
	}
	return err
}

// open returns the contestant's site, and sets it up first where it is not there:
// compressed ahead, by the same server for all.
func (r *showroom) open(ctx context.Context, s *session, c *Contestant) (*shop, error) {
	if known := r.shops[c]; known != nil {
		return known, nil
	}
	build := filepath.Join(s.root, filepath.FromSlash(buildDir))
	options := serve.Options{Cache: filepath.Join(build, "compressed")}
	var err error
	if c.System == Hamster {
		options.Site, options.Model = s.server.site, s.model.path
		options.Packed, options.Default = filepath.Join(build, "packed"), s.model.name
		err = packed(ctx, s.model.path, filepath.Join(options.Packed, options.Default))
	} else {
		options.Site = filepath.Join(build, "sites", c.System)
		err = s.furnish(c, options.Site)
	}
	if err != nil {
		return nil, fmt.Errorf("set up a site for %s: %w", c.System, err)
	}
	handler, err := serve.New(options)
	if err != nil {
		return nil, err
	}
	if err := handler.Warm(); err != nil {
		return nil, errors.Join(err, handler.Close())
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen: %w", err), handler.Close())
	}
	made := &shop{
		url: fmt.Sprintf("http://%s/", listener.Addr()), link: &link{Listener: listener, rate: linkRate, roundTrip: roundTrip}, handler: handler,
	}
	if s.quick {
		made.link.rate *= 100
		made.link.roundTrip /= 100
	}
	made.http = &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		Handler: made.link.far(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			made.requests.Add(1)
			if c.System != Hamster {
				w = permissive{w}
			}
			handler.ServeHTTP(w, q)
		})),
	}
	go made.http.Serve(made.link) // ends with close
	r.shops[c] = made
	return made, nil
}

// permissive leaves out the policy that Hamster's page is written to live under:
// peers start workers from strings.
type permissive struct{ http.ResponseWriter }

func (p permissive) WriteHeader(status int) {
	p.Header().Del("Content-Security-Policy")
	p.ResponseWriter.WriteHeader(status)
}

func packed(ctx context.Context, path, dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	source, err := model.Open(path)
	if err != nil {
		return err
	}
	defer source.Close()
	_, err = pack.Pack(ctx, source, dir, pack.Options{Quality: pack.Quick, Reuse: true})
	return err
}

// peerPage is the page of a peer's site; %s are its reader and the reader's
// options.
const peerPage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>A peer's site</title>
<link rel="icon" href="data:,">
<link rel="modulepreload" href="/bench/readers/%s.mjs">
<script type="module" src="/bench/visit.mjs"></script>
<script type="application/json" id="options">%s</script>
<input type="file" id="file">
<ol id="guesses"></ol>
`

// furnish writes a peer's site: its reader, what that loads, and the page.
func (s *session) furnish(c *Contestant, dir string) error {
	options := s.readerOptions(c)
	options["system"] = c.System
	text, err := json.Marshal(options)
	if err != nil {
		return err
	}
	files := map[string][]byte{"index.html": fmt.Appendf(nil, peerPage, c.System, text)}
	take := []string{"/bench/visit.mjs"}
	switch c.System {
	case ORTWeb:
		take = append(take, "/bench/readers/onnxruntime-web.mjs", modelURL(c.File))
		for _, name := range []string{"ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"} {
			take = append(take, "/npm/onnxruntime-web/dist/"+name)
		}
	case NSFWJS:
		for name := range s.server.files {
			if strings.HasPrefix(name, "/bench/readers/") {
				take = append(take, name)
			}
		}
		for _, build := range []string{"", "-threaded"} {
			take = append(take, fmt.Sprintf("/npm/@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm%s-simd.wasm", build))
		}
	}
	for _, name := range take {
		if files[strings.TrimPrefix(name, "/")], err = s.server.read(name); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	for name, content := range files {
		target := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(target, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
