package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"hamster/model"
	"hamster/model/onnxfile"
	"hamster/tools/internal/convert"
	"hamster/tools/internal/dequantise"
	"hamster/tools/internal/gowasm"
	"hamster/tools/internal/site"
)

// Options of Run.
type Options struct {
	Root    string   // the repository; "" finds it from the working folder
	Model   string   // an ONNX file: one image in, one row of scores out
	Metrics []string // empty: all
	Threads []int    // empty: 1 and 2
	Rounds  int
	// All has everybody take part although Metrics names a part. Else who is there
	// for inference alone, or takes too long, is left out and named in Report.LeftOut.
	All bool
	// Merge is for a report that will be merged with an earlier one. What is measured
	// together stays together: Metrics grow to all of the experiments that they name,
	// and everybody takes part.
	Merge bool
	// Quick runs little more than once, on the first points of growth, and like a part
	// without those whom All brings back: for tests, whose times say nothing.
	Quick bool
	// Log takes what is done, a line a call.
	Log func(format string, args ...any)
	// Stderr takes what the browser's page complains about.
	Stderr io.Writer

	brief bool // without those whom All would bring back
}

// tolerance is the largest difference between answers that count as the same.
const tolerance = 1e-3

// session is what experiments share.
type session struct {
	root    string
	browser *browser
	server  *server
	model   *modelFiles
	metrics []string // that were asked for
	quick   bool
	log     func(format string, args ...any)

	// reference has the first answer to each question, which is a peer's, diffs how
	// far each contestant's lay from it at most.
	reference map[question][]float64
	diffs     map[*Contestant]float64

	photos sync.Once
	shown  *showroom            // of sites; nil until one is visited
	stored *point               // of a growth curve, whose model the browser has
	best   string               // what the first site said of the photo
	primed map[*Contestant]bool // see prime
}

// wants tells whether any of these metrics was asked for. What takes long and is for
// others alone need not be done.
func (s *session) wants(metrics ...string) bool {
	return slices.ContainsFunc(metrics, func(m string) bool { return slices.Contains(s.metrics, m) })
}

// question is what all answers to must be the same.
type question struct {
	role role
	at   *point
}

// check compares an answer with the reference, which the first one becomes.
func (s *session) check(c *Contestant, output []float64) error {
	if math.IsInf(maxDiff(output, output), 1) {
		return unfit{errors.New("its answer holds what is no number, or nothing")}
	}
	q := question{c.role, c.at}
	if s.reference[q] == nil {
		s.reference[q] = output
	}
	d := maxDiff(output, s.reference[q])
	if d > tolerance {
		return unfit{fmt.Errorf("its answer differs by %.3g from the reference's", d)}
	}
	s.diffs[c] = max(s.diffs[c], d)
	return nil
}

// unfit is what a contestant is that answers differently or is not what it should
// be: nothing it did counts. Who fails otherwise loses that experiment alone.
type unfit struct{ error }

func (u unfit) Unwrap() error { return u.error }

func (s *session) close() error {
	var err error
	if s.shown != nil {
		err = s.shown.close()
	}
	return errors.Join(err, s.browser.close(), s.server.close())
}

// Run measures. A contestant that answers differently or is not what it should be
// is left out of the report, one that fails is left out of what it failed at,
// earlier rounds included; both are named in Excluded.
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
	report := &Report{Environment: env, measured: o.Metrics}
	err = o.plan().run(ctx, s, o, report)
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
		o.Log("The machine is busy (%.2f cores at other work): times will say little.", env.Load)
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
	o.All = o.All || o.Merge
	o.brief = (o.Quick || len(o.Metrics) > 0) && !o.All
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
	switch {
	case len(o.Metrics) == 0:
		o.Metrics = Metrics()
	case o.Merge:
		o.Metrics = slices.DeleteFunc(Metrics(), func(m string) bool {
			return !slices.ContainsFunc(o.Metrics, func(asked string) bool { return sameExperiment(asked, m) })
		})
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
	path   string // of the ONNX file
	name   string
	shape  []int
	labels []string // in the order of its scores; none where it has no names for them
	scale  float64  // a byte of a pixel becomes byte / scale + offset
	offset float64
	// published tells whether this is the model that TensorFlow.js and nsfwjs have
	// in their own format.
	published bool
	files     map[string][]byte // float32File always, the others where there are such
}

