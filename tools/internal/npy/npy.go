// Package npy reads and writes NumPy's .npy files, as far as float32 tensors
// need it: format versions 1, 2 and 3, little-endian float32, C order.
package npy

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

const magic = "\x93NUMPY"

// maxHeader bounds the header, which numpy itself keeps under 10000 bytes.
const maxHeader = 1 << 16

// ErrNotNPY says that a file is no .npy file at all.
var ErrNotNPY = errors.New("not a NumPy .npy file")

// Read reads an array and nothing after it. It takes memory for the numbers
// that are there, not for those that the header promises. An array of no
// dimensions has an empty shape and one number.
func Read(r io.Reader) (shape []int, data []float32, err error) {
	head := make([]byte, len(magic)+2)
	if _, err := io.ReadFull(r, head); err != nil || string(head[:len(magic)]) != magic {
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, nil, err
		}
		return nil, nil, ErrNotNPY
	}
	text, err := readHeader(r, head[len(magic)])
	if err != nil {
		return nil, nil, err
	}
	h, err := parseHeader(text)
	if err != nil {
		return nil, nil, fmt.Errorf("npy header %q: %w", strings.TrimSpace(text), err)
	}
	count, err := h.check()
	if err != nil {
		return nil, nil, err
	}

	raw, err := io.ReadAll(io.LimitReader(r, 4*int64(count)))
	if err != nil {
		return nil, nil, err
	}
	if len(raw) < 4*count {
		return nil, nil, fmt.Errorf("the file is cut short: shape %v is %d bytes, and %d are there", h.shape, 4*count, len(raw))
	}
	if n, _ := io.ReadFull(r, make([]byte, 1)); n != 0 {
		return nil, nil, fmt.Errorf("the file goes on after the array of shape %v", h.shape)
	}
	data = make([]float32, count)
	for i := range data {
		data[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return h.shape, data, nil
}

// readHeader returns the header's text, whose length is stored in two bytes or,
// since version 2, in four.
func readHeader(r io.Reader, version byte) (string, error) {
	var size [4]byte
	stored := size[:4]
	switch version {
	case 1:
		stored = size[:2]
	case 2, 3:
	default:
		return "", fmt.Errorf("npy format version %d: 1 to 3 are read", version)
	}
	if _, err := io.ReadFull(r, stored); err != nil {
		return "", fmt.Errorf("the file is cut short in its header: %w", err)
	}
	n := binary.LittleEndian.Uint32(size[:])
	if n > maxHeader {
		return "", fmt.Errorf("npy header of %d bytes: at most %d are read", n, maxHeader)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return "", fmt.Errorf("the file is cut short in its header: %w", err)
	}
	return string(text), nil
}

type header struct {
	descr   string
	fortran bool
	shape   []int
}

// check returns how many numbers follow.
func (h header) check() (count int, err error) {
	if h.descr != "<f4" && h.descr != "=f4" {
		return 0, fmt.Errorf("numbers of type %s: only little-endian float32 (<f4) is read; save x.astype('<f4')", h.descr)
	}
	if h.fortran && len(h.shape) > 1 {
		return 0, errors.New("the array is in Fortran order: save numpy.ascontiguousarray(x)")
	}
	count = 1
	for _, n := range h.shape {
		if n != 0 && count > math.MaxInt/8/n {
			return 0, fmt.Errorf("shape %v is absurdly large", h.shape)
		}
		count *= n
	}
	return count, nil
}

// parseHeader reads the Python literal of a dictionary with the keys descr,
// fortran_order and shape.
func parseHeader(text string) (h header, err error) {
	p := &parser{rest: text}
	seen := map[string]bool{}
	p.want("{")
	for p.err == nil && !p.take("}") {
		key := p.quoted()
		p.want(":")
		if p.err != nil {
			break
		}
		seen[key] = true
		switch key {
		case "descr":
			if p.peek() == '[' {
				return h, errors.New("a structured array")
			}
			h.descr = p.quoted()
		case "fortran_order":
			h.fortran = p.boolean()
		case "shape":
			h.shape = p.tuple()
		default:
			return h, fmt.Errorf("unknown key %q", key)
		}
		if !p.take(",") {
			p.want("}")
			break
		}
	}
	if p.err == nil && strings.TrimSpace(p.rest) != "" {
		p.fail("the end")
	}
	if p.err == nil && (!seen["descr"] || !seen["fortran_order"] || !seen["shape"]) {
		return h, errors.New("descr, fortran_order or shape is missing")
	}
	return h, p.err
}

// A parser takes a text apart from its start. After its first error it takes
// nothing more.
type parser struct {
	rest string
	err  error
}

func (p *parser) fail(wanted string) {
	if p.err == nil {
		p.err = fmt.Errorf("want %s before %.20q", wanted, p.rest)
	}
	p.rest = ""
}

func (p *parser) peek() byte {
	p.rest = strings.TrimLeft(p.rest, " \t\r\n")
	if p.rest == "" {
		return 0
	}
	return p.rest[0]
}

func (p *parser) take(token string) bool {
	p.peek()
	rest, ok := strings.CutPrefix(p.rest, token)
	p.rest = rest
	return ok
}

func (p *parser) want(token string) {
	if !p.take(token) {
		p.fail(strconv.Quote(token))
	}
}

func (p *parser) quoted() string {
	quote := p.peek()
	if quote != '\'' && quote != '"' {
		p.fail("a string")
		return ""
	}
	s, rest, ok := strings.Cut(p.rest[1:], string(quote))
	if !ok {
		p.fail("the string's end")
		return ""
	}
	p.rest = rest
	return s
}

func (p *parser) boolean() bool {
	if p.take("True") {
		return true
	}
	if !p.take("False") {
		p.fail("True or False")
	}
	return false
}

func (p *parser) tuple() []int {
	shape := []int{}
	p.want("(")
	for p.err == nil && !p.take(")") {
		p.peek()
		digits := len(p.rest) - len(strings.TrimLeft(p.rest, "0123456789"))
		n, err := strconv.Atoi(p.rest[:digits])
		if err != nil {
			p.fail("a dimension")
			return nil
		}
		p.rest = p.rest[digits:]
		shape = append(shape, n)
		if !p.take(",") {
			p.want(")")
			break
		}
	}
	return shape
}

// Write writes an array in format version 1. The product of shape must be
// len(data).
func Write(w io.Writer, shape []int, data []float32) error {
	count := 1
	tuple := "("
	for _, n := range shape {
		count *= n
		tuple += strconv.Itoa(n) + ", "
	}
	if count != len(data) {
		return fmt.Errorf("npy: shape %v is %d numbers, and %d are given", shape, count, len(data))
	}
	if len(shape) > 1 {
		tuple = strings.TrimSuffix(tuple, ", ")
	} else {
		tuple = strings.TrimSuffix(tuple, " ") // one dimension is (n,)
	}
	text := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': %s), }", tuple)
	// The numbers begin at a multiple of 64 bytes; a newline ends the header.
	const prefix = len(magic) + 4
	size := (prefix+len(text)+1+63)/64*64 - prefix
	text += strings.Repeat(" ", size-len(text)-1) + "\n"

	out := bufio.NewWriter(w)
	out.WriteString(magic + "\x01\x00")
	binary.Write(out, binary.LittleEndian, uint16(size))
	out.WriteString(text)
	var word [4]byte
	for _, v := range data {
		binary.LittleEndian.PutUint32(word[:], math.Float32bits(v))
		out.Write(word[:])
	}
	return out.Flush()
}
