// Package record turns Go values into bytes and back, for what a program keeps
// for itself between two runs. One function walks the fields of a type both ways,
// so that writing and reading cannot differ:
//
//	func (p *Point) Record(c *record.Coder) {
//		record.Int(c, &p.X)
//		record.Int(c, &p.Y)
//	}
//
// The bytes say nothing of the types: whoever reads them must be the program that
// wrote them, and nothing but a length is ever trusted, so that to read damaged bytes
// gives an error or wrong values, never a panic or memory that the bytes do not pay for.
// Whoever uses the values must know by other means that they are right.
package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

// ErrDamaged is wrapped by the errors of Read.
var ErrDamaged = errors.New("the record is damaged")

// Coder writes values, or reads them.
type Coder struct {
	b       []byte // written so far, or left to read
	reading bool
	err     error
}

// Write appends what fields walks to b.
func Write(b []byte, fields func(*Coder)) []byte {
	c := Coder{b: b}
	fields(&c)
	return c.b
}

// Read fills what fields walks from b, which must hold that and no more. Values are
// to be used only where there is no error.
func Read(b []byte, fields func(*Coder)) error {
	c := Coder{b: b, reading: true}
	fields(&c)
	if c.err == nil && len(c.b) > 0 {
		c.fail("%d bytes are left over", len(c.b))
	}
	return c.err
}

// Reading tells a Coder that reads from one that writes.
func (c *Coder) Reading() bool { return c.reading }

func (c *Coder) fail(format string, a ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("%w: "+format, append([]any{ErrDamaged}, a...)...)
	}
	c.b = nil
}

// Int codes an integer in as few bytes as it needs.
func Int[T ~int | ~int32 | ~int64 | ~uint8 | ~uint32](c *Coder, v *T) {
	if !c.reading {
		c.b = binary.AppendVarint(c.b, int64(*v))
		return
	}
	x, n := binary.Varint(c.b)
	if n <= 0 || int64(T(x)) != x {
		c.fail("no integer of this size")
		return
	}
	c.b, *v = c.b[n:], T(x)
}

// Bool codes a truth value.
func (c *Coder) Bool(v *bool) {
	var x uint8
	if *v {
		x = 1
	}
	if Int(c, &x); c.reading {
		*v = x == 1
	}
}

// Float codes a float32, bit by bit.
func (c *Coder) Float(v *float32) {
	x := math.Float32bits(*v)
	if Int(c, &x); c.reading {
		*v = math.Float32frombits(x)
	}
}

// Text codes a string.
func Text[T ~string](c *Coder, v *T) {
	b := []byte(*v)
	if c.Bytes(&b); c.reading {
		*v = T(b)
	}
}

// Bytes codes bytes; nil and empty are different. What is read lies in the record
// itself.
func (c *Coder) Bytes(v *[]byte) {
	n := c.length(len(*v), *v == nil)
	if !c.reading {
		c.b = append(c.b, *v...)
		return
	}
	if *v = nil; n >= 0 {
		*v = c.b[:n:n]
		c.b = c.b[n:]
	}
}

// length codes how many elements follow, each of which takes a byte or more; −1
// stands for nil.
func (c *Coder) length(n int, isNil bool) int {
	if isNil {
		n = -1
	}
	if Int(c, &n); c.reading && (n < -1 || n > len(c.b)) {
		c.fail("%d elements in %d bytes", n, len(c.b))
	}
	if c.err != nil {
		return -1
	}
	return n
}

// Slice codes a slice by what codes an element, which must take a byte or more; nil
// and empty are different.
func Slice[T any](c *Coder, v *[]T, element func(*Coder, *T)) {
	n := c.length(len(*v), *v == nil)
	if c.reading {
		*v = nil
		if n >= 0 {
			*v = make([]T, 0, min(n, 1<<10))
		}
		for i := 0; i < n && c.err == nil; i++ {
			var e T
			element(c, &e)
			*v = append(*v, e)
		}
		return
	}
	for i := range *v {
		element(c, &(*v)[i])
	}
}

// Map codes a map from strings, in the order of its keys.
func Map[T any](c *Coder, v *map[string]T, element func(*Coder, *T)) {
	var keys []string
	if *v != nil {
		keys = slices.AppendSeq([]string{}, maps.Keys(*v))
		slices.Sort(keys)
	}
	Slice(c, &keys, Text)
	if c.reading {
		*v = nil
		if keys != nil {
			*v = make(map[string]T, len(keys))
		}
	}
	for _, k := range keys {
		e := (*v)[k]
		if element(c, &e); c.reading {
			(*v)[k] = e
		}
	}
}

// Ints codes a slice of integers.
func Ints[T ~int | ~int32 | ~int64 | ~uint8 | ~uint32](c *Coder, v *[]T) { Slice(c, v, Int) }