// forms in the order in which contestants of one setting take their turn.
func (m *modelFiles) forms() []string {
	return slices.DeleteFunc([]string{float32File, quantisedFile, layersFile}, func(form string) bool { return m.files[form] == nil })
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
	m := &modelFiles{path: path, name: strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), files: map[string][]byte{}}
	for i, d := range f.Inputs[0].Shape {
		if d < 1 {
			if d = 1; i > 0 {
				return nil, fmt.Errorf("%s: the size of its input is left open", path)
			}
		}
		m.shape = append(m.shape, d)
	}
	if err := m.describe(f.Metadata); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
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

// describe takes from the metadata what a page's script must know.
func (m *modelFiles) describe(metadata map[string]string) error {
	m.scale, m.offset = 127.5, -1 // as in Hamster itself
	for key, into := range map[string]*float64{model.KeyScale: &m.scale, model.KeyOffset: &m.offset} {
		if text, ok := metadata[key]; ok {
			v, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return fmt.Errorf("metadata %s=%q: the bench takes one number for all channels", key, text)
			}
			*into = v
		}
	}
	if text, ok := metadata[model.KeyLabels]; ok {
		var labels []model.Label
		if err := json.Unmarshal([]byte(text), &labels); err != nil {
			return fmt.Errorf("metadata %s: %w", model.KeyLabels, err)
		}
		for _, l := range labels {
			m.labels = append(m.labels, l.Name)
		}
	}
	m.published = metadata[model.KeySource] == convert.NSFW().Source
	return nil
}

// modelURL is where the server has a form of the model.
func modelURL(form string) string { return "/models/" + form + ".onnx" }

// build makes what the bench's own page loads, by URL path, and the model's form
// for TensorFlow.js.
func (o *Options) build(ctx context.Context, m *modelFiles) (map[string][]byte, error) {
	program, err := compile(ctx, o.Root, "tools/bench/wasm", true)
	if err != nil {
		return nil, err
	}
	starter, err := gowasm.Runtime(ctx)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{"/build/hamster.wasm": program, "/build/wasm_exec.js": starter}
	if !o.brief { // else Gorgonia is left out
		if files["/build/portable.wasm"], err = compile(ctx, o.Root, "tools/bench/wasm", false); err != nil {
			return nil, err
		}
	}
	if !m.published {
		return files, nil
	}
	if m.files[layersFile], err = layers(ctx, o.Root); err != nil {
		return nil, err
	}
	return files, errors.Join(
		bundle(ctx, o.Root, "systems/tfjs.mjs", "/bench/systems/", files),
		bundle(ctx, o.Root, "readers/nsfwjs.mjs", "/bench/readers/", files),
	)
}

