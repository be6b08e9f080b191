// Package exif finds how the camera was held. It reads only that, decodes no
// pixels and pulls in no decoder, so that a program which leaves decoding to the
// browser can use it too.
package exif

import (
	"bytes"
	"encoding/binary"
)

// orientationTag is the TIFF tag whose value this package is after.
const orientationTag = 0x0112

// Orientation returns the EXIF orientation, 1 to 8, of a JPEG (APP1 segment),
// PNG (eXIf chunk) or WebP (EXIF chunk) file. It is 1, upright, where the file
// says nothing, is damaged, or is of another format.
func Orientation(file []byte) int {
	var block []byte
	switch {
	case bytes.HasPrefix(file, []byte("\xff\xd8")):
		block = inJPEG(file)
	case bytes.HasPrefix(file, []byte("\x89PNG\r\n\x1a\n")):
		block = inPNG(file)
	case len(file) >= 12 && string(file[:4]) == "RIFF" && string(file[8:12]) == "WEBP":
		block = inWebP(file)
	}
	// JPEG always puts this before the TIFF data, some WebP writers do as well.
	block = bytes.TrimPrefix(block, []byte("Exif\x00\x00"))
	return inTIFF(block)
}

// inJPEG walks the segments up to the first scan.
func inJPEG(file []byte) []byte {
	const startOfScan, endOfImage, app1 = 0xda, 0xd9, 0xe1
	rest := file[2:]
	for len(rest) >= 4 && rest[0] == 0xff {
		marker := rest[1]
		if marker == 0xff { // padding
			rest = rest[1:]
			continue
		}
		if marker == startOfScan || marker == endOfImage {
			break
		}
		size := int(binary.BigEndian.Uint16(rest[2:])) // counts its own two bytes
		if size < 2 || 2+size > len(rest) {
			break
		}
		segment := rest[4 : 2+size]
		if marker == app1 && bytes.HasPrefix(segment, []byte("Exif\x00\x00")) {
			return segment
		}
		rest = rest[2+size:]
	}
	return nil
}

func inPNG(file []byte) []byte {
	rest := file[8:]
	for len(rest) >= 12 {
		size := uint64(binary.BigEndian.Uint32(rest))
		if size > uint64(len(rest)-12) {
			break
		}
		if string(rest[4:8]) == "eXIf" {
			return rest[8 : 8+size]
		}
		rest = rest[12+size:]
	}
	return nil
}

func inWebP(file []byte) []byte {
	rest := file[12:]
	for len(rest) >= 8 {
		size := uint64(binary.LittleEndian.Uint32(rest[4:]))
		if size > uint64(len(rest)-8) {
			break
		}
		if string(rest[:4]) == "EXIF" {
			return rest[8 : 8+size]
		}
		size += size & 1 // chunks are padded to an even length
		rest = rest[min(8+size, uint64(len(rest))):]
	}
	return nil
}

// inTIFF looks the orientation up in the first directory of TIFF data.
func inTIFF(data []byte) int {
	const upright = 1
	if len(data) < 8 {
		return upright
	}
	var order binary.ByteOrder
	switch string(data[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return upright
	}
	at := uint64(order.Uint32(data[4:]))
	if at+2 > uint64(len(data)) {
		return upright
	}
	count := order.Uint16(data[at:])
	entries := data[at+2:]
	for range count {
		if len(entries) < 12 {
			break
		}
		if order.Uint16(entries) == orientationTag {
			return orientation(order, entries)
		}
		entries = entries[12:]
	}
	return upright
}

// orientation reads a directory entry: tag, type, count and value.
func orientation(order binary.ByteOrder, entry []byte) int {
	const short, long = 3, 4
	value := uint32(0)
	switch order.Uint16(entry[2:]) {
	case short:
		value = uint32(order.Uint16(entry[8:]))
	case long: // not what the standard asks for, but seen
		value = order.Uint32(entry[8:])
	}
	if order.Uint32(entry[4:]) != 1 || value < 1 || value > 8 {
		return 1
	}
	return int(value)
}
