package ir

import (
	"math"
	"slices"
)

// Pass is one rewriting of a graph. It returns how often it changed something.
type Pass struct {
	Name string
	Run  func(*Graph) int
}

// Passes are run in this order, once each. They keep what the graph computes,
// up to rounding, and they keep the operators in topological order.
var Passes = []Pass{
	{"drop-identity", dropIdentity},
	{"fold-pad", foldPad},
	{"fold-flatten", foldFlatten},
	{"fold-affine", foldAffine},
	{"find-swish", findSwish},
	{"fuse-residual", fuseResidual},
	{"fuse-activation", fuseActivation},
	{"exchange-pool", exchangePool},
	{"merge-siblings", mergeSiblings},
	{"place-concat", placeConcat},
	{"drop-dead", dropDead},
}

// Optimise runs all passes; watch, where given, sees the graph after each.
func Optimise(g *Graph, watch func(pass string, changed int, g *Graph)) {
	for _, p := range Passes {
		n := p.Run(g)
		if watch != nil {
			watch(p.Name, n, g)
		}
	}
}

// dropIdentity takes out operators that only pass on their input. An output that
// is an input of the graph keeps its copy.
func dropIdentity(g *Graph) int {
	gone, by := map[*Op]bool{}, map[*Tensor]*Tensor{}
	follow := func(t **Tensor) {
		if x := by[*t]; x != nil {
			*t = x
		}
	}
	for _, o := range g.Ops {
		for i := range o.In {
			follow(&o.In[i])
		}
		follow(&o.Residual)
		if o.Kind != KindIdentity || o.In[0].Producer == nil && g.isOutput(o.Out[0]) {
			continue
		}
		by[o.Out[0]] = o.In[0]
		gone[o] = true
	}
	for i := range g.Outputs {
		follow(&g.Outputs[i])
	}
	for i := range g.Kept {
		follow(&g.Kept[i])
	}
	g.remove(gone)
	return len(gone)
}

// foldPad moves zeros around an image into the pads of the convolutions that
// read it.
func foldPad(g *Graph) int {
	users, gone := g.consumers(), map[*Op]bool{}
pads:
	for _, o := range g.Ops {
		if o.Kind != KindPad || g.isOutput(o.Out[0]) {
			continue
		}
		for _, u := range users[o.Out[0]] {
			if u.Kind != KindConv {
				continue pads
			}
		}
		for _, u := range users[o.Out[0]] {
			for i, p := range o.Pad {
				u.Conv.Pad[i] += p
			}
			u.In[0] = o.In[0]
		}
		gone[o] = true
	}
	g.remove(gone)
	return len(gone)
}

// foldFlatten turns a matrix product over a flattened image into a convolution
// whose kernel is the whole image: the stored order C, H, W is that of OIHW.
func foldFlatten(g *Graph) int {
	users, gone := g.consumers(), map[*Op]bool{}
flattens:
	for _, o := range g.Ops {
		if o.Kind != KindFlatten || g.isOutput(o.Out[0]) {
			continue
		}
		x := o.In[0]
		for _, u := range users[o.Out[0]] {
			if u.Kind != KindConv || u.Conv.Weights[0].Layout != OIHW || u.Conv.Groups != 1 ||
				u.Conv.Kernel != [2]int{1, 1} || u.Conv.Pad != [4]int{} {
				continue flattens
			}
		}
		for _, u := range users[o.Out[0]] {
			u.In[0] = x
			u.Conv.Kernel = [2]int{x.H, x.W}
			u.Conv.Weights[0].I = x.C
		}
		gone[o] = true
	}
	g.remove(gone)
	return len(gone)
}

