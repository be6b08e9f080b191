package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hamster/model/onnxfile"
	"hamster/tools/internal/dequantise"
)

// Options of Run.
type Options struct {
	Root    string   // the repository; "" finds it from the working folder
	Model   string   // an ONNX file: one image in, one row of scores out
	Metrics []string // empty: all
	Threads []int    // empty: 1 and 2
	Rounds  int
	// Quick takes the default settings and runs little more than once: for tests,
	// whose times say nothing.
	Quick bool
	// Log takes what is done, a line a call.
	Log func(format string, args ...any)
	// Stderr takes what the browser's page complains about.
	Stderr io.Writer
}

// tolerance is the largest difference between answers that count as the same.
const tolerance = 1e-3

// session is what experiments share.
type session struct {
	root    string
	browser *browser
	server  *server
	shape   []int // of the model's input
	quick   bool
}

func (s *session) close() error {
	return errors.Join(s.browser.close(), s.server.close())
}

// Run measures. A contestant that fails, answers differently or is not what it
// should be is left out of the report and named in its Excluded.
func Run(ctx context.Context, o Options) (*Report, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	env := o.environment()
	input, err := readModel(o.Model)
	if err != nil {
		return nil, err
	}
	s, err := o.open(ctx, input, &env)
	if err != nil {
		return nil, err
	}
	report := &Report{Environment: env, metrics: o.Metrics}
	err = o.plan().run(ctx, s, o, input, report)
	if err := errors.Join(err, s.close()); err != nil {
		return nil, err
	}
	return report, nil
}

// plan is the experiments that were asked for.
type plan []experiment

func (o *Options) plan() plan {
	var p plan
	for _, e := range experiments {
		if slices.ContainsFunc(e.metrics, func(m string) bool { return slices.Contains(o.Metrics, m) }) {
			p = append(p, e)
		}
	}
	return p
}

// environment tells where this runs, and warns if that is busy.
func (o *Options) environment() Environment {
	env := newEnvironment()
	if env.Load > busy {
		o.Log("The machine is busy (load average %.2f): times will say little.", env.Load)
	}
	return env
}

// complete checks the options and fills in defaults.
func (o *Options) complete() error {
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	if o.Stderr == nil {
		o.Stderr = io.Discard
	}
	if len(o.Metrics) == 0 {
		o.Metrics = Metrics()
	}
	if len(o.Threads) == 0 {
		o.Threads = []int{1, 2}
	}
	if o.Rounds < 1 {
		return fmt.Errorf("%d rounds: at least one is needed", o.Rounds)
	}
	for _, n := range o.Threads {
		if n < 1 || n > 64 {
			return fmt.Errorf("%d threads: 1 to 64 are possible", n)
		}
	}
	for _, m := range o.Metrics {
		if !slices.Contains(Metrics(), m) {
			return fmt.Errorf("metric %q is unknown: there are %s", m, strings.Join(Metrics(), ", "))
		}
	}
	if o.Root == "" {
		root, err := findRoot()
		if err != nil {
			return err
		}
		o.Root = root
	}
	return nil
}

// modelFiles are a model in the forms that there are.
type modelFiles struct {
	name  string
	shape []int
	files map[string][]byte // float32File always, quantisedFile if it is
}

func (m *modelFiles) forms() []string {
	if m.files[quantisedFile] == nil {
		return []string{float32File}
	}
	return []string{float32File, quantisedFile}
}

func readModel(path string) (*modelFiles, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the model: %w", err)
	}
	f, err := onnxfile.Parse(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(f.Inputs) != 1 || len(f.Inputs[0].Shape) != 4 {
		return nil, fmt.Errorf("%s: the bench takes models with one image as input", path)
	}
	m := &modelFiles{name: strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), files: map[string][]byte{}}
	for i, d := range f.Inputs[0].Shape {
		if d < 1 {
			if d = 1; i > 0 {
				return nil, fmt.Errorf("%s: the size of its input is left open", path)
			}
		}
		m.shape = append(m.shape, d)
	}
	floats, count, err := dequantise.Model(content)
	if err != nil {
		return nil, fmt.Errorf("%s: store its weights as float32: %w", path, err)
	}
	m.files[float32File] = floats
	if count > 0 {
		m.files[quantisedFile] = content
	}
	return m, nil
}

