package imagefile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

func startsWith(prefixes ...string) func([]byte) bool {
	return func(file []byte) bool {
		for _, p := range prefixes {
			if bytes.HasPrefix(file, []byte(p)) {
				return true
			}
		}
		return false
	}
}

func isRIFF(form string) func([]byte) bool {
	return func(file []byte) bool {
		return len(file) >= 12 && string(file[:4]) == "RIFF" && string(file[8:12]) == form
	}
}

var isWebP = isRIFF("WEBP")

// isBMP wants more than the two letters BM, with which a text may begin: the
// length of one of the headers there have been.
func isBMP(file []byte) bool {
	if len(file) < 18 || string(file[:2]) != "BM" {
		return false
	}
	return slices.Contains([]uint32{12, 16, 40, 52, 56, 64, 108, 124}, binary.LittleEndian.Uint32(file[14:]))
}

// isBoxed tells ISO media files by their brands: the file's main one, then
// those it says it is compatible with.
func isBoxed(brands ...string) func([]byte) bool {
	return func(file []byte) bool {
		if len(file) < 12 || string(file[4:8]) != "ftyp" {
			return false
		}
		end := min(len(file), int(min(binary.BigEndian.Uint32(file), 256)))
		for at := 8; at+4 <= end; at += 4 {
			if at != 12 && slices.Contains(brands, string(file[at:at+4])) { // 12 is a version number
				return true
			}
		}
		return false
	}
}

func isBoxedAtAll(file []byte) bool {
	return len(file) >= 12 && string(file[4:8]) == "ftyp"
}

// A likeness is something else that people take for an image file.
type likeness struct {
	what string
	is   func(file []byte) bool
}

// images are formats of pictures that Decode does not read. AVIF comes before
// HEIC, for both may claim the general brand mif1.
var images = []likeness{
	{"AVIF", isBoxed("avif", "avis")},
	{"HEIC", isBoxed("heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs", "mif1", "msf1")},
	{"TIFF or raw camera", startsWith("II*\x00", "MM\x00*", "II+\x00", "MM\x00+", "IIU\x00")},
	{"SVG", isSVG},
	{"JPEG XL", startsWith("\xff\x0a", "\x00\x00\x00\x0cJXL ")},
	{"JPEG 2000", startsWith("\x00\x00\x00\x0cjP  ", "\xff\x4f\xff\x51")},
	{"Windows icon", startsWith("\x00\x00\x01\x00", "\x00\x00\x02\x00")},
	{"Apple icon", startsWith("icns")},
	{"Photoshop", startsWith("8BPS")},
	{"GIMP", startsWith("gimp xcf")},
	{"QOI", startsWith("qoif")},
	{"OpenEXR", startsWith("\x76\x2f\x31\x01")},
	{"DirectDraw", startsWith("DDS ")},
	{"PNM", isPNM},
	{"FITS", startsWith("SIMPLE  =")},
}

// others are not pictures at all.
var others = []likeness{
	{"a PDF document", startsWith("%PDF")},
	{"a PostScript document", startsWith("%!PS")},
	{"an MP3 or AAC sound", startsWith("ID3", "\xff\xfb", "\xff\xf3", "\xff\xf1")},
	{"an M4A sound", isBoxed("M4A ", "M4B ")},
	{"a video (MP4 or QuickTime)", isBoxedAtAll},
	{"a video (WebM or Matroska)", startsWith("\x1a\x45\xdf\xa3")},
	{"a video (AVI)", isRIFF("AVI ")},
	{"a WAV sound", isRIFF("WAVE")},
	{"an Ogg sound or video", startsWith("OggS")},
	{"a FLAC sound", startsWith("fLaC")},
	{"a ZIP archive or an office document", startsWith("PK\x03\x04", "PK\x05\x06")},
	{"a compressed archive", startsWith("\x1f\x8b", "7z\xbc\xaf\x27\x1c", "Rar!\x1a\x07", "\xfd7zXZ\x00", "\x28\xb5\x2f\xfd", "BZh")},
	{"an old office document", startsWith("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")},
	{"a Linux program", startsWith("\x7fELF")},
	{"a Windows program", startsWith("MZ")},
	{"a WebAssembly program", startsWith("\x00asm")},
	{"HDF5 data", startsWith("\x89HDF\r\n\x1a\n")},
	{"a NumPy array", startsWith("\x93NUMPY")},
	{"a Git LFS pointer, so the real file was not fetched", startsWith("version https://git-lfs")},
	{"a web page, perhaps an error page saved under an image's name", isHTML},
	{"text", isText},
}

// explain says what a file is that no codec reads.
func explain(file []byte) error {
	for _, l := range images {
		if l.is(file) {
			return problem(ErrUnsupported, nil, "%s images are not supported: save it as JPEG or PNG", l.what)
		}
	}
	for _, l := range others {
		if l.is(file) {
			return problem(ErrNotImage, nil, "not an image: this looks like %s", l.what)
		}
	}
	for _, magic := range []string{"\xff\xd8\xff", "\x89PNG\r\n\x1a\n", "GIF89a", "RIFF"} {
		if strings.HasPrefix(magic, string(file)) {
			return problem(ErrTruncated, nil, "the file is cut short: %s is all there is", count(len(file), "byte"))
		}
	}
	if len(bytes.Trim(file[:min(len(file), 4096)], "\x00")) == 0 {
		return problem(ErrNotImage, nil, "not an image: the file holds zeros, as after an interrupted copy")
	}
	return problem(ErrNotImage, nil, "not an image: JPEG, PNG, GIF, WebP and BMP are read, and this begins with the bytes % x", file[:min(len(file), 8)])
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// opening is the start of a text in lower case, without leading space.
func opening(file []byte) string {
	file = bytes.TrimPrefix(file, []byte("\xef\xbb\xbf"))
	file = bytes.TrimLeft(file, " \t\r\n")
	return strings.ToLower(string(file[:min(len(file), 1024)]))
}

func isSVG(file []byte) bool {
	s := opening(file)
	if strings.HasPrefix(s, "<svg") {
		return true
	}
	return (strings.HasPrefix(s, "<?xml") || strings.HasPrefix(s, "<!--") || strings.HasPrefix(s, "<!doctype svg")) &&
		strings.Contains(s, "<svg")
}

func isHTML(file []byte) bool {
	s := opening(file)
	return strings.HasPrefix(s, "<!doctype html") || strings.HasPrefix(s, "<html") || strings.HasPrefix(s, "<head")
}

func isPNM(file []byte) bool {
	return len(file) >= 3 && file[0] == 'P' && '1' <= file[1] && file[1] <= '7' && strings.ContainsRune(" \t\r\n", rune(file[2]))
}

// isText looks at the start only; a character may be cut in two at its end.
func isText(file []byte) bool {
	start := file[:min(len(file), 512)]
	for len(start) > 0 {
		r, size := utf8.DecodeRune(start)
		if r == utf8.RuneError && size == 1 && (len(start) >= utf8.UTFMax || len(file) <= 512) {
			return false
		}
		if r < ' ' && !strings.ContainsRune("\t\n\r\f\x1b", r) {
			return false
		}
		start = start[size:]
	}
	return true
}
