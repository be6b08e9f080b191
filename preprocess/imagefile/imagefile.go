// Package imagefile reads image files into the pixels that preprocess takes:
// JPEG, PNG, GIF and WebP (the first frame of an animation) and BMP.
//
// Files come from strangers. Declared dimensions are checked before memory is
// taken for them, no decoder's panic gets out, and every error says in a
// sentence what is wrong with the file.
//
// The pixels are those that Pillow and browsers see, to the bit, but for JPEG,
// where Go's decoder differs from libjpeg's by a few units, as the standard
// permits.
package imagefile

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"strings"

	"golang.org/x/image/bmp"
	"golang.org/x/image/webp"

	"hamster/preprocess"
	"hamster/preprocess/exif"
)

// What can be wrong with a file. Errors of this package wrap one of these; their
// text is meant for the person whose file it is.
var (
	ErrEmpty       = errors.New("the file is empty (0 bytes)")
	ErrNotImage    = errors.New("not an image")
	ErrUnsupported = errors.New("unsupported kind of image")
	ErrTruncated   = errors.New("the file is cut short")
	ErrDamaged     = errors.New("the file is damaged")
	ErrTooLarge    = errors.New("the image is too large")
)

// Extensions are the file name endings, in lower case, of the formats that
// Decode reads.
var Extensions = []string{".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".webp", ".bmp", ".dib"}

// Limits bound what a file may ask for. A zero field means its default.
type Limits struct {
	MaxPixels int64 // width × height as declared; 100 million by default
	MaxBytes  int64 // length of the file, for Read; 512 MiB by default
}

const (
	defaultMaxPixels = 100e6
	defaultMaxBytes  = 512 << 20
)

func (l Limits) withDefaults() Limits {
	if l.MaxPixels == 0 {
		l.MaxPixels = defaultMaxPixels
	}
	if l.MaxBytes == 0 {
		l.MaxBytes = defaultMaxBytes
	}
	return l
}

// Read reads all of r and decodes it as Decode does.
func Read(r io.Reader, limits Limits) (img preprocess.Image, format string, err error) {
	limits = limits.withDefaults()
	file, err := io.ReadAll(io.LimitReader(r, limits.MaxBytes+1))
	if err != nil {
		return preprocess.Image{}, "", fmt.Errorf("read image: %w", err)
	}
	if int64(len(file)) > limits.MaxBytes {
		return preprocess.Image{}, "", problem(ErrTooLarge, nil, "the file is longer than the limit of %d MiB", limits.MaxBytes>>20)
	}
	return Decode(file, limits)
}

// Decode decodes the image in file and finds its EXIF orientation. The format
// is one of "jpeg", "png", "gif", "webp" and "bmp"; it is told by the content.
//
// Samples of 16 bits are cut to their upper byte. Pixels without colour of
// their own, such as transparent ones of a GIF, are black.
func Decode(file []byte, limits Limits) (img preprocess.Image, format string, err error) {
	limits = limits.withDefaults()
	if len(file) == 0 {
		return preprocess.Image{}, "", ErrEmpty
	}
	c := sniff(file)
	if c == nil {
		return preprocess.Image{}, "", explain(file)
	}
	decoded, err := c.decode(file, limits)
	if err != nil {
		return preprocess.Image{}, c.format, err
	}
	img.Width, img.Height = decoded.Rect.Dx(), decoded.Rect.Dy()
	img.Pix = decoded.Pix
	img.Orientation = exif.Orientation(file)
	return img, c.format, nil
}

// A codec is one format's decoder.
type codec struct {
	format string // as Decode returns it
	name   string // as a person knows it
	magic  func(file []byte) bool
	config func(io.Reader) (image.Config, error)
	pixels func(io.Reader) (image.Image, error)
}

var codecs = []*codec{
	{"jpeg", "JPEG", startsWith("\xff\xd8\xff"), jpeg.DecodeConfig, jpeg.Decode},
	{"png", "PNG", startsWith("\x89PNG\r\n\x1a\n"), png.DecodeConfig, png.Decode},
	{"gif", "GIF", startsWith("GIF87a", "GIF89a"), gif.DecodeConfig, gif.Decode},
	{"webp", "WebP", isWebP, webp.DecodeConfig, decodeWebP},
	{"bmp", "BMP", isBMP, bmp.DecodeConfig, bmp.Decode},
}

func sniff(file []byte) *codec {
	for _, c := range codecs {
		if c.magic(file) {
			return c
		}
	}
	return nil
}

// decode returns the pixels on the canvas that the file declares.
func (c *codec) decode(file []byte, limits Limits) (canvas *image.NRGBA, err error) {
	defer func() {
		if r := recover(); r != nil {
			canvas, err = nil, problem(ErrDamaged, nil, "the %s file is damaged: its decoder gave up (%v)", c.name, r)
		}
	}()
	if c.format == "webp" && shorterThanDeclared(file) {
		return nil, c.cutShort(nil)
	}
	source := &reader{file: bytes.NewReader(file)}
	config, err := c.config(source)
	if err != nil {
		return nil, c.explain(err, source.ranOut)
	}
	if config.Width < 1 || config.Height < 1 {
		return nil, problem(ErrDamaged, nil, "the %s file says it is %d×%d pixels", c.name, config.Width, config.Height)
	}
	if pixels := int64(config.Width) * int64(config.Height); pixels > limits.MaxPixels {
		return nil, problem(ErrTooLarge, nil, "the image is too large: %d×%d is %s megapixels, the limit is %s",
			config.Width, config.Height, mega(pixels), mega(limits.MaxPixels))
	}
	box := image.Rect(0, 0, config.Width, config.Height)
	var at image.Point
	if c.format == "webp" {
		if file, at, err = firstFrame(file, box); err != nil {
			return nil, err
		}
	}
	source = &reader{file: bytes.NewReader(file)}
	frame, err := c.pixels(source)
	if err != nil {
		return nil, c.explain(err, source.ranOut)
	}
	return paint(box, frame, at), nil
}

// mega writes a count in millions, small ones to the last digit.
func mega(n int64) string {
	s := fmt.Sprintf("%.6f", float64(n)/1e6)
	if n >= 10e6 {
		s = fmt.Sprintf("%.0f", float64(n)/1e6)
	}
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// explain turns a decoder's error into a sentence.
func (c *codec) explain(err error, ranOut bool) error {
	var jpegUnsupported jpeg.UnsupportedError
	var pngUnsupported png.UnsupportedError
	switch {
	case errors.As(err, &jpegUnsupported), errors.As(err, &pngUnsupported), errors.Is(err, bmp.ErrUnsupported):
		return problem(ErrUnsupported, err, "this kind of %s is not supported (%v): save it as a plain JPEG or PNG", c.name, err)
	case ranOut:
		return c.cutShort(err)
	}
	return problem(ErrDamaged, err, "the %s file is damaged (%v)", c.name, err)
}

func (c *codec) cutShort(err error) error {
	return problem(ErrTruncated, err, "the %s file is cut short: it ends before the picture does", c.name)
}

// A reader notices when a decoder wants more bytes than there are. Decoders
// themselves report that in a dozen ways, not all of which tell it from damage.
type reader struct {
	file   *bytes.Reader
	ranOut bool
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.file.Read(p)
	r.ranOut = r.ranOut || err == io.EOF
	return n, err
}

// A failure is an error whose whole text is a sentence for a person. It unwraps
// to one of the Err… values and to the decoder's own error, if any.
type failure struct {
	kind, cause error
	text        string
}

func problem(kind, cause error, format string, args ...any) *failure {
	return &failure{kind, cause, fmt.Sprintf(format, args...)}
}

func (f *failure) Error() string { return f.text }

func (f *failure) Unwrap() []error {
	if f.cause == nil {
		return []error{f.kind}
	}
	return []error{f.kind, f.cause}
}
