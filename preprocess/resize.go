package preprocess

import (
	"encoding/binary"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
)

// nearest fills out from img as Pillow's resize(NEAREST) does.
func nearest(out, img Image) {
	columns := NearestIndices(img.Width, out.Width)
	for y, from := range NearestIndices(img.Height, out.Height) {
		src := img.Pix[4*img.Width*int(from):][:4*img.Width]
		dst := out.Pix[4*out.Width*y:][:4*out.Width]
		for x, c := range columns {
			putPixel(dst[4*x:], binary.LittleEndian.Uint32(src[4*c:]))
		}
	}
}

// antialiased fills out from img as Pillow does with exif_transpose, crop and
// resize(BILINEAR), without ever building the turned or cropped picture.
func antialiased(out, img Image, cropFraction float32) {
	// Orientations 5 to 8 swap the axes. What the flips and rotations do beyond
	// that is to read the upright picture's columns or rows backwards.
	swapped := img.Orientation >= 5
	var backX, backY bool
	switch img.Orientation {
	case 2, 6:
		backX = true
	case 3, 7:
		backX, backY = true, true
	case 4, 8:
		backY = true
	}

	// A centred crop is the same box however the picture is flipped.
	cutX, cutY := CropMargin(img.Width, cropFraction), CropMargin(img.Height, cropFraction)
	src := pixels{
		pix:    img.Pix[4*(cutY*img.Width+cutX):],
		stride: 4 * img.Width,
		width:  img.Width - 2*cutX,
		height: img.Height - 2*cutY,
	}

	uprightWidth, uprightHeight := src.width, src.height
	if swapped {
		uprightWidth, uprightHeight = uprightHeight, uprightWidth
	}
	horizontal := newFilter(uprightWidth, out.Width, backX)
	vertical := newFilter(uprightHeight, out.Height, backY)
	if swapped {
		resizeColumnsFirst(out, src, horizontal, vertical)
	} else {
		resizeRowsFirst(out, src, horizontal, vertical)
	}
}

// CropMargin is how many of n rows or columns a centre crop to this fraction
// cuts off on either side: ⌊n·(1−fraction)/2⌋, none for the fraction 0.
func CropMargin(n int, fraction float32) int {
	if fraction == 0 {
		return 0
	}
	margin := int(math.Floor(float64(n) * (1 - float64(fraction)) / 2))
	return min(margin, (n-1)/2) // so that the tiniest fraction leaves a pixel
}

// pixels is a box inside a larger RGBA buffer.
type pixels struct {
	pix           []byte
	stride        int // bytes
	width, height int
}

func (p pixels) row(y int) []byte { return p.pix[y*p.stride:][:4*p.width] }

type filter struct {
	taps    []Taps
	weights []int32
}

func newFilter(in, out int, backwards bool) filter {
	taps, weights := Coefficients(in, out)
	if backwards {
		mirror(taps, weights, in)
	}
	return filter{taps, weights}
}

func (f filter) of(t Taps) []int32 { return f.weights[t.Offset:][:t.Count] }

// A sum adds up the weighted samples of one pixel. Red and blue ride in the two
// halves of one word, for no sum of ours outgrows 32 bits: two multiplications
// a pixel instead of three.
type sum struct{ redBlue, green uint64 }

const half = 1 << (Precision - 1)

// zero is where every sum starts, so that the final shift rounds.
var zero = sum{half<<32 | half, half}

func (s *sum) add(pixel uint32, weight int32) {
	w := uint64(uint32(weight))
	s.redBlue += (uint64(pixel&0xff) | uint64(pixel&0xff0000)<<16) * w
	s.green += uint64(pixel>>8&0xff) * w
}

// pixel rounds the sums to an RGBA word; putPixel sets its alpha.
func (s *sum) pixel() uint32 {
	red := min(255, uint32(s.redBlue)>>Precision)
	green := min(255, uint32(s.green)>>Precision)
	blue := min(255, uint32(s.redBlue>>32)>>Precision)
	return red | green<<8 | blue<<16
}

func putPixel(dst []byte, pixel uint32) {
	binary.LittleEndian.PutUint32(dst, pixel|0xff000000)
}

