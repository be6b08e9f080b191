package preprocess_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"hamster/preprocess"
)

// rgbBytes is a spec whose values are the bytes themselves.
func rgbBytes(width, height int) preprocess.Spec {
	return preprocess.Spec{
		Width: width, Height: height,
		Layout: preprocess.NHWC, Channels: preprocess.RGB,
		Scale: [3]float32{1, 1, 1},
	}
}

func random(r *rand.Rand, width, height int) preprocess.Image {
	pix := make([]byte, 4*width*height)
	for i := range pix {
		pix[i] = byte(r.Uint32())
	}
	return preprocess.Image{Width: width, Height: height, Pix: pix}
}

func resize(t testing.TB, img preprocess.Image, spec preprocess.Spec, mode preprocess.Mode) preprocess.Image {
	t.Helper()
	out, err := preprocess.Resize(img, spec, mode)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var modes = []preprocess.Mode{preprocess.Keras, preprocess.Quality}

func TestOnePixelHasTheseValues(t *testing.T) {
	img := preprocess.Image{Width: 1, Height: 1, Pix: []byte{255, 51, 0, 7}}
	spec := rgbBytes(1, 1)
	spec.Scale = [3]float32{255, 51, 2}
	spec.Offset = [3]float32{0, -1, 0.5}
	for _, c := range []struct {
		layout, channels string
		width            int
		want             []float32
	}{
		{preprocess.NCHW, preprocess.RGB, 1, []float32{1, 0, 0.5}},
		{preprocess.NCHW, preprocess.BGR, 1, []float32{0.5, 0, 1}},
		{preprocess.NCHW, preprocess.RGB, 2, []float32{1, 1, 0, 0, 0.5, 0.5}},
		{preprocess.NHWC, preprocess.BGR, 2, []float32{0.5, 0, 1, 0.5, 0, 1}},
	} {
		spec.Layout, spec.Channels, spec.Width = c.layout, c.channels, c.width
		for _, mode := range modes {
			got, err := preprocess.Tensor(img, spec, mode)
			if err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("%s %s %s width %d: %v, want %v", mode, c.layout, c.channels, c.width, got, c.want)
			}
		}
	}
}

func TestAnEmptyModeMeansTheModelsDefault(t *testing.T) {
	img := synthetic(40, 30)
	for _, mode := range modes {
		spec := rgbBytes(7, 7)
		spec.Mode = mode
		if got, want := resize(t, img, spec, ""), resize(t, img, spec, mode); !bytes.Equal(got.Pix, want.Pix) {
			t.Errorf("mode \"\" of a model whose default is %s gives another picture", mode)
		}
	}
	if _, err := preprocess.Resize(img, rgbBytes(7, 7), ""); err == nil {
		t.Error("neither caller nor model names a mode, and no error")
	}
}

func TestAPictureOfOneColourKeepsIt(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		width, height := 1+r.IntN(900), 1+r.IntN(900)
		colour := []byte{byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())}
		img := preprocess.Image{
			Width: width, Height: height,
			Pix:         bytes.Repeat(colour, width*height),
			Orientation: r.IntN(9),
		}
		spec := rgbBytes(1+r.IntN(400), 1+r.IntN(400))
		spec.CropFraction = r.Float32()
		want := append(colour[:3:3], 255)
		for _, mode := range modes {
			out := resize(t, img, spec, mode)
			for i := 0; i < len(out.Pix); i += 4 {
				if !bytes.Equal(out.Pix[i:i+4], want) {
					t.Fatalf("%s %dx%d to %dx%d: %v became %v", mode, width, height, spec.Width, spec.Height, want, out.Pix[i:i+4])
				}
			}
		}
	}
}

func TestTheSameSizeLeavesEveryPixelAlone(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		img := random(r, 1+r.IntN(100), 1+r.IntN(100))
		for _, mode := range modes {
			out := resize(t, img, rgbBytes(img.Width, img.Height), mode)
			if !bytes.Equal(rgb(out.Pix), rgb(img.Pix)) {
				t.Errorf("%s changed a %dx%d picture", mode, img.Width, img.Height)
			}
		}
	}
}

func TestAlphaChangesNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	img := random(r, 61, 47)
	for _, mode := range modes {
		with := resize(t, img, rgbBytes(19, 23), mode)
		opaque := img
		opaque.Pix = bytes.Clone(img.Pix)
		for i := 3; i < len(opaque.Pix); i += 4 {
			opaque.Pix[i] = 255
		}
		if !bytes.Equal(with.Pix, resize(t, opaque, rgbBytes(19, 23), mode).Pix) {
			t.Errorf("%s blends alpha", mode)
		}
	}
}

