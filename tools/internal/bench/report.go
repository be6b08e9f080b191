package bench

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// Report is what a bench found.
type Report struct {
	Environment Environment // of the run
	Rows        []Row       // with one for each exclusion, of the metric excluded
	Excluded    []Exclusion
	LeftOut     []Omission // of a part: see Options.All

	measured []string // metrics that were asked for, whoever could answer
}

// Omission says who does not take part in what.
type Omission struct {
	Metrics     []string // that were asked for
	Contestants []*Contestant
}

// Exclusion says why a contestant's measurements count for nothing.
type Exclusion struct {
	Contestant *Contestant
	During     string // the first metric of what it was at
	Reason     error
}

func (r *Report) exclude(c *Contestant, e experiment, reason error) {
	r.Excluded = append(r.Excluded, Exclusion{c, e.metrics[0], reason})
}

// excluded tells whether a contestant takes no further part in an experiment.
func (r *Report) excluded(c *Contestant, e experiment) bool { return r.lost(e.metrics[0], c) }

// lost tells whether a contestant's samples of a metric count for nothing.
func (r *Report) lost(metric string, c *Contestant) bool {
	return slices.ContainsFunc(r.Excluded, func(x Exclusion) bool {
		return x.Contestant == c && (errors.As(x.Reason, &unfit{}) || sameExperiment(x.During, metric))
	})
}

func (r *Report) reasons() []string {
	var list []string
	for _, e := range r.Excluded {
		list = append(list, fmt.Sprintf("%s: %s: %v", e.Contestant.Name(), e.During, e.Reason))
	}
	return list
}

// ReadReport reads what WriteJSON wrote.
func ReadReport(path string) (*Report, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var rows []Row
	if err := json.Unmarshal(text, &rows); err != nil {
		return nil, fmt.Errorf("%s is no report of a bench: %w", path, err)
	}
	return &Report{Rows: rows}, nil
}

// Merge takes over an earlier report's rows of all metrics that were not measured
// now.
func (r *Report) Merge(earlier *Report) {
	anew := map[string]bool{}
	for _, m := range r.measured {
		anew[m] = true
	}
	for _, row := range r.Rows {
		anew[row.metric()] = true
	}
	for _, row := range earlier.Rows {
		if slices.Contains(Metrics(), row.metric()) && !anew[row.metric()] {
			r.Rows = append(r.Rows, row)
		}
	}
	order := Metrics()
	slices.SortStableFunc(r.Rows, func(a, b Row) int {
		place := func(row Row) int {
			if row.Metric == excludedMetric {
				return len(order)
			}
			return slices.Index(order, row.Metric)
		}
		return cmp.Compare(place(a), place(b))
	})
}

// metric is what a row is of, an exclusion of the first of what it was at.
func (r Row) metric() string {
	if r.Metric == excludedMetric {
		return r.During
	}
	return r.Metric
}

// sameExperiment tells whether two metrics are measured together.
func sameExperiment(a, b string) bool {
	return slices.ContainsFunc(experiments, func(e experiment) bool {
		return slices.Contains(e.metrics, a) && slices.Contains(e.metrics, b)
	})
}

// WriteJSON writes the rows as an array, an object a line.
func (r *Report) WriteJSON(w io.Writer) error { return writeJSON(w, r.Rows) }

// WriteText writes tables for a terminal.
func (r *Report) WriteText(w io.Writer) error { return r.document().text(w) }

// WriteMarkdown writes the same as a page.
func (r *Report) WriteMarkdown(w io.Writer) error { return r.document().markdown(w) }

// titles of metrics, which tables stand under.
var titles = map[string]string{
	"steady_ms":          "Steady inference",
	"first_ms":           "First inference after load",
	"first_per_steady":   "First inference by steady inference",
	"warm_ms":            "Warm start of an engine: model bytes in IndexedDB to first prediction",
	"warm_start_ms":      "Warm start: engine started, model read",
	"warm_load_ms":       "Warm start: model loaded",
	"warm_first_ms":      "Warm start: first inference",
	"cold_ms":            "Cold visit of a page: fresh profile, 20 Mbit/s, 40 ms a round trip, to the first prediction",
	"cold_bytes":         "Cold visit: bytes on the wire",
	"cold_requests":      "Cold visit: requests",
	"visit_ms":           "Warm visit of a page: the same again, to the first prediction",
	"visit_bytes":        "Warm visit: bytes on the wire",
	"visit_page_ms":      "Warm visit, stages: page, until its worker is at work",
	"visit_program_ms":   "Warm visit, stages: program fetched and compiled",
	"visit_start_ms":     "Warm visit, stages: program started",
	"visit_read_ms":      "Warm visit, stages: model read",
	"visit_compile_ms":   "Warm visit, stages: model compiled",
	"visit_pack_ms":      "Warm visit, stages: weights packed",
	"visit_run_ms":       "Warm visit, stages: inference",
	"memory_bytes":       "Memory of the page once it has answered, loading not included (measureUserAgentSpecificMemory and what it leaves out)",
	"wasm_memory_bytes":  "WebAssembly memory",
	"process_peak_bytes": "Peak memory of the page's process, loading and the browser's own part included",
	"main_thread_ms":     "Main thread: its longest task while the model loads and ten photos are classified",
	"main_blocking_ms":   "Main thread: what tasks took beyond 50 ms, in all",
	"webcam_fps":         "Webcam, 640×480: frames classified a second (more is better)",
	"photo_ms":           "A photo of 12 megapixels: JPEG to classes",
	"resize_ms":          "A photo of 12 megapixels, of that: decoded picture to tensor (read, resized, normalised)",
	"batch_ms":           "50 photos, one after the other: JPEG to classes",
	"wasm_bytes":         "WebAssembly shipped",
	"wasm_brotli_bytes":  "WebAssembly shipped, brotli level 5",
	"growth_input_ms":    "Growth with the picture: steady inference",
	"growth_input_bytes": "Growth with the picture: memory of the page",
	"growth_threads_ms":  "Growth with threads: steady inference",
	"growth_size_ms":     "Growth with the model: steady inference",
	"growth_size_bytes":  "Growth with the model: memory of the page",
}

