package asm

import "encoding/binary"

// V128 is an expression of type v128. Its methods carry the lane shape of the
// instruction they are named after.
type V128 struct{ c []byte }

// Type is TypeV128.
func (V128) Type() Type { return TypeV128 }

func (a V128) expr() []byte { return a.c }

// FloatsX4 is a constant of four copies of v.
func FloatsX4(v float32) V128 {
	b := appendF32(nil, v)
	return V128{join(simdOp(0x0c), b, b, b, b)}
}

// IntsX4 is a constant of four lanes.
func IntsX4(a, b, c, d int32) V128 {
	code := simdOp(0x0c)
	for _, v := range [4]int32{a, b, c, d} {
		code = binary.LittleEndian.AppendUint32(code, uint32(v))
	}
	return V128{code}
}

// Bytes is a constant of sixteen bytes.
func Bytes(b [16]byte) V128 { return V128{join(simdOp(0x0c), b[:])} }

// Shuffle picks sixteen bytes out of a (0–15) and b (16–31). Lanes above 31
// are taken modulo 32.
func (a V128) Shuffle(b V128Value, lanes [16]byte) V128 {
	for i := range lanes {
		lanes[i] &= 31
	}
	return V128{join(a.c, b.expr(), simdOp(0x0d), lanes[:])}
}

// Shuffle32 picks four 32-bit lanes out of a (0–3) and b (4–7).
func (a V128) Shuffle32(b V128Value, l0, l1, l2, l3 byte) V128 {
	var lanes [16]byte
	for i, l := range [4]byte{l0, l1, l2, l3} {
		for j := range byte(4) {
			lanes[4*i+int(j)] = l*4 + j
		}
	}
	return a.Shuffle(b, lanes)
}

// Select takes the bits of a where mask has ones, else those of b.
func (mask V128) Select(a, b V128Value) V128 {
	return V128{join(a.expr(), b.expr(), mask.expr(), simdOp(0x52))}
}

// ShiftLeft32 shifts the 32-bit lanes.
func (a V128) ShiftLeft32(n I32Value) V128 { return V128{join(a.expr(), n.expr(), simdOp(0xab))} }

// ShiftRight32S shifts the 32-bit lanes, sign kept.
func (a V128) ShiftRight32S(n I32Value) V128 { return V128{join(a.c, n.expr(), simdOp(0xac))} }

// ShiftRight32U shifts the 32-bit lanes, zeros in.
func (a V128) ShiftRight32U(n I32Value) V128 { return V128{join(a.c, n.expr(), simdOp(0xad))} }

// F32x4Lane is lane 0–3 as a float.
func (a V128) F32x4Lane(lane byte) F32 { return F32{join(a.c, simdOp(0x1f), op(lane&3))} }

// I32x4Lane is lane 0–3 as an integer.
func (a V128) I32x4Lane(lane byte) I32 { return I32{join(a.c, simdOp(0x1b), op(lane&3))} }

// F32x4Replace is a with lane 0–3 replaced.
func (a V128) F32x4Replace(lane byte, v F32Value) V128 {
	return V128{join(a.c, v.expr(), simdOp(0x20), op(lane&3))}
}

// F32x4RelaxedMadd is a·b + c, fused or not as the host likes. Relaxed SIMD.
func (a V128) F32x4RelaxedMadd(b, c V128Value) V128 {
	return V128{join(a.c, b.expr(), c.expr(), simdOp(0x105))}
}

// And is a & b.
func (a V128) And(b V128Value) V128 { return V128{join(a.c, b.expr(), simdOp(0x4e))} }

// Or is a | b.
func (a V128) Or(b V128Value) V128 { return V128{join(a.c, b.expr(), simdOp(0x50))} }

// Swizzle is a's bytes picked by b's; an index above 15 gives 0.
func (a V128) Swizzle(b V128Value) V128 { return V128{join(a.c, b.expr(), simdOp(0xe))} }

// F32x4Lt is a mask of a < b.
func (a V128) F32x4Lt(b V128Value) V128 { return V128{join(a.c, b.expr(), simdOp(0x43))} }

// F32x4Add is a + b.
func (a V128) F32x4Add(b V128Value) V128 { return V128{join(a.c, b.expr(), simdOp(0xe4))} }

// F32x4Sub is a - b.
func (a V128) F32x4Sub(b V128Value) V128 { return V128{join(a.c, b.expr(), simdOp(0xe5))} }

// F32x4Mul is a · b.
func (a V128) F32x4Mul(b V128Value) V128 { return V128{join(a.c, b.expr(), simdOp(0xe6))} }

// F32x4Div is a / b.
func (a V128) F32x4Div(b V128Value) V128 { return V128{join(a.c, b.expr(), simdOp(0xe7))} }

