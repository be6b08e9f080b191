package bench

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"hamster/model/onnxfile"
	"hamster/model/simd/simdtest"
	"hamster/tools/internal/onnxwrite"
)

func TestTheMedianOfAnEvenNumberIsBetweenTheMiddleTwo(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   Spread
	}{
		{[]float64{7}, Spread{7, 7, 7}},
		{[]float64{3, 1, 2}, Spread{2, 1, 3}},
		{[]float64{4, 1, 3, 2}, Spread{2.5, 1, 4}},
		{[]float64{5, 5, 0, 5}, Spread{5, 0, 5}},
	} {
		if got := spread(c.values); got != c.want {
			t.Errorf("%v: %v, want %v", c.values, got, c.want)
		}
	}
}

func TestNoiseIsTheWidthByTheMedian(t *testing.T) {
	for _, c := range []struct {
		s    Spread
		want float64
	}{{Spread{10, 9, 11}, 0.2}, {Spread{4, 4, 4}, 0}, {Spread{}, 0}} {
		if got := c.s.noise(); got != c.want {
			t.Errorf("%v: %v, want %v", c.s, got, c.want)
		}
	}
}

// taken are samples of two peers and one of ours, over three rounds that slow
// down: only within a round do they compare.
func taken() (*samples, *Contestant) {
	ours := &Contestant{System: Hamster, Backend: "simd", Variant: "relaxed", Threads: 1, File: quantisedFile}
	theirs := &Contestant{System: ORTWeb, Backend: "wasm", Variant: "simd128", Threads: 1, File: float32File}
	slow := &Contestant{System: ORTWeb, Backend: "wasm", Variant: "simd128", Threads: 1, File: quantisedFile}
	other := &Contestant{System: ORTWeb, Backend: "wasm", Variant: "simd128", Threads: 2, File: float32File}
	s := &samples{}
	for round, v := range []float64{100, 200, 400} {
		s.add(
			sample{"steady_ms", other, round, 1}, sample{"steady_ms", slow, round, 5 * v},
			sample{"steady_ms", theirs, round, v}, sample{"steady_ms", ours, round, v / 2},
		)
	}
	s.add(sample{"first_ms", ours, 0, 9})
	return s, ours
}

func row(t *testing.T, rows []Row, metric, system string, threads int) Row {
	t.Helper()
	for _, r := range rows {
		if r.Metric == metric && r.System == system && r.Threads == threads {
			return r
		}
	}
	t.Fatalf("no row of %s, %s", metric, system)
	return Row{}
}

func noFill(*Row, *Contestant) {}

func TestARatioIsTakenWithinTheRound(t *testing.T) {
	s, _ := taken()
	r := row(t, s.rows([]string{"steady_ms"}, noFill), "steady_ms", Hamster, 1)
	if r.Median != 100 || r.Min != 50 || r.Max != 200 || r.Rounds != 3 {
		t.Errorf("%+v", r)
	}
	if *r.Ratio != 0.5 || *r.RatioMin != 0.5 || *r.RatioMax != 0.5 {
		t.Errorf("ratio %v, %v…%v", *r.Ratio, *r.RatioMin, *r.RatioMax)
	}
	if want := "onnxruntime-web, wasm, simd128, 1 thread, float32"; r.Against != want {
		t.Errorf("against %q, want %q", r.Against, want)
	}
}

func TestARoundThatThePeerMissedHasNoRatio(t *testing.T) {
	s, ours := taken()
	s.add(sample{"steady_ms", ours, 3, 1e6})
	r := row(t, s.rows([]string{"steady_ms"}, noFill), "steady_ms", Hamster, 1)
	if r.Rounds != 4 || *r.RatioMax != 0.5 {
		t.Errorf("%d rounds, ratio up to %v", r.Rounds, *r.RatioMax)
	}
}

func TestPeersAndMetricsWithoutPeersHaveNoRatio(t *testing.T) {
	s, _ := taken()
	rows := s.rows([]string{"steady_ms", "first_ms"}, noFill)
	if r := row(t, rows, "steady_ms", ORTWeb, 2); r.Ratio != nil || r.Against != "" {
		t.Errorf("%+v", r)
	}
	if r := row(t, rows, "first_ms", Hamster, 1); r.Ratio != nil || r.Against != "" {
		t.Errorf("%+v", r)
	}
}

