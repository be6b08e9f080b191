package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"

	"hamster/model/simd/asm"
)

// Options choose the instruction set.
type Options struct {
	Relaxed bool // use relaxed_madd
	Threads bool // several threads run one program over a shared memory
}

func (o Options) isa() string {
	if o.Relaxed {
		return "relaxed"
	}
	return "simd128"
}

// Kernel is a function to generate. Kernels are small comparable structs.
type Kernel interface {
	// Name is the kernel's contract: datatype, operation, layout, tile,
	// instruction set, epilogue.
	Name(Options) string
	emit(e *emitter, name string) (*asm.Func, error)
}

// Step is a kernel with its descriptor.
type Step interface {
	// Kernel is the kernel that does the step.
	Kernel() Kernel
	// Items is the number of independent pieces of work.
	Items() int
	// Words is the descriptor.
	Words() []uint32
}

// Unordered wraps a step after which threads need not wait for each other: the
// next step reads and writes nothing that this one writes.
type Unordered struct{ Step }

// Builder collects kernels into a module.
type Builder struct {
	opts   Options
	m      *asm.Module
	e      *emitter
	index  map[string]uint32
	known  map[Kernel]uint32 // the same again: to make a name takes long
	errs   []error
	memory bool
	run    *asm.Func
}

// NewBuilder returns a builder with no kernels.
func NewBuilder(opts Options) *Builder {
	m := asm.NewModule()
	return &Builder{opts: opts, m: m, e: &emitter{m: m, opts: opts, helpers: map[string]*asm.Func{}}, index: map[string]uint32{}, known: map[Kernel]uint32{}}
}

// Options are those given to NewBuilder.
func (b *Builder) Options() Options { return b.opts }

// Module is the module in the making, for data, globals and custom sections.
func (b *Builder) Module() *asm.Module { return b.m }

// Memory sets the memory: imported as module.name, or own and exported as
// name when module is empty. With Options.Threads it must be shared.
func (b *Builder) Memory(l asm.Limits, module, name string) {
	l.Shared = b.opts.Threads
	if module != "" {
		b.m.ImportMemory(module, name, l)
	} else {
		b.m.Memory(l)
		b.m.ExportMemory(name)
	}
	b.memory = true
}

// Kernel returns the table index of k, which it generates the first time.
func (b *Builder) Kernel(k Kernel) uint32 {
	if i, ok := b.known[k]; ok {
		return i
	}
	name := k.Name(b.opts)
	if i, ok := b.index[name]; ok {
		b.known[k] = i
		return i
	}
	if b.e == nil {
		b.errs = append(b.errs, fmt.Errorf("kernel %s: the module does not have it", name))
		return 0
	}
	f, err := k.emit(b.e, name)
	if err != nil {
		b.errs = append(b.errs, fmt.Errorf("kernel %s: %w", name, err))
		f = b.m.Func(name)
		f.ParamI32()
		f.ParamI32()
		f.ParamI32()
	}
	i := b.m.TableAdd(f)
	b.index[name], b.known[k] = i, i
	return i
}

// Names lists the kernels generated so far by table index.
func (b *Builder) Names() []string {
	names := make([]string, len(b.index))
	for name, i := range b.index {
		names[i] = name
	}
	return names
}

// Program lays a program out at address, a multiple of 64: its header, its
// step table and its descriptors. The result is to be written there; its size
// is ProgramSize(steps). The header must be rewritten after an aborted run.
func (b *Builder) Program(address uint32, steps []Step) ([]byte, error) {
	if address%64 != 0 {
		return nil, fmt.Errorf("kernel: program at %d, not a multiple of 64", address)
	}
	records := headerSize
	image := make([]byte, records+stepSize*len(steps), records+(stepSize+typicalWords*4)*len(steps))
	set := func(at int, word uint32) { binary.LittleEndian.PutUint32(image[at:], word) }
	putHeader(image, address+headerSize, len(steps))
	for i, s := range steps {
		s, flags := unwrap(s)
		index := b.Kernel(s.Kernel())
		if err := errors.Join(b.errs...); err != nil {
			return nil, fmt.Errorf("kernel: step %d: %w", i, err)
		}
		items := s.Items()
		if items < 0 || items > math.MaxInt32 {
			return nil, fmt.Errorf("kernel: step %d (%s) has %d items", i, s.Kernel().Name(b.opts), items)
		}
		record := records + stepSize*i
		set(record+stepKernel, index)
		set(record+stepDesc, address+uint32(len(image)))
		set(record+stepItems, uint32(items))
		set(record+stepFlags, flags)
		for _, w := range s.Words() {
			image = binary.LittleEndian.AppendUint32(image, w)
		}
	}
	return image, nil
}

// typicalWords is about how long descriptors are.
const typicalWords = 16

func putHeader(image []byte, table uint32, count int) {
	set := func(at int, word uint32) { binary.LittleEndian.PutUint32(image[at:], word) }
	set(headerSteps, table)
	set(headerCount, uint32(count))
	set(headerSpin, DefaultSpin)
	binary.LittleEndian.PutUint64(image[headerTimeout:], uint64(DefaultTimeout))
}

// Tail is a program of the last count steps of the one at address, which has
// all steps: it is to be written to an address of its own, and is TailSize long.
func Tail(address uint32, all, count int) []byte {
	image := make([]byte, TailSize)
	putHeader(image, address+headerSize+uint32(stepSize*(all-count)), count)
	return image
}

