package kernel

import (
	"bytes"
	"fmt"
	"testing"

	"hamster/preprocess"
)

func filterOf(in, out int) []int32 { return FilterTable(preprocess.Coefficients(in, out)) }

// resizeCase is one picture to bring to a tensor.
type resizeCase struct {
	w, h, ow, oh int
	bgr          bool
}

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
	if s.bgr {
		spec.Channels = preprocess.BGR
	}
	want, err := preprocess.Tensor(preprocess.Image{Width: s.w, Height: s.h, Pix: pix}, spec, "")
	if err != nil {
		t.Fatal(err)
	}
	in := w.bytes(pix)
	small, tmp := w.output(4*s.ow*s.oh), w.output(4*s.ow*s.h)
	tensor := w.newTensor(s.oh, s.ow, 3, 2, 0, true)
	steps := []Step{
		RowFilterStep{In: in, InLine: 4 * s.w, Lines: s.h, Out: tmp, OutLine: 4 * s.ow, Width: s.ow, Table: w.ints(filterOf(s.w, s.ow))},
		ColumnFilterStep{In: tmp, InLine: 4 * s.ow, Out: small, OutLine: 4 * s.ow, Lines: s.oh, Width: s.ow, Table: w.ints(filterOf(s.h, s.oh))},
		NormaliseStep{In: small, InLine: 4 * s.ow, Height: s.oh, Width: s.ow, Out: tensor.at, OutRow: tensor.row, OutPixel: tensor.pixel, OutChannel: 4,
			Scale: spec.Scale, Offset: spec.Offset, BGR: s.bgr},
	}
	w.run(t, steps, func(t *testing.T, mem []byte) { near(t, "tensor", tensor.read(mem), want, 0) })
	if t.Failed() {
		t.Fatalf("%+v", s)
	}
}

func TestResizeKernelsGiveTheBitsOfPreprocess(t *testing.T) {
	sizes := []struct{ w, h, ow, oh int }{{1, 1, 3, 2}, {7, 5, 4, 3}, {64, 33, 9, 10}, {5, 80, 17, 6}, {131, 3, 8, 8}, {10, 10, 10, 10}}
	for i, s := range sizes {
		t.Run(fmt.Sprintf("%dx%d to %dx%d", s.w, s.h, s.ow, s.oh), func(t *testing.T) {
			resizeCase{s.w, s.h, s.ow, s.oh, i%2 == 0}.run(t, uint64(s.w))
		})
	}
}

// A line of 30000 pixels brought to two has weights for 30000 taps: more than
// the low halves' sums can hold without wrapping, which must not matter.
func TestResizeOfAVeryLongLineGivesTheBitsOfPreprocess(t *testing.T) {
	resizeCase{30000, 1, 2, 1, false}.run(t, 1)
	resizeCase{1, 30000, 1, 2, false}.run(t, 1)
}

func FuzzResize(f *testing.F) {
	addScripts(f, 8, 8)
	f.Fuzz(func(t *testing.T, b []byte) {
		next := (*script)(&b).next
		resizeCase{1 + next(200), 1 + next(60), 1 + next(20), 1 + next(20), next(2) == 1}.run(t, 1)
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
