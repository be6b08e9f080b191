package onnxfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// Parse reads the headers of an ONNX file of size bytes. The file must stay
// readable as long as tensors are read from it.
func Parse(r io.ReaderAt, size int64) (*File, error) {
	if size == 0 {
		return nil, fmt.Errorf("%w: the file is empty", ErrNotONNX)
	}
	p := &parser{
		scanner: scanner{r: r, size: size},
		file: &File{
			Opset:    map[string]int64{},
			Metadata: map[string]string{},
			Tensors:  map[string]*Tensor{},
			r:        r,
		},
	}
	if err := p.model(); err != nil {
		// A file that breaks before its graph is found was never ONNX.
		if !p.sawGraph {
			return nil, fmt.Errorf("%w: %w", ErrNotONNX, err)
		}
		return nil, fmt.Errorf("broken ONNX file: %w", err)
	}
	return p.file, nil
}

type parser struct {
	scanner
	file     *File
	sawGraph bool
	nodes    []byte // GraphProto.node fields, as they stand
	header   int64
}

func (p *parser) model() error {
	var graph field
	meta := int64(0)
	err := p.fields(0, p.size, func(f field) (err error) {
		switch f.num {
		case 1:
			p.file.IRVersion = int64(f.value)
		case 2:
			p.file.Producer, err = p.text(f)
		case 7:
			if f.typ != protowire.BytesType || p.sawGraph {
				return errors.New("the model has no single graph")
			}
			graph, p.sawGraph = f, true
		case 8:
			err = p.opset(f)
		case 14:
			if meta += f.len(); meta > maxMetadata {
				return fmt.Errorf("metadata of more than %d bytes", maxMetadata)
			}
			var k, v string
			if k, v, err = p.entry(f); err == nil {
				p.file.Metadata[k] = v
			}
		case 25:
			return errors.New("functions defined by the model are not supported")
		}
		return err
	})
	if err != nil {
		return err
	}
	if !p.sawGraph {
		return errors.New("it holds no graph")
	}
	if _, ok := p.file.Opset[""]; !ok {
		p.file.Opset[""] = 1
	}
	if err := p.graph(graph); err != nil {
		return err
	}
	p.file.Stripped = p.strip()
	return nil
}

func (p *parser) opset(f field) error {
	domain, version := "", int64(1)
	err := p.fields(f.start, f.end, func(f field) (err error) {
		switch f.num {
		case 1:
			domain, err = p.text(f)
		case 2:
			version = int64(f.value)
		}
		return err
	})
	if domain == "ai.onnx" {
		domain = ""
	}
	p.file.Opset[domain] = version
	return err
}

// entry reads a StringStringEntryProto.
func (p *parser) entry(f field) (key, value string, err error) {
	err = p.fields(f.start, f.end, func(f field) error {
		if f.typ != protowire.BytesType {
			return nil
		}
		b, err := p.bytes(f, maxMetadata)
		switch f.num {
		case 1:
			key = string(b)
		case 2:
			value = string(b)
		}
		return err
	})
	return key, value, err
}

