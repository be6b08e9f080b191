// Package conformance is the test suite that every backend passes: each operator
// alone against values worked out by hand, the operator tests that ship with
// onnx-go, and those of the ONNX project (Debian's libonnx-testdata). RandomGraph
// makes graphs for comparing backends with each other.
package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"hamster/model/conformance/onnxbuild"
	"hamster/model/graph"
	"hamster/model/onnxfile"
)

// Runner is a compiled graph. Run takes one slice an input and returns one an
// output, row-major.
type Runner interface {
	Run(ctx context.Context, inputs [][]float32) ([][]float32, error)
	Close() error
}

// Compile is a backend.
type Compile func(ctx context.Context, g *graph.Graph) (Runner, error)

// An Option says what a backend does not set out to do.
type Option func(*suite)

// ConstantWeights leaves out the cases in which weights and the like come from
// outside the model.
func ConstantWeights(s *suite) { s.constantWeights = true }

// MaxPoolSkipsNaN leaves out the case of a NaN among what a maximum is taken of,
// of which ONNX says nothing.
func MaxPoolSkipsNaN(s *suite) { s.maxPoolSkipsNaN = true }

type suite struct {
	compile         Compile
	constantWeights bool
	maxPoolSkipsNaN bool
}

// Run runs the whole suite.
func Run(t *testing.T, compile Compile, options ...Option) {
	s := &suite{compile: compile}
	for _, o := range options {
		o(s)
	}
	t.Run("operators", s.operators)
	t.Run("onnx-go", s.onnxGo)
	t.Run("libonnx-testdata", s.testdata)
}

// Import reads a model from memory.
func Import(model []byte) (*graph.Graph, error) {
	f, err := onnxfile.Parse(bytes.NewReader(model), int64(len(model)))
	if err != nil {
		return nil, err
	}
	return graph.Import(f, nil)
}

// example is a model with an input and the output it must give.
type example struct {
	model []byte
	// inputs are those of the model, in its order. From the first constant one on
	// they may be given as initializers.
	inputs  []*onnxfile.Tensor
	outputs []*onnxfile.Tensor
	// runtime is how many of the inputs, counted from the first, may be given when
	// the model runs; the others are constants by the nature of the operator.
	runtime int
	// relative and absolute bound the error: |got − want| ≤ absolute + relative·|want|.
	relative, absolute float64
}

// errMismatch is wrapped by errors that tell wrong results from refusals.
var errMismatch = errors.New("wrong result")

// check runs the example with its weights constant, and with all that may be
// given at run time. It returns the error of the backend that refuses it.
func (s *suite) check(e example) error {
	variants := []int{min(1, e.runtime)}
	if e.runtime > 1 && !s.constantWeights {
		variants = append(variants, e.runtime)
	}
	for _, runtime := range variants {
		if err := s.run(e, runtime); err != nil {
			return fmt.Errorf("with %d of %d inputs given at run time: %w", runtime, len(e.inputs), err)
		}
	}
	return nil
}

func (s *suite) run(e example, runtime int) error {
	model, err := onnxbuild.WithInitializers(e.model, e.inputs[runtime:]...)
	if err != nil {
		return err
	}
	if runtime == 0 {
		// A model needs an input: add 0 to its result.
		if model, err = onnxbuild.WithAddend(model); err != nil {
			return err
		}
	}
	g, err := Import(model)
	if err != nil {
		return err
	}
	ctx := context.Background()
	p, err := s.compile(ctx, g)
	if err != nil {
		return err
	}
	defer p.Close()
	inputs := make([][]float32, runtime)
	for i, in := range e.inputs[:runtime] {
		if inputs[i], err = onnxfile.Float32s(in.DType, in.Data); err != nil {
			return err
		}
	}
	if runtime == 0 {
		inputs = [][]float32{{0}}
	}
	before := cloneAll(inputs)
	// Twice, since memory is used again.
	for range 2 {
		got, err := p.Run(ctx, inputs)
		if err != nil {
			return err
		}
		if len(got) != len(e.outputs) {
			return fmt.Errorf("%w: %d outputs, want %d", errMismatch, len(got), len(e.outputs))
		}
		for i, want := range e.outputs {
			if !slices.Equal(g.Outputs[i].Shape, want.Shape) {
				return fmt.Errorf("%w: output %d is %s, want %s", errMismatch, i, g.Outputs[i].Dims(), graph.Dims(want.Shape))
			}
			values, err := onnxfile.Float32s(want.DType, want.Data)
			if err != nil {
				return err
			}
			if err := e.compare(got[i], values); err != nil {
				return fmt.Errorf("%w: output %d: %w", errMismatch, i, err)
			}
		}
	}
	for i, in := range inputs {
		if !slices.EqualFunc(in, before[i], same) {
			return fmt.Errorf("%w: input %d was overwritten", errMismatch, i)
		}
	}
	return nil
}

func (e example) compare(got, want []float32) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d elements, want %d", len(got), len(want))
	}
	for i, w := range want {
		g := got[i]
		if same(g, w) {
			continue
		}
		if d := math.Abs(float64(g) - float64(w)); !(d <= e.absolute+e.relative*math.Abs(float64(w))) || math.IsInf(float64(w), 0) {
			return fmt.Errorf("element %d of %d is %v, want %v\ngot  %s\nwant %s", i, len(want), g, w, short(got), short(want))
		}
	}
	return nil
}

// same is equality that takes NaN for equal to NaN.
func same(a, b float32) bool { return a == b || a != a && b != b }

func short(x []float32) string {
	const most = 24
	if len(x) > most {
		return fmt.Sprint(x[:most]) + "…"
	}
	return fmt.Sprint(x)
}

func cloneAll(all [][]float32) [][]float32 {
	out := make([][]float32, len(all))
	for i, x := range all {
		out[i] = slices.Clone(x)
	}
	return out
}
