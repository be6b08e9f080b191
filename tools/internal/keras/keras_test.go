package keras

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"hamster/tools/internal/onnxwrite"
)

// table gives shapes of weights by "layer/name"; their values are 0, 1, 2…
type table map[string][]int

func (w table) Weight(layer, name string) (Weight, error) {
	shape, ok := w[layer+"/"+name]
	if !ok {
		return Weight{}, errors.New("it is not there")
	}
	n, err := onnxwrite.Elements(shape)
	if err != nil {
		return Weight{}, err
	}
	data := make([]byte, 0, 4*n)
	for i := range n {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(float32(i)))
	}
	return Weight{Shape: shape, Data: data}, nil
}

func ptr[T any](v T) *T { return &v }

// chain is a model of an image input of h×w×c and layers that feed one
// another.
func chain(h, w, c int, layers ...Layer) *Model {
	m := &Model{Name: "m", Inputs: []string{"i"}, Layers: []Layer{
		{Name: "i", Class: "InputLayer", Config: Config{BatchInputShape: []*int{nil, &h, &w, &c}}},
	}}
	last := "i"
	for _, l := range layers {
		if l.Inputs == nil {
			l.Inputs = []string{last}
		}
		m.Layers = append(m.Layers, l)
		last = l.Name
	}
	m.Outputs = []string{last}
	return m
}

var (
	pool = Layer{Name: "g", Class: "GlobalAveragePooling2D"}
	conv = Layer{Name: "c", Class: "Conv2D", Config: Config{Filters: 2, KernelSize: []int{1, 2}, UseBias: ptr(false)}}
)

func TestKernelsGetTheirOutputsFirst(t *testing.T) {
	m, err := ToONNX(chain(4, 4, 3, conv, pool, Layer{Name: "d", Class: "Dense", Config: Config{Units: 3, UseBias: ptr(false)}}),
		table{"c/kernel": {1, 2, 3, 2}, "d/kernel": {2, 3}})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		name  string
		shape []int
		data  []float32
	}{
		{"c/kernel", []int{2, 3, 1, 2}, []float32{0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11}},
		{"d/kernel", []int{3, 2}, []float32{0, 3, 1, 4, 2, 5}},
	} {
		got := m.Initializers[i]
		var data []float32
		for b := got.Data; len(b) > 0; b = b[4:] {
			data = append(data, math.Float32frombits(binary.LittleEndian.Uint32(b)))
		}
		if got.Name != want.name || !slices.Equal(got.Shape, want.shape) || !slices.Equal(data, want.data) {
			t.Errorf("got %s %v %v, want %v", got.Name, got.Shape, data, want)
		}
	}
}

// Sizes by hand from the rule in TensorFlow's notes on padding.
func TestWindowsPadAsTensorFlowDoes(t *testing.T) {
	for _, tc := range []struct {
		name      string
		config    Config
		size      []int
		in        []int
		out, pads []int
	}{
		{"same, odd", Config{Padding: "same"}, []int{3, 3}, []int{5, 6}, []int{5, 6}, []int{1, 1, 1, 1}},
		{"same, even kernel", Config{Padding: "same"}, []int{2, 4}, []int{5, 6}, []int{5, 6}, []int{0, 1, 1, 2}},
		{"same, stride", Config{Padding: "same", Strides: []int{2, 2}}, []int{3, 3}, []int{5, 6}, []int{3, 3}, []int{1, 0, 1, 1}},
		{"same, stride past kernel", Config{Padding: "same", Strides: []int{3, 3}}, []int{1, 2}, []int{5, 6}, []int{2, 2}, []int{0, 0, 0, 0}},
		{"same, dilated", Config{Padding: "same", DilationRate: []int{2, 1}}, []int{3, 3}, []int{5, 6}, []int{5, 6}, []int{2, 1, 2, 1}},
		{"valid", Config{}, []int{3, 2}, []int{5, 6}, []int{3, 5}, []int{0, 0, 0, 0}},
		{"valid, stride", Config{Padding: "valid", Strides: []int{2, 3}}, []int{3, 2}, []int{6, 6}, []int{2, 2}, []int{0, 0, 0, 0}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, err := tc.config.window(tc.size)
			if err != nil {
				t.Fatal(err)
			}
			shape, pads, err := w.over(append(tc.in, 7))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(shape, append(tc.out, 7)) || !slices.Equal(pads, tc.pads) {
				t.Errorf("shape %v and pads %v, want %v and %v", shape, pads, tc.out, tc.pads)
			}
		})
	}
}

