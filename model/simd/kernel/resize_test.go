package kernel

import (
	"bytes"
	"fmt"
	"testing"

	"hamster/preprocess"
)

// mirrored is a filter for a line read backwards.
func mirrored(in, out int) ([]preprocess.Taps, []int32) {
	taps, weights := preprocess.Coefficients(in, out)
	turned := make([]int32, 0, len(weights))
	for i, t := range taps {
		taps[i] = preprocess.Taps{First: int32(in) - t.First - t.Count, Count: t.Count, Offset: int32(len(turned))}
		for k := t.Count - 1; k >= 0; k-- {
			turned = append(turned, weights[t.Offset+k])
		}
	}
	return taps, turned
}

func filterOf(in, out int, backwards bool) []int32 {
	if backwards {
		return FilterTable(mirrored(in, out))
	}
	return FilterTable(preprocess.Coefficients(in, out))
}

// resizeCase is one picture to bring to a tensor.
type resizeCase struct{ w, h, ow, oh, orientation int }

func (s resizeCase) run(t *testing.T, seed uint64) {
	t.Helper()
	w := newWorld(seed)
	pix := make([]byte, 4*s.w*s.h)
	for i := range pix {
		// Extremes, so that sums saturate.
		pix[i] = byte(w.rng.IntN(2) * 255)
		if w.rng.IntN(2) == 0 {
			pix[i] = byte(w.rng.IntN(256))
		}
	}
	spec := preprocess.Spec{Width: s.ow, Height: s.oh, Layout: preprocess.NHWC, Channels: preprocess.RGB,
		Scale: [3]float32{255, 127.5, 3}, Offset: [3]float32{0, -1, 0.1}, Mode: preprocess.Quality}
	if s.orientation%2 == 0 {
		spec.Channels = preprocess.BGR
	}
	want, err := preprocess.Tensor(preprocess.Image{Width: s.w, Height: s.h, Pix: pix, Orientation: s.orientation}, spec, "")
	if err != nil {
		t.Fatal(err)
	}
	in := w.bytes(pix)
	backX := s.orientation == 2 || s.orientation == 3 || s.orientation == 6 || s.orientation == 7
	backY := s.orientation == 3 || s.orientation == 4 || s.orientation == 7 || s.orientation == 8
	small := w.output(4 * s.ow * s.oh)
	tensor := w.newTensor(s.oh, s.ow, 3, 2, 0, true)
	var steps []Step
	if s.orientation < 5 {
		tmp := w.output(4 * s.ow * s.h)
		steps = []Step{
			RowFilterStep{In: in, InLine: 4 * s.w, Lines: s.h, Out: tmp, OutLine: 4 * s.ow, OutPixel: 4, Width: s.ow, Table: w.ints(filterOf(s.w, s.ow, backX))},
			ColumnFilterStep{In: tmp, InLine: 4 * s.ow, Out: small, OutLine: 4 * s.ow, Lines: s.oh, Width: s.ow, Table: w.ints(filterOf(s.h, s.oh, backY))},
		}
	} else {
		tmp := w.output(4 * s.w * s.ow)
		steps = []Step{
			ColumnFilterStep{In: in, InLine: 4 * s.w, Out: tmp, OutLine: 4 * s.w, Lines: s.ow, Width: s.w, Table: w.ints(filterOf(s.h, s.ow, backX))},
			RowFilterStep{In: tmp, InLine: 4 * s.w, Lines: s.ow, Out: small, OutLine: 4, OutPixel: 4 * s.ow, Width: s.oh, Table: w.ints(filterOf(s.w, s.oh, backY))},
		}
	}
	steps = append(steps, NormaliseStep{In: small, InLine: 4 * s.ow, Height: s.oh, Width: s.ow, Out: tensor.at, OutRow: tensor.row, OutPixel: tensor.pixel, OutChannel: 4,
		Scale: spec.Scale, Offset: spec.Offset, BGR: spec.Channels == preprocess.BGR})
	w.run(t, steps, func(t *testing.T, mem []byte) { near(t, "tensor", tensor.read(mem), want, 0) })
	if t.Failed() {
		t.Fatalf("%+v", s)
	}
}

func TestResizeKernelsGiveTheBitsOfPreprocess(t *testing.T) {
	sizes := []struct{ w, h, ow, oh int }{{1, 1, 3, 2}, {7, 5, 4, 3}, {64, 33, 9, 10}, {5, 80, 17, 6}, {131, 3, 8, 8}, {10, 10, 10, 10}}
	for _, s := range sizes {
		for orientation := 1; orientation <= 8; orientation++ {
			t.Run(fmt.Sprintf("%dx%d to %dx%d, orientation %d", s.w, s.h, s.ow, s.oh, orientation), func(t *testing.T) {
				resizeCase{s.w, s.h, s.ow, s.oh, orientation}.run(t, uint64(s.w+orientation))
			})
		}
	}
}

// A line of 30000 pixels brought to two has weights for 30000 taps: more than
// the low halves' sums can hold without wrapping, which must not matter.
func TestResizeOfAVeryLongLineGivesTheBitsOfPreprocess(t *testing.T) {
	for orientation := 1; orientation <= 8; orientation += 5 {
		resizeCase{30000, 1, 2, 1, orientation}.run(t, 1)
		resizeCase{1, 30000, 1, 2, orientation}.run(t, 1)
	}
}

func FuzzResize(f *testing.F) {
	addScripts(f, 8, 8)
	f.Fuzz(func(t *testing.T, b []byte) {
		next := (*script)(&b).next
		resizeCase{1 + next(200), 1 + next(60), 1 + next(20), 1 + next(20), 1 + next(8)}.run(t, 1)
	})
}

func TestGatherGivesTheBitsOfNearest(t *testing.T) {
	const wd, h, ow, oh = 37, 21, 13, 30
	w := newWorld(1)
	pix := make([]byte, 4*wd*h)
	for i := range pix {
		pix[i] = byte(w.rng.Uint32())
		if i%4 == 3 {
			pix[i] = 255
		}
	}
	spec := preprocess.Spec{Width: ow, Height: oh, Layout: preprocess.NCHW, Channels: preprocess.RGB, Scale: [3]float32{1, 1, 1}, Mode: preprocess.Keras}
	want, err := preprocess.Resize(preprocess.Image{Width: wd, Height: h, Pix: pix}, spec, "")
	if err != nil {
		t.Fatal(err)
	}
	rows, columns := preprocess.NearestIndices(h, oh), preprocess.NearestIndices(wd, ow)
	for i := range rows {
		rows[i] *= 4 * wd
	}
	for i := range columns {
		columns[i] *= 4
	}
	out := w.output(4 * ow * oh)
	step := Gather{In: w.bytes(pix), Out: out, OutLine: 4 * ow, Height: oh, Width: ow, Rows: w.ints(rows), Columns: w.ints(columns)}
	w.run(t, []Step{step}, func(t *testing.T, mem []byte) {
		if !bytes.Equal(mem[out:][:len(want.Pix)], want.Pix) {
			t.Error("other pixels")
		}
	})
}
