package asm

// I32 is an expression of type i32, an integer or an address.
type I32 struct{ c []byte }

// Type is TypeI32.
func (I32) Type() Type { return TypeI32 }

func (a I32) expr() []byte { return a.c }

// Int is an i32 constant.
func Int(v int32) I32 { return I32{appendS(op(0x41), int64(v))} }

// AddConst is a + n.
func (a I32) AddConst(n int32) I32 {
	if n == 0 {
		return a
	}
	return a.Add(Int(n))
}

// MulConst is a · n; a power of two becomes a shift.
func (a I32) MulConst(n int32) I32 {
	for s := range int32(31) {
		if n == 1<<s {
			return a.ShlConst(s)
		}
	}
	return a.Mul(Int(n))
}

// ShlConst is a << n.
func (a I32) ShlConst(n int32) I32 {
	if n == 0 {
		return a
	}
	return a.Shl(Int(n))
}

// Select is yes where cond is not zero, else no; both are evaluated.
func (cond I32) Select(yes, no I32Value) I32 {
	return I32{join(yes.expr(), no.expr(), cond.expr(), op(0x1b))}
}

// MinS is the smaller of two locals, signed.
func (a LocalI32) MinS(b LocalI32) I32 { return a.LtS(b).Select(a, b) }

// Eqz is 1 when a is zero.
func (a I32) Eqz() I32 { return I32{join(a.c, op(0x45))} }

// Eq is a == b.
func (a I32) Eq(b I32Value) I32 { return I32{join(a.c, b.expr(), op(0x46))} }

// Ne is a != b.
func (a I32) Ne(b I32Value) I32 { return I32{join(a.c, b.expr(), op(0x47))} }

// LtS is a < b, signed.
func (a I32) LtS(b I32Value) I32 { return I32{join(a.c, b.expr(), op(0x48))} }

// LtU is a < b, unsigned.
func (a I32) LtU(b I32Value) I32 { return I32{join(a.c, b.expr(), op(0x49))} }

// GtS is a > b, signed.
func (a I32) GtS(b I32Value) I32 { return I32{join(a.c, b.expr(), op(0x4a))} }

// GtU is a > b, unsigned.
func (a I32) GtU(b I32Value) I32 { return I32{join(a.c, b.expr(), op(0x4b))} }

// LeS is a <= b, signed.
func (a I32) LeS(b I32Value) I32 { return I32{join(a.c, b.expr(), op(0x4c))} }

// LeU is a <= b, unsigned.
func (a I32) LeU(b I32Value) I32 { return I32{join(a.c, b.expr(), op(0x4d))} }

// GeS is a >= b, signed.
func (a I32) GeS(b I32Value) I32 { return I32{join(a.c, b.expr(), op(0x4e))} }

// Add is a + b.
func (a I32) Add(b I32Value) I32 { return I32{join(a.c, b.expr(), op(0x6a))} }

// Sub is a - b.
func (a I32) Sub(b I32Value) I32 { return I32{join(a.c, b.expr(), op(0x6b))} }

// Mul is a · b.
func (a I32) Mul(b I32Value) I32 { return I32{join(a.c, b.expr(), op(0x6c))} }

// DivS is a / b, signed.
func (a I32) DivS(b I32Value) I32 { return I32{join(a.c, b.expr(), op(0x6d))} }

// DivU is a / b, unsigned.
func (a I32) DivU(b I32Value) I32 { return I32{join(a.c, b.expr(), op(0x6e))} }

// RemS is a % b, signed.
func (a I32) RemS(b I32Value) I32 { return I32{join(a.c, b.expr(), op(0x6f))} }

// RemU is a % b, unsigned.
func (a I32) RemU(b I32Value) I32 { return I32{join(a.c, b.expr(), op(0x70))} }

// And is a & b.
func (a I32) And(b I32Value) I32 { return I32{join(a.c, b.expr(), op(0x71))} }

// Or is a | b.
func (a I32) Or(b I32Value) I32 { return I32{join(a.c, b.expr(), op(0x72))} }

// Xor is a ^ b.
func (a I32) Xor(b I32Value) I32 { return I32{join(a.c, b.expr(), op(0x73))} }

// Shl is a << b.
func (a I32) Shl(b I32Value) I32 { return I32{join(a.c, b.expr(), op(0x74))} }

// ShrS is a >> b, signed.
func (a I32) ShrS(b I32Value) I32 { return I32{join(a.c, b.expr(), op(0x75))} }

// ShrU is a >> b, unsigned.
func (a I32) ShrU(b I32Value) I32 { return I32{join(a.c, b.expr(), op(0x76))} }

// Splat is four copies of a.
func (a I32) Splat() V128 { return V128{join(a.c, simdOp(0x11))} }

// ToF32 is a as a float, signed.
func (a I32) ToF32() F32 { return F32{join(a.c, op(0xb2))} }

// ToI64 is a, sign-extended.
func (a I32) ToI64() I64 { return I64{join(a.c, op(0xac))} }

// I64 is an expression of type i64.
type I64 struct{ c []byte }

// Type is TypeI64.
func (I64) Type() Type { return TypeI64 }

func (a I64) expr() []byte { return a.c }

// Long is an i64 constant.
func Long(v int64) I64 { return I64{appendS(op(0x42), v)} }

// Add is a + b.
func (a I64) Add(b I64Value) I64 { return I64{join(a.c, b.expr(), op(0x7c))} }

// Mul is a · b.
func (a I64) Mul(b I64Value) I64 { return I64{join(a.c, b.expr(), op(0x7e))} }

// DivU is a / b, unsigned.
func (a I64) DivU(b I64Value) I64 { return I64{join(a.c, b.expr(), op(0x80))} }

// ToI32 is the low half of a.
func (a I64) ToI32() I32 { return I32{join(a.c, op(0xa7))} }

// F32 is an expression of type f32.
type F32 struct{ c []byte }

// Type is TypeF32.
func (F32) Type() Type { return TypeF32 }

func (a F32) expr() []byte { return a.c }

// Float is an f32 constant.
func Float(v float32) F32 { return F32{appendF32(op(0x43), v)} }

// Abs is |a|.
func (a F32) Abs() F32 { return F32{join(a.c, op(0x8b))} }

// Sqrt is the square root of a.
func (a F32) Sqrt() F32 { return F32{join(a.c, op(0x91))} }

// Add is a + b.
func (a F32) Add(b F32Value) F32 { return F32{join(a.c, b.expr(), op(0x92))} }

// Max is the larger of a and b, NaN if either is.
func (a F32) Max(b F32Value) F32 { return F32{join(a.c, b.expr(), op(0x97))} }

// Lt is a < b.
func (a F32) Lt(b F32Value) I32 { return I32{join(a.c, b.expr(), op(0x5d))} }

// Splat is four copies of a.
func (a F32) Splat() V128 { return V128{join(a.c, simdOp(0x13))} }

// Bits is the bits of a.
func (a F32) Bits() I32 { return I32{join(a.c, op(0xbc))} }
