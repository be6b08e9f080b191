package onnxfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"path"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// constant reads the attribute of a Constant node (Constant-13).
func (p *parser) constant(a field) (*Tensor, error) {
	var t *Tensor
	var name string
	var f32 float32
	var i64 int64
	list := []byte{} // the elements of value_floats or value_ints
	err := p.fields(a.start, a.end, func(f field) (err error) {
		switch f.num {
		case 1:
			name, err = p.text(f)
		case 2:
			f32 = math.Float32frombits(uint32(f.value))
		case 3:
			i64 = int64(f.value)
		case 5:
			t, err = p.tensor(f)
		case 7:
			list, err = p.elements(list, f, Float32)
		case 8:
			list, err = p.elements(list, f, Int64)
		}
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case name == "value" && t != nil:
		return t, nil
	case name == "value_float":
		return Float32Tensor("", nil, []float32{f32}), nil
	case name == "value_floats":
		return &Tensor{DType: Float32, Shape: []int{len(list) / 4}, Data: list}, nil
	case name == "value_int":
		return Int64Tensor("", nil, []int64{i64}), nil
	case name == "value_ints":
		return &Tensor{DType: Int64, Shape: []int{len(list) / 8}, Data: list}, nil
	}
	return nil, fmt.Errorf("attribute %q is not supported", name)
}

// maxPieces bounds the fields that one tensor's typed elements come in: one,
// unless a writer did not pack them.
const maxPieces = 1 << 16

// maxExternal bounds the entries that say where external data lie.
const maxExternal = 16

func (p *parser) tensor(f field) (*Tensor, error) {
	t := &Tensor{}
	var dims []int64
	var raw *field
	var typed []field
	external := map[string]string{}
	location := uint64(0)
	err := p.fields(f.start, f.end, func(f field) (err error) {
		switch f.num {
		case 1:
			err = p.varints(f, func(d uint64) error {
				if len(dims) <= MaxRank { // one more than allowed is enough to refuse
					dims = append(dims, int64(d))
				}
				return nil
			})
		case 2:
			t.DType = DType(f.value)
		case 3:
			return errors.New("segmented tensors are not supported")
		case 4, 5, 7, 10, 11:
			if typed = append(typed, f); len(typed) > maxPieces {
				return fmt.Errorf("data in more than %d pieces", maxPieces)
			}
		case 8:
			t.Name, err = p.text(f)
		case 9:
			raw = &f
		case 13:
			var k, v string
			if k, v, err = p.entry(f, maxText); err == nil {
				if external[k] = v; len(external) > maxExternal {
					err = fmt.Errorf("more than %d entries about external data", maxExternal)
				}
			}
		case 14:
			location = f.value
		}
		return err
	})
	if err == nil {
		t.Shape, err = checkShape(dims)
	}
	if err == nil {
		switch {
		case t.DType.Size() == 0:
			err = fmt.Errorf("elements of %s are not supported", t.DType)
		case location == 1:
			err = t.locate(external)
		case raw != nil:
			t.Range = Range{Offset: raw.start, Length: raw.len()}
			err = t.fits(raw.len())
		default:
			err = p.typed(t, typed)
		}
	}
	if err != nil {
		// The value of a Constant has no name of its own.
		if t.Name != "" {
			err = fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		return nil, err
	}
	return t, nil
}

// fits checks n bytes of data against the shape and type of t.
func (t *Tensor) fits(n int64) error {
	if n != t.Bytes() {
		return fmt.Errorf("%d bytes of data where %s of %s takes %d", n, shapeString(t.Shape), t.DType, t.Bytes())
	}
	return nil
}

// locate reads where external data lies. The file must be a plain name beside
// the model: no other folder is ever opened for an untrusted file.
func (t *Tensor) locate(external map[string]string) error {
	file := external["location"]
	if file == "" || path.Base(file) != file || file == "." || file == ".." || strings.ContainsAny(file, "\\:\x00") {
		return fmt.Errorf("external data in %q: only a file beside the model is read", file)
	}
	t.Range = Range{File: file, Length: t.Bytes()}
	for _, size := range []struct {
		key string
		dst *int64
	}{{"offset", &t.Range.Offset}, {"length", &t.Range.Length}} {
		if s, ok := external[size.key]; ok {
			v, err := strconv.ParseInt(s, 10, 64)
			if err != nil || v < 0 {
				return fmt.Errorf("external %s %q is not a size", size.key, s)
			}
			*size.dst = v
		}
	}
	if t.Range.Offset > math.MaxInt64-t.Range.Length {
		return fmt.Errorf("external offset %d is out of range", t.Range.Offset)
	}
	return t.fits(t.Range.Length)
}

// typed reads the fields float_data, int32_data, int64_data, double_data and
// uint64_data; int32_data carries all small types.
func (p *parser) typed(t *Tensor, fields []field) error {
	want := map[DType]protowire.Number{
		Float32: 4, Int32: 5, Uint8: 5, Int8: 5, Uint16: 5, Int16: 5, Bool: 5,
		Float16: 5, BFloat16: 5, Int64: 7, Float64: 10, Uint32: 11, Uint64: 11,
	}[t.DType]
	for _, f := range fields {
		if f.num != want {
			return fmt.Errorf("elements of %s in field %d", t.DType, f.num)
		}
	}
	// Packed floats are what raw data are: little-endian, end to end.
	if len(fields) == 1 && fields[0].typ == protowire.BytesType && (t.DType == Float32 || t.DType == Float64) {
		f := fields[0]
		t.Range = Range{Offset: f.start, Length: f.len()}
		return t.fits(f.len())
	}
	data := []byte{}
	for _, f := range fields {
		var err error
		if data, err = p.elements(data, f, t.DType); err != nil {
			return err
		}
	}
	t.Data = data
	return t.fits(int64(len(data)))
}

// elements appends the numbers of a repeated field, packed or not, as
// little-endian elements of a type.
func (p *parser) elements(dst []byte, f field, dtype DType) ([]byte, error) {
	if f.typ == protowire.BytesType && (dtype == Float32 || dtype == Float64) {
		b, err := p.bytes(f, maxCopied)
		if err == nil && len(b)%dtype.Size() != 0 {
			err = fmt.Errorf("%d bytes are no list of %s", len(b), dtype)
		}
		return append(dst, b...), err
	}
	unpacked := map[DType]protowire.Type{Float32: protowire.Fixed32Type, Float64: protowire.Fixed64Type}
	if want := unpacked[dtype]; f.typ != protowire.BytesType && f.typ != want {
		return nil, fmt.Errorf("an element of %s of wire type %d", dtype, f.typ)
	}
	err := p.varints(f, func(v uint64) error {
		dst = appendElement(dst, v, dtype.Size())
		return p.spend(int64(dtype.Size()))
	})
	return dst, err
}

func appendElement(b []byte, v uint64, size int) []byte {
	switch size {
	case 1:
		return append(b, byte(v))
	case 2:
		return binary.LittleEndian.AppendUint16(b, uint16(v))
	case 4:
		return binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	return binary.LittleEndian.AppendUint64(b, v)
}

func shapeString(shape []int) string {
	if len(shape) == 0 {
		return "a scalar"
	}
	dims := make([]int64, len(shape))
	for i, d := range shape {
		dims[i] = int64(d)
	}
	return dimString(dims)
}
