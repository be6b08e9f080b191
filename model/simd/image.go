package simd

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"hamster/model/simd/kernel"
	"hamster/preprocess"
)

// ErrImage means that Prepare cannot bring this image into the engine; package
// preprocess can.
var ErrImage = errors.New("simd: the image is not for the engine's own preprocessing")

// Prepare brings an image into the input tensor, in bands, with the same bits as
// preprocess.Tensor. It returns ErrImage for images that are stored turned or
// mirrored, and for those so wide that no band fits.
func (e *Engine) Prepare(ctx context.Context, px preprocess.Pixels, spec preprocess.Spec, mode preprocess.Mode) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		return e.err
	}
	if err := spec.Validate(); err != nil {
		return fmt.Errorf("simd: %w", err)
	}
	w, h, orientation := px.Bounds()
	if w < 1 || h < 1 {
		return fmt.Errorf("simd: an image of %d×%d pixels", w, h)
	}
	t := e.c.Tensor
	if spec.Width != t.W || spec.Height != t.H || t.C != 3 {
		return fmt.Errorf("simd: the model takes %d×%d×%d, not %d×%d", t.H, t.W, t.C, spec.Height, spec.Width)
	}
	if orientation > 1 && mode != preprocess.Keras {
		return ErrImage
	}
	e.prepared, e.ran = false, false
	r := &reader{e: e, px: px, w: w, h: h, area: e.c.Scratch}
	var err error
	switch mode {
	case preprocess.Keras:
		err = r.nearest(ctx)
	case preprocess.Quality:
		err = r.antialiased(ctx, spec.CropFraction)
	default:
		err = fmt.Errorf("simd: mode %q is unknown", mode)
	}
	if err != nil {
		return err
	}
	if err := r.normalise(ctx, spec); err != nil {
		return err
	}
	e.prepared = true
	return nil
}

// Prepared is the image that Prepare brought in last, as the graph's input takes
// it.
func (e *Engine) Prepared() ([]float32, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		return nil, e.err
	}
	if !e.prepared {
		return nil, errors.New("simd: no image is prepared")
	}
	return e.values(e.c.Tensor, e.c.InputNHWC)
}

// RunPrepared computes the outputs for the image that Prepare brought in last.
// An image serves one run: the network's working memory lies over it.
func (e *Engine) RunPrepared(ctx context.Context) ([][]float32, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		return nil, e.err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !e.prepared {
		return nil, errors.New("simd: no image is prepared")
	}
	e.prepared = false
	if err := e.run(ctx, e.c.Net); err != nil {
		return nil, err
	}
	e.ran = true
	return e.outputs()
}

// imageSteps name the kernels that Prepare needs in the module.
var imageSteps = []kernel.Step{
	kernel.Copy{}, kernel.Gather{}, kernel.RowFilterStep{}, kernel.ColumnFilterStep{}, kernel.NormaliseStep{},
}

// reader brings one image in. Its working memory is the arena beyond the input
// tensor, which nothing else uses between runs.
type reader struct {
	e    *Engine
	px   preprocess.Pixels
	w, h int
	area Region
	at   uint32 // the first free byte of area
	// small is the resized picture, RGBA or BGRA.
	small uint32
	bgr   bool
}

// take reserves n bytes of the area.
func (r *reader) take(n int) (uint32, error) {
	free := int(r.area.Addr+r.area.Len) - int(r.at)
	if n > free {
		return 0, ErrImage
	}
	addr := r.at
	r.at += uint32(align(n))
	return addr, nil
}

func (r *reader) begin() error {
	r.at = r.area.Addr
	t := r.e.c.Tensor
	var err error
	r.small, err = r.take(4 * t.W * t.H)
	return err
}

// table writes integers to the area.
func (r *reader) table(words []int32) (uint32, error) {
	b := make([]byte, 0, 4*len(words))
	for _, w := range words {
		b = binary.LittleEndian.AppendUint32(b, uint32(w))
	}
	addr, err := r.take(len(b))
	if err != nil {
		return 0, err
	}
	return addr, r.e.m.write(addr, b)
}

// do runs steps at once; the program takes memory only while it runs.
func (r *reader) do(ctx context.Context, steps ...kernel.Step) error {
	free := r.at
	addr, err := r.take(kernel.ProgramSize(steps))
	if err != nil {
		return err
	}
	r.at = free
	b, err := r.e.c.builder.Program(addr, steps)
	if err != nil {
		return fmt.Errorf("simd: %w", err)
	}
	if err := r.e.m.write(addr, b); err != nil {
		return err
	}
	return r.e.run(ctx, addr)
}

// programRoomImage is more than any program here takes.
const programRoomImage = 2 << 10

// nearest picks pixels; it reads only rows that are picked.
func (r *reader) nearest(ctx context.Context) error {
	t := r.e.c.Tensor
	if err := r.begin(); err != nil {
		return err
	}
	columns := preprocess.NearestIndices(r.w, t.W)
	for i := range columns {
		columns[i] *= 4
	}
	cols, err := r.table(columns)
	if err != nil {
		return err
	}
	rows := preprocess.NearestIndices(r.h, t.H)
	offsets := make([]int32, t.H)
	tab, err := r.take(4 * t.H)
	if err != nil {
		return err
	}
	line := 4 * r.w
	free := int(r.area.Addr+r.area.Len) - int(r.at) - programRoomImage
	capacity := free / line
	if capacity < 1 {
		return ErrImage
	}
	band, err := r.take(min(capacity, t.H) * line)
	if err != nil {
		return err
	}
	for y := 0; y < t.H; {
		if err := ctx.Err(); err != nil {
			return err
		}
		// Distinct rows until the band is full; rows repeat when enlarging.
		first, n := y, 0
		for y < t.H {
			if y == first || rows[y] != rows[y-1] {
				if n == capacity {
					break
				}
				// One row is here before a promise of it is kept.
				if _, err := r.e.m.rows(r.px, int(rows[y]), 1, band+uint32(n*line), false); err != nil {
					return err
				}
				n++
			}
			offsets[y] = int32((n - 1) * line)
			y++
		}
		b := make([]byte, 0, 4*(y-first))
		for _, o := range offsets[first:y] {
			b = binary.LittleEndian.AppendUint32(b, uint32(o))
		}
		if err := r.e.m.write(tab, b); err != nil {
			return err
		}
		if err := r.do(ctx, kernel.Gather{
			In: band, Out: r.small + uint32(4*t.W*first), OutLine: 4 * t.W,
			Height: y - first, Width: t.W, Rows: tab, Columns: cols,
		}); err != nil {
			return err
		}
	}
	return nil
}

