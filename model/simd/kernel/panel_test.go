package kernel

import (
	"bytes"
	"fmt"
	"testing"
)

var sources = []Source{Float32, Float16, Uint8, Int8}

// padded is v, filled up with zeros to a multiple of nr.
func padded(v []float32, nr int) []float32 {
	return append(append([]float32{}, v...), make([]float32, ceilDiv(len(v), nr)*nr-len(v))...)
}

func TestPanelLaysWeightsOfOutputsSideBySide(t *testing.T) {
	for _, from := range sources {
		for _, c := range []struct{ o, d, nr int }{
			{8, 16, 8}, {11, 37, 8}, {1, 1, 4}, {3, 5, 8}, {17, 15, 16}, {40, 33, 32}, {4, 64, 4},
		} {
			for _, order := range []string{"OI", "IO"} {
				t.Run(fmt.Sprintf("%v %d outputs of %d by %d %s", from, c.o, c.d, c.nr, order), func(t *testing.T) {
					w := newWorld(5)
					size := from.Size()
					stored := make([]byte, c.o*c.d*size)
					for i := range stored {
						stored[i] = byte(w.rng.Uint32())
					}
					step := PanelStep{Panel: Panel{from}, In: w.bytes(stored), Outputs: c.o, Depth: c.d, StrideO: c.d * size, StrideD: size, NR: c.nr}
					if order == "IO" {
						step.StrideO, step.StrideD = size, c.o*size
					}
					step.Out = w.output(step.Bytes())
					w.run(t, []Step{step}, func(t *testing.T, mem []byte) {
						for i := range step.Bytes() / size {
							lane, d, block := i%c.nr, i/c.nr%c.d, i/(c.nr*c.d)
							o := block*c.nr + lane
							if o >= c.o {
								o = 0
							}
							want := stored[o*step.StrideO+d*step.StrideD:][:size]
							if got := mem[int(step.Out)+i*size:][:size]; !bytes.Equal(got, want) {
								t.Fatalf("weight %d is % x, want % x", i, got, want)
							}
						}
					})
				})
			}
		}
	}
}

func TestExpandDequantisesAndReordersPanels(t *testing.T) {
	for _, from := range sources {
		for _, c := range []struct{ blocks, inputs, taps, nr int }{
			{1, 1, 1, 8}, {3, 8, 1, 8}, {2, 7, 9, 8}, {5, 13, 2, 16}, {2, 6, 1, 32},
		} {
			t.Run(fmt.Sprintf("%v %+v", from, c), func(t *testing.T) {
				w := newWorld(6)
				n := c.blocks * c.inputs * c.taps * c.nr
				values := make([]float32, n)
				var stored []byte
				for i := range values {
					values[i], stored = from.random(w, stored)
				}
				scale, zero := w.random(c.blocks*c.nr), w.random(c.blocks*c.nr)
				step := ExpandStep{Expand: Expand{from}, In: w.bytes(stored), Out: w.output(4 * n), Blocks: c.blocks, Inputs: c.inputs, Taps: c.taps, NR: c.nr,
					Scale: w.floats(scale), Zero: w.floats(zero)}
				want := make([]float32, n)
				for i := range want {
					lane, in, tap, block := i%c.nr, i/c.nr%c.inputs, i/(c.nr*c.inputs)%c.taps, i/(c.nr*c.inputs*c.taps)
					o := block*c.nr + lane
					want[i] = (values[((block*c.inputs+in)*c.taps+tap)*c.nr+lane] - zero[o]) * scale[o]
				}
				w.run(t, []Step{step}, func(t *testing.T, mem []byte) {
					near(t, "expanded", readFloats(mem, step.Out, n), want, 0)
				})
			})
		}
	}
}

func TestExpandGivesTheFloatsThatPackGives(t *testing.T) {
	const o, i, k, nr = 19, 6, 3, 8
	for _, from := range sources {
		t.Run(from.String(), func(t *testing.T) {
			w := newWorld(7)
			var stored []byte
			for range o * i * k * k {
				_, stored = from.random(w, stored)
			}
			size, blocks := from.Size(), ceilDiv(o, nr)
			in, scale, zero := w.bytes(stored), padded(w.random(o), nr), padded(w.random(o), nr)
			scaleAt, zeroAt := w.floats(scale), w.floats(zero)
			pack := PackStep{Pack: Pack{from}, In: in, Outputs: o, Inputs: i, KernelY: k, KernelX: k, NR: nr,
				StrideO: i * k * k * size, StrideI: k * k * size, StrideY: k * size, StrideX: size, Scale: scaleAt, Zero: zeroAt}
			pack.Out = w.output(4 * pack.Floats())
			panel := PanelStep{Panel: Panel{from}, In: in, Outputs: o, Depth: i * k * k, StrideO: i * k * k * size, StrideD: size, NR: nr}
			panel.Out = w.output(panel.Bytes())
			expand := ExpandStep{Expand: Expand{from}, In: panel.Out, Out: w.output(4 * pack.Floats()), Blocks: blocks, Inputs: i, Taps: k * k, NR: nr, Scale: scaleAt, Zero: zeroAt}
			w.run(t, []Step{pack, panel, expand}, func(t *testing.T, mem []byte) {
				near(t, "expanded", readFloats(mem, expand.Out, pack.Floats()), readFloats(mem, pack.Out, pack.Floats()), 0)
			})
		})
	}
}
