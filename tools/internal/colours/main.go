// Command colours writes a model for tests that are not about models: it is loaded
// and run in a moment, and tells what colour a picture has on the whole.
//
// Usage: colours FILE
package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"

	"hamster/model"
	"hamster/model/onnxfile"
	"hamster/tools/internal/onnxwrite"
)

const labels = `[{"id":"1","label":"red_picture"},{"id":"2","label":"green_picture"},{"id":"3","label":"blue_picture"},` +
	`{"id":"4","label":"dark_picture"},{"id":"5","label":"bright_picture"},{"id":"6","label":"grey_picture"}]`

// weights have a column for each class, over red, green and blue from 0 to 1.
var weights = [3][6]float32{
	{6, -3, -3, -3, 3, 0},
	{-3, 6, -3, -3, 3, 0},
	{-3, -3, 6, -3, 3, 0},
}

func main() {
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintf(os.Stderr, "colours: %v\n", err)
		os.Exit(1)
	}
}

func write(path string) error {
	var data []byte
	for _, row := range weights {
		for _, v := range row {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		}
	}
	dims := func(sizes ...int) (shape []onnxwrite.Dim) {
		for _, n := range sizes {
			shape = append(shape, onnxwrite.Dim{Size: n})
		}
		return shape
	}
	const side = 32
	m := onnxwrite.Model{
		Name: "colours",
		Metadata: map[string]string{
			model.KeyName: "Colours", model.KeyLabels: labels, model.KeySize: fmt.Sprintf("%dx%d", side, side),
			model.KeyScale: "255", model.KeyOffset: "0", model.KeyPreprocess: "keras", model.KeyOutput: "probabilities",
		},
		Inputs:  []onnxwrite.Value{{Name: "x", DType: onnxfile.Float32, Shape: dims(1, 3, side, side)}},
		Outputs: []onnxwrite.Value{{Name: "y", DType: onnxfile.Float32, Shape: dims(1, len(weights[0]))}},
		Nodes: []onnxwrite.Node{
			{Name: "mean", Op: "GlobalAveragePool", Inputs: []string{"x"}, Outputs: []string{"mean"}},
			{Name: "flat", Op: "Flatten", Inputs: []string{"mean"}, Outputs: []string{"flat"}, Attrs: []onnxwrite.Attr{onnxwrite.Int("axis", 1)}},
			{Name: "likeness", Op: "Gemm", Inputs: []string{"flat", "w"}, Outputs: []string{"likeness"}},
			{Name: "scores", Op: "Softmax", Inputs: []string{"likeness"}, Outputs: []string{"y"}, Attrs: []onnxwrite.Attr{onnxwrite.Int("axis", 1)}},
		},
		Initializers: []onnxwrite.Tensor{{Name: "w", DType: onnxfile.Float32, Shape: []int{3, len(weights[0])}, Data: data}},
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := m.Write(file); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}
