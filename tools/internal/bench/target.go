package bench

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// target is what a row of Hamster's must reach, and what we aim at; 0 is
// nothing. Both bound the ratio, or the median where own is set.
type target struct {
	metric, variant string
	threads         int // 0: any
	must, aim       float64
	own             bool
}

// targets are those of InceptionV3; other models have none.
var targets = []target{
	{metric: "steady_ms", variant: "relaxed", threads: 1, must: 0.55, aim: 0.42},
	{metric: "steady_ms", variant: "relaxed", threads: 2, must: 0.55, aim: 0.42},
	{metric: "steady_ms", variant: "simd128", threads: 1, must: 0.80, aim: 0.60},
	{metric: "first_per_steady", variant: "relaxed", must: 1.5, own: true},
	{metric: "first_per_steady", variant: "simd128", must: 1.5, own: true},
	{metric: "warm_ms", variant: "relaxed", must: 0.5, aim: 0.3},
	{metric: "memory_bytes", variant: "relaxed", must: 0.5, aim: 0.35},
	{metric: "visit_ms", variant: "relaxed", must: 1000, own: true},
	{metric: "resize_ms", variant: "relaxed", must: 60, own: true},
}

// targetModel is what names of InceptionV3's files begin with.
const targetModel = "inception_v3"

func targetOf(r Row) (target, bool) {
	if r.System != Hamster || !strings.HasPrefix(r.Model, targetModel) {
		return target{}, false
	}
	for _, t := range targets {
		if t.metric == r.Metric && t.variant == r.Variant && (t.threads == 0 || t.threads == r.Threads) {
			return t, t.own || r.Ratio != nil
		}
	}
	return target{}, false
}

// bound writes must or aim: a factor, or what the metric is in.
func (t target) bound(v float64) string {
	switch {
	case v == 0:
		return ""
	case t.own:
		return "≤ " + quantity(t.metric, v)
	}
	return fmt.Sprintf("≤ %.2f", v)
}

// verdict of a row that has a target.
func (t target) verdict(r Row) string {
	v := r.Median
	if !t.own {
		v = *r.Ratio
	}
	switch {
	case t.aim > 0 && v <= t.aim:
		return "aim reached"
	case v <= t.must:
		return "reached"
	}
	return "missed"
}

// targetMarks enclose the table of targets in a page.
const (
	targetsBegin = "<!-- targets -->\n"
	targetsEnd   = "<!-- /targets -->\n"
)

// PutTargets puts a table of what has a target between the marks in a page of
// Markdown, on float32 weights where there are such figures, and where they are from.
func (r *Report) PutTargets(page []byte) ([]byte, error) {
	before, rest, ok := bytes.Cut(page, []byte(targetsBegin))
	_, after, closed := bytes.Cut(rest, []byte(targetsEnd))
	if !ok || !closed {
		return nil, fmt.Errorf("the page has no lines %q and %q", strings.TrimSpace(targetsBegin), strings.TrimSpace(targetsEnd))
	}
	var out strings.Builder
	out.Write(before)
	out.WriteString(targetsBegin)
	fmt.Fprintf(&out, "| | Hamster | onnxruntime-web | ratio | must | aim | |\n|---|---|---|---|---|---|---|\n")
	var shown []Row
	for _, row := range r.Rows {
		t, ok := targetOf(row)
		if !ok || r.hasFloat32Beside(row) {
			continue
		}
		shown = append(shown, row)
		peer, ratio := "", ""
		if i := slices.IndexFunc(r.Rows, func(p Row) bool { return p.Metric == row.Metric && p.isNamed(row.Against) }); i >= 0 {
			shown = append(shown, r.Rows[i])
			peer = quantity(row.Metric, r.Rows[i].Median)
			ratio = fmt.Sprintf("%.2f (%.2f…%.2f)", *row.Ratio, *row.RatioMin, *row.RatioMax)
		}
		what := strings.ReplaceAll(titles[row.Metric], "|", `\|`)
		fmt.Fprintf(&out, "| %s, %s, %s | %s | %s | %s | %s | %s | %s |\n", what, row.Variant, threadsText(row.Threads),
			quantity(row.Metric, row.Median), peer, ratio, t.bound(t.must), t.bound(t.aim), t.verdict(row))
	}
	if len(shown) > 0 {
		fmt.Fprintf(&out, "\n%s.\n%s. %s\n", strings.Join(machines(shown), "; "), strings.Join(versionsText(shown), ". "), sessionsText(shown))
	}
	out.WriteString(targetsEnd)
	out.Write(after)
	return []byte(out.String()), nil
}

// hasFloat32Beside tells whether a row on other weights has one on float32 beside it.
func (r *Report) hasFloat32Beside(row Row) bool {
	return !strings.HasSuffix(row.Model, "/"+float32File) && slices.ContainsFunc(r.Rows, func(other Row) bool {
		return other.Metric == row.Metric && other.System == row.System && other.Variant == row.Variant && other.Threads == row.Threads &&
			strings.HasSuffix(other.Model, "/"+float32File)
	})
}

// isNamed tells whether a row is of the contestant of that name, as Row.Against has
// it.
func (r Row) isNamed(name string) bool {
	_, file, _ := strings.Cut(r.Model, "/")
	parts := []string{r.System, r.Backend, r.Variant, threadsText(r.Threads), file}
	return name != "" && strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ") == name
}
