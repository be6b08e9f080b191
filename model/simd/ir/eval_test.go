package ir

import (
	"fmt"
	"math"
	"math/rand/v2"

	"hamster/model/graph"
)

// evaluate computes a graph by the definition of each operator, in float64, with
// slices in their parents' memory. Inputs and outputs are in NHWC.
func evaluate(g *Graph, weights func(*graph.Value) ([]float32, error), inputs [][]float64) ([][]float64, error) {
	e := &evaluation{weights: weights, memory: map[*Tensor][]float64{}}
	for i, t := range g.Inputs {
		copy(e.root(t), inputs[i])
	}
	for _, o := range g.Ops {
		if err := e.op(o); err != nil {
			return nil, fmt.Errorf("%s: %w", o, err)
		}
	}
	var outs [][]float64
	for _, t := range g.Outputs {
		var out []float64
		for y := range t.H {
			for x := range t.W {
				for c := range t.C {
					out = append(out, *e.at(t, y, x, c))
				}
			}
		}
		outs = append(outs, out)
	}
	return outs, nil
}

type evaluation struct {
	weights func(*graph.Value) ([]float32, error)
	memory  map[*Tensor][]float64
}

func (e *evaluation) root(t *Tensor) []float64 {
	r, _ := t.Root()
	if e.memory[r] == nil {
		m := make([]float64, r.Len())
		for i := range m {
			m[i] = math.NaN() // what is read before it is written shows
		}
		e.memory[r] = m
	}
	return e.memory[r]
}

func (e *evaluation) at(t *Tensor, y, x, c int) *float64 {
	r, at := t.Root()
	return &e.root(t)[(y*r.W+x)*r.C+at+c]
}

func (e *evaluation) op(o *Op) error {
	x, y := o.In[0], o.Out[0]
	// each sets every element of the result, the activation applied.
	each := func(f func(h, w, c int) float64) {
		for h := range y.H {
			for w := range y.W {
				for c := range y.C {
					*e.at(y, h, w, c) = o.Act.apply(f(h, w, c))
				}
			}
		}
	}
	switch o.Kind {
	case KindConv:
		return e.conv(o)
	case KindMaxPool, KindAvgPool:
		each(func(h, w, c int) float64 { return e.pool(o, h, w, c) })
	case KindGlobalAvg, KindGlobalMax:
		each(func(_, _, c int) float64 {
			sum, top := 0.0, math.Inf(-1)
			for h := range x.H {
				for w := range x.W {
					sum, top = sum+*e.at(x, h, w, c), max(top, *e.at(x, h, w, c))
				}
			}
			if o.Kind == KindGlobalMax {
				return top
			}
			return sum / float64(x.H*x.W)
		})
	case KindAffine:
		each(func(h, w, c int) float64 { return *e.at(x, h, w, c)*float64(o.Scale[c]) + float64(o.Bias[c]) })
	case KindUnary, KindIdentity:
		each(func(h, w, c int) float64 { return *e.at(x, h, w, c) })
	case KindAdd, KindSub, KindMul, KindDiv:
		b := o.In[1]
		each(func(h, w, c int) float64 {
			p, q := *e.at(x, h, w, c), *e.at(b, h%b.H, w%b.W, c)
			return map[Kind]float64{KindAdd: p + q, KindSub: p - q, KindMul: p * q, KindDiv: p / q}[o.Kind]
		})
	case KindConcat:
		first := 0
		for _, t := range o.In {
			for h := range t.H {
				for w := range t.W {
					for c := range t.C {
						*e.at(y, h, w, first+c) = *e.at(t, h, w, c)
					}
				}
			}
			first += t.C
		}
	case KindSoftmax:
		for h := range x.H {
			for w := range x.W {
				sum := 0.0
				for c := range x.C {
					sum += math.Exp(*e.at(x, h, w, c))
				}
				for c := range x.C {
					*e.at(y, h, w, c) = math.Exp(*e.at(x, h, w, c)) / sum
				}
			}
		}
	case KindFlatten:
		each(func(_, _, i int) float64 { return *e.at(x, i/x.W%x.H, i%x.W, i/(x.H*x.W)) })
	case KindPad:
		each(func(h, w, c int) float64 {
			if h, w = h-o.Pad[0], w-o.Pad[1]; h < 0 || h >= x.H || w < 0 || w >= x.W {
				return 0
			}
			return *e.at(x, h, w, c)
		})
	default:
		return fmt.Errorf("is not known")
	}
	return nil
}

