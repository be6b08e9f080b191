package onnxfile_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"hamster/model/onnxfile"
)

func TestTypedElementsOfEveryType(t *testing.T) {
	f32 := func(v float32) uint32 { return math.Float32bits(v) }
	f64 := func(v float64) uint64 { return math.Float64bits(v) }
	tensor := func(dtype onnxfile.DType, n int64) msg {
		return msg(nil).packed(1, n).num(2, int64(dtype)).str(8, "w")
	}
	for _, c := range []struct {
		name   string
		tensor msg
		want   string // little-endian
	}{
		{"float32 packed", tensor(onnxfile.Float32, 2).str(4, "\x00\x00\x80\x3f\x00\x00\x00\xc0"), "\x00\x00\x80\x3f\x00\x00\x00\xc0"},
		{"float32 one by one", tensor(onnxfile.Float32, 2).fix32(4, f32(1)).fix32(4, f32(-2)), "\x00\x00\x80\x3f\x00\x00\x00\xc0"},
		{"float32 in two parts", tensor(onnxfile.Float32, 2).str(4, "\x00\x00\x80\x3f").str(4, "\x00\x00\x00\xc0"), "\x00\x00\x80\x3f\x00\x00\x00\xc0"},
		{"float64 packed", tensor(onnxfile.Float64, 1).str(10, "\x00\x00\x00\x00\x00\x00\xf0\x3f"), "\x00\x00\x00\x00\x00\x00\xf0\x3f"},
		{"float64 one by one", tensor(onnxfile.Float64, 1).fix64(10, f64(1)), "\x00\x00\x00\x00\x00\x00\xf0\x3f"},
		{"uint8", tensor(onnxfile.Uint8, 3).packed(5, 0, 1, 255), "\x00\x01\xff"},
		{"uint8 one by one", tensor(onnxfile.Uint8, 2).num(5, 1).num(5, 200), "\x01\xc8"},
		{"int8", tensor(onnxfile.Int8, 2).packed(5, -1, 127), "\xff\x7f"},
		{"uint16", tensor(onnxfile.Uint16, 2).packed(5, 65535, 258), "\xff\xff\x02\x01"},
		{"int16", tensor(onnxfile.Int16, 2).packed(5, -2, 258), "\xfe\xff\x02\x01"},
		{"int32", tensor(onnxfile.Int32, 2).packed(5, -2, 1<<24), "\xfe\xff\xff\xff\x00\x00\x00\x01"},
		{"int64", tensor(onnxfile.Int64, 2).packed(7, -1, 1<<33), "\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00\x02\x00\x00\x00"},
		{"uint32", tensor(onnxfile.Uint32, 1).packed(11, 1<<31), "\x00\x00\x00\x80"},
		{"uint64", tensor(onnxfile.Uint64, 1).packed(11, math.MinInt64), "\x00\x00\x00\x00\x00\x00\x00\x80"},
		{"bool", tensor(onnxfile.Bool, 2).packed(5, 0, 1), "\x00\x01"},
		{"float16 as its bits", tensor(onnxfile.Float16, 1).packed(5, 0x3c00), "\x00\x3c"},
		{"bfloat16 as its bits", tensor(onnxfile.BFloat16, 1).packed(5, 0x3f80), "\x80\x3f"},
		{"none", tensor(onnxfile.Int64, 0), ""},
		{"raw", tensor(onnxfile.Int16, 2).str(9, "abcd"), "abcd"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := parse(t, withTensor(c.tensor))
			got, err := f.ReadTensor(f.Tensors["w"])
			if err != nil || string(got) != c.want {
				t.Errorf("%q, want %q (%v)", got, c.want, err)
			}
		})
	}
}

func TestPackedFloatsStayInTheFile(t *testing.T) {
	b := withTensor(msg(nil).packed(1, 1<<18).num(2, 1).str(8, "w").str(4, strings.Repeat("1234", 1<<18)))
	var f *onnxfile.File
	if n := allocated(func() { f = parse(t, b) }); n > 1<<18 {
		t.Errorf("%d bytes allocated", n)
	}
	if w := f.Tensors["w"]; w.Data != nil || w.Range.Length != 1<<20 {
		t.Errorf("data %d bytes, range %+v", len(w.Data), w.Range)
	}
}

