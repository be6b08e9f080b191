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

// BenchEntry is one program of a Bench. The steps of a fast convolution have entries of
// their own and one together, and so has the expansion of weights of a byte; their MACs
// are those that a direct convolution would take.
type BenchEntry struct {
	Name    string  `json:"name"` // the kernel's
	Layer   string  `json:"layer"`
	Program uint32  `json:"program"`
	MACs    float64 `json:"macs"` // of one run
}

// BenchTiles are the tiles worth timing for an instruction set.
func BenchTiles(relaxed bool) [][2]int {
	if relaxed {
		return [][2]int{{4, 8}, {5, 8}, {6, 8}, {3, 12}, {2, 16}, {1, 16}, {1, 32}}
	}
	return [][2]int{{4, 8}, {5, 8}, {6, 8}, {2, 16}, {3, 8}, {1, 16}, {1, 32}}
}

// benchLayers are convolutions of InceptionV3, some with fewer outputs.
var benchLayers = []struct {
	name                    string
	size, cin, cout, ky, kx int        // size × size output pixels, a ky × kx window
	fast                    []Winograd // fast convolutions to compare with
}{
	{"3x3 of 32 channels to 64, 147x147", 147, 32, 64, 3, 3, []Winograd{{2, 2, 3, 3}, {4, 4, 3, 3}}},
	{"1x1 of 288 channels to 64, 35x35", 35, 288, 64, 1, 1, nil},
	{"3x3 of 96 channels to 96, 35x35", 35, 96, 96, 3, 3, []Winograd{{2, 2, 3, 3}, {4, 4, 3, 3}}},
	{"1x1 of 768 channels to 192, 17x17", 17, 768, 192, 1, 1, nil},
	{"1x7 of 160 channels to 160, 17x17", 17, 160, 160, 1, 7, []Winograd{{1, 2, 1, 7}, {1, 4, 1, 7}, {1, 6, 1, 7}}},
	{"7x1 of 160 channels to 160, 17x17", 17, 160, 160, 7, 1, []Winograd{{1, 6, 1, 7}}},
	{"3x3 of 448 channels to 384, 8x8", 8, 448, 384, 3, 3, []Winograd{{2, 2, 3, 3}, {4, 4, 3, 3}}},
}

