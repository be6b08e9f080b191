package onnxfile_test

import (
	"bytes"
	"testing"

	"hamster/model/conformance/onnxbuild"
	"hamster/model/graph"
	"hamster/model/onnxfile"
)

// FuzzParse feeds Parse and graph.Import with anything: they may refuse it, but
// neither panic nor allocate out of proportion.
func FuzzParse(f *testing.F) {
	f.Add([]byte(file(tiny())))
	f.Add([]byte(withTensor(external("location", "w.bin", "offset", "16"))))
	f.Add([]byte(withTensor(msg(nil).packed(1, 2).num(2, 7).str(8, "w").packed(7, 1, 2))))
	f.Add([]byte(file(tiny(msg(nil).msg(1, node("Constant", "", "c").msg(5, msg(nil).str(1, "value_ints").packed(8, 1, 2)))))))
	f.Add((&onnxbuild.Model{
		Opset:    13,
		Inputs:   []onnxbuild.Value{{Name: "x", Shape: []int{-1, 3, 8, 8}}},
		Outputs:  []onnxbuild.Value{{Name: "y", Shape: []int{1, 2}}},
		Metadata: map[string]string{"k": "v"},
		Tensors: []*onnxfile.Tensor{
			onnxbuild.Floats("w", []int{2, 3, 1, 1}, 1, 2, 3, 4, 5, 6),
			onnxbuild.Ints("shape", []int{2}, 1, -1),
			onnxbuild.Ints("zero", nil, 0),
		},
		Nodes: []onnxbuild.Node{
			{Name: "conv", Op: "Conv", Inputs: []string{"x", "w"}, Outputs: []string{"a"}, Attrs: onnxbuild.Attrs{"strides": []int{2, 2}, "auto_pad": "SAME_UPPER"}},
			{Name: "pool", Op: "MaxPool", Inputs: []string{"a"}, Outputs: []string{"b"}, Attrs: onnxbuild.Attrs{"kernel_shape": []int{2, 2}, "ceil_mode": 1}},
			{Name: "pad", Op: "Pad", Inputs: []string{"b"}, Outputs: []string{"c"}, Attrs: onnxbuild.Attrs{"pads": []int{0, 0, 1, 1, 0, 0, 1, 1}}},
			{Name: "dims", Op: "Shape", Inputs: []string{"c"}, Outputs: []string{"d"}},
			{Name: "batch", Op: "Gather", Inputs: []string{"d", "zero"}, Outputs: []string{"e"}},
			{Name: "list", Op: "Unsqueeze", Inputs: []string{"e", "zero"}, Outputs: []string{"f"}},
			{Name: "both", Op: "Concat", Inputs: []string{"f", "shape"}, Outputs: []string{"g"}, Attrs: onnxbuild.Attrs{"axis": 0}},
			{Name: "reshape", Op: "Reshape", Inputs: []string{"c", "shape"}, Outputs: []string{"h"}},
			{Name: "slice", Op: "Slice", Inputs: []string{"h", "zero", "shape"}, Outputs: []string{"i"}},
			{Name: "softmax", Op: "Softmax", Inputs: []string{"h"}, Outputs: []string{"y"}},
		},
	}).Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		n := allocated(func() {
			parsed, err := onnxfile.Parse(bytes.NewReader(data), int64(len(data)))
			if err != nil {
				return
			}
			g, err := graph.Import(parsed, nil)
			if err != nil {
				return
			}
			if len(g.Outputs) == 0 || len(g.Inputs) == 0 {
				t.Error("a graph without input or output")
			}
			for _, v := range g.Constants() {
				if _, err := g.Bytes(v); err != nil && v.Const.Range.File == "" {
					t.Errorf("constant %q: %v", v.Name, err)
				}
			}
		})
		// A part of two bytes becomes a struct of some hundred.
		if limit := uint64(1<<20 + 1000*len(data)); n > limit {
			t.Errorf("%d bytes allocated for %d", n, len(data))
		}
	})
}
