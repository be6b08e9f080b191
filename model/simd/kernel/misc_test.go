package kernel

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"
)

func TestSoftmaxAgreesWithDoublePrecision(t *testing.T) {
	rows := map[string][]float32{
		"one":         {3},
		"five":        {1, 2, 3, 4, 5},
		"large":       {1000, 999, 998, -1000, 1000},
		"very small":  {-3e38, -3e38, -3e38},
		"minus inf":   {float32(math.Inf(-1)), 0, 1, 2, 3, 4},
		"has NaN":     {1, float32(math.NaN()), 2, 3, 4, 5, 6},
		"a thousand":  newWorld(1).random(1000),
		"wide spread": {-80, -40, -20, 0, 20, 40, 60, 80, 87},
	}
	for name, x := range rows {
		t.Run(name, func(t *testing.T) {
			w := newWorld(1)
			n := len(x)
			// Two rows, in place, a gap between them.
			stride := 4 * (n + 3)
			at := w.alloc(2 * stride)
			for r := range 2 {
				w.allow(at+uint32(r*stride), 4*n)
				for i, v := range x {
					w.setF32(at+uint32(r*stride+4*i), v)
				}
			}
			want := make([]float32, n)
			top, sum := math.Inf(-1), 0.0
			for _, v := range x {
				top = math.Max(top, float64(v))
			}
			for _, v := range x {
				sum += math.Exp(float64(v) - top)
			}
			for i, v := range x {
				want[i] = float32(math.Exp(float64(v)-top) / sum)
			}
			step := SoftmaxStep{In: at, Out: at, Rows: 2, Length: n, InStride: stride, OutStride: stride}
			w.run(t, []Step{step}, func(t *testing.T, mem []byte) {
				for r := range 2 {
					near(t, "output", readFloats(mem, at+uint32(r*stride), n), want, 3e-7)
				}
			})
		})
	}
}

func TestCopyMovesBetweenLayouts(t *testing.T) {
	const c, h, wd = 5, 3, 20
	w := newWorld(2)
	x := w.random(c * h * wd)
	nchw := w.floats(x)
	nhwc := w.newTensor(h, wd, c, 2, 3, true)
	back := w.output(4 * c * h * wd)
	steps := []Step{
		Copy{In: nchw, Out: nhwc.at, Size: [4]int{1, h, wd, c}, InStride: [4]int{0, 4 * wd, 4, 4 * h * wd}, OutStride: [4]int{0, nhwc.row, nhwc.pixel, 4}},
		Copy{In: nhwc.at, Out: back, Size: [4]int{1, c, h, wd}, InStride: [4]int{0, 4, nhwc.row, nhwc.pixel}, OutStride: [4]int{0, 4 * h * wd, 4 * wd, 4}},
	}
	w.run(t, steps, func(t *testing.T, mem []byte) {
		got := nhwc.read(mem)
		for i, v := range got {
			y, xx, ch := i/(wd*c), i/c%wd, i%c
			if v != x[(ch*h+y)*wd+xx] {
				t.Fatalf("NHWC %d is %v", i, v)
			}
		}
		near(t, "NCHW", readFloats(mem, back, len(x)), x, 0)
	})
}

func TestCopyMovesWholeRows(t *testing.T) {
	w := newWorld(2)
	x := w.random(2 * 3 * 40)
	in := w.floats(x)
	out := w.output(4 * len(x))
	step := Copy{In: in, Out: out, Size: [4]int{1, 2, 3, 40}, InStride: [4]int{0, 480, 160, 4}, OutStride: [4]int{0, 160, 320, 4}}
	w.run(t, []Step{step}, func(t *testing.T, mem []byte) {
		got := readFloats(mem, out, len(x))
		for i, v := range x {
			if g := got[(i/40%3)*80+i/120*40+i%40]; g != v {
				t.Fatalf("float %d is %v, want %v", i, g, v)
			}
		}
	})
}

func TestHaloZeroesTheBorderAlone(t *testing.T) {
	w := newWorld(2)
	const rows, rowBytes = 6, 52
	base := w.output(rows * rowBytes)
	step := Halo{Base: base, Rows: rows, RowBytes: rowBytes, Top: 2, Bottom: 1, Left: 12, Right: 4}
	w.run(t, []Step{step}, func(t *testing.T, mem []byte) {
		for y := range rows {
			for x := range rowBytes {
				want := byte(0)
				if y >= 2 && y < 5 && x >= 12 && x < 48 {
					want = 0x7f
				}
				if got := mem[int(base)+y*rowBytes+x]; got != want {
					t.Fatalf("byte %d of row %d is %#x", x, y, got)
				}
			}
		}
	})
}