func TestModelsThatCannotBeConvertedAreRefused(t *testing.T) {
	with := func(class string, c Config) *Model {
		return chain(4, 4, 3, Layer{Name: "l", Class: class, Config: c}, pool)
	}
	loop := chain(4, 4, 3, conv, pool)
	loop.Layers[1].Inputs = []string{"g"}
	dangling := chain(4, 4, 3, conv, pool)
	dangling.Layers[1].Inputs = []string{"x"}
	twice := chain(4, 4, 3, conv, conv)
	two := chain(4, 4, 3, pool)
	two.Outputs = []string{"g", "i"}
	for _, tc := range []struct {
		name  string
		model *Model
		want  string
	}{
		{"unknown class", with("Lambda", Config{}), `layer "l": no conversion for layers of class "Lambda"`},
		{"unknown activation", with("Activation", Config{Activation: "selu"}), `layer "l" (Activation): no conversion for the activation "selu"`},
		{"channels first", with("MaxPooling2D", Config{DataFormat: "channels_first"}), "channels_first"},
		{"unknown padding", with("MaxPooling2D", Config{Padding: "causal"}), `"causal"`},
		{"pool larger than image", with("MaxPooling2D", Config{PoolSize: []int{5, 5}}), "does not fit"},
		{"pool of one dimension", with("MaxPooling2D", Config{PoolSize: []int{2}}), "window [2]"},
		{"no stride", with("MaxPooling2D", Config{Strides: []int{0, 1}}), "strides [0 1]"},
		{"grouped convolution", with("Conv2D", Config{Filters: 1, KernelSize: []int{1, 1}, Groups: 3}), "3 groups"},
		{"weight missing", with("Conv2D", Config{Filters: 1, KernelSize: []int{1, 1}}), `layer "l" (Conv2D): weight "kernel": it is not there`},
		{"other axis", with("BatchNormalization", Config{Axis: ptr(Axis(1))}), "axis 1"},
		{"dense on an image", with("Dense", Config{Units: 2}), "not 1 dimensions"},
		{"weight of another shape", chain(4, 4, 3, conv, pool), `weight "kernel" has shape [1 2 9 2], not [1 2 3 2]`},
		{"image as output", chain(4, 4, 3, Layer{Name: "l", Class: "MaxPooling2D"}), "not a score a class"},
		{"nothing computed", chain(4, 4, 3), "not a score a class"},
		{"images of open size", &Model{Inputs: []string{"i"}, Outputs: []string{"i"}, Layers: []Layer{
			{Name: "i", Class: "InputLayer", Config: Config{BatchInputShape: []*int{nil, nil, nil, ptr(3)}}},
		}}, "images of one size"},
		{"loop", loop, "depends on itself"},
		{"unknown input", dangling, `layer "c" refers to a layer "x"`},
		{"name twice", twice, `two layers are named "c"`},
		{"two outputs", two, "2 outputs"},
		{"no inputs", chain(4, 4, 3, Layer{Name: "l", Class: "Concatenate", Inputs: []string{}}), "0 inputs"},
		{"concatenated sizes differ", chain(4, 4, 3, Layer{Name: "l", Class: "MaxPooling2D"},
			Layer{Name: "k", Class: "Concatenate", Inputs: []string{"i", "l"}}, pool), "do not go together"},
		{"a layer named as the input is", chain(4, 4, 3, Layer{Name: "input", Class: "MaxPooling2D"}, pool), `two values would be named "input"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := ToONNX(tc.model, table{"c/kernel": {1, 2, 9, 2}})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got error %v, want one with %q", err, tc.want)
			}
		})
	}
}

func TestAxisIsANumberOrAListOfOne(t *testing.T) {
	for text, want := range map[string]Axis{"3": 3, "[3]": 3, "-1": -1} {
		var a Axis
		if err := a.UnmarshalJSON([]byte(text)); err != nil || a != want {
			t.Errorf("%s: got %d, %v", text, a, err)
		}
	}
	for _, text := range []string{`[1,2]`, `"x"`, `[]`} {
		var a Axis
		if err := a.UnmarshalJSON([]byte(text)); err == nil {
			t.Errorf("%s: got %d and no error", text, a)
		}
	}
}
