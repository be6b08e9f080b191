package conformance

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/owulveryck/onnx-go/backend/testbackend"
	// Registers onnx-go's tests.
	_ "github.com/owulveryck/onnx-go/backend/testbackend/onnx"
	"gorgonia.org/tensor"

	"hamster/model/conformance/onnxbuild"
	"hamster/model/graph"
	"hamster/model/onnxfile"
)

// testdataRoot is where Debian's libonnx-testdata lies.
const testdataRoot = "/usr/share/libonnx-testdata/data"

// At least so many of the tests must run, lest a change of names or of the
// package leave the suite empty.
const (
	leastTestdata = 214
	leastOnnxGo   = 112
)

// excluded are tests of our operators that ask for what Hamster does not set out
// to do: a pattern of names, and a part of the error that must say so. A test
// that is excluded and yet passes fails the suite.
var excluded = []struct{ name, why string }{
	// Two spatial dimensions, as images have.
	{"*/test_*pool_1d_*", "rank 4"},
	{"*/test_*pool_3d_*", "rank 4"},
	{"*/test_MaxPool1d*", "rank 4"},
	{"*/test_*Pool3d*", "rank 4"},
	{"*/test_Conv1d*", "rank 4"},
	{"*/test_Conv3d*", "rank 4"},
	{"*/test_operator_maxpool", "rank 4"},
	{"Test*pool1d*", "rank 4"},
	{"Test*pool3d*", "rank 4"},
	// Inference has one output.
	{"*/test_batchnorm_*_training_mode", "output 1"},
	{"*/test_maxpool_with_argmax_*", "output 1"},
	{"TestMaxpoolWithArgmax*", "output 1"},
	// No image model asks for these forms.
	{"*/test_matmul_[34]d", "is not supported"},
	{"TestMatmul[34]d", "is not supported"},
	{"*/test_gather_*", "lists of integers only"},
	{"*/test_Embedding*", "lists of integers only"},
	{"TestGather[01]", "lists of integers only"},
	{"*/test_slice_neg_steps", "step -1 is not supported"},
	{"TestSliceNegSteps", "step -1 is not supported"},
	{"*/test_Refle*Pad2d", `mode "reflect" is not supported`},
	{"*/test_Repli*Pad2d", `mode "edge" is not supported`},
	{"*/test_operator_pad", `mode "reflect" is not supported`},
	{"TestReflectPad", `mode "reflect" is not supported`},
	{"TestEdgePad", `mode "edge" is not supported`},
	{"*/test_operator_non_float_params", "integer arithmetic"},
	// Nothing to compute, or nothing to compute with.
	{"*/test_constant", "no nodes"},
	{"TestConstant", "no nodes"},
	{"*/test_reshape_allowzero_reordered", "empty"},
	{"*/test_slice_start_out_of_bounds", "empty"},
	// onnx-go gives these tests' integers as floats.
	{"TestSliceEndOutOfBounds", "does not fit in int64"},
	{"TestSliceNeg", "does not fit in int64"},
}

// testdata runs the ONNX project's own tests of our operators.
func (s *suite) testdata(t *testing.T) {
	if _, err := os.Stat(testdataRoot); err != nil {
		const hint = "the ONNX project's tests are missing: apt-get install libonnx-testdata"
		if os.Getenv("CI") == "true" {
			t.Fatal(hint)
		}
		t.Skip(hint)
	}
	models, err := filepath.Glob(testdataRoot + "/*/*/model.onnx")
	if err != nil {
		t.Fatal(err)
	}
	c := counter{suite: s, untried: map[string]bool{}}
	for _, file := range models {
		model, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Dir(file)
		sets, err := filepath.Glob(dir + "/test_data_set_*")
		if err != nil {
			t.Fatal(err)
		}
		for _, set := range sets {
			name := filepath.Base(filepath.Dir(dir)) + "/" + filepath.Base(dir)
			c.check(t, name, model, func() (in, out []*onnxfile.Tensor, err error) {
				if in, err = readTensors(set, "input"); err != nil {
					return nil, nil, err
				}
				out, err = readTensors(set, "output")
				return in, out, err
			})
		}
	}
	c.report(t, leastTestdata)
	for op := range c.untried {
		t.Errorf("operator %s is known to the graph, but not in the tables", op)
	}
}

func readTensors(dir, kind string) ([]*onnxfile.Tensor, error) {
	var all []*onnxfile.Tensor
	for i := 0; ; i++ {
		b, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%s_%d.pb", kind, i)))
		if errors.Is(err, fs.ErrNotExist) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		t, err := onnxbuild.ParseTensor(b)
		if err != nil {
			return nil, fmt.Errorf("%s_%d.pb: %w", kind, i, err)
		}
		all = append(all, t)
	}
}