func (e *evaluation) conv(o *Op) error {
	conv, x := o.Conv, o.In[0]
	kh, kw := conv.Kernel[0], conv.Kernel[1]
	channel := 0 // of all results together
	for i, w := range conv.Weights {
		stored, err := e.weights(w.Source)
		if err != nil {
			return err
		}
		for m := range w.O {
			t, c := o.Out[0], channel
			if len(o.Out) > 1 {
				t, c = o.Out[i], m
			}
			first := m / (w.O / conv.Groups) * w.I
			for oy := range t.H {
				for ox := range t.W {
					sum := float64(conv.Bias[channel])
					for k := range w.I {
						for ky := range kh {
							for kx := range kw {
								iy := oy*conv.Stride[0] + ky*conv.Dilation[0] - conv.Pad[0]
								ix := ox*conv.Stride[1] + kx*conv.Dilation[1] - conv.Pad[1]
								if iy < 0 || iy >= x.H || ix < 0 || ix >= x.W {
									continue
								}
								at := ((m*w.I+k)*kh+ky)*kw + kx
								if w.Layout == IO {
									at = k*w.O + m
								}
								sum += (float64(stored[at]) - float64(w.Zero[m])) * float64(w.Scale[m]) * *e.at(x, iy, ix, first+k)
							}
						}
					}
					if o.Residual != nil {
						sum += *e.at(o.Residual, oy, ox, c)
					}
					*e.at(t, oy, ox, c) = o.Act.apply(sum)
				}
			}
			channel++
		}
	}
	return nil
}

func (e *evaluation) pool(o *Op, oy, ox, c int) float64 {
	p, x := o.Pool, o.In[0]
	sum, top, count := 0.0, math.Inf(-1), 0
	for ky := range p.Kernel[0] {
		for kx := range p.Kernel[1] {
			iy := oy*p.Stride[0] + ky*p.Dilation[0] - p.Pad[0]
			ix := ox*p.Stride[1] + kx*p.Dilation[1] - p.Pad[1]
			inside := iy >= 0 && iy < x.H && ix >= 0 && ix < x.W
			if inside {
				sum, top = sum+*e.at(x, iy, ix, c), max(top, *e.at(x, iy, ix, c))
			}
			// Past the padding nothing counts.
			if inside || p.CountPad && iy < x.H+p.Pad[2] && ix < x.W+p.Pad[3] {
				count++
			}
		}
	}
	if o.Kind == KindMaxPool {
		return top
	}
	sum /= float64(count)
	if o.Bias != nil {
		sum += float64(o.Bias[c])
	}
	return sum
}

func (a Act) apply(x float64) float64 {
	sigmoid := 1 / (1 + math.Exp(-x))
	switch a.Kind {
	case ActClamp:
		return min(max(x, float64(a.A)), float64(a.B))
	case ActHardSigmoid:
		return max(0, min(1, float64(a.A)*x+float64(a.B)))
	case ActHardSwish:
		return x * max(0, min(1, x/6+0.5))
	case ActLeaky:
		if x < 0 {
			return float64(a.A) * x
		}
		return x
	case ActSigmoid:
		return sigmoid
	case ActSilu:
		return x * sigmoid
	case ActTanh:
		return math.Tanh(x)
	case ActExp:
		return math.Exp(x)
	case ActElu:
		if x < 0 {
			return float64(a.A) * math.Expm1(x)
		}
		return x
	case ActErf:
		return math.Erf(x)
	case ActGelu:
		return x / 2 * (1 + math.Erf(x/math.Sqrt2))
	case ActSoftplus:
		return math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
	case ActAbs:
		return math.Abs(x)
	case ActNeg:
		return -x
	case ActSqrt:
		return math.Sqrt(x)
	case ActReciprocal:
		return 1 / x
	case ActFloor:
		return math.Floor(x)
	case ActCeil:
		return math.Ceil(x)
	}
	return x
}

// randomInputs makes an input of values in −1…1 for each of g's.
func randomInputs(g *Graph, seed uint64) [][]float64 {
	r := rand.New(rand.NewPCG(seed, 3))
	var inputs [][]float64
	for _, t := range g.Inputs {
		x := make([]float64, t.Len())
		for i := range x {
			x[i] = 2*r.Float64() - 1
		}
		inputs = append(inputs, x)
	}
	return inputs
}