func TestTypedDataHaveABudget(t *testing.T) {
	// 20 MB of varints that mean 160 MB.
	b := withTensor(msg(nil).packed(1, 20<<20).num(2, 7).str(8, "w").str(7, strings.Repeat("\x01", 20<<20)))
	wantError(t, parseError(b), `tensor "w"`, "more than 67108864 bytes besides raw weights")
}

func TestDTypesHaveNamesAndSizes(t *testing.T) {
	for d, want := range map[onnxfile.DType]string{
		onnxfile.Float32: "float32 4", onnxfile.Uint8: "uint8 1", onnxfile.Int8: "int8 1",
		onnxfile.Uint16: "uint16 2", onnxfile.Int16: "int16 2", onnxfile.Int32: "int32 4",
		onnxfile.Int64: "int64 8", onnxfile.String: "string 0", onnxfile.Bool: "bool 1",
		onnxfile.Float16: "float16 2", onnxfile.Float64: "float64 8", onnxfile.Uint32: "uint32 4",
		onnxfile.Uint64: "uint64 8", onnxfile.BFloat16: "bfloat16 2", 14: "dtype(14) 0",
	} {
		if got := fmt.Sprint(d, d.Size()); got != want {
			t.Errorf("%d is %s, want %s", d, got, want)
		}
	}
}

func TestFloat16WidensExactly(t *testing.T) {
	for h := range 1 << 16 {
		got, err := onnxfile.Float32s(onnxfile.Float16, []byte{byte(h), byte(h >> 8)})
		if err != nil {
			t.Fatal(err)
		}
		// IEEE 754 binary16 by its definition, in float64.
		exp, frac := h>>10&31, float64(h&1023)/1024
		want := math.Ldexp(1+frac, exp-15)
		switch {
		case exp == 0:
			want = math.Ldexp(frac, -14)
		case exp == 31 && frac == 0:
			want = math.Inf(1)
		case exp == 31:
			want = math.NaN()
		}
		if h>>15 == 1 {
			want = math.Copysign(want, -1)
		}
		w := float32(want)
		if got[0] != w && !(got[0] != got[0] && w != w) || math.Signbit(float64(got[0])) != (h>>15 == 1) {
			t.Fatalf("%#04x widens to %v, want %v", h, got[0], w)
		}
	}
}

func TestNumbersOfEveryTypeBecomeFloat32(t *testing.T) {
	for _, c := range []struct {
		dtype onnxfile.DType
		bytes string
		want  []float32
	}{
		{onnxfile.Float32, "\x00\x00\x80\x3f\x00\x00\x80\xff", []float32{1, float32(math.Inf(-1))}},
		{onnxfile.BFloat16, "\x80\x3f\x20\xc0\x80\x7f", []float32{1, -2.5, float32(math.Inf(1))}},
		{onnxfile.Float64, "\x00\x00\x00\x00\x00\x00\xe0\xbf", []float32{-0.5}},
		{onnxfile.Uint8, "\x00\xff", []float32{0, 255}},
		{onnxfile.Int8, "\x80\x7f", []float32{-128, 127}},
		{onnxfile.Uint16, "\xff\xff", []float32{65535}},
		{onnxfile.Int16, "\x00\x80", []float32{-32768}},
		{onnxfile.Uint32, "\xff\xff\xff\xff", []float32{1 << 32}}, // the nearest float32
		{onnxfile.Int32, "\x00\x00\x00\x80", []float32{-1 << 31}},
		{onnxfile.Int64, "\xff\xff\xff\xff\xff\xff\xff\xff", []float32{-1}},
		{onnxfile.Uint64, "\xff\xff\xff\xff\xff\xff\xff\xff", []float32{1 << 64}},
		{onnxfile.Uint8, "", []float32{}},
	} {
		got, err := onnxfile.Float32s(c.dtype, []byte(c.bytes))
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s %q: %v, want %v (%v)", c.dtype, c.bytes, got, c.want, err)
		}
	}
	for _, c := range []struct {
		dtype onnxfile.DType
		bytes string
	}{{onnxfile.Float32, "123"}, {onnxfile.Bool, "1"}, {onnxfile.String, "a"}, {onnxfile.Undefined, "a"}} {
		if _, err := onnxfile.Float32s(c.dtype, []byte(c.bytes)); err == nil {
			t.Errorf("%q of %s gave no error", c.bytes, c.dtype)
		}
	}
}

