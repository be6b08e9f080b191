package kernel

import (
	"fmt"

	"hamster/model/simd/asm"
)

// Activation is an elementwise function at the end of a kernel. A and B are its
// parameters.
type Activation uint8

// The activations.
const (
	None        Activation = iota
	MinMax                 // min(max(x, A), B): ReLU is 0, +Inf; keeps NaN
	HardSwish              // x · min(max(x/6 + 0.5, 0), 1)
	HardSigmoid            // min(max(A·x + B, 0), 1)
	Sigmoid                // 1 / (1 + exp(−x))
	SiLU                   // x · sigmoid(A·x); plain SiLU has A = 1
	LeakyReLU              // x where x ≥ 0, else A·x
	Tanh                   // tanh x
	GELU                   // x/2 · (1 + erf(x/√2))
	Exp                    // eˣ
	Erf                    // erf x
	Abs                    // |x|
	Neg                    // −x
	Sqrt                   // √x, NaN below 0
	Floor                  // x rounded down
	Ceil                   // x rounded up
	Reciprocal             // 1/x
	ELU                    // x where x ≥ 0, else A·(eˣ − 1)
	Softplus               // log(1 + eˣ)
	activations
)

var activationNames = [activations]string{
	"", "minmax", "hardswish", "hardsigmoid", "sigmoid", "silu", "leakyrelu", "tanh", "gelu", "exp", "erf",
	"abs", "neg", "sqrt", "floor", "ceil", "reciprocal", "elu", "softplus",
}

func (a Activation) String() string {
	switch {
	case a == None:
		return "none"
	case a < activations:
		return activationNames[a]
	}
	return fmt.Sprintf("Activation(%d)", uint8(a))
}

func (a Activation) suffix() string {
	if a == None {
		return ""
	}
	return "_" + a.String()
}

// begin loads the activation's parameters, which stand at offset in desc, and
// returns its body.
func (a Activation) begin(e *emitter, f *asm.Func, desc asm.LocalI32, offset uint32) (func(x asm.V128Value) asm.V128, error) {
	one := asm.FloatsX4(1)
	param := func(n uint32) asm.LocalV128 { return f.LetV128(desc.LoadSplat32(offset + 4*n)) }
	call := func(h *asm.Func) func(x asm.V128Value) asm.V128 {
		return func(x asm.V128Value) asm.V128 { return h.CallV128(x) }
	}
	switch a {
	case None:
		return func(x asm.V128Value) asm.V128 { return x.Expr() }, nil
	case MinMax:
		lo, hi := param(0), param(1)
		return func(x asm.V128Value) asm.V128 { return v(x).F32x4PMax(lo).F32x4PMin(hi) }, nil
	case HardSwish:
		return call(e.helper("hardswish", func(f *asm.Func) {
			x := f.ParamV128()
			f.Results(asm.TypeV128)
			gate := maddExact(x, asm.FloatsX4(1.0/6), asm.FloatsX4(0.5))
			f.Return(x.F32x4Mul(gate.F32x4PMax(asm.FloatsX4(0)).F32x4PMin(one)))
		})), nil
	case HardSigmoid:
		scale, shift := param(0), param(1)
		return func(x asm.V128Value) asm.V128 {
			return maddExact(x, scale, shift).F32x4PMax(asm.FloatsX4(0)).F32x4PMin(one)
		}, nil
	case LeakyReLU:
		alpha := param(0)
		leaky := e.helper("leakyrelu", func(f *asm.Func) {
			x, alpha := f.ParamV128(), f.ParamV128()
			f.Results(asm.TypeV128)
			f.Return(x.F32x4Lt(asm.FloatsX4(0)).Select(x.F32x4Mul(alpha), x))
		})
		return func(x asm.V128Value) asm.V128 { return leaky.CallV128(x, alpha) }, nil
	case Sigmoid:
		return call(e.sigmoid()), nil
	case SiLU:
		alpha := param(0)
		sigmoid := e.sigmoid()
		silu := e.helper("silu", func(f *asm.Func) {
			x, alpha := f.ParamV128(), f.ParamV128()
			f.Results(asm.TypeV128)
			f.Return(x.F32x4Mul(sigmoid.CallV128(x.F32x4Mul(alpha))))
		})
		return func(x asm.V128Value) asm.V128 { return silu.CallV128(x, alpha) }, nil
	case ELU:
		alpha := param(0)
		exp := e.exp()
		elu := e.helper("elu", func(f *asm.Func) {
			x, alpha := f.ParamV128(), f.ParamV128()
			f.Results(asm.TypeV128)
			f.Return(x.F32x4Lt(asm.FloatsX4(0)).Select(exp.CallV128(x).F32x4Sub(one).F32x4Mul(alpha), x))
		})
		return func(x asm.V128Value) asm.V128 { return elu.CallV128(x, alpha) }, nil
	case Exp:
		return call(e.exp()), nil
	case Tanh:
		return call(e.tanh()), nil
	case Erf:
		return call(e.erf()), nil
	case GELU:
		erf := e.erf()
		return call(e.helper("gelu", func(f *asm.Func) {
			x := f.ParamV128()
			f.Results(asm.TypeV128)
			f.Return(x.F32x4Mul(asm.FloatsX4(0.5)).F32x4Mul(one.F32x4Add(erf.CallV128(x.F32x4Mul(asm.FloatsX4(0.70710678118654752))))))
		})), nil
	case Abs:
		return func(x asm.V128Value) asm.V128 { return v(x).F32x4Abs() }, nil
	case Neg:
		return func(x asm.V128Value) asm.V128 { return v(x).F32x4Neg() }, nil
	case Sqrt:
		return func(x asm.V128Value) asm.V128 { return v(x).F32x4Sqrt() }, nil
	case Floor:
		return func(x asm.V128Value) asm.V128 { return v(x).F32x4Floor() }, nil
	case Ceil:
		return func(x asm.V128Value) asm.V128 { return v(x).F32x4Ceil() }, nil
	case Reciprocal:
		return func(x asm.V128Value) asm.V128 { return one.F32x4Div(x) }, nil
	case Softplus:
		return call(e.softplus()), nil
	}
	return nil, fmt.Errorf("unknown activation %d", a)
}

