package ir

import (
	"fmt"
	"testing"
)

// check fails the test where a graph breaks a rule that compilers of it rely on.
func check(t testing.TB, g *Graph) {
	t.Helper()
	if err := invariants(g); err != nil {
		t.Errorf("%v in\n%s", err, g)
	}
}

// invariants are: operators stand behind those that make what they read; every
// tensor has one writer, which it names; a slice lies within its parent, beside
// the others; sizes are those that the operators give.
func invariants(g *Graph) error {
	written := map[*Tensor]*Op{}
	ready := map[*Tensor]bool{}
	for _, t := range g.Inputs {
		if t.Producer != nil || t.Parent != nil {
			return fmt.Errorf("input %s is written by the graph or lies in a slice", t)
		}
		ready[t] = true
	}
	// The slices of a tensor, and how many of its channels they fill.
	filled := map[*Tensor]int{}
	var fill func(t *Tensor)
	fill = func(t *Tensor) {
		p := t.Parent
		if p == nil {
			return
		}
		filled[p] += t.C
		if filled[p] == p.C {
			ready[p] = true
			fill(p)
		}
	}
	for _, o := range g.Ops {
		for _, t := range o.Inputs() {
			if !ready[t] {
				return fmt.Errorf("%s reads %s before it is there", o, t.Name)
			}
		}
		if len(o.Out) == 0 {
			return fmt.Errorf("%s gives nothing", o)
		}
		for _, t := range o.Out {
			if written[t] != nil {
				return fmt.Errorf("%s is written twice", t)
			}
			written[t] = o
			if t.Producer != o {
				return fmt.Errorf("%s does not name the operator that writes it", t)
			}
			if p := t.Parent; p != nil && (t.H != p.H || t.W != p.W || t.At < 0 || t.At+t.C > p.C) {
				return fmt.Errorf("%s does not lie within %s", t, p)
			}
			ready[t] = true
			fill(t)
		}
		if err := sizes(o); err != nil {
			return fmt.Errorf("%s: %w", o, err)
		}
	}
	for _, t := range g.Outputs {
		if !ready[t] {
			return fmt.Errorf("output %s is not computed", t)
		}
	}
	return overlaps(g)
}

// overlaps looks for slices of one tensor that share channels.
func overlaps(g *Graph) error {
	owner := map[*Tensor][]*Tensor{}
	for _, o := range g.Ops {
		for _, t := range o.Out {
			root, at := t.Root()
			if owner[root] == nil {
				owner[root] = make([]*Tensor, root.C)
			}
			for c := at; c < at+t.C; c++ {
				if other := owner[root][c]; other != nil {
					return fmt.Errorf("%s and %s share channel %d of %s", other, t, c, root)
				}
				owner[root][c] = t
			}
		}
	}
	return nil
}

// sizes checks the results' sizes against the operator's parameters.
func sizes(o *Op) error {
	x, y := o.In[0], o.Out[0]
	h, w, c := x.H, x.W, x.C
	switch o.Kind {
	case KindConv:
		var err error
		if h, w, err = o.Conv.Out(x.H, x.W); err != nil {
			return err
		}
		if len(o.Conv.Bias) != o.Conv.Outputs() {
			return fmt.Errorf("%d biases for %d channels", len(o.Conv.Bias), o.Conv.Outputs())
		}
		if len(o.Out) > 1 && len(o.Out) != len(o.Conv.Weights) {
			return fmt.Errorf("%d results of %d weights", len(o.Out), len(o.Conv.Weights))
		}
		total := 0
		for i, t := range o.Out {
			if len(o.Out) > 1 && t.C != o.Conv.Weights[i].O {
				return fmt.Errorf("%s has not the channels of weights %d", t, i)
			}
			if t.H != h || t.W != w {
				return fmt.Errorf("%s should be %d×%d", t, h, w)
			}
			total += t.C
		}
		if total != o.Conv.Outputs() {
			return fmt.Errorf("%d channels, want %d", total, o.Conv.Outputs())
		}
		for _, v := range o.Conv.Weights {
			if v.I*o.Conv.Groups != x.C {
				return fmt.Errorf("weights of %d × %d inputs on %d channels", v.I, o.Conv.Groups, x.C)
			}
			if len(v.Scale) != v.O || len(v.Zero) != v.O {
				return fmt.Errorf("%d scales and %d zero points for %d outputs", len(v.Scale), len(v.Zero), v.O)
			}
		}
		if r := o.Residual; r != nil && (r.H != h || r.W != w || r.C != total) {
			return fmt.Errorf("residual %s", r)
		}
		return nil
	case KindMaxPool, KindAvgPool:
		var err error
		if h, w, err = o.Pool.Out(x.H, x.W); err != nil {
			return err
		}
		if o.Bias != nil && len(o.Bias) != c {
			return fmt.Errorf("%d biases", len(o.Bias))
		}
	case KindGlobalAvg, KindGlobalMax:
		h, w = 1, 1
	case KindFlatten:
		h, w, c = 1, 1, x.Len()
	case KindPad:
		h, w = x.H+o.Pad[0]+o.Pad[2], x.W+o.Pad[1]+o.Pad[3]
	case KindConcat:
		c = 0
		for _, t := range o.In {
			if t.H != h || t.W != w {
				return fmt.Errorf("%s beside %s", x, t)
			}
			c += t.C
		}
	case KindAffine:
		if len(o.Scale) != c || len(o.Bias) != c {
			return fmt.Errorf("%d scales and %d biases", len(o.Scale), len(o.Bias))
		}
	case KindAdd, KindSub, KindMul, KindDiv:
		if b := o.In[1]; b.C != c || (b.H != h || b.W != w) && b.H*b.W != 1 {
			return fmt.Errorf("%s and %s", x, b)
		}
	}
	if len(o.Out) != 1 || y.H != h || y.W != w || y.C != c {
		return fmt.Errorf("the result is %s, want %d×%d×%d", y, h, w, c)
	}
	return nil
}
