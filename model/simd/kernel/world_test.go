package kernel

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"

	"hamster/model/simd/asm"
	"hamster/model/simd/kernel/kerneltest"
)

// Each run of the tests starts one host besides wazero: Node, which is quick, or
// Chromium (make test-kernels), which is what counts.
var hostsFlag = flag.String("hosts", "node", "hosts besides wazero: none, node, chromium or all")

var hosts = sync.OnceValue(func() []kerneltest.Host {
	list := []kerneltest.Host{kerneltest.Wazero()}
	add := func(name string, start func() (kerneltest.Host, error)) {
		if *hostsFlag != "all" && *hostsFlag != name {
			return
		}
		h, err := start()
		if err != nil {
			panic(err)
		}
		list = append(list, h)
	}
	add("node", kerneltest.Node)
	add("chromium", kerneltest.Chromium)
	return list
})

func TestMain(m *testing.M) {
	flag.Parse()
	if !slices.Contains([]string{"none", "node", "chromium", "all"}, *hostsFlag) {
		fmt.Fprintf(os.Stderr, "-hosts=%s: want none, node, chromium or all\n", *hostsFlag)
		os.Exit(2)
	}
	code := m.Run()
	for _, h := range hosts() {
		if err := h.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// world is a memory image under construction. What is not written explicitly
// holds a pattern, so that stray reads and writes show.
type world struct {
	mem []byte
	rng *rand.Rand
	// writable marks the bytes that kernels may change.
	writable []bool
}

const programAt = 1024

func newWorld(seed uint64) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 1))}
	w.grow(64 * 1024)
	return w
}

func (w *world) grow(n int) {
	for range n {
		// 0x7f repeated is a NaN of no particular meaning.
		w.mem = append(w.mem, 0x7f)
		w.writable = append(w.writable, false)
	}
}

// alloc returns the address of n fresh bytes, 16-aligned and guarded.
func (w *world) alloc(n int) uint32 {
	w.grow((16-len(w.mem)%16)%16 + 64)
	at := uint32(len(w.mem))
	w.grow(n + 64)
	return at
}

// output is alloc for bytes that kernels write.
func (w *world) output(n int) uint32 {
	at := w.alloc(n)
	w.allow(at, n)
	return at
}

func (w *world) allow(at uint32, n int) {
	for i := range n {
		w.writable[int(at)+i] = true
	}
}

func (w *world) setF32(at uint32, v float32) {
	binary.LittleEndian.PutUint32(w.mem[at:], math.Float32bits(v))
}

func (w *world) floats(v []float32) uint32 {
	at := w.alloc(4 * len(v))
	for i, x := range v {
		w.setF32(at+uint32(4*i), x)
	}
	return at
}

func (w *world) ints(v []int32) uint32 {
	at := w.alloc(4 * len(v))
	for i, x := range v {
		binary.LittleEndian.PutUint32(w.mem[int(at)+4*i:], uint32(x))
	}
	return at
}

func (w *world) bytes(v []byte) uint32 {
	at := w.alloc(len(v))
	copy(w.mem[at:], v)
	return at
}

// random returns n numbers in −1..1.
func (w *world) random(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = w.rng.Float32()*2 - 1
	}
	return v
}

func readF32(mem []byte, at uint32) float32 {
	return math.Float32frombits(binary.LittleEndian.Uint32(mem[at:]))
}

func readFloats(mem []byte, at uint32, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = readF32(mem, at+uint32(4*i))
	}
	return v
}

// tensor is an NHWC tensor with a halo, perhaps a slice of a wider one.
type tensor struct {
	at         uint32 // pixel (0, 0)
	h, w, c    int
	row, pixel int // strides
	halo       int
}

// newTensor allocates a tensor with that many pixels of halo, zeroed, and extra
// channels around its own.
func (w *world) newTensor(h, wd, c, halo, extra int, output bool) tensor {
	t := tensor{h: h, w: wd, c: c, pixel: 4 * (c + extra), halo: halo}
	t.row = (wd + 2*halo) * t.pixel
	base := w.alloc(t.row * (h + 2*halo))
	if halo > 0 {
		for i := range t.row * (h + 2*halo) {
			w.mem[int(base)+i] = 0
		}
	}
	t.at = base + uint32(halo*t.row+halo*t.pixel+4*(extra/2))
	for y := range h {
		for x := range wd {
			if output {
				w.allow(t.addr(y, x, 0), 4*c)
			}
			for k := range c {
				w.setF32(t.addr(y, x, k), float32(math.NaN()))
			}
		}
	}
	return t
}

func (t tensor) addr(y, x, c int) uint32 { return uint32(int(t.at) + y*t.row + x*t.pixel + 4*c) }

// fill sets the tensor from NHWC values.
func (w *world) fill(t tensor, v []float32) {
	for i, x := range v {
		w.setF32(t.addr(i/(t.w*t.c), i/t.c%t.w, i%t.c), x)
	}
}

func (t tensor) read(mem []byte) []float32 {
	v := make([]float32, t.h*t.w*t.c)
	for i := range v {
		v[i] = readF32(mem, t.addr(i/(t.w*t.c), i/t.c%t.w, i%t.c))
	}
	return v
}

