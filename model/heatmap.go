package model

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"hamster/model/explain"
	"hamster/model/graph"
	"hamster/model/simd"
	"hamster/preprocess"
)

// Method is a way to find out what in a photo spoke for a class.
type Method string

const (
	// GradCAM weighs the planes of the last feature map by the gradient of the
	// class's score (see package explain): a millisecond or so more than a run. It
	// works where a network ends in global pooling and dense layers.
	GradCAM Method = "grad-cam"
	// Occlusion covers one part of the photo after the other and looks how far the
	// score of the class falls (Zeiler & Fergus 2014, "Visualizing and
	// Understanding Convolutional Networks", section 4.2). It works with every
	// network, and takes a run a cell.
	Occlusion Method = "occlusion"
)

// Heatmap shows what in a photo spoke for a class: Height rows of Width cells from
// the top left, of 0 (nothing) to 1 (the most). All are 0 where nothing did.
//
// The cells divide Area evenly. Neighbours belong together: a smooth enlargement
// shows more than squares do.
type Heatmap struct {
	Width  int       `json:"width"`
	Height int       `json:"height"`
	Values []float32 `json:"values"`
	Method Method    `json:"method"`
	Class  int       `json:"index"`
	Area   Area      `json:"area"`
}

// Area is the part of a photo that the network was shown, as fractions of its
// width and height: all of it, but for what preprocess.Quality crops. The photo
// is upright in that mode; in preprocess.Keras it is as it is stored, for that
// mode ignores how the camera was held, and it is squashed into a square.
type Area struct {
	Left   float32 `json:"left"`
	Top    float32 `json:"top"`
	Right  float32 `json:"right"`
	Bottom float32 `json:"bottom"`
}

var whole = Area{Right: 1, Bottom: 1}

// ExplainOptions of Explain. The zero value takes the quickest method there is.
type ExplainOptions struct {
	// Method is "" for the model's own (see Model.Method).
	Method Method
	// Cells is how many cells Occlusion tries along each side, 2 to MaxCells; 0
	// means 8. It takes a run for each cell, and one more.
	Cells int
	// Progress, where given, is told after each run of Occlusion how many of the
	// runs are done, and the map so far: its cells fill from coarse to fine.
	Progress func(done, total int, soFar Heatmap)
}

// MaxCells bounds ExplainOptions.Cells.
const MaxCells = 32

// Likeliest may stand for a class: the one with the highest score.
const Likeliest = -1

// ErrNoRun is what ExplainLast returns where nothing is left of a run.
var ErrNoRun = errors.New("nothing is left of the last run")

// lastRun is what ExplainLast has to know of the run before it.
type lastRun struct {
	scores []float32 // nil where there was none
	area   Area
}

// findHead looks for what GradCAM needs, and lets the engine keep the feature map.
// A model without is still a model.
func (m *Model) findHead(g *graph.Graph, opts *Options) {
	head, keep, err := explain.Find(g)
	opts.keep, m.explains = keep, err == nil
	m.head = func() (*explain.Head, error) { return head, err }
}

// Method is how Explain explains unless it is told otherwise.
func (m *Model) Method() Method {
	if m.explains {
		return GradCAM
	}
	return Occlusion
}

// Explain shows what in a photo spoke for a class, an index of the model's
// outputs or Likeliest. The photo is prepared in the given mode (empty: the
// model's own), as ClassifyImage does. It returns ctx's error soon after ctx ends;
// between two runs of Occlusion others may use the model.
func (m *Model) Explain(ctx context.Context, px preprocess.Pixels, mode preprocess.Mode, class int, opts ExplainOptions) (Heatmap, error) {
	switch opts.Method {
	case "":
		opts.Method = m.Method()
	case GradCAM:
		if _, err := m.head(); err != nil {
			return Heatmap{}, fmt.Errorf("explain: %w", err)
		}
	case Occlusion:
	default:
		return Heatmap{}, fmt.Errorf("explain: unknown method %q: use %q or %q", opts.Method, GradCAM, Occlusion)
	}
	if err := m.checkClass(class); err != nil {
		return Heatmap{}, err
	}
	if mode == "" {
		mode = m.spec.Input.Mode
	}
	if opts.Method == Occlusion {
		return m.occlude(ctx, px, mode, class, opts)
	}
	if err := m.begin(ctx); err != nil {
		return Heatmap{}, err
	}
	defer m.end()
	if _, _, err := m.runImage(ctx, px, mode); err != nil {
		return Heatmap{}, err
	}
	return m.explainLast(class)
}

