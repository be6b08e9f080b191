//go:build js && wasm

package simd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall/js"
	"testing"
	"time"

	"hamster/model/conformance/onnxbuild"
	"hamster/model/graph"
	"hamster/model/onnxfile"
	"hamster/model/record"
	"hamster/model/simd/kernel"
	"hamster/preprocess"
)

// address is where tools/chromiumexec serves a file, or the test is skipped
// where threads are not to be had: in Node.
func address(tb testing.TB, file string) string {
	tb.Helper()
	if !js.Global().Get("crossOriginIsolated").Truthy() {
		tb.Skip("needs a browser that isolates the page: go test -exec 'node …/tools/chromiumexec/exec.mjs'")
	}
	return js.Global().Get("URL").New(file, js.Global().Get("location").Get("href")).Get("href").String()
}

const threadScript = "web/worker/thread.js"

// variants are the ways to run an engine in a browser.
func variants(tb testing.TB) []variant {
	url := address(tb, threadScript)
	return []variant{
		{Config{ThreadURL: url, Threads: 1}, "simd, 1 thread, relaxed"},
		{Config{ThreadURL: url, Threads: 2}, "simd, 2 threads, relaxed"},
		{Config{ThreadURL: url, Threads: 3}, "simd, 3 threads, relaxed"},
		{Config{ThreadURL: url, Threads: 1, NoRelaxed: true}, "simd, 1 thread"},
		{Config{ThreadURL: url, Threads: 2, NoRelaxed: true}, "simd, 2 threads"},
		{Config{ThreadURL: url, Threads: 3, NoRelaxed: true}, "simd, 3 threads"},
	}
}

