package asm

import (
	"encoding/binary"
	"math"
)

// Type is a WebAssembly value type.
type Type byte

// The value types.
const (
	TypeI32  Type = 0x7f
	TypeI64  Type = 0x7e
	TypeF32  Type = 0x7d
	TypeF64  Type = 0x7c
	TypeV128 Type = 0x7b
)

func (t Type) String() string {
	switch t {
	case TypeI32:
		return "i32"
	case TypeI64:
		return "i64"
	case TypeF32:
		return "f32"
	case TypeF64:
		return "f64"
	case TypeV128:
		return "v128"
	}
	return "unknown"
}

// appendU appends v in unsigned LEB128.
func appendU(b []byte, v uint64) []byte { return binary.AppendUvarint(b, v) }

// appendS appends v in signed LEB128.
func appendS(b []byte, v int64) []byte {
	for {
		low := byte(v & 0x7f)
		v >>= 7
		if (v == 0 && low&0x40 == 0) || (v == -1 && low&0x40 != 0) {
			return append(b, low)
		}
		b = append(b, low|0x80)
	}
}

func appendF32(b []byte, v float32) []byte {
	return binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
}

func appendName(b []byte, s string) []byte {
	b = appendU(b, uint64(len(s)))
	return append(b, s...)
}

// appendSection appends a section with its size; an empty body is left out.
func appendSection(b []byte, id byte, body []byte) []byte {
	if len(body) == 0 {
		return b
	}
	b = append(b, id)
	b = appendU(b, uint64(len(body)))
	return append(b, body...)
}

// appendVector appends a count and the items, or nothing when there are none.
func appendVector(b []byte, n int, item func([]byte, int) []byte) []byte {
	if n == 0 {
		return b
	}
	b = appendU(b, uint64(n))
	for i := range n {
		b = item(b, i)
	}
	return b
}

// op is the encoding of one operation, prefix included. What these functions
// return is shared and full: whoever appends to it gets a copy.
func op(code byte) []byte { return codes.plain[code : int(code)+1 : int(code)+1] }

func simdOp(code uint32) []byte { return codes.simd[code][:codes.simdLen[code]:codes.simdLen[code]] }

// codes spares an expression some of its small allocations; a model takes tens of
// thousands.
var codes = func() (c struct {
	plain   [256]byte
	simd    [0x200][3]byte
	simdLen [0x200]uint8
	args    [5][2 * 0x80]byte
}) {
	for i := range c.plain {
		c.plain[i] = byte(i)
	}
	for i := range c.simd {
		c.simdLen[i] = uint8(len(appendU(append(c.simd[i][:0], 0xfd), uint64(i))))
	}
	for align := range c.args {
		for offset := range 0x80 {
			c.args[align][2*offset], c.args[align][2*offset+1] = byte(align), byte(offset)
		}
	}
	return c
}()

func atomicOp(code byte) []byte { return []byte{0xfe, code} }

func bulkOp(code byte) []byte { return []byte{0xfc, code} }

// join concatenates code, always into fresh memory: expressions are shared.
func join(parts ...[]byte) []byte {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	out := make([]byte, 0, n)
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// memArg encodes an alignment (log2 of bytes) and an offset.
func memArg(align, offset uint32) []byte {
	if offset < 0x80 {
		return codes.args[align][2*offset : 2*offset+2 : 2*offset+2]
	}
	return appendU(appendU(make([]byte, 0, 6), uint64(align)), uint64(offset))
}
