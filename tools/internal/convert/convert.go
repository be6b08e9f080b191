// Package convert turns model files of other frameworks into ONNX that says
// in its metadata how to use it.
package convert

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"hamster/preprocess"
	"hamster/tools/internal/hdf5"
	"hamster/tools/internal/inception"
	"hamster/tools/internal/keras"
	"hamster/tools/internal/onnxwrite"
	"hamster/tools/internal/tfjs"
)

// Version counts what changes the files that this package writes, so that a
// file made by an older one can be made anew.
const Version = 1

// Label names one output of a model.
type Label struct {
	ID    string `json:"id"`
	Label string `json:"label"`
}

// Description is what a model file does not say of itself.
type Description struct {
	Name, Version, Licence string
	Source                 string // where the original comes from, for a reader
	Labels                 []Label
	// A pixel's byte becomes byte / Scale + Offset. Each is one number, or
	// three with commas between, for R, G and B.
	Scale, Offset string
	Preprocess    string // the preprocess mode that suits the model best
}

// ImageNet describes the weights that Keras publishes.
func ImageNet() Description {
	d := Description{
		Name:       "InceptionV3 (ImageNet)",
		Version:    "0.5", // the release of fchollet/deep-learning-models that brought them
		Licence:    "Apache-2.0",
		Source:     "Keras applications, inception_v3_weights_tf_dim_ordering_tf_kernels.h5",
		Scale:      "127.5",
		Offset:     "-1",
		Preprocess: "keras",
	}
	for _, c := range inception.Classes() {
		d.Labels = append(d.Labels, Label(c))
	}
	return d
}

// NSFW describes the InceptionV3 in the npm package nsfwjs 4.4.0.
func NSFW() Description {
	d := Description{
		Name:    "InceptionV3 (nsfwjs)",
		Version: "4.4.0",
		Licence: "MIT",
		Source:  "npm package nsfwjs 4.4.0, dist/models/inception_v3",
		Scale:   "255",
		Offset:  "0",
		// nsfwjs itself resizes in the browser, bilinear with aligned corners
		// and no antialiasing. None of our modes does that; antialiased
		// bilinear is the nearest, and like it takes the whole picture.
		Preprocess: "quality",
	}
	for _, name := range []string{"Drawing", "Hentai", "Neutral", "Porn", "Sexy"} {
		d.Labels = append(d.Labels, Label{ID: name, Label: name})
	}
	return d
}

// The formats that Read knows.
const (
	KerasWeights = "Keras weight file"
	TFJSModel    = "TensorFlow.js layers model"
)

// Source is a model read from the file of another framework.
type Source struct {
	Format string
	SHA256 string // of the file, or of the files one after the other
	Model  *onnxwrite.Model
}

// Read reads the model of a path: Keras weights (.h5) of InceptionV3, or the
// model file of a TensorFlow.js layers model.
func Read(path string) (*Source, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, len(hdf5.Signature))
	switch _, err := io.ReadFull(f, head); err {
	case nil, io.ErrUnexpectedEOF: // a short file is no model either; its reader says so
	case io.EOF:
		return nil, fmt.Errorf("%s is empty", path)
	default:
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if bytes.Equal(head, []byte(hdf5.Signature)) {
		return readKeras(f)
	}
	dir, name := filepath.Split(path)
	s, err := tfjs.Read(os.DirFS(filepath.Clean(dir)), name)
	if err != nil {
		return nil, err
	}
	return source(TFJSModel, s.SHA256, s.Model, s)
}

func readKeras(f *os.File) (*Source, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	file, err := hdf5.Open(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	model, weights, err := inception.Read(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(f, 0, info.Size())); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Name(), err)
	}
	s, err := source(KerasWeights, hex.EncodeToString(sum.Sum(nil)), model, weights)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	return s, nil
}

func source(format, sum string, model *keras.Model, weights keras.Weights) (*Source, error) {
	out, err := keras.ToONNX(model, weights)
	if err != nil {
		return nil, fmt.Errorf("convert to ONNX: %w", err)
	}
	return &Source{Format: format, SHA256: sum, Model: out}, nil
}

// Classes is the number of scores that the model gives.
func (s *Source) Classes() int {
	shape := s.Model.Outputs[0].Shape
	return shape[len(shape)-1].Size
}

// metadata are the metadata_props that Hamster reads; what d leaves empty is
// left out.
func (s *Source) metadata(d Description) (map[string]string, error) {
	if n := s.Classes(); len(d.Labels) > 0 && len(d.Labels) != n {
		return nil, fmt.Errorf("%d labels for a model with %d outputs", len(d.Labels), n)
	}
	for what, text := range map[string]string{"scale": d.Scale, "offset": d.Offset} {
		if err := checkNumbers(what, text); err != nil {
			return nil, err
		}
	}
	switch preprocess.Mode(d.Preprocess) {
	case "", preprocess.Keras, preprocess.Quality:
	default:
		return nil, fmt.Errorf("preprocessing mode %q is neither %s nor %s", d.Preprocess, preprocess.Keras, preprocess.Quality)
	}
	labels := ""
	if len(d.Labels) > 0 {
		text, err := json.Marshal(d.Labels)
		if err != nil {
			return nil, fmt.Errorf("write the labels: %w", err)
		}
		labels = string(text)
	}
	output := "logits"
	if last := s.Model.Nodes[len(s.Model.Nodes)-1]; last.Op == "Softmax" {
		output = "probabilities"
	}
	in := s.Model.Inputs[0].Shape // N, C, H, W
	m := map[string]string{
		"name":           d.Name,
		"version":        d.Version,
		"labels":         labels,
		"input.size":     fmt.Sprintf("%dx%d", in[3].Size, in[2].Size),
		"input.layout":   "NCHW",
		"input.channels": "RGB",
		"input.scale":    d.Scale,
		"input.offset":   d.Offset,
		"preprocess":     d.Preprocess,
		"licence":        d.Licence,
		"source":         d.Source,
		"source.sha256":  s.SHA256,
		"output":         output,
	}
	props := map[string]string{}
	for key, value := range m {
		if value != "" {
			props["hamster."+key] = value
		}
	}
	return props, nil
}

// checkNumbers checks a scale or an offset: nothing, one number, or three.
// What divides may not be 0.
func checkNumbers(what, text string) error {
	if text == "" {
		return nil
	}
	numbers := strings.Split(text, ",")
	if len(numbers) != 1 && len(numbers) != 3 {
		return fmt.Errorf("%s %q is not one number or three", what, text)
	}
	for _, number := range numbers {
		v, err := strconv.ParseFloat(number, 32)
		if err != nil || math.IsNaN(v-v) || what == "scale" && v == 0 {
			return fmt.Errorf("%s %q: %q is not a number to use here", what, text, number)
		}
	}
	return nil
}

// Write writes the model as ONNX to path. The file appears there whole or
// not at all.
func (s *Source) Write(path string, d Description) (err error) {
	if s.Model.Metadata, err = s.metadata(d); err != nil {
		return err
	}
	s.Model.ProducerVersion = fmt.Sprint(Version)
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.part")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close() // may be closed already; err says what went wrong
			os.Remove(f.Name())
		}
	}()
	if err := s.Model.Write(f); err != nil {
		return fmt.Errorf("write %s: %w", f.Name(), err)
	}
	// CreateTemp makes files that only their owner may read.
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
