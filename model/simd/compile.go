// Package simd compiles the canonical graph to one WebAssembly module that uses
// SIMD, and runs it: in the browser, where the engine that runs the page also
// compiles the module, and elsewhere through wazero.
//
// The way is: ir.Lower and ir.Optimise make a graph of fused NHWC operators;
// buffers and place plan its memory; an emitter per kind of operator chooses
// kernels (package kernel) and lists steps; kernel.Builder generates the module.
// Code does not grow with the model: what is particular to it is a program of
// steps in linear memory. Weights stay where they are stored until a runtime
// copies them, in batches, into the module's memory, where a kernel lays them out; those
// that are smaller than floats become such in each run.
package simd

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"math"
	"slices"

	"hamster/model/graph"
	"hamster/model/onnxfile"
	"hamster/model/simd/asm"
	"hamster/model/simd/ir"
	"hamster/model/simd/kernel"
)

// Options of Compile.
type Options struct {
	// Relaxed uses relaxed SIMD (a fused multiply-add where the host has one).
	Relaxed bool
	// Threads makes a module whose run may be called by several threads at once
	// over a shared memory.
	Threads bool
	// NoWinograd computes every convolution directly.
	NoWinograd bool
	// everyWinograd takes the least of the Winograds wherever there is one.
	everyWinograd bool
	// Keep is a value of the graph, 1×C×H×W, that a run leaves readable; nil for
	// none.
	Keep *graph.Value
	// OwnMemory makes the module own and export its memory, as a stand-alone
	// module does, rather than import it as env.memory.
	OwnMemory bool
}

// Compiled is a model as a WebAssembly module and what its memory needs.
//
// A runtime gives the module Pages of memory, writes Image, and for each of
// Packs in order: writes the loads and the image, then calls run(Program). From
// then on it writes an input at Input, calls run for Program on every thread and
// reads Outputs.
type Compiled struct {
	Options Options
	Module  []byte
	Pages   int // of 64 KiB
	Image   []Segment
	Packs   []Pack
	// Input holds the input as the caller gives it: flat, in the layout of the
	// graph's input.
	Input Region
	// Program reads Input; Net begins after it, with the input tensor in place.
	Program, Net uint32
	// Tensor is the input tensor inside, NHWC; InputNHWC tells whether Input is that
	// too. Scratch is memory that is free
	// until Net runs.
	Tensor    Layout
	InputNHWC bool
	Scratch   Region
	Outputs   []Region
	// Kept is where Options.Keep lies after a run.
	Kept Layout
	// Kernels names the functions that the module holds.
	Kernels []string
	Plan    Plan

	// builder lays out further programs of the module's kernels.
	builder *kernel.Builder
	steps   []step
}

// step is one of what a run does, and the name of what asks for it.
type step struct {
	kernel.Step
	op string
}

// Steps lists what a run does, one line each.
func (c *Compiled) Steps() []string {
	lines := make([]string, len(c.steps))
	for i, s := range c.steps {
		lines[i] = fmt.Sprintf("%s %s items=%d", s.op, s.Kernel().Name(c.builder.Options()), s.Items())
	}
	return lines
}

// Segment is bytes to write at an address.
type Segment struct {
	Addr uint32
	Data []byte
}

// Region is an address and a length in bytes.
type Region struct{ Addr, Len uint32 }

// Layout is where a tensor lies: its pixel (0, 0) and strides in bytes.
type Layout struct {
	Addr                   uint32
	RowStride, PixelStride int
	H, W, C                int
}

// Pack is a batch of weights that fit the staging area together.
type Pack struct {
	Loads   []Load
	Image   Segment
	Program uint32
}

// Load copies the stored bytes of a tensor to an address.
type Load struct {
	Tensor *onnxfile.Tensor
	Addr   uint32
}

// Plan is what a model takes of memory, in bytes.
type Plan struct {
	Arena    int // activations, scratch; weights are staged there while packing
	Weights  int // as they lie between runs: those of a byte take a byte
	Tables   int // programs, pixel tables, biases
	Unpadded int // activations, were each kept: what the plan saves against
}

// reserved keeps address 0 and its neighbourhood free, so that a null pointer
// never points at data.
const reserved = 1024

const pageSize = 1 << 16

// Bounds on what a file of a few bytes can make the compiler do. Real models stay
// far below: InceptionV3 has 200 operators and a megabyte of tables.
const (
	maxMemory    = math.MaxInt32
	maxTables    = 256 << 20
	maxPixels    = 1 << 24 // of a convolution's output: each has entries in tables
	maxOperators = 20_000
	maxSteps     = 1 << 18 // of a run: 13 for each of so many operators
)