func TestRowsComeInTheOrderOfTheMetricsAskedFor(t *testing.T) {
	s, _ := taken()
	rows := s.rows([]string{"first_ms", "steady_ms"}, noFill)
	if rows[0].Metric != "first_ms" || len(rows) != 5 {
		t.Errorf("%d rows, the first of %s", len(rows), rows[0].Metric)
	}
}

func TestATargetBoundsTheRatioOrTheMedian(t *testing.T) {
	ratio := func(v float64) *float64 { return &v }
	for _, c := range []struct {
		row  Row
		want string
	}{
		{Row{Metric: "steady_ms", System: Hamster, Variant: "relaxed", Threads: 1, Ratio: ratio(0.42)}, "aim reached"},
		{Row{Metric: "steady_ms", System: Hamster, Variant: "relaxed", Threads: 2, Ratio: ratio(0.5)}, "reached"},
		{Row{Metric: "steady_ms", System: Hamster, Variant: "relaxed", Threads: 1, Ratio: ratio(0.56)}, "missed"},
		{Row{Metric: "steady_ms", System: Hamster, Variant: "relaxed", Threads: 1}, ""},
		{Row{Metric: "steady_ms", System: Hamster, Variant: "relaxed-direct", Threads: 1, Ratio: ratio(0.1)}, ""},
		{Row{Metric: "steady_ms", System: ORTWeb, Variant: "relaxed", Threads: 1, Ratio: ratio(0.1)}, ""},
		{Row{Metric: "first_per_steady", System: Hamster, Variant: "simd128", Threads: 1, Median: 1.4}, "reached"},
		{Row{Metric: "first_per_steady", System: Hamster, Variant: "relaxed", Threads: 2, Median: 1.6, Ratio: ratio(0.1)}, "missed"},
		{Row{Metric: "memory_bytes", System: Hamster, Variant: "relaxed", Threads: 2, Ratio: ratio(0.36)}, "reached"},
		{Row{Metric: "visit_ms", System: Hamster, Variant: "relaxed", Threads: 2, Median: 999, Ratio: ratio(3)}, "reached"},
		{Row{Metric: "resize_ms", System: Hamster, Variant: "relaxed", Threads: 2, Median: 61}, "missed"},
		{Row{Metric: "resize_ms", System: Hamster, Variant: "relaxed", Threads: 2, Median: 1, Model: "mobilenet/float32"}, ""},
	} {
		if c.row.Model == "" {
			c.row.Model = "inception_v3_nsfw/float32"
		}
		got := ""
		if target, ok := targetOf(c.row); ok {
			got = target.verdict(c.row)
		}
		if got != c.want {
			t.Errorf("%+v: %q, want %q", c.row, got, c.want)
		}
	}
}