// F32x4Max is the larger, NaN if either is.
func (a V128) F32x4Max(b V128Value) V128 { return V128{join(a.c, b.expr(), simdOp(0xe9))} }

// F32x4PMin is b < a ? b : a, so a where either is NaN.
func (a V128) F32x4PMin(b V128Value) V128 { return V128{join(a.c, b.expr(), simdOp(0xea))} }

// F32x4PMax is a < b ? b : a, so a where either is NaN.
func (a V128) F32x4PMax(b V128Value) V128 { return V128{join(a.c, b.expr(), simdOp(0xeb))} }

// I32x4GtS is a mask of a > b, signed.
func (a V128) I32x4GtS(b V128Value) V128 { return V128{join(a.c, b.expr(), simdOp(0x3b))} }

// I32x4Add is a + b.
func (a V128) I32x4Add(b V128Value) V128 { return V128{join(a.c, b.expr(), simdOp(0xae))} }

// I32x4Sub is a - b.
func (a V128) I32x4Sub(b V128Value) V128 { return V128{join(a.c, b.expr(), simdOp(0xb1))} }

// I32x4DotI16x8 is the sums of neighbouring products of signed 16-bit lanes.
func (a V128) I32x4DotI16x8(b V128Value) V128 { return V128{join(a.c, b.expr(), simdOp(0xba))} }

// I16x8NarrowI32x4 is a and b, saturated to signed 16 bits.
func (a V128) I16x8NarrowI32x4(b V128Value) V128 { return V128{join(a.c, b.expr(), simdOp(0x85))} }

// I8x16NarrowI16x8U is a and b, saturated to unsigned bytes.
func (a V128) I8x16NarrowI16x8U(b V128Value) V128 { return V128{join(a.c, b.expr(), simdOp(0x66))} }

// F32x4Abs is |a|.
func (a V128) F32x4Abs() V128 { return V128{join(a.c, simdOp(0xe0))} }

// F32x4Neg is -a.
func (a V128) F32x4Neg() V128 { return V128{join(a.c, simdOp(0xe1))} }

// F32x4Sqrt is the square roots.
func (a V128) F32x4Sqrt() V128 { return V128{join(a.c, simdOp(0xe3))} }

// F32x4Ceil is a rounded up.
func (a V128) F32x4Ceil() V128 { return V128{join(a.c, simdOp(0x67))} }

// F32x4Floor is a rounded down.
func (a V128) F32x4Floor() V128 { return V128{join(a.c, simdOp(0x68))} }

// F32x4Nearest is a rounded, ties to even.
func (a V128) F32x4Nearest() V128 { return V128{join(a.c, simdOp(0x6a))} }

// F32x4ConvertI32x4 is signed integers as floats.
func (a V128) F32x4ConvertI32x4() V128 { return V128{join(a.c, simdOp(0xfa))} }

// I32x4TruncSatF32x4 is floats as signed integers, saturated, NaN as 0.
func (a V128) I32x4TruncSatF32x4() V128 { return V128{join(a.c, simdOp(0xf8))} }

// I32x4ExtendLowI16x8U is the low four lanes, zero-extended.
func (a V128) I32x4ExtendLowI16x8U() V128 { return V128{join(a.c, simdOp(0xa9))} }

// I32x4ExtendHighI16x8U is the high four lanes, zero-extended.
func (a V128) I32x4ExtendHighI16x8U() V128 { return V128{join(a.c, simdOp(0xaa))} }

// I32x4ExtendLowI16x8S is the low four lanes, sign-extended.
func (a V128) I32x4ExtendLowI16x8S() V128 { return V128{join(a.c, simdOp(0xa7))} }

// I32x4ExtendHighI16x8S is the high four lanes, sign-extended.
func (a V128) I32x4ExtendHighI16x8S() V128 { return V128{join(a.c, simdOp(0xa8))} }

// I16x8ExtendLowI8x16S is the low eight bytes, sign-extended.
func (a V128) I16x8ExtendLowI8x16S() V128 { return V128{join(a.c, simdOp(0x87))} }

// I16x8ExtendLowI8x16U is the low eight bytes, zero-extended.
func (a V128) I16x8ExtendLowI8x16U() V128 { return V128{join(a.c, simdOp(0x89))} }

// I16x8ExtendHighI8x16U is the high eight bytes, zero-extended.
func (a V128) I16x8ExtendHighI8x16U() V128 { return V128{join(a.c, simdOp(0x8a))} }

// AnyTrue is 1 when any bit is set.
func (a V128) AnyTrue() I32 { return I32{join(a.c, simdOp(0x53))} }
