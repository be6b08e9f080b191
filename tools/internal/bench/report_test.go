package bench

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAReportIsReadAsItWasWritten(t *testing.T) {
	var first, second bytes.Buffer
	if err := report().WriteJSON(&first); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "report.json")
	if err := os.WriteFile(path, first.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := ReadReport(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.WriteJSON(&second); err != nil {
		t.Fatal(err)
	}
	if first.String() != second.String() {
		t.Errorf("got\n%s\nwant\n%s", second.String(), first.String())
	}
}

func TestAMergeKeepsWhatWasNotMeasuredNow(t *testing.T) {
	earlier := &Report{Rows: []Row{
		{Metric: "memory_bytes", Median: 1}, {Metric: "first_ms", Median: 2}, {Metric: "steady_ms", Median: 3},
		{Metric: excludedMetric, During: "steady_ms", Reason: "long ago"}, {Metric: excludedMetric, During: "warm_ms", Reason: "still so"},
		{Metric: "unknown", Median: 4}, {Metric: "batch_ms", Median: 6},
	}}
	now := &Report{Rows: []Row{{Metric: "steady_ms", Median: 5}}, measured: []string{"steady_ms", "batch_ms"}} // for which nobody answered
	now.Merge(earlier)
	var got []string
	for _, r := range now.Rows {
		got = append(got, r.Metric+" "+quantity("", r.Median)+r.Reason)
	}
	want := "steady_ms 5.00, first_ms 2.00, memory_bytes 1.00, excluded 0.00still so"
	if text := strings.Join(got, ", "); text != want {
		t.Errorf("%s, want %s", text, want)
	}
}

func TestWhatMovedIsToldFromNoise(t *testing.T) {
	row := func(median, spread float64, rounds int) Row {
		return Row{Metric: "steady_ms", System: Hamster, Median: median, Min: median - spread, Max: median + spread, Rounds: rounds}
	}
	ratio := func(r Row, q, spread float64) Row {
		low, high := q-spread, q+spread
		r.Ratio, r.RatioMin, r.RatioMax, r.Against = &q, &low, &high, "a peer"
		return r
	}
	named := func(r Row, metric string) Row {
		r.Metric = metric
		return r
	}
	for _, c := range []struct {
		name     string
		old, new Row
		want     string
	}{
		{"ranges that meet", row(100, 10, 5), row(85, 8, 5), ""},
		{"ranges apart", row(100, 5, 5), row(80, 5, 5), "-20 %  better"},
		{"slower", row(100, 1, 5), row(120, 1, 5), "+20 %  worse"},
		{"one round, which has no spread", row(100, 0, 1), row(115, 0, 1), ""},
		{"more frames are better", named(row(5, 0, 5), "webcam_fps"), named(row(7, 0, 5), "webcam_fps"), "+40 %  better"},
		{"bytes are exact", named(row(1e6, 0, 1), "cold_bytes"), named(row(1.02e6, 0, 1), "cold_bytes"), "+2 %  worse"},
		{"the machine is slower, the ratio is not", ratio(row(100, 1, 5), 0.3, 0.01), ratio(row(150, 1, 5), 0.3, 0.01), ""},
		{"the ratio moved", ratio(row(100, 50, 5), 0.3, 0.01), ratio(row(100, 50, 5), 0.4, 0.01), "+33 %  worse"},
		{"from nothing", named(row(0, 0, 5), "main_thread_ms"), named(row(80, 0, 5), "main_thread_ms"), "worse"},
	} {
		var out bytes.Buffer
		if err := Compare(&Report{Rows: []Row{c.old}}, &Report{Rows: []Row{c.new}}).WriteText(&out); err != nil {
			t.Fatal(err)
		}
		if moved := strings.Contains(out.String(), "Moved"); moved != (c.want != "") || !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: want %q in\n%s", c.name, c.want, out.String())
		}
	}
}

