// Package heatpaint draws a heat map over a photo.
package heatpaint

import (
	"fmt"
	"image"
	"math"

	"hamster/model"
	"hamster/preprocess"
)

// maxSide bounds the longer side of what Over returns, in pixels.
const maxSide = 1024

// Over returns the photo, upright unless the mode was Keras, with what spoke for
// the class bright and warm, and the rest dimmed.
func Over(photo preprocess.Image, mode preprocess.Mode, heat model.Heatmap) (*image.NRGBA, error) {
	if heat.Width < 1 || heat.Height < 1 || len(heat.Values) != heat.Width*heat.Height {
		return nil, fmt.Errorf("a heat map of %d×%d cells with %d values", heat.Width, heat.Height, len(heat.Values))
	}
	if mode == preprocess.Keras {
		photo.Orientation = 1
	}
	w, h := photo.Width, photo.Height
	if photo.Orientation > 4 { // stored on its side
		w, h = h, w
	}
	if side := max(w, h); side > maxSide {
		w, h = max(1, w*maxSide/side), max(1, h*maxSide/side)
	}
	small, err := preprocess.Resize(photo, preprocess.Spec{
		Width: w, Height: h, Layout: preprocess.NHWC, Channels: preprocess.RGB, Scale: [3]float32{1, 1, 1},
	}, preprocess.Quality)
	if err != nil {
		return nil, err
	}
	out := &image.NRGBA{Pix: small.Pix, Stride: 4 * w, Rect: image.Rect(0, 0, w, h)}
	for y := range h {
		for x := range w {
			paint(out.Pix[out.PixOffset(x, y):][:4], at(heat, (float64(x)+0.5)/float64(w), (float64(y)+0.5)/float64(h)))
		}
	}
	return out, nil
}

// at is the heat at a place in the photo, in fractions of it, interpolated
// between the middles of cells. Outside of what the network saw there is none.
func at(m model.Heatmap, x, y float64) float64 {
	a := m.Area
	x = (x - float64(a.Left)) / float64(a.Right-a.Left)
	y = (y - float64(a.Top)) / float64(a.Bottom-a.Top)
	if !(x >= 0 && x <= 1 && y >= 0 && y <= 1) {
		return 0
	}
	x, y = x*float64(m.Width)-0.5, y*float64(m.Height)-0.5
	left, top := math.Floor(x), math.Floor(y)
	cell := func(column, row float64) float64 {
		c, r := min(max(int(column), 0), m.Width-1), min(max(int(row), 0), m.Height-1)
		return float64(m.Values[r*m.Width+c])
	}
	mix := func(a, b, share float64) float64 { return a + (b-a)*share }
	return mix(
		mix(cell(left, top), cell(left+1, top), x-left),
		mix(cell(left, top+1), cell(left+1, top+1), x-left), y-top)
}

// paint lays a dark veil over a pixel where there is little heat, and a warm
// light where there is much.
func paint(pixel []byte, heat float64) {
	cover, colour := 0.72*max(0, 1-1.6*heat), [3]float64{14, 10, 8}
	if cover == 0 {
		cover, colour = 0.42*max(0, heat-0.625)/0.375, [3]float64{255, 150, 40}
	}
	for c := range colour {
		pixel[c] = byte(math.Round(float64(pixel[c])*(1-cover) + colour[c]*cover))
	}
	pixel[3] = 255
}
