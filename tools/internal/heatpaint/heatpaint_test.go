package heatpaint_test

import (
	"bytes"
	"image/color"
	"testing"

	"hamster/model"
	"hamster/preprocess"
	"hamster/tools/internal/heatpaint"
)

// grey is a photo of one colour.
func grey(w, h int) preprocess.Image {
	return preprocess.Image{Width: w, Height: h, Pix: bytes.Repeat([]byte{120, 120, 120, 255}, w*h)}
}

var whole = model.Area{Right: 1, Bottom: 1}

func TestWhatSpokeIsWarmAndTheRestIsDim(t *testing.T) {
	heat := model.Heatmap{Width: 2, Height: 1, Values: []float32{1, 0}, Area: whole}
	got, err := heatpaint.Over(grey(40, 20), preprocess.Quality, heat)
	if err != nil {
		t.Fatal(err)
	}
	if b := got.Bounds(); b.Dx() != 40 || b.Dy() != 20 {
		t.Fatalf("%v", b)
	}
	// 42 % of (255, 150, 40) over (120, 120, 120), and 72 % of (14, 10, 8).
	if c := got.NRGBAAt(2, 10); c != (color.NRGBA{177, 133, 86, 255}) {
		t.Errorf("the hot side is %v", c)
	}
	if c := got.NRGBAAt(37, 10); c != (color.NRGBA{44, 41, 39, 255}) {
		t.Errorf("the cold side is %v", c)
	}
	if c := got.NRGBAAt(15, 10); c.R <= 100 || c.R >= 177 {
		t.Errorf("between them it is %v", c)
	}
}

func TestWhatTheNetworkDidNotSeeIsDim(t *testing.T) {
	heat := model.Heatmap{Width: 1, Height: 1, Values: []float32{1}, Area: model.Area{Left: 0.25, Top: 0.25, Right: 0.75, Bottom: 0.75}}
	got, err := heatpaint.Over(grey(40, 40), preprocess.Quality, heat)
	if err != nil {
		t.Fatal(err)
	}
	if inside, outside := got.NRGBAAt(20, 20), got.NRGBAAt(5, 20); inside.R < 120 || outside.R > 60 {
		t.Errorf("%v inside and %v outside", inside, outside)
	}
}

func TestAPhotoIsPaintedAsItsModeShowedIt(t *testing.T) {
	heat := model.Heatmap{Width: 1, Height: 1, Values: []float32{0}, Area: whole}
	photo := grey(3000, 1500)
	photo.Orientation = 6 // on its side
	for mode, want := range map[preprocess.Mode][2]int{preprocess.Quality: {512, 1024}, preprocess.Keras: {1024, 512}} {
		got, err := heatpaint.Over(photo, mode, heat)
		if err != nil {
			t.Fatal(err)
		}
		if b := got.Bounds(); b.Dx() != want[0] || b.Dy() != want[1] {
			t.Errorf("%s: %v, want %v", mode, b, want)
		}
	}
}

func TestAMapThatContradictsItselfIsAnError(t *testing.T) {
	for _, heat := range []model.Heatmap{{}, {Width: 2, Height: 2, Values: []float32{1}}} {
		if _, err := heatpaint.Over(grey(4, 4), preprocess.Quality, heat); err == nil {
			t.Errorf("%+v is no error", heat)
		}
	}
}
