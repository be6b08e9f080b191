package bench

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Report is what a bench found.
type Report struct {
	Environment Environment
	Rows        []Row
	Excluded    []Exclusion

	metrics []string
}

// Exclusion says why a contestant's measurements count for nothing.
type Exclusion struct {
	Contestant *Contestant
	Reason     error
}

func (r *Report) exclude(c *Contestant, reason error) {
	r.Excluded = append(r.Excluded, Exclusion{c, reason})
}

func (r *Report) excluded(c *Contestant) bool {
	for _, e := range r.Excluded {
		if e.Contestant == c {
			return true
		}
	}
	return false
}

func (r *Report) reasons() []string {
	var list []string
	for _, e := range r.Excluded {
		list = append(list, fmt.Sprintf("%s: %v", e.Contestant.Name(), e.Reason))
	}
	return list
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
	"warm_ms":            "Warm visit: model bytes in IndexedDB to first prediction",
	"warm_start_ms":      "Warm visit: engine started, model read",
	"warm_load_ms":       "Warm visit: model loaded",
	"warm_first_ms":      "Warm visit: first inference",
	"memory_bytes":       "Memory of the page (measureUserAgentSpecificMemory and what it leaves out)",
	"wasm_memory_bytes":  "WebAssembly memory",
	"process_peak_bytes": "Peak memory of the page's process",
	"wasm_bytes":         "WebAssembly shipped",
	"wasm_brotli_bytes":  "WebAssembly shipped, brotli level 5",
}

func (r *Report) document() *document {
	d := &document{title: "Hamster beside its peers", remarks: r.remarks()}
	for _, metric := range r.metrics {
		cells := [][]string{{"system", "variant", "threads", "model", "median", "min…max", "ratio", "min…max", "must", "aim", ""}}
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
	list := r.Environment.remarks(r.Rows)
	if slices.ContainsFunc(r.Rows, func(row Row) bool { return row.Ratio != nil }) {
		list = append(list, "A ratio is ours by the peer's with as many threads on float32 weights, within a round; the median over rounds.")
	}
	for _, text := range r.reasons() {
		list = append(list, "Not counted: "+text)
	}
	return list
}

func (r Row) cells() []string {
	threads := ""
	if r.Threads > 0 {
		threads = fmt.Sprint(r.Threads)
	}
	_, file, _ := strings.Cut(r.Model, "/")
	cells := []string{
		r.System, r.Variant, threads, file, quantity(r.Metric, r.Median),
		quantity(r.Metric, r.Min) + "…" + quantity(r.Metric, r.Max),
		"", "", "", "", "",
	}
	if r.Ratio != nil {
		cells[6] = fmt.Sprintf("%.2f", *r.Ratio)
		cells[7] = fmt.Sprintf("%.2f…%.2f", *r.RatioMin, *r.RatioMax)
	}
	if t, ok := targetOf(r); ok {
		cells[8] = fmt.Sprintf("≤ %.2f", t.must)
		if t.aim > 0 {
			cells[9] = fmt.Sprintf("≤ %.2f", t.aim)
		}
		cells[10] = t.verdict(r)
	}
	return cells
}

// quantity writes a value in its metric's unit.
func quantity(metric string, v float64) string {
	switch {
	case strings.HasSuffix(metric, "_bytes"):
		return fmt.Sprintf("%.1f MB", v/1e6)
	case !strings.HasSuffix(metric, "_ms"):
		return fmt.Sprintf("%.2f", v)
	case v >= 1000:
		return fmt.Sprintf("%.2f s", v/1000)
	case v >= 100:
		return fmt.Sprintf("%.0f ms", v)
	}
	return fmt.Sprintf("%.1f ms", v)
}