// open builds what the page needs, and starts the server and the browser.
func (o *Options) open(ctx context.Context, m *modelFiles, env *Environment) (*session, error) {
	o.Log("Building …")
	siteDir := filepath.Join(o.Root, filepath.FromSlash(buildDir), "site")
	var siteErr error
	var other sync.WaitGroup
	other.Go(func() { siteErr = site.Build(ctx, o.Root, siteDir) })
	files, err := o.build(ctx, m)
	other.Wait()
	if err := errors.Join(err, siteErr); err != nil {
		return nil, err
	}
	urls := map[string]string{}
	for form, content := range m.files {
		urls[form] = modelURL(form)
		files[urls[form]] = content
	}
	s, err := openSession(ctx, o.Root, siteDir, files, o.Stderr)
	if err != nil {
		return nil, err
	}
	s.model, s.metrics, s.quick, s.log = m, o.Metrics, o.Quick, o.Log
	err = s.browser.call(ctx, "version", nil, &env.Browser)
	if err == nil {
		err = s.browser.call(ctx, "store", urls, env)
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	env.Browser = strings.TrimSpace(env.Browser)
	return s, nil
}

func openSession(ctx context.Context, root, site string, files map[string][]byte, stderr io.Writer) (*session, error) {
	server, err := newServer(root, site, files)
	if err != nil {
		return nil, err
	}
	b, err := launch(ctx, root, server.origin+"/bench/page.html", stderr)
	if err != nil {
		return nil, errors.Join(err, server.close())
	}
	return &session{
		root: root, browser: b, server: server,
		reference: map[question][]float64{}, diffs: map[*Contestant]float64{}, primed: map[*Contestant]bool{},
	}, nil
}

func (p plan) run(ctx context.Context, s *session, o Options, report *Report) error {
	l := newLineup(s.model, o.Threads, report.Environment)
	l.quick = o.Quick
	taking := make([][]*Contestant, len(p))
	var all []*Contestant
	for i, e := range p {
		var leftOut []*Contestant
		if taking[i], leftOut = e.taking(l, o.brief); len(leftOut) > 0 {
			asked := slices.DeleteFunc(slices.Clone(e.metrics), func(m string) bool { return !s.wants(m) })
			report.LeftOut = append(report.LeftOut, Omission{asked, leftOut})
		}
		for _, c := range taking[i] {
			if !slices.Contains(all, c) {
				all = append(all, c)
			}
		}
		if err := e.prepare(ctx, s, taking[i], report); err != nil {
			return err
		}
	}
	versions, err := s.versions(all) // of what was built: the repository may change meanwhile
	if err != nil {
		return err
	}
	taken := &samples{}
	for round := range o.Rounds {
		for i, e := range p {
			o.Log("Round %d of %d: %s …", round+1, o.Rounds, strings.Join(e.metrics, ", "))
			if err := e.round(ctx, s, round, taking[i], taken, report); err != nil {
				return err
			}
		}
	}
	taken.drop(report.lost)
	if len(taken.keys) == 0 {
		return fmt.Errorf("no contestant answers: %s", strings.Join(report.reasons(), "; "))
	}
	report.Rows = taken.rows(o.Metrics, func(r *Row, c *Contestant) { s.describe(r, c, versions, report.Environment) })
	for _, x := range report.Excluded {
		c := x.Contestant
		r := Row{
			Metric: excludedMetric, System: c.System, Backend: c.Backend, Variant: c.Variant, Threads: c.Threads,
			Reason: x.Reason.Error(), During: x.During,
		}
		s.describe(&r, c, versions, report.Environment)
		report.Rows = append(report.Rows, r)
	}
	return nil
}

// describe fills in what a row does not have from its samples.
func (s *session) describe(r *Row, c *Contestant, versions map[string]string, env Environment) {
	name, shape := s.model.name, s.model.shape
	if c.at != nil {
		name, shape = c.at.name, c.at.shape
		r.MACs, r.Parameters = c.at.macs, c.at.parameters
	}
	r.Model, r.Input = name+"/"+c.File, shape[2]
	if shape[3] != shape[2] {
		r.InputWidth = shape[3]
	}
	r.Version = versions[c.System]
	r.Environment = env
	if d, ok := s.diffs[c]; ok && r.Metric != excludedMetric {
		r.MaxDiff = &d
	}
}

// prepare does what goes before the rounds.
func (e experiment) prepare(ctx context.Context, s *session, taking []*Contestant, report *Report) error {
	for _, c := range taking {
		if e.before == nil || report.excluded(c, e) {
			continue
		}
		err := e.before(ctx, s, c)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			report.exclude(c, e, err)
		}
	}
	return nil
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
// Those of a growth curve keep their order: the browser has one model at a time.
func (e experiment) round(ctx context.Context, s *session, round int, taking []*Contestant, taken *samples, report *Report) error {
	for i := range taking {
		c := taking[(i+round)%len(taking)]
		if c.at != nil {
			c = taking[i]
		}
		if report.excluded(c, e) || round > 0 && e.once != nil && e.once(c) {
			continue
		}
		values, err := e.measure(ctx, s, c)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			report.exclude(c, e, err)
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
