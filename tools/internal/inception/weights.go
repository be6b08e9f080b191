package inception

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"hamster/tools/internal/hdf5"
	"hamster/tools/internal/keras"
)

// Weights are those of an HDF5 file for the layers of one model.
type Weights struct {
	layers map[string]storedLayer // by the model's layer names
}

// storedLayer is a layer as the file has it.
type storedLayer struct {
	name  string
	group *hdf5.Group
	// paths of the datasets below group, by the last part of their names
	// without ":0": kernel, beta…
	paths map[string]string
}

// Read makes the network of a Keras weight file and matches its layers with
// those of the file. Like Keras, it goes by order alone: names carry numbers
// that depend on what else the saving program had made before. The numbers of
// classes and of filters are the file's.
func Read(f *hdf5.File) (*keras.Model, *Weights, error) {
	root := f.Root()
	if root.Has("model_weights") {
		// What Keras writes when it saves a whole model.
		var err error
		if root, err = root.Group("model_weights"); err != nil {
			return nil, nil, err
		}
	}
	stored, err := storedLayers(root)
	if err != nil {
		return nil, nil, fmt.Errorf("not Keras weights: %w", err)
	}
	return match(stored)
}

// match makes the network that stored belongs to, and matches the layers.
func match(stored []storedLayer) (*keras.Model, *Weights, error) {
	size, err := sizeOf(stored)
	if err != nil {
		return nil, nil, err
	}
	w := &Weights{layers: map[string]storedLayer{}}
	model := Topology(size)
	ordered, err := model.Ordered()
	if err != nil {
		return nil, nil, err
	}
	for _, l := range ordered {
		if !hasWeights[l.Class] {
			continue
		}
		if n := len(w.layers); n < len(stored) {
			w.layers[l.Name] = stored[n]
			continue
		}
		return nil, nil, fmt.Errorf("the file has %d layers with weights, fewer than InceptionV3 with its classifier", len(stored))
	}
	if n := len(w.layers); n != len(stored) {
		return nil, nil, fmt.Errorf("the file has %d layers with weights and InceptionV3 has %d", len(stored), n)
	}
	return model, w, nil
}

// sizeOf is the size of the network that the first and the last layer show.
func sizeOf(stored []storedLayer) (size Size, err error) {
	if len(stored) == 0 {
		return size, errors.New("the file has no layers with weights")
	}
	kernel, err := stored[0].dataset("kernel")
	if err != nil {
		return size, fmt.Errorf("the first layer is no convolution: %w", err)
	}
	bias, err := stored[len(stored)-1].dataset("bias")
	if err != nil {
		return size, fmt.Errorf("the last layer is no classifier: %w", err)
	}
	if len(kernel.Shape()) != 4 || len(bias.Shape()) != 1 {
		return size, fmt.Errorf("kernel of the first layer and bias of the last have shapes %v and %v", kernel.Shape(), bias.Shape())
	}
	size = Size{Filters: kernel.Shape()[3], Classes: bias.Shape()[0]}
	if size.Filters < 1 || size.Filters > StandardFilters {
		return size, fmt.Errorf("the first convolution has %d filters, not %d", size.Filters, StandardFilters)
	}
	return size, nil
}

// hasWeights names the classes in Topology that have weights.
var hasWeights = map[string]bool{"Conv2D": true, "BatchNormalization": true, "Dense": true}

// storedLayers lists the layers with weights in the file's order.
func storedLayers(root *hdf5.Group) ([]storedLayer, error) {
	names, err := root.Strings("layer_names")
	if err != nil {
		return nil, err
	}
	var layers []storedLayer
	for _, name := range names {
		g, err := root.Group(name)
		if err != nil {
			return nil, err
		}
		paths, err := g.Strings("weight_names")
		if err != nil {
			return nil, err
		}
		if len(paths) == 0 {
			continue
		}
		l := storedLayer{name: name, group: g, paths: map[string]string{}}
		for _, p := range paths {
			kind, _, _ := strings.Cut(path.Base(p), ":")
			l.paths[kind] = p
		}
		layers = append(layers, l)
	}
	return layers, nil
}

func (l storedLayer) dataset(name string) (*hdf5.Dataset, error) {
	p, ok := l.paths[name]
	if !ok {
		return nil, fmt.Errorf("layer %q of the file has no %s", l.name, name)
	}
	return l.group.Dataset(p)
}

// Weight implements keras.Weights.
func (w *Weights) Weight(layer, name string) (keras.Weight, error) {
	l, ok := w.layers[layer]
	if !ok {
		return keras.Weight{}, fmt.Errorf("no weights are known for layer %q", layer)
	}
	d, err := l.dataset(name)
	if err != nil {
		return keras.Weight{}, err
	}
	data, err := d.Bytes()
	if err != nil {
		return keras.Weight{}, err
	}
	return keras.Weight{Shape: d.Shape(), Data: data}, nil
}