func (p *parser) graph(g field) error {
	var inputs []ValueInfo
	err := p.fields(g.start, g.end, func(f field) (err error) {
		if f.num != 2 && f.typ != protowire.BytesType {
			return nil
		}
		switch f.num {
		case 1:
			err = p.node(f)
		case 2:
			p.file.GraphName, err = p.text(f)
		case 5:
			err = p.initializer(f)
		case 11:
			var v ValueInfo
			v, err = p.valueInfo(f)
			inputs = append(inputs, v)
		case 12:
			var v ValueInfo
			v, err = p.valueInfo(f)
			p.file.Outputs = append(p.file.Outputs, v)
		case 15:
			return errors.New("sparse initializers are not supported")
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, v := range inputs {
		if _, ok := p.file.Tensors[v.Name]; !ok {
			p.file.Inputs = append(p.file.Inputs, v)
		}
	}
	if len(p.file.Nodes) == 0 {
		return errors.New("the graph has no nodes")
	}
	if len(p.file.Inputs) == 0 || len(p.file.Outputs) == 0 {
		return errors.New("the graph has no input or no output")
	}
	return nil
}

func (p *parser) initializer(f field) error {
	t, err := p.tensor(f)
	if err != nil {
		return err
	}
	if t.Name == "" {
		return errors.New("an initializer has no name")
	}
	return p.add(t)
}

func (p *parser) add(t *Tensor) error {
	if _, ok := p.file.Tensors[t.Name]; ok {
		return fmt.Errorf("two constants are called %q", t.Name)
	}
	if len(p.file.Tensors) >= MaxTensors {
		return fmt.Errorf("more than %d constants", MaxTensors)
	}
	p.file.Tensors[t.Name] = t
	return nil
}

// node keeps a node for onnx-go, or lifts a Constant among the tensors.
func (p *parser) node(f field) error {
	if len(p.file.Nodes) >= MaxNodes {
		return fmt.Errorf("more than %d nodes", MaxNodes)
	}
	var info NodeInfo
	var outputs []string
	var attrs []field
	err := p.fields(f.start, f.end, func(f field) (err error) {
		switch f.num {
		case 2:
			var s string
			s, err = p.text(f)
			outputs = append(outputs, s)
		case 3:
			info.Name, err = p.text(f)
		case 4:
			info.Op, err = p.text(f)
		case 5:
			attrs = append(attrs, f)
		case 7:
			info.Domain, err = p.text(f)
		}
		return err
	})
	if err != nil {
		return err
	}
	if info.Domain == "ai.onnx" {
		info.Domain = ""
	}
	if info.Name == "" {
		info.Name = fmt.Sprintf("%s_%d", info.Op, len(p.file.Nodes))
	}
	if info.Op == "Constant" && info.Domain == "" {
		if len(outputs) != 1 || len(attrs) != 1 {
			return fmt.Errorf("%s (Constant): has %d outputs and %d attributes, one of each is needed", info.Name, len(outputs), len(attrs))
		}
		t, err := p.constant(attrs[0])
		if err != nil {
			return fmt.Errorf("%s (Constant): %w", info.Name, err)
		}
		t.Name = outputs[0]
		return p.add(t)
	}
	for _, a := range attrs {
		if err := p.plainAttribute(a); err != nil {
			return fmt.Errorf("%s (%s): %w", info.Name, info.Op, err)
		}
	}
	if p.header += f.len(); p.header > maxHeader {
		return fmt.Errorf("the graph without weights is more than %d bytes", maxHeader)
	}
	b, err := p.bytes(f, maxHeader)
	if err != nil {
		return err
	}
	p.nodes = protowire.AppendTag(p.nodes, 1, protowire.BytesType)
	p.nodes = protowire.AppendBytes(p.nodes, b)
	p.file.Nodes = append(p.file.Nodes, info)
	return nil
}

// plainAttribute refuses the attributes that onnx-go does not decode: tensors
// (by then all constants are lifted out) and graphs.
func (p *parser) plainAttribute(a field) error {
	name, kind := "", ""
	err := p.fields(a.start, a.end, func(f field) (err error) {
		switch f.num {
		case 1:
			name, err = p.text(f)
		case 5, 10, 22, 23:
			kind = "a tensor"
		case 6, 11:
			kind = "a graph"
		case 14, 15:
			kind = "a type"
		case 21:
			kind = "a reference"
		}
		return err
	})
	if err == nil && kind != "" {
		err = fmt.Errorf("attribute %s holds %s, which is not supported", name, kind)
	}
	return err
}

// constant reads the attribute of a Constant node (Constant-13).
func (p *parser) constant(a field) (*Tensor, error) {
	var t *Tensor
	var name string
	var f32 []float32
	var i64 []int64
	err := p.fields(a.start, a.end, func(f field) (err error) {
		switch f.num {
		case 1:
			name, err = p.text(f)
		case 2:
			f32 = append(f32, math.Float32frombits(uint32(f.value)))
		case 3:
			i64 = append(i64, int64(f.value))
		case 5:
			t, err = p.tensor(f)
		case 7:
			if f.typ == protowire.Fixed32Type {
				f32 = append(f32, math.Float32frombits(uint32(f.value)))
				break
			}
			var b []byte
			if b, err = p.bytes(f, maxInline); err == nil {
				var more []float32
				more, err = Float32s(Float32, b)
				f32 = append(f32, more...)
			}
		case 8:
			i64, err = p.varints(i64, f, maxInline/8)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	switch name {
	case "value":
		if t != nil {
			return t, nil
		}
	case "value_float":
		if len(f32) == 1 {
			return Float32Tensor("", nil, f32), nil
		}
	case "value_floats":
		return Float32Tensor("", []int{len(f32)}, f32), nil
	case "value_int":
		if len(i64) == 1 {
			return Int64Tensor("", nil, i64), nil
		}
	case "value_ints":
		return Int64Tensor("", []int{len(i64)}, i64), nil
	}
	return nil, fmt.Errorf("attribute %q is not supported", name)
}

func (p *parser) tensor(f field) (*Tensor, error) {
	t := &Tensor{}
	var dims []int64
	var raw *field
	var typed []field
	var external map[string]string
	location := uint64(0)
	err := p.fields(f.start, f.end, func(f field) (err error) {
		switch f.num {
		case 1:
			dims, err = p.varints(dims, f, MaxRank)
		case 2:
			t.DType = DType(f.value)
		case 3:
			return errors.New("segmented tensors are not supported")
		case 4, 5, 7, 10, 11:
			typed = append(typed, f)
		case 8:
			t.Name, err = p.text(f)
		case 9:
			raw = &f
		case 13:
			if external == nil {
				external = map[string]string{}
			}
			var k, v string
			if k, v, err = p.entry(f); err == nil {
				external[k] = v
			}
		case 14:
			location = f.value
		}
		return err
	})
	if err == nil {
		t.Shape, err = checkShape(dims)
	}
	if err == nil {
		switch {
		case t.DType.Size() == 0:
			err = fmt.Errorf("elements of %s are not supported", t.DType)
		case location == 1:
			err = t.locate(external)
		case raw != nil:
			t.Range = Range{Offset: raw.start, Length: raw.len()}
			if raw.len() != t.Bytes() {
				err = fmt.Errorf("%d bytes of data where %s of %s takes %d", raw.len(), shapeString(t.Shape), t.DType, t.Bytes())
			}
		default:
			err = p.typed(t, typed)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	return t, nil
}

// locate reads where external data lies. The file must be a plain name beside
// the model: no other folder is ever opened for an untrusted file.
func (t *Tensor) locate(external map[string]string) error {
	file := external["location"]
	if file == "" || path.Base(file) != file || file == "." || file == ".." || strings.ContainsAny(file, `\:`) {
		return fmt.Errorf("external data in %q: only a file beside the model is read", file)
	}
	t.Range = Range{File: file, Length: t.Bytes()}
	for key, dst := range map[string]*int64{"offset": &t.Range.Offset, "length": &t.Range.Length} {
		if s, ok := external[key]; ok {
			v, err := strconv.ParseInt(s, 10, 64)
			if err != nil || v < 0 {
				return fmt.Errorf("external %s %q is not a size", key, s)
			}
			*dst = v
		}
	}
	if t.Range.Length != t.Bytes() {
		return fmt.Errorf("%d bytes of external data where %s of %s takes %d", t.Range.Length, shapeString(t.Shape), t.DType, t.Bytes())
	}
	if t.Range.Offset > math.MaxInt64-t.Range.Length {
		return fmt.Errorf("external offset %d is out of range", t.Range.Offset)
	}
	return nil
}

// typed decodes the fields float_data, int32_data, int64_data, double_data and
// uint64_data to little-endian bytes; int32_data carries all small types.
func (p *parser) typed(t *Tensor, fields []field) error {
	want := map[DType]protowire.Number{
		Float32: 4, Int32: 5, Uint8: 5, Int8: 5, Uint16: 5, Int16: 5, Bool: 5,
		Float16: 5, BFloat16: 5, Int64: 7, Float64: 10, Uint32: 11, Uint64: 11,
	}[t.DType]
	size, n := t.DType.Size(), t.Elements()
	if t.Bytes() > maxInline {
		return fmt.Errorf("%s of %s that is not stored raw: at most %d bytes are read", shapeString(t.Shape), t.DType, maxInline)
	}
	out := make([]byte, 0, min(n*size, 1<<16))
	for _, f := range fields {
		if f.num != want {
			return fmt.Errorf("elements of %s in field %d", t.DType, f.num)
		}
		switch {
		case f.num != 4 && f.num != 10:
			vs, err := p.varints(nil, f, n)
			if err != nil {
				return err
			}
			for _, v := range vs {
				out = appendElement(out, v, size)
			}
		case f.typ == protowire.BytesType:
			b, err := p.bytes(f, int64(n*size))
			if err != nil {
				return err
			}
			out = append(out, b...)
		default:
			out = appendElement(out, int64(f.value), size)
		}
		if len(out) > n*size {
			break
		}
	}
	if len(out) != n*size {
		return fmt.Errorf("%d bytes of data where %s of %s takes %d", len(out), shapeString(t.Shape), t.DType, n*size)
	}
	t.Data = out
	return nil
}

func appendElement(b []byte, v int64, size int) []byte {
	switch size {
	case 1:
		return append(b, byte(v))
	case 2:
		return binary.LittleEndian.AppendUint16(b, uint16(v))
	case 4:
		return binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	return binary.LittleEndian.AppendUint64(b, uint64(v))
}

func shapeString(shape []int) string {
	if len(shape) == 0 {
		return "a scalar"
	}
	dims := make([]int64, len(shape))
	for i, d := range shape {
		dims[i] = int64(d)
	}
	return dimString(dims)
}

func (p *parser) valueInfo(f field) (ValueInfo, error) {
	var v ValueInfo
	err := p.fields(f.start, f.end, func(f field) (err error) {
		switch f.num {
		case 1:
			v.Name, err = p.text(f)
		case 2:
			err = p.fields(f.start, f.end, func(f field) error {
				if f.num != 1 {
					return fmt.Errorf("%q is no tensor", v.Name)
				}
				return p.tensorType(f, &v)
			})
		}
		return err
	})
	if err != nil {
		return v, fmt.Errorf("value %q: %w", v.Name, err)
	}
	if v.Name == "" {
		return v, errors.New("an input or output has no name")
	}
	return v, nil
}

func (p *parser) tensorType(f field, v *ValueInfo) error {
	return p.fields(f.start, f.end, func(f field) error {
		switch f.num {
		case 1:
			v.DType = DType(f.value)
		case 2:
			v.HasShape = true
			return p.fields(f.start, f.end, func(f field) error {
				if len(v.Shape) == MaxRank {
					return fmt.Errorf("more than %d dimensions", MaxRank)
				}
				dim := int64(-1)
				err := p.fields(f.start, f.end, func(f field) error {
					if f.num == 1 {
						if dim = int64(f.value); dim < 0 || dim > MaxElements {
							return fmt.Errorf("dimension %d is out of range", dim)
						}
					}
					return nil
				})
				v.Shape = append(v.Shape, int(dim))
				return err
			})
		}
		return nil
	})
}

// strip writes a ModelProto with the nodes and the bare names of inputs and
// outputs. Types are left out on purpose: onnx-go allocates a tensor for every
// shape that it sees, whatever the shape says.
func (p *parser) strip() []byte {
	named := func(dst []byte, num protowire.Number, name string) []byte {
		info := protowire.AppendTag(nil, 1, protowire.BytesType)
		info = protowire.AppendString(info, name)
		dst = protowire.AppendTag(dst, num, protowire.BytesType)
		return protowire.AppendBytes(dst, info)
	}
	g := p.nodes
	for _, v := range p.file.Inputs {
		g = named(g, 11, v.Name)
	}
	for _, v := range p.file.Outputs {
		g = named(g, 12, v.Name)
	}
	var m []byte
	m = protowire.AppendTag(m, 1, protowire.VarintType)
	m = protowire.AppendVarint(m, uint64(p.file.IRVersion))
	m = protowire.AppendTag(m, 7, protowire.BytesType)
	return protowire.AppendBytes(m, g)
}