// backwards runs a kernel's items one at a time, last first.
type backwards struct{ k Kernel }

func (b backwards) Name(o Options) string { return "backwards_" + b.k.Name(o) }

func (b backwards) emit(e *emitter, name string) (*asm.Func, error) {
	inner, err := b.k.emit(e, b.k.Name(e.opts))
	if err != nil {
		return nil, err
	}
	f, desc, begin, end := e.kernel(name)
	f.While(end.GtS(begin), func() {
		end.Inc(-1)
		f.Call(inner, desc, end, end.AddConst(1))
	})
	return f, nil
}

type backwardsStep struct{ Step }

func (s backwardsStep) Kernel() Kernel { return backwards{s.Step.Kernel()} }

// module builds a module and puts the programs into the image.
func (w *world) module(opts Options, programs ...[]Step) (kerneltest.Case, error) {
	b := NewBuilder(opts)
	image := append([]byte(nil), w.mem...)
	at := uint32(programAt)
	var c kerneltest.Case
	for _, steps := range programs {
		p, err := b.Program(at, steps)
		if err != nil {
			return c, err
		}
		copy(image[at:], p)
		c.Programs = append(c.Programs, at)
		at += uint32(len(p)+63) &^ 63
		if at > 64*1024 {
			return c, fmt.Errorf("programs too long for the test")
		}
	}
	pages := uint32(len(image)/asm.PageSize + 1)
	module := ""
	name := "memory"
	if opts.Threads {
		module = "env"
	}
	b.Memory(asm.Limits{Min: pages, Max: pages, HasMax: true}, module, name)
	wasm, err := b.Encode()
	c.Wasm, c.Memory = wasm, image
	return c, err
}

// run runs the steps on every host, for simd128 and relaxed, forwards,
// backwards and in threads, and hands each memory to check. Within one
// instruction set on one host, all bits must agree; nothing but outputs may
// change.
func (w *world) run(t *testing.T, steps []Step, check func(t *testing.T, mem []byte)) {
	t.Helper()
	// -short leaves out what one engine has in common with the others.
	reversed := make([]Step, len(steps))
	for i, s := range steps {
		reversed[i] = backwardsStep{s}
	}
	for _, h := range hosts() {
		for _, relaxed := range []bool{false, true} {
			if relaxed && !h.Relaxed() {
				continue
			}
			var first []byte
			variant := func(name string, opts Options, threads int, steps []Step) {
				c, err := w.module(opts, steps)
				if err != nil {
					t.Fatal(err)
				}
				c.Threads = threads
				mem, err := h.Run(c)
				if err != nil {
					t.Fatalf("%s, %s, %s: %v", h.Name(), opts.isa(), name, err)
				}
				mem = mem[64*1024:]
				if first == nil {
					first = mem
					full := append(make([]byte, 64*1024), mem...)
					for i, ok := range w.writable {
						if !ok && full[i] != w.mem[i] && i >= 64*1024 {
							t.Fatalf("%s, %s: byte %d was changed", h.Name(), opts.isa(), i)
						}
					}
					check(t, full)
				} else if !bytes.Equal(first, mem) {
					t.Errorf("%s, %s: %s gives other bits", h.Name(), opts.isa(), name)
				}
			}
			variant("forwards", Options{Relaxed: relaxed}, 1, steps)
			if h.Threads() {
				variant("three threads", Options{Relaxed: relaxed, Threads: true}, 3, steps)
			}
			if testing.Short() {
				continue
			}
			variant("backwards", Options{Relaxed: relaxed}, 1, reversed)
			if h.Threads() {
				variant("two threads", Options{Relaxed: relaxed, Threads: true}, 2, steps)
			}
		}
	}
}

// near compares with an absolute and relative tolerance; NaN equals NaN.
func near(t *testing.T, what string, got, want []float32, tolerance float64) {
	t.Helper()
	bad := 0
	for i := range want {
		g, x := float64(got[i]), float64(want[i])
		if g == x || math.IsNaN(g) && math.IsNaN(x) {
			continue
		}
		if d := math.Abs(g - x); !(d <= tolerance*(1+math.Abs(x))) {
			if bad++; bad <= 3 {
				t.Errorf("%s[%d] = %v, want %v", what, i, g, x)
			}
		}
	}
	if bad > 3 {
		t.Errorf("%s: %d of %d differ", what, bad, len(want))
	}
}

// script hands out small numbers from fuzz bytes, zeros when they run out.
type script []byte

func (s *script) next(n int) int {
	if len(*s) == 0 {
		return 0
	}
	b := (*s)[0]
	*s = (*s)[1:]
	return int(b) % n
}

// addScripts seeds a fuzz target with random scripts.
func addScripts(f *testing.F, scripts, length int) {
	if testing.Short() {
		scripts /= 4
	}
	for seed := range scripts {
		w := newWorld(uint64(seed))
		b := make([]byte, length)
		for i := range b {
			b[i] = byte(w.rng.Uint32())
		}
		f.Add(b)
	}
}