// limit is the kernel that multiplies and adds in registers alone: with relaxed
// SIMD the host's limit, without it close to it (each sum waits for its product,
// which a good tile need not). One item is 1000 rounds of 12 vectors.
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
					// x·w + a would be half done outside the loop.
					a.Set(e.madd(a, x, w))
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
	ints := func(v []int32) uint32 {
		p := take(4 * len(v))
		bench.Image = append(bench.Image, make([]byte, int(at)-len(bench.Image))...)
		for i, x := range v {
			binary.LittleEndian.PutUint32(bench.Image[int(p)+4*i:], uint32(x))
		}
		return p
	}
	add := func(name, layer string, macs float64, steps ...Step) error {
		p := take(ProgramSize(steps))
		image, err := b.Program(p, steps)
		if err != nil {
			return fmt.Errorf("bench of %s: %w", name, err)
		}
		bench.Image = append(bench.Image, make([]byte, int(at)-len(bench.Image))...)
		copy(bench.Image[p:], image)
		bench.Entries = append(bench.Entries, BenchEntry{name, layer, p, macs})
		return nil
	}
	const limitItems = 400
	if err := add(limit{}.Name(opts), "registers", limitItems*1000*12*4, limitStep{limitItems}); err != nil {
		return nil, err
	}
	// All layers share the large areas, which come last: the image stays small.
	const area = 1 << 26
	const (
		in          = 1 << 24
		outputs     = in + area/4
		weights     = outputs + area/2
		bias        = weights + area/2
		products    = bias + area/16
		transformed = products + area/2
		stored      = transformed + area/2 // weights as they are kept
	)
	for _, l := range benchLayers {
		pixels, macs := l.size*l.size, float64(l.size*l.size*l.cout*l.cin*l.ky*l.kx)
		row := 4 * l.cin * (l.size + l.kx - 1)
		segments, length := ConvSegments(l.ky, l.kx, l.cin, row, 4*l.cin, 1, 1)
		segmentTable := ints(segments)
		for _, tile := range BenchTiles(opts.Relaxed) {
			mr, nr := tile[0], tile[1]
			conv := Conv{MR: mr, NR: nr, Act: MinMax}
			outTable := ints(PixelTable(l.size, l.size, 4*l.size*l.cout, 4*l.cout, mr))
			var blocks []int32
			for o := 0; o < l.cout; o += nr {
				blocks = Block{Out: outputs + uint32(4*o), OutTable: outTable, Lanes: int32(min(nr, l.cout-o))}.Append(blocks)
			}
			err := add(conv.Name(opts), l.name, macs, ConvStep{
				Conv: conv, In: in, Weights: weights, Bias: bias,
				InTable: ints(PixelTable(l.size, l.size, row, 4*l.cin, mr)), Pixels: pixels,
				Segments: segmentTable, SegmentCount: len(segments), SegmentLen: length,
				Blocks: ints(blocks), BlockCount: ceilDiv(l.cout, nr), B: Inf,
			})
			if err != nil {
				return nil, err
			}
		}
		expand := ExpandStep{Expand: Expand{Uint8}, In: stored, Out: weights, Blocks: ceilDiv(l.cout, 8), Inputs: l.cin, Taps: l.ky * l.kx, NR: 8, Scale: bias, Zero: bias}
		if err := add(expand.Name(opts), l.name, macs, expand); err != nil {
			return nil, err
		}
		for _, w := range l.fast {
			mr, nr := 4, 8
			if opts.Relaxed {
				mr = 6
			}
			ty, tx := w.Tiles(l.size, l.size)
			inStride, outStride := [2]int{row, 4 * l.cin}, [2]int{4 * l.size * l.cout, 4 * l.cout} // strides of rows and pixels
			if w.KX != l.kx {
				// A column is a row of the transposed picture.
				inStride, outStride = [2]int{inStride[1], inStride[0]}, [2]int{outStride[1], outStride[0]}
			}
			// Equal pieces whose transforms stay in the second-level cache.
			pieces := ceilDiv(ty*tx*w.Positions()*(l.cin+l.cout)*4, 3<<19)
			piece := ceilDiv(ceilDiv(ty*tx, pieces), mr) * mr
			outTable := ints(PixelTable(1, piece, 0, 4*l.cout, mr))
			inTable := ints(PixelTable(1, piece, 0, 4*l.cin, mr))
			blocks := w.Blocks(4*piece*l.cin, products, 4*piece*l.cout, outTable, l.cout, nr)
			blocksAt, zero := ints(blocks), ints([]int32{0})
			weigh := WinogradWeightsStep{WinogradWeights: WinogradWeights{w, Float32}, In: stored, Out: weights, Blocks: ceilDiv(l.cout, nr), Inputs: l.cin, NR: nr,
				Scale: bias, Zero: bias}
			var steps []Step
			for first := 0; first < ty*tx; first += piece {
				// The tables are for a whole piece; in the last one some tiles of
				// the products are left over from the piece before.
				count := min(piece, ty*tx-first)
				steps = append(steps,
					WinogradInputStep{WinogradInput: WinogradInput{w}, In: in, InRow: inStride[0], InPixel: inStride[1], InRows: l.size + w.KY - 1, InCols: l.size + w.KX - 1,
						TilesX: tx, FirstTile: first, Count: count, Channels: l.cin, Out: transformed, PositionStride: 4 * piece * l.cin},
					ConvStep{Conv: Conv{MR: mr, NR: nr}, In: transformed, Weights: weights, Bias: bias, InTable: inTable, Pixels: count,
						Segments: zero, SegmentCount: 1, SegmentLen: l.cin, Blocks: blocksAt, BlockCount: w.Positions() * ceilDiv(l.cout, nr)},
					WinogradOutputStep{WinogradOutput: WinogradOutput{w, MinMax, false}, In: products, PositionStride: 4 * piece * l.cout, TileStride: 4 * l.cout,
						Bias: bias, Out: outputs, OutRow: outStride[0], OutPixel: outStride[1], OutRows: l.size, OutCols: l.size,
						TilesX: tx, FirstTile: first, Count: count, Channels: l.cout, B: Inf})
			}
			for i, name := range []string{"input", "product", "output"} {
				var part []Step
				for k := i; k < len(steps); k += 3 {
					part = append(part, steps[k])
				}
				if err := add("winograd_"+w.String()+"_"+name, l.name, macs, part...); err != nil {
					return nil, err
				}
			}
			if err := add("winograd_"+w.String()+"_weights", l.name, macs, weigh); err != nil {
				return nil, err
			}
			if err := add("winograd_"+w.String()+"_"+opts.isa(), l.name, macs, append([]Step{weigh}, steps...)...); err != nil {
				return nil, err
			}
		}
	}
	if at > in {
		return nil, fmt.Errorf("kernel: the bench has %d bytes of tables", at)
	}
	at = stored + area/8
	pages := at/asm.PageSize + 1
	b.Memory(asm.Limits{Min: pages, Max: pages, HasMax: true}, "", "memory")
	var err error
	bench.Wasm, err = b.Encode()
	return bench, err
}
