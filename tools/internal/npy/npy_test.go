package npy_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"hamster/tools/internal/npy"
)

// The files were written by NumPy: see testdata/fixtures.py.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	file, err := os.ReadFile(filepath.Join("testdata", name+".npy"))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// ramp is what the files hold.
func ramp(n int) []float32 {
	data := make([]float32, n)
	for i := range data {
		data[i] = float32(i)/4 - 2
	}
	return data
}

var arrays = []struct {
	name  string
	shape []int
}{
	{"v1", []int{2, 3, 4}},
	{"v2", []int{2, 3, 4}},
	{"v3", []int{2, 3, 4}},
	{"vector", []int{4}},
	{"scalar", []int{}},
	{"empty", []int{0, 7}},
}

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

func TestWhatNumPyWroteIsRead(t *testing.T) {
	for _, c := range arrays {
		shape, data, err := npy.Read(iotest.OneByteReader(bytes.NewReader(fixture(t, c.name))))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if !slices.Equal(shape, c.shape) || !slices.Equal(data, ramp(size(c.shape))) {
			t.Errorf("%s: shape %v, %v", c.name, shape, data)
		}
	}
}

func TestWhatIsWrittenIsWhatNumPyWrites(t *testing.T) {
	for _, c := range arrays {
		if c.name == "v2" || c.name == "v3" {
			continue // version 1 is what is written
		}
		var out bytes.Buffer
		if err := npy.Write(&out, c.shape, ramp(size(c.shape))); err != nil {
			t.Fatal(err)
		}
		if want := fixture(t, c.name); !bytes.Equal(out.Bytes(), want) {
			t.Errorf("%s:\n%q\nNumPy:\n%q", c.name, out.Bytes(), want)
		}
	}
}

func TestEveryBitPatternSurvives(t *testing.T) {
	want := []float32{
		0, float32(math.Copysign(0, -1)), float32(math.Inf(1)), float32(math.Inf(-1)),
		math.MaxFloat32, math.SmallestNonzeroFloat32, math.Float32frombits(0x7fc01234),
	}
	var file bytes.Buffer
	if err := npy.Write(&file, []int{len(want)}, want); err != nil {
		t.Fatal(err)
	}
	_, got, err := npy.Read(&file)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Errorf("%x became %x", math.Float32bits(want[i]), math.Float32bits(got[i]))
		}
	}
}

// withHeader is a file of version 1 with this header and no numbers.
func withHeader(text string) []byte {
	file := []byte("\x93NUMPY\x01\x00")
	file = binary.LittleEndian.AppendUint16(file, uint16(len(text)))
	return append(file, text...)
}

func TestWhatCannotBeReadIsExplained(t *testing.T) {
	whole := fixture(t, "v1")
	for _, c := range []struct {
		name, want string
		file       []byte
	}{
		{"no bytes", "not a NumPy", nil},
		{"a text", "not a NumPy", []byte("1.0, 2.0, 3.0")},
		{"version 9", "version 9", []byte("\x93NUMPY\x09\x00")},
		{"cut in the header", "cut short", whole[:60]},
		{"cut in the numbers", "cut short", whole[:len(whole)-1]},
		{"a second array", "goes on", append(bytes.Clone(whole), whole...)},
		{"float64", "<f8", fixture(t, "double")},
		{"big-endian", ">f4", fixture(t, "big-endian")},
		{"Fortran order", "Fortran", fixture(t, "fortran")},
		{"structured", "structured", fixture(t, "structured")},
		{"absurd shape", "absurdly large", withHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 2), }")},
		{"negative shape", "a dimension", withHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }")},
		{"number too long", "a dimension", withHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }")},
		{"no shape", "missing", withHeader("{'descr': '<f4', 'fortran_order': False, }")},
		{"no dictionary", `"{"`, withHeader("[1, 2]")},
		{"unknown key", `"colour"`, withHeader("{'colour': 'red', 'shape': (1,)}")},
		{"open string", "string's end", withHeader("{'descr: <f4}")},
		{"more after the dictionary", "the end", withHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} 7")},
		{"huge header", "header of", []byte("\x93NUMPY\x02\x00\xff\xff\xff\xff")},
	} {
		_, _, err := npy.Read(bytes.NewReader(c.file))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one that says %q", c.name, err, c.want)
		}
	}
}

func TestAPromiseOfManyNumbersTakesNoMemory(t *testing.T) {
	file := withHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000,), }")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, err := npy.Read(bytes.NewReader(file))
	runtime.ReadMemStats(&after)
	if err == nil {
		t.Error("no error")
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
		t.Errorf("took %d KiB", took>>10)
	}
}

func TestAReadersErrorIsPassedOn(t *testing.T) {
	broken := errors.New("the disk is gone")
	if _, _, err := npy.Read(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

func TestWriteRefusesAShapeOfAnotherSize(t *testing.T) {
	if err := npy.Write(&bytes.Buffer{}, []int{2, 2}, make([]float32, 3)); err == nil {
		t.Error("no error")
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"v1", "v2", "vector", "scalar", "empty", "fortran", "double", "structured"} {
		f.Add(fixture(f, name))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		shape, data, err := npy.Read(bytes.NewReader(file))
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := npy.Write(&out, shape, data); err != nil {
			t.Fatal(err)
		}
		again, values, err := npy.Read(&out)
		if err != nil || !slices.Equal(again, shape) || len(values) != len(data) {
			t.Errorf("shape %v became %v (%v)", shape, again, err)
		}
	})
}
