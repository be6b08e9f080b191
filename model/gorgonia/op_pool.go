package gorgonia

import (
	"math"

	"hamster/model/graph"
)

func lowerPool(c *compiler, n *graph.Node) (*step, error) {
	p, err := graph.PoolOf(n)
	if err != nil {
		return nil, err
	}
	x, y := n.Inputs[0].Shape, n.Outputs[0].Shape
	w := &window{p, x[2], x[3], y[2], y[3]}
	pool := w.average
	if n.Op == "MaxPool" {
		pool = w.max
	}
	return planes(c, n, x[0]*x[1], pool), nil
}

// window slides over one plane.
type window struct {
	graph.Pool
	inH, inW, outH, outW int
}

// span is the range of kernel taps, from…to−1, that fall on an axis of this size
// for the window that starts at position at (which may be negative).
func span(at, kernel, dilation, size int) (from, to int) {
	if at < 0 {
		from = (-at + dilation - 1) / dilation
	}
	to = kernel
	if last := size - 1 - at; last < (kernel-1)*dilation {
		to = 0
		if last >= 0 {
			to = last/dilation + 1
		}
	}
	return from, max(from, to)
}

// max pools to the largest element; NaN wins, and padding never does. Each row of
// windows first becomes one row of the largest elements of each column.
func (w *window) max(dst, src []float32, s *scratch) {
	columns := s.floats(w.inW)
	for oy := range w.outH {
		for i := range columns {
			columns[i] = float32(math.Inf(-1))
		}
		y := oy*w.Stride[0] - w.Pad[0]
		ky0, ky1 := span(y, w.Kernel[0], w.Dilation[0], w.inH)
		for ky := ky0; ky < ky1; ky++ {
			for i, v := range src[(y+ky*w.Dilation[0])*w.inW:][:w.inW] {
				columns[i] = max(columns[i], v)
			}
		}
		row := dst[oy*w.outW:][:w.outW]
		for ox := range row {
			x := ox*w.Stride[1] - w.Pad[1]
			kx0, kx1 := span(x, w.Kernel[1], w.Dilation[1], w.inW)
			best := float32(math.Inf(-1))
			for kx := kx0; kx < kx1; kx++ {
				best = max(best, columns[x+kx*w.Dilation[1]])
			}
			row[ox] = best
		}
	}
}

// average pools to the mean of the elements on the plane, or with CountPad, of
// those and of the padding's zeros. Each row of windows first becomes one row of
// the sums of columns.
func (w *window) average(dst, src []float32, s *scratch) {
	columns := s.floats(w.inW)
	for oy := range w.outH {
		clear(columns)
		y := oy*w.Stride[0] - w.Pad[0]
		ky0, ky1 := span(y, w.Kernel[0], w.Dilation[0], w.inH)
		for ky := ky0; ky < ky1; ky++ {
			for i, v := range src[(y+ky*w.Dilation[0])*w.inW:][:w.inW] {
				columns[i] += v
			}
		}
		row := dst[oy*w.outW:][:w.outW]
		for ox := range row {
			x := ox*w.Stride[1] - w.Pad[1]
			kx0, kx1 := span(x, w.Kernel[1], w.Dilation[1], w.inW)
			var sum float32
			for kx := kx0; kx < kx1; kx++ {
				sum += columns[x+kx*w.Dilation[1]]
			}
			count := (ky1 - ky0) * (kx1 - kx0)
			if w.CountPad {
				count = w.padded(0, y, w.inH) * w.padded(1, x, w.inW)
			}
			row[ox] = sum / float32(max(count, 1))
		}
	}
}

// padded is how many taps of the window at position at fall on the axis or its
// padding; one that ceil_mode lets run further counts only up to there.
func (w *window) padded(axis, at, size int) int {
	from, to := span(at+w.Pad[axis], w.Kernel[axis], w.Dilation[axis], w.Pad[axis]+size+w.Pad[axis+2])
	return to - from
}
