package gorgonia

import "hamster/model/graph"

// lowerReduceMean sums in float64.
func lowerReduceMean(_ *compiler, n *graph.Node) (*step, error) {
	axes, _, err := graph.ReduceOf(n)
	if err != nil {
		return nil, err
	}
	steps := contiguous(n.Inputs[0].Shape)
	reduced := make([]bool, len(steps))
	for _, a := range axes {
		reduced[a] = true
	}
	var keptShape, keptSteps, overShape, overSteps []int
	for i, d := range n.Inputs[0].Shape {
		if reduced[i] {
			overShape, overSteps = append(overShape, d), append(overSteps, steps[i])
		} else {
			keptShape, keptSteps = append(keptShape, d), append(keptSteps, steps[i])
		}
	}
	count := float64(graph.Elements(overShape))
	return &step{inputs: n.Inputs[:1], do: func(dst []float32, in [][]float32) {
		out := 0
		walk(keptShape, [2][]int{keptSteps, keptSteps}, func(kept [2]int) {
			var sum float64
			walk(overShape, [2][]int{overSteps, overSteps}, func(over [2]int) {
				sum += float64(in[0][kept[0]+over[0]])
			})
			dst[out] = float32(sum / count)
			out++
		})
	}}, nil
}