func TestAComparisonNamesAnotherMachineAndLoneRows(t *testing.T) {
	older := &Report{Rows: []Row{{Metric: "steady_ms", Median: 1, Environment: Environment{CPU: "A", Browser: "Chrome/1"}}}}
	newer := &Report{Rows: []Row{{Metric: "first_ms", Median: 1, Environment: Environment{CPU: "B", Browser: "Chrome/1"}}}}
	var out bytes.Buffer
	if err := Compare(older, newer).WriteText(&out); err != nil {
		t.Fatal(err)
	}
	want := "Another processor: it was A, and is B.\n0 figures moved beyond the noise, 0 did not.\n2 are in one of the reports alone.\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func wellFormed(t *testing.T, text string) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
	}
}

func TestThePictureShowsOursFirstAndEscapesText(t *testing.T) {
	var out bytes.Buffer
	r := report()
	r.Rows[1].CPU, r.Rows[0].CPU = "<&>", "<&>"
	if err := r.WritePicture(&out); err != nil {
		t.Fatal(err)
	}
	wellFormed(t, out.String())
	ours, theirs := strings.Index(out.String(), ">Hamster<"), strings.Index(out.String(), ">onnxruntime-web<")
	if ours < 0 || theirs < ours || !strings.Contains(out.String(), ">42.2 ms<") {
		t.Error(out.String())
	}
}

func TestCurvesHaveAPointForEachRow(t *testing.T) {
	var rows []Row
	for i, macs := range []float64{1e9, 4e9, 16e9} {
		for _, system := range []string{ORTWeb, Hamster} {
			v := float64(100 * (i + 1))
			rows = append(rows, Row{Metric: "growth_size_ms", Model: "plain-1/float32", System: system, MACs: macs, Parameters: macs / 100, Median: v, Min: v, Max: v})
		}
	}
	var out bytes.Buffer
	if err := (&Report{Rows: rows}).WriteCurves(&out); err != nil {
		t.Fatal(err)
	}
	wellFormed(t, out.String())
	if n := strings.Count(out.String(), "<circle"); n != len(rows) {
		t.Errorf("%d points for %d rows", n, len(rows))
	}
	if !strings.Contains(out.String(), ">160 M<") || !strings.Contains(out.String(), ">4<") {
		t.Error(out.String())
	}
}

func TestPicturesOfNothingAreWellFormed(t *testing.T) {
	for _, write := range []func(io.Writer) error{(&Report{}).WritePicture, (&Report{}).WriteCurves} {
		var out bytes.Buffer
		if err := write(&out); err != nil {
			t.Fatal(err)
		}
		wellFormed(t, out.String())
	}
}

func TestEveryMetricHasATitle(t *testing.T) {
	for _, m := range Metrics() {
		if titles[m] == "" {
			t.Errorf("%s has none", m)
		}
	}
}