// ExplainLast shows what spoke for a class, or Likeliest, in what the model looked
// at last, without looking again; ErrNoRun where nothing is left of that. It takes
// a model whose Method is GradCAM.
func (m *Model) ExplainLast(ctx context.Context, class int) (Heatmap, error) {
	if _, err := m.head(); err != nil {
		return Heatmap{}, fmt.Errorf("explain: %w", err)
	}
	if err := m.checkClass(class); err != nil {
		return Heatmap{}, err
	}
	if err := m.begin(ctx); err != nil {
		return Heatmap{}, err
	}
	defer m.end()
	return m.explainLast(class)
}

func (m *Model) checkClass(class int) error {
	if class != Likeliest && (class < 0 || class >= len(m.labels)) {
		return fmt.Errorf("explain: class %d of %d", class, len(m.labels))
	}
	return nil
}

func (m *Model) explainLast(class int) (Heatmap, error) {
	if m.last.scores == nil {
		return Heatmap{}, ErrNoRun
	}
	if class == Likeliest {
		class = likeliest(m.last.scores)
	}
	feature, err := m.engine.Kept()
	if err != nil {
		return Heatmap{}, fmt.Errorf("explain: %w", err)
	}
	head, err := m.head()
	if err != nil {
		return Heatmap{}, fmt.Errorf("explain: %w", err)
	}
	values, err := head.Map(feature, class)
	if err != nil {
		return Heatmap{}, fmt.Errorf("explain: %w", err)
	}
	return Heatmap{Width: head.Width, Height: head.Height, Values: values, Method: GradCAM, Class: class, Area: m.last.area}, nil
}

// likeliest is the index of the highest score, the first of equals.
func likeliest(scores []float32) int {
	return slices.Index(scores, slices.Max(scores))
}

// areaOf is the part of a photo that a mode shows.
func areaOf(px preprocess.Pixels, spec preprocess.Spec, mode preprocess.Mode) Area {
	w, h, orientation := px.Bounds()
	if mode != preprocess.Quality || w < 1 || h < 1 {
		return whole
	}
	if orientation > 4 { // stored on its side
		w, h = h, w
	}
	x := float32(preprocess.CropMargin(w, spec.CropFraction)) / float32(w)
	y := float32(preprocess.CropMargin(h, spec.CropFraction)) / float32(h)
	return Area{x, y, 1 - x, 1 - y}
}

// shown is the tensor that the network is shown of a photo.
func (m *Model) shown(ctx context.Context, px preprocess.Pixels, mode preprocess.Mode) ([]float32, error) {
	if err := m.begin(ctx); err != nil {
		return nil, err
	}
	defer m.end()
	if e, ok := m.engine.(imageEngine); ok {
		m.last = lastRun{}
		err := e.Prepare(ctx, px, m.spec.Input, mode)
		if err == nil {
			return e.Prepared()
		}
		if !errors.Is(err, simd.ErrImage) {
			return nil, err
		}
	}
	img, err := preprocess.ReadAll(px)
	if err != nil {
		return nil, err
	}
	return preprocess.Tensor(img, m.spec.Input, mode)
}

