package onnxfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

// ErrNotONNX is wrapped by errors that mean "this is some other kind of file".
var ErrNotONNX = errors.New("not an ONNX model")

// Limits on what a file may declare. They are far above any image model and far
// below what would exhaust a machine.
const (
	MaxNodes    = 100_000
	MaxTensors  = 100_000
	MaxRank     = 8
	MaxElements = math.MaxInt32

	maxCopied   = 64 << 20 // bytes taken out of the file: everything but raw weights
	maxNodes    = 16 << 20 // bytes of all nodes together
	maxParts    = 1 << 20  // attributes, inputs and outputs of all nodes together
	maxEdges    = 1 << 22  // inputs times outputs, summed over the nodes: onnx-go visits each
	maxText     = 64 << 10 // bytes of one name
	maxMetadata = 4 << 20
)

// Range says where bytes lie: Offset and Length in the file itself or, where
// File is set, in another file beside it (ONNX external data).
type Range struct {
	File           string
	Offset, Length int64
}

// Tensor is an initializer or the value of a Constant node.
type Tensor struct {
	Name  string
	DType DType
	Shape []int
	// Data holds the little-endian elements when they were not stored raw; nil
	// when they lie at Range.
	Data  []byte
	Range Range
}

// Elements is the number of elements of t.
func (t *Tensor) Elements() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// Bytes is the size of t's data.
func (t *Tensor) Bytes() int64 { return int64(t.Elements()) * int64(t.DType.Size()) }

// ValueInfo is an input or output of the graph. A symbolic dimension is −1.
type ValueInfo struct {
	Name  string
	DType DType
	Shape []int
	// HasShape tells an unknown shape from that of a scalar.
	HasShape bool
}

// NodeInfo says of a node of Stripped what onnx-go does not pass on.
type NodeInfo struct {
	// Name is never empty: a nameless node is called by its operator and number.
	Name, Op, Domain string
	// Inputs counts the operands, those left out included.
	Inputs int
	// Refused says why the node must not be decoded; empty for most.
	Refused string
}

// String names the node and its operator, as errors do.
func (n NodeInfo) String() string { return fmt.Sprintf("%s (%s)", n.Name, n.Op) }

// File is a parsed ONNX file.
type File struct {
	IRVersion                 int64
	Producer, ProducerVersion string
	GraphName                 string
	// Opset maps a domain ("" is ai.onnx) to its operator set's version.
	Opset    map[string]int64
	Metadata map[string]string
	// Inputs leaves out initializers that are listed as inputs too (IR < 4).
	Inputs, Outputs []ValueInfo
	Nodes           []NodeInfo
	Tensors         map[string]*Tensor
	// Stripped is a ModelProto with the nodes alone: no weights, no types, and
	// none of the nodes that are Refused.
	Stripped []byte

	r io.ReaderAt
	// reads are the tensors whose bytes were asked for; nil where nobody wants to
	// know.
	reads map[*Tensor][]byte
}

// Folder is what the reader given to Parse may be besides: it opens the files
// that hold external data. They stay open as long as the reader does.
type Folder interface {
	// OpenBeside opens a file beside the model; name is a bare file name.
	OpenBeside(name string) (r io.ReaderAt, size int64, err error)
}

// ReadTensor returns the little-endian bytes of t. External data need a reader
// that is a Folder.
func (f *File) ReadTensor(t *Tensor) ([]byte, error) {
	if t.Data != nil {
		return t.Data, nil
	}
	r, at, err := f.Locate(t)
	if err != nil {
		return nil, err
	}
	b := make([]byte, t.Bytes())
	if n, err := r.ReadAt(b, at); n < len(b) {
		return nil, fmt.Errorf("tensor %q: read %d bytes at %d: %w", t.Name, len(b), at, err)
	}
	if f.reads != nil {
		f.reads[t] = b
	}
	return b, nil
}

// Locate returns what holds the little-endian bytes of t, and where they begin:
// the reader given to Parse, or that of a file beside it. All t.Bytes() lie
// there.
func (f *File) Locate(t *Tensor) (r io.ReaderAt, offset int64, err error) {
	if t.Data != nil {
		return bytes.NewReader(t.Data), 0, nil
	}
	at := t.Range
	if f.r == nil {
		return nil, 0, fmt.Errorf("tensor %q: its data are in a file that is gone", t.Name)
	}
	if at.File == "" {
		return f.r, at.Offset, nil
	}
	folder, ok := f.r.(Folder)
	if !ok {
		return nil, 0, fmt.Errorf("tensor %q: its data lie in %q, a file that was not given", t.Name, at.File)
	}
	r, size, err := folder.OpenBeside(at.File)
	if err != nil {
		return nil, 0, fmt.Errorf("tensor %q: its data lie in %q: %w", t.Name, at.File, err)
	}
	// Nothing is allocated for bytes that are not there.
	if at.Offset > size-at.Length {
		return nil, 0, fmt.Errorf("tensor %q: its data lie at %d…%d of %q, which ends at %d", t.Name, at.Offset, at.Offset+at.Length, at.File, size)
	}
	return r, at.Offset, nil
}

// checkShape refuses dims that are negative, too many or too large in all. The
// bound holds for every part of the shape, so a 0 does not hide the others.
func checkShape(dims []int64) ([]int, error) {
	if len(dims) > MaxRank {
		return nil, fmt.Errorf("more than %d dimensions", MaxRank)
	}
	shape, n := make([]int, len(dims)), int64(1)
	for i, d := range dims {
		if d < 0 {
			return nil, fmt.Errorf("negative dimension %d", d)
		}
		if d > MaxElements/n {
			return nil, fmt.Errorf("shape %s is more than %d elements", dimString(dims), MaxElements)
		}
		n *= max(d, 1)
		shape[i] = int(d)
	}
	return shape, nil
}

func dimString(dims []int64) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(dims), " ", "×"), "[]")
}
