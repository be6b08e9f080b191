package hdf5

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hamster/tools/internal/gztest"
)

// testFile returns the bytes of a file that testdata/make.py wrote with h5py.
func testFile(t testing.TB, name string) []byte {
	t.Helper()
	return gztest.Read(t, filepath.Join("testdata", name+".gz"))
}

func open(t testing.TB, data []byte) *Group {
	t.Helper()
	f, err := Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return f.Root()
}

func wantError(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("got error %v, want one with %q", err, text)
	}
}

func TestDatasetsAreReadAsH5pyWroteThem(t *testing.T) {
	root := open(t, testFile(t, "supported.h5"))
	cube := make([]float32, 24)
	for i := range cube {
		cube[i] = float32(i)/8 - 1
	}
	for _, tc := range []struct {
		path  string
		shape []int
		want  []float32
	}{
		{"a/b/cube", []int{2, 3, 4}, cube},
		{"a/scalar", nil, []float32{2.5}},
		{"a/none", []int{0, 3}, nil},
		{"compact", []int{3}, []float32{1, -2, 0.5}},
	} {
		t.Run(tc.path, func(t *testing.T) {
			d, err := root.Dataset(tc.path)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(d.Shape(), tc.shape) {
				t.Errorf("shape %v, want %v", d.Shape(), tc.shape)
			}
			data, err := d.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			var got []float32
			for ; len(data) >= 4; data = data[4:] {
				got = append(got, math.Float32frombits(binary.LittleEndian.Uint32(data)))
			}
			if !slices.Equal(got, tc.want) || len(data) != 0 {
				t.Errorf("got %v and %d bytes, want %v", got, len(data), tc.want)
			}
		})
	}
}

func TestStringAttributesAreRead(t *testing.T) {
	root := open(t, testFile(t, "supported.h5"))
	for _, tc := range []struct {
		name string
		want []string
	}{
		{"fixed", []string{"alpha", "be", "gamma"}},
		{"variable", []string{"alpha", "", "βγ"}},
		{"empty", nil},
		{"last", []string{"end"}},
	} {
		got, err := root.Strings(tc.name)
		if err != nil || !slices.Equal(got, tc.want) {
			t.Errorf("%s: got %q, %v; want %q", tc.name, got, err, tc.want)
		}
	}
}

func TestOtherAttributesAreRefused(t *testing.T) {
	root := open(t, testFile(t, "supported.h5"))
	for name, want := range map[string]string{
		"number":  "is not a list",
		"scalar":  "is not a list",
		"numbers": "not strings",
		"missing": `no attribute "missing"`,
	} {
		_, err := root.Strings(name)
		wantError(t, err, want)
	}
}

func TestGroupOfSeveralTreeNodesIsReadWhole(t *testing.T) {
	root := open(t, testFile(t, "many.h5"))
	if n := len(root.Names()); n != 700 {
		t.Fatalf("%d names, want 700", n)
	}
	for i := range 700 {
		if _, err := root.Group(fmt.Sprintf("group_%d", i)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestUnsupportedDatasetsAreNamed(t *testing.T) {
	root := open(t, testFile(t, "unsupported.h5"))
	for path, want := range map[string]string{
		"chunked":    "chunked",
		"compressed": "compressed",
		"double":     "only float32",
		"big_endian": "little-endian",
		"integers":   "only float32",
		"unwritten":  "never written",
		"null":       "null dataspace",
		"outside":    "another file",
		"soft":       "symbolic link",
		"group":      "no dataset",
		"nowhere":    `nothing named "nowhere"`,
		"double/x":   "no group",
	} {
		t.Run(path, func(t *testing.T) {
			_, err := root.Dataset(path)
			wantError(t, err, want)
			name, _, _ := strings.Cut(path, "/")
			wantError(t, err, name)
		})
	}
}

func TestFilesThatCannotBeReadAreRefused(t *testing.T) {
	good := testFile(t, "supported.h5")
	changed := func(at int, b ...byte) []byte {
		data := bytes.Clone(good)
		copy(data[at:], b)
		return data
	}
	for _, tc := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "not an HDF5 file"},
		{"web page", []byte("<!doctype html>" + strings.Repeat(" ", 200)), "not an HDF5 file"},
		{"cut short", good[:len(good)-1], "cut short"},
		{"libver latest", testFile(t, "latest.h5"), "superblock version"},
		{"4-byte addresses", changed(13, 4), "addresses of 4"},
		{"base address", changed(24, 8), "starts at byte 8"},
		{"root outside", changed(64, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f), "past the end"},
		{"root elsewhere", changed(64, 0), "no object header"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Open(bytes.NewReader(tc.data), int64(len(tc.data)))
			wantError(t, err, tc.want)
		})
	}
}

func TestTreeThatBitesItsTailIsRefused(t *testing.T) {
	data := testFile(t, "many.h5")
	// A node above others gets itself for its first child.
	for at := bytes.Index(data, []byte("TREE")); at >= 0 && at < len(data); {
		if data[at+5] > 0 {
			binary.LittleEndian.PutUint64(data[at+32:], uint64(at))
			_, err := Open(bytes.NewReader(data), int64(len(data)))
			wantError(t, err, "occurs twice")
			return
		}
		next := bytes.Index(data[at+4:], []byte("TREE"))
		if next < 0 {
			break
		}
		at += 4 + next
	}
	t.Fatal("the file has no tree of two levels")
}

func FuzzOpen(f *testing.F) {
	for _, name := range []string{"supported.h5", "unsupported.h5", "latest.h5"} {
		f.Add(testFile(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Open(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		visit(file.Root(), 3)
	})
}

// visit reads all that g holds, some levels deep; errors are fine.
func visit(g *Group, depth int) {
	for _, name := range []string{"fixed", "variable", "empty", "last"} {
		_, _ = g.Strings(name)
	}
	if depth == 0 {
		return
	}
	for _, name := range g.Names()[:min(len(g.Names()), 20)] {
		if sub, err := g.Group(name); err == nil {
			visit(sub, depth-1)
		}
		if d, err := g.Dataset(name); err == nil {
			_, _ = d.Bytes()
		}
	}
}
