package imagefile_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"hamster/preprocess/imagefile"
)

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	file, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// The expectations come from Pillow: see testdata/fixtures.py.
type expectation struct {
	Format      string
	Size        [2]int
	Orientation int
	Tolerance   int
	RGBA        string
}

func expectations(t testing.TB) map[string]expectation {
	t.Helper()
	var m map[string]expectation
	if err := json.Unmarshal(fixture(t, "expected.json"), &m); err != nil {
		t.Fatal(err)
	}
	if len(m) < 30 {
		t.Fatalf("expected.json names %d files", len(m))
	}
	return m
}

func TestEveryFormatDecodesAsPillowDoes(t *testing.T) {
	for name, want := range expectations(t) {
		t.Run(name, func(t *testing.T) {
			got, format, err := imagefile.Decode(fixture(t, name), imagefile.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if format != want.Format {
				t.Errorf("format %q, want %q", format, want.Format)
			}
			if got.Width != want.Size[0] || got.Height != want.Size[1] {
				t.Fatalf("%dx%d, want %v", got.Width, got.Height, want.Size)
			}
			if got.Orientation != want.Orientation {
				t.Errorf("orientation %d, want %d", got.Orientation, want.Orientation)
			}
			if err := got.Validate(); err != nil {
				t.Error(err)
			}
			rgba, err := hex.DecodeString(want.RGBA)
			if err != nil {
				t.Fatal(err)
			}
			for i := range rgba {
				off := int(got.Pix[i]) - int(rgba[i])
				if rgba[i|3] == 0 && got.Pix[i|3] == 0 && want.Format == "gif" {
					continue // GIF's transparent colour is not kept
				}
				if max(off, -off) > want.Tolerance {
					t.Fatalf("byte %d of pixel %d is %d, Pillow's is %d", i%4, i/4, got.Pix[i], rgba[i])
				}
			}
		})
	}
}

func TestReadDecodesAStreamThatComesInPieces(t *testing.T) {
	file := fixture(t, "rgb.png")
	whole, _, err := imagefile.Decode(file, imagefile.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	pieces, _, err := imagefile.Read(iotest.OneByteReader(bytes.NewReader(file)), imagefile.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(whole.Pix, pieces.Pix) {
		t.Error("Read and Decode disagree")
	}
}

func TestReadPassesAReadersErrorOn(t *testing.T) {
	broken := errors.New("the disk is gone")
	_, _, err := imagefile.Read(iotest.ErrReader(broken), imagefile.Limits{})
	if !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

func TestReadRefusesAFileOverItsLimit(t *testing.T) {
	endless := struct{ io.Reader }{iotest.OneByteReader(zeros{})}
	_, _, err := imagefile.Read(endless, imagefile.Limits{MaxBytes: 1 << 10})
	if !errors.Is(err, imagefile.ErrTooLarge) {
		t.Errorf("error %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// pngHeader is a PNG that says it is of this size and holds nothing.
func pngHeader(width, height uint32) []byte {
	head := []byte("IHDR")
	head = binary.BigEndian.AppendUint32(head, width)
	head = binary.BigEndian.AppendUint32(head, height)
	head = append(head, 8, 2, 0, 0, 0)
	file := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d")
	file = append(file, head...)
	return binary.BigEndian.AppendUint32(file, crc32.ChecksumIEEE(head))
}

// resized writes a 16-bit size over the one at offset.
func resized(file []byte, offset int, order binary.ByteOrder, first, second uint16) []byte {
	file = bytes.Clone(file)
	order.PutUint16(file[offset:], first)
	order.PutUint16(file[offset+2:], second)
	return file
}

func TestHugeDeclaredSizesAreRefusedBeforeMemoryIsTaken(t *testing.T) {
	jpeg := fixture(t, "plain.jpg")
	frame := bytes.Index(jpeg, []byte{0xff, 0xc0})
	webp := bytes.Clone(fixture(t, "animated.webp"))
	copy(webp[24:], "\x3f\x9c\x00\x3f\x9c\x00") // the canvas of VP8X: 40000×40000
	bmp := bytes.Clone(fixture(t, "rgb.bmp"))
	binary.LittleEndian.PutUint32(bmp[18:], 50_000)
	binary.LittleEndian.PutUint32(bmp[22:], 50_000)
	for name, file := range map[string][]byte{
		"png":  pngHeader(50_000, 50_000),
		"jpeg": resized(jpeg, frame+5, binary.BigEndian, 65_000, 65_000),
		"gif":  resized(fixture(t, "still.gif"), 6, binary.LittleEndian, 65_000, 65_000),
		"webp": webp,
		"bmp":  bmp,
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, format, err := imagefile.Decode(file, imagefile.Limits{})
			runtime.ReadMemStats(&after)
			if !errors.Is(err, imagefile.ErrTooLarge) || !strings.Contains(err.Error(), "megapixels") {
				t.Errorf("error %v", err)
			}
			if format != name {
				t.Errorf("format %q", format)
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > 4<<20 {
				t.Errorf("took %d MiB", took>>20)
			}
		})
	}
}

func TestTheLimitItselfIsAllowed(t *testing.T) {
	file := fixture(t, "rgb.png") // 7×5
	if _, _, err := imagefile.Decode(file, imagefile.Limits{MaxPixels: 35}); err != nil {
		t.Error(err)
	}
	_, _, err := imagefile.Decode(file, imagefile.Limits{MaxPixels: 34})
	if !errors.Is(err, imagefile.ErrTooLarge) {
		t.Errorf("error %v", err)
	}
}

func TestAnAnimationsFrameMayNotReachBeyondItsCanvas(t *testing.T) {
	file := bytes.Clone(fixture(t, "animated-alpha.webp"))
	frame := bytes.Index(file, []byte("ANMF")) + 8
	copy(file[frame+6:], "\xff\xff\x00\x00\x7f\x00") // 65536×32513
	_, _, err := imagefile.Decode(file, imagefile.Limits{})
	if !errors.Is(err, imagefile.ErrDamaged) || !strings.Contains(err.Error(), "beyond") {
		t.Errorf("error %v", err)
	}
}

// A file that ends early anywhere is either an error or, where what is missing
// lies behind the pixels, the whole picture.
func TestAFileThatEndsEarlyIsSaidToBeCutShort(t *testing.T) {
	for name := range expectations(t) {
		t.Run(name, func(t *testing.T) {
			file := fixture(t, name)
			whole, _, err := imagefile.Decode(file, imagefile.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			said := 0
			for n := 1; n < len(file); n++ {
				got, _, err := imagefile.Decode(file[:n], imagefile.Limits{})
				switch {
				case err == nil && !bytes.Equal(got.Pix, whole.Pix):
					t.Fatalf("%d of %d bytes: another picture and no error", n, len(file))
				case errors.Is(err, imagefile.ErrTruncated):
					said++
				case err != nil && n >= 18: // enough to tell the format
					t.Fatalf("%d of %d bytes: %v", n, len(file), err)
				}
			}
			if said < 20 {
				t.Errorf("only %d cuts were said to be one", said)
			}
		})
	}
}

func TestWhatIsNoImageIsCalledByItsName(t *testing.T) {
	ftyp := func(brands ...string) string {
		size := byte(8 + 4 + 4*len(brands))
		return "\x00\x00\x00" + string(size) + "ftyp" + brands[0] + "\x00\x00\x02\x00" + strings.Join(brands[1:], "")
	}
	for _, c := range []struct {
		name, file string
		kind       error
		want       string
	}{
		{"nothing", "", imagefile.ErrEmpty, "0 bytes"},
		{"text", "Dear Sir or Madam,\n\thow are you? – fine\n", imagefile.ErrNotImage, "text"},
		{"text that begins like a BMP", "BMW is a maker of cars and of motorcycles.", imagefile.ErrNotImage, "text"},
		{"web page", "\ufeff\n <!DOCTYPE HTML><html>404</html>", imagefile.ErrNotImage, "web page"},
		{"pdf", "%PDF-1.7\n%âãÏÓ", imagefile.ErrNotImage, "PDF"},
		{"mp4", ftyp("isom", "iso2", "mp41"), imagefile.ErrNotImage, "video"},
		{"quicktime", ftyp("qt  "), imagefile.ErrNotImage, "video"},
		{"webm", "\x1a\x45\xdf\xa3\x01\x00\x00", imagefile.ErrNotImage, "WebM"},
		{"avi", "RIFF\x00\x10\x00\x00AVI LIST", imagefile.ErrNotImage, "AVI"},
		{"zip", "PK\x03\x04\x14\x00", imagefile.ErrNotImage, "ZIP"},
		{"lfs pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:", imagefile.ErrNotImage, "Git LFS"},
		{"hdf5", "\x89HDF\r\n\x1a\n\x00", imagefile.ErrNotImage, "HDF5"},
		{"zeros", strings.Repeat("\x00", 40), imagefile.ErrNotImage, "zeros"},
		{"noise", "\x93\x12\x00\x01\xfe\x81\x77\x00\x99", imagefile.ErrNotImage, "93 12 00 01 fe 81 77 00"},
		{"heic", ftyp("heic", "mif1", "heic"), imagefile.ErrUnsupported, "HEIC"},
		{"heic by its general brand", ftyp("mif1", "heic"), imagefile.ErrUnsupported, "HEIC"},
		{"avif", ftyp("avif", "mif1", "miaf"), imagefile.ErrUnsupported, "AVIF"},
		{"avif by its general brand", ftyp("mif1", "avif"), imagefile.ErrUnsupported, "AVIF"},
		{"svg", "<?xml version=\"1.0\"?>\n<!-- a -->\n<svg xmlns=", imagefile.ErrUnsupported, "SVG"},
		{"bare svg", "<svg width='1'>", imagefile.ErrUnsupported, "SVG"},
		{"tiff", "II*\x00\x08\x00\x00\x00", imagefile.ErrUnsupported, "TIFF"},
		{"big-endian tiff", "MM\x00*\x00\x00\x00\x08", imagefile.ErrUnsupported, "TIFF"},
		{"jpeg xl", "\xff\x0a\xfa\x7f", imagefile.ErrUnsupported, "JPEG XL"},
		{"jpeg 2000", "\x00\x00\x00\x0cjP  \r\n\x87\n", imagefile.ErrUnsupported, "JPEG 2000"},
		{"icon", "\x00\x00\x01\x00\x01\x00\x10\x10", imagefile.ErrUnsupported, "icon"},
		{"photoshop", "8BPS\x00\x01", imagefile.ErrUnsupported, "Photoshop"},
		{"pnm", "P6\n3 2\n255\n", imagefile.ErrUnsupported, "PNM"},
		{"two bytes of a jpeg", "\xff\xd8", imagefile.ErrTruncated, "2 bytes"},
		{"one byte of a png", "\x89", imagefile.ErrTruncated, "1 byte "},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, format, err := imagefile.Decode([]byte(c.file), imagefile.Limits{})
			if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v; want %q and one that says %q", err, c.kind, c.want)
			}
			if format != "" {
				t.Errorf("format %q of what is none", format)
			}
		})
	}
}

func TestDamageIsSaidToBeDamage(t *testing.T) {
	zlibBroken := bytes.Clone(fixture(t, "rgb.png"))
	zlibBroken[len(zlibBroken)-30] ^= 0xff
	lossless := bytes.Clone(fixture(t, "lossless.webp"))
	lossless[20] = 0 // the signature of VP8L
	noFrame := bytes.Clone(fixture(t, "animated.webp"))
	for {
		at := bytes.Index(noFrame, []byte("ANMF"))
		if at < 0 {
			break
		}
		copy(noFrame[at:], "XXXX")
	}
	for name, file := range map[string][]byte{
		"png of no width":        pngHeader(0, 5),
		"png checksum":           zlibBroken,
		"webp signature":         lossless,
		"webp without any frame": noFrame,
		"jpeg without tables":    []byte("\xff\xd8\xff\xc0\x00\x0b\x08\x00\x08\x00\x08\x01\x01\x11\x00\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00\x00\x00\x00\xff\xd9"),
	} {
		_, _, err := imagefile.Decode(file, imagefile.Limits{})
		if !errors.Is(err, imagefile.ErrDamaged) || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnUnsupportedKindOfASupportedFormatIsSaidToBeUnsupported(t *testing.T) {
	jpeg := bytes.Clone(fixture(t, "plain.jpg"))
	jpeg[bytes.Index(jpeg, []byte{0xff, 0xc0})+4] = 12 // bits a sample
	bmp := bytes.Clone(fixture(t, "rgb.bmp"))
	bmp[30] = 1 // run-length encoded
	for name, file := range map[string][]byte{"jpeg of 12 bits": jpeg, "compressed bmp": bmp} {
		_, _, err := imagefile.Decode(file, imagefile.Limits{})
		if !errors.Is(err, imagefile.ErrUnsupported) || !strings.Contains(err.Error(), "not supported") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestThePhotosDecode(t *testing.T) {
	for name, size := range map[string][2]int{
		"chelsea.png":   {451, 300},
		"coffee.png":    {600, 400},
		"astronaut.png": {512, 512},
		"rocket.jpg":    {640, 427},
	} {
		file, err := os.Open(filepath.Join("..", "..", "testdata", "photos", name))
		if err != nil {
			t.Fatal(err)
		}
		img, _, err := imagefile.Read(file, imagefile.Limits{})
		file.Close()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if img.Width != size[0] || img.Height != size[1] {
			t.Errorf("%s is %dx%d", name, img.Width, img.Height)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for name := range expectations(f) {
		f.Add(fixture(f, name))
	}
	f.Add(pngHeader(1, 1))
	f.Fuzz(func(t *testing.T, file []byte) {
		img, format, err := imagefile.Decode(file, imagefile.Limits{MaxPixels: 1 << 16})
		if err != nil {
			known := false
			for _, kind := range []error{
				imagefile.ErrEmpty, imagefile.ErrNotImage, imagefile.ErrUnsupported,
				imagefile.ErrTruncated, imagefile.ErrDamaged, imagefile.ErrTooLarge,
			} {
				known = known || errors.Is(err, kind)
			}
			if !known {
				t.Errorf("an error of no kind: %v", err)
			}
			return
		}
		if format == "" {
			t.Error("no error and no format")
		}
		if err := img.Validate(); err != nil {
			t.Error(err)
		}
		if img.Width*img.Height > 1<<16 {
			t.Errorf("%dx%d is over the limit", img.Width, img.Height)
		}
	})
}