// TailSize is the number of bytes of a Tail.
const TailSize = headerSize

// ProgramSize is the number of bytes that Program needs for steps.
func ProgramSize(steps []Step) int {
	n := headerSize + stepSize*len(steps)
	for _, s := range steps {
		n += 4 * len(s.Words())
	}
	return n
}

func unwrap(s Step) (step Step, flags uint32) {
	for {
		u, ok := s.(Unordered)
		if !ok {
			return s, flags
		}
		s, flags = u.Step, flags|flagUnordered
	}
}

// Layout is a builder that lays out further programs of the kernels that b has,
// and generates none: it keeps none of the code.
func (b *Builder) Layout() *Builder { return &Builder{opts: b.opts, index: b.index, known: b.known} }

// LayoutOf is the Layout of a builder that had Options and Names.
func LayoutOf(opts Options, names []string) *Builder {
	b := &Builder{opts: opts, index: make(map[string]uint32, len(names)), known: map[Kernel]uint32{}}
	for i, name := range names {
		b.index[name] = uint32(i)
	}
	return b
}

// Run is the export run, for functions that call it.
func (b *Builder) Run() *asm.Func {
	if b.run == nil {
		if len(b.index) == 0 {
			// run calls through the table, which must exist.
			b.Kernel(Fill{})
		}
		b.run = b.e.run()
	}
	return b.run
}

// Encode returns the module.
func (b *Builder) Encode() ([]byte, error) {
	if !b.memory {
		b.errs = append(b.errs, errors.New("kernel: the module has no memory"))
	}
	b.Run()
	b.m.Names()
	if err := errors.Join(b.errs...); err != nil {
		return nil, err
	}
	return b.m.Encode()
}

// Inf is +∞, the upper bound of a plain ReLU.
var Inf = float32(math.Inf(1))

func bits(f float32) uint32 { return math.Float32bits(f) }

// by is, for instance, 6x8.
func by(a, b int) string { return strconv.Itoa(a) + "x" + strconv.Itoa(b) }

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// emitter is what kernels generate with.
type emitter struct {
	m       *asm.Module
	opts    Options
	helpers map[string]*asm.Func
}

// kernel starts a function with the uniform signature.
func (e *emitter) kernel(name string) (f *asm.Func, desc, begin, end asm.LocalI32) {
	f = e.m.Func(name)
	return f, f.ParamI32(), f.ParamI32(), f.ParamI32()
}

// helper returns the function of that name, built the first time.
func (e *emitter) helper(name string, build func(f *asm.Func)) *asm.Func {
	if f, ok := e.helpers[name]; ok {
		return f
	}
	f := e.m.Func(name)
	e.helpers[name] = f
	build(f)
	return f
}

// madd is a·b + c by the instruction set's best means.
func (e *emitter) madd(a, b, c asm.V128Value) asm.V128 {
	if e.opts.Relaxed {
		return v(a).F32x4RelaxedMadd(b, c)
	}
	return v(c).F32x4Add(v(a).F32x4Mul(b))
}

// maddExact is a·b + c with two roundings, the same on every host.
func maddExact(a, b, c asm.V128Value) asm.V128 { return v(c).F32x4Add(v(a).F32x4Mul(b)) }

func v(a asm.V128Value) asm.V128 { return a.Expr() }

// each runs body for every i from begin to end.
func each(f *asm.Func, i asm.LocalI32, begin, end asm.I32Value, body func()) {
	i.Set(begin.Expr())
	f.While(i.LtS(end), func() {
		body()
		i.Inc(1)
	})
}

// storeLanes writes the first n lanes of a vector: all four when n ≥ 4, none
// when n ≤ 0.
func (e *emitter) storeLanes() *asm.Func {
	return e.helper("store_lanes", func(f *asm.Func) {
		p, n, x := f.ParamI32(), f.ParamI32(), f.ParamV128()
		f.If(n.GeS(asm.Int(4)), func() {
			f.StoreV128(p, 0, x)
			f.Return()
		}, nil)
		for lane := range byte(3) {
			f.If(n.GtS(asm.Int(int32(lane))), func() { f.StoreLane32(p, uint32(4*lane), x, lane) }, nil)
		}
	})
}

// width is how many channels a pass over channels takes at a time.
type width int

// load reads one vector's worth; a single lane leaves the others zero.
func (w width) load(p asm.I32Value, offset uint32) asm.V128 {
	if w == 1 {
		return p.Expr().LoadZero32(offset)
	}
	return p.Expr().LoadV128(offset)
}

func (w width) store(f *asm.Func, p asm.I32Value, offset uint32, x asm.V128Value) {
	if w == 1 {
		f.StoreLane32(p, offset, x, 0)
	} else {
		f.StoreV128(p, offset, x)
	}
}

// vectors is the number of vectors at that width.
func (w width) vectors() int { return max(1, int(w)/4) }

// overChannels goes through n channels in passes of the given widths, widest
// first and ending in 1. at is the byte offset of the pass's first channel and
// is advanced here.
func overChannels(f *asm.Func, at asm.LocalI32, bytes asm.I32Value, widths []width, pass func(w width)) {
	at.Set(asm.Int(0))
	for _, w := range widths {
		f.While(at.AddConst(int32(4*w)).LeS(bytes), func() {
			pass(w)
			at.Inc(int32(4 * w))
		})
	}
}
