package model

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"hamster/model/onnxfile"
	"hamster/preprocess"
)

// Spec is what a model says of itself in its metadata.
type Spec struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	Licence string `json:"licence,omitempty"`
	Source  string `json:"source,omitempty"`
	// Input says how an image becomes the model's input tensor.
	Input preprocess.Spec `json:"-"`
	// Logits is set where the outputs are not probabilities yet.
	Logits bool `json:"logits,omitempty"`
}

// Label names a class: ID is the data set's own identifier (a WordNet synset for
// ImageNet), Name is for people.
type Label struct {
	ID   string `json:"id"`
	Name string `json:"label"`
}

// The keys of metadata_props that Hamster reads and writes.
const (
	KeyName       = "hamster.name"
	KeyVersion    = "hamster.version"
	KeyLabels     = "hamster.labels"         // JSON: [{"id":…,"label":…},…] in the order of the outputs
	KeySize       = "hamster.input.size"     // "299x299", width × height
	KeyLayout     = "hamster.input.layout"   // "NCHW" or "NHWC"
	KeyChannels   = "hamster.input.channels" // "RGB" or "BGR"
	KeyScale      = "hamster.input.scale"    // value = byte / scale + offset; one number, or one a channel
	KeyOffset     = "hamster.input.offset"
	KeyPreprocess = "hamster.preprocess" // "keras" or "quality"
	KeyCrop       = "hamster.input.crop" // the share of each side that quality keeps, of the middle: "0.875"
	KeyLicence    = "hamster.licence"
	KeySource     = "hamster.source"
	KeySourceHash = "hamster.source.sha256"
	KeyOutput     = "hamster.output" // "probabilities" or "logits"
)

// specOf reads metadata. What it does not say is taken from the shape of the
// input (NCHW or NHWC with three channels) and the defaults of the Keras models.
func specOf(meta map[string]string, input []int) (Spec, error) {
	s := Spec{
		Name: meta[KeyName], Version: meta[KeyVersion], Licence: meta[KeyLicence], Source: meta[KeySource],
		Input: preprocess.Spec{
			Channels: "RGB",
			Scale:    [3]float32{127.5, 127.5, 127.5},
			Offset:   [3]float32{-1, -1, -1},
			Mode:     preprocess.Quality,
		},
	}
	if len(input) != 4 || input[0] != 1 {
		return s, fmt.Errorf("the input is %v: one image of four dimensions is needed", input)
	}
	in := &s.Input
	switch {
	case input[1] == 3:
		in.Layout, in.Height, in.Width = "NCHW", input[2], input[3]
	case input[3] == 3:
		in.Layout, in.Height, in.Width = "NHWC", input[1], input[2]
	default:
		return s, fmt.Errorf("the input is %v: three channels are needed", input)
	}
	for key, check := range map[string]func(string) error{
		KeyLayout: func(v string) error {
			if v != in.Layout {
				return fmt.Errorf("the input is %v", input)
			}
			return nil
		},
		KeySize: func(v string) error {
			if v != fmt.Sprintf("%dx%d", in.Width, in.Height) {
				return fmt.Errorf("the input is %v", input)
			}
			return nil
		},
		KeyChannels: func(v string) error {
			in.Channels = v
			return nil
		},
		KeyScale:  func(v string) error { return perChannel(v, &in.Scale) },
		KeyOffset: func(v string) error { return perChannel(v, &in.Offset) },
		KeyPreprocess: func(v string) error {
			mode, err := preprocess.ParseMode(v)
			if mode != "" {
				in.Mode = mode
			}
			return err
		},
		KeyCrop: func(v string) error {
			crop, err := strconv.ParseFloat(v, 32)
			if err != nil || !(crop > 0) {
				return errors.New("want a number over 0, up to 1")
			}
			in.CropFraction = float32(crop)
			return nil
		},
		KeyOutput: func(v string) error {
			if v != "logits" && v != "probabilities" {
				return fmt.Errorf("want logits or probabilities")
			}
			s.Logits = v == "logits"
			return nil
		},
	} {
		if v, ok := meta[key]; ok {
			if err := check(v); err != nil {
				return s, fmt.Errorf("metadata %s=%q: %w", key, v, err)
			}
		}
	}
	if err := in.Validate(); err != nil {
		return s, fmt.Errorf("metadata: %w", err)
	}
	return s, nil
}

// inputDims gives the sizes that an image input leaves open, as far as the
// metadata know them; nil where nothing is open or known.
func inputDims(f *onnxfile.File) (map[string][]int, error) {
	size, ok := f.Metadata[KeySize]
	if !ok || len(f.Inputs) != 1 || len(f.Inputs[0].Shape) != 4 {
		return nil, nil
	}
	width, height, _ := strings.Cut(size, "x")
	w, wrongWidth := strconv.Atoi(width)
	h, wrongHeight := strconv.Atoi(height)
	if err := cmp.Or(wrongWidth, wrongHeight); err != nil || size != fmt.Sprintf("%dx%d", w, h) {
		return nil, fmt.Errorf("metadata %s=%q: want width x height, as in 299x299 (%v)", KeySize, size, err)
	}
	sizes := []int{1, 3, h, w}
	if f.Metadata[KeyLayout] == preprocess.NHWC {
		sizes = []int{1, h, w, 3}
	}
	dims := slices.Clone(f.Inputs[0].Shape)
	for i, d := range dims {
		if d < 0 {
			dims[i] = sizes[i]
		}
	}
	return map[string][]int{f.Inputs[0].Name: dims}, nil
}

func perChannel(s string, dst *[3]float32) error {
	parts := strings.Split(s, ",")
	if len(parts) != 1 && len(parts) != 3 {
		return fmt.Errorf("want one number or three")
	}
	for i := range dst {
		v, err := strconv.ParseFloat(strings.TrimSpace(parts[i%len(parts)]), 32)
		if err != nil {
			return err
		}
		dst[i] = float32(v)
	}
	return nil
}

// labelsOf reads the labels; without any, classes are called by their index.
func labelsOf(meta map[string]string, given []Label, classes int) ([]Label, error) {
	labels := slices.Clone(given)
	if given == nil {
		var err error
		if labels, err = parseLabels(meta); err != nil {
			return nil, err
		}
	}
	if labels == nil {
		for i := range classes {
			labels = append(labels, Label{ID: strconv.Itoa(i), Name: fmt.Sprintf("class %d", i)})
		}
	}
	if len(labels) != classes {
		err := fmt.Errorf("%d labels for %d outputs", len(labels), classes)
		if given != nil {
			return nil, labelsError{err}
		}
		return nil, err
	}
	return labels, nil
}

// parseLabels gives nil where the metadata hold no labels.
func parseLabels(meta map[string]string) ([]Label, error) {
	s, ok := meta[KeyLabels]
	if !ok {
		return nil, nil
	}
	labels := []Label{}
	if err := json.Unmarshal([]byte(s), &labels); err != nil {
		return nil, fmt.Errorf("metadata %s: %w", KeyLabels, err)
	}
	return append([]Label{}, labels...), nil
}