// occlude tries a patch of two cells by two, as far as it lies in the picture,
// around each cell, in the mean colour of the picture.
func (m *Model) occlude(ctx context.Context, px preprocess.Pixels, mode preprocess.Mode, class int, opts ExplainOptions) (Heatmap, error) {
	cells := opts.Cells
	if cells == 0 {
		cells = 8
	}
	if cells < 2 || cells > MaxCells {
		return Heatmap{}, fmt.Errorf("explain: %d cells: want 2 to %d", cells, MaxCells)
	}
	x, err := m.shown(ctx, px, mode)
	if err != nil {
		return Heatmap{}, fmt.Errorf("preprocess: %w", err)
	}
	in := m.spec.Input
	columns, rows := min(cells, in.Width), min(cells, in.Height)
	score := func(x []float32) ([]float32, error) {
		y, err := m.Run(ctx, Tensor{Shape: m.input, Data: x})
		if err != nil || !m.spec.Logits {
			return y.Data, err
		}
		return softmax(y.Data), nil
	}
	base, err := score(x)
	if err != nil {
		return Heatmap{}, err
	}
	if class == Likeliest {
		class = likeliest(base)
	}
	found := Heatmap{Width: columns, Height: rows, Method: Occlusion, Class: class, Area: areaOf(px, in, mode)}
	drops, known := make([]float64, columns*rows), make([]bool, columns*rows)
	mean := means(x, in)
	covered := slices.Clone(x)
	order := coarseToFine(columns, rows)
	tell := func(done int) error {
		if opts.Progress == nil {
			return nil
		}
		soFar := found
		var err error
		if soFar.Values, err = explain.Normalise(spread(drops, known, columns, rows)); err == nil {
			opts.Progress(done, len(order)+1, soFar)
		}
		return err
	}
	if err := tell(1); err != nil {
		return Heatmap{}, fmt.Errorf("explain: %w", err)
	}
	for done, cell := range order {
		if err := ctx.Err(); err != nil {
			return Heatmap{}, err
		}
		left, right := patch(cell%columns, columns, in.Width)
		top, bottom := patch(cell/columns, rows, in.Height)
		fill := func(from func(at, channel int) float32) {
			for y := top; y < bottom; y++ {
				for x := left; x < right; x++ {
					for c := range 3 {
						at := c*in.Width*in.Height + y*in.Width + x
						if in.Layout == preprocess.NHWC {
							at = (y*in.Width+x)*3 + c
						}
						covered[at] = from(at, c)
					}
				}
			}
		}
		fill(func(_, c int) float32 { return mean[c] })
		got, err := score(covered)
		if err != nil {
			return Heatmap{}, err
		}
		fill(func(at, _ int) float32 { return x[at] })
		drops[cell], known[cell] = float64(base[class])-float64(got[class]), true
		if err := tell(done + 2); err != nil {
			return Heatmap{}, fmt.Errorf("explain: %w", err)
		}
	}
	if found.Values, err = explain.Normalise(drops); err != nil {
		return Heatmap{}, fmt.Errorf("explain: %w", err)
	}
	return found, nil
}

// patch is what is covered for one of n cells along a side, in pixels: the cell
// and half a cell on either side.
func patch(cell, n, side int) (from, to int) {
	return max(0, (2*cell-1)*side/(2*n)), min(side, (2*cell+3)*side/(2*n))
}

// means are the mean values of the channels.
func means(x []float32, in preprocess.Spec) [3]float32 {
	var sum [3]float64
	for i, v := range x {
		c := i / (in.Width * in.Height)
		if in.Layout == preprocess.NHWC {
			c = i % 3
		}
		sum[c] += float64(v)
	}
	var mean [3]float32
	for c := range mean {
		mean[c] = float32(sum[c] / float64(in.Width*in.Height))
	}
	return mean
}

// level is the coarsest grid, of a spacing of 1<<level, that a cell is on.
func level(column, row int) int {
	return min(bits.TrailingZeros(uint(column)), bits.TrailingZeros(uint(row)), bits.Len(MaxCells))
}

// coarseToFine lists the cells so that those of coarse grids come first.
func coarseToFine(columns, rows int) []int {
	cells := make([]int, columns*rows)
	for i := range cells {
		cells[i] = i
	}
	slices.SortStableFunc(cells, func(a, b int) int {
		return level(b%columns, b/columns) - level(a%columns, a/columns)
	})
	return cells
}

// spread gives cells that are not known yet the value of the next coarser cell.
func spread(values []float64, known []bool, columns, rows int) []float64 {
	out := slices.Clone(values)
	for row := range rows {
		for column := range columns {
			for coarse := 0; coarse <= bits.Len(MaxCells); coarse++ {
				from := row>>coarse<<coarse*columns + column>>coarse<<coarse
				if known[from] {
					out[row*columns+column] = values[from]
					break
				}
			}
		}
	}
	return out
}
