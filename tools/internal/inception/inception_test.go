package inception

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"hamster/tools/internal/gztest"
	"hamster/tools/internal/hdf5"
	"hamster/tools/internal/keras"
)

// kerasLayers is testdata/keras_layers.tsv: Keras's own list of the layers up
// to mixed10, in its order (testdata/layers.mjs).
func kerasLayers(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("testdata/keras_layers.tsv")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

func describe(l *keras.Layer) string {
	c := l.Config
	pair := func(v []int) string {
		if v == nil {
			return ""
		}
		return fmt.Sprintf("%dx%d", v[0], v[1])
	}
	filters := ""
	if c.Filters > 0 {
		filters = fmt.Sprint(c.Filters)
	}
	return strings.Join([]string{
		l.Name, l.Class, strings.Join(l.Inputs, ","), filters,
		pair(slices.Concat(c.KernelSize, c.PoolSize)), pair(c.Strides), c.Padding,
	}, "\t")
}

func TestTopologyListsItsLayersAsKerasDoes(t *testing.T) {
	layers, err := Topology(Size{Classes: 1000, Filters: StandardFilters}).Ordered()
	if err != nil {
		t.Fatal(err)
	}
	want := kerasLayers(t)
	if len(layers) != len(want)+2 {
		t.Fatalf("%d layers, want %d and two for the head", len(layers), len(want))
	}
	for i := range want {
		if got := describe(layers[i]); got != want[i] {
			t.Errorf("layer %d:\n got %q\nwant %q", i, got, want[i])
		}
	}
}

func TestThereAre1000Classes(t *testing.T) {
	classes := Classes()
	if len(classes) != 1000 {
		t.Fatalf("%d classes", len(classes))
	}
	for index, want := range map[int]Class{
		0:   {"n01440764", "tench"},
		333: {"n02342885", "hamster"},
		999: {"n15075141", "toilet tissue"},
	} {
		if classes[index] != want {
			t.Errorf("class %d is %v, want %v", index, classes[index], want)
		}
	}
}

// openHDF5 opens a packed file that h5py wrote.
func openHDF5(t *testing.T, path string) *hdf5.File {
	t.Helper()
	data := gztest.Read(t, path)
	file, err := hdf5.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// tiny is the InceptionV3 of one first filter and 1000 classes that
// testdata/make.py wrote.
func tiny(t *testing.T) *hdf5.File {
	t.Helper()
	return openHDF5(t, "testdata/tiny.h5.gz")
}

// The file names its layers as Topology does, so each must have found itself.
func TestWeightsFindTheirLayersByOrder(t *testing.T) {
	model, w, err := Read(tiny(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range model.Layers {
		if stored, ok := w.layers[l.Name]; ok != hasWeights[l.Class] || ok && stored.name != l.Name {
			t.Errorf("layer %s got the weights of %q", l.Name, stored.name)
		}
	}
	if _, err := keras.ToONNX(model, w); err != nil {
		t.Error(err)
	}
}

func TestOtherNetworksAreRefused(t *testing.T) {
	stored, err := storedLayers(tiny(t).Root())
	if err != nil {
		t.Fatal(err)
	}
	last := len(stored) - 1
	for _, tc := range []struct {
		name   string
		stored []storedLayer
		want   string
	}{
		{"no layers", nil, "no layers with weights"},
		{"no classifier", stored[:last], "no classifier"},
		{"a layer fewer", slices.Delete(slices.Clone(stored), 5, 6), "fewer than InceptionV3"},
		{"a layer more", slices.Insert(slices.Clone(stored), 5, stored[5]), "InceptionV3 has 189"},
		{"no convolution first", stored[1:], "no convolution"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, _, err := match(tc.stored)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got error %v, want one with %q", err, tc.want)
			}
		})
	}
}

func TestLayersInTheWrongPlaceAreNamed(t *testing.T) {
	stored, err := storedLayers(tiny(t).Root())
	if err != nil {
		t.Fatal(err)
	}
	stored[2], stored[4] = stored[4], stored[2]
	model, w, err := match(stored)
	if err != nil {
		t.Fatal(err)
	}
	_, err = keras.ToONNX(model, w)
	if err == nil || !strings.Contains(err.Error(), `layer "conv2d_2" (Conv2D): weight "kernel" has shape`) {
		t.Errorf("got error %v", err)
	}
}

func TestFileThatIsNoKerasFileIsRefused(t *testing.T) {
	file := openHDF5(t, "../hdf5/testdata/supported.h5.gz")
	if _, _, err := Read(file); err == nil || !strings.Contains(err.Error(), `no attribute "layer_names"`) {
		t.Errorf("got error %v", err)
	}
}