// open builds what the page needs, and starts the server and the browser.
func (o *Options) open(ctx context.Context, m *modelFiles, env *Environment) (*session, error) {
	o.Log("Building …")
	program, err := compile(ctx, o.Root, "tools/bench/wasm")
	if err != nil {
		return nil, err
	}
	starter, err := goRuntime(ctx)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{"/build/hamster.wasm": program, "/build/wasm_exec.js": starter}
	urls := map[string]string{}
	for name, content := range m.files {
		urls[name] = "/models/" + name + ".onnx"
		files[urls[name]] = content
	}
	s, err := openSession(ctx, o.Root, files, o.Stderr)
	if err != nil {
		return nil, err
	}
	s.shape, s.quick = m.shape, o.Quick
	err = s.browser.call(ctx, "version", nil, &env.Browser)
	if err == nil {
		err = s.browser.call(ctx, "store", urls, env)
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func openSession(ctx context.Context, root string, files map[string][]byte, stderr io.Writer) (*session, error) {
	server, err := newServer(root, files)
	if err != nil {
		return nil, err
	}
	b, err := launch(ctx, root, server.url, stderr)
	if err != nil {
		return nil, errors.Join(err, server.close())
	}
	return &session{root: root, browser: b, server: server}, nil
}

func (p plan) run(ctx context.Context, s *session, o Options, m *modelFiles, report *Report) error {
	var taking []*Contestant
	for _, c := range contestants(o.Threads, m.forms()) {
		if !(o.Quick && c.extra) && slices.ContainsFunc(p, func(e experiment) bool { return e.invites(c) }) {
			taking = append(taking, c)
		}
	}
	diffs, err := s.compare(ctx, taking, report, o.Log)
	if err != nil {
		return err
	}
	taken := &samples{}
	for round := range o.Rounds {
		for _, e := range p {
			if err := e.round(ctx, s, round, taking, taken, report, o); err != nil {
				return err
			}
		}
	}
	versions := map[string]string{Hamster: treeVersion(o.Root)}
	if versions[ORTWeb], err = packageVersion(o.Root, ORTWeb); err != nil {
		return err
	}
	report.Rows = taken.rows(o.Metrics, func(r *Row, c *Contestant) {
		r.Model = m.name + "/" + c.File
		r.Version = versions[c.System]
		r.Environment = report.Environment
		if d, ok := diffs[c]; ok {
			r.MaxDiff = &d
		}
	})
	return nil
}

// compare lets every contestant answer once. The reference is the peer with one
// thread on float32 weights, or else the first that answers at all.
func (s *session) compare(ctx context.Context, taking []*Contestant, report *Report, log func(string, ...any)) (map[*Contestant]float64, error) {
	log("Comparing the answers of %d contestants …", len(taking))
	diffs := map[*Contestant]float64{}
	var reference []float64
	for _, c := range taking {
		// A few runs more, so that the browser finds what is worth keeping compiled.
		o, err := s.try(ctx, c, job{Settle: fewSettle})
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err == nil {
			if reference == nil {
				reference = o.Output
			}
			d := maxDiff(o.Output, reference)
			if diffs[c] = d; !(d <= tolerance) {
				err = fmt.Errorf("its answer differs by %.3g from the reference's", d)
			}
		}
		if err != nil {
			report.exclude(c, err)
		}
	}
	if reference == nil {
		return nil, fmt.Errorf("no contestant answers: %s", strings.Join(report.reasons(), "; "))
	}
	return diffs, nil
}

// maxDiff is the largest difference between two answers, infinite where they
// have not the same form or are no numbers.
func maxDiff(a, b []float64) float64 {
	if len(a) != len(b) || len(a) == 0 {
		return math.Inf(1)
	}
	largest := 0.0
	for i := range a {
		d := math.Abs(a[i] - b[i])
		if math.IsNaN(d) {
			return math.Inf(1)
		}
		largest = max(largest, d)
	}
	return largest
}

// round measures each contestant once, beginning with another one each time.
func (e experiment) round(ctx context.Context, s *session, round int, taking []*Contestant, taken *samples, report *Report, o Options) error {
	o.Log("Round %d of %d: %s …", round+1, o.Rounds, strings.Join(e.metrics, ", "))
	for i := range taking {
		c := taking[(i+round)%len(taking)]
		if !e.invites(c) || report.excluded(c) || round > 0 && e.once != nil && e.once(c) {
			continue
		}
		values, err := e.measure(ctx, s, c)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			report.exclude(c, fmt.Errorf("%s: %w", e.metrics[0], err))
			continue
		}
		for _, metric := range e.metrics {
			if v, ok := values[metric]; ok {
				taken.add(sample{metric, c, round, v})
			}
		}
	}
	return nil
}
