package model_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"hamster/model"
	"hamster/model/conformance/onnxbuild"
	"hamster/model/onnxfile"
)

func TestAModelThatTheEngineRefusesRunsOnGorgonia(t *testing.T) {
	m := colours()
	m.Nodes[0].Inputs = []string{"p"}
	m.Nodes = slices.Insert(m.Nodes, 0, node{Name: "frame", Op: "Pad", Inputs: []string{"x", "pads", "two"}, Outputs: []string{"p"}})
	m.Tensors = append(m.Tensors, onnxbuild.Ints("pads", []int{8}, 0, 0, 1, 1, 0, 0, 1, 1), onnxbuild.Floats("two", []int{}, 2))
	for _, name := range []string{"", "auto"} {
		loaded := load(t, m, model.Options{Backend: name})
		// 4 of 16 pixels are the picture, and each mean is taken ten times.
		y, err := loaded.Run(t.Context(), plain(2, 1, 0))
		if want := []float32{20, 17.5, 15}; err != nil || !slices.Equal(y.Data, want) {
			t.Errorf("%v (%v), want %v", y.Data, err, want)
		}
		if s := loaded.Backend(); !strings.HasPrefix(s, "gorgonia (simd: frame (Pad): opset 13: ") || strings.Count(s, "simd") != 1 || !strings.Contains(s, "with 2: only zeros around") {
			t.Errorf("backend %q does not say what runs and why", s)
		}
	}
	wantError(t, loadError(t, m.Bytes(), model.Options{Backend: "simd"}), "model: simd: frame (Pad): opset 13: ")
}

// wide turns what halves.tensor makes into float32, as a Cast does.
func wide(t *testing.T, h *onnxfile.Tensor) *onnxfile.Tensor {
	t.Helper()
	data, err := onnxfile.Float32s(h.DType, h.Data)
	if err != nil {
		t.Fatal(err)
	}
	return onnxbuild.Floats(h.Name, h.Shape, data...)
}

// inceptionLike is a small network of the operators of InceptionV3. add makes a
// constant of it, with values of either sign up to bound and, where positive is
// set, of none below a quarter of that.
func inceptionLike(add func(bound float64, positive bool, shape ...int) string) *onnxbuild.Model {
	m := &onnxbuild.Model{
		Opset: 13, Inputs: []value{{Name: "x", Shape: []int{1, 3, 19, 19}}}, Outputs: []value{{Name: "y", Shape: []int{1, 5}}},
	}
	last := "x"
	node := func(op string, a attrs, inputs ...string) string {
		last = op + string(rune('a'+len(m.Nodes)))
		m.Nodes = append(m.Nodes, node{Name: last, Op: op, Inputs: inputs, Outputs: []string{last}, Attrs: a})
		return last
	}
	conv := func(x string, from, to, kh, kw int, a attrs) string {
		c := node("Conv", a, x, add(1.5/math.Sqrt(float64(from*kh*kw)), false, to, from, kh, kw))
		n := node("BatchNormalization", attrs{"epsilon": float32(1e-3)}, c, add(1, true, to), add(0.5, false, to), add(0.5, false, to), add(2, true, to))
		return node("Relu", nil, n)
	}
	x := conv("x", 3, 16, 3, 3, attrs{"strides": []int{2, 2}})
	x = node("MaxPool", attrs{"kernel_shape": []int{3, 3}, "strides": []int{1, 1}}, x)
	pooled := node("AveragePool", attrs{"kernel_shape": []int{3, 3}, "pads": []int{1, 1, 1, 1}}, x)
	x = node("Concat", attrs{"axis": 1},
		conv(x, 16, 8, 1, 1, nil),
		conv(conv(x, 16, 8, 1, 1, nil), 8, 12, 3, 3, attrs{"pads": []int{1, 1, 1, 1}}),
		conv(x, 16, 7, 1, 7, attrs{"pads": []int{0, 3, 0, 3}}),
		conv(pooled, 16, 5, 1, 1, nil))
	x = node("Flatten", nil, node("GlobalAveragePool", nil, x))
	node("Gemm", nil, x, add(0.5, false, 32, 5), add(0.5, false, 5))
	m.Nodes = append(m.Nodes, onnxbuild.Node{Name: "scores", Op: "Softmax", Inputs: []string{last}, Outputs: []string{"y"}})
	return m
}

func TestWeightsStoredAsFloat16GiveWhatTheyDoAsFloat32(t *testing.T) {
	build := func(half bool) *onnxbuild.Model {
		random := rand.New(rand.NewPCG(1, 2))
		var tensors []*onnxfile.Tensor
		var casts []node
		m := inceptionLike(func(bound float64, positive bool, shape ...int) string {
			h := &onnxfile.Tensor{Name: "h" + string(rune('A'+len(tensors))), DType: onnxfile.Float16, Shape: shape}
			n := 1
			for _, d := range shape {
				n *= d
			}
			_, exponent := math.Frexp(bound)
			for range n {
				bits := uint16(exponent+13-random.IntN(2))<<10 | uint16(random.IntN(1<<10))
				if !positive && random.IntN(2) == 0 {
					bits |= 1 << 15
				}
				h.Data = binary.LittleEndian.AppendUint16(h.Data, bits)
			}
			name := h.Name + "w"
			if half {
				casts = append(casts, node{Name: name, Op: "Cast", Inputs: []string{h.Name}, Outputs: []string{name}, Attrs: attrs{"to": int(onnxfile.Float32)}})
			} else {
				h = wide(t, h)
				h.Name = name
			}
			tensors = append(tensors, h)
			return name
		})
		m.Tensors, m.Nodes = tensors, append(casts, m.Nodes...)
		return m
	}
	x := model.Tensor{Shape: []int{1, 3, 19, 19}}
	for i := range 3 * 19 * 19 {
		x.Data = append(x.Data, float32(math.Sin(0.1*float64(i))))
	}
	want, err := load(t, build(false), model.Options{Backend: "gorgonia"}).Run(t.Context(), x)
	if err != nil {
		t.Fatal(err)
	}
	onEveryBackend(t, func(t *testing.T, opts model.Options) {
		m := load(t, build(true), opts)
		got, err := m.Run(t.Context(), x)
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range want.Data {
			if math.Abs(float64(got.Data[i]-w)) > 1e-5 {
				t.Errorf("%v, want %v", got.Data, want.Data)
				break
			}
		}
		if w := m.Report().Weights; len(w) != 1 || w[0].Type != "float16" {
			t.Errorf("weights %+v, want all of float16", w)
		}
	})
}

func TestAModelThatComputesInFloat16IsRefused(t *testing.T) {
	given := colours()
	given.Inputs[0].DType = onnxfile.Float16
	wantError(t, loadError(t, given.Bytes(), model.Options{}), `model: input "x": elements of float16: only float32 goes in`)
	within := colours()
	within.Nodes[0].Inputs = []string{"h"}
	within.Nodes = slices.Insert(within.Nodes, 0, node{Name: "narrow", Op: "Cast", Inputs: []string{"x"}, Outputs: []string{"h"}, Attrs: attrs{"to": int(onnxfile.Float16)}})
	wantError(t, loadError(t, within.Bytes(), model.Options{}), "narrow (Cast): from float32 to float16 is not supported")
}
