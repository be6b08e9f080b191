package gorgonia

import "hamster/model/graph"

// lowerBinary makes a lowering of a function of two elements, with ONNX's
// multidirectional broadcasting.
func lowerBinary(f func(a, b float32) float32) lowering {
	return func(c *compiler, n *graph.Node) (*step, error) {
		out := n.Outputs[0].Shape
		a, b := broadcastStrides(n.Inputs[0].Shape, out), broadcastStrides(n.Inputs[1].Shape, out)
		// The last axis is the inner loop.
		inner, sa, sb := 1, 0, 0
		if r := len(out); r > 0 {
			inner, sa, sb = out[r-1], a[r-1], b[r-1]
			out, a, b = out[:r-1], a[:r-1], b[:r-1]
		}
		return &step{inputs: n.Inputs[:2], inPlace: true, do: func(dst []float32, in [][]float32) {
			at := 0
			walk(out, [2][]int{a, b}, func(i [2]int) {
				x, y := in[0][i[0]:], in[1][i[1]:]
				for k := range dst[at:][:inner] {
					dst[at+k] = f(x[k*sa], y[k*sb])
				}
				at += inner
			})
		}}, nil
	}
}

func add(a, b float32) float32 { return a + b }

func sub(a, b float32) float32 { return a - b }

func mul(a, b float32) float32 { return a * b }

func div(a, b float32) float32 { return a / b }