// antialiased filters bands of rows along themselves as they come in, and
// across as soon as an output row has all of its lines.
func (r *reader) antialiased(ctx context.Context, crop float32) error {
	t := r.e.c.Tensor
	if err := r.begin(); err != nil {
		return err
	}
	cutX, cutY := preprocess.CropMargin(r.w, crop), preprocess.CropMargin(r.h, crop)
	w, h := r.w-2*cutX, r.h-2*cutY
	taps, weights := preprocess.Coefficients(w, t.W)
	across, err := r.table(kernel.FilterTable(taps, weights))
	if err != nil {
		return err
	}
	down, downWeights := preprocess.Coefficients(h, t.H)

	// Filtered lines are kept until no output row needs them; room for them is
	// shared with the band of rows as they come.
	most := 0
	for _, d := range down {
		most = max(most, int(d.Count))
	}
	// The tables of the second filter are made anew for each band.
	downTable, err := r.take(4 * (3*len(down) + 2*len(downWeights) + 16*len(down)))
	if err != nil {
		return err
	}
	line, out := 4*r.w, 4*t.W
	free := int(r.area.Addr+r.area.Len) - int(r.at) - programRoomImage - 3*alignment
	// The kernels read, but do not use, up to 12 bytes past a line.
	band := min(h, (free-16)*2/3/line)
	if band < 1 {
		return ErrImage
	}
	staging, err := r.take(band*line + 16)
	if err != nil {
		return err
	}
	lines := min(h, (int(r.area.Addr+r.area.Len)-int(r.at)-programRoomImage-alignment)/out)
	if lines < min(h, most+1) {
		return ErrImage
	}
	kept, err := r.take(lines * out)
	if err != nil {
		return err
	}

	base, have, row := 0, 0, 0 // lines base…have−1 are kept; row is the next output row
	for row < t.H {
		if err := ctx.Err(); err != nil {
			return err
		}
		var steps []kernel.Step
		need := int(down[row].First)
		if have-base == lines {
			// Full: move what is still needed to the front.
			move := have - need
			steps = append(steps, kernel.Copy{
				In: kept + uint32((need-base)*out), Out: kept,
				Size:      [4]int{1, 1, 1, move * out / 4},
				InStride:  [4]int{0, 0, 0, 4},
				OutStride: [4]int{0, 0, 0, 4},
			})
			base = need
		}
		n := min(band, h-have, lines-(have-base))
		if n < 1 {
			return fmt.Errorf("simd: an image of %d×%d pixels: no progress at row %d", r.w, r.h, row)
		}
		if r.bgr, err = r.e.m.rows(r.px, cutY+have, n, staging, true); err != nil {
			return err
		}
		steps = append(steps, kernel.RowFilterStep{
			In: staging + uint32(4*cutX), InLine: line, Lines: n,
			Out: kept + uint32((have-base)*out), OutLine: out,
			Width: t.W, Table: across,
		})
		have += n
		last := row
		for last < t.H && int(down[last].First+down[last].Count) <= have {
			last++
		}
		if last > row {
			var b []byte
			for _, x := range kernel.FilterTable(rebased(down[row:last], downWeights)) {
				b = binary.LittleEndian.AppendUint32(b, uint32(x))
			}
			if err := r.e.m.write(downTable, b); err != nil {
				return err
			}
			steps = append(steps, kernel.ColumnFilterStep{
				In: kept, InLine: out, Out: r.small + uint32(row*out), OutLine: out,
				Lines: last - row, Width: t.W, Table: downTable, First: base,
			})
			row = last
		}
		if err := r.do(ctx, steps...); err != nil {
			return err
		}
	}
	return nil
}

// rebased cuts a run of taps and their weights out of a filter.
func rebased(taps []preprocess.Taps, weights []int32) ([]preprocess.Taps, []int32) {
	out := append([]preprocess.Taps(nil), taps...)
	first := out[0].Offset
	end := out[len(out)-1].Offset + out[len(out)-1].Count
	for i := range out {
		out[i].Offset -= first
	}
	return out, weights[first:end]
}

func (r *reader) normalise(ctx context.Context, spec preprocess.Spec) error {
	t := r.e.c.Tensor
	step := kernel.NormaliseStep{
		In: r.small, InLine: 4 * t.W, Height: t.H, Width: t.W,
		Out: t.Addr, OutRow: t.RowStride, OutPixel: t.PixelStride, OutChannel: 4,
		Scale: spec.Scale, Offset: spec.Offset, BGR: spec.Channels == preprocess.BGR,
	}
	if r.bgr {
		// What the kernel takes for red is blue.
		step.BGR = !step.BGR
		step.Scale[0], step.Scale[2] = step.Scale[2], step.Scale[0]
		step.Offset[0], step.Offset[2] = step.Offset[2], step.Offset[0]
	}
	return r.do(ctx, step)
}
