package imagefile

import (
	"encoding/binary"
	"image"
	"io"

	"golang.org/x/image/webp"
)

// decodeWebP makes up for what webp.Decode leaves to its caller: the samples of
// lossy WebP are in video range, black at 16 and white at 235, but an
// image.YCbCr is taken for full range, and would come out pale.
func decodeWebP(r io.Reader) (image.Image, error) {
	m, err := webp.Decode(r)
	if err != nil {
		return nil, err
	}
	switch m := m.(type) {
	case *image.YCbCr:
		return fromVideoRange(m), nil
	case *image.NYCbCrA:
		out := fromVideoRange(&m.YCbCr)
		for y := range out.Rect.Dy() {
			row := out.Pix[y*out.Stride:][:out.Stride]
			for x, a := range m.A[y*m.AStride:][:out.Rect.Dx()] {
				row[4*x+3] = a
			}
		}
		return out, nil
	}
	return m, nil
}

// fromVideoRange converts as libwebp does, to the bit, which is how browsers
// and Pillow see the file. Colour is stored for every second pixel each way and
// is spread linearly: the four nearest samples count 9, 3, 3 and 1 sixteenths.
func fromVideoRange(m *image.YCbCr) *image.NRGBA {
	width, height := m.Rect.Dx(), m.Rect.Dy()
	out := image.NewNRGBA(image.Rect(0, 0, width, height))
	lastColumn, lastRow := (width-1)/2, (height-1)/2
	spread := func(plane []byte, near, far, x, other int) int32 {
		a, b := int32(plane[near+x]), int32(plane[near+other])
		c, d := int32(plane[far+x]), int32(plane[far+other])
		return (9*a + 3*b + 3*c + d + 8) >> 4
	}
	for y := range height {
		near := y / 2 * m.CStride
		far := neighbour(y, lastRow) * m.CStride
		dst := out.Pix[y*out.Stride:][:4*width]
		for x, luma := range m.Y[y*m.YStride:][:width] {
			column, other := x/2, neighbour(x, lastColumn)
			cb := spread(m.Cb, near, far, column, other)
			cr := spread(m.Cr, near, far, column, other)
			// BT.601 with 14 fractional bits, eight of which are cut off each
			// product; what is subtracted holds the offsets of 16 and 128 and
			// the half that makes the last shift round.
			white := int32(luma) * 19077 >> 8
			dst[4*x+0] = clip(white + cr*26149>>8 - 14234)
			dst[4*x+1] = clip(white - cb*6419>>8 - cr*13320>>8 + 8708)
			dst[4*x+2] = clip(white + cb*33050>>8 - 17685)
			dst[4*x+3] = 255
		}
	}
	return out
}

// neighbour is the second nearest of the samples that are stored for every
// second pixel, or the nearest at the border.
func neighbour(i, last int) int {
	if i%2 == 0 {
		return max(0, i/2-1)
	}
	return min(last, i/2+1)
}

// clip drops six fractional bits.
func clip(v int32) byte { return byte(min(255, max(0, v>>6))) }

const chunkHeader = 8 // a RIFF chunk's name and length

// shorterThanDeclared compares a WebP file with the length in its header.
func shorterThanDeclared(file []byte) bool {
	return uint64(binary.LittleEndian.Uint32(file[4:]))+chunkHeader > uint64(len(file))
}

// firstFrame returns a WebP file that the decoder can read, and where on the
// canvas its pixels go: the file itself, or, for an animation, a still image
// made of its first frame.
func firstFrame(file []byte, canvas image.Rectangle) ([]byte, image.Point, error) {
	const (
		fileHeader      = 12 // RIFF, length, WEBP
		extendedSize    = 10 // of a VP8X chunk
		frameHeaderSize = 16 // of an ANMF chunk
		animation       = 1 << 1
	)
	name, extended, rest := nextChunk(file[fileHeader:])
	if name != "VP8X" || len(extended) < extendedSize || extended[0]&animation == 0 {
		return file, image.Point{}, nil
	}
	for name != "" {
		var chunk []byte
		name, chunk, rest = nextChunk(rest)
		if name == "ANMF" && len(chunk) >= frameHeaderSize {
			at := image.Pt(2*uint24(chunk), 2*uint24(chunk[3:]))
			size := image.Pt(1+uint24(chunk[6:]), 1+uint24(chunk[9:]))
			if frame := (image.Rectangle{at, at.Add(size)}); !frame.In(canvas) {
				return nil, at, problem(ErrDamaged, nil, "the WebP file is damaged: a frame reaches beyond the picture")
			}
			return still(chunk[6:12], chunk[frameHeaderSize:]), at, nil
		}
	}
	return nil, image.Point{}, problem(ErrDamaged, nil, "the WebP file is damaged: an animation without a frame")
}

// still makes a file of one frame: its size as it is stored, width−1 and
// height−1 in 24 bits each, and its chunks.
func still(size, chunks []byte) []byte {
	const alpha = 1 << 4
	var flags byte
	if name, _, _ := nextChunk(chunks); name == "ALPH" {
		flags = alpha
	}
	out := []byte("RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00")
	out = append(out, flags, 0, 0, 0)
	out = append(out, size...)
	out = append(out, chunks...)
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-chunkHeader))
	return out
}

// nextChunk splits the first chunk off; its name is empty where there is none.
func nextChunk(data []byte) (name string, chunk, rest []byte) {
	if len(data) < chunkHeader {
		return "", nil, nil
	}
	size := uint64(binary.LittleEndian.Uint32(data[4:]))
	body := data[chunkHeader:]
	if size > uint64(len(body)) {
		return "", nil, nil
	}
	padded := min(size+size&1, uint64(len(body)))
	return string(data[:4]), body[:size], body[padded:]
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }
