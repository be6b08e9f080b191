package onnxfile

import (
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
	MaxNodes       = 100_000
	MaxTensors     = 100_000
	MaxRank        = 8
	MaxElements    = math.MaxInt32
	maxHeader      = 64 << 20 // bytes of everything but weights
	maxInline      = 16 << 20 // bytes of typed (not raw) tensor data
	maxMetadata    = 4 << 20
	maxDescription = 1 << 10
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

// NodeInfo names a node of Stripped, which onnx-go does not pass on.
type NodeInfo struct{ Name, Op, Domain string }

// File is a parsed ONNX file.
type File struct {
	IRVersion int64
	Producer  string
	GraphName string
	// Opset maps a domain ("" is ai.onnx) to its operator set's version.
	Opset    map[string]int64
	Metadata map[string]string
	// Inputs leaves out initializers that are listed as inputs too (IR < 4).
	Inputs, Outputs []ValueInfo
	Nodes           []NodeInfo
	Tensors         map[string]*Tensor
	// Stripped is a ModelProto with the nodes alone: no weights, no types.
	Stripped []byte

	r io.ReaderAt
}

// ReadTensor returns the little-endian bytes of t, which lie in the file itself.
func (f *File) ReadTensor(t *Tensor) ([]byte, error) {
	if t.Data != nil {
		return t.Data, nil
	}
	if t.Range.File != "" {
		return nil, fmt.Errorf("tensor %q: its data lies in %q, which was not given", t.Name, t.Range.File)
	}
	b := make([]byte, t.Range.Length)
	if n, err := f.r.ReadAt(b, t.Range.Offset); n < len(b) {
		return nil, fmt.Errorf("tensor %q: read %d bytes at %d: %w", t.Name, len(b), t.Range.Offset, err)
	}
	return b, nil
}

// checkShape refuses dims that are negative, too many or too large in all.
func checkShape(dims []int64) ([]int, error) {
	if len(dims) > MaxRank {
		return nil, fmt.Errorf("%d dimensions, at most %d are supported", len(dims), MaxRank)
	}
	shape, n := make([]int, len(dims)), int64(1)
	for i, d := range dims {
		if d < 0 {
			return nil, fmt.Errorf("negative dimension %d", d)
		}
		if d > MaxElements || d > 0 && n > MaxElements/d {
			return nil, fmt.Errorf("shape %s is more than %d elements", dimString(dims), MaxElements)
		}
		n *= d
		shape[i] = int(d)
	}
	return shape, nil
}

func dimString(dims []int64) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(dims), " ", "×"), "[]")
}
