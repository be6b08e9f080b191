package preprocess

import "fmt"

// Pixels is an image that is read in bands of rows, so that nobody need hold
// all of it.
type Pixels interface {
	// Bounds returns the size in pixels as stored, and the EXIF orientation, 1 to
	// 8 (0 means 1).
	Bounds() (width, height, orientation int)
	// ReadRows fills dst with rows y to y+n−1: 4·width·n bytes of RGBA.
	ReadRows(dst []byte, y, n int) error
}

// Bounds makes an Image Pixels.
func (m Image) Bounds() (width, height, orientation int) { return m.Width, m.Height, m.Orientation }

// ReadRows makes an Image Pixels.
func (m Image) ReadRows(dst []byte, y, n int) error {
	if err := m.Validate(); err != nil {
		return err
	}
	if y < 0 || n < 0 || y > m.Height-n || len(dst) != 4*m.Width*n {
		return fmt.Errorf("rows %d…%d into %d bytes, of an image of %d×%d pixels", y, y+n, len(dst), m.Width, m.Height)
	}
	copy(dst, m.Pix[4*m.Width*y:])
	return nil
}

// ReadAll reads an image whole; an Image is returned as it is.
func ReadAll(p Pixels) (Image, error) {
	if m, ok := p.(Image); ok {
		return m, nil
	}
	w, h, orientation := p.Bounds()
	if w < 1 || h < 1 {
		return Image{}, fmt.Errorf("image of %d×%d pixels: there is nothing to look at", w, h)
	}
	m := Image{Width: w, Height: h, Orientation: orientation, Pix: make([]byte, 4*w*h)}
	return m, p.ReadRows(m.Pix, 0, h)
}
