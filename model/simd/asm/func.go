package asm

// Value is an expression of any type.
type Value interface {
	Type() Type
	expr() []byte
}

// I32Value, I64Value, F32Value and V128Value are what operations take: an
// expression of that type or a local.
type (
	I32Value interface {
		Value
		// Expr is the value as a plain expression.
		Expr() I32
	}
	I64Value interface {
		Value
		Expr() I64
	}
	F32Value interface {
		Value
		Expr() F32
	}
	V128Value interface {
		Value
		Expr() V128
	}
)

// Expr is a itself.
func (a I32) Expr() I32 { return a }

// Expr is a itself.
func (a I64) Expr() I64 { return a }

// Expr is a itself.
func (a F32) Expr() F32 { return a }

// Expr is a itself.
func (a V128) Expr() V128 { return a }

// Func is a function in the making: parameters first, then locals and
// statements in any order.
type Func struct {
	m        *Module
	name     string
	index    uint32
	sig      Signature
	params   int
	locals   []Type
	body     []byte
	depth    int
	imported bool
}

// Label is a place to branch to: the end of a Block or the head of a Loop.
type Label struct{ depth int }

// Name is the name given to Module.Func.
func (f *Func) Name() string { return f.name }

// typicalBody spares a function most of its growing.
const typicalBody = 1 << 10

func (f *Func) emit(parts ...[]byte) {
	if f.body == nil {
		f.body = make([]byte, 0, typicalBody)
	}
	for _, p := range parts {
		f.body = append(f.body, p...)
	}
}

func (f *Func) param(t Type) (uint32, []byte) {
	if len(f.locals) > 0 || f.imported {
		f.m.fail("%s: a parameter after a local", f.name)
	}
	f.sig.Params = append(f.sig.Params, t)
	f.params++
	i := uint32(f.params - 1)
	return i, appendU(op(0x20), uint64(i))
}

func (f *Func) local(t Type) (uint32, []byte) {
	f.locals = append(f.locals, t)
	i := uint32(f.params + len(f.locals) - 1)
	return i, appendU(op(0x20), uint64(i))
}

// Results declares the result types; Return gives the values.
func (f *Func) Results(types ...Type) { f.sig.Results = types }

// Signature is the function's type so far.
func (f *Func) Signature() Signature { return f.sig }

// LocalI32, LocalF32 and LocalV128 are parameters or locals: an
// expression that reads them, and Set and Tee.
type (
	LocalI32 struct {
		I32
		f *Func
		i uint32
	}
	LocalF32 struct {
		F32
		f *Func
		i uint32
	}
	LocalV128 struct {
		V128
		f *Func
		i uint32
	}
)

// ParamI32 declares the next parameter.
func (f *Func) ParamI32() LocalI32 { i, c := f.param(TypeI32); return LocalI32{I32{c}, f, i} }

// ParamF32 declares the next parameter.
func (f *Func) ParamF32() LocalF32 { i, c := f.param(TypeF32); return LocalF32{F32{c}, f, i} }

// ParamV128 declares the next parameter.
func (f *Func) ParamV128() LocalV128 { i, c := f.param(TypeV128); return LocalV128{V128{c}, f, i} }

// I32 declares a local, zero at the start.
func (f *Func) I32() LocalI32 { i, c := f.local(TypeI32); return LocalI32{I32{c}, f, i} }

// F32 declares a local, zero at the start.
func (f *Func) F32() LocalF32 { i, c := f.local(TypeF32); return LocalF32{F32{c}, f, i} }

// V128 declares a local, zero at the start.
func (f *Func) V128() LocalV128 { i, c := f.local(TypeV128); return LocalV128{V128{c}, f, i} }

// V128s declares n locals.
func (f *Func) V128s(n int) []LocalV128 {
	v := make([]LocalV128, n)
	for i := range v {
		v[i] = f.V128()
	}
	return v
}

// I32s declares n locals.
func (f *Func) I32s(n int) []LocalI32 {
	v := make([]LocalI32, n)
	for i := range v {
		v[i] = f.I32()
	}
	return v
}

// LetI32 declares a local and sets it to v.
func (f *Func) LetI32(v I32Value) LocalI32 { l := f.I32(); l.Set(v); return l }

// LetV128 declares a local and sets it to v.
func (f *Func) LetV128(v V128Value) LocalV128 { l := f.V128(); l.Set(v); return l }

func setLocal(f *Func, i uint32, v []byte) {
	f.emit(v, op(0x21))
	f.body = appendU(f.body, uint64(i))
}

func teeLocal(i uint32, v []byte) []byte { return join(v, appendU(op(0x22), uint64(i))) }

// Set assigns v.
func (l LocalI32) Set(v I32Value) { setLocal(l.f, l.i, v.expr()) }

// Set assigns v.
func (l LocalF32) Set(v F32Value) { setLocal(l.f, l.i, v.expr()) }

// Set assigns v.
func (l LocalV128) Set(v V128Value) { setLocal(l.f, l.i, v.expr()) }

// Tee is v, assigned to the local on the way.
func (l LocalI32) Tee(v I32Value) I32 { return I32{teeLocal(l.i, v.expr())} }

