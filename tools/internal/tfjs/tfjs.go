// Package tfjs reads TensorFlow.js layers models: a model.json with its
// binary shards, or the JavaScript bundles of both (model.min.js, shards as
// base64) in which some npm packages carry them.
package tfjs

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"math"
	"path"

	"hamster/tools/internal/keras"
	"hamster/tools/internal/onnxwrite"
)

// Source is a layers model read into memory.
type Source struct {
	Model *keras.Model
	// SHA256 is that of the files as they were read, one after the other:
	// the model file, then the shards in the order of its manifest.
	SHA256  string
	weights map[string]keras.Weight
}

// Limits on what a file may make us hold.
const (
	maxModelFile = 64 << 20
	maxShard     = 1 << 30
)

// modelFile is the content of model.json.
type modelFile struct {
	Topology json.RawMessage `json:"modelTopology"`
	Manifest []struct {
		Paths   []string     `json:"paths"`
		Weights []weightSpec `json:"weights"`
	} `json:"weightsManifest"`
}

type weightSpec struct {
	Name         string        `json:"name"`
	Shape        []int         `json:"shape"`
	DType        string        `json:"dtype"`
	Quantization *quantization `json:"quantization"`
}

type quantization struct {
	Min   float64 `json:"min"`
	Scale float64 `json:"scale"`
	DType string  `json:"dtype"`
}

// Read reads the model file name of fsys and the shards it names, which lie
// beside it.
func Read(fsys fs.FS, name string) (*Source, error) {
	sum := sha256.New()
	data, err := readFile(fsys, name, maxModelFile, sum)
	if err != nil {
		return nil, err
	}
	text := data
	if literal, ok := bundled(data); ok {
		text = literal
	}
	text, err = literalToJSON(text)
	if err != nil {
		return nil, fmt.Errorf("%s is not a TensorFlow.js model: %w", name, err)
	}
	var file modelFile
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("%s is not a TensorFlow.js model: %w", name, err)
	}
	if file.Topology == nil || file.Manifest == nil {
		return nil, fmt.Errorf("%s is not a TensorFlow.js layers model: it has no modelTopology or no weightsManifest", name)
	}
	model, err := topology(file.Topology)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	s := &Source{Model: model, weights: map[string]keras.Weight{}}
	for _, group := range file.Manifest {
		var data []byte
		for _, p := range group.Paths {
			shard, err := readShard(fsys, path.Join(path.Dir(name), p), sum)
			if err != nil {
				return nil, err
			}
			data = append(data, shard...)
		}
		if err := s.split(data, group.Weights); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	s.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return s, nil
}

func readFile(fsys fs.FS, name string, limit int64, sum hash.Hash) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, limit)
	}
	sum.Write(data)
	return data, nil
}

// readShard reads the file that the manifest names, or else its bundle.
func readShard(fsys fs.FS, name string, sum hash.Hash) ([]byte, error) {
	if !fs.ValidPath(name) {
		return nil, fmt.Errorf("weight shard %s does not lie beside the model", name)
	}
	data, err := readFile(fsys, name, maxShard, sum)
	if !errors.Is(err, fs.ErrNotExist) {
		return data, err
	}
	bundle := name + ".min.js"
	data, bundleErr := readFile(fsys, bundle, maxShard, sum)
	if errors.Is(bundleErr, fs.ErrNotExist) {
		return nil, fmt.Errorf("weight shard: %w (nor is there %s)", err, bundle)
	}
	if bundleErr != nil {
		return nil, fmt.Errorf("weight shard: %w", bundleErr)
	}
	data, err = bundledBase64(data)
	if err != nil {
		return nil, fmt.Errorf("weight shard %s: %w", bundle, err)
	}
	return data, nil
}

// topology reads Keras's description of a functional model.
func topology(raw json.RawMessage) (*keras.Model, error) {
	var top struct {
		ModelConfig json.RawMessage `json:"model_config"`
	}
	if err := json.Unmarshal(raw, &top); err != nil {
		return nil, fmt.Errorf("model topology: %w", err)
	}
	if top.ModelConfig != nil {
		raw = top.ModelConfig
	}
	var m struct {
		Class  string          `json:"class_name"`
		Config json.RawMessage `json:"config"`
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("model topology: %w", err)
	}
	if m.Class != "Model" && m.Class != "Functional" {
		return nil, fmt.Errorf("model topology: no conversion for a model of class %q, only for functional ones", m.Class)
	}
	var config struct {
		Name   string `json:"name"`
		Layers []struct {
			Name    string              `json:"name"`
			Class   string              `json:"class_name"`
			Config  json.RawMessage     `json:"config"`
			Inbound [][]json.RawMessage `json:"inbound_nodes"`
		} `json:"layers"`
		Inputs  []json.RawMessage `json:"input_layers"`
		Outputs []json.RawMessage `json:"output_layers"`
	}
	if err := json.Unmarshal(m.Config, &config); err != nil {
		return nil, fmt.Errorf("model topology: %w", err)
	}
	model := &keras.Model{Name: config.Name}
	for _, from := range config.Layers {
		l := keras.Layer{Name: from.Name, Class: from.Class}
		// The settings of a class without conversion need not make sense here;
		// keras.ToONNX names such a layer.
		if err := json.Unmarshal(from.Config, &l.Config); err != nil && keras.Converts(l.Class) {
			return nil, fmt.Errorf("layer %q (%s): %w", l.Name, l.Class, err)
		}
		if len(from.Inbound) > 1 {
			return nil, fmt.Errorf("layer %q (%s) is used %d times; no conversion for shared layers", l.Name, l.Class, len(from.Inbound))
		}
		if len(from.Inbound) == 1 {
			names, err := references(from.Inbound[0])
			if err != nil {
				return nil, fmt.Errorf("layer %q (%s): %w", l.Name, l.Class, err)
			}
			l.Inputs = names
		}
		model.Layers = append(model.Layers, l)
	}
	var err error
	if model.Inputs, err = references(config.Inputs); err != nil {
		return nil, fmt.Errorf("input layers: %w", err)
	}
	if model.Outputs, err = references(config.Outputs); err != nil {
		return nil, fmt.Errorf("output layers: %w", err)
	}
	return model, nil
}

