// Package model turns an ONNX file into predictions.
//
//	m, err := model.Load(ctx, src, model.Options{})
//	pixels, err := preprocess.Tensor(img, m.Spec().Input, "")
//	predictions, err := m.Classify(ctx, model.Tensor{Shape: m.InputShape(), Data: pixels})
//
// Load reads the container (onnxfile), imports the graph through onnx-go
// (graph) and compiles it for a backend.
package model

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"hamster/model/explain"
	"hamster/model/graph"
	"hamster/model/onnxfile"
	"hamster/model/simd"
)

// Tensor is a dense row-major tensor.
type Tensor struct {
	Shape []int
	Data  []float32
}

// Source is a model file. *bytes.Reader is one; so is what Open returns, which
// finds external data too (see onnxfile.Folder). It must stay readable until
// Load returns.
type Source interface {
	io.ReaderAt
	Size() int64
}

// Options of Load. The zero value asks for the best backend there is.
type Options struct {
	// Backend is "", "auto", or one of Backends.
	Backend string
	// Labels replace those of the model's metadata; one for each output.
	Labels []Label

	// The rest is for the backend "simd"; package simd says more.

	// Threads to run; 0 means as many as the host can give.
	Threads int
	// ThreadURL is the script of a thread's worker, in a browser.
	ThreadURL string
	// NoRelaxed and NoWinograd leave out what makes results differ in their last
	// bits from the plain sum of products.
	NoRelaxed, NoWinograd bool

	// Snapshot is that of the same model, loaded before by the same program: whoever
	// keeps it must see to that. Where it does not fit, Load takes the long way.
	Snapshot []byte
	// Remember makes Model.Snapshot give one where Load took the long way.
	Remember bool

	// keep is the value that the engine keeps for Explain.
	keep *graph.Value
}

// Prediction is one class and its probability, 0…1.
type Prediction struct {
	Index int     `json:"index"`
	ID    string  `json:"id"`
	Label string  `json:"label"`
	Score float32 `json:"score"`
}

// engine runs a compiled graph: one slice for each input and output of the
// graph, row-major. The outputs are the caller's to keep. Model lets in one call
// at a time, and none after Close.
type engine interface {
	Run(ctx context.Context, inputs [][]float32) ([][]float32, error)
	// Kept returns what the last run computed for Options.keep.
	Kept() ([]float32, error)
	Close() error
}

// Model is a loaded classifier. Its methods may be called from several
// goroutines; runs follow one another.
type Model struct {
	turn    chan struct{} // holds one token: whoever has it may use engine
	spec    Spec
	labels  []Label
	input   []int
	output  []int
	backend string
	engine  engine
	// explains tells whether the network has a head; head gives it, or why there is none.
	explains bool
	head     func() (*explain.Head, error)
	last     lastRun
	report   *Report
	packing  time.Duration
	// practice compiles the model again; nil where that is of no use.
	practice  func(context.Context) error
	practised int
	snapshot  []byte
	resumed   bool
}

// ErrClosed is returned by a model that has been closed.
var ErrClosed = errors.New("the model is closed")

// Load reads and compiles a model that takes one image, float32 of 1×3×H×W or
// 1×H×W×3, and whose first output has one score for each class. Errors wrap
// onnxfile.ErrNotONNX where the file is none, and *graph.UnsupportedError where
// it needs an operator that is not supported; both name what they are about.
func Load(ctx context.Context, src Source, opts Options) (*Model, error) {
	if opts.Snapshot != nil && opts.wants("simd") {
		if m, err := resume(ctx, src, opts); err == nil {
			return m, nil
		}
	}
	g, f, err := read(src, opts.Remember)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m, err := describe(g, f, opts)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	m.findHead(g, &opts)
	excerpt := f
	if opts.Remember {
		excerpt = f.Excerpt() // the compiler reads much that no head needs
	}
	if m.engine, m.backend, err = compile(ctx, g, opts); err != nil {
		return nil, err
	}
	m.reportLoaded(g, f, src.Size())
	if e, ok := m.engine.(*simd.Engine); ok {
		options, blank := e.Compiled().Options, g.Blank()
		m.packing = e.Packing()
		m.practice = func(ctx context.Context) error {
			_, err := simd.Compile(ctx, blank, options)
			return err
		}
	}
	if opts.Remember {
		m.takeSnapshot(f, excerpt, src.Size())
	}
	return m, nil
}

// wants tells whether a backend of that name would be tried first.
func (o Options) wants(backend string) bool {
	return o.Backend == "" || o.Backend == "auto" || o.Backend == backend
}

// Packing is the part of Load in which weights came and were laid out for the engine; 0 for
// Gorgonia, which reads them with the model.
func (m *Model) Packing() time.Duration { return m.packing }

// practices is how often a model may be compiled for practice: then a browser has
// seen enough.
const practices = 12

// Practise compiles the model once more, for nothing but the practice, and tells
// whether to go on: browsers optimise what runs often, and keep the optimised
// program for the next visit once there is enough of it. Two or three times
// a second, while nothing else is to be done, disturb nobody.
func (m *Model) Practise(ctx context.Context) (more bool, err error) {
	if err := m.begin(ctx); err != nil {
		return false, err
	}
	defer m.end()
	if m.practice == nil || m.practised == practices {
		m.practice = nil
		return false, nil
	}
	m.practised++
	if err := m.practice(ctx); err != nil {
		m.practice = nil
		return false, fmt.Errorf("model: practise: %w", err)
	}
	return m.practised < practices, nil
}

// Import reads the canonical graph of a model, which need be no classifier, and the
// container that it came in. Sizes of the input that the file leaves open are those of
// its metadata. Errors are those of Load; src must stay readable as long as the
// weights are read.
func Import(src Source) (*graph.Graph, *onnxfile.File, error) { return read(src, false) }

// read is Import; the file may remember what the graph reads of it.
func read(src Source, remember bool) (*graph.Graph, *onnxfile.File, error) {
	f, err := onnxfile.Parse(src, src.Size())
	if err != nil {
		return nil, nil, fmt.Errorf("model: %w", err)
	}
	if remember {
		f.RememberReads()
	}
	g, err := importFile(f)
	if err != nil {
		return nil, nil, fmt.Errorf("model: %w", err)
	}
	return g, f, nil
}

// importFile gives the graph the sizes that only the metadata know.
func importFile(f *onnxfile.File) (*graph.Graph, error) {
	dims, err := inputDims(f)
	if err != nil {
		return nil, err
	}
	return graph.Import(f, dims)
}

// Describe is what Load would say of a model, without compiling it for a backend:
// its errors are those of Load.
func Describe(src Source) (Spec, []Label, error) {
	g, f, err := Import(src)
	if err != nil {
		return Spec{}, nil, err
	}
	m, err := describe(g, f, Options{})
	if err != nil {
		return Spec{}, nil, fmt.Errorf("model: %w", err)
	}
	return m.spec, m.labels, nil
}

// describe checks that g is a classifier of images, before anything costly.
func describe(g *graph.Graph, f *onnxfile.File, opts Options) (*Model, error) {
	if len(g.Inputs) != 1 {
		return nil, fmt.Errorf("%d inputs where a classifier has one", len(g.Inputs))
	}
	in, out := g.Inputs[0], g.Outputs[0]
	spec, err := specOf(f.Metadata, in.Shape)
	if err != nil {
		return nil, err
	}
	classes := out.Len()
	if out.DType != onnxfile.Float32 || len(out.Shape) < 2 || out.Shape[0] != 1 || classes != slices.Max(out.Shape) {
		return nil, fmt.Errorf("output %q is %s %s: a classifier gives one score for each class (1×N)", out.Name, out.DType, out.Dims())
	}
	labels, err := labelsOf(f.Metadata, opts.Labels, classes)
	if err != nil {
		return nil, err
	}
	if _, said := f.Metadata[KeyOutput]; !said {
		spec.Logits = !isProbability(out)
	}
	return newModel(spec, labels, in.Shape, out.Shape), nil
}

// newModel makes a model that has no engine yet.
func newModel(spec Spec, labels []Label, input, output []int) *Model {
	turn := make(chan struct{}, 1)
	turn <- struct{}{}
	return &Model{turn: turn, spec: spec, labels: labels, input: input, output: output}
}

