package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"hamster/model"
	"hamster/preprocess"
	"hamster/preprocess/imagefile"
)

type classifyCommand struct {
	Images []string `arg:"" name:"image" help:"Image files (JPEG, PNG, GIF, WebP, BMP), folders of them, or - for standard input."`

	modelFlags
	Mode string `placeholder:"NAME" help:"How pictures are prepared: keras or quality (default: what suits the model)."`
	Top  int    `default:"5" placeholder:"N" help:"How many classes to print, the likeliest first; 0 for all (default ${default})."`
	JSON bool   `name:"json" help:"Print one JSON array, an object a file."`

	Explain string `placeholder:"OUT.png" help:"Write the picture, of which there must be one, with what spoke for the likeliest class bright."`
}

// Validate is called by kong before Run.
func (c *classifyCommand) Validate() error {
	if c.Top < 0 {
		return fmt.Errorf("--top=%d: want 0 or more", c.Top)
	}
	if c.Explain != "" && len(c.Images) != 1 {
		return fmt.Errorf("--explain=%s: takes one picture, not %d", c.Explain, len(c.Images))
	}
	_, err := preprocess.ParseMode(c.Mode)
	return err
}

// A result is what one file came to; its JSON form is public.
type result struct {
	File        string             `json:"file"`
	Error       string             `json:"error,omitempty"`
	Predictions []model.Prediction `json:"predictions,omitempty"`
	Model       string             `json:"model,omitempty"`
	Backend     string             `json:"backend,omitempty"`
	Mode        preprocess.Mode    `json:"mode,omitempty"`
	Ms          *stages            `json:"ms,omitempty"`
	Heatmap     *model.Heatmap     `json:"heatmap,omitempty"` // with --explain
}

// stages are durations in milliseconds.
type stages struct {
	Decode     float64 `json:"decode"` // reading the file included
	Preprocess float64 `json:"preprocess"`
	Run        float64 `json:"run"`
}

// milliseconds keeps three decimals: a clock tells no more.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (c *classifyCommand) Run(ctx context.Context, s *streams) error {
	inputs := findImages(c.Images, s.In)
	if c.Explain != "" && len(inputs) != 1 {
		return fmt.Errorf("--explain=%s: takes one picture, and %s holds %d", c.Explain, c.Images[0], len(inputs))
	}
	var show printer = &textPrinter{out: s.Out, headings: len(inputs) > 1}
	if c.JSON {
		show = &jsonPrinter{out: s.Out}
	}

	var m *model.Model // loaded once a picture needs it
	defer func() {
		if m != nil {
			m.Close()
		}
	}()
	failed := false
	for _, in := range inputs {
		started := time.Now()
		img, err := in.decode()
		decoded := time.Now()
		if err == nil && m == nil {
			if m, err = c.load(ctx); err != nil {
				return errors.Join(err, show.end())
			}
		}
		var r *result
		if err == nil {
			r, err = c.classify(ctx, m, img)
		}
		if err == nil && c.Explain != "" {
			err = c.explain(ctx, m, img, r, s)
		}
		if ctx.Err() != nil {
			return errors.Join(errors.New("interrupted"), show.end())
		}
		if err != nil {
			failed = true
			fmt.Fprintf(s.Err, "hamster: %s: %v\n", in.name, err)
			r = &result{Error: err.Error()}
		} else {
			r.Ms.Decode = milliseconds(decoded.Sub(started))
		}
		r.File = in.name
		if err := show.result(r); err != nil {
			return err
		}
	}
	if err := show.end(); err != nil {
		return err
	}
	if failed {
		return errReported
	}
	return nil
}

func (c *classifyCommand) classify(ctx context.Context, m *model.Model, img preprocess.Image) (*result, error) {
	spec := m.Spec()
	mode := preprocess.Mode(c.Mode)
	if mode == "" {
		mode = spec.Input.Mode
	}
	predictions, took, err := m.ClassifyImage(ctx, img, mode)
	if err != nil {
		return nil, err
	}
	if c.Top > 0 {
		predictions = predictions[:min(c.Top, len(predictions))]
	}
	return &result{
		Predictions: predictions,
		Model:       spec.Name,
		Backend:     m.Backend(),
		Mode:        mode,
		Ms: &stages{
			Preprocess: milliseconds(took.Preprocess),
			Run:        milliseconds(took.Run),
		},
	}, nil
}

