// Package hdf5 reads the part of HDF5 that Keras writes its weights in:
// superblock version 0, groups as symbol tables, object headers version 1,
// contiguous or compact float32 datasets, and attributes that are lists of
// strings. Anything else is an error that names what was met.
//
// Section numbers in comments are those of the HDF5 File Format Specification
// Version 3.0 (The HDF Group).
package hdf5

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

// Signature is what every HDF5 file starts with.
const Signature = "\x89HDF\r\n\x1a\n"

// Limits on what a file may make us read for one object. Keras's files stay
// far below them.
const (
	maxHeaderBytes  = 1 << 20  // all messages of an object header
	maxHeaderBlocks = 64       // pieces that an object header lies in
	maxGroupEntries = 1 << 16  // links in a group
	maxHeapBytes    = 16 << 20 // names of a group, or strings of an attribute
	maxNodeEntries  = 1 << 12  // of one B-tree node
	maxTreeLevel    = 8
)

// undefined is the address of what is not stored.
const undefined = math.MaxUint64

// File is an open HDF5 file. It holds no more than the reader it was given.
type File struct {
	r    io.ReaderAt
	size int64
	root *Group
}

// Group is a directory of groups and datasets.
type Group struct {
	object
	links map[string]uint64 // addresses of object headers
	order []string
}

// Dataset is an array of little-endian float32.
type Dataset struct {
	object
	shape   []int
	inline  []byte // compact storage
	address uint64 // contiguous storage
}

// object is what groups and datasets have in common.
type object struct {
	file     *File
	path     string
	messages []message
}

// message is one message of an object header (IV.A.2).
type message struct {
	kind  uint16
	flags byte
	data  []byte
}

// Kinds of header messages.
const (
	msgDataspace   = 0x0001
	msgLinkInfo    = 0x0002
	msgDatatype    = 0x0003
	msgLink        = 0x0006
	msgExternal    = 0x0007
	msgLayout      = 0x0008
	msgFilters     = 0x000b
	msgAttribute   = 0x000c
	msgContinue    = 0x0010
	msgSymbolTable = 0x0011
)

