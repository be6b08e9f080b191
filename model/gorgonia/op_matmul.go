package gorgonia

import (
	"fmt"

	"hamster/model/graph"
)

// lowerMatMul multiplies a stack of matrices by one: the stack is one tall
// matrix.
func lowerMatMul(c *compiler, n *graph.Node) (*step, error) {
	a, b := n.Inputs[0].Shape, n.Inputs[1].Shape
	if len(b) != 2 {
		return nil, fmt.Errorf("by %s is not supported", n.Inputs[1].Dims())
	}
	last := len(a) - 1
	return matmul{m: graph.Elements(a[:last]), k: b[0], n: b[1]}.lower(c, n)
}

// matmul is m×k by k×n. A row of the left matrix is a pixel of a product, a
// column of the right one a channel.
type matmul struct {
	m, k, n        int
	transA, transB bool
}

// lower packs a constant right matrix once.
func (m matmul) lower(c *compiler, n *graph.Node) (*step, error) {
	inputs := []*graph.Value{n.Inputs[0]}
	var constant weights
	fixed := c.isConstant(n.Inputs[1])
	if fixed {
		b, err := c.constant(n.Inputs[1])
		if err != nil {
			return nil, err
		}
		constant = m.pack(make([]weightBlock, weightBlocks(m.n, m.k)), b)
	} else {
		inputs = append(inputs, n.Inputs[1])
	}
	rowStride, kStride := m.k, 1
	if m.transA {
		rowStride, kStride = 1, m.m
	}
	offset := make([]int32, m.k)
	for k := range offset {
		offset[k] = int32(k * kStride)
	}
	pool := c.pool
	return &step{inputs: inputs, do: func(dst []float32, in [][]float32) {
		w := constant
		if !fixed {
			w = m.pack(pool.weightBlocks(weightBlocks(m.n, m.k)), in[1])
		}
		p := product{
			src: in[0], pixels: m.m, offset: offset, weights: w,
			base: func(row int) int { return row * rowStride },
			dst:  dst, pixelStride: m.n, channelStride: 1,
		}
		pixelTasks, channelTasks := p.tasks(len(pool.workers))
		pool.each(pixelTasks*channelTasks, func(i int, s *scratch) { p.run(i, channelTasks, s) })
	}}, nil
}

func (m matmul) pack(data []weightBlock, b []float32) weights {
	if m.transB {
		return packWeights(data, m.n, m.k, b, m.k, 1)
	}
	return packWeights(data, m.n, m.k, b, 1, m.n)
}