func TestFillSetsEveryWord(t *testing.T) {
	for _, n := range []int{0, 1, 3, 4, 4096, 4097, 9000} {
		w := newWorld(2)
		at := w.output(4 * n)
		w.run(t, []Step{FillStep{Out: at, Count: n, Value: 0x12345678}}, func(t *testing.T, mem []byte) {
			for i := range n {
				if got := binary.LittleEndian.Uint32(mem[int(at)+4*i:]); got != 0x12345678 {
					t.Fatalf("word %d of %d is %#x", i, n, got)
				}
			}
		})
	}
}

// half is the binary16 nearest to a small multiple of 1/1024.
func halfBits(v float32) uint16 {
	b := math.Float32bits(v)
	sign := uint16(b >> 16 & 0x8000)
	if v == 0 {
		return sign
	}
	return sign | uint16((int(b>>23&0xff)-127+15)<<10) | uint16(b>>13&0x3ff)
}

// random is a number of the type, and stored with its bytes appended.
func (s Source) random(w *world, stored []byte) (float32, []byte) {
	q := w.rng.IntN(256)
	switch s {
	case Float32:
		v := w.rng.Float32()*2 - 1
		return v, binary.LittleEndian.AppendUint32(stored, math.Float32bits(v))
	case Float16:
		v := float32(q-128) / 64
		return v, binary.LittleEndian.AppendUint16(stored, halfBits(v))
	case Uint8:
		return float32(q), append(stored, byte(q))
	}
	return float32(int8(q)), append(stored, byte(q))
}

// values are the middle of what random gives, and how far it goes from there.
func (s Source) values() (middle, span float32) {
	return [...]float32{Float32: 0, Float16: 0, Uint8: 128, Int8: 0}[s], [...]float32{Float32: 1, Float16: 2, Uint8: 128, Int8: 128}[s]
}

func TestPackDequantisesEveryTypeAndOrder(t *testing.T) {
	const o, i, ky, kx, nr = 11, 7, 2, 3, 8
	n := o * i * ky * kx
	for _, from := range []Source{Float32, Float16, Uint8, Int8} {
		for _, order := range []string{"OIHW", "HWIO", "OHWI"} {
			for _, scaled := range []bool{false, true} {
				t.Run(fmt.Sprintf("%v %s scaled %v", from, order, scaled), func(t *testing.T) {
					w := newWorld(3)
					values := make([]float32, n)
					var stored []byte
					for k := range values {
						values[k], stored = from.random(w, stored)
					}
					scale, zero := w.random(o), w.random(o)
					s := from.Size()
					step := PackStep{Pack: Pack{from}, In: w.bytes(stored), Outputs: o, Inputs: i, KernelY: ky, KernelX: kx, NR: nr,
						StrideO: i * ky * kx * s, StrideI: ky * kx * s, StrideY: kx * s, StrideX: s}
					switch order {
					case "HWIO":
						step.StrideO, step.StrideI, step.StrideX, step.StrideY = s, o*s, i*o*s, kx*i*o*s
					case "OHWI":
						step.StrideI, step.StrideX, step.StrideY = s, i*s, kx*i*s
					}
					if scaled {
						step.Scale, step.Zero = w.floats(scale), w.floats(zero)
					}
					step.Out = w.output(4 * step.Floats())
					want := make([]float32, step.Floats())
					for k := range want {
						lane, in, x, y := k%nr, k/nr%i, k/(nr*i)%kx, k/(nr*i*kx)%ky
						out := k/(nr*i*kx*ky)*nr + lane
						if out < o {
							v := values[(out*step.StrideO+in*step.StrideI+y*step.StrideY+x*step.StrideX)/s]
							if scaled {
								v = (v - zero[out]) * scale[out]
							}
							want[k] = v
						}
					}
					w.run(t, []Step{step}, func(t *testing.T, mem []byte) {
						near(t, "packed", readFloats(mem, step.Out, len(want)), want, 0)
					})
				})
			}
		}
	}
}

func TestPackReadsEveryHalf(t *testing.T) {
	w := newWorld(1)
	stored := make([]byte, 2*65536)
	want := make([]float32, 65536)
	for h := range 65536 {
		binary.LittleEndian.PutUint16(stored[2*h:], uint16(h))
		e, f := h>>10&31, float64(h&1023)
		v := math.Ldexp(1024+f, e-25)
		switch {
		case e == 0:
			v = math.Ldexp(f, -24)
		case e == 31 && f == 0:
			v = math.Inf(1)
		case e == 31:
			v = math.NaN()
		}
		if h >= 0x8000 {
			v = -v
		}
		want[h] = float32(v)
	}
	step := PackStep{Pack: Pack{Float16}, In: w.bytes(stored), Outputs: 4, Inputs: 65536 / 4, KernelY: 1, KernelX: 1, NR: 4, StrideO: 2, StrideI: 8}
	step.Out = w.output(4 * 65536)
	w.run(t, []Step{step}, func(t *testing.T, mem []byte) {
		near(t, "float", readFloats(mem, step.Out, 65536), want, 0)
	})
}

