//go:build js && wasm

package main

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"syscall/js"
	"testing"

	"hamster/model"
	"hamster/model/conformance/onnxbuild"
	"hamster/model/onnxfile"
)

// means is a model of 8×8 pixels with the means of red, green and blue as scores.
// Without a pool its network has no head.
func means(pooled bool) []byte {
	m := onnxbuild.Model{
		Opset:    13,
		Inputs:   []onnxbuild.Value{{Name: "x", Shape: []int{1, 3, 8, 8}}},
		Outputs:  []onnxbuild.Value{{Name: "y", Shape: []int{1, 3}}},
		Metadata: map[string]string{model.KeyScale: "255", model.KeyOffset: "0"},
	}
	if pooled {
		m.Nodes = []onnxbuild.Node{
			{Name: "mean", Op: "GlobalAveragePool", Inputs: []string{"x"}, Outputs: []string{"m"}},
			{Name: "flat", Op: "Flatten", Inputs: []string{"m"}, Outputs: []string{"y"}},
		}
		return m.Bytes()
	}
	w := make([]float32, 3*64*3)
	for i := range 3 * 64 {
		w[3*i+i/64] = 1. / 64
	}
	m.Tensors = []*onnxfile.Tensor{onnxbuild.Floats("w", []int{3 * 64, 3}, w...)}
	m.Nodes = []onnxbuild.Node{
		{Name: "flat", Op: "Flatten", Inputs: []string{"x"}, Outputs: []string{"f"}},
		{Name: "dense", Op: "MatMul", Inputs: []string{"f", "w"}, Outputs: []string{"y"}},
	}
	return m.Bytes()
}

func loaded(t *testing.T, pooled bool, options loadOptions) (*engine, *loadResult) {
	t.Helper()
	var e engine
	info, err := e.load(t.Context(), bytes.NewReader(means(pooled)), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.model.Close() })
	return &e, info
}

// ticks makes a function that keeps its promise with true so many times.
func ticks(t *testing.T, wanted int, told *[]string) js.Value {
	t.Helper()
	f := js.FuncOf(func(_ js.Value, args []js.Value) any {
		*told = append(*told, args[0].String())
		return js.Global().Get("Promise").Call("resolve", len(*told) < wanted)
	})
	t.Cleanup(f.Release)
	return f.Value
}

func TestTheLastPictureIsExplained(t *testing.T) {
	e, info := loaded(t, true, loadOptions{})
	if info.Explains != model.GradCAM {
		t.Errorf("explains by %q", info.Explains)
	}
	var asked [][2]int
	if _, err := e.classify(t.Context(), classifyRequest{Width: 8, Height: 8}, readOf(t, &asked)); err != nil {
		t.Fatal(err)
	}
	seen := len(asked)
	got, err := e.explain(t.Context(), explainRequest{Last: true, Index: 1}, js.Undefined(), js.Undefined())
	if err != nil {
		t.Fatal(err)
	}
	// Rows get brighter downwards.
	if got.Width != 8 || got.Values[63] != 1 || got.Values[0] >= got.Values[63] || len(asked) != seen {
		t.Errorf("%+v, %d rows read", got, len(asked)-seen)
	}
	again, err := e.explain(t.Context(), explainRequest{Width: 8, Height: 8, Index: 1}, readOf(t, &asked), js.Undefined())
	if err != nil || !slices.Equal(again.Values, got.Values) {
		t.Errorf("%+v, %v; want %+v", again, err, got)
	}
}

func TestOcclusionTellsHowFarItIs(t *testing.T) {
	e, info := loaded(t, false, loadOptions{})
	if info.Explains != model.Occlusion {
		t.Errorf("explains by %q", info.Explains)
	}
	var told []string
	got, err := e.explain(t.Context(), explainRequest{Width: 8, Height: 8, Index: 0, Cells: 2}, readOf(t, &[][2]int{}), ticks(t, 99, &told))
	if err != nil {
		t.Fatal(err)
	}
	if len(told) != 5 || !strings.HasPrefix(told[2], `{"done":3,"total":5,"soFar":{"width":2,"height":2,"values":[`) || got.Method != model.Occlusion {
		t.Errorf("%+v after %q", got, told)
	}
}

func TestOcclusionEndsWhenNobodyWaits(t *testing.T) {
	e, _ := loaded(t, false, loadOptions{})
	var told []string
	_, err := e.explain(t.Context(), explainRequest{Width: 8, Height: 8}, readOf(t, &[][2]int{}), ticks(t, 3, &told))
	var c *coded
	if !errors.As(err, &c) || c.code != codeClosed || len(told) != 3 {
		t.Errorf("%v after %d runs", err, len(told))
	}
}

func TestExplainBeforeLoadIsRefused(t *testing.T) {
	var e engine
	_, err := e.explain(t.Context(), explainRequest{}, js.Undefined(), js.Undefined())
	var c *coded
	if !errors.As(err, &c) || c.code != codeNoModel {
		t.Errorf("error is %v", err)
	}
}

func TestLabelsComeFromAFile(t *testing.T) {
	_, info := loaded(t, true, loadOptions{Labels: "red\ngreen\nblue\n"})
	if len(info.Labels) != 3 || info.Labels[2] != (model.Label{ID: "2", Name: "blue"}) {
		t.Errorf("labels %v", info.Labels)
	}
	for _, labels := range []string{"red\ngreen", "red\n\ngreen", "\xff"} {
		var e engine
		_, err := e.load(t.Context(), bytes.NewReader(means(true)), loadOptions{Labels: labels})
		var c *coded
		if !errors.As(err, &c) || c.code != codeLabelsInvalid {
			t.Errorf("%q: error is %v", labels, err)
		}
	}
}

func TestALoadedModelHasACard(t *testing.T) {
	_, info := loaded(t, true, loadOptions{Labels: "red\ngreen\nblue"})
	if c := info.Card; c.Nodes != 2 || len(c.Operators) != 2 || c.Size != int64(len(means(true))) || c.Labels != nil || c.Input == "" {
		t.Errorf("%+v", c)
	}
}
