package kernel

import (
	"encoding/binary"
	"fmt"

	"hamster/model/simd/asm"
)

// Bench is a module with programs to time: instantiate Wasm with a memory of
// its own (it exports memory and run), write Image at address 0, call
// run(Program, 0, 1) a few times for each entry and divide MACs by the best
// time.
type Bench struct {
	Wasm    []byte
	Image   []byte
	Entries []BenchEntry
}

// BenchEntry is one program of a Bench.
type BenchEntry struct {
	Name    string  `json:"name"` // the kernel's
	Layer   string  `json:"layer"`
	Program uint32  `json:"program"`
	MACs    float64 `json:"macs"` // of one run; bytes moved for copies
}

// BenchTiles are the tiles worth timing for an instruction set.
func BenchTiles(relaxed bool) [][2]int {
	if relaxed {
		return [][2]int{{4, 8}, {5, 8}, {6, 8}, {3, 12}, {2, 16}, {1, 16}, {1, 32}}
	}
	return [][2]int{{4, 8}, {5, 8}, {6, 8}, {2, 16}, {3, 8}, {1, 16}, {1, 32}}
}

// benchLayers are convolutions of InceptionV3, by the floats in a segment and
// so on; all are cut to 10 to 40 million multiplications.
var benchLayers = []struct {
	name               string
	size, cin, cout, k int // size × size output pixels, a k × k window
}{
	{"3x3 of 32 channels, 73x73", 73, 32, 32, 3},
	{"1x1 of 288 channels, 35x35", 35, 288, 64, 1},
	{"3x3 of 96 channels, 35x35", 35, 96, 32, 3},
	{"1x1 of 768 channels, 17x17", 17, 768, 96, 1},
	{"3x3 of 384 channels, 8x8", 8, 384, 96, 3},
}

// limit is the kernel that multiplies and adds in registers alone: the host's
// limit for the instruction set. One item is 1000 rounds of 12 vectors.
type limit struct{}

func (limit) Name(o Options) string { return "limit_" + o.isa() }

func (limit) emit(e *emitter, name string) (*asm.Func, error) {
	f, desc, item, end := e.kernel(name)
	acc := f.V128s(12)
	x, w := f.LetV128(desc.LoadSplat32(0)), f.LetV128(desc.LoadSplat32(4))
	i := f.I32()
	f.While(item.LtS(end), func() {
		i.Set(asm.Int(250))
		f.DoWhile(i, func() {
			for range 4 {
				for _, a := range acc {
					a.Set(e.madd(x, w, a))
				}
			}
			i.Inc(-1)
		})
		item.Inc(1)
	})
	for _, a := range acc[1:] {
		acc[0].Set(acc[0].F32x4Add(a))
	}
	f.StoreV128(desc, 16, acc[0])
	return f, nil
}

type limitStep struct{ items int }

func (limitStep) Kernel() Kernel    { return limit{} }
func (s limitStep) Items() int      { return s.items }
func (s limitStep) Words() []uint32 { return make([]uint32, 8) }

// NewBench builds the bench for an instruction set.
func NewBench(opts Options) (*Bench, error) {
	b := NewBuilder(Options{Relaxed: opts.Relaxed})
	bench := &Bench{}
	const tables = 1 << 20
	at := uint32(tables)
	take := func(n int) uint32 {
		p := at
		at += uint32(n+63) &^ 63
		return p
	}
	put := func(v []uint32) uint32 {
		p := take(4 * len(v))
		bench.Image = append(bench.Image, make([]byte, int(at)-len(bench.Image))...)
		for i, x := range v {
			binary.LittleEndian.PutUint32(bench.Image[int(p)+4*i:], x)
		}
		return p
	}
	ints := func(v []int32) uint32 {
		u := make([]uint32, len(v))
		for i, x := range v {
			u[i] = uint32(x)
		}
		return put(u)
	}
	add := func(name, layer string, step Step, macs float64) error {
		p := take(ProgramSize([]Step{step}))
		image, err := b.Program(p, []Step{step})
		if err != nil {
			return fmt.Errorf("bench of %s: %w", name, err)
		}
		bench.Image = append(bench.Image, make([]byte, int(at)-len(bench.Image))...)
		copy(bench.Image[p:], image)
		bench.Entries = append(bench.Entries, BenchEntry{name, layer, p, macs})
		return nil
	}
	const limitItems = 400
	if err := add(limit{}.Name(opts), "registers", limitStep{limitItems}, limitItems*1000*12*4); err != nil {
		return nil, err
	}
	for _, l := range benchLayers {
		row := 4 * l.cin * (l.size + l.k - 1)
		in := take(row * (l.size + l.k - 1))
		outputs := take(4 * l.size * l.size * (l.cout + 32))
		weights := take(4 * l.k * l.k * l.cin * (l.cout + 32))
		bias := take(4 * (l.cout + 32))
		segments, length := ConvSegments(l.k, l.k, l.cin, row, 4*l.cin, 1, 1)
		segmentTable := ints(segments)
		for _, tile := range BenchTiles(opts.Relaxed) {
			mr, nr := tile[0], tile[1]
			conv := Conv{MR: mr, NR: nr, Act: MinMax}
			outTable := ints(PixelTable(l.size, l.size, 4*l.size*l.cout, 4*l.cout, mr))
			var blocks []uint32
			n := ceilDiv(l.cout, nr)
			for i := range n {
				lanes := int32(min(nr, l.cout-i*nr))
				blocks = append(blocks, Block{Out: outputs + uint32(4*i*nr), OutTable: outTable, Lanes: lanes}.Words()...)
			}
			step := ConvStep{
				Conv: conv, In: in, Weights: weights, Bias: bias,
				InTable: ints(PixelTable(l.size, l.size, row, 4*l.cin, mr)), Pixels: l.size * l.size,
				Segments: segmentTable, SegmentCount: len(segments), SegmentLen: length,
				Blocks: put(blocks), BlockCount: n, B: Inf,
			}
			if err := add(conv.Name(opts), l.name, step, float64(l.size*l.size*l.cout*l.cin*l.k*l.k)); err != nil {
				return nil, err
			}
		}
	}
	pages := at/asm.PageSize + 1
	b.Memory(asm.Limits{Min: pages, Max: pages, HasMax: true}, "", "memory")
	var err error
	bench.Wasm, err = b.Encode()
	return bench, err
}
