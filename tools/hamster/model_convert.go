package main

import (
	"fmt"
	"os"
	"strings"

	"hamster/tools/internal/convert"
	"hamster/tools/internal/inception"
)

type modelConvert struct {
	Source string `arg:"" type:"existingfile" help:"Keras .h5 weights of InceptionV3, or the model.json (model.min.js) of a TensorFlow.js layers model with its shards beside it."`
	Output string `short:"o" required:"" type:"path" help:"The ONNX file to write."`

	Like         string `enum:"auto,imagenet,nsfwjs,none" default:"auto" help:"Describe the model like a known one (${enum}); auto takes imagenet for Keras weights with 1000 classes and none for the rest. The flags below overrule it."`
	Name         string `help:"The model's name."`
	ModelVersion string `help:"The model's version."`
	Licence      string `help:"The licence of the weights."`
	From         string `help:"Where the weights come from, for a reader."`
	Labels       string `type:"existingfile" help:"A file with one output a line: its label, or its id, a tab and its label."`
	Scale        string `help:"What a pixel's byte is divided by: one number, or three with commas between."`
	Offset       string `help:"What is added then: one number, or three with commas between."`
	Preprocess   string `help:"The preprocessing mode that suits the model: keras or quality."`
}

func (c *modelConvert) Run(s *streams) error {
	source, err := convert.Read(c.Source)
	if err != nil {
		return err
	}
	d, err := c.description(source)
	if err != nil {
		return err
	}
	if err := source.Write(c.Output, d); err != nil {
		return err
	}
	info, err := os.Stat(c.Output)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.Out, "%s: ONNX from a %s, %.1f MB, %d classes\n",
		c.Output, source.Format, float64(info.Size())/1e6, source.Classes())
	return err
}

func (c *modelConvert) description(source *convert.Source) (convert.Description, error) {
	var d convert.Description
	switch {
	case c.Like == "imagenet", c.Like == "auto" && source.Format == convert.KerasWeights && source.Classes() == len(inception.Classes()):
		d = convert.ImageNet()
	case c.Like == "nsfwjs":
		d = convert.NSFW()
	}
	for _, f := range []struct {
		flag string
		to   *string
	}{
		{c.Name, &d.Name}, {c.ModelVersion, &d.Version}, {c.Licence, &d.Licence}, {c.From, &d.Source},
		{c.Scale, &d.Scale}, {c.Offset, &d.Offset}, {c.Preprocess, &d.Preprocess},
	} {
		if f.flag != "" {
			*f.to = f.flag
		}
	}
	if c.Labels != "" {
		text, err := os.ReadFile(c.Labels)
		if err != nil {
			return d, err
		}
		d.Labels = nil
		for line := range strings.Lines(string(text)) {
			line = strings.TrimRight(line, "\r\n")
			id, label, found := strings.Cut(line, "\t")
			if !found {
				label = id
			}
			d.Labels = append(d.Labels, convert.Label{ID: id, Label: label})
		}
	}
	return d, nil
}