func TestIntegersOfEveryTypeBecomeInt64(t *testing.T) {
	for _, c := range []struct {
		dtype onnxfile.DType
		bytes string
		want  int64
	}{
		{onnxfile.Uint8, "\xff", 255}, {onnxfile.Bool, "\x01", 1}, {onnxfile.Int8, "\xff", -1},
		{onnxfile.Uint16, "\x00\x80", 1 << 15}, {onnxfile.Int16, "\x00\x80", -1 << 15},
		{onnxfile.Uint32, "\x00\x00\x00\x80", 1 << 31}, {onnxfile.Int32, "\x00\x00\x00\x80", -1 << 31},
		{onnxfile.Int64, "\x00\x00\x00\x00\x00\x00\x00\x80", math.MinInt64},
	} {
		got, err := onnxfile.Int64s(c.dtype, []byte(c.bytes))
		if err != nil || len(got) != 1 || got[0] != c.want {
			t.Errorf("%s %q: %v, want %d (%v)", c.dtype, c.bytes, got, c.want, err)
		}
	}
	for _, dtype := range []onnxfile.DType{onnxfile.Float32, onnxfile.Uint64} {
		if _, err := onnxfile.Int64s(dtype, make([]byte, 8)); err == nil {
			t.Errorf("%s gave no error", dtype)
		}
	}
}

func TestMadeTensorsHoldWhatTheyAreGiven(t *testing.T) {
	f := onnxfile.Float32Tensor("f", []int{2}, []float32{1.5, -2})
	if got, _ := onnxfile.Float32s(f.DType, f.Data); !slices.Equal(got, []float32{1.5, -2}) || f.Bytes() != 8 {
		t.Errorf("float32: %v, %d bytes", got, f.Bytes())
	}
	i := onnxfile.Int64Tensor("i", []int{1, 2}, []int64{1 << 40, -2})
	if got, _ := onnxfile.Int64s(i.DType, i.Data); !slices.Equal(got, []int64{1 << 40, -2}) || i.Bytes() != 16 {
		t.Errorf("int64: %v, %d bytes", got, i.Bytes())
	}
	j := onnxfile.Int32Tensor("j", nil, []int64{-2})
	if got, _ := onnxfile.Int64s(j.DType, j.Data); !slices.Equal(got, []int64{-2}) || j.Bytes() != 4 {
		t.Errorf("int32: %v, %d bytes", got, j.Bytes())
	}
}

func external(entries ...string) msg {
	t := msg(nil).packed(1, 4).num(2, 1).str(8, "w").num(14, 1)
	for i := 0; i < len(entries); i += 2 {
		t = t.msg(13, msg(nil).str(1, entries[i]).str(2, entries[i+1]))
	}
	return t
}

func TestExternalDataAreLocated(t *testing.T) {
	for _, c := range []struct {
		name    string
		entries []string
		want    onnxfile.Range
	}{
		{"the whole file", []string{"location", "w.bin"}, onnxfile.Range{File: "w.bin", Length: 16}},
		{"a part", []string{"location", "w.bin", "offset", "4096", "length", "16", "checksum", "0"}, onnxfile.Range{File: "w.bin", Offset: 4096, Length: 16}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := parse(t, withTensor(external(c.entries...))).Tensors["w"]
			if w.Range != c.want || w.Data != nil {
				t.Errorf("range %+v, want %+v", w.Range, c.want)
			}
		})
	}
}

