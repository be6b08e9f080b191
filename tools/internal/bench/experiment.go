package bench

import (
	"context"
	"slices"
)

// experiment takes samples of its metrics.
type experiment struct {
	metrics []string
	// who takes part.
	who func(*lineup) []*Contestant
	// before, if there is such, is done once for each contestant.
	before func(context.Context, *session, *Contestant) error
	// once tells whether a contestant is measured in the first round alone; nil:
	// none is.
	once    func(*Contestant) bool
	measure func(context.Context, *session, *Contestant) (map[string]float64, error)
	// long tells who takes too long for a part; nil: nobody.
	long func(*Contestant) bool
}

// experiments in the order of a round.
var experiments = []experiment{
	{metrics: []string{"steady_ms", "first_ms", "first_per_steady"}, who: engines, once: thrifty, long: quantisedThreads, measure: inference},
	{metrics: []string{"warm_ms", "warm_start_ms", "warm_load_ms", "warm_first_ms"}, who: leaders, before: prime, measure: warm},
	{metrics: []string{"cold_ms", "cold_bytes", "cold_requests", "visit_ms", "visit_bytes", "visit_page_ms", "visit_program_ms",
		"visit_start_ms", "visit_read_ms", "visit_compile_ms", "visit_pack_ms", "visit_run_ms"}, who: sites, measure: visit},
	{metrics: []string{"memory_bytes", "wasm_memory_bytes", "process_peak_bytes"}, who: alone, measure: memory},
	{metrics: []string{"main_thread_ms", "main_blocking_ms"}, who: readers, measure: mainThread},
	{metrics: []string{"webcam_fps"}, who: readers, measure: webcam},
	{metrics: []string{"photo_ms", "resize_ms"}, who: readers, measure: photo},
	{metrics: []string{"batch_ms"}, who: readers, long: slowest, measure: batch},
	{metrics: []string{"wasm_bytes", "wasm_brotli_bytes"}, who: shipped, once: everyone, measure: sizes},
	{metrics: []string{"growth_input_ms", "growth_input_bytes"}, who: growth(inputs), long: spare, measure: grown},
	{metrics: []string{"growth_threads_ms"}, who: growthThreads, measure: grown},
	{metrics: []string{"growth_size_ms", "growth_size_bytes"}, who: growth(sizesOfModels), long: spare, measure: grown},
}

// Metrics are all there are, in the order of a report.
func Metrics() []string {
	var all []string
	for _, e := range experiments {
		all = append(all, e.metrics...)
	}
	return all
}

// taking is who takes part, and who would but for brevity.
func (e experiment) taking(l *lineup, brief bool) (taking, leftOut []*Contestant) {
	for _, c := range e.who(l) {
		if brief && (c.extra && !c.bound || e.long != nil && e.long(c)) {
			leftOut = append(leftOut, c)
		} else {
			taking = append(taking, c)
		}
	}
	return taking, leftOut
}

// slowest is who takes as long for a batch of photos as all others.
func slowest(c *Contestant) bool { return c.System == NSFWJS }

// quantisedThreads is who shows what one thread on the same weights shows too.
func quantisedThreads(c *Contestant) bool { return c.File == quantisedFile && threaded(c) }

func everyone(*Contestant) bool { return true }

func thrifty(c *Contestant) bool { return c.thrifty }

func threaded(c *Contestant) bool { return c.Threads > 1 }

func engines(l *lineup) []*Contestant { return l.engines }

func readers(l *lineup) []*Contestant { return l.readers }

func sites(l *lineup) []*Contestant { return l.sites }

// leaders leaves out settings that differ from the default for their speed
// alone, and who is in no browser.
func leaders(l *lineup) []*Contestant {
	return slices.DeleteFunc(slices.Clone(l.engines), func(c *Contestant) bool { return c.extra })
}

// alone are the leaders with one thread.
func alone(l *lineup) []*Contestant { return slices.DeleteFunc(leaders(l), threaded) }

// shipped has each system once: what is on the wire does not depend on the
// setting.
func shipped(l *lineup) []*Contestant {
	seen := map[string]bool{}
	return slices.DeleteFunc(leaders(l), func(c *Contestant) bool {
		known := seen[c.System]
		seen[c.System] = true
		return known
	})
}
