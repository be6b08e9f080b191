package simd

import (
	"context"
	"fmt"
	"testing"

	"hamster/model/conformance/onnxbuild"
	"hamster/model/onnxfile"
)

func TestEveryWindowOfStrideOneCompiles(t *testing.T) {
	for _, ky := range []int{1, 2, 3, 5, 7, 9} {
		for _, kx := range []int{1, 3, 4, 5, 7, 11} {
			for _, size := range []int{11, 56} {
				for _, channels := range []int{3, 32} {
					m := onnxbuild.Model{
						Opset: 13, Inputs: []onnxbuild.Value{{Name: "x", Shape: []int{1, channels, size, size}}}, Outputs: []onnxbuild.Value{{Name: "y"}},
						Tensors: []*onnxfile.Tensor{onnxbuild.Floats("w", []int{32, channels, ky, kx}, make([]float32, 32*channels*ky*kx)...)},
						Nodes:   []onnxbuild.Node{{Name: "conv", Op: "Conv", Inputs: []string{"x", "w"}, Outputs: []string{"y"}}},
					}
					g := imported(t, m.Bytes())
					for _, opts := range []Options{{}, {Relaxed: true}, {everyWinograd: true}} {
						t.Run(fmt.Sprintf("%dx%d of %d channels, %d pixels, %+v", ky, kx, channels, size, opts), func(t *testing.T) {
							if _, err := Compile(context.Background(), g, opts); err != nil {
								t.Error(err)
							}
						})
					}
				}
			}
		}
	}
}
