// Package keras holds a functional Keras model, whichever file it came from,
// and writes it as ONNX.
package keras

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Model is a functional model: layers wired by name.
type Model struct {
	Name            string
	Layers          []Layer
	Inputs, Outputs []string // names of layers
}

// Layer is one layer, used once.
type Layer struct {
	Name   string
	Class  string // as Keras names it: "Conv2D"
	Config Config
	Inputs []string // names of the layers that feed it, in order
}

// Config holds the settings of every layer class that ToONNX knows, under the
// names that Keras gives them in JSON. A pointer is nil where the file leaves
// the setting to its default.
type Config struct {
	BatchInputShape []*int   `json:"batch_input_shape"` // InputLayer: N, H, W, C; nil where open
	Filters         int      `json:"filters"`
	Units           int      `json:"units"`
	KernelSize      []int    `json:"kernel_size"`
	PoolSize        []int    `json:"pool_size"`
	Strides         []int    `json:"strides"`
	DilationRate    []int    `json:"dilation_rate"`
	Groups          int      `json:"groups"`
	Padding         string   `json:"padding"`
	DataFormat      string   `json:"data_format"`
	Activation      string   `json:"activation"`
	UseBias         *bool    `json:"use_bias"`
	Axis            *Axis    `json:"axis"`
	Epsilon         *float64 `json:"epsilon"`
	Center          *bool    `json:"center"`
	Scale           *bool    `json:"scale"`
	KeepDims        bool     `json:"keepdims"`
}

// Axis is an axis as JSON gives it: a number, or a list of one.
type Axis int

// UnmarshalJSON implements json.Unmarshaler.
func (a *Axis) UnmarshalJSON(data []byte) error {
	var list []int
	if err := json.Unmarshal(data, &list); err == nil {
		if len(list) != 1 {
			return fmt.Errorf("%d axes, not 1", len(list))
		}
		*a = Axis(list[0])
		return nil
	}
	var n int
	if err := json.Unmarshal(data, &n); err != nil {
		return err
	}
	*a = Axis(n)
	return nil
}

// Weight is one array of a layer: row-major, little-endian.
type Weight struct {
	Shape []int  // as Keras has it: a convolution kernel is H, W, in, out
	Data  []byte // float32, or uint8 where Quantised is set
	// Quantised stands for (q - ZeroPoint) * Scale.
	Quantised bool
	Scale     float32
	ZeroPoint uint8
}

// Weights gives the arrays of a model. Names are those of Keras without the
// layer's: kernel, bias, gamma, beta, moving_mean, moving_variance.
type Weights interface {
	Weight(layer, name string) (Weight, error)
}

// maxLayers bounds what an untrusted file may make us walk through.
const maxLayers = 10000

// Ordered returns the layers that the outputs depend on, in the order in
// which Keras lists them (and so numbers their weights when it saves or loads
// a file): by decreasing depth, which is the longest way to an output, and at
// equal depth in the order in which a walk back from the outputs meets them.
// Every layer comes after those that feed it.
func (m *Model) Ordered() ([]*Layer, error) {
	if len(m.Layers) > maxLayers {
		return nil, fmt.Errorf("the model has %d layers, more than %d", len(m.Layers), maxLayers)
	}
	byName := make(map[string]*Layer, len(m.Layers))
	for i := range m.Layers {
		l := &m.Layers[i]
		if byName[l.Name] != nil {
			return nil, fmt.Errorf("two layers are named %q", l.Name)
		}
		byName[l.Name] = l
	}
	var (
		met   []*Layer // in the order in which the walk meets them
		done  []*Layer // inputs before those they feed
		state = map[*Layer]int{}
		walk  func(name, user string) error
	)
	const entered, left = 1, 2
	walk = func(name, user string) error {
		l := byName[name]
		switch {
		case l == nil:
			return fmt.Errorf("%s refers to a layer %q, which the model does not have", user, name)
		case state[l] == left:
			return nil
		case state[l] == entered:
			return fmt.Errorf("layer %q depends on itself", name)
		}
		state[l] = entered
		met = append(met, l)
		for _, in := range l.Inputs {
			if err := walk(in, fmt.Sprintf("layer %q", name)); err != nil {
				return err
			}
		}
		state[l] = left
		done = append(done, l)
		return nil
	}
	for _, name := range m.Outputs {
		if err := walk(name, "the list of outputs"); err != nil {
			return nil, err
		}
	}
	depth := map[*Layer]int{}
	for _, l := range slices.Backward(done) {
		for _, in := range l.Inputs {
			depth[byName[in]] = max(depth[byName[in]], depth[l]+1)
		}
	}
	slices.SortStableFunc(met, func(a, b *Layer) int { return depth[b] - depth[a] })
	return met, nil
}