// polynomial evaluates c[0] + c[1]·x + … by Horner's rule.
func polynomial(f *asm.Func, x asm.V128Value, c ...float32) asm.LocalV128 {
	sum := f.LetV128(asm.FloatsX4(c[len(c)-1]))
	for i := len(c) - 2; i >= 0; i-- {
		sum.Set(maddExact(sum, x, asm.FloatsX4(c[i])))
	}
	return sum
}

// exp is eˣ = 2ⁿ·eʳ with n = round(x/ln 2) and |r| ≤ ln 2 / 2, where eʳ is its
// Taylor polynomial of degree 7 (remainder 5e-9). It is written without FMA so
// that every host gives the same bits.
func (e *emitter) exp() *asm.Func {
	return e.helper("exp", func(f *asm.Func) {
		x := f.ParamV128()
		f.Results(asm.TypeV128)
		n, r, half := f.V128(), f.V128(), f.V128()
		// Outside these bounds the result is 0 or +Inf; NaN passes.
		x.Set(x.F32x4PMax(asm.FloatsX4(-105)).F32x4PMin(asm.FloatsX4(90)))
		n.Set(x.F32x4Mul(asm.FloatsX4(1.44269504088896341)).F32x4Nearest())
		// ln 2 in two parts; the first has 9 bits, so n times it is exact.
		r.Set(x.F32x4Sub(n.F32x4Mul(asm.FloatsX4(0.693359375))))
		r.Set(r.F32x4Sub(n.F32x4Mul(asm.FloatsX4(-2.12194440054690583e-4))))
		sum := polynomial(f, r, 1, 1, 1.0/2, 1.0/6, 1.0/24, 1.0/120, 1.0/720, 1.0/5040)
		// 2ⁿ in two factors: n may be below the normal exponents or above.
		n.Set(n.I32x4TruncSatF32x4())
		half.Set(n.ShiftRight32S(asm.Int(1)))
		pow2 := func(n asm.V128) asm.V128 {
			return n.I32x4Add(asm.IntsX4(127, 127, 127, 127)).ShiftLeft32(asm.Int(23))
		}
		f.Return(sum.F32x4Mul(pow2(half.V128)).F32x4Mul(pow2(n.I32x4Sub(half))))
	})
}