func TestAnswersOfAnotherFormOrWithoutNumbersDifferInfinitely(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		a, b []float64
		want float64
	}{
		{[]float64{0.25, 0.75}, []float64{0.5, 0.625}, 0.25},
		{[]float64{1}, []float64{1, 0}, math.Inf(1)},
		{nil, nil, math.Inf(1)},
		{[]float64{nan, 0}, []float64{1, 0}, math.Inf(1)},
	} {
		if got := maxDiff(c.a, c.b); got != c.want {
			t.Errorf("%v and %v: %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

func TestAWrongAnswerIsNoDifferenceToReport(t *testing.T) {
	c := &Contestant{System: Hamster}
	nan, inf := math.NaN(), math.Inf(1)
	for _, first := range [][]float64{{nan, 0}, {inf, 0}, {}} {
		s := &session{reference: map[question][]float64{}, diffs: map[*Contestant]float64{}}
		if err := s.check(c, first); !errors.As(err, &unfit{}) || len(s.reference) > 0 {
			t.Errorf("%v becomes the reference: %v", first, err)
		}
	}
	s := &session{reference: map[question][]float64{}, diffs: map[*Contestant]float64{}}
	for _, x := range []struct {
		answer []float64
		ok     bool
	}{{[]float64{0.25, 0.75}, true}, {[]float64{0.25, 0.7505}, true}, {[]float64{0.5, 0.5}, false}, {[]float64{0.25}, false}, {[]float64{nan, 0}, false}} {
		if err := s.check(c, x.answer); (err == nil) != x.ok || !x.ok && !errors.As(err, &unfit{}) {
			t.Errorf("%v: %v", x.answer, err)
		}
	}
	if d := s.diffs[c]; math.Abs(d-0.0005) > 1e-9 {
		t.Errorf("the largest difference of what counts is %v, want 0.0005", d)
	}
}

// Somebody answers in the first round, and no longer in the second: a wrong answer
// takes all away, a failure what it was at, and the report is written all the same.
func TestWhoIsExcludedLateHasNoRowsOfEarlierRounds(t *testing.T) {
	first, second := experiments[0], experiments[1]
	for _, c := range []struct {
		reason error
		want   string
	}{
		{errors.New("it broke"), "simd128 steady_ms, relaxed steady_ms, simd128 warm_ms, excluded"},
		{unfit{errors.New("it is wrong")}, "simd128 steady_ms, simd128 warm_ms, excluded"},
	} {
		list := []*Contestant{
			{System: Hamster, Backend: "simd", Variant: "simd128", Threads: 1, File: float32File},
			{System: Hamster, Backend: "simd", Variant: "relaxed", Threads: 1, File: float32File},
		}
		who := func(*lineup) []*Contestant { return list }
		rounds := 0
		p := plan{
			{metrics: first.metrics, who: who, measure: func(_ context.Context, s *session, c *Contestant) (map[string]float64, error) {
				return map[string]float64{"steady_ms": 1}, s.check(c, []float64{1})
			}},
			{metrics: second.metrics, who: who, measure: func(_ context.Context, _ *session, x *Contestant) (map[string]float64, error) {
				if rounds++; x == list[1] && rounds > 2 {
					return nil, c.reason
				}
				return map[string]float64{"warm_ms": 1}, nil
			}},
		}
		s := &session{
			root: "../../..", model: &modelFiles{name: "m", shape: []int{1, 3, 8, 8}, files: map[string][]byte{float32File: {}}},
			metrics: Metrics(), reference: map[question][]float64{}, diffs: map[*Contestant]float64{},
		}
		r := &Report{}
		o := Options{Rounds: 2, Threads: []int{1}, Metrics: Metrics(), Log: t.Logf}
		if err := p.run(t.Context(), s, o, r); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, row := range r.Rows {
			got = append(got, strings.TrimSpace(row.Variant+" "+row.Metric))
		}
		if text := strings.Join(got, ", "); text != strings.Replace(c.want, "excluded", "relaxed excluded", 1) {
			t.Errorf("%v: %s, want %s", c.reason, text, c.want)
		}
		if err := r.WriteJSON(io.Discard); err != nil {
			t.Error(err)
		}
	}
}

func TestAMergedPartMeasuresWholeExperimentsWithEverybody(t *testing.T) {
	for _, c := range []struct {
		o     Options
		want  string
		brief bool
	}{
		{Options{Metrics: []string{"steady_ms"}, Merge: true}, "steady_ms first_ms first_per_steady", false},
		{Options{Metrics: []string{"webcam_fps", "main_blocking_ms"}, Merge: true}, "main_thread_ms main_blocking_ms webcam_fps", false},
		{Options{Metrics: []string{"steady_ms"}}, "steady_ms", true},
		{Options{Metrics: []string{"steady_ms"}, All: true}, "steady_ms", false},
		{Options{Merge: true}, strings.Join(Metrics(), " "), false},
		{Options{Quick: true}, strings.Join(Metrics(), " "), true},
		{Options{Quick: true, All: true}, strings.Join(Metrics(), " "), false},
	} {
		c.o.Rounds = 1
		if err := c.o.complete(); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(c.o.Metrics, " "); got != c.want || c.o.brief != c.brief {
			t.Errorf("%s, brief: %t; want %s, brief: %t", got, c.o.brief, c.want, c.brief)
		}
	}
}

// The bench writes its report into the repository that it names the version of.
func TestWhatTheBenchWritesDoesNotMakeTheVersionDirty(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if got := treeVersion(root); !strings.HasPrefix(got, "of no commit, go") {
		t.Errorf("without a repository: %q", got)
	}
	for _, name := range []string{"README.md", "docs/bench/results.json", "docs/api.md", "model/README.md"} {
		write(name, "before")
	}
	for _, args := range [][]string{
		{"init", "-q"}, {"add", "."},
		{"-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false", "commit", "-q", "-m", "All"},
	} {
		command := exec.Command("git", args...)
		command.Dir = root
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	dirty := func() bool { return strings.Contains(treeVersion(root), "-dirty, go") }
	write("README.md", "after")
	write("docs/bench/results.json", "after")
	if dirty() {
		t.Error("a report makes it dirty")
	}
	for _, name := range []string{"docs/api.md", "model/README.md"} {
		write(name, "after")
		if !dirty() {
			t.Errorf("%s does not make it dirty", name)
		}
		write(name, "before")
	}
}

func TestAnEngineThatFallsBackIsFoundOut(t *testing.T) {
	m := &modelFiles{files: map[string][]byte{float32File: {}, layersFile: {}}}
	for _, c := range newLineup(m, []int{1, 2}, Environment{Cores: 4, WebGPU: "some"}).engines {
		if c.System == ORTNative {
			continue
		}
		says := "wasm, 1 thread(s)"
		if c.System == Hamster {
			says = "simd, 1 thread, relaxed"
		}
		err := c.disguised(says)
		honest := c.Threads == 1 && (c.Backend == "wasm" || c.Backend == "simd" && c.options["noRelaxed"] == nil)
		if (err == nil) != honest {
			t.Errorf("%s that is %q: %v", c.Name(), says, err)
		}
	}
}

func TestTheLineupHoldsWhoCanTakePart(t *testing.T) {
	has := func(list []*Contestant, system, backend, file string, threads int) bool {
		return slices.ContainsFunc(list, func(c *Contestant) bool {
			return c.System == system && c.Backend == backend && c.File == file && c.Threads == threads
		})
	}
	all := map[string][]byte{float32File: {}, quantisedFile: {}, layersFile: {}}
	l := newLineup(&modelFiles{files: all}, []int{1, 2}, Environment{Cores: 2})
	for what, got := range map[string]bool{
		"no WebGPU without an adapter":                    !has(l.engines, ORTWeb, "webgpu", float32File, 1),
		"TensorFlow.js on its own model":                  has(l.engines, TFJS, "wasm", layersFile, 1),
		"TensorFlow.js on half the cores":                 !has(l.engines, TFJS, "wasm", layersFile, 2),
		"the native runtime":                              has(l.engines, ORTNative, "cpu", float32File, 2),
		"Gorgonia":                                        has(l.engines, Hamster, "gorgonia", float32File, 1),
		"nsfwjs first, whose answers are the reference":   l.readers[0].System == NSFWJS && l.sites[0].System == NSFWJS,
		"the peer's faster weights to read photos":        has(l.readers, ORTWeb, "wasm", float32File, 2),
		"the peer's smaller weights to visit":             has(l.sites, ORTWeb, "wasm", quantisedFile, 2),
		"ours as they are published":                      has(l.readers, Hamster, "simd", quantisedFile, 2),
		"no native runtime where only browsers can be":    !has(leaders(l), ORTNative, "cpu", float32File, 1),
		"each system once where its size is what matters": len(shipped(l)) == 3,
	} {
		if !got {
			t.Error(what)
		}
	}
	alone := newLineup(&modelFiles{files: map[string][]byte{float32File: {}}}, []int{1}, Environment{Cores: 2, WebGPU: "some"})
	if !has(alone.engines, ORTWeb, "webgpu", float32File, 1) {
		t.Error("WebGPU with an adapter")
	}
	if has(alone.readers, NSFWJS, "wasm", layersFile, 1) {
		t.Error("nsfwjs with a model that is not its own")
	}
}

func TestAPartIsWithoutThoseWhoAreThereForInferenceAloneOrTakeLong(t *testing.T) {
	all := map[string][]byte{float32File: {}, quantisedFile: {}, layersFile: {}}
	l := newLineup(&modelFiles{files: all, shape: []int{1, 3, 299, 299}}, []int{1, 2}, Environment{Cores: 2, WebGPU: "some"})
	for _, e := range experiments {
		taking, leftOut := e.taking(l, true)
		if slices.ContainsFunc(taking, func(c *Contestant) bool { return c.extra && c.Variant != "simd128" }) {
			t.Errorf("%s: somebody else takes part", e.metrics[0])
		}
		want := 0
		if e.metrics[0] == "steady_ms" {
			want = 9 // Gorgonia, 3 without Winograd, 2 native, WebGPU; 2 threads on quantised weights, ours and the peer's
			// A peer with as many threads is left to compare each of ours with.
			for _, threads := range []int{1, 2} {
				for _, system := range []string{Hamster, ORTWeb} {
					if !slices.ContainsFunc(taking, func(c *Contestant) bool { return c.System == system && c.Threads == threads }) {
						t.Errorf("no %s with %d threads", system, threads)
					}
				}
			}
		}
		switch e.metrics[0] {
		case "batch_ms":
			want = 1 // nsfwjs
		case "growth_input_ms":
			want = 3 * 2 // every second of six sizes, ours and the peer's
		case "growth_size_ms":
			want = 2 * 2
		}
		if len(leftOut) != want {
			t.Errorf("%s: %d are left out, want %d", e.metrics[0], len(leftOut), want)
		}
		if whole, none := e.taking(l, false); len(whole) != len(taking)+len(leftOut) || none != nil {
			t.Errorf("%s: %d take part in all, %d and %d in a part and not", e.metrics[0], len(whole), len(taking), len(leftOut))
		}
	}
}

func TestOnlyWhatWasAskedForIsTimed(t *testing.T) {
	steady := job{Settle: settling, Measure: measuring}
	input := &point{family: "input"}
	for metric, want := range map[string]job{"first_ms": {}, "steady_ms": steady, "first_per_steady": steady} {
		s := &session{metrics: []string{metric}}
		if got := s.inferenceJob(&Contestant{}); got.Settle != want.Settle || got.Measure != want.Measure {
			t.Errorf("%s: %+v", metric, got)
		}
	}
	for metric, want := range map[string][2]bool{"growth_input_ms": {true, false}, "growth_input_bytes": {false, true}, "growth_size_ms": {}} {
		got := (&session{metrics: []string{metric}}).growthJob(input)
		if times, memory := got.Measure.Runs > 0, got.Memory > 0; times != want[0] || memory != want[1] {
			t.Errorf("%s: times %t, memory %t", metric, times, memory)
		}
	}
}

func TestASiteIsVisitedAgainOnlyForMetricsOfThat(t *testing.T) {
	for _, c := range []struct {
		metrics []string
		want    []visitKind
	}{
		{[]string{"cold_ms"}, []visitKind{{cold, false}}},
		{[]string{"cold_ms", "cold_requests"}, []visitKind{{cold, true}}},
		{[]string{"visit_run_ms"}, []visitKind{{cold, true}, {again, false}}},
		{Metrics(), []visitKind{{cold, true}, {again, true}}},
	} {
		if got := (&session{metrics: c.metrics}).visits(); !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, want %v", c.metrics, got, c.want)
		}
	}
}

func TestAPeersRowHasOursByIt(t *testing.T) {
	s, _ := taken()
	r := row(t, s.rows([]string{"steady_ms"}, noFill), "steady_ms", ORTWeb, 1)
	if r.HamsterRatio == nil || *r.HamsterRatio != 0.1 { // of the slow form, the first row of it
		t.Errorf("%+v", r)
	}
	if r := row(t, s.rows([]string{"steady_ms"}, noFill), "steady_ms", ORTWeb, 2); r.HamsterRatio != nil {
		t.Errorf("ours has no run with 2 threads: %+v", r)
	}
}

func report() *Report {
	ratio := 0.3
	diff := 2e-7
	e := Environment{CPU: "A|B", Cores: 2, OS: "linux/amd64", Browser: "Chrome/1", Isolated: true, Load: 1.5}
	return &Report{Environment: e, Rows: []Row{
		{Metric: "steady_ms", System: ORTWeb, Backend: "wasm", Variant: "simd128", Threads: 1, Model: "inception_v3/float32", Median: 1234.5, Min: 1200, Max: 1300,
			Rounds: 5, HamsterRatio: &ratio, Version: "1", Environment: e},
		{Metric: "steady_ms", System: Hamster, Backend: "simd", Variant: "relaxed", Threads: 1, Model: "inception_v3/float32", Median: 42.25, Min: 40, Max: 90,
			Rounds: 5, Ratio: &ratio, RatioMin: &ratio, RatioMax: &ratio, MaxDiff: &diff, Version: "2", Environment: e},
		{Metric: excludedMetric, System: Hamster, Backend: "simd", Variant: "simd128", Threads: 2, Model: "m/float32", During: "steady_ms",
			Reason: "it broke", Version: "2", Environment: e},
	}}
}

func TestATableIsAlignedAndLeavesOutWhatNobodyHas(t *testing.T) {
	var out bytes.Buffer
	if err := report().WriteText(&out); err != nil {
		t.Fatal(err)
	}
	want := `Steady inference
  system           backend  variant  threads  model    median   min…max          rounds  ratio  min…max    must    aim                  hamster by this
  onnxruntime-web  wasm     simd128  1        float32  1.23 s   1.20 s…1.30 s    5                                                      0.30
  hamster          simd     relaxed  1        float32  42.2 ms  40.0 ms…90.0 ms  5       0.30   0.30…0.30  ≤ 0.55  ≤ 0.42  aim reached

A|B, 2 cores, linux/amd64, Chrome/1, cross-origin isolated: true
No WebGPU adapter here, so nothing ran on one.
onnxruntime-web 1
hamster 2
All in one session, begun 0001-01-01 00:00 UTC.
Cores at other work before a session: 1.50 at most. The machine was busy, so times say little.
1 of 2 medians have values more than 15 % apart around them.
A ratio is ours by onnxruntime-web's (wasm) with as many threads, on float32 weights where it ran such, within a round; the median over rounds.
Hamster by this: our default setting by that peer, likewise.
Answers were compared in every run before it counted: they differ by 2e-07 at most.
Not counted: hamster, simd, simd128, 2 threads, m/float32, steady_ms: it broke
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestAReportNamesOnceWhoWasLeftOutAndHowToAskForThem(t *testing.T) {
	r := report()
	left := Omission{Metrics: []string{"steady_ms", "first_ms"}}
	for _, threads := range []int{1, 2} {
		left.Contestants = append(left.Contestants, &Contestant{System: Hamster, Backend: "simd", Variant: "relaxed-direct", Threads: threads},
			&Contestant{System: ORTNative, Backend: "cpu", Threads: threads})
	}
	r.LeftOut = []Omission{left}
	var out bytes.Buffer
	if err := r.WriteText(&out); err != nil {
		t.Fatal(err)
	}
	want := "\nLeft out of steady_ms, first_ms, since this is a part (--all runs them too): hamster simd relaxed-direct, onnxruntime-native cpu.\n"
	if !strings.Contains(out.String(), want) {
		t.Errorf("no %q in\n%s", want, out.String())
	}
}

func TestMarkdownHasAHeadingATableAndRemarks(t *testing.T) {
	var out bytes.Buffer
	if err := report().WriteMarkdown(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"# Hamster beside its peers\n\n- A\\|B, 2 cores", "\n- onnxruntime-web 1\n",
		"\n\n## Steady inference\n\n| system | backend |", "|---|---|", "| 42.2 ms |",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestJSONIsAnArrayOfFlatObjects(t *testing.T) {
	for _, r := range []*Report{report(), {}} {
		var out bytes.Buffer
		if err := r.WriteJSON(&out); err != nil {
			t.Fatal(err)
		}
		var objects []map[string]any
		if err := json.Unmarshal(out.Bytes(), &objects); err != nil {
			t.Fatal(err)
		}
		if len(objects) != len(r.Rows) {
			t.Errorf("%d objects for %d rows", len(objects), len(r.Rows))
		}
		for _, o := range objects {
			for _, key := range []string{"metric", "system", "backend", "variant", "threads", "model", "median", "min", "max", "rounds"} {
				if _, ok := o[key]; !ok {
					t.Errorf("no %q in %v", key, o)
				}
			}
			for key, value := range o {
				switch value.(type) {
				case map[string]any, []any:
					t.Errorf("%s is not flat", key)
				}
			}
		}
	}
}

func TestWrongOptionsAreRefusedBeforeAnythingRuns(t *testing.T) {
	for want, o := range map[string]Options{
		"0 rounds":                {},
		`metric "speed" is unkno`: {Rounds: 1, Metrics: []string{"speed"}},
		"0 threads":               {Rounds: 1, Threads: []int{0}},
	} {
		if _, err := Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestTheCompilersChoiceIsFoundAmongKernels(t *testing.T) {
	for want, kernels := range map[string][]string{
		"winograd_f4x4_k3x3_relaxed":       {"f32_copy", "f32_winograd_input_f4x4_k3x3_relaxed", "f32_conv_nhwc_6x8_relaxed"},
		"f32_conv_nhwc_6x8_relaxed_minmax": {"f32_copy", "f32_conv_nhwc_6x8_relaxed_minmax"},
		"":                                 {"f32_copy"},
	} {
		if got := chosenKernel(kernels, "relaxed"); got != want {
			t.Errorf("%v: %q, want %q", kernels, got, want)
		}
	}
}

func TestEveryLayerThatIsNotTimedCompiles(t *testing.T) {
	list, err := choices(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		if c.kernel == "" {
			t.Errorf("no kernel for %s, %s", c.layer, c.variant)
		}
	}
}

// small writes a model of one convolution, which takes no time.
func small(t *testing.T) string {
	t.Helper()
	var weights []byte
	for i := range 16 * 3 * 3 * 3 {
		weights = binary.LittleEndian.AppendUint32(weights, math.Float32bits(float32(math.Cos(float64(i)))))
	}
	m := onnxwrite.Model{
		Name:    "small",
		Inputs:  []onnxwrite.Value{{Name: "x", DType: onnxfile.Float32, Shape: dims(1, 3, 33, 31)}},
		Outputs: []onnxwrite.Value{{Name: "y", DType: onnxfile.Float32, Shape: dims(1, 16)}},
		Nodes: []onnxwrite.Node{
			{Name: "conv", Op: "Conv", Inputs: []string{"x", "w"}, Outputs: []string{"c"}, Attrs: []onnxwrite.Attr{onnxwrite.Ints("kernel_shape", 3, 3)}},
			{Name: "relu", Op: "Relu", Inputs: []string{"c"}, Outputs: []string{"r"}},
			{Name: "mean", Op: "GlobalAveragePool", Inputs: []string{"r"}, Outputs: []string{"m"}},
			{Name: "flat", Op: "Flatten", Inputs: []string{"m"}, Outputs: []string{"f"}, Attrs: []onnxwrite.Attr{onnxwrite.Int("axis", 1)}},
			{Name: "softmax", Op: "Softmax", Inputs: []string{"f"}, Outputs: []string{"y"}, Attrs: []onnxwrite.Attr{onnxwrite.Int("axis", 1)}},
		},
		Initializers: []onnxwrite.Tensor{{Name: "w", DType: onnxfile.Float32, Shape: []int{16, 3, 3, 3}, Data: weights}},
	}
	path := filepath.Join(t.TempDir(), "small.onnx")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(m.Write(f), f.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// measured runs the bench in Chromium, and fails where anybody is not counted. Without
// a browser and the peers a test is skipped, or fails under CI.
func measured(t *testing.T, o Options) *Report {
	t.Helper()
	_, err := chromium()
	if _, npm := packageVersion("../../..", ORTWeb); err == nil {
		err = npm
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	var stderr bytes.Buffer
	o.Root, o.Threads, o.Rounds, o.Quick, o.Log, o.Stderr = "../../..", []int{1, 2}, 1, true, t.Logf, &stderr
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	for _, text := range r.reasons() {
		t.Errorf("not counted: %s", text)
	}
	if !r.Environment.Isolated || r.Environment.Cores < 1 || !strings.Contains(r.Environment.Browser, "Chrom") {
		t.Errorf("environment %+v", r.Environment)
	}
	return r
}

// expectRows checks that a report has one row for each of these settings of a metric,
// and no others. A setting is system, backend, variant, threads and model.
func expectRows(t *testing.T, r *Report, want map[string][]string) {
	t.Helper()
	got := map[string][]string{}
	for _, row := range r.Rows {
		setting := strings.Join(strings.Fields(fmt.Sprint(row.System, " ", row.Backend, " ", row.Variant, " ", row.Threads, " ", row.Model)), " ")
		got[row.Metric] = append(got[row.Metric], setting)
		// A good page has no long task; and a stage that ends before the files are there takes
		// nobody's time.
		hidden := row.Metric == "visit_compile_ms" || row.Metric == "visit_pack_ms"
		if !(row.Median > 0) && !strings.HasPrefix(row.Metric, "main_") && !hidden || row.Median < 0 || row.Input == 0 {
			t.Errorf("%+v", row)
		}
	}
	if runtime.GOOS != "linux" { // others do not tell of a process
		delete(want, "process_peak_bytes")
	}
	for metric, settings := range want {
		slices.Sort(settings)
		slices.Sort(got[metric])
		if !slices.Equal(got[metric], settings) {
			t.Errorf("%s:\n got %q\nwant %q", metric, got[metric], settings)
		}
		delete(got, metric)
	}
	if len(got) > 0 {
		t.Errorf("rows that nobody asked for: %v", got)
	}
}

// The whole way: build, serve, browser, all systems that run any model, every metric.
func TestASmallModelIsMeasuredInChromium(t *testing.T) {
	r := measured(t, Options{Model: small(t), All: true})
	of := func(model string, settings ...string) (list []string) {
		for _, s := range settings {
			list = append(list, s+" "+model+"/float32")
		}
		return list
	}
	one, two := []string{"hamster simd relaxed 1", "onnxruntime-web wasm simd128 1"}, []string{"hamster simd relaxed 2", "onnxruntime-web wasm simd128 2"}
	want := map[string][]string{}
	for _, m := range Metrics() {
		switch {
		case slices.Contains(experiments[0].metrics, m):
			want[m] = of("small", slices.Concat(one, two, []string{
				"hamster simd relaxed-direct 1", "hamster simd relaxed-direct 2", "hamster simd simd128 1", "hamster simd simd128-direct 1",
				"hamster gorgonia go 1", "onnxruntime-native cpu 1", "onnxruntime-native cpu 2",
			})...)
			if r.Environment.WebGPU != "" {
				want[m] = append(want[m], of("small", "onnxruntime-web webgpu 1")...)
			}
		case strings.HasPrefix(m, "warm_"):
			want[m] = of("small", slices.Concat(one, two)...)
		case strings.HasPrefix(m, "visit_") && m != "visit_ms" && m != "visit_bytes" || m == "resize_ms":
			want[m] = of("small", "hamster simd relaxed 2") // nobody else tells
		case strings.HasPrefix(m, "growth_input_"):
			want[m] = slices.Concat(of("small@75", one...), of("small@150", one...))
		case strings.HasPrefix(m, "growth_size_"):
			want[m] = slices.Concat(of("plain-32", one...), of("plain-56", one...))
		case m == "growth_threads_ms":
			for n := range min(r.Environment.Cores, maxGrowthThreads) {
				want[m] = append(want[m], of("small", fmt.Sprintf("hamster simd relaxed %d", n+1), fmt.Sprintf("onnxruntime-web wasm simd128 %d", n+1))...)
			}
		case strings.HasSuffix(m, "memory_bytes") || m == "process_peak_bytes" || strings.HasPrefix(m, "wasm_"):
			want[m] = of("small", one...)
		default:
			want[m] = of("small", two...)
		}
	}
	expectRows(t, r, want)
	if got := row(t, r.Rows, "steady_ms", Hamster, 2); got.Ratio == nil || got.MaxDiff == nil || !(*got.MaxDiff <= tolerance) || got.Input != 33 || got.InputWidth != 31 {
		t.Errorf("%+v", got)
	}
}

// Those who have but one model of their own: TensorFlow.js, nsfwjs.
func TestThePublishedModelIsMeasuredBesideItsOwnLibraries(t *testing.T) {
	r := measured(t, Options{Model: simdtest.ModelPath(t), Metrics: []string{"first_ms", "main_thread_ms"}})
	name := strings.TrimSuffix(filepath.Base(simdtest.ModelPath(t)), ".onnx")
	half := min(2, max(1, r.Environment.Cores/2)) // of the cores, which TensorFlow.js takes
	want := map[string][]string{
		"first_ms": {
			"hamster simd relaxed 1 " + name + "/float32", "hamster simd relaxed 1 " + name + "/quantised", "hamster simd relaxed 2 " + name + "/float32",
			"hamster simd simd128 1 " + name + "/float32",
			"onnxruntime-web wasm simd128 1 " + name + "/float32", "onnxruntime-web wasm simd128 1 " + name + "/quantised",
			"onnxruntime-web wasm simd128 2 " + name + "/float32",
		},
		"main_thread_ms": {
			"hamster simd relaxed 2 " + name + "/quantised", "onnxruntime-web wasm simd128 2 " + name + "/float32",
			fmt.Sprintf("nsfwjs wasm simd128 %d %s/layers", half, name),
		},
	}
	for n := range half {
		want["first_ms"] = append(want["first_ms"], fmt.Sprintf("tfjs wasm simd128 %d %s/layers", n+1, name))
	}
	expectRows(t, r, want)
}
