package ir

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"hamster/model/graph"
	"hamster/model/onnxfile"
)

// parse reads the textual form that Graph.String writes. What the text does not
// tell (weights, scales, biases) is made up from the tensors' sizes, different
// for each operator. Lines may be indented; empty ones are skipped.
func parse(t testing.TB, text string) *Graph {
	t.Helper()
	p := &parser{tensors: map[string]*Tensor{}}
	for _, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if err := p.line(line); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
	}
	return &p.g
}

type parser struct {
	g       Graph
	tensors map[string]*Tensor
}

var (
	tensorText = regexp.MustCompile(`^([^\[\s]+)(?:\[(\d+)×(\d+)×(\d+)\])?$`)
	opText     = regexp.MustCompile(`^(.+?) = (\w+)\(([^)]*)\)(.*)$`)
	actText    = regexp.MustCompile(`^(\w+)\((.*)\)$`)
)

func (p *parser) line(line string) error {
	if name, ok := strings.CutPrefix(line, "input "); ok {
		t, err := p.tensor(name)
		p.g.Inputs = append(p.g.Inputs, t)
		return err
	}
	if name, ok := strings.CutPrefix(line, "output "); ok {
		t, err := p.tensor(name)
		p.g.Outputs = append(p.g.Outputs, t)
		return err
	}
	m := opText.FindStringSubmatch(line)
	if m == nil {
		return fmt.Errorf("is no operator")
	}
	o := &Op{Kind: Kind(m[2])}
	for _, s := range strings.Split(m[3], ", ") {
		t, err := p.tensor(s)
		if err != nil {
			return err
		}
		o.In = append(o.In, t)
	}
	for _, s := range strings.Split(m[1], ", ") {
		t, err := p.tensor(s)
		if err != nil {
			return err
		}
		t.Producer = o
		o.Out = append(o.Out, t)
	}
	o.Name = o.Out[0].Name
	p.g.Ops = append(p.g.Ops, o)
	return p.parameters(o, strings.Fields(m[4]))
}

// tensor finds a tensor, or makes it where its size is given.
func (p *parser) tensor(s string) (*Tensor, error) {
	m := tensorText.FindStringSubmatch(s)
	if m == nil {
		return nil, fmt.Errorf("%q is no tensor", s)
	}
	if t := p.tensors[m[1]]; t != nil {
		return t, nil
	}
	if m[2] == "" {
		return nil, fmt.Errorf("the size of %q is not known", s)
	}
	t := &Tensor{Name: m[1]}
	for i, n := range []*int{&t.H, &t.W, &t.C} {
		*n, _ = strconv.Atoi(m[2+i])
	}
	p.tensors[t.Name] = t
	return t, nil
}

func (p *parser) parameters(o *Op, words []string) error {
	one := [2]int{1, 1}
	w := graph.Window{Kernel: one, Stride: one, Dilation: one}
	groups, countPad, bias := 1, false, false
	var weights []*graph.Value
	for _, word := range words {
		key, value, _ := strings.Cut(word, "=")
		var err error
		switch {
		case key == "stride":
			w.Stride, err = pair(value)
		case key == "dilation":
			w.Dilation, err = pair(value)
		case key == "pad":
			_, err = fmt.Sscanf(value, "%d,%d,%d,%d", &w.Pad[0], &w.Pad[1], &w.Pad[2], &w.Pad[3])
		case key == "groups":
			groups, err = strconv.Atoi(value)
		case key == "w":
			name, dtype, _ := strings.Cut(value, ":")
			d := map[string]onnxfile.DType{"float32": onnxfile.Float32, "uint8": onnxfile.Uint8}[dtype]
			weights = append(weights, &graph.Value{Name: name, DType: d, Const: &onnxfile.Tensor{DType: d}})
		case word == "countpad":
			countPad = true
		case word == "bias":
			bias = true
		case word[0] == '+':
			o.Residual, err = p.tensor(word[1:])
		case word[0] >= '0' && word[0] <= '9':
			w.Kernel, err = pair(word)
		default:
			o.Act, err = act(word)
		}
		if err != nil {
			return err
		}
	}
	c := o.Out[0].C
	switch o.Kind {
	case KindConv:
		o.Conv = &Conv{Window: w, Groups: groups}
		for i, v := range weights {
			x := Weight{Source: v, Layout: OIHW, O: o.Out[i].C, I: o.In[0].C / groups}
			if strings.HasPrefix(v.Name, "io") {
				x.Layout = IO
			}
			if err := x.spread(); err != nil {
				return err
			}
			o.Conv.Weights = append(o.Conv.Weights, x)
			o.Conv.Bias = append(o.Conv.Bias, ramp(x.O, len(v.Name))...)
		}
	case KindMaxPool, KindAvgPool:
		o.Pool = &graph.Pool{Window: w, CountPad: countPad}
		if bias {
			o.Bias = ramp(c, 1)
		}
	case KindPad:
		o.Pad = w.Pad
	case KindAffine:
		o.Scale, o.Bias = ramp(c, 2), ramp(c, 3)
	}
	return nil
}

func pair(s string) (p [2]int, err error) {
	_, err = fmt.Sscanf(s, "%d×%d", &p[0], &p[1])
	return p, err
}

func act(s string) (Act, error) {
	if s == "relu" {
		return Relu, nil
	}
	m := actText.FindStringSubmatch(s)
	if m == nil {
		return Act{Kind: ActKind(s)}, nil
	}
	a := Act{Kind: ActKind(m[1])}
	for i, v := range strings.Split(m[2], ",") {
		f, err := strconv.ParseFloat(v, 32)
		if err != nil {
			return a, err
		}
		*[]*float32{&a.A, &a.B}[i] = float32(f)
	}
	return a, nil
}

// ramp is n numbers near 1, no two alike.
func ramp(n, seed int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = 1 + float32(math.Sin(float64(1+i+10*seed)))/2
	}
	return x
}

func TestTheTextualFormReadsBackTheSame(t *testing.T) {
	const text = `input x[8×8×4]
a[4×4×6] = Conv(x) 3×3 stride=2×2 dilation=1×2 pad=1,2,1,2 groups=2 w=w:uint8 bias relu
b[4×4×6] = MaxPool(a) 3×3 pad=1,1,1,1
c[4×4×6] = AvgPool(a) 3×3 pad=1,1,1,1 countpad clamp(0,6)
d[4×4×6], e[4×4×2] = Conv(c) 1×1 w=w1:float32 w=w2:float32 bias silu
f[4×4×6] = Conv(d) 1×1 w=w3:float32 bias +b leaky(0.1)
g[4×4×6] = Affine(f) bias
h[6×6×6] = Pad(g) pad=1,1,1,1
output h[6×6×6]
output e[4×4×2]
`
	if got := parse(t, text).String(); got != text {
		t.Errorf("got\n%s", got)
	}
}