// Compile makes a module of g. The error names the node, its operator, the opset
// and the limit where g cannot be expressed.
func Compile(ctx context.Context, g *graph.Graph, opts Options) (*Compiled, error) {
	return compile(ctx, g, opts, nil)
}

// compile lets extend add to the module before it is encoded.
func compile(ctx context.Context, g *graph.Graph, opts Options, extend func(*compiler, *Compiled) error) (*Compiled, error) {
	var keep []*graph.Value
	if opts.Keep != nil {
		keep = append(keep, opts.Keep)
	}
	low, err := ir.Lower(g, keep...)
	if err != nil {
		return nil, fmt.Errorf("simd: %w", err)
	}
	if n := len(low.Ops); n > maxOperators {
		return nil, fmt.Errorf("simd: the model has %d operators, at most %d are supported", n, maxOperators)
	}
	ir.Optimise(low, nil)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c := &compiler{
		opts: opts, g: low, src: g,
		bufs:   buffers(low),
		b:      kernel.NewBuilder(kernel.Options{Relaxed: opts.Relaxed, Threads: opts.Threads}),
		tables: map[uint64][]Region{},
		extend: extend,
	}
	return c.compile()
}

type compiler struct {
	opts Options
	g    *ir.Graph
	src  *graph.Graph
	bufs map[*ir.Tensor]*buffer
	b    *kernel.Builder

	emitters []emitter
	arena    int
	weights  bump // packed weights
	consts   bump // tables, biases and programs, whose bytes are in image
	image    []byte
	tables   map[uint64][]Region // by a hash of their bytes
	zerosAt  uint32              // 0 as long as nobody needs zeros
	steps    []step
	jobs     []job
	full     bool // tables are left out, since they pass maxTables
	extend   func(*compiler, *Compiled) error
}

// bump hands out addresses.
type bump struct{ base, at int }

func (b *bump) take(size int) uint32 {
	at := b.at
	b.at = align(at + size)
	return uint32(at)
}

// An emitter does one operator: needs says how much scratch memory it takes
// while it runs and how much its packed weights take; emit lists its steps.
type emitter interface {
	needs() (scratch, weights int)
	emit(c *compiler, scratch uint32) error
}

// typicalData is about what an operator takes of the image.
const typicalData = 8 << 10

func (c *compiler) compile() (*Compiled, error) {
	c.image = make([]byte, 0, typicalData*len(c.g.Ops))
	p, err := c.plan()
	if err != nil {
		return nil, err
	}
	for i, o := range c.g.Ops {
		c.halos(i)
		err := c.emitters[i].emit(c, reserved+uint32(p.scratch[i].offset))
		switch {
		case err != nil:
		case c.full:
			err = fmt.Errorf("the model's tables pass %d MB", maxTables>>20)
		case len(c.steps) > maxSteps:
			err = fmt.Errorf("the model takes more than %d steps", maxSteps)
		}
		if err != nil {
			return nil, c.wrap(o, err)
		}
	}
	return c.finish(p.input, p.unpadded)
}

// memoryPlan is where things lie in the arena.
type memoryPlan struct {
	scratch  []*span // of each operator
	input    *span   // as the caller gives it
	unpadded int     // bytes of all tensors, were each kept
}

// plan chooses an emitter for each operator, and a place for all that they need.
func (c *compiler) plan() (*memoryPlan, error) {
	var spans []*span
	seen := map[*buffer]bool{}
	unpadded := 0
	for _, b := range c.bufs {
		if !seen[b] {
			seen[b] = true
			unpadded += 4 * b.h * b.w * b.c
			spans = append(spans, &b.span)
		}
	}
	// Maps have no order; the plan must.
	sortSpans(spans)
	scratch, weights := make([]*span, len(c.g.Ops)), 0
	for i, o := range c.g.Ops {
		e, err := c.emitter(o)
		if err != nil {
			return nil, c.wrap(o, err)
		}
		s, w := e.needs()
		weights += align(w)
		scratch[i] = &span{size: s, first: i, last: i}
		spans = append(spans, scratch[i])
		c.emitters = append(c.emitters, e)
	}
	in, err := c.inputSpan(&spans)
	if err != nil {
		return nil, err
	}
	c.arena = max(place(spans), c.stagingNeed(), c.imageNeed())
	if total := c.arena + weights; total > maxMemory-maxTables {
		return nil, fmt.Errorf("simd: the model needs %d MB of memory, of which %d are weights; at most %d are supported%s",
			total>>20, weights>>20, (maxMemory-maxTables)>>20, c.largest())
	}
	c.weights = bump{reserved + c.arena, reserved + c.arena}
	c.consts = bump{reserved + c.arena + weights, reserved + c.arena + weights}
	return &memoryPlan{scratch, in, unpadded}, nil
}