// turn rebuilds the upright picture pixel by pixel from EXIF's own words: where
// the stored row 0 and column 0 are, seen upright.
func turn(img preprocess.Image) preprocess.Image {
	w, h := img.Width, img.Height
	out := preprocess.Image{Width: w, Height: h, Pix: make([]byte, len(img.Pix))}
	if img.Orientation >= 5 {
		out.Width, out.Height = h, w
	}
	for row := range h {
		for column := range w {
			var x, y int
			switch img.Orientation {
			case 0, 1: // top, left
				x, y = column, row
			case 2: // top, right
				x, y = w-1-column, row
			case 3: // bottom, right
				x, y = w-1-column, h-1-row
			case 4: // bottom, left
				x, y = column, h-1-row
			case 5: // left, top
				x, y = row, column
			case 6: // right, top
				x, y = h-1-row, column
			case 7: // right, bottom
				x, y = h-1-row, w-1-column
			case 8: // left, bottom
				x, y = row, w-1-column
			}
			copy(out.Pix[4*(y*out.Width+x):], img.Pix[4*(row*w+column):][:4])
		}
	}
	return out
}

func TestQualityEqualsTurningFirst(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 100 {
		img := random(r, 1+r.IntN(700), 1+r.IntN(60))
		if r.IntN(2) == 0 {
			img.Width, img.Height = img.Height, img.Width
		}
		img.Orientation = r.IntN(9)
		spec := rgbBytes(1+r.IntN(90), 1+r.IntN(90))
		if r.IntN(2) == 0 {
			spec.CropFraction = r.Float32()
		}
		got, want := resize(t, img, spec, preprocess.Quality), resize(t, turn(img), spec, preprocess.Quality)
		if !bytes.Equal(got.Pix, want.Pix) {
			t.Errorf("%dx%d orientation %d crop %v to %dx%d differs from the picture turned beforehand",
				img.Width, img.Height, img.Orientation, spec.CropFraction, spec.Width, spec.Height)
		}
	}
}

func TestCropEqualsCuttingFirst(t *testing.T) {
	img := synthetic(101, 64)
	spec := rgbBytes(24, 24)
	spec.CropFraction = 0.5
	// floor(101·½/2) = 25 and floor(64·½/2) = 16 off either end.
	cut := preprocess.Image{Width: 51, Height: 32}
	for y := range cut.Height {
		cut.Pix = append(cut.Pix, img.Pix[4*((16+y)*img.Width+25):][:4*cut.Width]...)
	}
	got := resize(t, img, spec, preprocess.Quality)
	spec.CropFraction = 0
	if want := resize(t, cut, spec, preprocess.Quality); !bytes.Equal(got.Pix, want.Pix) {
		t.Error("cropping while resizing differs from cropping first")
	}
}

func TestKerasIgnoresOrientationAndCrop(t *testing.T) {
	img := synthetic(33, 21)
	spec := rgbBytes(10, 12)
	want := resize(t, img, spec, preprocess.Keras)
	img.Orientation, spec.CropFraction = 6, 0.5
	if got := resize(t, img, spec, preprocess.Keras); !bytes.Equal(got.Pix, want.Pix) {
		t.Error("keras mode heeds orientation or crop")
	}
}

func TestTheNumberOfProcessorsChangesNoBit(t *testing.T) {
	img := synthetic(640, 427)
	spec := rgbBytes(299, 299)
	for orientation := range 9 {
		img.Orientation = orientation
		previous := runtime.GOMAXPROCS(1)
		one := resize(t, img, spec, preprocess.Quality)
		runtime.GOMAXPROCS(7)
		seven := resize(t, img, spec, preprocess.Quality)
		runtime.GOMAXPROCS(previous)
		if !bytes.Equal(one.Pix, seven.Pix) {
			t.Errorf("orientation %d: one processor and seven disagree", orientation)
		}
	}
}

func TestTheInputIsNotWrittenTo(t *testing.T) {
	img := synthetic(50, 40)
	before := bytes.Clone(img.Pix)
	for _, mode := range modes {
		for orientation := range 9 {
			img.Orientation = orientation
			resize(t, img, rgbBytes(50, 40), mode)
		}
	}
	if !bytes.Equal(img.Pix, before) {
		t.Error("the picture given was changed")
	}
}

func TestAVeryTallPictureTakesLittleMemory(t *testing.T) {
	img := preprocess.Image{Width: 1, Height: 50_000, Pix: make([]byte, 4*50_000)}
	for _, orientation := range []int{1, 6} {
		img.Orientation = orientation
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		resize(t, img, rgbBytes(299, 299), preprocess.Quality)
		runtime.ReadMemStats(&after)
		// Filtering all its rows beforehand would take 57 MiB.
		if took := after.TotalAlloc - before.TotalAlloc; took > 16<<20 {
			t.Errorf("orientation %d: took %d MiB", orientation, took>>20)
		}
	}
}

