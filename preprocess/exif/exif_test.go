package exif_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"hamster/preprocess/exif"
)

// An entry of a TIFF directory, its value as it lies in the file.
type entry struct {
	tag, kind uint16
	count     uint32
	value     [4]byte
}

// tiff is a directory of these entries, placed after some padding.
func tiff(order binary.AppendByteOrder, entries ...entry) string {
	out := []byte("II*\x00")
	if fmt.Sprint(order) == "BigEndian" {
		out = []byte("MM\x00*")
	}
	out = order.AppendUint32(out, 12)
	out = append(out, "pad "...)
	out = order.AppendUint16(out, uint16(len(entries)))
	for _, e := range entries {
		out = order.AppendUint16(out, e.tag)
		out = order.AppendUint16(out, e.kind)
		out = order.AppendUint32(out, e.count)
		out = append(out, e.value[:]...)
	}
	return string(out)
}

func jpeg(segments ...string) string {
	file := "\xff\xd8"
	for _, s := range segments {
		file += "\xff" + s[:1] + string(binary.BigEndian.AppendUint16(nil, uint16(len(s)+1))) + s[1:]
	}
	return file + "\xff\xda\x00\x02scan"
}

func png(chunks ...string) string {
	file := "\x89PNG\r\n\x1a\n"
	for _, c := range chunks {
		file += string(binary.BigEndian.AppendUint32(nil, uint32(len(c)-4))) + c + "crc "
	}
	return file
}

func webp(chunks ...string) string {
	body := "WEBP"
	for _, c := range chunks {
		body += c[:4] + string(binary.LittleEndian.AppendUint32(nil, uint32(len(c)-4))) + c[4:]
		if len(c)%2 == 1 {
			body += "\x00"
		}
	}
	return "RIFF" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(body)))) + body
}

func TestOrientationIsReadFromWhereFormatsKeepIt(t *testing.T) {
	const exifHead = "Exif\x00\x00"
	little, big := binary.LittleEndian, binary.BigEndian
	make := entry{0x010f, 2, 4, [4]byte{'A', 'c', 'm', 'e'}}
	littleSix := entry{0x0112, 3, 1, [4]byte{6, 0, 0, 0}}
	bigEight := entry{0x0112, 3, 1, [4]byte{0, 8, 0, 0}}
	for _, c := range []struct {
		name, file string
		want       int
	}{
		{"jpeg, little endian", jpeg("\xe0JFIF\x00", "\xe1"+exifHead+tiff(little, make, littleSix)), 6},
		{"jpeg, big endian", jpeg("\xe1" + exifHead + tiff(big, make, bigEight)), 8},
		{"jpeg, XMP segment first", jpeg("\xe1http://ns.adobe.com/xap/1.0/\x00<x/>", "\xe1"+exifHead+tiff(little, littleSix)), 6},
		{"jpeg, padded marker", "\xff\xd8\xff\xff" + jpeg("\xe1" + exifHead + tiff(little, littleSix))[3:], 6},
		{"jpeg, after the scan", jpeg() + jpeg("\xe1" + exifHead + tiff(little, littleSix))[2:], 1},
		{"jpeg, value as long", jpeg("\xe1" + exifHead + tiff(little, entry{0x0112, 4, 1, [4]byte{3, 0, 0, 0}})), 3},
		{"jpeg, value 0", jpeg("\xe1" + exifHead + tiff(little, entry{0x0112, 3, 1, [4]byte{}})), 1},
		{"jpeg, value 9", jpeg("\xe1" + exifHead + tiff(little, entry{0x0112, 3, 1, [4]byte{9, 0, 0, 0}})), 1},
		{"jpeg, two values", jpeg("\xe1" + exifHead + tiff(little, entry{0x0112, 3, 2, [4]byte{6, 0, 6, 0}})), 1},
		{"jpeg, no orientation", jpeg("\xe1" + exifHead + tiff(little, make)), 1},
		{"jpeg, no EXIF", jpeg("\xe0JFIF\x00"), 1},
		{"png", png("IHDR0123456789abc", "eXIf"+tiff(big, bigEight), "IDAT"), 8},
		{"png, after the pixels", png("IHDR0123456789abc", "IDAT012", "eXIf"+tiff(big, bigEight)), 8},
		{"webp", webp("VP8X0123456789", "VP8L123", "EXIF"+tiff(little, littleSix)), 6},
		{"webp, with JPEG's prefix", webp("VP8L12", "EXIF"+exifHead+tiff(little, littleSix)), 6},
		{"gif", "GIF89a", 1},
		{"nothing", "", 1},
	} {
		if got := exif.Orientation([]byte(c.file)); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestADamagedFileIsUprightWhereverItEnds(t *testing.T) {
	full := tiff(binary.LittleEndian, entry{0x0112, 3, 1, [4]byte{6, 0, 0, 0}})
	for n := range len(full) {
		if got := exif.Orientation([]byte(png("eXIf" + full[:n]))); got != 1 {
			t.Errorf("%d of %d bytes: orientation %d", n, len(full), got)
		}
	}
	for _, whole := range []string{jpeg("\xe1Exif\x00\x00" + full), png("eXIf" + full), webp("EXIF" + full)} {
		for n := range len(whole) {
			exif.Orientation([]byte(whole[:n])) // must not panic
		}
	}
}

func FuzzOrientation(f *testing.F) {
	full := tiff(binary.BigEndian, entry{0x0112, 3, 1, [4]byte{0, 6, 0, 0}})
	f.Add([]byte(jpeg("\xe1Exif\x00\x00" + full)))
	f.Add([]byte(png("eXIf" + full)))
	f.Add([]byte(webp("EXIF" + full)))
	f.Fuzz(func(t *testing.T, file []byte) {
		if got := exif.Orientation(file); got < 1 || got > 8 {
			t.Errorf("orientation %d", got)
		}
	})
}