// largest names the largest tensor and what computes it, for an error.
func (c *compiler) largest() string {
	var found *ir.Tensor
	for t, b := range c.bufs {
		if found == nil || b.size > c.bufs[found].size || b.size == c.bufs[found].size && t.Name < found.Name {
			found = t
		}
	}
	if found == nil {
		return ""
	}
	s := fmt.Sprintf("; the largest tensor is %s", found)
	if p := found.Producer; p != nil && p.Node != nil {
		s += fmt.Sprintf(" of %s, opset %d", p.Node, c.src.Opset)
	}
	return s
}

func (c *compiler) wrap(o *ir.Op, err error) error {
	if o.Node == nil {
		return fmt.Errorf("simd: %s (%s): %w", o.Name, o.Kind, err)
	}
	return fmt.Errorf("simd: %w", &ir.LowerError{Node: o.Node, Opset: c.src.Opset, Err: err})
}

// imageRoom is what Prepare takes, at the least, beside the input tensor: bands
// of photos up to some 20,000 pixels wide.
const imageRoom = 4 << 20

func (c *compiler) imageNeed() int {
	if t := c.g.Inputs[0]; c.prepares() {
		return align(c.bufs[t].size) + imageRoom
	}
	return 0
}

// prepares tells whether images are made ready within: not in a stand-alone module,
// for nobody there could lay out the programs.
func (c *compiler) prepares() bool { return c.g.Inputs[0].C == 3 && c.extend == nil }

// inputSpan reserves memory for the input as the caller gives it.
func (c *compiler) inputSpan(spans *[]*span) (*span, error) {
	if len(c.g.Inputs) != 1 {
		return nil, fmt.Errorf("simd: %d inputs: one is supported", len(c.g.Inputs))
	}
	t := c.g.Inputs[0]
	c.bufs[t].pinned = true
	in := &span{size: 4 * t.Len(), first: -1, last: -1}
	*spans = append(*spans, in)
	return in, nil
}

func (c *compiler) view(t *ir.Tensor) view {
	r, at := t.Root()
	return view{c.bufs[r], reserved, at}
}

// step appends a step to the program; what passes maxSteps is left out, for it is
// refused.
func (c *compiler) step(o *ir.Op, s kernel.Step) {
	if len(c.steps) > maxSteps {
		return
	}
	c.steps = append(c.steps, step{s, o.Name})
}

// halos zeroes the borders of the buffers that operator i is the first to use.
func (c *compiler) halos(i int) {
	for _, t := range c.g.Ops[i].Out {
		b := c.bufs[root(t)]
		if b.first == i && b.haloed() {
			c.halo(c.g.Ops[i], b)
			b.first = -2 // several outputs may share it
		}
	}
}

func (c *compiler) halo(o *ir.Op, b *buffer) { c.step(o, kernel.Unordered{Step: haloOf(b)}) }

func haloOf(b *buffer) kernel.Halo {
	return kernel.Halo{
		Base: reserved + uint32(b.offset),
		Rows: b.rows(), RowBytes: b.rowStride(),
		Top: b.top, Bottom: b.bottom,
		Left: b.left * b.pixelStride(), Right: b.right * b.pixelStride(),
	}
}

// data makes room for n bytes among the constants; nil where there is none left.
func (c *compiler) data(n int) (uint32, []byte) {
	if c.full = c.full || c.consts.at+n > c.consts.base+maxTables; c.full {
		return 0, nil
	}
	addr := c.consts.take(n)
	from := int(addr) - c.consts.base
	c.image = slices.Grow(c.image, from+n-len(c.image))[:from+n]
	return addr, c.image[from:]
}

// table puts integers among the constants, equal ones once.
func (c *compiler) table(words []int32) uint32 {
	before, image := c.consts, len(c.image)
	addr, b := c.data(4 * len(words))
	if b == nil {
		return 0
	}
	for i, w := range words {
		binary.LittleEndian.PutUint32(b[4*i:], uint32(w))
	}
	hash := maphash.Bytes(tableSeed, b)
	for _, r := range c.tables[hash] {
		if known := int(r.Addr) - c.consts.base; bytes.Equal(b, c.image[known:known+int(r.Len)]) {
			clear(b)
			c.consts, c.image = before, c.image[:image]
			return r.Addr
		}
	}
	c.tables[hash] = append(c.tables[hash], Region{addr, uint32(len(b))})
	return addr
}

var tableSeed = maphash.MakeSeed()

