// Package inception knows the InceptionV3 that Keras publishes: its layers
// (C. Szegedy et al., "Rethinking the Inception Architecture for Computer
// Vision", in the form of keras.applications), how its weights lie in an HDF5
// file, and the classes it was trained on.
package inception

import (
	"fmt"

	"hamster/tools/internal/keras"
)

// Size describes a variant of the network.
type Size struct {
	Classes int
	// Filters is the number of filters of the first convolution. All others
	// grow with it, to at least one; the real network has StandardFilters, and
	// fewer make small files for tests.
	Filters int
}

// StandardFilters is the number of filters of the first convolution, and
// imageSize the width and height of the input in pixels.
const (
	StandardFilters = 32
	imageSize       = 299
)

// Topology builds the network. Layers are named as a fresh Keras names them:
// conv2d_1 to conv2d_94 in the order in which they are made.
func Topology(size Size) *keras.Model {
	b := &builder{
		size:  size,
		model: &keras.Model{Name: "inception_v3", Inputs: []string{"input_1"}, Outputs: []string{"predictions"}},
		count: map[string]int{},
	}
	side, channels := imageSize, 3
	x := b.add("input_1", "InputLayer", keras.Config{BatchInputShape: []*int{nil, &side, &side, &channels}})

	x = b.conv(x, StandardFilters, 3, 3, stride2)
	x = b.conv(x, 32, 3, 3, valid)
	x = b.conv(x, 64, 3, 3, same)
	x = b.maxPool(x)
	x = b.conv(x, 80, 1, 1, valid)
	x = b.conv(x, 192, 3, 3, valid)
	x = b.maxPool(x)

	for i, poolFilters := range []int{32, 64, 64} {
		x = b.mix35(x, fmt.Sprintf("mixed%d", i), poolFilters)
	}
	x = b.reduce17(x, "mixed3")
	for i, filters := range []int{128, 160, 160, 192} {
		x = b.mix17(x, fmt.Sprintf("mixed%d", 4+i), filters)
	}
	x = b.reduce8(x, "mixed8")
	for i := range 2 {
		x = b.mix8(x, fmt.Sprintf("mixed%d", 9+i), fmt.Sprintf("mixed9_%d", i))
	}

	x = b.add("avg_pool", "GlobalAveragePooling2D", keras.Config{}, x)
	b.add("predictions", "Dense", keras.Config{Units: size.Classes, Activation: "softmax"}, x)
	return b.model
}

type builder struct {
	size  Size
	model *keras.Model
	count map[string]int
}

// add appends a layer and returns its name, so that calls nest like the
// network does.
func (b *builder) add(name, class string, c keras.Config, inputs ...string) string {
	b.model.Layers = append(b.model.Layers, keras.Layer{Name: name, Class: class, Config: c, Inputs: inputs})
	return name
}

// numbered is prefix_1, prefix_2 and so on.
func (b *builder) numbered(prefix string) string {
	b.count[prefix]++
	return fmt.Sprintf("%s_%d", prefix, b.count[prefix])
}

// Ways for a window to step over its input.
type step struct {
	padding string
	stride  int
}

var (
	same    = step{"same", 1}
	valid   = step{"valid", 1}
	stride2 = step{"valid", 2}
)

// conv is a convolution with batch normalisation and ReLU.
func (b *builder) conv(x string, filters, rows, columns int, s step) string {
	no := false
	epsilon := 1e-3
	x = b.add(b.numbered("conv2d"), "Conv2D", keras.Config{
		Filters:    max(1, filters*b.size.Filters/StandardFilters),
		KernelSize: []int{rows, columns},
		Strides:    []int{s.stride, s.stride},
		Padding:    s.padding,
		UseBias:    &no,
	}, x)
	x = b.add(b.numbered("batch_normalization"), "BatchNormalization", keras.Config{Scale: &no, Epsilon: &epsilon}, x)
	return b.add(b.numbered("activation"), "Activation", keras.Config{Activation: "relu"}, x)
}

func (b *builder) maxPool(x string) string {
	return b.add(b.numbered("max_pooling2d"), "MaxPooling2D", keras.Config{
		PoolSize: []int{3, 3}, Strides: []int{2, 2}, Padding: "valid",
	}, x)
}

func (b *builder) averagePool(x string) string {
	return b.add(b.numbered("average_pooling2d"), "AveragePooling2D", keras.Config{
		PoolSize: []int{3, 3}, Strides: []int{1, 1}, Padding: "same",
	}, x)
}

func (b *builder) concatenate(name string, branches ...string) string {
	return b.add(name, "Concatenate", keras.Config{}, branches...)
}

// mix35 works at 35×35 pixels (for an input of 299×299).
func (b *builder) mix35(x, name string, poolFilters int) string {
	single := b.conv(x, 64, 1, 1, same)

	five := b.conv(x, 48, 1, 1, same)
	five = b.conv(five, 64, 5, 5, same)

	double := b.conv(x, 64, 1, 1, same)
	double = b.conv(double, 96, 3, 3, same)
	double = b.conv(double, 96, 3, 3, same)

	pool := b.conv(b.averagePool(x), poolFilters, 1, 1, same)
	return b.concatenate(name, single, five, double, pool)
}

// reduce17 goes from 35×35 to 17×17.
func (b *builder) reduce17(x, name string) string {
	three := b.conv(x, 384, 3, 3, stride2)

	double := b.conv(x, 64, 1, 1, same)
	double = b.conv(double, 96, 3, 3, same)
	double = b.conv(double, 96, 3, 3, stride2)

	return b.concatenate(name, three, double, b.maxPool(x))
}

// mix17 works at 17×17.
func (b *builder) mix17(x, name string, filters int) string {
	single := b.conv(x, 192, 1, 1, same)

	seven := b.conv(x, filters, 1, 1, same)
	seven = b.conv(seven, filters, 1, 7, same)
	seven = b.conv(seven, 192, 7, 1, same)

	double := b.conv(x, filters, 1, 1, same)
	double = b.conv(double, filters, 7, 1, same)
	double = b.conv(double, filters, 1, 7, same)
	double = b.conv(double, filters, 7, 1, same)
	double = b.conv(double, 192, 1, 7, same)

	pool := b.conv(b.averagePool(x), 192, 1, 1, same)
	return b.concatenate(name, single, seven, double, pool)
}

// reduce8 goes from 17×17 to 8×8.
func (b *builder) reduce8(x, name string) string {
	three := b.conv(x, 192, 1, 1, same)
	three = b.conv(three, 320, 3, 3, stride2)

	seven := b.conv(x, 192, 1, 1, same)
	seven = b.conv(seven, 192, 1, 7, same)
	seven = b.conv(seven, 192, 7, 1, same)
	seven = b.conv(seven, 192, 3, 3, stride2)

	return b.concatenate(name, three, seven, b.maxPool(x))
}

// mix8 works at 8×8; inner is the name of its first inner concatenation.
func (b *builder) mix8(x, name, inner string) string {
	single := b.conv(x, 320, 1, 1, same)

	three := b.conv(x, 384, 1, 1, same)
	across := b.conv(three, 384, 1, 3, same)
	down := b.conv(three, 384, 3, 1, same)
	three = b.concatenate(inner, across, down)

	double := b.conv(x, 448, 1, 1, same)
	double = b.conv(double, 384, 3, 3, same)
	across = b.conv(double, 384, 1, 3, same)
	down = b.conv(double, 384, 3, 1, same)
	double = b.concatenate(b.numbered("concatenate"), across, down)

	pool := b.conv(b.averagePool(x), 192, 1, 1, same)
	return b.concatenate(name, single, three, double, pool)
}
