package simd

import (
	"hamster/model/simd/ir"
)

// buffer is the memory of a tensor that is no slice: NHWC float32 with a border
// of zeros wide enough for every convolution that reads it.
type buffer struct {
	span
	h, w, c                  int
	top, left, bottom, right int          // the halo, in pixels
	tensors                  []*ir.Tensor // whose memory it is
}

func (b *buffer) pixelStride() int { return 4 * b.c }
func (b *buffer) rowStride() int   { return (b.left + b.w + b.right) * b.pixelStride() }
func (b *buffer) rows() int        { return b.top + b.h + b.bottom }
func (b *buffer) haloed() bool     { return b.top+b.left+b.bottom+b.right > 0 }

// view is a tensor in memory: a buffer, from a channel on.
type view struct {
	*buffer
	base uint32 // the arena's address
	at   int
}

// pixel is the address of the view's first channel at (y, x), which may lie in
// the halo.
func (v view) pixel(y, x int) uint32 {
	return uint32(int(v.base) + v.offset + (v.top+y)*v.rowStride() + (v.left+x)*v.pixelStride() + 4*v.at)
}

// dense tells whether the view's elements lie without gaps.
func (v view) dense() bool { return !v.haloed() && v.at == 0 }

// buffers lays out the tensors of g: which share memory, what halo they need and
// from which operator to which they are in use. Inputs are in use from before
// the first operator, outputs and what is kept until after the last.
func buffers(g *ir.Graph) map[*ir.Tensor]*buffer {
	bufs := map[*ir.Tensor]*buffer{}
	get := func(t *ir.Tensor, at int) *buffer {
		root, _ := t.Root()
		b := bufs[root]
		if b == nil {
			b = &buffer{h: root.H, w: root.W, c: root.C, tensors: []*ir.Tensor{root}}
			b.first, b.last = at, at
			bufs[root] = b
		}
		b.last = max(b.last, at)
		return b
	}
	for _, t := range g.Inputs {
		get(t, -1)
	}
	for i, o := range g.Ops {
		for _, t := range o.Inputs() {
			b := get(t, i)
			if o.Conv != nil && t == o.In[0] {
				b.widen(o)
			}
		}
		for _, t := range o.Out {
			get(t, i)
		}
	}
	for _, t := range g.Outputs {
		get(t, len(g.Ops))
	}
	for _, t := range g.Kept {
		get(t, len(g.Ops))
	}
	for i, o := range g.Ops {
		reuse(g, bufs, i, o)
	}
	for _, b := range bufs {
		b.size = b.rows() * b.rowStride()
	}
	return bufs
}

// widen makes the halo hold every tap of a convolution.
func (b *buffer) widen(o *ir.Op) {
	c, out := o.Conv, o.Out[0]
	past := func(axis, outputs, size int) int {
		last := (outputs-1)*c.Stride[axis] + (c.Kernel[axis]-1)*c.Dilation[axis] - c.Pad[axis]
		return max(0, last-(size-1))
	}
	b.top, b.left = max(b.top, c.Pad[0]), max(b.left, c.Pad[1])
	b.bottom, b.right = max(b.bottom, past(0, out.H, b.h)), max(b.right, past(1, out.W, b.w))
}

// reuse lets an operator write over its input where each element depends on no
// other, the input is not needed again, and both have the same shape.
func reuse(g *ir.Graph, bufs map[*ir.Tensor]*buffer, i int, o *ir.Op) {
	var in *ir.Tensor
	switch o.Kind {
	case ir.KindUnary, ir.KindAffine, ir.KindAdd, ir.KindSub, ir.KindMul, ir.KindDiv:
		in = o.In[0]
	case ir.KindConv:
		// A tile reads all of its residual before it writes.
		in = o.Residual
	}
	if in == nil || len(o.Out) != 1 || in.Parent != nil || o.Out[0].Parent != nil {
		return
	}
	a, b := bufs[in], bufs[o.Out[0]]
	if a == b || a.last != i || b.first != i || a.c != b.c || a.h != b.h || a.w != b.w {
		return
	}
	if o.Kind == ir.KindConv && bufs[root(o.In[0])] == a {
		return
	}
	for _, t := range g.Inputs {
		if bufs[root(t)] == a {
			return // the caller may run again without writing its input again
		}
	}
	a.last = b.last
	a.top, a.left = max(a.top, b.top), max(a.left, b.left)
	a.bottom, a.right = max(a.bottom, b.bottom), max(a.right, b.right)
	for _, t := range b.tensors {
		bufs[t] = a
	}
	a.tensors = append(a.tensors, b.tensors...)
}

func root(t *ir.Tensor) *ir.Tensor {
	r, _ := t.Root()
	return r
}