// filterRow resizes one row of pixels.
func filterRow(dst, src []byte, f filter) {
	for x, t := range f.taps {
		s := zero
		from := src[4*t.First:][:4*t.Count]
		for _, w := range f.of(t) {
			s.add(binary.LittleEndian.Uint32(from), w)
			from = from[4:]
		}
		putPixel(dst[4*x:], s.pixel())
	}
}

// bandRows is how many output rows a worker makes at a time. The input rows at
// a band's edge are filtered for both neighbours; more rows would save some of
// that and keep fewer workers busy.
const bandRows = 32

// resizeRowsFirst filters along the rows of src, then across them. Only one
// filtered row lives at a time, so a very tall picture needs no more memory
// than a small one.
func resizeRowsFirst(out Image, src pixels, horizontal, vertical filter) {
	bands := (out.Height + bandRows - 1) / bandRows
	parallel(bands, 0, func() func(int) {
		line := make([]byte, 4*out.Width)
		sums := make([]sum, bandRows*out.Width)
		return func(band int) {
			top := band * bandRows
			taps := vertical.taps[top:min(top+bandRows, out.Height)]
			for i := range sums {
				sums[i] = zero
			}
			first, end := span(taps)
			for y := first; y < end; y++ {
				filtered := false
				for i, t := range taps {
					at := int32(y) - t.First
					if at < 0 || at >= t.Count {
						continue
					}
					if !filtered {
						filterRow(line, src.row(y), horizontal)
						filtered = true
					}
					accumulate(sums[i*out.Width:][:out.Width], line, vertical.weights[t.Offset+at])
				}
			}
			for i := range len(taps) * out.Width {
				putPixel(out.Pix[4*(top*out.Width+i):], sums[i].pixel())
			}
		}
	})
}

// span returns the range of input samples that any of taps uses.
func span(taps []Taps) (first, end int) {
	first, end = math.MaxInt, 0
	for _, t := range taps {
		first = min(first, int(t.First))
		end = max(end, int(t.First+t.Count))
	}
	return first, end
}

// resizeColumnsFirst is for a picture whose axes are swapped: its upright rows
// are the columns of src, so the first pass goes across the rows of src. Each
// upright column comes out on its own.
func resizeColumnsFirst(out Image, src pixels, horizontal, vertical filter) {
	const block = 256 // sums that stay in the nearest cache
	parallel(out.Width, 4*src.width, func() func(int) {
		line := make([]byte, 4*src.width)
		column := make([]byte, 4*out.Height)
		sums := make([]sum, min(block, src.width))
		return func(x int) {
			t := horizontal.taps[x]
			for left := 0; left < src.width; left += block {
				right := min(left+block, src.width)
				sums := sums[:right-left]
				for i := range sums {
					sums[i] = zero
				}
				for i, w := range horizontal.of(t) {
					accumulate(sums, src.row(int(t.First) + i)[4*left:4*right], w)
				}
				for i := range sums {
					putPixel(line[4*(left+i):], sums[i].pixel())
				}
			}
			filterRow(column, line, vertical)
			for y := range out.Height {
				copy(out.Pix[4*(y*out.Width+x):], column[4*y:4*y+4])
			}
		}
	})
}

// accumulate adds a row of pixels, weighted, to as many sums.
func accumulate(sums []sum, row []byte, weight int32) {
	for i := range sums {
		sums[i].add(binary.LittleEndian.Uint32(row), weight)
		row = row[4:]
	}
}

// parallel does jobs 0 to n−1 on all processors. Every worker gets its own
// function, with its own buffers of about scratch bytes; their sum is kept in
// bounds. Jobs write to separate places, so the result does not depend on the
// number of workers.
func parallel(n, scratch int, newWorker func() func(job int)) {
	const maxScratch = 64 << 20
	workers := min(n, runtime.GOMAXPROCS(0), max(1, maxScratch/max(1, scratch)))
	if workers == 1 {
		work := newWorker()
		for job := range n {
			work(job)
		}
		return
	}
	var next atomic.Int64
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			work := newWorker()
			for job := int(next.Add(1)) - 1; job < n; job = int(next.Add(1)) - 1 {
				work(job)
			}
		})
	}
	group.Wait()
}