// isProbability tells by the last operator whether scores need a softmax yet.
func isProbability(v *graph.Value) bool {
	for n := v.Producer; n != nil; n = n.Inputs[0].Producer {
		switch n.Op {
		case "Softmax", "Sigmoid":
			return true
		case "Identity", "Reshape", "Transpose":
		default:
			return false
		}
		if n.Inputs[0] == nil {
			return false
		}
	}
	return false
}

// Spec is what the model says of itself.
func (m *Model) Spec() Spec { return m.spec }

// Labels are the classes in the order of the model's outputs.
func (m *Model) Labels() []Label { return slices.Clone(m.labels) }

// InputShape is the shape of the tensor that Classify takes.
func (m *Model) InputShape() []int { return slices.Clone(m.input) }

// Backend says what runs the model, as in "simd, 2 threads, relaxed".
func (m *Model) Backend() string { return m.backend }

// Run returns the first output for x, as the model computes it. It waits for
// runs that came before, and returns ctx's error where ctx ends first; ErrClosed
// after Close; simd.ErrBroken from a run on in which the engine broke down, after
// which the model must be loaded anew.
func (m *Model) Run(ctx context.Context, x Tensor) (Tensor, error) {
	if !slices.Equal(x.Shape, m.input) {
		return Tensor{}, fmt.Errorf("input of %s where the model takes %s", graph.Dims(x.Shape), graph.Dims(m.input))
	}
	if len(x.Data) != graph.Elements(m.input) {
		return Tensor{}, fmt.Errorf("%d numbers where %s takes %d", len(x.Data), graph.Dims(m.input), graph.Elements(m.input))
	}
	if err := m.begin(ctx); err != nil {
		return Tensor{}, err
	}
	defer m.end()
	m.last = lastRun{}
	out, err := m.engine.Run(ctx, [][]float32{x.Data})
	if err != nil {
		return Tensor{}, fmt.Errorf("run: %w", err)
	}
	m.last = lastRun{slices.Clone(out[0]), whole}
	return Tensor{Shape: slices.Clone(m.output), Data: out[0]}, nil
}

// begin waits for the model to be free; end frees it.
func (m *Model) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-m.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	if m.engine == nil {
		m.end()
		return ErrClosed
	}
	return nil
}

func (m *Model) end() { m.turn <- struct{}{} }

// Classify returns every class with its probability, the likeliest first; equal
// ones in the order of their index. x has InputShape and is scaled as
// Spec().Input says, which preprocess.Tensor does.
func (m *Model) Classify(ctx context.Context, x Tensor) ([]Prediction, error) {
	y, err := m.Run(ctx, x)
	if err != nil {
		return nil, err
	}
	return m.predictions(y.Data)
}

// predictions makes a list of the model's scores, the best first.
func (m *Model) predictions(scores []float32) ([]Prediction, error) {
	if m.spec.Logits {
		scores = softmax(scores)
	}
	preds := make([]Prediction, len(scores))
	for i, s := range scores {
		if math.IsNaN(float64(s)) {
			return nil, fmt.Errorf("the model gave no number for class %d (%s)", i, m.labels[i].Name)
		}
		preds[i] = Prediction{Index: i, ID: m.labels[i].ID, Label: m.labels[i].Name, Score: s}
	}
	slices.SortStableFunc(preds, func(a, b Prediction) int {
		switch {
		case a.Score > b.Score:
			return -1
		case a.Score < b.Score:
			return 1
		}
		return 0
	})
	return preds, nil
}

func softmax(x []float32) []float32 {
	top, sum := slices.Max(x), 0.0
	out := make([]float32, len(x))
	for i, v := range x {
		e := math.Exp(float64(v - top))
		out[i] = float32(e)
		sum += e
	}
	for i := range out {
		out[i] = float32(float64(out[i]) / sum)
	}
	return out
}

// Close frees what the engine holds, after the run at hand. A second Close does
// nothing.
func (m *Model) Close() error {
	<-m.turn
	defer m.end()
	if m.engine == nil {
		return nil
	}
	err := m.engine.Close()
	m.engine = nil
	return err
}
