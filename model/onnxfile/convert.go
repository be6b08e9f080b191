package onnxfile

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Float32s converts little-endian elements of any numeric type to float32,
// rounding to nearest where float32 is narrower.
func Float32s(t DType, b []byte) ([]float32, error) {
	size := t.Size()
	if size == 0 || t == Bool || len(b)%size != 0 {
		return nil, fmt.Errorf("%d bytes of %s are not numbers", len(b), t)
	}
	out := make([]float32, len(b)/size)
	le := binary.LittleEndian
	switch t {
	case Float32:
		for i := range out {
			out[i] = math.Float32frombits(le.Uint32(b[4*i:]))
		}
	case Float16:
		for i := range out {
			out[i] = float16(le.Uint16(b[2*i:]))
		}
	case BFloat16:
		for i := range out {
			out[i] = math.Float32frombits(uint32(le.Uint16(b[2*i:])) << 16)
		}
	case Float64:
		for i := range out {
			out[i] = float32(math.Float64frombits(le.Uint64(b[8*i:])))
		}
	case Uint8:
		for i := range out {
			out[i] = float32(b[i])
		}
	case Int8: // as Uint8, without eight times the memory for weights
		for i := range out {
			out[i] = float32(int8(b[i]))
		}
	case Uint64:
		for i := range out {
			out[i] = float32(le.Uint64(b[8*i:]))
		}
	default:
		ints, err := Int64s(t, b)
		if err != nil {
			return nil, err
		}
		for i, x := range ints {
			out[i] = float32(x)
		}
	}
	return out, nil
}

// float16 widens IEEE 754 binary16.
func float16(h uint16) float32 {
	sign, exp, frac := uint32(h>>15)<<31, uint32(h>>10&31), uint32(h&1023)
	switch exp {
	case 0: // zero and subnormals: frac · 2⁻²⁴ is exact in float32
		f := float32(frac) / (1 << 24)
		return math.Float32frombits(math.Float32bits(f) | sign)
	case 31:
		return math.Float32frombits(sign | 0xff<<23 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

// Int64s converts little-endian integers that fit in int64, and bools.
func Int64s(t DType, b []byte) ([]int64, error) {
	size := t.Size()
	if size == 0 || len(b)%size != 0 {
		return nil, fmt.Errorf("%d bytes of %s are not integers", len(b), t)
	}
	out := make([]int64, len(b)/size)
	le := binary.LittleEndian
	for i := range out {
		switch t {
		case Uint8, Bool:
			out[i] = int64(b[i])
		case Int8:
			out[i] = int64(int8(b[i]))
		case Uint16:
			out[i] = int64(le.Uint16(b[2*i:]))
		case Int16:
			out[i] = int64(int16(le.Uint16(b[2*i:])))
		case Int32:
			out[i] = int64(int32(le.Uint32(b[4*i:])))
		case Uint32:
			out[i] = int64(le.Uint32(b[4*i:]))
		case Int64:
			out[i] = int64(le.Uint64(b[8*i:]))
		default:
			return nil, fmt.Errorf("%s does not fit in int64", t)
		}
	}
	return out, nil
}

// Int64Tensor makes an inline tensor.
func Int64Tensor(name string, shape []int, data []int64) *Tensor {
	b := make([]byte, 0, 8*len(data))
	for _, x := range data {
		b = binary.LittleEndian.AppendUint64(b, uint64(x))
	}
	return &Tensor{Name: name, DType: Int64, Shape: append([]int(nil), shape...), Data: b}
}

// Float32Tensor makes an inline tensor.
func Float32Tensor(name string, shape []int, data []float32) *Tensor {
	b := make([]byte, 0, 4*len(data))
	for _, x := range data {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return &Tensor{Name: name, DType: Float32, Shape: append([]int(nil), shape...), Data: b}
}

// Int32Tensor makes an inline tensor of the low 32 bits of data.
func Int32Tensor(name string, shape []int, data []int64) *Tensor {
	b := make([]byte, 0, 4*len(data))
	for _, x := range data {
		b = binary.LittleEndian.AppendUint32(b, uint32(x))
	}
	return &Tensor{Name: name, DType: Int32, Shape: append([]int(nil), shape...), Data: b}
}