// foldAffine folds a scale and bias per channel (a BatchNormalization) into the
// convolution before it, or into another affine map.
func foldAffine(g *Graph) int {
	users, gone := g.consumers(), map[*Op]bool{}
	for _, o := range g.Ops {
		if o.Kind != KindAffine {
			continue
		}
		p := o.In[0].Producer
		if p == nil || g.sole(users, o.In[0]) == nil || p.Act.Kind != ActNone || p.Residual != nil || len(p.Out) != 1 {
			continue
		}
		switch p.Kind {
		case KindConv:
			w := &p.Conv.Weights[0]
			for c, s := range o.Scale {
				w.Scale[c] *= s
				p.Conv.Bias[c] = p.Conv.Bias[c]*s + o.Bias[c]
			}
		case KindAffine:
			for c, s := range o.Scale {
				p.Scale[c] *= s
				p.Bias[c] = p.Bias[c]*s + o.Bias[c]
			}
		default:
			continue
		}
		p.Act = o.Act
		p.Out[0] = o.Out[0]
		o.Out[0].Producer = p
		gone[o] = true
	}
	g.remove(gone)
	return len(gone)
}

// findSwish recognises x·sigmoid(x) and x·hardsigmoid(x), which exporters write
// out.
func findSwish(g *Graph) int {
	users, gone := g.consumers(), map[*Op]bool{}
	for _, o := range g.Ops {
		if o.Kind != KindMul {
			continue
		}
		for i, gate := range o.In {
			s, x := gate.Producer, o.In[1-i]
			if s == nil || s.Kind != KindUnary || s.In[0] != x || g.sole(users, gate) == nil {
				continue
			}
			act := Act{}
			switch {
			case s.Act.Kind == ActSigmoid:
				act.Kind = ActSilu
			case s.Act.Kind == ActHardSigmoid && math.Abs(float64(s.Act.A)-1.0/6) < 1e-6 && s.Act.B == 0.5:
				act.Kind = ActHardSwish
			default:
				continue
			}
			o.Kind, o.In, o.Act = KindUnary, []*Tensor{x}, act
			gone[s] = true
			break
		}
	}
	g.remove(gone)
	return len(gone)
}

// fuseResidual makes a convolution add another tensor to its result, where an
// Add is all that reads it.
func fuseResidual(g *Graph) int {
	users, moved := g.consumers(), map[*Op]*Op{}
	gone := map[*Op]bool{}
	for _, o := range g.Ops {
		if o.Kind != KindAdd || o.In[0] == o.In[1] {
			continue
		}
		for i, t := range o.In {
			p, other := t.Producer, o.In[1-i]
			if p == nil || p.Kind != KindConv || p.Residual != nil || p.Act.Kind != ActNone || gone[p] || g.sole(users, t) == nil {
				continue
			}
			if other.H != t.H || other.W != t.W || other.C != t.C || p.Conv.Groups != 1 {
				continue
			}
			// The sum stands after both of its operands, so the convolution moves
			// there.
			fused := *p
			fused.Residual, fused.Out, fused.Act = other, o.Out, o.Act
			moved[o] = &fused
			o.Out[0].Producer = &fused
			gone[p] = true
			break
		}
	}
	for i, o := range g.Ops {
		if f := moved[o]; f != nil {
			g.Ops[i] = f
		}
	}
	g.remove(gone)
	return len(moved)
}

// fuseActivation applies an activation where its input is computed.
func fuseActivation(g *Graph) int {
	users, gone := g.consumers(), map[*Op]bool{}
	for _, o := range g.Ops {
		if o.Kind != KindUnary {
			continue
		}
		p := o.In[0].Producer
		if p == nil || p.Act.Kind != ActNone || g.sole(users, o.In[0]) == nil || len(p.Out) != 1 || !fusesActivation(p, o.Act) {
			continue
		}
		p.Act = o.Act
		p.Out[0] = o.Out[0]
		o.Out[0].Producer = p
		gone[o] = true
	}
	g.remove(gone)
	return len(gone)
}

func fusesActivation(p *Op, act Act) bool {
	switch p.Kind {
	case KindConv, KindAffine, KindMaxPool, KindAvgPool, KindAdd, KindSub, KindMul, KindDiv:
		// Others stand alone in networks: no variant of every kernel for them.
		return slices.Contains([]ActKind{
			ActClamp, ActHardSigmoid, ActHardSwish, ActLeaky, ActSigmoid, ActSilu, ActTanh, ActElu, ActGelu, ActSoftplus,
		}, act.Kind)
	}
	return false
}