// Inc adds a constant to the local.
func (l LocalI32) Inc(n int32) { l.Set(l.AddConst(n)) }

// SetGlobal assigns v to a mutable global.
func (f *Func) SetGlobal(g *Global, v I32Value) {
	if !g.mutable {
		f.m.fail("%s: assignment to a constant global", f.name)
	}
	f.emit(v.expr(), appendU(op(0x24), uint64(g.index)))
}

func (f *Func) open(code byte, body func(Label)) {
	f.emit([]byte{code, 0x40})
	f.depth++
	body(Label{f.depth})
	f.depth--
	f.emit(op(0x0b))
}

// Block runs body; a branch to its label leaves it.
func (f *Func) Block(body func(exit Label)) { f.open(0x02, body) }

// Loop runs body once; a branch to its label runs it again.
func (f *Func) Loop(body func(again Label)) { f.open(0x03, body) }

// If runs then when cond is not zero, otherwise els, which may be nil.
func (f *Func) If(cond I32Value, then, els func()) {
	f.emit(cond.expr(), []byte{0x04, 0x40})
	f.depth++
	then()
	if els != nil {
		f.emit(op(0x05))
		els()
	}
	f.depth--
	f.emit(op(0x0b))
}

// While runs body as long as cond holds, tested before each pass.
func (f *Func) While(cond I32Value, body func()) {
	f.If(cond, func() {
		f.Loop(func(again Label) {
			body()
			f.BrIf(again, cond)
		})
	}, nil)
}

// DoWhile runs body and repeats it as long as cond holds.
func (f *Func) DoWhile(cond I32Value, body func()) {
	f.Loop(func(again Label) {
		body()
		f.BrIf(again, cond)
	})
}

func (f *Func) branch(code byte, l Label) {
	if l.depth < 1 || l.depth > f.depth {
		f.m.fail("%s: branch to a closed label", f.name)
		return
	}
	f.emit(appendU(op(code), uint64(f.depth-l.depth)))
}

// Br branches to l.
func (f *Func) Br(l Label) { f.branch(0x0c, l) }

// BrIf branches to l when cond is not zero.
func (f *Func) BrIf(l Label, cond I32Value) {
	f.emit(cond.expr())
	f.branch(0x0d, l)
}

// Return leaves the function with its results.
func (f *Func) Return(values ...Value) {
	f.args("return", f.sig.Results, values)
	f.emit(op(0x0f))
}

func (f *Func) args(what string, want []Type, values []Value) {
	f.emit(f.m.argCode(f.name+": "+what, want, values))
}

func (m *Module) argCode(what string, want []Type, values []Value) []byte {
	if len(want) != len(values) {
		m.fail("%s: %d values for %d", what, len(values), len(want))
		return nil
	}
	var c []byte
	for i, v := range values {
		if v.Type() != want[i] {
			m.fail("%s: value %d is %s, want %s", what, i, v.Type(), want[i])
		}
		c = append(c, v.expr()...)
	}
	return c
}

// Call calls g as a statement and drops its results.
func (f *Func) Call(g *Func, args ...Value) {
	f.args("call of "+g.name, g.sig.Params, args)
	f.emit(appendU(op(0x10), uint64(g.index)))
	for range g.sig.Results {
		f.emit(op(0x1a))
	}
}

func (f *Func) callExpr(want Type, args []Value) []byte {
	if len(f.sig.Results) != 1 || f.sig.Results[0] != want {
		f.m.fail("call of %s as a %s", f.name, want)
	}
	return appendU(append(f.m.argCode("call of "+f.name, f.sig.Params, args), 0x10), uint64(f.index))
}

// CallI32 is a call of f, which has one i32 result, as an expression.
func (f *Func) CallI32(args ...Value) I32 { return I32{f.callExpr(TypeI32, args)} }

// CallV128 is a call of f, which has one v128 result, as an expression.
func (f *Func) CallV128(args ...Value) V128 { return V128{f.callExpr(TypeV128, args)} }

// CallIndirect calls the table's function at index, which takes args and
// returns nothing.
func (f *Func) CallIndirect(index I32Value, args ...Value) {
	var sig Signature
	for _, a := range args {
		sig.Params = append(sig.Params, a.Type())
		f.emit(a.expr())
	}
	f.emit(index.expr(), append(appendU(op(0x11), uint64(f.m.sigIndex(sig))), 0))
}

// Drop evaluates v and forgets it.
func (f *Func) Drop(v Value) { f.emit(v.expr(), op(0x1a)) }

func (f *Func) encode() []byte {
	var groups []byte
	n := 0
	for i := 0; i < len(f.locals); {
		j := i
		for j < len(f.locals) && f.locals[j] == f.locals[i] {
			j++
		}
		groups = append(appendU(groups, uint64(j-i)), byte(f.locals[i]))
		i = j
		n++
	}
	b := make([]byte, 0, len(groups)+len(f.body)+16)
	b = append(appendU(b, uint64(n)), groups...)
	b = append(b, f.body...)
	if len(f.sig.Results) > 0 {
		// Return has left the function; this tells the validator so.
		b = append(b, 0x00)
	}
	return append(b, 0x0b)
}
