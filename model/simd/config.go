package simd

import "hamster/model/simd/asm"

// Config of New.
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
}

// probeRelaxed is a module that is valid only where relaxed SIMD is known.
func probeRelaxed() ([]byte, error) {
	m := asm.NewModule()
	f := m.Func("probe")
	v := f.ParamV128()
	f.Results(asm.TypeV128)
	f.Return(v.F32x4RelaxedMadd(v, v))
	return m.Encode()
}

// probeSIMD is a module that is valid only where fixed-width SIMD is known.
func probeSIMD() ([]byte, error) {
	m := asm.NewModule()
	f := m.Func("probe")
	v := f.ParamV128()
	f.Results(asm.TypeV128)
	f.Return(v.F32x4Add(v))
	return m.Encode()
}
