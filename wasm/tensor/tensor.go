// Package tensor stands in for gorgonia.org/tensor in the program that pages
// load: it has what onnx-go's decoder calls, and no arithmetic. Package graph
// takes shapes and constants from package onnxfile, so nothing ever computes with
// one of these tensors. tools/internal/gowasm puts it in the other's place.
package tensor

import "reflect"

// Dtype is the type of a tensor's elements.
type Dtype struct{ reflect.Type }

// The types that ONNX knows.
var (
	Bool       = Dtype{reflect.TypeFor[bool]()}
	Int8       = Dtype{reflect.TypeFor[int8]()}
	Int16      = Dtype{reflect.TypeFor[int16]()}
	Int32      = Dtype{reflect.TypeFor[int32]()}
	Int64      = Dtype{reflect.TypeFor[int64]()}
	Uint8      = Dtype{reflect.TypeFor[uint8]()}
	Uint16     = Dtype{reflect.TypeFor[uint16]()}
	Uint32     = Dtype{reflect.TypeFor[uint32]()}
	Uint64     = Dtype{reflect.TypeFor[uint64]()}
	Float32    = Dtype{reflect.TypeFor[float32]()}
	Float64    = Dtype{reflect.TypeFor[float64]()}
	Complex64  = Dtype{reflect.TypeFor[complex64]()}
	Complex128 = Dtype{reflect.TypeFor[complex128]()}
	String     = Dtype{reflect.TypeFor[string]()}
)

// Tensor is a *Dense.
type Tensor interface {
	Shape() []int
	Dtype() Dtype
	Data() any
}

// Dense is a tensor: what New was told, and nothing made of it.
type Dense struct {
	shape []int
	dtype Dtype
	data  any
}

// Shape is what WithShape gave; nil for a scalar.
func (d *Dense) Shape() []int { return d.shape }

// Dtype is what Of gave.
func (d *Dense) Dtype() Dtype { return d.dtype }

// Data is what WithBacking gave, nil otherwise.
func (d *Dense) Data() any { return d.data }

// ConsOpt is an option of New.
type ConsOpt func(*Dense)

// WithShape sets the dimensions.
func WithShape(dims ...int) ConsOpt { return func(d *Dense) { d.shape = dims } }

// Of sets the type.
func Of(t Dtype) ConsOpt { return func(d *Dense) { d.dtype = t } }

// WithBacking sets the elements: a slice.
func WithBacking(x any) ConsOpt { return func(d *Dense) { d.data = x } }

// New makes a tensor.
func New(options ...ConsOpt) *Dense {
	d := &Dense{}
	for _, set := range options {
		set(d)
	}
	return d
}
