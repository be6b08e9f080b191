package ir

import (
	"strings"
	"testing"
)

// passCase is the graph before and after a pass. An after of "" means that the
// pass changes nothing.
type passCase struct {
	name          string
	before, after string
}

// indented takes the tests' indentation away.
func indented(text string) string {
	var b strings.Builder
	for _, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

func pass(t testing.TB, name string) Pass {
	for _, p := range Passes {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("there is no pass %q", name)
	return Pass{}
}

// passCases are by the name of their pass.
var passCases = map[string][]passCase{
	"drop-identity": {
		{"in the middle", `
			input x[4×4×3]
			a[4×4×3] = Identity(x)
			b[4×4×3] = Unary(a) relu
			output b`, `
			input x[4×4×3]
			b[4×4×3] = Unary(x) relu
			output b[4×4×3]`},
		{"a chain, read twice", `
			input x[4×4×3]
			a[4×4×3] = Identity(x)
			b[4×4×3] = Identity(a)
			c[4×4×3] = Mul(b, a)
			output c`, `
			input x[4×4×3]
			c[4×4×3] = Mul(x, x)
			output c[4×4×3]`},
		{"an output", `
			input x[4×4×3]
			a[4×4×3] = Unary(x) relu
			b[4×4×3] = Identity(a)
			output b`, `
			input x[4×4×3]
			a[4×4×3] = Unary(x) relu
			output a[4×4×3]`},
		{"the only thing between input and output", `
			input x[4×4×3]
			a[4×4×3] = Identity(x)
			output a`, ""},
		{"two between input and output: one stays", `
			input x[4×4×3]
			a[4×4×3] = Identity(x)
			b[4×4×3] = Identity(a)
			output b`, `
			input x[4×4×3]
			b[4×4×3] = Identity(x)
			output b[4×4×3]`},
		{"a residual", `
			input x[4×4×3]
			a[4×4×3] = Identity(x)
			b[4×4×3] = Conv(x) 1×1 w=w:float32 bias +a
			output b`, `
			input x[4×4×3]
			b[4×4×3] = Conv(x) 1×1 w=w:float32 bias +x
			output b[4×4×3]`},
	},
	"fold-pad": {
		{"into a convolution", `
			input x[4×4×3]
			p[7×7×3] = Pad(x) pad=1,1,2,2
			y[3×3×8] = Conv(p) 3×3 stride=2×2 w=w:float32 bias
			output y`, `
			input x[4×4×3]
			y[3×3×8] = Conv(x) 3×3 stride=2×2 pad=1,1,2,2 w=w:float32 bias
			output y[3×3×8]`},
		{"into several convolutions, adding to their own pads", `
			input x[4×4×3]
			p[6×6×3] = Pad(x) pad=1,1,1,1
			y[4×4×8] = Conv(p) 3×3 w=w:float32 bias
			z[6×6×8] = Conv(p) 3×3 pad=1,1,1,1 w=v:float32 bias
			output y
			output z`, `
			input x[4×4×3]
			y[4×4×8] = Conv(x) 3×3 pad=1,1,1,1 w=w:float32 bias
			z[6×6×8] = Conv(x) 3×3 pad=2,2,2,2 w=v:float32 bias
			output y[4×4×8]
			output z[6×6×8]`},
		{"not where something else reads it too", `
			input x[4×4×3]
			p[6×6×3] = Pad(x) pad=1,1,1,1
			y[4×4×8] = Conv(p) 3×3 w=w:float32 bias
			z[6×6×3] = MaxPool(p) 3×3 pad=1,1,1,1
			output y
			output z`, ""},
		{"not where it is an output", `
			input x[4×4×3]
			p[6×6×3] = Pad(x) pad=1,1,1,1
			y[4×4×8] = Conv(p) 3×3 w=w:float32 bias
			output y
			output p`, ""},
		{"the second of two", `
			input x[4×4×3]
			p[6×6×3] = Pad(x) pad=1,1,1,1
			q[8×8×3] = Pad(p) pad=1,1,1,1
			y[6×6×8] = Conv(q) 3×3 w=w:float32 bias
			output y`, `
			input x[4×4×3]
			p[6×6×3] = Pad(x) pad=1,1,1,1
			y[6×6×8] = Conv(p) 3×3 pad=1,1,1,1 w=w:float32 bias
			output y[6×6×8]`},
	},
	"fold-flatten": {
		{"into a matrix product stored by outputs", `
			input x[2×3×4]
			f[1×1×24] = Flatten(x)
			y[1×1×5] = Conv(f) 1×1 w=w:float32 bias
			output y`, `
			input x[2×3×4]
			y[1×1×5] = Conv(x) 2×3 w=w:float32 bias
			output y[1×1×5]`},
		{"into two of them", `
			input x[2×3×4]
			f[1×1×24] = Flatten(x)
			y[1×1×5] = Conv(f) 1×1 w=w:float32 bias
			z[1×1×6] = Conv(f) 1×1 w=v:float32 bias
			output y
			output z`, `
			input x[2×3×4]
			y[1×1×5] = Conv(x) 2×3 w=w:float32 bias
			z[1×1×6] = Conv(x) 2×3 w=v:float32 bias
			output y[1×1×5]
			output z[1×1×6]`},
		{"not into one stored by inputs", `
			input x[2×3×4]
			f[1×1×24] = Flatten(x)
			y[1×1×5] = Conv(f) 1×1 w=io:float32 bias
			output y`, ""},
		{"not where one of two is stored by inputs", `
			input x[2×3×4]
			f[1×1×24] = Flatten(x)
			y[1×1×5] = Conv(f) 1×1 w=w:float32 bias
			z[1×1×6] = Conv(f) 1×1 w=io:float32 bias
			output y
			output z`, ""},
		{"not where something else reads it too", `
			input x[2×3×4]
			f[1×1×24] = Flatten(x)
			y[1×1×24] = Conv(f) 1×1 w=w:float32 bias
			z[1×1×24] = Add(y, f)
			output z`, ""},
		{"not where it is an output", `
			input x[2×3×4]
			f[1×1×24] = Flatten(x)
			y[1×1×5] = Conv(f) 1×1 w=w:float32 bias
			output y
			output f`, ""},
		{"not into a convolution with a window of its own", `
			input x[2×3×4]
			f[1×1×24] = Flatten(x)
			y[1×1×5] = Conv(f) 3×3 pad=1,1,1,1 w=w:float32 bias
			output y`, ""},
		{"not into a convolution that pads", `
			input x[2×3×4]
			f[1×1×24] = Flatten(x)
			y[3×3×5] = Conv(f) 1×1 pad=1,1,1,1 w=w:float32 bias
			output y`, ""},
		{"not into groups", `
			input x[2×3×4]
			f[1×1×24] = Flatten(x)
			y[1×1×24] = Conv(f) 1×1 groups=2 w=w:float32 bias
			output y`, ""},
	},
	"fold-affine": {
		{"into a convolution", `
			input x[4×4×3]
			a[4×4×8] = Conv(x) 1×1 w=w:uint8 bias
			b[4×4×8] = Affine(a) bias
			output b`, `
			input x[4×4×3]
			b[4×4×8] = Conv(x) 1×1 w=w:uint8 bias
			output b[4×4×8]`},
		{"two, one after the other", `
			input x[4×4×3]
			a[4×4×8] = Conv(x) 1×1 w=w:float32 bias
			b[4×4×8] = Affine(a) bias
			c[4×4×8] = Affine(b) bias
			output c`, `
			input x[4×4×3]
			c[4×4×8] = Conv(x) 1×1 w=w:float32 bias
			output c[4×4×8]`},
		{"into another", `
			input x[4×4×3]
			a[4×4×3] = Affine(x) bias
			b[4×4×3] = Affine(a) bias
			output b`, `
			input x[4×4×3]
			b[4×4×3] = Affine(x) bias
			output b[4×4×3]`},
		{"by depth", `
			input x[4×4×3]
			a[4×4×3] = Conv(x) 3×3 pad=1,1,1,1 groups=3 w=w:float32 bias
			b[4×4×3] = Affine(a) bias
			output b`, `
			input x[4×4×3]
			b[4×4×3] = Conv(x) 3×3 pad=1,1,1,1 groups=3 w=w:float32 bias
			output b[4×4×3]`},
		{"not where the convolution is read twice", `
			input x[4×4×3]
			a[4×4×3] = Conv(x) 1×1 w=w:float32 bias
			b[4×4×3] = Affine(a) bias
			c[4×4×3] = Mul(a, b)
			output c`, ""},
		{"not where the convolution is an output", `
			input x[4×4×3]
			a[4×4×3] = Conv(x) 1×1 w=w:float32 bias
			b[4×4×3] = Affine(a) bias
			output b
			output a`, ""},
		{"not behind an activation", `
			input x[4×4×3]
			a[4×4×3] = Conv(x) 1×1 w=w:float32 bias relu
			b[4×4×3] = Affine(a) bias
			output b`, ""},
		{"not behind a residual", `
			input x[4×4×3]
			a[4×4×3] = Conv(x) 1×1 w=w:float32 bias +x
			b[4×4×3] = Affine(a) bias
			output b`, ""},
		{"not into a pool", `
			input x[4×4×3]
			a[4×4×3] = MaxPool(x) 3×3 pad=1,1,1,1
			b[4×4×3] = Affine(a) bias
			output b`, ""},
		{"not into the input", `
			input x[4×4×3]
			b[4×4×3] = Affine(x) bias
			output b`, ""},
	},
	"find-swish": {
		{"x·sigmoid(x)", `
			input x[4×4×3]
			s[4×4×3] = Unary(x) sigmoid
			y[4×4×3] = Mul(x, s)
			output y`, `
			input x[4×4×3]
			y[4×4×3] = Unary(x) silu
			output y[4×4×3]`},
		{"sigmoid(x)·x", `
			input x[4×4×3]
			s[4×4×3] = Unary(x) sigmoid
			y[4×4×3] = Mul(s, x)
			output y`, `
			input x[4×4×3]
			y[4×4×3] = Unary(x) silu
			output y[4×4×3]`},
		{"x·hardsigmoid(x)", `
			input x[4×4×3]
			s[4×4×3] = Unary(x) hardsigmoid(0.16666667,0.5)
			y[4×4×3] = Mul(x, s)
			output y`, `
			input x[4×4×3]
			y[4×4×3] = Unary(x) hardswish
			output y[4×4×3]`},
		{"not with another slope", `
			input x[4×4×3]
			s[4×4×3] = Unary(x) hardsigmoid(0.2,0.5)
			y[4×4×3] = Mul(x, s)
			output y`, ""},
		{"not with another offset", `
			input x[4×4×3]
			s[4×4×3] = Unary(x) hardsigmoid(0.16666667,0.4)
			y[4×4×3] = Mul(x, s)
			output y`, ""},
		{"not with another function", `
			input x[4×4×3]
			s[4×4×3] = Unary(x) tanh
			y[4×4×3] = Mul(x, s)
			output y`, ""},
		{"not where the gate is read twice", `
			input x[4×4×3]
			s[4×4×3] = Unary(x) sigmoid
			y[4×4×3] = Mul(x, s)
			z[4×4×3] = Add(y, s)
			output z`, ""},
		{"not where the gate is an output", `
			input x[4×4×3]
			s[4×4×3] = Unary(x) sigmoid
			y[4×4×3] = Mul(x, s)
			output y
			output s`, ""},
		{"not the square of a gate", `
			input x[4×4×3]
			s[4×4×3] = Unary(x) sigmoid
			y[4×4×3] = Mul(s, s)
			output y`, ""},
		{"not the gate of another tensor", `
			input x[4×4×3]
			a[4×4×3] = Unary(x) relu
			s[4×4×3] = Unary(a) sigmoid
			y[4×4×3] = Mul(x, s)
			output y`, ""},
		{"not a gate of each channel", `
			input x[4×4×3]
			m[1×1×3] = GlobalAvg(x)
			s[1×1×3] = Unary(m) sigmoid
			y[4×4×3] = Mul(x, s)
			output y`, ""},
		{"not a sum", `
			input x[4×4×3]
			s[4×4×3] = Unary(x) sigmoid
			y[4×4×3] = Add(x, s)
			output y`, ""},
	},
	"fuse-residual": {
		{"on the left", `
			input x[4×4×3]
			a[4×4×3] = Conv(x) 3×3 pad=1,1,1,1 w=w:float32 bias
			y[4×4×3] = Add(a, x)
			output y`, `
			input x[4×4×3]
			y[4×4×3] = Conv(x) 3×3 pad=1,1,1,1 w=w:float32 bias +x
			output y[4×4×3]`},
		{"on the right, computed after the convolution: the convolution moves", `
			input x[4×4×3]
			a[4×4×3] = Conv(x) 3×3 pad=1,1,1,1 w=w:float32 bias
			b[4×4×3] = Unary(x) relu
			y[4×4×3] = Add(b, a)
			output y`, `
			input x[4×4×3]
			b[4×4×3] = Unary(x) relu
			y[4×4×3] = Conv(x) 3×3 pad=1,1,1,1 w=w:float32 bias +b
			output y[4×4×3]`},
		{"of two convolutions the left one", `
			input x[4×4×3]
			a[4×4×3] = Conv(x) 1×1 w=w:float32 bias
			b[4×4×3] = Conv(x) 1×1 w=v:float32 bias
			y[4×4×3] = Add(a, b)
			output y`, `
			input x[4×4×3]
			b[4×4×3] = Conv(x) 1×1 w=v:float32 bias
			y[4×4×3] = Conv(x) 1×1 w=w:float32 bias +b
			output y[4×4×3]`},
		{"a chain of sums", `
			input x[4×4×3]
			a[4×4×3] = Conv(x) 1×1 w=w:float32 bias
			b[4×4×3] = Add(a, x)
			c[4×4×3] = Conv(b) 1×1 w=v:float32 bias
			d[4×4×3] = Add(b, c)
			output d`, `
			input x[4×4×3]
			b[4×4×3] = Conv(x) 1×1 w=w:float32 bias +x
			d[4×4×3] = Conv(b) 1×1 w=v:float32 bias +b
			output d[4×4×3]`},
		{"a sum of three: once", `
			input x[4×4×3]
			a[4×4×3] = Conv(x) 1×1 w=w:float32 bias
			b[4×4×3] = Add(a, x)
			c[4×4×3] = Add(b, x)
			output c`, `
			input x[4×4×3]
			b[4×4×3] = Conv(x) 1×1 w=w:float32 bias +x
			c[4×4×3] = Add(b, x)
			output c[4×4×3]`},
		{"not where the convolution is read twice", `
			input x[4×4×3]
			a[4×4×3] = Conv(x) 1×1 w=w:float32 bias
			y[4×4×3] = Add(a, x)
			z[4×4×3] = Mul(y, a)
			output z`, ""},
		{"not where the convolution is an output", `
			input x[4×4×3]
			a[4×4×3] = Conv(x) 1×1 w=w:float32 bias
			y[4×4×3] = Add(a, x)
			output y
			output a`, ""},
		{"not twice the same", `
			input x[4×4×3]
			a[4×4×3] = Conv(x) 1×1 w=w:float32 bias
			y[4×4×3] = Add(a, a)
			output y`, ""},
		{"not behind an activation", `
			input x[4×4×3]
			a[4×4×3] = Conv(x) 1×1 w=w:float32 bias relu
			y[4×4×3] = Add(a, x)
			output y`, ""},
		{"not one value a channel", `
			input x[4×4×3]
			a[4×4×3] = Conv(x) 1×1 w=w:float32 bias
			m[1×1×3] = GlobalAvg(x)
			y[4×4×3] = Add(a, m)
			output y`, ""},
		{"not into groups", `
			input x[4×4×3]
			a[4×4×3] = Conv(x) 1×1 groups=3 w=w:float32 bias
			y[4×4×3] = Add(a, x)
			output y`, ""},
		{"not a difference", `
			input x[4×4×3]
			a[4×4×3] = Conv(x) 1×1 w=w:float32 bias
			y[4×4×3] = Sub(a, x)
			output y`, ""},
	},
	"fuse-activation": {
		{"into a convolution", `
			input x[4×4×3]
			a[4×4×8] = Conv(x) 1×1 w=w:float32 bias
			b[4×4×8] = Unary(a) silu
			output b`, `
			input x[4×4×3]
			b[4×4×8] = Conv(x) 1×1 w=w:float32 bias silu
			output b[4×4×8]`},
		{"behind a residual", `
			input x[4×4×3]
			a[4×4×3] = Conv(x) 1×1 w=w:float32 bias +x
			b[4×4×3] = Unary(a) relu
			output b`, `
			input x[4×4×3]
			b[4×4×3] = Conv(x) 1×1 w=w:float32 bias +x relu
			output b[4×4×3]`},
		{"into a pool", `
			input x[4×4×3]
			a[2×2×3] = AvgPool(x) 2×2 stride=2×2
			b[2×2×3] = Unary(a) clamp(0,6)
			output b`, `
			input x[4×4×3]
			b[2×2×3] = AvgPool(x) 2×2 stride=2×2 clamp(0,6)
			output b[2×2×3]`},
		{"into a sum", `
			input x[4×4×3]
			a[4×4×3] = Add(x, x)
			b[4×4×3] = Unary(a) relu
			output b`, `
			input x[4×4×3]
			b[4×4×3] = Add(x, x) relu
			output b[4×4×3]`},
		{"one of two", `
			input x[4×4×3]
			a[4×4×8] = Conv(x) 1×1 w=w:float32 bias
			b[4×4×8] = Unary(a) relu
			c[4×4×8] = Unary(b) sigmoid
			output c`, `
			input x[4×4×3]
			b[4×4×8] = Conv(x) 1×1 w=w:float32 bias relu
			c[4×4×8] = Unary(b) sigmoid
			output c[4×4×8]`},
		{"not where the convolution is read twice", `
			input x[4×4×3]
			a[4×4×8] = Conv(x) 1×1 w=w:float32 bias
			b[4×4×8] = Unary(a) relu
			c[4×4×8] = Mul(a, b)
			output c`, ""},
		{"not where the convolution is an output", `
			input x[4×4×3]
			a[4×4×8] = Conv(x) 1×1 w=w:float32 bias
			b[4×4×8] = Unary(a) relu
			output b
			output a`, ""},
		{"not the exponential, of which kernels have no variant", `
			input x[4×4×3]
			a[4×4×8] = Conv(x) 1×1 w=w:float32 bias
			b[4×4×8] = Unary(a) exp
			output b`, ""},
		{"not into a mean", `
			input x[4×4×3]
			a[1×1×3] = GlobalAvg(x)
			b[1×1×3] = Unary(a) relu
			output b`, ""},
		{"not into the input", `
			input x[4×4×3]
			b[4×4×3] = Unary(x) relu
			output b`, ""},
	},
	"exchange-pool": {
		{"the convolution makes fewer channels", `
			input x[8×8×16]
			p[8×8×16] = AvgPool(x) 3×3 pad=1,1,1,1
			y[8×8×4] = Conv(p) 1×1 w=w:float32 bias relu
			output y`, `
			input x[8×8×16]
			p[8×8×4] = Conv(x) 1×1 w=w:float32 bias
			y[8×8×4] = AvgPool(p) 3×3 pad=1,1,1,1 bias relu
			output y[8×8×4]`},
		{"a window that counts its padding", `
			input x[8×8×16]
			p[8×8×16] = AvgPool(x) 3×3 pad=1,1,1,1 countpad
			y[8×8×4] = Conv(p) 1×1 w=w:float32 bias
			output y`, `
			input x[8×8×16]
			p[8×8×4] = Conv(x) 1×1 w=w:float32 bias
			y[8×8×4] = AvgPool(p) 3×3 pad=1,1,1,1 countpad bias
			output y[8×8×4]`},
		{"a pool that shrinks its input", `
			input x[8×8×16]
			p[6×6×16] = AvgPool(x) 3×3
			y[6×6×4] = Conv(p) 1×1 w=w:float32 bias
			output y`, `
			input x[8×8×16]
			p[8×8×4] = Conv(x) 1×1 w=w:float32 bias
			y[6×6×4] = AvgPool(p) 3×3 bias
			output y[6×6×4]`},
		{"other operators stand between", `
			input x[8×8×16]
			p[8×8×16] = AvgPool(x) 3×3 pad=1,1,1,1
			a[8×8×16] = Unary(x) relu
			y[8×8×4] = Conv(p) 1×1 w=w:float32 bias
			z[8×8×4] = Conv(a) 1×1 w=v:float32 bias +y
			output z`, `
			input x[8×8×16]
			p[8×8×4] = Conv(x) 1×1 w=w:float32 bias
			a[8×8×16] = Unary(x) relu
			y[8×8×4] = AvgPool(p) 3×3 pad=1,1,1,1 bias
			z[8×8×4] = Conv(a) 1×1 w=v:float32 bias +y
			output z[8×8×4]`},
		{"not a stride", `
			input x[8×8×16]
			p[4×4×16] = AvgPool(x) 2×2 stride=2×2
			y[4×4×4] = Conv(p) 1×1 w=w:float32 bias
			output y`, ""},
		{"not where the convolution makes as many channels", `
			input x[8×8×16]
			p[8×8×16] = AvgPool(x) 3×3 pad=1,1,1,1
			y[8×8×16] = Conv(p) 1×1 w=w:float32 bias
			output y`, ""},
		{"not where the pool is read twice", `
			input x[8×8×16]
			p[8×8×16] = AvgPool(x) 3×3 pad=1,1,1,1
			y[8×8×4] = Conv(p) 1×1 w=w:float32 bias
			z[8×8×4] = Conv(p) 1×1 w=v:float32 bias
			output y
			output z`, ""},
		{"not where the pool is an output", `
			input x[8×8×16]
			p[8×8×16] = AvgPool(x) 3×3 pad=1,1,1,1
			y[8×8×4] = Conv(p) 1×1 w=w:float32 bias
			output y
			output p`, ""},
		{"not a larger window", `
			input x[8×8×16]
			p[8×8×16] = AvgPool(x) 3×3 pad=1,1,1,1
			y[6×6×4] = Conv(p) 3×3 w=w:float32 bias
			output y`, ""},
		{"not groups", `
			input x[8×8×16]
			p[8×8×16] = AvgPool(x) 3×3 pad=1,1,1,1
			y[8×8×4] = Conv(p) 1×1 groups=2 w=w:float32 bias
			output y`, ""},
		{"not a convolution that pads", `
			input x[8×8×16]
			p[8×8×16] = AvgPool(x) 3×3 pad=1,1,1,1
			y[10×10×4] = Conv(p) 1×1 pad=1,1,1,1 w=w:float32 bias
			output y`, ""},
		{"not a maximum", `
			input x[8×8×16]
			p[8×8×16] = MaxPool(x) 3×3 pad=1,1,1,1
			y[8×8×4] = Conv(p) 1×1 w=w:float32 bias
			output y`, ""},
		{"not behind an activation of the pool", `
			input x[8×8×16]
			p[8×8×16] = AvgPool(x) 3×3 pad=1,1,1,1 relu
			y[8×8×4] = Conv(p) 1×1 w=w:float32 bias
			output y`, ""},
		{"not with a residual", `
			input x[8×8×16]
			r[8×8×4] = Conv(x) 3×3 pad=1,1,1,1 w=v:float32 bias
			p[8×8×16] = AvgPool(x) 3×3 pad=1,1,1,1
			y[8×8×4] = Conv(p) 1×1 w=w:float32 bias +r
			output y`, ""},
	},
	"merge-siblings": {
		{"three of one input", `
			input x[8×8×16]
			a[8×8×4] = Conv(x) 1×1 w=u:float32 bias relu
			b[8×8×6] = Conv(x) 1×1 w=v:uint8 bias relu
			c[8×8×8] = Conv(b) 3×3 pad=1,1,1,1 w=t:float32 bias relu
			d[8×8×2] = Conv(x) 1×1 w=w:float32 bias relu
			y[8×8×14] = Concat(a, c, d)
			output y`, `
			input x[8×8×16]
			a[8×8×4], b[8×8×6], d[8×8×2] = Conv(x) 1×1 w=u:float32 w=v:uint8 w=w:float32 bias relu
			c[8×8×8] = Conv(b) 3×3 pad=1,1,1,1 w=t:float32 bias relu
			y[8×8×14] = Concat(a, c, d)
			output y[8×8×14]`},
		{"only those with the same activation", `
			input x[8×8×16]
			a[8×8×4] = Conv(x) 1×1 w=u:float32 bias relu
			b[8×8×4] = Conv(x) 1×1 w=v:float32 bias
			c[8×8×4] = Conv(x) 1×1 w=w:float32 bias clamp(0,6)
			d[8×8×4] = Conv(x) 1×1 w=t:float32 bias relu
			y[8×8×16] = Concat(a, b, c, d)
			output y`, `
			input x[8×8×16]
			a[8×8×4], d[8×8×4] = Conv(x) 1×1 w=u:float32 w=t:float32 bias relu
			b[8×8×4] = Conv(x) 1×1 w=v:float32 bias
			c[8×8×4] = Conv(x) 1×1 w=w:float32 bias clamp(0,6)
			y[8×8×16] = Concat(a, b, c, d)
			output y[8×8×16]`},
		{"one is an output, the other's result is read at once", `
			input x[8×8×16]
			a[8×8×4] = Conv(x) 1×1 w=u:float32 bias
			b[8×8×4] = Unary(a) sigmoid
			c[8×8×4] = Conv(x) 1×1 w=v:float32 bias
			output b
			output c`, `
			input x[8×8×16]
			a[8×8×4], c[8×8×4] = Conv(x) 1×1 w=u:float32 w=v:float32 bias
			b[8×8×4] = Unary(a) sigmoid
			output b[8×8×4]
			output c[8×8×4]`},
		{"not of two inputs", `
			input x[8×8×16]
			z[8×8×16] = Unary(x) relu
			a[8×8×4] = Conv(x) 1×1 w=u:float32 bias
			b[8×8×4] = Conv(z) 1×1 w=v:float32 bias
			y[8×8×8] = Concat(a, b)
			output y`, ""},
		{"not larger windows, strides, groups, pads", `
			input x[8×8×16]
			a[8×8×4] = Conv(x) 1×1 w=u:float32 bias
			b[8×8×4] = Conv(x) 3×3 pad=1,1,1,1 w=v:float32 bias
			c[4×4×4] = Conv(x) 1×1 stride=2×2 w=w:float32 bias
			d[8×8×4] = Conv(x) 1×1 groups=4 w=t:float32 bias
			e[10×10×4] = Conv(x) 1×1 pad=1,1,1,1 w=s:float32 bias
			output a
			output b
			output c
			output d
			output e`, ""},
		{"not one with a residual", `
			input x[8×8×16]
			a[8×8×16] = Conv(x) 1×1 w=u:float32 bias
			b[8×8×16] = Conv(x) 1×1 w=v:float32 bias +a
			c[8×8×16] = Conv(x) 1×1 w=w:float32 bias +x
			output b
			output c`, ""},
	},
	"place-concat": {
		{"convolutions and a pool", `
			input x[8×8×16]
			a[8×8×4] = Conv(x) 1×1 w=u:float32 bias
			b[8×8×16] = MaxPool(x) 3×3 pad=1,1,1,1
			y[8×8×20] = Concat(a, b)
			z[8×8×20] = Unary(y) relu
			output z`, `
			input x[8×8×16]
			a[8×8×4]@y+0 = Conv(x) 1×1 w=u:float32 bias
			b[8×8×16]@y+4 = MaxPool(x) 3×3 pad=1,1,1,1
			z[8×8×20] = Unary(y) relu
			output z[8×8×20]`},
		{"operands that others read as well", `
			input x[8×8×16]
			a[8×8×4] = Conv(x) 1×1 w=u:float32 bias
			b[8×8×4] = Conv(a) 3×3 pad=1,1,1,1 w=v:float32 bias
			y[8×8×8] = Concat(a, b)
			output y
			output a`, `
			input x[8×8×16]
			a[8×8×4]@y+0 = Conv(x) 1×1 w=u:float32 bias
			b[8×8×4]@y+4 = Conv(a) 3×3 pad=1,1,1,1 w=v:float32 bias
			output y[8×8×8]
			output a[8×8×4]@y+0`},
		{"one in another", `
			input x[8×8×16]
			a[8×8×4] = Conv(x) 1×1 w=u:float32 bias
			b[8×8×4] = Conv(x) 3×3 pad=1,1,1,1 w=v:float32 bias
			i[8×8×8] = Concat(a, b)
			c[8×8×4] = Conv(x) 5×5 pad=2,2,2,2 w=w:float32 bias
			y[8×8×12] = Concat(c, i)
			output y`, `
			input x[8×8×16]
			a[8×8×4]@i+0 = Conv(x) 1×1 w=u:float32 bias
			b[8×8×4]@i+4 = Conv(x) 3×3 pad=1,1,1,1 w=v:float32 bias
			c[8×8×4]@y+0 = Conv(x) 5×5 pad=2,2,2,2 w=w:float32 bias
			output y[8×8×12]`},
		{"of one operand", `
			input x[8×8×16]
			a[8×8×4] = Conv(x) 1×1 w=u:float32 bias
			y[8×8×4] = Concat(a)
			output y`, `
			input x[8×8×16]
			a[8×8×4]@y+0 = Conv(x) 1×1 w=u:float32 bias
			output y[8×8×4]`},
		{"an operand of two: the first has it", `
			input x[8×8×16]
			a[8×8×4] = Conv(x) 1×1 w=u:float32 bias
			b[8×8×4] = Conv(x) 3×3 pad=1,1,1,1 w=v:float32 bias
			y[8×8×8] = Concat(a, b)
			z[8×8×8] = Concat(b, a)
			output y
			output z`, `
			input x[8×8×16]
			a[8×8×4]@y+0 = Conv(x) 1×1 w=u:float32 bias
			b[8×8×4]@y+4 = Conv(x) 3×3 pad=1,1,1,1 w=v:float32 bias
			z[8×8×8] = Concat(b, a)
			output y[8×8×8]
			output z[8×8×8]`},
		{"one that is copied lies in another", `
			input x[8×8×16]
			a[8×8×4] = Conv(x) 1×1 w=u:float32 bias
			i[8×8×20] = Concat(x, a)
			y[8×8×24] = Concat(i, a)
			output y`, `
			input x[8×8×16]
			a[8×8×4]@y+20 = Conv(x) 1×1 w=u:float32 bias
			i[8×8×20]@y+0 = Concat(x, a)
			output y[8×8×24]`},
		{"not of an input", `
			input x[8×8×16]
			a[8×8×4] = Conv(x) 1×1 w=u:float32 bias
			y[8×8×20] = Concat(a, x)
			output y`, ""},
		{"not of the same twice", `
			input x[8×8×16]
			a[8×8×4] = Conv(x) 1×1 w=u:float32 bias
			y[8×8×8] = Concat(a, a)
			output y`, ""},
		{"not of a flattened image", `
			input x[2×2×4]
			f[1×1×16] = Flatten(x)
			m[1×1×4] = GlobalAvg(x)
			y[1×1×20] = Concat(f, m)
			output y`, ""},
	},
	"drop-dead": {
		{"what nothing reads", `
			input x[4×4×3]
			a[4×4×3] = Unary(x) relu
			b[4×4×3] = Unary(a) sigmoid
			y[4×4×3] = Unary(a) tanh
			output y`, `
			input x[4×4×3]
			a[4×4×3] = Unary(x) relu
			y[4×4×3] = Unary(a) tanh
			output y[4×4×3]`},
		{"whole branches", `
			input x[4×4×3]
			a[4×4×3] = Unary(x) relu
			b[4×4×3] = Add(a, a)
			y[4×4×3] = Unary(x) tanh
			output y`, `
			input x[4×4×3]
			y[4×4×3] = Unary(x) tanh
			output y[4×4×3]`},
		{"not one of several results", `
			input x[4×4×3]
			a[4×4×3], b[4×4×3] = Conv(x) 1×1 w=u:float32 w=v:float32 bias
			output b`, ""},
		{"not a residual", `
			input x[4×4×3]
			r[4×4×3] = Unary(x) relu
			b[4×4×3] = Conv(x) 1×1 w=u:float32 bias +r
			output b`, ""},
	},
}

func TestPassesRewriteWhatTheyMayAndNothingElse(t *testing.T) {
	for _, p := range Passes {
		if len(passCases[p.Name]) == 0 {
			t.Errorf("pass %q has no cases", p.Name)
		}
	}
	for name, cases := range passCases {
		p := pass(t, name)
		for _, c := range cases {
			t.Run(name+"/"+c.name, func(t *testing.T) {
				g := parse(t, c.before)
				before := g.String()
				want, wantChanged := indented(c.after), true
				if c.after == "" {
					want, wantChanged = before, false
				}
				changed := p.Run(g)
				if got := g.String(); got != want {
					t.Errorf("got\n%s\nwant\n%s", got, want)
				}
				if (changed > 0) != wantChanged {
					t.Errorf("%d changes", changed)
				}
				check(t, g)
				if p.Run(g) != 0 && name != "fold-pad" && name != "exchange-pool" {
					t.Errorf("a second time changes more:\n%s", g)
				}
			})
		}
	}
}

func TestOperatorsThatWritePlacedSlicesStayAlive(t *testing.T) {
	g := parse(t, `
		input x[8×8×16]
		a[8×8×4] = Conv(x) 1×1 w=u:float32 bias
		b[8×8×4] = Conv(x) 3×3 pad=1,1,1,1 w=v:float32 bias
		i[8×8×8] = Concat(a, b)
		c[8×8×4] = Conv(x) 5×5 pad=2,2,2,2 w=w:float32 bias
		y[8×8×12] = Concat(c, i)
		d[8×8×4] = Conv(x) 7×7 pad=3,3,3,3 w=t:float32 bias
		output y`)
	placeConcat(g)
	dropDead(g)
	const want = `input x[8×8×16]
a[8×8×4]@i+0 = Conv(x) 1×1 w=u:float32 bias
b[8×8×4]@i+4 = Conv(x) 3×3 pad=1,1,1,1 w=v:float32 bias
c[8×8×4]@y+0 = Conv(x) 5×5 pad=2,2,2,2 w=w:float32 bias
output y[8×8×12]
`
	if got := g.String(); got != want {
		t.Errorf("got\n%s", got)
	}
	a := g.Ops[0].Out[0]
	if r, at := a.Root(); r != g.Outputs[0] || at != 4 {
		t.Errorf("a lies in %v at %d, want y at 4", r, at)
	}
}

func TestASliceThatIsReadAloneKeepsItsOperatorOnly(t *testing.T) {
	g := parse(t, `
		input x[8×8×16]
		a[8×8×4] = Conv(x) 1×1 w=u:float32 bias
		b[8×8×4] = Conv(x) 3×3 pad=1,1,1,1 w=v:float32 bias
		y[8×8×8] = Concat(a, b)
		z[8×8×4] = Unary(a) relu
		output z`)
	placeConcat(g)
	dropDead(g)
	const want = `input x[8×8×16]
a[8×8×4]@y+0 = Conv(x) 1×1 w=u:float32 bias
z[8×8×4] = Unary(a) relu
output z[8×8×4]
`
	if got := g.String(); got != want {
		t.Errorf("got\n%s", got)
	}
}

func TestFoldedFlattensKeepTheOrderOfTheWeights(t *testing.T) {
	g := parse(t, `
		input x[2×3×4]
		f[1×1×24] = Flatten(x)
		y[1×1×5] = Conv(f) 1×1 w=w:float32 bias
		output y`)
	foldFlatten(g)
	if c := g.Ops[0].Conv; c.Inputs() != 4 || c.Kernel != [2]int{2, 3} || c.Weights[0].Layout != OIHW {
		t.Errorf("%d inputs, kernel %v, %s", c.Inputs(), c.Kernel, c.Weights[0].Layout)
	}
}
