package simd

import "hamster/model/graph"

// Config of New and Resume.
type Config struct {
	// Threads is how many threads to run; 0 means as many as the host can give.
	// Where fewer can be had, fewer run, and Describe says why.
	Threads int
	// ThreadURL is the address of the script that a thread's worker loads
	// (web/worker/thread.js). Without it a browser runs one thread. Elsewhere it
	// is not used.
	ThreadURL string
	// NoRelaxed and NoWinograd leave out what makes results differ in their last
	// bits from the plain sum of products.
	NoRelaxed, NoWinograd bool
	// Keep is a value of the graph that Kept returns after a run; nil for none.
	Keep *graph.Value
	// Record makes Engine.Recorded give what was compiled, for Resume.
	Record bool
	// everyWinograd is for tests: small layers seldom gain by Winograd.
	everyWinograd bool
}

// options are those that a model is compiled with; shared is for several threads.
func (cfg Config) options(relaxed, shared bool) Options {
	return Options{
		Relaxed: relaxed, Threads: shared, OwnMemory: ownsMemory,
		NoWinograd: cfg.NoWinograd, everyWinograd: cfg.everyWinograd, Keep: cfg.Keep,
	}
}