func TestATableOfTargetsIsPutBetweenItsMarks(t *testing.T) {
	q, low, high := 0.29, 0.26, 0.33
	e := Environment{CPU: "A", Cores: 2, OS: "linux/amd64", Browser: "Chrome/1", Isolated: true}
	ours := Row{Metric: "steady_ms", System: Hamster, Backend: "simd", Variant: "relaxed", Threads: 1, Model: "inception_v3/float32", Median: 218,
		Ratio: &q, RatioMin: &low, RatioMax: &high, Against: "onnxruntime-web, wasm, simd128, 1 thread, float32", Version: "1", Environment: e}
	theirs := Row{Metric: "steady_ms", System: ORTWeb, Backend: "wasm", Variant: "simd128", Threads: 1, Model: "inception_v3/float32", Median: 749, Version: "2", Environment: e}
	first, quantised, another, page := ours, ours, ours, ours
	first.Metric, first.Median, first.Ratio, first.Against = "first_per_steady", 1.6, nil, ""
	quantised.Model, another.Variant = "inception_v3/quantised", "relaxed-direct"
	page.Metric, page.Threads, page.Model, page.Median, page.Ratio, page.Against = "visit_ms", 2, "inception_v3/quantised", 934, nil, ""
	r := &Report{Rows: []Row{theirs, ours, quantised, another, first, page}}
	const table = targetsBegin + "| | Hamster | onnxruntime-web | ratio | must | aim | |\n|---|---|---|---|---|---|---|\n" +
		"| Steady inference, relaxed, 1 thread | 218 ms | 749 ms | 0.29 (0.26…0.33) | ≤ 0.55 | ≤ 0.42 | aim reached |\n" +
		"| First inference by steady inference, relaxed, 1 thread | 1.60 |  |  | ≤ 1.50 |  | missed |\n" +
		"| Warm visit of a page: the same again, to the first prediction, relaxed, 2 threads | 934 ms |  |  | ≤ 1.00 s |  | reached |\n" +
		"\nA, 2 cores, linux/amd64, Chrome/1, cross-origin isolated: true.\n" +
		"hamster 1. onnxruntime-web 2. All in one session, begun 0001-01-01 00:00 UTC.\n" + targetsEnd
	text := []byte("before\n" + targetsBegin + "old\n" + targetsEnd + "after\n")
	for range 2 { // a second time changes nothing
		var err error
		if text, err = r.PutTargets(text); err != nil || string(text) != "before\n"+table+"after\n" {
			t.Fatalf("%v\n%s", err, text)
		}
	}
	for _, page := range []string{"", targetsBegin, targetsEnd + targetsBegin} {
		if _, err := r.PutTargets([]byte(page)); err == nil {
			t.Errorf("%q has no place for a table, and gets one", page)
		}
	}
}

func TestAReportSaysFromHowManySessionsItsFiguresAre(t *testing.T) {
	at := func(minute int) Row {
		return Row{Environment: Environment{Time: time.Date(2026, 1, 2, 3, minute, 0, 0, time.UTC)}}
	}
	for want, rows := range map[string][]Row{
		"All in one session, begun 2026-01-02 03:04 UTC.": {at(4), at(4)},
		"From 3 sessions, begun from 2026-01-02 03:04 to 2026-01-02 03:09 UTC. What is beside another in a table is of one session.": {at(5), at(9), at(5), at(4)},
	} {
		if got := sessionsText(rows); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestAPictureNamesModelMachineBrowserIsolationVersionsAndThreads(t *testing.T) {
	e := Environment{CPU: "A", Cores: 2, OS: "linux/amd64", Browser: "Chrome/1", Isolated: true}
	rows := []Row{
		{Metric: "visit_ms", System: NSFWJS, Threads: 1, Model: "one/layers", Input: 33, InputWidth: 31, Median: 2, Version: "4", Environment: e},
		{Metric: "visit_ms", System: Hamster, Variant: "relaxed", Threads: 2, Model: "one/quantised", Input: 33, InputWidth: 31, Median: 1, Version: "5", Environment: e},
		{Metric: "growth_input_ms", System: Hamster, Threads: 1, Model: "one@75/float32", Input: 75, MACs: 1, Median: 1, Min: 1, Max: 1, Version: "5", Environment: e},
		{Metric: "growth_input_ms", System: Hamster, Threads: 1, Model: "one@150/float32", Input: 150, MACs: 4, Median: 4, Min: 4, Max: 4, Version: "5", Environment: e},
	}
	var bars, curves bytes.Buffer
	r := &Report{Rows: rows}
	if err := errors.Join(r.WritePicture(&bars), r.WriteCurves(&curves)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		">one at 31×33: A, 2 cores, linux/amd64, Chrome/1, cross-origin isolated: true<", ">nsfwjs 4 · hamster 5<",
		"Threads, where a title names none:", "nsfwjs 1, Hamster 2.<", ">All in one session, begun 0001-01-01 00:00 UTC.<",
	} {
		if !strings.Contains(bars.String(), want) {
			t.Errorf("no %q in\n%s", want, bars.String())
		}
	}
	if want := ">one: A, 2 cores, linux/amd64, Chrome/1, cross-origin isolated: true<"; !strings.Contains(curves.String(), want) {
		t.Errorf("no %q in\n%s", want, curves.String())
	}
}
