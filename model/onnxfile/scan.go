package onnxfile

import (
	"bytes"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
)

// scanner walks protobuf messages in a file without reading what it steps over.
type scanner struct {
	r    io.ReaderAt
	size int64
	// window caches what was read last: tags lie close together.
	window []byte
	at     int64
	copied int64
}

// field is one field of a message. A varint or fixed value is in value; a
// length-delimited one lies at [start, end).
type field struct {
	num        protowire.Number
	typ        protowire.Type
	value      uint64
	start, end int64
}

func (f field) len() int64 { return f.end - f.start }

const windowSize = 1 << 14

// peek returns up to n bytes at pos.
func (s *scanner) peek(pos, n int64) ([]byte, error) {
	n = min(n, s.size-pos)
	if n < 0 {
		return nil, io.ErrUnexpectedEOF
	}
	if off := pos - s.at; off >= 0 && off+n <= int64(len(s.window)) {
		return s.window[off : off+n], nil
	}
	want := min(max(n, windowSize), s.size-pos)
	if int64(cap(s.window)) < want {
		s.window = make([]byte, want)
	}
	s.window, s.at = s.window[:want], pos
	if k, err := s.r.ReadAt(s.window, pos); int64(k) < want {
		s.window = s.window[:k]
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("read %d bytes at %d: %w", want, pos, err)
	}
	return s.window[:n], nil
}

// spend counts bytes that are about to be allocated for what the file says.
func (s *scanner) spend(n int64) error {
	if s.copied += n; s.copied > maxCopied {
		return fmt.Errorf("more than %d bytes besides raw weights", maxCopied)
	}
	return nil
}

// bytes copies a length-delimited field out of the file.
func (s *scanner) bytes(f field, limit int64) ([]byte, error) {
	if f.len() > limit {
		return nil, fmt.Errorf("field %d takes %d bytes, at most %d are read", f.num, f.len(), limit)
	}
	if err := s.spend(f.len()); err != nil {
		return nil, err
	}
	if f.len() <= windowSize {
		b, err := s.peek(f.start, f.len())
		return bytes.Clone(b), err
	}
	b := make([]byte, f.len())
	if k, err := s.r.ReadAt(b, f.start); k < len(b) {
		return nil, fmt.Errorf("read %d bytes at %d: %w", len(b), f.start, err)
	}
	return b, nil
}

func (s *scanner) text(f field) (string, error) {
	b, err := s.bytes(f, maxText)
	return string(b), err
}

// fields calls visit for each field of the message at [start, end).
func (s *scanner) fields(start, end int64, visit func(field) error) error {
	for pos := start; pos < end; {
		// A tag and a varint take at most 10 bytes each.
		head, err := s.peek(pos, min(20, end-pos))
		if err != nil {
			return err
		}
		num, typ, n := protowire.ConsumeTag(head)
		if n < 0 {
			return fmt.Errorf("at byte %d: %w", pos, protowire.ParseError(n))
		}
		f := field{num: num, typ: typ}
		head = head[n:]
		pos += int64(n)
		switch typ {
		case protowire.VarintType:
			f.value, n = protowire.ConsumeVarint(head)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(head)
			f.value = uint64(v)
		case protowire.Fixed64Type:
			f.value, n = protowire.ConsumeFixed64(head)
		case protowire.BytesType:
			var length uint64
			length, n = protowire.ConsumeVarint(head)
			if n >= 0 {
				f.start = pos + int64(n)
				if length > uint64(end-f.start) {
					if end == s.size {
						return fmt.Errorf("at byte %d: field %d takes %d bytes, the file has %d more: it is cut off", pos, num, length, end-f.start)
					}
					return fmt.Errorf("at byte %d: field %d takes %d bytes, its message has %d more", pos, num, length, end-f.start)
				}
				f.end = f.start + int64(length)
			}
		default:
			return fmt.Errorf("at byte %d: wire type %d", pos, typ)
		}
		if n < 0 {
			return fmt.Errorf("at byte %d: %w", pos, protowire.ParseError(n))
		}
		pos += int64(n)
		if typ == protowire.BytesType {
			pos = f.end
		}
		if err := visit(f); err != nil {
			return err
		}
	}
	return nil
}

// varints calls add for each number of a repeated field, packed or not.
func (s *scanner) varints(f field, add func(uint64) error) error {
	if f.typ != protowire.BytesType {
		return add(f.value)
	}
	b, err := s.bytes(f, maxCopied)
	for err == nil && len(b) > 0 {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b, err = b[n:], add(v)
	}
	return err
}