// An input is a picture yet to be read.
type input struct {
	name string // as it was given, or below the folder that was given
	open func() (io.ReadCloser, error)
}

func (in input) decode() (preprocess.Image, error) {
	file, err := in.open()
	if err == nil {
		defer file.Close()
		var img preprocess.Image
		if img, _, err = imagefile.Read(file, imagefile.Limits{}); err == nil {
			return img, nil
		}
	}
	return preprocess.Image{}, withoutPath(err)
}

// findImages turns arguments into inputs. What cannot be looked at becomes an
// input whose open fails, so that its error comes in its turn.
func findImages(args []string, stdin io.Reader) []input {
	var inputs []input
	for _, arg := range args {
		switch info, err := os.Stat(arg); {
		case arg == "-":
			inputs = append(inputs, input{arg, func() (io.ReadCloser, error) { return io.NopCloser(stdin), nil }})
		case err != nil:
			inputs = append(inputs, unreadable(arg, err))
		case info.IsDir():
			inputs = append(inputs, findInFolder(arg)...)
		default:
			inputs = append(inputs, fileInput(arg))
		}
	}
	return inputs
}

// findInFolder returns the files below a folder that are named like images, in
// lexical order; what is hidden (.name) stays hidden.
func findInFolder(folder string) []input {
	var inputs []input
	fs.WalkDir(os.DirFS(folder), ".", func(name string, entry fs.DirEntry, err error) error {
		path := filepath.Join(folder, filepath.FromSlash(name))
		switch {
		case err != nil:
			inputs = append(inputs, unreadable(path, err))
		case name != "." && strings.HasPrefix(entry.Name(), "."):
			if entry.IsDir() {
				return fs.SkipDir
			}
		case !entry.IsDir() && slices.Contains(imagefile.Extensions, strings.ToLower(filepath.Ext(name))):
			inputs = append(inputs, fileInput(path))
		}
		return nil
	})
	if len(inputs) == 0 {
		inputs = append(inputs, unreadable(folder, fmt.Errorf("no image files in this folder (%s)", strings.Join(imagefile.Extensions, " "))))
	}
	return inputs
}

func fileInput(path string) input {
	return input{path, func() (io.ReadCloser, error) { return os.Open(path) }}
}

func unreadable(path string, err error) input {
	return input{path, func() (io.ReadCloser, error) { return nil, err }}
}

// A printer shows results as they come, and then ends what it printed.
type printer interface {
	result(*result) error
	end() error
}

// textPrinter prints a table a picture, headed by its name where there are
// several; errors are on stderr already.
type textPrinter struct {
	out      io.Writer
	headings bool
	printed  bool
}

func (p *textPrinter) result(r *result) error {
	if r.Error != "" {
		return nil
	}
	var text strings.Builder
	if p.headings {
		if p.printed {
			text.WriteByte('\n')
		}
		fmt.Fprintf(&text, "%s\n", r.File)
	}
	p.printed = true
	var id, label int
	tellsMore := false // some models call a class by its label alone
	for _, prediction := range r.Predictions {
		id = max(id, utf8.RuneCountInString(prediction.ID))
		label = max(label, utf8.RuneCountInString(prediction.Label))
		tellsMore = tellsMore || prediction.ID != prediction.Label
	}
	for _, prediction := range r.Predictions {
		if id > 0 && tellsMore {
			fmt.Fprintf(&text, "%-*s  ", id, prediction.ID)
		}
		fmt.Fprintf(&text, "%-*s  %.3f\n", label, prediction.Label, prediction.Score)
	}
	_, err := io.WriteString(p.out, text.String())
	return err
}

func (p *textPrinter) end() error { return nil }

// jsonPrinter prints an array, each element as soon as it is known. Whatever
// happens in between, end makes it whole.
type jsonPrinter struct {
	out     io.Writer
	printed bool
}

func (p *jsonPrinter) result(r *result) error {
	object, err := json.MarshalIndent(r, "  ", "  ")
	if err != nil {
		return err
	}
	before := ",\n  "
	if !p.printed {
		before = "[\n  "
	}
	p.printed = true
	_, err = fmt.Fprintf(p.out, "%s%s", before, object)
	return err
}

func (p *jsonPrinter) end() error {
	text := "\n]\n"
	if !p.printed {
		text = "[]\n"
	}
	_, err := io.WriteString(p.out, text)
	return err
}