// exchangePool runs a 1×1 convolution before the average pool it follows: both
// are linear, and the pool then runs on fewer channels. A mean over whole or
// clipped windows has weights that add up to one, but one that counts the
// padding does not, so bias and activation stay behind the pool in either case.
func exchangePool(g *Graph) int {
	users, n := g.consumers(), 0
	for i, p := range g.Ops {
		if p.Kind != KindAvgPool || p.Act.Kind != ActNone || p.Bias != nil || p.Pool.Stride != [2]int{1, 1} {
			continue
		}
		c := g.sole(users, p.Out[0])
		if c == nil || !pointwise(c) || c.Residual != nil || c.Conv.Outputs() >= p.In[0].C {
			continue
		}
		at := indexOf(g.Ops, c)
		mid, x, y := p.Out[0], p.In[0], c.Out[0]
		mid.C, mid.H, mid.W = c.Conv.Outputs(), x.H, x.W
		p.Bias, c.Conv.Bias = c.Conv.Bias, make([]float32, mid.C)
		p.Act, c.Act = c.Act, Act{}
		c.In[0], c.Out[0], mid.Producer = x, mid, c
		p.In[0], p.Out[0], y.Producer = mid, y, p
		g.Ops[i], g.Ops[at] = c, p
		n++
	}
	return n
}

func pointwise(o *Op) bool {
	return o.Kind == KindConv && o.Conv.Kernel == [2]int{1, 1} && o.Conv.Stride == [2]int{1, 1} &&
		o.Conv.Pad == [4]int{} && o.Conv.Groups == 1
}

func indexOf(ops []*Op, o *Op) int {
	for i, x := range ops {
		if x == o {
			return i
		}
	}
	return -1
}

// mergeSiblings makes one convolution of the 1×1 convolutions that read one
// tensor and end in the same activation.
func mergeSiblings(g *Graph) int {
	type key struct {
		x   *Tensor
		act Act
	}
	first, gone := map[key]*Op{}, map[*Op]bool{}
	for _, o := range g.Ops {
		if !pointwise(o) || o.Residual != nil {
			continue
		}
		k := key{o.In[0], o.Act}
		f := first[k]
		if f == nil {
			first[k] = o
			continue
		}
		f.Conv.Weights = append(f.Conv.Weights, o.Conv.Weights...)
		f.Conv.Bias = append(f.Conv.Bias, o.Conv.Bias...)
		f.Out = append(f.Out, o.Out...)
		for _, t := range o.Out {
			t.Producer = f
		}
		f.Name += "+" + o.Name
		gone[o] = true
	}
	g.remove(gone)
	return len(gone)
}

// placeConcat makes the operands of a concatenation slices of its result, so
// that they are computed in place and nothing is copied.
func placeConcat(g *Graph) int {
	gone, n := map[*Op]bool{}, 0
	for _, o := range g.Ops {
		if o.Kind != KindConcat {
			continue
		}
		ok := true
		seen := map[*Tensor]bool{}
		for _, t := range o.In {
			// An input of the graph is written by the caller, a flattened tensor
			// has another shape, and a tensor can lie in one place only.
			if t.Producer == nil || t.Parent != nil || seen[t] || t.Producer.Kind == KindFlatten || t.Producer.Kind == KindSoftmax {
				ok = false
			}
			seen[t] = true
		}
		if !ok {
			continue
		}
		at := 0
		for _, t := range o.In {
			t.Parent, t.At = o.Out[0], at
			at += t.C
		}
		// The result counts as computed by the last of its operands.
		o.Out[0].Producer = o.In[len(o.In)-1].Producer
		gone[o] = true
		n++
	}
	g.remove(gone)
	return n
}

// dropDead takes out what no output depends on.
func dropDead(g *Graph) int {
	live := map[*Tensor]bool{}
	for _, t := range g.Outputs {
		live[t] = true
	}
	for _, t := range g.Kept {
		live[t] = true
	}
	gone := map[*Op]bool{}
	for i := len(g.Ops) - 1; i >= 0; i-- {
		o, needed := g.Ops[i], false
		for _, t := range o.Out {
			for ; t != nil; t = t.Parent {
				needed = needed || live[t]
			}
		}
		if !needed {
			gone[o] = true
			continue
		}
		for _, t := range o.Inputs() {
			live[t] = true
		}
	}
	g.remove(gone)
	return len(gone)
}