// references takes the layer names out of lists like ["conv", 0, 0, {}].
func references(list []json.RawMessage) ([]string, error) {
	var names []string
	for _, raw := range list {
		var ref []json.RawMessage
		var name string
		if err := json.Unmarshal(raw, &ref); err != nil {
			return nil, fmt.Errorf("%.40s is not a reference to a layer", raw)
		}
		if len(ref) < 3 || json.Unmarshal(ref[0], &name) != nil || string(ref[1]) != "0" || string(ref[2]) != "0" {
			return nil, fmt.Errorf("%.40s is not a reference to the one output of a layer", raw)
		}
		names = append(names, name)
	}
	return names, nil
}

// split cuts data into the weights that specs describe, in order.
func (s *Source) split(data []byte, specs []weightSpec) error {
	total := len(data)
	for _, spec := range specs {
		if _, twice := s.weights[spec.Name]; twice {
			return fmt.Errorf("two weights are named %q", spec.Name)
		}
		n, err := onnxwrite.Elements(spec.Shape)
		if err != nil {
			return fmt.Errorf("weight %q: %w", spec.Name, err)
		}
		stored := spec.DType
		if spec.Quantization != nil {
			stored = spec.Quantization.DType
		}
		size := map[string]int{"float32": 4, "uint8": 1}[stored]
		if spec.DType != "float32" || size == 0 || size == 4 && spec.Quantization != nil {
			return fmt.Errorf("weight %q: no conversion for %s stored as %s", spec.Name, spec.DType, stored)
		}
		if n*size > len(data) {
			return fmt.Errorf("weight %q takes %d bytes and the shards (%d bytes) have %d left: a shard is missing or cut short", spec.Name, n*size, total, len(data))
		}
		w, err := spec.weight(data[:n*size])
		if err != nil {
			return fmt.Errorf("weight %q: %w", spec.Name, err)
		}
		s.weights[spec.Name] = w
		data = data[n*size:]
	}
	if len(data) > 0 {
		return fmt.Errorf("the shards hold %d bytes and the weights take only %d", total, total-len(data))
	}
	return nil
}

// weight is the array that spec describes. TensorFlow.js takes a quantised
// value to be q*scale + min, computed in float64 and rounded to float32
// (decodeWeights of tfjs-core). A kernel stays quantised where ONNX's
// DequantizeLinear gives the same numbers; vectors are a percent of all bytes
// and are written out, which spares every consumer three nodes a layer.
func (spec weightSpec) weight(data []byte) (keras.Weight, error) {
	w := keras.Weight{Shape: spec.Shape, Data: data}
	q := spec.Quantization
	if q == nil {
		return w, nil
	}
	if math.IsNaN(q.Min-q.Min) || math.IsNaN(q.Scale-q.Scale) || q.Scale <= 0 {
		return w, fmt.Errorf("quantised with scale %g and minimum %g", q.Scale, q.Min)
	}
	if len(spec.Shape) > 1 && q.linear() {
		w.Quantised, w.Scale, w.ZeroPoint = true, float32(q.Scale), q.zeroPoint()
		return w, nil
	}
	w.Data = make([]byte, 0, 4*len(data))
	for _, b := range data {
		w.Data = binary.LittleEndian.AppendUint32(w.Data, math.Float32bits(q.value(b)))
	}
	return w, nil
}

func (q *quantization) value(b byte) float32 { return float32(float64(b)*q.Scale + q.Min) }

func (q *quantization) zeroPoint() uint8 { return uint8(math.Round(-q.Min / q.Scale)) }

// linear tells whether (b - zero point) * float32(scale), as DequantizeLinear
// computes it in float32, is value(b) for every byte b but for rounding: the
// scale and the product are rounded once each there and the value once here,
// so up to two units in the last place; and 0 may stand for the rest that
// float64 leaves of min + zero point * scale.
func (q *quantization) linear() bool {
	if z := math.Round(-q.Min / q.Scale); z < 0 || z > math.MaxUint8 {
		return false
	}
	for b := range 256 {
		want := q.value(byte(b))
		got := float32(b-int(q.zeroPoint())) * float32(q.Scale)
		if math.Abs(float64(got)-float64(want)) > math.Abs(float64(want))*0x1p-22+q.Scale*0x1p-40 {
			return false
		}
	}
	return true
}

// Weight implements keras.Weights.
func (s *Source) Weight(layer, name string) (keras.Weight, error) {
	w, ok := s.weights[layer+"/"+name]
	if !ok {
		return w, fmt.Errorf("the model file lists no %q", layer+"/"+name)
	}
	return w, nil
}