// Open reads the superblock and the root group of the size bytes of r.
func Open(r io.ReaderAt, size int64) (*File, error) {
	f := &File{r: r, size: size}
	b, err := f.read(0, 96, "superblock")
	if err != nil || string(b[:8]) != Signature {
		return nil, errors.New("not an HDF5 file: it does not start with the HDF5 signature")
	}
	// II.A, version 0: the numbers we rely on are the sizes of addresses and
	// lengths, the base address, and the root group's symbol table entry.
	if b[8] != 0 {
		return nil, fmt.Errorf("HDF5 superblock version %d is not supported, only 0 (h5py: libver='earliest')", b[8])
	}
	if b[13] != 8 || b[14] != 8 {
		return nil, fmt.Errorf("HDF5 with addresses of %d and lengths of %d bytes is not supported, only 8", b[13], b[14])
	}
	if base := binary.LittleEndian.Uint64(b[24:]); base != 0 {
		return nil, fmt.Errorf("HDF5 that starts at byte %d is not supported, only at 0", base)
	}
	if end := binary.LittleEndian.Uint64(b[40:]); end > uint64(size) {
		return nil, fmt.Errorf("HDF5 file of %d bytes should have %d: it is cut short", size, end)
	}
	f.root, err = f.group(binary.LittleEndian.Uint64(b[64:]), "/")
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Root is the group that holds all others.
func (f *File) Root() *Group { return f.root }

// read returns n bytes at an address, which must lie in the file.
func (f *File) read(at uint64, n int, what string) ([]byte, error) {
	if at > uint64(f.size) || uint64(n) > uint64(f.size)-at {
		return nil, fmt.Errorf("%s at byte %d reaches past the end of the file (%d bytes)", what, at, f.size)
	}
	b := make([]byte, n)
	if _, err := f.r.ReadAt(b, int64(at)); err != nil && !(errors.Is(err, io.EOF) && at+uint64(n) == uint64(f.size)) {
		return nil, fmt.Errorf("read %s at byte %d: %w", what, at, err)
	}
	return b, nil
}

// object reads the object header at an address (IV.A.1.a).
func (f *File) object(at uint64, path string) (object, error) {
	o := object{file: f, path: path}
	fail := func(err error) (object, error) { return o, fmt.Errorf("HDF5 object %s: %w", path, err) }
	b, err := f.read(at, 16, "object header")
	if err != nil {
		return fail(err)
	}
	if string(b[:4]) == "OHDR" {
		return fail(errors.New("object header version 2 is not supported, only 1 (h5py: libver='earliest')"))
	}
	if b[0] != 1 {
		return fail(fmt.Errorf("there is no object header at byte %d", at))
	}
	count := int(binary.LittleEndian.Uint16(b[2:]))
	type block struct{ at, size uint64 }
	blocks := []block{{at + 16, uint64(binary.LittleEndian.Uint32(b[8:]))}}
	total := uint64(0)
	for i := 0; i < len(blocks); i++ {
		blk := blocks[i]
		if blk.size > maxHeaderBytes-total || i == maxHeaderBlocks {
			return fail(fmt.Errorf("the object header is larger than %d bytes or in more than %d pieces", maxHeaderBytes, maxHeaderBlocks))
		}
		total += blk.size
		rest, err := f.read(blk.at, int(blk.size), "object header block")
		if err != nil {
			return fail(err)
		}
		for len(rest) >= 8 && len(o.messages) < count {
			m := message{kind: binary.LittleEndian.Uint16(rest), flags: rest[4]}
			n := int(binary.LittleEndian.Uint16(rest[2:]))
			rest = rest[8:]
			if n > len(rest) {
				return fail(errors.New("a message reaches past its block of the object header"))
			}
			m.data, rest = rest[:n], rest[n:]
			o.messages = append(o.messages, m)
			if m.kind == msgContinue {
				if n < 16 {
					return fail(errors.New("a continuation message is cut short"))
				}
				blocks = append(blocks, block{binary.LittleEndian.Uint64(m.data), binary.LittleEndian.Uint64(m.data[8:])})
			}
		}
	}
	if len(o.messages) < count {
		return fail(fmt.Errorf("the object header has %d messages, not %d", len(o.messages), count))
	}
	return o, nil
}

// find returns the data of the first message of a kind, nil where there is
// none.
func (o *object) find(kind uint16) ([]byte, error) {
	for _, m := range o.messages {
		if m.kind != kind {
			continue
		}
		if m.flags&2 != 0 {
			return nil, fmt.Errorf("a shared message of kind %#x is not supported", kind)
		}
		return m.data, nil
	}
	return nil, nil
}

func (f *File) group(at uint64, path string) (*Group, error) {
	o, err := f.object(at, path)
	if err != nil {
		return nil, err
	}
	g := &Group{object: o, links: map[string]uint64{}}
	if err := g.readLinks(); err != nil {
		return nil, fmt.Errorf("HDF5 group %s: %w", path, err)
	}
	return g, nil
}

func (g *Group) readLinks() error {
	table, err := g.find(msgSymbolTable)
	if err != nil {
		return err
	}
	if len(table) < 16 {
		for _, m := range g.messages {
			if m.kind == msgLinkInfo || m.kind == msgLink {
				return errors.New("links as header messages are not supported, only symbol tables (h5py: libver='earliest')")
			}
		}
		return errors.New("it has no symbol table: it is no group")
	}
	heap, err := g.heap(binary.LittleEndian.Uint64(table[8:]))
	if err != nil {
		return err
	}
	return g.tree(binary.LittleEndian.Uint64(table), heap, -1, map[uint64]bool{})
}

// heap reads the names of a group's links (III.D).
func (g *Group) heap(at uint64) ([]byte, error) {
	b, err := g.file.read(at, 32, "local heap")
	if err != nil {
		return nil, err
	}
	if string(b[:4]) != "HEAP" || b[4] != 0 {
		return nil, fmt.Errorf("there is no local heap at byte %d", at)
	}
	size := binary.LittleEndian.Uint64(b[8:])
	if size > maxHeapBytes {
		return nil, fmt.Errorf("the local heap takes %d bytes, more than %d", size, maxHeapBytes)
	}
	return g.file.read(binary.LittleEndian.Uint64(b[24:]), int(size), "local heap data")
}

// tree collects the links below a B-tree node (III.A.1) of a level, -1 for
// the root, which knows its own. No node may be met twice, or a small file
// could describe an endless tree.
func (g *Group) tree(at uint64, heap []byte, level int, met map[uint64]bool) error {
	if met[at] {
		return fmt.Errorf("the B-tree node at byte %d occurs twice", at)
	}
	met[at] = true
	b, err := g.file.read(at, 24, "B-tree node")
	if err != nil {
		return err
	}
	if string(b[:4]) != "TREE" || b[4] != 0 {
		return fmt.Errorf("there is no B-tree node of a group at byte %d", at)
	}
	own, used := int(b[5]), int(binary.LittleEndian.Uint16(b[6:]))
	if level < 0 {
		level = own
	}
	if own != level || level > maxTreeLevel || used > maxNodeEntries {
		return fmt.Errorf("the B-tree node at byte %d has level %d and %d entries", at, own, used)
	}
	// Keys and children alternate; the keys (names) are not needed to read all.
	b, err = g.file.read(at+24, 16*used, "B-tree node")
	if err != nil {
		return err
	}
	for i := range used {
		child := binary.LittleEndian.Uint64(b[16*i+8:])
		if level > 0 {
			err = g.tree(child, heap, level-1, met)
		} else {
			err = g.symbols(child, heap)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// symbols collects the links of a symbol table node (III.B, III.C).
func (g *Group) symbols(at uint64, heap []byte) error {
	b, err := g.file.read(at, 8, "symbol table node")
	if err != nil {
		return err
	}
	if string(b[:4]) != "SNOD" || b[4] != 1 {
		return fmt.Errorf("there is no symbol table node at byte %d", at)
	}
	n := int(binary.LittleEndian.Uint16(b[6:]))
	const entrySize = 40
	b, err = g.file.read(at+8, n*entrySize, "symbol table node")
	if err != nil {
		return err
	}
	for i := range n {
		entry := b[i*entrySize:]
		offset := binary.LittleEndian.Uint64(entry)
		if offset >= uint64(len(heap)) {
			return errors.New("the name of a link lies outside the local heap")
		}
		name, _, ended := bytes.Cut(heap[offset:], []byte{0})
		if !ended {
			return errors.New("the name of a link does not end")
		}
		if _, twice := g.links[string(name)]; twice {
			return fmt.Errorf("two links are named %q", name)
		}
		if len(g.order) == maxGroupEntries {
			return fmt.Errorf("more than %d links", maxGroupEntries)
		}
		// A symbolic link has no object header; its address reads undefined.
		g.links[string(name)] = binary.LittleEndian.Uint64(entry[8:])
		g.order = append(g.order, string(name))
	}
	return nil
}

// Names lists the links of g in the file's order.
func (g *Group) Names() []string { return g.order }

// follow finds the link to the last part of a path below g and returns its
// address and full path.
func (g *Group) follow(path string) (uint64, string, error) {
	for {
		name, rest, deeper := strings.Cut(path, "/")
		full := strings.TrimSuffix(g.path, "/") + "/" + name
		at, ok := g.links[name]
		if !ok {
			return 0, full, fmt.Errorf("HDF5 group %s has nothing named %q", g.path, name)
		}
		if at == undefined {
			return 0, full, fmt.Errorf("HDF5 object %s is a symbolic link, which is not supported", full)
		}
		if !deeper {
			return at, full, nil
		}
		sub, err := g.file.group(at, full)
		if err != nil {
			return 0, full, err
		}
		g, path = sub, rest
	}
}

// Has tells whether g has a link of that name.
func (g *Group) Has(name string) bool {
	_, ok := g.links[name]
	return ok
}

// Group opens the group at a path below g, like "conv2d_1/conv2d_1".
func (g *Group) Group(path string) (*Group, error) {
	at, full, err := g.follow(path)
	if err != nil {
		return nil, err
	}
	return g.file.group(at, full)
}

// Dataset opens the dataset at a path below g.
func (g *Group) Dataset(path string) (*Dataset, error) {
	at, full, err := g.follow(path)
	if err != nil {
		return nil, err
	}
	o, err := g.file.object(at, full)
	if err != nil {
		return nil, err
	}
	d := &Dataset{object: o}
	if err := d.describe(); err != nil {
		return nil, fmt.Errorf("HDF5 dataset %s: %w", full, err)
	}
	return d, nil
}

// describe reads type, shape and layout of a dataset.
func (d *Dataset) describe() error {
	datatype, err := d.find(msgDatatype)
	if err != nil {
		return err
	}
	space, err := d.find(msgDataspace)
	if err != nil {
		return err
	}
	layout, err := d.find(msgLayout)
	if err != nil {
		return err
	}
	if datatype == nil || space == nil || layout == nil {
		return errors.New("it has no datatype, dataspace or layout: it is no dataset")
	}
	if err := isFloat32(datatype); err != nil {
		return err
	}
	shape, n, err := dataspace(space)
	if err != nil {
		return err
	}
	d.shape = shape
	for _, m := range d.messages {
		switch m.kind {
		case msgFilters:
			return errors.New("compressed or otherwise filtered data are not supported")
		case msgExternal:
			return errors.New("data in another file are not supported")
		}
	}
	// IV.A.2.i, version 3.
	if len(layout) < 2 || layout[0] != 3 {
		return fmt.Errorf("data layout message %x is not supported, only version 3", layout[:min(2, len(layout))])
	}
	size := uint64(n) * 4
	switch class := layout[1]; class {
	case 0:
		if len(layout) < 4 || uint64(binary.LittleEndian.Uint16(layout[2:])) != size || uint64(len(layout)-4) < size {
			return fmt.Errorf("compact data do not hold the %d bytes of shape %v", size, shape)
		}
		d.inline = layout[4 : 4+size]
	case 1:
		if len(layout) < 18 {
			return errors.New("the data layout message is cut short")
		}
		d.address = binary.LittleEndian.Uint64(layout[2:])
		if stored := binary.LittleEndian.Uint64(layout[10:]); stored != size {
			return fmt.Errorf("shape %v takes %d bytes, but %d are stored", shape, size, stored)
		}
		if size > 0 && d.address == undefined {
			return errors.New("its data were never written")
		}
	case 2:
		return errors.New("chunked data are not supported, only contiguous ones")
	default:
		return fmt.Errorf("data layout class %d is not supported, only contiguous data", class)
	}
	return nil
}

// Shape is the array's shape; a scalar's is empty.
func (d *Dataset) Shape() []int { return d.shape }

// Bytes reads the whole array: row-major, little-endian float32.
func (d *Dataset) Bytes() ([]byte, error) {
	if d.inline != nil {
		return bytes.Clone(d.inline), nil
	}
	n := 4
	for _, s := range d.shape {
		n *= s
	}
	if n == 0 {
		return nil, nil
	}
	b, err := d.file.read(d.address, n, "data")
	if err != nil {
		return nil, fmt.Errorf("HDF5 dataset %s: %w", d.path, err)
	}
	return b, nil
}

// Strings reads an attribute that is a list of strings. An empty list may be
// of any type: h5py takes one from Python for a list of float64.
func (o *object) Strings(name string) ([]string, error) {
	for _, m := range o.messages {
		if m.kind != msgAttribute {
			continue
		}
		a, err := parseAttribute(m)
		if err != nil {
			return nil, fmt.Errorf("HDF5 object %s: attribute: %w", o.path, err)
		}
		if a.name != name {
			continue
		}
		list, err := a.strings(o.file)
		if err != nil {
			return nil, fmt.Errorf("HDF5 object %s: attribute %q: %w", o.path, name, err)
		}
		return list, nil
	}
	return nil, fmt.Errorf("HDF5 object %s has no attribute %q", o.path, name)
}

// attribute is an attribute message in its parts (IV.A.2.m).
type attribute struct {
	name                  string
	datatype, space, data []byte
}

func parseAttribute(m message) (a attribute, err error) {
	short := errors.New("the message is cut short")
	b := m.data
	if len(b) < 8 {
		return a, short
	}
	version := b[0]
	if m.flags&2 != 0 || version > 1 && b[1] != 0 {
		return a, errors.New("shared types are not supported")
	}
	sizes := []int{int(binary.LittleEndian.Uint16(b[2:])), int(binary.LittleEndian.Uint16(b[4:])), int(binary.LittleEndian.Uint16(b[6:]))}
	b = b[8:]
	align := 1
	switch version {
	case 1:
		align = 8
	case 2:
	case 3:
		if len(b) < 1 {
			return a, short
		}
		b = b[1:] // the name's character set
	default:
		return a, fmt.Errorf("message version %d is not supported", version)
	}
	var parts [3][]byte
	for i, n := range sizes {
		padded := (n + align - 1) / align * align
		if padded > len(b) {
			return a, short
		}
		parts[i], b = b[:n], b[padded:]
	}
	name, _, _ := bytes.Cut(parts[0], []byte{0})
	return attribute{name: string(name), datatype: parts[1], space: parts[2], data: b}, nil
}

// strings reads the value of a, which the file f holds.
func (a *attribute) strings(f *File) ([]string, error) {
	shape, n, err := dataspace(a.space)
	if err != nil {
		return nil, err
	}
	if len(shape) != 1 {
		return nil, fmt.Errorf("shape %v is not a list", shape)
	}
	if n == 0 {
		return nil, nil
	}
	if len(a.datatype) < 8 {
		return nil, errors.New("the datatype is cut short")
	}
	size := uint64(binary.LittleEndian.Uint32(a.datatype[4:]))
	if size == 0 || uint64(n) > uint64(len(a.data))/size {
		return nil, fmt.Errorf("%d strings of %d bytes do not fit into %d bytes", n, size, len(a.data))
	}
	const classString, classVariable = 3, 9
	text := func(b []byte) (string, error) { return string(b), nil }
	switch class, kind := a.datatype[0]&15, a.datatype[1]&15; {
	case class == classString:
	case class == classVariable && kind == 1 && size == 16:
		heaps := globalHeaps{file: f, read: map[uint64]map[uint32][]byte{}}
		text = heaps.text
	default:
		return nil, fmt.Errorf("the datatype is of class %d, not strings", class)
	}
	list := make([]string, n)
	for i := range list {
		s, err := text(a.data[uint64(i)*size : uint64(i+1)*size])
		if err != nil {
			return nil, err
		}
		// Padded with zeros or, as Fortran does, with blanks.
		list[i] = strings.TrimRight(s, "\x00 ")
	}
	return list, nil
}

// globalHeaps holds the objects of global heap collections (III.E), each read
// once.
type globalHeaps struct {
	file  *File
	read  map[uint64]map[uint32][]byte
	bytes uint64 // of all collections so far
}

// text is the string that a variable-length element refers to: its length,
// the address of a collection, and the index of an object in it.
func (h *globalHeaps) text(ref []byte) (string, error) {
	n := binary.LittleEndian.Uint32(ref)
	if n == 0 {
		return "", nil
	}
	at := binary.LittleEndian.Uint64(ref[4:])
	objects, ok := h.read[at]
	if !ok {
		var err error
		if objects, err = h.collection(at); err != nil {
			return "", err
		}
		h.read[at] = objects
	}
	index := binary.LittleEndian.Uint32(ref[12:])
	object := objects[index]
	if uint64(n) > uint64(len(object)) {
		return "", fmt.Errorf("object %d of the global heap at byte %d has %d bytes, not %d", index, at, len(object), n)
	}
	return string(object[:n]), nil
}

func (h *globalHeaps) collection(at uint64) (map[uint32][]byte, error) {
	b, err := h.file.read(at, 16, "global heap")
	if err != nil {
		return nil, err
	}
	if string(b[:4]) != "GCOL" || b[4] != 1 {
		return nil, fmt.Errorf("there is no global heap at byte %d", at)
	}
	size := binary.LittleEndian.Uint64(b[8:])
	if size < 16 || size > maxHeapBytes-h.bytes {
		return nil, fmt.Errorf("the global heap takes %d bytes; all of them may not take more than %d", size, maxHeapBytes)
	}
	h.bytes += size
	if b, err = h.file.read(at+16, int(size)-16, "global heap"); err != nil {
		return nil, err
	}
	objects := map[uint32][]byte{}
	for len(b) >= 16 {
		index, n := binary.LittleEndian.Uint16(b), binary.LittleEndian.Uint64(b[8:])
		b = b[16:]
		if index == 0 { // the free space at the end
			break
		}
		if n > uint64(len(b)) {
			return nil, fmt.Errorf("an object reaches past the end of the global heap at byte %d", at)
		}
		objects[uint32(index)] = b[:n]
		b = b[min((n+7)/8*8, uint64(len(b))):]
	}
	return objects, nil
}

// dataspace reads a dataspace message (IV.A.2.b) and returns the shape and
// the number of elements.
func dataspace(b []byte) (shape []int, n int, err error) {
	if len(b) < 4 {
		return nil, 0, errors.New("the dataspace is cut short")
	}
	rank, head := int(b[1]), 0
	switch b[0] {
	case 1:
		head = 8
	case 2:
		head = 4
		if b[3] > 1 {
			return nil, 0, errors.New("it holds nothing (a null dataspace)")
		}
	default:
		return nil, 0, fmt.Errorf("dataspace version %d is not supported", b[0])
	}
	if rank > 32 || len(b) < head+8*rank {
		return nil, 0, errors.New("the dataspace is cut short")
	}
	n = 1
	for i := range rank {
		d := binary.LittleEndian.Uint64(b[head+8*i:])
		if d > math.MaxInt32 || d > 0 && n > math.MaxInt32/int(d) {
			return nil, 0, fmt.Errorf("a dimension of %d makes it larger than %d elements", d, math.MaxInt32)
		}
		shape = append(shape, int(d))
		n *= int(d)
	}
	return shape, n, nil
}

// isFloat32 checks a datatype message (IV.A.2.d) to be little-endian IEEE 754
// binary32.
func isFloat32(b []byte) error {
	if len(b) < 8 {
		return errors.New("the datatype is cut short")
	}
	class, size := b[0]&15, binary.LittleEndian.Uint32(b[4:])
	const classFloat = 1
	if class != classFloat || size != 4 {
		return fmt.Errorf("the datatype has class %d and %d bytes; only float32 is supported", class, size)
	}
	// Bit offset 0, precision 32, exponent 8 bits at 23, mantissa 23 bits at 0,
	// exponent bias 127; byte order in bits 0 and 6 of the class bits.
	ieee := []byte{0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0}
	if len(b) < 20 || !bytes.Equal(b[8:20], ieee) || b[1]&0x41 != 0 {
		return errors.New("its floats are not little-endian IEEE 754; only those are supported")
	}
	return nil
}