func TestWeightsOfEverySampleSumToOne(t *testing.T) {
	for _, c := range [][2]int{{1, 1}, {1, 299}, {299, 1}, {4000, 299}, {3000, 299}, {299, 299}, {300, 299}, {7, 1000}, {5000, 3}} {
		taps, weights := preprocess.Coefficients(c[0], c[1])
		if len(taps) != c[1] {
			t.Fatalf("%d to %d: %d taps", c[0], c[1], len(taps))
		}
		for i, tap := range taps {
			if tap.First < 0 || int(tap.First+tap.Count) > c[0] || tap.Count < 1 {
				t.Errorf("%d to %d: sample %d reads %d samples from %d", c[0], c[1], i, tap.Count, tap.First)
			}
			sum := 0
			for _, w := range weights[tap.Offset:][:tap.Count] {
				if w < 0 {
					t.Errorf("%d to %d: sample %d has weight %d", c[0], c[1], i, w)
				}
				sum += int(w)
			}
			// Each weight is off by half a unit at most.
			if off := sum - 1<<preprocess.Precision; 2*max(off, -off) > int(tap.Count) {
				t.Errorf("%d to %d: weights of sample %d are off by %d", c[0], c[1], i, off)
			}
		}
	}
}

func TestMeaninglessSpecsAreRefused(t *testing.T) {
	nan := float32(math.NaN())
	img := synthetic(4, 4)
	for _, c := range []struct {
		name string
		want string
		edit func(*preprocess.Spec)
	}{
		{"no width", "input size 0x2", func(s *preprocess.Spec) { s.Width = 0 }},
		{"negative height", "input size 2x-1", func(s *preprocess.Spec) { s.Height = -1 }},
		{"absurd width", "input size 1073741824x2", func(s *preprocess.Spec) { s.Width = 1 << 30 }},
		{"unknown layout", `layout "NCWH"`, func(s *preprocess.Spec) { s.Layout = "NCWH" }},
		{"unknown channels", `channels "rgb"`, func(s *preprocess.Spec) { s.Channels = "rgb" }},
		{"zero scale", "scale", func(s *preprocess.Spec) { s.Scale[1] = 0 }},
		{"scale not a number", "scale", func(s *preprocess.Spec) { s.Scale[2] = nan }},
		{"offset not a number", "offset", func(s *preprocess.Spec) { s.Offset[0] = nan }},
		{"negative crop", "crop", func(s *preprocess.Spec) { s.CropFraction = -0.1 }},
		{"crop over one", "crop", func(s *preprocess.Spec) { s.CropFraction = 1.5 }},
		{"crop not a number", "crop", func(s *preprocess.Spec) { s.CropFraction = nan }},
		{"unknown default mode", `mode "best"`, func(s *preprocess.Spec) { s.Mode = "best" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			spec := rgbBytes(2, 2)
			c.edit(&spec)
			_, err := preprocess.Tensor(img, spec, preprocess.Quality)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one that says %q", err, c.want)
			}
		})
	}
}

func TestContradictoryImagesAreRefused(t *testing.T) {
	for _, img := range []preprocess.Image{
		{},
		{Width: 2, Height: 2, Pix: make([]byte, 15)},
		{Width: 2, Height: 2, Pix: make([]byte, 20)},
		{Width: 2, Height: 2, Pix: make([]byte, 8)},
		{Width: -2, Height: -2, Pix: make([]byte, 16)},
		{Width: math.MaxInt, Height: 4, Pix: make([]byte, 16)},
		{Width: 2, Height: 2, Pix: make([]byte, 16), Orientation: 9},
		{Width: 2, Height: 2, Pix: make([]byte, 16), Orientation: -1},
	} {
		for _, mode := range modes {
			if _, err := preprocess.Tensor(img, rgbBytes(2, 2), mode); err == nil {
				t.Errorf("%dx%d with %d bytes, orientation %d: no error", img.Width, img.Height, len(img.Pix), img.Orientation)
			}
		}
	}
}

func TestAnUnknownModeIsNamed(t *testing.T) {
	_, err := preprocess.Tensor(synthetic(2, 2), rgbBytes(2, 2), "sharp")
	if err == nil || !strings.Contains(err.Error(), `"sharp"`) {
		t.Errorf("error %v", err)
	}
}

func BenchmarkTwelveMegapixels(b *testing.B) {
	img := twelveMegapixels()
	spec := rgbBytes(299, 299)
	spec.Layout = preprocess.NCHW
	for _, c := range []struct {
		mode        preprocess.Mode
		orientation int
	}{{preprocess.Quality, 1}, {preprocess.Quality, 6}, {preprocess.Keras, 1}} {
		b.Run(fmt.Sprintf("%s/orientation=%d", c.mode, c.orientation), func(b *testing.B) {
			img := img
			img.Orientation = c.orientation
			for b.Loop() {
				if _, err := preprocess.Tensor(img, spec, c.mode); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkWebcam(b *testing.B) {
	img := synthetic(640, 480)
	spec := rgbBytes(299, 299)
	for _, mode := range modes {
		b.Run(string(mode), func(b *testing.B) {
			for b.Loop() {
				if _, err := preprocess.Tensor(img, spec, mode); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
