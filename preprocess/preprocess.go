// Package preprocess turns decoded pixels into the float32 tensor a model
// reads.
//
// Two modes are offered, each bit-exact to what a Python program with Pillow
// and NumPy computes from the same pixels:
//
//   - Keras squashes with nearest-neighbour sampling and ignores how the camera
//     was held, as Keras' load_img does. Models trained that way score best on
//     the input they were trained on.
//   - Quality turns the picture upright, optionally crops its centre, and
//     shrinks with an antialiased triangle filter in 8-bit fixed point.
//
// Both drop the alpha channel without blending, so a transparent pixel counts
// with the colour stored under it, like Pillow's convert("RGB").
//
// The package knows neither files nor browsers: imagefile decodes files, and a
// canvas hands over its RGBA bytes as they are.
package preprocess

import (
	"errors"
	"fmt"
	"math"
)

// A Mode names one way to bring a picture to the model's size.
type Mode string

const (
	// Keras squashes by nearest neighbour: no rotation, no crop, no filter.
	Keras Mode = "keras"
	// Quality rotates upright, crops if asked, and resizes antialiased.
	Quality Mode = "quality"
)

// ParseMode reads the name of a mode as a person or a model's metadata gives
// it. The empty string is accepted and stands for the model's default.
func ParseMode(s string) (Mode, error) {
	switch m := Mode(s); m {
	case "", Keras, Quality:
		return m, nil
	}
	return "", fmt.Errorf("unknown preprocessing mode %q: use %q or %q", s, Keras, Quality)
}

// Memory layouts of the tensor, for Spec.Layout.
const (
	NCHW = "NCHW" // three planes, one after the other
	NHWC = "NHWC" // three values a pixel, side by side
)

// Channel orders of the tensor, for Spec.Channels.
const (
	RGB = "RGB"
	BGR = "BGR"
)

// MaxSide bounds Spec.Width and Spec.Height, in pixels: a model's metadata is
// not trusted to choose how much memory is taken.
const MaxSide = 8192

// Spec says what tensor a model reads.
type Spec struct {
	Width, Height int    // pixels, 1 to MaxSide
	Layout        string // NCHW or NHWC
	Channels      string // RGB or BGR

	// A value is float32(byte)/Scale + Offset, each step rounded to float32.
	// The three entries are for red, green and blue, whatever Channels says.
	Scale, Offset [3]float32

	Mode Mode // the model's default

	// CropFraction is the share of each side that Quality keeps before it
	// resizes: 0.875 keeps the middle seven eighths. 0 and 1 keep all.
	//
	// On a side of n pixels, floor(n·(1−CropFraction)/2) pixels, reckoned in
	// float64, are cut off either end; at least one pixel always stays.
	CropFraction float32
}

// Len returns the number of values in the tensor: 3·Width·Height.
func (s Spec) Len() int { return 3 * s.Width * s.Height }

// Validate reports the first thing in s that cannot be meant.
func (s Spec) Validate() error {
	switch {
	case s.Width < 1 || s.Height < 1 || s.Width > MaxSide || s.Height > MaxSide:
		return fmt.Errorf("input size %dx%d: each side must be 1 to %d pixels", s.Width, s.Height, MaxSide)
	case s.Layout != NCHW && s.Layout != NHWC:
		return fmt.Errorf("input layout %q: want %s or %s", s.Layout, NCHW, NHWC)
	case s.Channels != RGB && s.Channels != BGR:
		return fmt.Errorf("input channels %q: want %s or %s", s.Channels, RGB, BGR)
	case !(s.CropFraction >= 0 && s.CropFraction <= 1):
		return fmt.Errorf("crop fraction %v: want 0 to 1", s.CropFraction)
	}
	for i := range 3 {
		if s.Scale[i] == 0 || !finite(s.Scale[i]) {
			return fmt.Errorf("input scale %v: want three finite numbers other than 0", s.Scale)
		}
		if !finite(s.Offset[i]) {
			return fmt.Errorf("input offset %v: want three finite numbers", s.Offset)
		}
	}
	if _, err := ParseMode(string(s.Mode)); err != nil {
		return err
	}
	return nil
}

func finite(v float32) bool {
	return !math.IsNaN(float64(v)) && !math.IsInf(float64(v), 0)
}

// Image is a decoded picture.
type Image struct {
	Width, Height int // as stored, before any rotation
	// Pix holds 8-bit RGBA, not premultiplied, rows from the top, 4·Width
	// bytes a row without padding.
	Pix []byte
	// Orientation is the EXIF tag 0x0112: 1 to 8; 0 means 1, upright. Only
	// Quality heeds it.
	Orientation int
}

// Validate reports whether the fields of m contradict each other.
func (m Image) Validate() error {
	if m.Width < 1 || m.Height < 1 {
		return fmt.Errorf("image of %dx%d pixels: there is nothing to look at", m.Width, m.Height)
	}
	// Divide rather than multiply, for the product may overflow an int.
	if n := len(m.Pix); n%4 != 0 || n/4%m.Width != 0 || n/4/m.Width != m.Height {
		return fmt.Errorf("image of %dx%d pixels holds %d bytes: want 4 a pixel", m.Width, m.Height, n)
	}
	if m.Orientation < 0 || m.Orientation > 8 {
		return fmt.Errorf("image orientation %d: want 1 to 8, or 0 for none", m.Orientation)
	}
	return nil
}

// Tensor prepares img for a model that reads spec. The result has spec.Len()
// values in the shape 1×3×Height×Width (NCHW) or 1×Height×Width×3 (NHWC). An
// empty mode means spec.Mode.
func Tensor(img Image, spec Spec, mode Mode) ([]float32, error) {
	small, err := Resize(img, spec, mode)
	if err != nil {
		return nil, err
	}
	return normalise(small.Pix, spec), nil
}

// Resize does the first half of Tensor: it returns the upright picture of
// spec.Width×spec.Height opaque pixels that the model gets to see.
func Resize(img Image, spec Spec, mode Mode) (Image, error) {
	if err := spec.Validate(); err != nil {
		return Image{}, fmt.Errorf("preprocess: %w", err)
	}
	if err := img.Validate(); err != nil {
		return Image{}, fmt.Errorf("preprocess: %w", err)
	}
	if mode == "" {
		mode = spec.Mode
	}
	out := Image{
		Width:       spec.Width,
		Height:      spec.Height,
		Pix:         make([]byte, 4*spec.Width*spec.Height),
		Orientation: 1,
	}
	switch mode {
	case Keras:
		nearest(out, img)
	case Quality:
		antialiased(out, img, spec.CropFraction)
	case "":
		return Image{}, errors.New("preprocess: no mode given, and the model names no default")
	default:
		_, err := ParseMode(string(mode))
		return Image{}, fmt.Errorf("preprocess: %w", err)
	}
	return out, nil
}

// normalise maps RGBA bytes to the values, layout and channel order of spec.
func normalise(pix []byte, spec Spec) []float32 {
	var value [3][256]float32
	for c := range value {
		for b := range value[c] {
			value[c][b] = float32(b)/spec.Scale[c] + spec.Offset[c]
		}
	}
	order := [3]int{0, 1, 2}
	if spec.Channels == BGR {
		order = [3]int{2, 1, 0}
	}

	out := make([]float32, spec.Len())
	area := spec.Width * spec.Height
	for i, c := range order {
		start, step := i*area, 1
		if spec.Layout == NHWC {
			start, step = i, 3
		}
		table := &value[c]
		for p, at := 0, start; p < area; p, at = p+1, at+step {
			out[at] = table[pix[4*p+c]]
		}
	}
	return out
}
