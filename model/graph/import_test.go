package graph_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"hamster/model/conformance/onnxbuild"
	"hamster/model/graph"
	"hamster/model/onnxfile"
)

type (
	attrs   = onnxbuild.Attrs
	node    = onnxbuild.Node
	value   = onnxbuild.Value
	tensors = []*onnxfile.Tensor
)

func parse(t testing.TB, b []byte) *onnxfile.File {
	t.Helper()
	f, err := onnxfile.Parse(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatalf("the container is refused: %v", err)
	}
	return f
}

func importModel(t testing.TB, b []byte, dims map[string][]int) (*graph.Graph, error) {
	t.Helper()
	return graph.Import(parse(t, b), dims)
}

// mustImport imports a model of opset 13 that reads x and computes y.
func mustImport(t testing.TB, x []int, consts tensors, nodes ...node) *graph.Graph {
	t.Helper()
	g, err := importModel(t, model(13, x, consts, nodes...).Bytes(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func model(opset int, x []int, consts tensors, nodes ...node) *onnxbuild.Model {
	return &onnxbuild.Model{
		Opset: opset, Inputs: []value{{Name: "x", Shape: x}}, Outputs: []value{{Name: "y"}},
		Tensors: consts, Nodes: nodes,
	}
}

// op is a node whose name is its operator in small letters. Inputs and outputs
// are separated by spaces; `_` is one left out.
func op(name, inputs, outputs string, a attrs) node {
	split := func(s string) []string {
		list := strings.Fields(s)
		for i, v := range list {
			if v == "_" {
				list[i] = ""
			}
		}
		return list
	}
	return node{Name: strings.ToLower(name), Op: name, Inputs: split(inputs), Outputs: split(outputs), Attrs: a}
}

// zeros is a float32 constant.
func zeros(name string, shape ...int) *onnxfile.Tensor {
	return onnxbuild.Floats(name, shape, make([]float32, graph.Elements(shape))...)
}

// ints is a list of int64.
func ints(name string, data ...int64) *onnxfile.Tensor {
	return onnxbuild.Ints(name, []int{len(data)}, data...)
}

// text is Graph.Write without what the test has put in itself.
func text(t testing.TB, g *graph.Graph) string {
	t.Helper()
	var b strings.Builder
	if err := g.Write(&b); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(b.String()) {
		if !strings.HasPrefix(line, "input ") && !strings.HasPrefix(line, "output ") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return strings.Join(lines, "\n")
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, p := range parts {
		if strings.Count(err.Error(), p) != 1 {
			t.Errorf("error %q does not say %q once", err, p)
		}
	}
}

func TestAGraphIsWrittenAsText(t *testing.T) {
	g := mustImport(t, []int{-1, 3, 4, 4}, tensors{zeros("w", 2, 3, 3, 3)},
		op("Conv", "x w", "a", attrs{"pads": []int{1, 1, 1, 1}}),
		op("Clip", "a", "b", attrs{"max": float32(6)}),
		op("Softmax", "b", "y", attrs{"axis": 1}))
	var b strings.Builder
	if err := g.Write(&b); err != nil {
		t.Fatal(err)
	}
	want := `input x: float32 1×3×4×4
a[1×2×4×4] = Conv(x, w) pads=[1 1 1 1]
b[1×2×4×4] = Clip(a) max=6
y[1×2×4×4] = Softmax(b) axis=1
output y: float32 1×2×4×4
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

func TestAnOperandMayBeReadTwice(t *testing.T) {
	g := mustImport(t, []int{1, 4}, nil, op("Add", "x x", "y", nil))
	n := g.Nodes[0]
	if len(n.Inputs) != 2 || n.Inputs[0] != g.Inputs[0] || n.Inputs[1] != g.Inputs[0] {
		t.Errorf("the node is %s", n.Line())
	}
}

func TestOperandsKeepTheirPlaces(t *testing.T) {
	g := mustImport(t, []int{1, 4}, tensors{zeros("a", 4), zeros("b", 4)},
		op("Sub", "a x", "c", nil), op("Sub", "x b", "d", nil), op("Sub", "d c", "y", nil))
	want := "c[1×4] = Sub(a, x)\nd[1×4] = Sub(x, b)\ny[1×4] = Sub(d, c)"
	if got := text(t, g); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestOptionalInputsMayBeLeftOut(t *testing.T) {
	g := mustImport(t, []int{1, 4}, tensors{onnxbuild.Floats("hi", nil, 6)}, op("Clip", "x _ hi", "y", nil))
	if got, want := text(t, g), "y[1×4] = Clip(x) max=6"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestUnreadOptionalOutputsAreDropped(t *testing.T) {
	for _, c := range []struct {
		name string
		node node
		want string
	}{
		{"Dropout", op("Dropout", "x", "y mask", nil), "y[1×1×4×4] = Identity(x)"},
		{"MaxPool", op("MaxPool", "x", "y at", attrs{"kernel_shape": []int{2, 2}}), "y[1×1×3×3] = MaxPool(x) kernel_shape=[2 2]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := text(t, mustImport(t, []int{1, 1, 4, 4}, nil, c.node)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
	m := model(13, []int{1, 1, 4, 4}, nil, op("MaxPool", "x", "a at", attrs{"kernel_shape": []int{2, 2}}), op("Relu", "at", "y", nil))
	_, err := importModel(t, m.Bytes(), nil)
	wantError(t, err, "maxpool (MaxPool): ", `output 1 ("at") is not supported`)
}

func TestSeveralInputsAndOutputsKeepTheirOrder(t *testing.T) {
	m := &onnxbuild.Model{
		Opset:   13,
		Inputs:  []value{{Name: "b", Shape: []int{1, 2}}, {Name: "a", Shape: []int{1, 2}}},
		Outputs: []value{{Name: "d"}, {Name: "c"}, {Name: "a"}, {Name: "k"}},
		Tensors: tensors{zeros("k", 3)},
		Nodes:   []node{op("Add", "a b", "c", nil), op("Relu", "c", "d", nil)},
	}
	g, err := importModel(t, m.Bytes(), nil)
	if err != nil {
		t.Fatal(err)
	}
	names := func(vs []*graph.Value) (s string) {
		for _, v := range vs {
			s += v.Name
		}
		return s
	}
	if got := names(g.Inputs) + ">" + names(g.Outputs); got != "ba>dcak" {
		t.Errorf("inputs and outputs %s", got)
	}
	if g.Outputs[2] != g.Inputs[1] || g.Outputs[3].Const == nil {
		t.Error("an output that is an input or a constant is another value")
	}
}

func TestUnknownOperatorsAreNamedWithTheirNode(t *testing.T) {
	for _, c := range []struct {
		name string
		node node
		want graph.UnsupportedError
		text string
	}{
		{"of ONNX", op("Einsum", "x", "y", nil), graph.UnsupportedError{Node: "einsum", Op: "Einsum", Opset: 13},
			"einsum (Einsum): operator Einsum of ai.onnx 13 is not supported"},
		{"of another domain", node{Name: "f", Op: "Relu", Domain: "com.example", Inputs: []string{"x"}, Outputs: []string{"y"}},
			graph.UnsupportedError{Node: "f", Op: "Relu", Domain: "com.example"}, "f (Relu): operator Relu of com.example is not supported"},
		{"without a name", node{Op: "Einsum", Inputs: []string{"x"}, Outputs: []string{"y"}},
			graph.UnsupportedError{Node: "Einsum_1", Op: "Einsum", Opset: 13}, "Einsum_1 (Einsum): operator"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := importModel(t, model(13, []int{1}, nil, op("Relu", "x", "a", nil), c.node).Bytes(), nil)
			var u *graph.UnsupportedError
			if !errors.As(err, &u) || *u != c.want {
				t.Fatalf("error %#v, want %#v", err, c.want)
			}
			wantError(t, err, c.text)
		})
	}
}

func TestBrokenGraphsAreRefused(t *testing.T) {
	relu := op("Relu", "x", "y", nil)
	for name, c := range map[string]struct {
		nodes []node
		want  string
	}{
		"a value nobody computes": {[]node{op("Add", "x ghost", "y", nil)}, `add (Add): value "ghost" is no input, no constant, and no node before computes it`},
		"a cycle":                 {[]node{op("Add", "x b", "a", nil), op("Relu", "a", "b", nil), op("Tanh", "b", "y", nil)}, `add (Add): value "b" is no input`},
		"its own input":           {[]node{op("Add", "x y", "y", nil)}, `add (Add): value "y" is no input`},
		"out of order":            {[]node{op("Tanh", "a", "y", nil), op("Relu", "x", "a", nil)}, `tanh (Tanh): value "a" is no input`},
		"an output nobody makes":  {[]node{op("Relu", "x", "z", nil)}, `output: value "y" is no input`},
		"computed twice":          {[]node{relu, op("Tanh", "x", "y", nil)}, `tanh (Tanh): value "y" is there already`},
		"twice by one node":       {[]node{op("Dropout", "x", "y y", nil)}, `dropout (Dropout): value "y" is there already`},
		"an input overwritten":    {[]node{op("Relu", "x", "x", nil), op("Tanh", "x", "y", nil)}, `relu (Relu): value "x" is there already`},
		"a constant overwritten":  {[]node{op("Relu", "x", "k", nil), relu}, `relu (Relu): value "k" is there already`},
		"without inputs":          {[]node{op("Relu", "", "y", nil)}, "relu (Relu): has no input"},
		"an input left out":       {[]node{op("Relu", "_", "y", nil)}, "relu (Relu): input 0 is missing"},
		"without outputs":         {[]node{op("Relu", "x", "", nil), op("Tanh", "x", "y", nil)}, "relu (Relu): has no output"},
		"first output left out":   {[]node{op("Dropout", "x", "_ m", nil), relu}, "dropout (Dropout): has no output"},
		"an attribute of a graph": {[]node{op("Relu", "x", "y", attrs{"body": zeros("t")})}, "relu (Relu): attribute body holds a tensor"},
		"an attribute of a kind":  {[]node{op("Softmax", "x", "y", attrs{"axis": "one"})}, "softmax (Softmax): attribute axis is string, want int64"},
		"an attribute too large":  {[]node{op("Softmax", "x", "y", attrs{"axis": 1 << 40})}, "softmax (Softmax): attribute axis=1099511627776 is out of range"},
		"a list too large":        {[]node{op("Transpose", "x", "y", attrs{"perm": []int{0, 1 << 40}})}, "transpose (Transpose): attribute perm[1]=1099511627776 is out of range"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := importModel(t, model(13, []int{1, 4}, tensors{zeros("k", 4)}, c.nodes...).Bytes(), nil)
			wantError(t, err, c.want)
		})
	}
	t.Run("two inputs of one name", func(t *testing.T) {
		m := model(13, []int{1}, nil, relu)
		m.Inputs = append(m.Inputs, m.Inputs[0])
		_, err := importModel(t, m.Bytes(), nil)
		wantError(t, err, `two inputs are called "x"`)
	})
}

func TestOperatorSetsOutOfRangeAreRefused(t *testing.T) {
	for _, opset := range []int{0, -1, 23} {
		_, err := importModel(t, model(opset, []int{1}, nil, op("Relu", "x", "y", nil)).Bytes(), nil)
		wantError(t, err, fmt.Sprintf("operator set %d: 1 to 22 are supported", opset))
	}
}

func TestInputShapes(t *testing.T) {
	unknown := []int(nil)
	for _, c := range []struct {
		name     string
		declared []int
		given    []int
		want     string
	}{
		{"static", []int{1, 3}, nil, "1×3"},
		{"the batch is 1", []int{-1, 3}, nil, "1×3"},
		{"a larger batch", []int{4, 3}, nil, "4×3"},
		{"the batch as given", []int{-1, 3}, []int{2, 3}, "2×3"},
		{"another dimension as given", []int{1, -1}, []int{1, 7}, "1×7"},
		{"another dimension not given", []int{1, -1}, nil, `error: input "x": dimension 1 is symbolic: say its size`},
		{"given otherwise", []int{1, 3}, []int{1, 4}, `error: input "x": shape 1×4 where the model wants 3 on axis 1`},
		{"given of another rank", []int{1, 3}, []int{3}, `error: input "x": shape 3 where the model has 2 dimensions`},
		{"given negative", []int{-1, 3}, []int{-2, 3}, `error: input "x": negative dimension in -2×3`},
		{"empty", []int{0, 3}, nil, `error: input "x": shape 0×3 is empty`},
		{"too large", []int{1 << 16, 1 << 16}, nil, `error: input "x": 65536×65536 is more than 2147483647 elements`},
		{"too large for what it is", []int{1 << 15, 1<<15 + 1}, nil, `error: input "x": 32768×32769 is more than 1073741824 elements`},
		{"a scalar", unknown, nil, "scalar"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dims := map[string][]int{}
			if c.given != nil {
				dims["x"] = c.given
			}
			g, err := importModel(t, model(13, c.declared, nil, op("Relu", "x", "y", nil)).Bytes(), dims)
			if want, ok := strings.CutPrefix(c.want, "error: "); ok {
				wantError(t, err, want)
			} else if err != nil || g.Outputs[0].Dims() != c.want {
				t.Errorf("shape %v, want %s (%v)", g, c.want, err)
			}
		})
	}
	for _, dtype := range []onnxfile.DType{onnxfile.Float16, onnxfile.Uint8, onnxfile.Int64} {
		m := model(13, []int{1}, nil, op("Relu", "x", "y", nil))
		m.Inputs[0].DType = dtype
		_, err := importModel(t, m.Bytes(), nil)
		wantError(t, err, fmt.Sprintf(`input "x": elements of %s: only float32 goes in`, dtype))
	}
}

func TestValuesTogetherAreBounded(t *testing.T) {
	nodes := []node{op("Relu", "x", "v0", nil)}
	for i := range 40 {
		nodes = append(nodes, op("Add", fmt.Sprintf("v%d x", i), fmt.Sprintf("v%d", i+1), nil))
	}
	m := model(13, []int{1, 1 << 15, 1 << 10}, nil, nodes...)
	m.Outputs[0].Name = "v40"
	_, err := importModel(t, m.Bytes(), nil)
	wantError(t, err, "add (Add): ", "all values together pass 1073741824 elements")
}

// Look-ups by name must not make a long graph slow: by scanning, this one takes
// minutes.
func TestALongGraphIsImportedInLinearTime(t *testing.T) {
	const n = 30_000
	m := model(13, []int{1, 4}, nil, op("Relu", "x", "v0", nil))
	for i := range n {
		m.Nodes = append(m.Nodes, node{Op: "Add", Inputs: []string{fmt.Sprintf("v%d", i), "x"}, Outputs: []string{fmt.Sprintf("v%d", i+1)}})
		m.Outputs = append(m.Outputs, value{Name: fmt.Sprintf("v%d", i)})
	}
	m.Outputs = m.Outputs[1:]
	b := m.Bytes()
	start := time.Now()
	g, err := importModel(t, b, nil)
	if err != nil || len(g.Nodes) != n+1 || len(g.Outputs) != n {
		t.Fatal(err)
	}
	if d := time.Since(start); d > 30*time.Second {
		t.Errorf("%d nodes took %v", n, d)
	}
}

func TestConstantsAreReadWhenAskedFor(t *testing.T) {
	g := mustImport(t, []int{1, 2}, tensors{onnxbuild.Floats("w", []int{2}, 1, -2), zeros("unused", 5)},
		op("Add", "x w", "a", nil), op("Mul", "a w", "y", nil))
	if cs := g.Constants(); len(cs) != 1 || cs[0].Name != "w" {
		t.Fatalf("constants %v, want w alone", cs)
	}
	f, err := g.Float32s(g.Constants()[0])
	if err != nil || len(f) != 2 || f[0] != 1 || f[1] != -2 {
		t.Errorf("w is %v (%v)", f, err)
	}
	if _, err := g.Int64s(g.Constants()[0]); err == nil {
		t.Error("floats are read as integers")
	}
	_, err = g.Bytes(g.Inputs[0])
	wantError(t, err, `"x" is not a constant`)
	_, err = g.Bytes(nil)
	wantError(t, err, "an omitted input is not a constant")
}

func TestAWeightInAMissingFileIsNamedOnce(t *testing.T) {
	m := model(13, []int{1, 2}, tensors{onnxbuild.Floats("w", []int{2}, 1, -2)}, op("Add", "x w", "y", nil))
	f := parse(t, m.Bytes())
	f.Tensors["w"].Range.File = "w.bin"
	g, err := graph.Import(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.Float32s(g.Constants()[0])
	wantError(t, err, `"w"`, `"w.bin"`)
}
