package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// Row is one line of a report, and one object of its JSON, which scripts read:
// fields are added, and never renamed.
type Row struct {
	// Metric ends with its unit: _ms, _bytes; gmacs is 10⁹ multiply-adds a
	// second; first_per_steady has none.
	Metric  string `json:"metric"`
	System  string `json:"system"`
	Backend string `json:"backend"`
	Variant string `json:"variant"`
	Threads int    `json:"threads"`
	// Model is the model's name and, after a slash, how its weights are stored.
	Model string `json:"model"`
	// Kernel and Layer are those of rows of the metric gmacs.
	Kernel string `json:"kernel,omitempty"`
	Layer  string `json:"layer,omitempty"`

	// Input is the height of the model's picture in pixels, and its width where
	// InputWidth is not there.
	Input      int `json:"input,omitempty"`
	InputWidth int `json:"input_width,omitempty"`
	// MACs and Parameters are those of a model of a growth curve: the work of a run,
	// the numbers in its weights.
	MACs       float64 `json:"macs,omitempty"`
	Parameters float64 `json:"parameters,omitempty"`

	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	Rounds int     `json:"rounds"`

	// Ratio is the median of ours by theirs within each round. Against names
	// theirs: system, backend, variant, threads, how its weights are stored.
	Ratio    *float64 `json:"ratio,omitempty"`
	RatioMin *float64 `json:"ratio_min,omitempty"`
	RatioMax *float64 `json:"ratio_max,omitempty"`
	Against  string   `json:"against,omitempty"`

	// HamsterRatio is in a peer's row: Hamster's default setting by this one, the
	// median within each round.
	HamsterRatio *float64 `json:"hamster_ratio,omitempty"`

	// Reason is why the contestant of a row of the metric excluded counts for
	// nothing. Its figures are 0.
	Reason string `json:"reason,omitempty"`
	// During is the first metric of what it was at.
	During string `json:"during,omitempty"`

	// MaxDiff is the largest difference between an output and the reference's.
	MaxDiff *float64 `json:"max_diff,omitempty"`
	// Version is the system's own.
	Version string `json:"version"`

	Environment
}

// excludedMetric is that of rows that hold a contestant's failure.
const excludedMetric = "excluded"

// sample is one measurement of a contestant in a round.
type sample struct {
	metric     string
	contestant *Contestant
	round      int
	value      float64
}

// samples keeps measurements in the order in which they were first made.
type samples struct {
	keys   []sampleKey
	values map[sampleKey]map[int]float64 // by round
}

type sampleKey struct {
	metric     string
	contestant *Contestant
}

func (s *samples) add(list ...sample) {
	if s.values == nil {
		s.values = map[sampleKey]map[int]float64{}
	}
	for _, x := range list {
		k := sampleKey{x.metric, x.contestant}
		if s.values[k] == nil {
			s.values[k] = map[int]float64{}
			s.keys = append(s.keys, k)
		}
		s.values[k][x.round] = x.value
	}
}

// drop takes back the samples of whom lost names.
func (s *samples) drop(lost func(metric string, c *Contestant) bool) {
	s.keys = slices.DeleteFunc(s.keys, func(k sampleKey) bool { return lost(k.metric, k.contestant) })
}

func (s *samples) spread(k sampleKey) Spread {
	var list []float64
	for _, v := range s.values[k] {
		list = append(list, v)
	}
	return spread(list)
}

// rival is the peer to compare a row of ours with: onnxruntime-web in
// WebAssembly, with as many threads, on float32 weights where it has such.
func (s *samples) rival(k sampleKey) (sampleKey, bool) {
	var best sampleKey
	for _, other := range s.facing(k) {
		c := other.contestant
		if c.System == ORTWeb && c.Backend == "wasm" && (best.contestant == nil || c.File == float32File) {
			best = other
		}
	}
	return best, best.contestant != nil
}

// ours is the row of ours to compare a peer's with: the default setting.
func (s *samples) ours(k sampleKey) (sampleKey, bool) {
	var best sampleKey
	for _, other := range s.facing(k) {
		c := other.contestant
		if c.System == Hamster && !c.extra && (best.contestant == nil || c.File == k.contestant.File) {
			best = other
		}
	}
	return best, best.contestant != nil
}

// facing are the same metric's keys of contestants with as many threads at the
// same task. Pages have all the threads that their libraries take.
func (s *samples) facing(k sampleKey) []sampleKey {
	return slices.DeleteFunc(slices.Clone(s.keys), func(other sampleKey) bool {
		a, b := other.contestant, k.contestant
		return other.metric != k.metric || a.role == asEngine && a.Threads != b.Threads || a.role != b.role || !sameTask(a.at, b.at)
	})
}

func sameTask(a, b *point) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.name == b.name
}

// ratios of a to b in the rounds that both took part in.
func (s *samples) ratios(a, b sampleKey) []float64 {
	var list []float64
	for round, v := range s.values[a] {
		if w := s.values[b][round]; w > 0 {
			list = append(list, v/w)
		}
	}
	return list
}

// rows makes the report's rows, metric by metric in the given order.
func (s *samples) rows(metrics []string, fill func(*Row, *Contestant)) []Row {
	var rows []Row
	for _, metric := range metrics {
		for _, k := range s.keys {
			if k.metric == metric {
				rows = append(rows, s.row(k, fill))
			}
		}
	}
	return rows
}

func (s *samples) row(k sampleKey, fill func(*Row, *Contestant)) Row {
	c, x := k.contestant, s.spread(k)
	r := Row{
		Metric: k.metric, System: c.System, Backend: c.Backend, Variant: c.Variant, Threads: c.Threads,
		Median: x.Median, Min: x.Min, Max: x.Max, Rounds: len(s.values[k]),
	}
	fill(&r, c)
	if k.metric == "first_per_steady" { // that is a ratio already
		return r
	}
	if c.System != Hamster {
		if ours, ok := s.ours(k); ok {
			if list := s.ratios(ours, k); len(list) > 0 {
				m := median(list)
				r.HamsterRatio = &m
			}
		}
		return r
	}
	if rival, ok := s.rival(k); ok {
		if list := s.ratios(k, rival); len(list) > 0 {
			q := spread(list)
			r.Ratio, r.RatioMin, r.RatioMax = &q.Median, &q.Min, &q.Max
			r.Against = rival.contestant.Name()
		}
	}
	return r
}

// writeJSON writes rows as one array, an object a line.
func writeJSON(w io.Writer, rows []Row) error {
	for i, r := range rows {
		line, err := json.Marshal(r)
		if err != nil {
			return fmt.Errorf("write a row of %s: %w", r.Metric, err)
		}
		before := ",\n "
		if i == 0 {
			before = "[\n "
		}
		if _, err := fmt.Fprintf(w, "%s%s", before, line); err != nil {
			return err
		}
	}
	end := "\n]\n"
	if len(rows) == 0 {
		end = "[]\n"
	}
	_, err := io.WriteString(w, end)
	return err
}