func (c *compiler) floats(x []float32) uint32 {
	addr, b := c.data(4 * len(x))
	copy(b, floatBytes(x))
	return addr
}

func floatBytes(x []float32) []byte {
	b := make([]byte, 0, 4*len(x))
	for _, f := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return b
}

// programs lays out what reads the input and computes everything, and what comes
// after the reading.
func (c *compiler) programs(out *Compiled, t *ir.Tensor, v view) error {
	// Whoever writes the input tensor in place leaves its border to the program.
	copied := kernel.Unordered{Step: c.reading(t, v, out.Input.Addr)}
	steps := []kernel.Step{copied}
	if v.haloed() {
		steps = append(steps, haloOf(v.buffer))
	} else {
		steps[0] = copied.Step
	}
	for _, s := range c.steps {
		steps = append(steps, s.Step)
	}
	program, err := c.b.Program(uint32(c.consts.at), steps)
	if err != nil {
		return fmt.Errorf("simd: %w", err)
	}
	put := func(b []byte) uint32 {
		addr := c.consts.take(len(b))
		c.image = append(c.image, make([]byte, int(addr)-c.consts.base-len(c.image))...)
		c.image = append(c.image, b...)
		return addr
	}
	out.Program = put(program)
	out.Net = put(kernel.Tail(out.Program, len(steps), len(steps)-1))
	if c.consts.at > c.consts.base+maxTables {
		return fmt.Errorf("simd: the model's tables and its program of %d steps pass %d MB", len(steps), maxTables>>20)
	}
	return nil
}

func (c *compiler) finish(in *span, unpadded int) (*Compiled, error) {
	t := c.g.Inputs[0]
	v := c.view(t)
	out := &Compiled{
		Options: c.opts, builder: c.b, steps: c.steps,
		Input:  Region{reserved + uint32(in.offset), uint32(4 * t.Len())},
		Tensor: layout(t, v), InputNHWC: c.g.InputNHWC,
	}
	err := c.programs(out, t, v)
	if err != nil {
		return nil, err
	}
	for _, t := range c.g.Outputs {
		v := c.view(t)
		if t.H*t.W > 1 && !v.dense() {
			return nil, fmt.Errorf("simd: output %q lies in pieces", t.Name)
		}
		out.Outputs = append(out.Outputs, Region{v.pixel(0, 0), uint32(4 * t.Len())})
	}
	for _, t := range c.g.Kept {
		out.Kept = layout(t, c.view(t))
	}
	if out.Packs, err = c.packs(); err != nil {
		return nil, err
	}
	free := align(v.offset + v.size)
	out.Scratch = Region{uint32(reserved + free), uint32(c.arena - free)}
	if c.prepares() {
		for _, s := range imageSteps {
			c.b.Kernel(s.Kernel())
		}
	}
	out.Image = []Segment{{uint32(c.consts.base), c.image}}
	out.Pages = (c.consts.at + pageSize - 1) / pageSize
	out.Plan = Plan{
		Arena: c.arena, Weights: c.weights.at - c.weights.base,
		Tables: c.consts.at - c.consts.base, Unpadded: unpadded,
	}
	module, imported := "memory", "env"
	limits := asm.Limits{Min: uint32(out.Pages), Max: uint32(out.Pages), HasMax: true}
	if c.opts.OwnMemory {
		imported = ""
	}
	c.b.Memory(limits, imported, module)
	if c.extend != nil {
		if err := c.extend(c, out); err != nil {
			return nil, err
		}
	}
	if out.Module, err = c.b.Encode(); err != nil {
		return nil, fmt.Errorf("simd: %w", err)
	}
	out.Kernels = c.b.Names()
	return out, nil
}

func layout(t *ir.Tensor, v view) Layout {
	return Layout{
		Addr: v.pixel(0, 0), RowStride: v.rowStride(), PixelStride: v.pixelStride(),
		H: t.H, W: t.W, C: t.C,
	}
}

// reading brings the caller's input into the input tensor, whose layout may be
// another.
func (c *compiler) reading(t *ir.Tensor, v view, from uint32) kernel.Step {
	// Height, width, channels of the input as it comes.
	strides := [4]int{0, 4 * t.W, 4, 4 * t.H * t.W}
	if c.g.InputNHWC {
		strides = [4]int{0, 4 * t.W * t.C, 4 * t.C, 4}
	}
	return kernel.Copy{
		In: from, Out: v.pixel(0, 0),
		Size:      [4]int{1, t.H, t.W, t.C},
		InStride:  strides,
		OutStride: [4]int{0, v.rowStride(), v.pixelStride(), 4},
	}
}