func TestExternalDataElsewhereOrOfAnotherSizeAreRefused(t *testing.T) {
	for _, c := range []struct {
		want    string
		entries []string
	}{
		{"only a file beside the model", nil},
		{"only a file beside the model", []string{"location", ""}},
		{"only a file beside the model", []string{"location", "."}},
		{"only a file beside the model", []string{"location", ".."}},
		{"only a file beside the model", []string{"location", "../w.bin"}},
		{"only a file beside the model", []string{"location", "/etc/passwd"}},
		{"only a file beside the model", []string{"location", "a/b"}},
		{"only a file beside the model", []string{"location", "w.bin/"}},
		{"only a file beside the model", []string{"location", `..\w.bin`}},
		{"only a file beside the model", []string{"location", "C:w.bin"}},
		{"only a file beside the model", []string{"location", "w\x00.bin"}},
		{`offset "-1" is not a size`, []string{"location", "w", "offset", "-1"}},
		{`offset "1e3" is not a size`, []string{"location", "w", "offset", "1e3"}},
		{`offset 9223372036854775807 is out of range`, []string{"location", "w", "offset", "9223372036854775807"}},
		{`length "x" is not a size`, []string{"location", "w", "length", "x"}},
		{"15 bytes of data where 4 of float32 takes 16", []string{"location", "w", "length", "15"}},
	} {
		t.Run(fmt.Sprint(c.entries), func(t *testing.T) {
			wantError(t, parseError(withTensor(external(c.entries...))), `tensor "w": `, c.want)
		})
	}
	var entries []string
	for i := range 17 {
		entries = append(entries, fmt.Sprint(i), "")
	}
	wantError(t, parseError(withTensor(external(entries...))), "more than 16 entries")
}

// folder is a model with files beside it.
type folder struct {
	*bytes.Reader
	files map[string]string
}

func (f folder) OpenBeside(name string) (io.ReaderAt, int64, error) {
	s, ok := f.files[name]
	if !ok {
		return nil, 0, errors.New("there is none")
	}
	return strings.NewReader(s), int64(len(s)), nil
}

func TestExternalDataAreReadFromTheFolder(t *testing.T) {
	b := withTensor(external("location", "w.bin", "offset", "2"))
	read := func(r io.ReaderAt) ([]byte, error) {
		f, err := onnxfile.Parse(r, int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		return f.ReadTensor(f.Tensors["w"])
	}
	got, err := read(folder{bytes.NewReader(b), map[string]string{"w.bin": "..0123456789abcdef"}})
	if err != nil || string(got) != "0123456789abcdef" {
		t.Errorf("read %q, %v", got, err)
	}
	for name, c := range map[string]struct {
		r    io.ReaderAt
		want string
	}{
		"no folder": {bytes.NewReader(b), `tensor "w": its data lie in "w.bin", a file that was not given`},
		"no file":   {folder{bytes.NewReader(b), nil}, `tensor "w": its data lie in "w.bin": there is none`},
		"too short": {folder{bytes.NewReader(b), map[string]string{"w.bin": "short"}}, `tensor "w": its data lie at 2…18 of "w.bin", which ends at 5`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(c.r)
			wantError(t, err, c.want)
		})
	}
}

func TestExternalDataThatAreNotThereAreNotAllocated(t *testing.T) {
	b := withTensor(msg(nil).packed(1, 1<<28).num(2, 1).str(8, "w").num(14, 1).msg(13, msg(nil).str(1, "location").str(2, "w")))
	f, err := onnxfile.Parse(folder{bytes.NewReader(b), map[string]string{"w": "few"}}, int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if n := allocated(func() { _, err = f.ReadTensor(f.Tensors["w"]) }); n > 1<<20 || err == nil {
		t.Errorf("%d bytes allocated, error %v", n, err)
	}
}

func TestAFileThatShrinksIsAnError(t *testing.T) {
	b := withTensor(msg(nil).packed(1, 4).num(2, 2).str(8, "w").str(9, "1234"))
	f := parse(t, b)
	w := *f.Tensors["w"]
	w.Range.Offset = int64(len(b)) - 2
	_, err := f.ReadTensor(&w)
	wantError(t, err, `tensor "w"`, "read 4 bytes at", "EOF")
}