// onnxGo runs the tests that ship with onnx-go, of older operator sets.
func (s *suite) onnxGo(t *testing.T) {
	c := counter{suite: s}
	for _, construct := range testbackend.GetAllRegisteredTests() {
		test := construct()
		c.check(t, test.Title, test.ModelB, func() (in, out []*onnxfile.Tensor, err error) {
			for _, x := range test.Input {
				in = append(in, denseTensor(x))
			}
			for _, x := range test.ExpectedOutput {
				out = append(out, denseTensor(x))
			}
			return in, out, nil
		})
	}
	c.report(t, leastOnnxGo)
}

func denseTensor(x tensor.Tensor) *onnxfile.Tensor {
	shape := slices.Clone([]int(x.Shape()))
	switch data := x.Data().(type) {
	case []float32:
		return onnxfile.Float32Tensor("", shape, data)
	case []int64:
		return onnxfile.Int64Tensor("", shape, data)
	case float32:
		return onnxfile.Float32Tensor("", shape, []float32{data})
	case int64:
		return onnxfile.Int64Tensor("", shape, []int64{data})
	}
	return nil
}

// counter runs tests from elsewhere and counts them.
type counter struct {
	*suite
	ran, otherOperators, otherTypes, excluded int
	// untried are operators that the graph knows and the tables do not.
	untried map[string]bool
}

type load func() (in, out []*onnxfile.Tensor, err error)

func (c *counter) check(t *testing.T, name string, model []byte, load load) {
	f, err := onnxfile.Parse(bytes.NewReader(model), int64(len(model)))
	if err == nil {
		_, err = graph.Import(f, nil)
		for _, n := range f.Nodes {
			if c.untried != nil && graph.Known(n) && !tabled(n.Op) {
				c.untried[n.Op] = true
			}
		}
	}
	if unsupported := (*graph.UnsupportedError)(nil); errors.As(err, &unsupported) {
		c.otherOperators++
		return
	}
	if err != nil && strings.Contains(err.Error(), "is no tensor") || f != nil && otherTypes(f) {
		c.otherTypes++
		return
	}
	in, out, err := load()
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	t.Run(name, func(t *testing.T) {
		e := example{model: model, inputs: in, outputs: out, relative: 1e-4, absolute: 1e-5}
		err := e.name()
		if err == nil {
			err = c.suite.check(e)
		}
		for _, x := range excluded {
			if ok, _ := path.Match(x.name, name); !ok {
				continue
			}
			if err == nil || !strings.Contains(err.Error(), x.why) {
				t.Errorf("is excluded since %q, but gives: %v", x.why, err)
			}
			c.excluded++
			return
		}
		if err != nil {
			t.Error(err)
		}
		c.ran++
	})
}

// otherTypes says whether a model computes with other types than float32, and the
// int64 of shapes.
func otherTypes(f *onnxfile.File) bool {
	other := func(v onnxfile.ValueInfo) bool {
		return v.DType != onnxfile.Float32 && v.DType != onnxfile.Int64
	}
	if slices.ContainsFunc(f.Nodes, func(n onnxfile.NodeInfo) bool { return n.Op == "DequantizeLinear" }) {
		return slices.ContainsFunc(f.Outputs, other)
	}
	return slices.ContainsFunc(f.Inputs, other) || slices.ContainsFunc(f.Outputs, other)
}

// name gives the inputs their names, and counts those that may be given at run
// time: the leading ones of floats, where the operator reads its parameters from
// the rest.
func (e *example) name() error {
	f, err := onnxfile.Parse(bytes.NewReader(e.model), int64(len(e.model)))
	if err != nil {
		return err
	}
	if len(f.Inputs) != len(e.inputs) {
		return fmt.Errorf("%d inputs given, the model has %d", len(e.inputs), len(f.Inputs))
	}
	parameters := slices.ContainsFunc(f.Nodes, func(n onnxfile.NodeInfo) bool {
		return slices.Contains([]string{"Clip", "Dropout", "Pad"}, n.Op)
	})
	for i, in := range e.inputs {
		in.Name = f.Inputs[i].Name
		if e.runtime == i && in.DType == onnxfile.Float32 && !(parameters && i > 0) {
			e.runtime++
		}
	}
	return nil
}

func (c *counter) report(t *testing.T, least int) {
	t.Logf("%d tests ran, %d are excluded; %d are of other operators, %d of other element types",
		c.ran, c.excluded, c.otherOperators, c.otherTypes)
	if c.ran < least {
		t.Errorf("%d tests ran, want at least %d", c.ran, least)
	}
}
