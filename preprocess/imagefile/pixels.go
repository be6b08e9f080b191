package imagefile

import (
	"image"
	"image/color"
	"image/draw"
)

// paint puts frame onto a canvas of its own, with the frame's top left corner
// at the given offset beyond the frame's own. Where the frame is the canvas and
// has the right kind of pixels, it is returned without a copy.
func paint(canvas image.Rectangle, frame image.Image, offset image.Point) *image.NRGBA {
	at := frame.Bounds().Add(offset)
	if at == canvas {
		if whole := adopt(frame); whole != nil {
			return whole
		}
	}
	out := image.NewNRGBA(canvas)
	at = at.Intersect(canvas)
	read := rowReader(frame)
	for y := at.Min.Y; y < at.Max.Y; y++ {
		row := out.Pix[out.PixOffset(at.Min.X, y):][:4*at.Dx()]
		read(row, at.Min.X-offset.X, y-offset.Y)
	}
	return out
}

// adopt returns the pixels of frame as they lie, or converted by the standard
// library's fast paths, or nil where those would alter them.
func adopt(frame image.Image) *image.NRGBA {
	switch m := frame.(type) {
	case *image.NRGBA:
		if m.Stride == 4*m.Rect.Dx() {
			return m
		}
	case *image.RGBA: // opaque pixels are the same premultiplied or not
		if m.Stride == 4*m.Rect.Dx() && m.Opaque() {
			return &image.NRGBA{Pix: m.Pix, Stride: m.Stride, Rect: m.Rect}
		}
	case *image.YCbCr, *image.CMYK, *image.Gray:
		out := image.NewRGBA(m.Bounds())
		draw.Draw(out, out.Rect, m, out.Rect.Min, draw.Src)
		return &image.NRGBA{Pix: out.Pix, Stride: out.Stride, Rect: out.Rect}
	}
	return nil
}

// rowReader returns a function that fills row with the pixels of frame from
// (x, y) to the right, as RGBA bytes that are not premultiplied.
func rowReader(frame image.Image) func(row []byte, x, y int) {
	switch m := frame.(type) {
	case *image.Paletted:
		var colours [256][4]byte // an index beyond the palette is transparent
		for i, c := range m.Palette[:min(len(m.Palette), len(colours))] {
			colours[i] = straight(c)
		}
		return func(row []byte, x, y int) {
			indices := m.Pix[m.PixOffset(x, y):]
			for i := range len(row) / 4 {
				copy(row[4*i:], colours[indices[i]][:])
			}
		}
	case *image.NRGBA:
		return func(row []byte, x, y int) { copy(row, m.Pix[m.PixOffset(x, y):]) }
	case *image.NRGBA64:
		return func(row []byte, x, y int) { upperBytes(row, m.Pix[m.PixOffset(x, y):]) }
	case *image.RGBA64:
		if m.Opaque() {
			return func(row []byte, x, y int) { upperBytes(row, m.Pix[m.PixOffset(x, y):]) }
		}
	}
	return func(row []byte, x, y int) {
		for i := range len(row) / 4 {
			pixel := straight(frame.At(x+i, y))
			copy(row[4*i:], pixel[:])
		}
	}
}

// upperBytes cuts big-endian 16-bit samples to 8 bits.
func upperBytes(row, samples []byte) {
	for i := range row {
		row[i] = samples[2*i]
	}
}

// straight returns a colour without premultiplication.
func straight(c color.Color) [4]byte {
	n := color.NRGBAModel.Convert(c).(color.NRGBA)
	return [4]byte{n.R, n.G, n.B, n.A}
}