// started makes an engine, again where a busy machine was late with its threads.
func started(t *testing.T, g *graph.Graph, cfg Config) *Engine {
	t.Helper()
	for attempt := 1; ; attempt++ {
		e, err := New(context.Background(), g, cfg)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(e.Describe(), "not up within") || attempt == 5 {
			return e
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAsManyThreadsAsTheHostHas(t *testing.T) {
	e := started(t, small(t), Config{ThreadURL: address(t, threadScript)})
	defer e.Close()
	cores := js.Global().Get("navigator").Get("hardwareConcurrency").Int()
	if got := e.m.threads(); got != max(1, min(8, cores)) {
		t.Errorf("%d threads on %d cores", got, cores)
	}
}

func TestWithoutThreadsOneRunsAndSaysWhy(t *testing.T) {
	want := one(t, engine(t, small(t), Config{Threads: 1}), wave(smallLen))
	for _, c := range []struct{ name, url, says string }{
		{"no script is named", "", "starts no worker"},
		{"the script is missing", "here/testdata/missing.js", "a thread's worker failed"},
		{"the script is no script", "here/engine_test.go", "a thread's worker failed"},
		{"the script never loads", "hangs", "not up within"},
		{"the script fails", "here/testdata/throws.js", "no thread here"},
		{"the script never says that it is up", "here/testdata/silent.js", "not up within"},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := c.url
			if url != "" {
				url = address(t, c.url)
			} else {
				address(t, "")
			}
			began := time.Now()
			e := engine(t, small(t), Config{Threads: 2, ThreadURL: url})
			if took := time.Since(began); took > startTime+2*time.Second {
				t.Errorf("took %v", took)
			}
			if s := e.Describe(); !strings.HasPrefix(s, "simd, 1 thread, relaxed (") || !strings.Contains(s, c.says) {
				t.Errorf("runs %q, want one thread and %q", s, c.says)
			}
			if got := one(t, e, wave(smallLen)); !slices.Equal(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
		})
	}
}

// seen calls a function before it tells where a tensor's bytes are.
type seen struct {
	Weights
	first func()
}

func (s seen) Locate(t *onnxfile.Tensor) (io.ReaderAt, int64, error) {
	s.first()
	return s.Weights.Locate(t)
}

// startedWith is New for other weights than those of g.
func startedWith(t *testing.T, g *graph.Graph, weights Weights, cfg Config) *Engine {
	t.Helper()
	e, err := boot(t.Context(), weights, cfg, func(opts Options) (*Compiled, error) { return Compile(t.Context(), g, opts) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func TestWeightsArePackedWhileThreadsComeUp(t *testing.T) {
	g := small(t)
	var packed time.Time
	began := time.Now()
	e := startedWith(t, g, seen{g.Weights(), func() { packed = time.Now() }}, Config{Threads: 2, ThreadURL: address(t, "hangs")})
	if waited := packed.Sub(began); packed.IsZero() || waited > startTime/2 {
		t.Errorf("the last weights were asked for after %v", waited)
	}
	if took := time.Since(began); took < startTime || e.m.threads() != 1 {
		t.Errorf("%s after %v", e.Describe(), took)
	}
}

func TestAThreadThatDiesWhileWeightsArePackedLeavesOne(t *testing.T) {
	g := small(t)
	want := one(t, engine(t, g, Config{Threads: 1}), wave(smallLen))
	for wait := 250 * time.Millisecond; ; wait *= 2 {
		// The weights come late enough for the thread to be there.
		began := time.Now()
		e := startedWith(t, g, seen{g.Weights(), func() { time.Sleep(wait) }}, Config{Threads: 2, ThreadURL: address(t, "here/testdata/dies.js?after=1")})
		if !strings.Contains(e.Describe(), "a thread stopped answering") && wait < 5*time.Second {
			continue // it was later than that
		}
		// Both engines, the one with threads and the one without, wait for the weights.
		if took := time.Since(began); took > time.Duration(kernel.DefaultTimeout)+2*wait+2*time.Second {
			t.Errorf("took %v", took)
		}
		if s := e.Describe(); !strings.HasPrefix(s, "simd, 1 thread, relaxed (one thread, since more failed") || !strings.Contains(s, "a thread stopped answering") {
			t.Errorf("runs %q", s)
		}
		if got := one(t, e, wave(smallLen)); !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		return
	}
}

// failing gives the bytes of weights only from the second time on.
type failing struct {
	bytes.Reader
	armed bool
	reads int
}

func (f *failing) ReadAt(p []byte, at int64) (int, error) {
	if f.armed {
		if f.reads++; f.reads == 1 {
			return 0, errors.New("the disk is gone")
		}
	}
	return f.Reader.ReadAt(p, at)
}

func TestWhatOneThreadSharesIsNotTriedTwice(t *testing.T) {
	cfg := Config{Threads: 2, ThreadURL: address(t, threadScript)}
	m := onnxbuild.Model{
		Opset: 13, Inputs: []onnxbuild.Value{{Name: "x", Shape: []int{1, 100}}}, Outputs: []onnxbuild.Value{{Name: "y"}},
		Tensors: []*onnxfile.Tensor{onnxbuild.Floats("w", []int{100, 100}, make([]float32, 100*100)...)},
		Nodes:   []onnxbuild.Node{{Name: "dense", Op: "MatMul", Inputs: []string{"x", "w"}, Outputs: []string{"y"}}},
	}
	file := m.Bytes()
	source := &failing{Reader: *bytes.NewReader(file)}
	f, err := onnxfile.Parse(source, int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	g, err := graph.Import(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	source.armed = true
	_, err = New(context.Background(), g, cfg)
	wantError(t, err, `simd: weights "w"`, "the disk is gone")
	if e := started(t, g, cfg); e.note != "" || e.m.threads() != 2 {
		t.Errorf("then it runs %q, want two threads", e.Describe())
	} else if err := e.Close(); err != nil {
		t.Error(err)
	}
}

func TestStartingThreadsEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	e, err := New(ctx, small(t), Config{Threads: 2, ThreadURL: address(t, "hangs")})
	if err == nil {
		e.Close()
		t.Fatal("no error")
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestWhatWasCompiledIsResumedWhateverBecomesOfThreads(t *testing.T) {
	const lost, found = "here/testdata/missing.js", threadScript
	g := small(t)
	want := one(t, engine(t, g, Config{Threads: 1}), wave(smallLen))
	for _, c := range []struct{ first, then string }{{lost, found}, {lost, lost}, {found, lost}, {found, found}} {
		e := engine(t, g, Config{Threads: 2, ThreadURL: address(t, c.first), Record: true})
		var compiled Compiled
		if err := record.Read(e.Recorded(), compiled.Record); err != nil {
			t.Fatal(err)
		}
		resumed, err := Resume(context.Background(), &compiled, g.Weights(), Config{Threads: 2, ThreadURL: address(t, c.then), Record: true})
		if err != nil {
			t.Fatalf("from %s to %s: %v", c.first, c.then, err)
		}
		defer resumed.Close()
		threads := map[string]int{lost: 1, found: 2}[c.then]
		if resumed.m.threads() != threads || (resumed.note == "") != (c.then == found) {
			t.Errorf("from %s to %s: %s", c.first, c.then, resumed.Describe())
		}
		if resumed.Recorded() != nil {
			t.Error("what was resumed is recorded once more")
		}
		if got := one(t, resumed, wave(smallLen)); !slices.Equal(got, want) {
			t.Errorf("from %s to %s: %v, want %v", c.first, c.then, got, want)
		}
	}
}

func TestAThreadThatDiesIsAnErrorAndTheNextEngineWorks(t *testing.T) {
	g := small(t)
	want := one(t, engine(t, g, Config{Threads: 1}), wave(smallLen))
	c, err := Compile(context.Background(), g, Options{Threads: true, Relaxed: true})
	if err != nil {
		t.Fatal(err)
	}
	second := fmt.Sprintf("after=2&only=%d", c.Program)
	for _, c := range []struct {
		name, url string
		kill      func(e *Engine)
	}{
		{name: "with an error", url: "here/testdata/dies.js?" + second},
		{name: "without a word", url: "here/testdata/dies.js?how=close&" + second},
		{name: "terminated between runs", url: threadScript, kill: func(e *Engine) {
			e.m.(*browser).crew.workers[0].Call("terminate")
			time.Sleep(3 * time.Second) // Chromium leaves two to a worker that waits
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := started(t, g, Config{Threads: 2, ThreadURL: address(t, c.url)})
			if n := e.m.threads(); n != 2 {
				t.Fatalf("%d threads: %s", n, e.Describe())
			}
			hasten(t, e, 500*time.Millisecond)
			if got := one(t, e, wave(smallLen)); !slices.Equal(got, want) {
				t.Errorf("the first run gives %v, want %v", got, want)
			}
			if c.kill != nil {
				c.kill(e)
			}
			began := time.Now()
			_, err := e.Run(context.Background(), [][]float32{wave(smallLen)})
			wantError(t, err, "simd", "a thread stopped answering")
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("took %v to notice", took)
			}
			began = time.Now()
			_, err = e.Run(context.Background(), [][]float32{wave(smallLen)})
			wantError(t, err, "a thread stopped answering")
			if !errors.Is(err, ErrBroken) {
				t.Errorf("%v is not ErrBroken", err)
			}
			wantError(t, e.Prepare(context.Background(), pattern(9, 9), spec9, "keras"), "a thread stopped answering")
			if took := time.Since(began); took > 100*time.Millisecond {
				t.Errorf("took %v to say so again", took)
			}
			if err := e.Close(); err != nil {
				t.Error(err)
			}
			next := started(t, g, Config{Threads: 2, ThreadURL: address(t, threadScript)})
			defer next.Close()
			if got := one(t, next, wave(smallLen)); !slices.Equal(got, want) || next.m.threads() != 2 {
				t.Errorf("the next engine, %s, gives %v, want %v", next.Describe(), got, want)
			}
		})
	}
}

func TestAThreadThatDiesBetweenRunsIsToldOfAtOnce(t *testing.T) {
	g := small(t)
	c, err := Compile(t.Context(), g, Options{Threads: true, Relaxed: true})
	if err != nil {
		t.Fatal(err)
	}
	e := started(t, g, Config{Threads: 2, ThreadURL: address(t, fmt.Sprintf("here/testdata/dies.js?how=later&after=1&only=%d", c.Program))})
	defer e.Close()
	one(t, e, wave(smallLen))
	for began := time.Now(); time.Since(began) < 5*time.Second && e.m.(*browser).crew.failed == nil; {
		time.Sleep(10 * time.Millisecond)
	}
	began := time.Now()
	_, err = e.Run(t.Context(), [][]float32{wave(smallLen)})
	wantError(t, err, "a thread stopped answering", "this thread dies")
	if took := time.Since(began); !errors.Is(err, ErrBroken) || took > time.Second {
		t.Errorf("%v after %v", err, took)
	}
}

func TestOneOfSeveralThreadsThatFailsLeavesOne(t *testing.T) {
	g := small(t)
	want := one(t, engine(t, g, Config{Threads: 1}), wave(smallLen))
	e := engine(t, g, Config{Threads: 3, ThreadURL: address(t, "here/testdata/second.js")})
	if s := e.Describe(); !strings.HasPrefix(s, "simd, 1 thread, relaxed (one thread, since more failed: simd: start 3 threads: a thread's worker failed") {
		t.Errorf("runs %q", s)
	}
	if got := one(t, e, wave(smallLen)); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// large is a model of w×w pixels that do nothing but fill memory.
func large(tb testing.TB, w int) *graph.Graph {
	tb.Helper()
	m := onnxbuild.Model{
		Opset:   13,
		Inputs:  []onnxbuild.Value{{Name: "x", Shape: []int{1, 1, w, w}}},
		Outputs: []onnxbuild.Value{{Name: "y", Shape: []int{1, 1, 1, 1}}},
		Nodes:   []onnxbuild.Node{{Op: "GlobalAveragePool", Inputs: []string{"x"}, Outputs: []string{"y"}}},
	}
	return imported(tb, m.Bytes())
}

func TestMemoryThatIsNotToBeHadIsAnErrorAndComesBack(t *testing.T) {
	g := large(t, 4000)
	for _, cfg := range []Config{{Threads: 1}, {Threads: 2, ThreadURL: address(t, threadScript)}} {
		var open []*Engine
		var refused error
		noted := false
		for len(open) < 1000 && refused == nil {
			e, err := New(context.Background(), g, cfg)
			if refused = err; err == nil {
				open = append(open, e)
			}
			if cfg.Threads > 1 && len(open) > 0 && len(open[len(open)-1].note) > 0 {
				noted = true // one thread ran where two had no memory
				break
			}
		}
		t.Logf("%d engines of %d MB: %v", len(open), open[0].Compiled().Pages/16, refused)
		switch {
		case refused != nil:
			wantError(t, refused, "simd: ", "MB of memory")
		case noted:
			wantError(t, errors.New(open[len(open)-1].note), "MB of memory")
		default:
			t.Errorf("%d engines and no end", len(open))
		}
		for _, e := range open {
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		}
		// The browser takes its time to end workers and to free what they held.
		var e *Engine
		for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
			var err error
			if e, err = New(context.Background(), small(t), cfg); err == nil {
				break
			}
			if time.Since(began) > 10*time.Second {
				t.Fatal(err)
			}
		}
		one(t, e, wave(smallLen))
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestClosedEnginesGiveTheirMemoryBack(t *testing.T) {
	// Some hundred memories fit in a process's address space.
	g := large(t, 1000)
	for i := range 300 {
		e, err := New(context.Background(), g, Config{Threads: 1})
		if err != nil {
			t.Fatalf("engine %d: %v", i, err)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAModuleThatTheBrowserRefusesIsAnError(t *testing.T) {
	c, err := Compile(context.Background(), small(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	broken := *c
	broken.Module = append(slices.Clone(c.Module), 0xff)
	_, err = newBrowser(&broken, hire("", 0))
	wantError(t, err, "simd: start a module", "WebAssembly.Module()")
}

func TestWithoutSIMDTheEngineSaysSo(t *testing.T) {
	address(t, "") // Node has no relaxed SIMD to be told of
	wasm := js.Global().Get("WebAssembly")
	before := wasm.Get("validate")
	defer wasm.Set("validate", before)
	for _, c := range []struct {
		answers  []bool // to the probes, in their order
		describe string
	}{
		{[]bool{false}, ""},
		{[]bool{true, false}, "simd, 1 thread"},
		{[]bool{true, true}, "simd, 1 thread, relaxed"},
	} {
		asked := 0
		answer := js.FuncOf(func(js.Value, []js.Value) any {
			asked++
			return c.answers[asked-1]
		})
		wasm.Set("validate", answer)
		e, err := New(context.Background(), small(t), Config{Threads: 1})
		if err == nil {
			if got := e.Describe(); got != c.describe {
				t.Errorf("%v: runs %q, want %q", c.answers, got, c.describe)
			}
			e.Close()
		} else if c.describe != "" || !strings.Contains(err.Error(), "no WebAssembly SIMD") {
			t.Errorf("%v: %v", c.answers, err)
		}
		answer.Release()
	}
}

// inJavaScript is an image whose pixels JavaScript has.
type inJavaScript struct {
	preprocess.Image
	bgr bool
	// calls are those for several rows in any order, and fail the one of them
	// that fails.
	calls, fail int
}

var errGone = errors.New("the picture is gone")

func (p *inJavaScript) JSRead(y, n int, into js.Value, anyOrder bool) (bool, error) {
	rows := slices.Clone(p.Pix[4*p.Width*y : 4*p.Width*(y+n)])
	if anyOrder {
		if p.calls++; p.calls == p.fail {
			return false, errGone
		}
		if p.bgr {
			for i := 0; i < len(rows); i += 4 {
				rows[i], rows[i+2], rows[i+3] = rows[i+2], rows[i], 99
			}
		}
	}
	if into.Length() != len(rows) {
		return false, fmt.Errorf("%d bytes for %d", into.Length(), len(rows))
	}
	js.CopyBytesToJS(into, rows)
	return anyOrder && p.bgr, nil
}

func TestPicturesOfJavaScriptHaveTheBitsOfPreprocess(t *testing.T) {
	for _, cfg := range []Config{{Threads: 1}, {Threads: 2, ThreadURL: address(t, threadScript)}} {
		e := picture(t, 20, 30, cfg)
		for _, order := range []string{preprocess.RGB, preprocess.BGR} {
			spec := preprocess.Spec{Width: 20, Height: 30, Layout: preprocess.NHWC, Channels: order,
				Scale: [3]float32{127.5, 58.4, 255}, Offset: [3]float32{-1, 0.25, 0}}
			for _, bgr := range []bool{true, false} {
				for _, mode := range []preprocess.Mode{preprocess.Keras, preprocess.Quality} {
					img := &inJavaScript{Image: pattern(1001, 1500), bgr: bgr}
					want, err := preprocess.Tensor(img.Image, spec, mode)
					if err != nil {
						t.Fatal(err)
					}
					if err := e.Prepare(t.Context(), img, spec, mode); err != nil {
						t.Fatal(err)
					}
					if got := e.tensor(t); !slices.Equal(got, want) {
						t.Errorf("%s, %s, blue first %v, %s: other values", e.Describe(), order, bgr, mode)
					}
					if mode == preprocess.Quality && img.calls < 2 {
						t.Errorf("%d bands, want several", img.calls)
					}
				}
			}
		}
	}
}

func TestAPictureThatGoesWhileItIsReadIsAnErrorAndTheNextIsRight(t *testing.T) {
	e := picture(t, 20, 30, Config{Threads: 1})
	spec := preprocess.Spec{Width: 20, Height: 30, Layout: preprocess.NHWC, Channels: preprocess.RGB, Scale: [3]float32{1, 1, 1}}
	img := &inJavaScript{Image: pattern(1001, 1500), fail: 2}
	if err := e.Prepare(t.Context(), img, spec, preprocess.Quality); !errors.Is(err, errGone) {
		t.Errorf("error is %v", err)
	}
	want, err := preprocess.Tensor(img.Image, spec, preprocess.Quality)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Prepare(t.Context(), img, spec, preprocess.Quality); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(e.tensor(t), want) {
		t.Error("other values")
	}
}