func TestProgramsRunInTurnAndKernelsAreSharedBetweenThem(t *testing.T) {
	w := newWorld(1)
	at := w.output(64)
	c, err := w.module(Options{}, []Step{FillStep{Out: at, Count: 8, Value: 1}}, []Step{FillStep{Out: at, Count: 4, Value: 2}, FillStep{Out: at + 32, Count: 8, Value: 3}})
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(c.Wasm, []byte("x32_fill")); n != 1 {
		t.Errorf("the kernel is there %d times", n)
	}
	mem, err := hosts()[0].Run(c)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []uint32{2, 2, 2, 2, 1, 1, 1, 1, 3, 3, 3, 3, 3, 3, 3, 3} {
		if got := binary.LittleEndian.Uint32(mem[int(at)+4*i:]); got != want {
			t.Errorf("word %d is %d, want %d", i, got, want)
		}
	}
}

func TestAnAbortedProgramSaysSo(t *testing.T) {
	w := newWorld(1)
	at := w.output(64)
	c, err := w.module(Options{}, []Step{FillStep{Out: at, Count: 8, Value: 1}})
	if err != nil {
		t.Fatal(err)
	}
	c.Memory[programAt+AbortOffset] = 1
	for _, h := range hosts() {
		if _, err := h.Run(c); err == nil || !strings.Contains(err.Error(), "was aborted") {
			t.Errorf("%s: got %v", h.Name(), err)
		}
	}
}

func TestAMissingThreadEndsTheRunOfTheOthers(t *testing.T) {
	for _, h := range hosts() {
		if !h.Threads() {
			continue
		}
		w := newWorld(1)
		at := w.output(64)
		c, err := w.module(Options{Threads: true}, []Step{FillStep{Out: at, Count: 8, Value: 1}})
		if err != nil {
			t.Fatal(err)
		}
		// One thread has come and will never leave: two of three wait in vain.
		c.Threads = 2
		binary.LittleEndian.PutUint64(c.Memory[programAt+TimeoutOffset:], 20e6)
		binary.LittleEndian.PutUint32(c.Memory[programAt+headerArrived:], math.MaxUint32)
		if _, err := h.Run(c); err == nil || !strings.Contains(err.Error(), "was aborted") {
			t.Errorf("%s: got %v", h.Name(), err)
		}
	}
}

func TestProgramSizeIsTheSizeOfTheProgram(t *testing.T) {
	steps := []Step{FillStep{}, Unordered{SoftmaxStep{}}, PoolStep{}}
	p, err := NewBuilder(Options{}).Program(64, steps)
	if err != nil {
		t.Fatal(err)
	}
	if len(p) != ProgramSize(steps) {
		t.Errorf("%d bytes, ProgramSize says %d", len(p), ProgramSize(steps))
	}
}

func TestProgramNeedsAnAlignedAddress(t *testing.T) {
	if _, err := NewBuilder(Options{}).Program(32, nil); err == nil {
		t.Error("no error")
	}
}

func TestEncodeNeedsAMemory(t *testing.T) {
	if _, err := NewBuilder(Options{}).Encode(); err == nil {
		t.Error("no error")
	}
}

func TestALayoutHasTheKernelsOfItsBuilderAndNoOthers(t *testing.T) {
	b := NewBuilder(Options{})
	fill := []Step{FillStep{Out: 4096, Count: 1}}
	want, err := b.Program(64, fill)
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.Layout().Program(64, fill)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %x, %v, want %x", got, err, want)
	}
	if _, err := b.Layout().Program(64, []Step{Copy{}}); err == nil {
		t.Error("a kernel that the module lacks is laid out")
	}
}

func TestATailRunsTheLastStepsOfAProgram(t *testing.T) {
	w := newWorld(1)
	at := w.output(12)
	var steps []Step
	for i := range uint32(3) {
		steps = append(steps, FillStep{Out: at + 4*i, Count: 1, Value: bits(float32(i))})
	}
	c, err := w.module(Options{}, steps)
	if err != nil {
		t.Fatal(err)
	}
	tail := c.Programs[0] + uint32(ProgramSize(steps)+63)&^63
	copy(c.Memory[tail:], Tail(c.Programs[0], len(steps), 2))
	c.Programs = []uint32{tail}
	binary.LittleEndian.PutUint32(c.Memory[at:], bits(7))
	for _, h := range hosts() {
		mem, err := h.Run(c)
		if err != nil {
			t.Fatalf("%s: %v", h.Name(), err)
		}
		near(t, h.Name(), readFloats(mem, at, 3), []float32{7, 1, 2}, 0)
	}
}
