package record

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"testing"
)

type name string

// sample has a field of every kind.
type sample struct {
	A       int
	B       uint8
	C       uint32
	D       int64
	Yes     bool
	F       float32
	Name    name
	Raw     []byte
	List    []int
	Inner   []sample
	ByName  map[string]int64
	Pointed *sample
}

func (s *sample) record(c *Coder) {
	Int(c, &s.A)
	Int(c, &s.B)
	Int(c, &s.C)
	Int(c, &s.D)
	c.Bool(&s.Yes)
	c.Float(&s.F)
	Text(c, &s.Name)
	c.Bytes(&s.Raw)
	Ints(c, &s.List)
	Slice(c, &s.Inner, func(c *Coder, s *sample) { s.record(c) })
	Map(c, &s.ByName, Int[int64])
	has := s.Pointed != nil
	if c.Bool(&has); has {
		if c.Reading() {
			s.Pointed = &sample{}
		}
		s.Pointed.record(c)
	}
}

var samples = []sample{
	{},
	{A: math.MinInt, B: 255, C: math.MaxUint32, D: math.MaxInt64, Yes: true, F: float32(math.Inf(-1)), Name: "ñ\x00"},
	{Raw: []byte{}, List: []int{}, Inner: []sample{}, ByName: map[string]int64{}},
	{
		Raw: []byte{1, 2, 3}, List: []int{5, -5, 1 << 40}, Inner: []sample{{A: 7}, {Inner: []sample{{Name: "deep"}}}},
		ByName: map[string]int64{"b": 2, "a": -1, "": 0}, Pointed: &sample{Yes: true},
	},
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	for i, want := range samples {
		b := Write([]byte("before"), want.record)
		var got sample
		if err := Read(bytes.TrimPrefix(b, []byte("before")), got.record); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%d: %+v, %v, want %+v", i, got, err, want)
		}
		if again := Write(nil, got.record); !bytes.Equal(again, b[len("before"):]) {
			t.Errorf("%d: written once more it differs", i)
		}
	}
}

func TestEveryOtherLengthIsDamaged(t *testing.T) {
	for i, s := range samples {
		b := Write(nil, s.record)
		for n := range b {
			var got sample
			if err := Read(b[:n], got.record); !errors.Is(err, ErrDamaged) {
				t.Errorf("%d: %d of %d bytes: %v", i, n, len(b), err)
			}
		}
		var got sample
		if err := Read(append(b, 0), got.record); !errors.Is(err, ErrDamaged) {
			t.Errorf("%d: a byte too many: %v", i, err)
		}
	}
}

func TestAnIntegerThatDoesNotFitIsDamaged(t *testing.T) {
	for _, x := range []int64{-1, 256, math.MaxInt64} {
		var got uint8
		if err := Read(Write(nil, func(c *Coder) { Int(c, &x) }), func(c *Coder) { Int(c, &got) }); !errors.Is(err, ErrDamaged) {
			t.Errorf("%d is a byte: %d, %v", x, got, err)
		}
	}
}

func FuzzReadNeverPanics(f *testing.F) {
	for _, s := range samples {
		f.Add(Write(nil, s.record))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var s sample
		err := Read(b, s.record)
		if err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
		if err == nil {
			var again sample
			if err := Read(Write(nil, s.record), again.record); err != nil {
				t.Fatal(err)
			}
		}
	})
}