// sigmoid is 1/(1 + e^−x); e^−x may overflow to +Inf, which gives 0.
func (e *emitter) sigmoid() *asm.Func {
	exp := e.exp()
	return e.helper("sigmoid", func(f *asm.Func) {
		x := f.ParamV128()
		f.Results(asm.TypeV128)
		one := asm.FloatsX4(1)
		f.Return(one.F32x4Div(one.F32x4Add(exp.CallV128(x.F32x4Neg()))))
	})
}

// tanh is, near 0, Lambert's continued fraction cut at x⁶ and, elsewhere,
// (1 − e)/(1 + e) with e = e^(−2|x|), given x's sign.
func (e *emitter) tanh() *asm.Func {
	exp := e.exp()
	return e.helper("tanh", func(f *asm.Func) {
		x := f.ParamV128()
		f.Results(asm.TypeV128)
		one := asm.FloatsX4(1)
		sign := asm.IntsX4(-1<<31, -1<<31, -1<<31, -1<<31)
		x2 := f.LetV128(x.F32x4Mul(x))
		top := polynomial(f, x2, 10395, 1260, 21)
		bottom := polynomial(f, x2, 10395, 4725, 210, 1)
		near := f.LetV128(x.F32x4Mul(top).F32x4Div(bottom))
		t := f.LetV128(exp.CallV128(x.F32x4Abs().F32x4Mul(asm.FloatsX4(-2))))
		t.Set(one.F32x4Sub(t).F32x4Div(one.F32x4Add(t)))
		f.Return(x.F32x4Abs().F32x4Lt(asm.FloatsX4(0.625)).Select(near, t.Or(x.And(sign))))
	})
}

// erf is, for |x| < 1, its Maclaurin series to x¹⁷ and, elsewhere, formula
// 7.1.28 of Abramowitz and Stegun, 1 − (1 + a1·x + … + a6·x⁶)^−16, whose error
// is below 3e-7.
func (e *emitter) erf() *asm.Func {
	return e.helper("erf", func(f *asm.Func) {
		x := f.ParamV128()
		f.Results(asm.TypeV128)
		one := asm.FloatsX4(1)
		sign := asm.IntsX4(-1<<31, -1<<31, -1<<31, -1<<31)
		x2 := f.LetV128(x.F32x4Mul(x))
		// 2/√π · (−1)ⁿ / (n!·(2n + 1))
		near := polynomial(f, x2, 1.1283791670955126, -0.37612638903183752, 0.11283791670955126, -0.026866170645131252,
			0.0052239776254421878, -0.00085483270234508528, 0.00012055332981789664, -1.4925650358406251e-05, 1.6462114365889247e-06)
		near.Set(near.F32x4Mul(x))
		far := polynomial(f, x.F32x4Abs(), 1, 0.0705230784, 0.0422820123, 0.0092705272, 0.0001520143, 0.0002765672, 0.0000430638)
		for range 4 {
			far.Set(far.F32x4Mul(far))
		}
		far.Set(one.F32x4Sub(one.F32x4Div(far)).Or(x.And(sign)))
		f.Return(x.F32x4Abs().F32x4Lt(one).Select(near, far))
	})
}

// softplus is max(x, 0) + log(1 + e^−|x|). With u = e^−|x| in (0, 1],
// log(1 + u) = 2·artanh(s), s = u/(2 + u) ≤ 1/3, by artanh's series to s¹³
// (remainder 1e-8).
func (e *emitter) softplus() *asm.Func {
	exp := e.exp()
	return e.helper("softplus", func(f *asm.Func) {
		x := f.ParamV128()
		f.Results(asm.TypeV128)
		u := f.LetV128(exp.CallV128(x.F32x4Abs().F32x4Neg()))
		u.Set(u.F32x4Div(u.F32x4Add(asm.FloatsX4(2))))
		s2 := f.LetV128(u.F32x4Mul(u))
		log := polynomial(f, s2, 2, 2.0/3, 2.0/5, 2.0/7, 2.0/9, 2.0/11, 2.0/13)
		f.Return(x.F32x4PMax(asm.FloatsX4(0)).F32x4Add(u.F32x4Mul(log)))
	})
}
