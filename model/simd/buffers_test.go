package simd

import (
	"context"
	"fmt"
	"testing"

	"hamster/model/conformance"
	"hamster/model/graph"
	"hamster/model/simd/ir"
	"hamster/model/simd/simdtest"
)

// randomModels gives models of both generators, those that the engine takes.
func randomModels(t *testing.T, seeds uint64, use func(name string, g *graph.Graph)) {
	t.Helper()
	for seed := range seeds {
		for name, model := range map[string]func(uint64) []byte{"blocks": simdtest.Blocks, "windows": conformance.RandomGraph} {
			g, err := conformance.Import(model(seed))
			if err != nil {
				t.Fatalf("%s %d: %v", name, seed, err)
			}
			if _, err := ir.Lower(g); err == nil {
				use(fmt.Sprintf("%s %d", name, seed), g)
			}
		}
	}
}

// plan compiles a graph and hands over the compiler with its memory placed.
func plan(t *testing.T, g *graph.Graph, opts Options, look func(c *compiler)) {
	t.Helper()
	_, err := compile(context.Background(), g, opts, func(c *compiler, _ *Compiled) error {
		look(c)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestNoOperatorReadsWhatAnotherHasOverwritten(t *testing.T) {
	shared := 0
	randomModels(t, 150, func(name string, g *graph.Graph) {
		plan(t, g, Options{}, func(c *compiler) {
			n, err := followMemory(c)
			if err != nil {
				t.Errorf("%s: %v in\n%s", name, err, c.g)
			}
			shared += n
		})
	})
	if shared == 0 {
		t.Error("no operator ever wrote in place")
	}
}

// followMemory goes through the operators and keeps account of which tensor's
// values each buffer holds. It counts what is computed in place.
func followMemory(c *compiler) (inPlace int, err error) {
	intact := map[*ir.Tensor]bool{} // by the tensor that owns the memory
	write := func(t *ir.Tensor) {
		r := root(t)
		b := c.bufs[r]
		for other := range intact {
			o := c.bufs[other]
			if other != r && o.offset < b.offset+b.size && b.offset < o.offset+o.size {
				delete(intact, other)
			}
		}
		intact[r] = true
	}
	read := func(t *ir.Tensor) error {
		if !intact[root(t)] {
			return fmt.Errorf("%s is overwritten or not there", t)
		}
		return nil
	}
	for _, t := range c.g.Inputs {
		write(t)
	}
	for _, o := range c.g.Ops {
		for _, t := range o.Inputs() {
			if err := read(t); err != nil {
				return 0, fmt.Errorf("%s: %w", o, err)
			}
		}
		for _, t := range o.Out {
			// What is written while others are still read must lie elsewhere, but
			// for operators that read an element before they write it.
			for i, in := range o.Inputs() {
				if c.bufs[root(in)] != c.bufs[root(t)] || root(in) == root(t) {
					continue
				}
				elementwise := o.Kind != ir.KindConv && in.H == t.H && in.W == t.W && in.C == t.C
				if residual := i == len(o.In); !elementwise && !residual {
					return 0, fmt.Errorf("%s writes over %s", o, in)
				}
				inPlace++
			}
			write(t)
		}
	}
	for _, t := range c.g.Outputs {
		if err := read(t); err != nil {
			return 0, fmt.Errorf("output: %w", err)
		}
	}
	return inPlace, nil
}

func TestABorderHoldsEveryTapOfEveryConvolution(t *testing.T) {
	convolutions := 0
	randomModels(t, 150, func(name string, g *graph.Graph) {
		plan(t, g, Options{}, func(c *compiler) {
			for _, o := range c.g.Ops {
				if o.Conv == nil {
					continue
				}
				convolutions++
				b := c.bufs[root(o.In[0])]
				top := -o.Conv.Pad[0]
				left := -o.Conv.Pad[1]
				bottom := top + (o.Out[0].H-1)*o.Conv.Stride[0] + (o.Conv.Kernel[0]-1)*o.Conv.Dilation[0]
				right := left + (o.Out[0].W-1)*o.Conv.Stride[1] + (o.Conv.Kernel[1]-1)*o.Conv.Dilation[1]
				if top < -b.top || left < -b.left || bottom >= b.h+b.bottom || right >= b.w+b.right {
					t.Errorf("%s: %s reads rows %d…%d, columns %d…%d of %d×%d with a border of %d, %d, %d, %d",
						name, o, top, bottom, left, right, b.h, b.w, b.top, b.left, b.bottom, b.right)
				}
			}
		})
	})
	if convolutions < 300 {
		t.Errorf("%d convolutions, which says little", convolutions)
	}
}

func TestATensorThatNoConvolutionPadsHasNoBorder(t *testing.T) {
	randomModels(t, 60, func(name string, g *graph.Graph) {
		plan(t, g, Options{}, func(c *compiler) {
			padded := map[*buffer]bool{}
			for _, o := range c.g.Ops {
				if o.Conv != nil {
					x, y, w := o.In[0], o.Out[0], o.Conv.Window
					past := (y.H-1)*w.Stride[0]+(w.Kernel[0]-1)*w.Dilation[0]-w.Pad[0] >= x.H ||
						(y.W-1)*w.Stride[1]+(w.Kernel[1]-1)*w.Dilation[1]-w.Pad[1] >= x.W
					if past || w.Pad[0] > 0 || w.Pad[1] > 0 {
						padded[c.bufs[root(x)]] = true
					}
				}
			}
			for tensor, b := range c.bufs {
				if b.haloed() && !padded[b] {
					t.Errorf("%s: %s has a border that nothing reads", name, tensor)
				}
			}
		})
	})
}