func (r *Report) document() *document {
	d := &document{title: "Hamster beside its peers", remarks: r.remarks()}
	for _, metric := range Metrics() {
		cells := [][]string{{"system", "backend", "variant", "threads", "model", "input", "GMAC", "parameters",
			"median", "min…max", "rounds", "ratio", "min…max", "must", "aim", "", "hamster by this"}}
		for _, row := range r.Rows {
			if row.Metric == metric {
				cells = append(cells, row.cells())
			}
		}
		if len(cells) > 1 {
			d.tables = append(d.tables, table{titles[metric], cells})
		}
	}
	return d
}

func (r *Report) remarks() []string {
	counted := slices.DeleteFunc(slices.Clone(r.Rows), func(row Row) bool { return row.Metric == excludedMetric })
	list := remarks(counted)
	if slices.ContainsFunc(counted, func(row Row) bool { return row.Ratio != nil || row.HamsterRatio != nil }) {
		list = append(list,
			"A ratio is ours by onnxruntime-web's (wasm) with as many threads, on float32 weights where it ran such, within a round; the median over rounds.",
			"Hamster by this: our default setting by that peer, likewise.")
	}
	if slices.ContainsFunc(counted, func(row Row) bool { return row.MaxDiff != nil }) {
		largest := 0.0
		for _, row := range counted {
			if row.MaxDiff != nil {
				largest = max(largest, *row.MaxDiff)
			}
		}
		list = append(list, fmt.Sprintf("Answers were compared in every run before it counted: they differ by %.2g at most.", largest))
	}
	for _, o := range r.LeftOut {
		list = append(list, fmt.Sprintf("Left out of %s, since this is a part (--all runs them too): %s.", strings.Join(o.Metrics, ", "), o.names()))
	}
	for _, row := range r.Rows {
		if row.Metric == excludedMetric {
			list = append(list, fmt.Sprintf("Not counted: %s, %s: %s", row.setting(), row.During, row.Reason))
		}
	}
	return list
}

// names has those of each kind once, whatever their threads.
func (o Omission) names() string {
	var names []string
	for _, c := range o.Contestants {
		parts := []string{c.System, c.Backend, c.Variant}
		if c.at != nil {
			parts = append(parts, c.at.name)
		}
		name := strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " ")
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// setting names what a row is of.
func (r Row) setting() string {
	parts := []string{r.System, r.Backend, r.Variant, threadsText(r.Threads), r.Model, r.Kernel, r.Layer}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

func threadsText(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return "1 thread"
	}
	return fmt.Sprintf("%d threads", n)
}

func (r Row) cells() []string {
	name, file, _ := strings.Cut(r.Model, "/")
	cells := []string{
		r.System, r.Backend, r.Variant, "", file, "", "", "", quantity(r.Metric, r.Median),
		quantity(r.Metric, r.Min) + "…" + quantity(r.Metric, r.Max), fmt.Sprint(r.Rounds),
		"", "", "", "", "", "",
	}
	if r.Threads > 0 {
		cells[3] = fmt.Sprint(r.Threads)
	}
	if r.MACs > 0 {
		cells[4] = name + "/" + file
		cells[5], cells[6], cells[7] = fmt.Sprint(r.Input), fmt.Sprintf("%.2f", r.MACs/1e9), fmt.Sprintf("%.1f M", r.Parameters/1e6)
	}
	if r.Ratio != nil {
		cells[11] = fmt.Sprintf("%.2f", *r.Ratio)
		cells[12] = fmt.Sprintf("%.2f…%.2f", *r.RatioMin, *r.RatioMax)
	}
	if t, ok := targetOf(r); ok {
		cells[13], cells[14] = t.bound(t.must), t.bound(t.aim)
		cells[15] = t.verdict(r)
	}
	if r.HamsterRatio != nil {
		cells[16] = fmt.Sprintf("%.2f", *r.HamsterRatio)
	}
	return cells
}

// quantity writes a value in its metric's unit.
func quantity(metric string, v float64) string {
	switch {
	case metric == "main_thread_ms" && v == 0:
		return "< 50 ms" // shorter tasks are not told of
	case strings.HasSuffix(metric, "_bytes"):
		switch {
		case v >= 1e5:
			return fmt.Sprintf("%.1f MB", v/1e6)
		default:
			return fmt.Sprintf("%.1f kB", v/1e3)
		}
	case strings.HasSuffix(metric, "_requests"):
		return fmt.Sprintf("%.0f", v)
	case !strings.HasSuffix(metric, "_ms"):
		return fmt.Sprintf("%.2f", v)
	case v >= 1000:
		return fmt.Sprintf("%.2f s", v/1000)
	case v >= 100:
		return fmt.Sprintf("%.0f ms", v)
	}
	return fmt.Sprintf("%.1f ms", v)
}
