package onnxfile

import (
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
)

// Parse reads the headers of an ONNX file of size bytes. The file must stay
// readable as long as tensors are read from it.
func Parse(r io.ReaderAt, size int64) (*File, error) {
	if size <= 0 {
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
		// What shows neither a graph nor, as all writers put first, an IR version
		// was never ONNX.
		if !p.sawGraph && p.file.IRVersion <= 0 {
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
	// What the nodes add up to, against the limits.
	parts, edges int
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
		case 3:
			p.file.ProducerVersion, err = p.text(f)
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
			if k, v, err = p.entry(f, maxMetadata); err == nil {
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
	if err := p.graph(graph); err != nil {
		return err
	}
	if len(p.file.Opset) == 0 && p.file.IRVersion >= 3 {
		return errors.New("it names no operator set: it may be cut off")
	}
	if _, ok := p.file.Opset[""]; !ok {
		p.file.Opset[""] = 1
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
func (p *parser) entry(f field, limit int64) (key, value string, err error) {
	err = p.fields(f.start, f.end, func(f field) error {
		if f.typ != protowire.BytesType {
			return nil
		}
		b, err := p.bytes(f, limit)
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
		if f.typ != protowire.BytesType {
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
			if inputs = append(inputs, v); len(inputs) > MaxTensors {
				return fmt.Errorf("more than %d inputs", MaxTensors)
			}
		case 12:
			var v ValueInfo
			v, err = p.valueInfo(f)
			if p.file.Outputs = append(p.file.Outputs, v); len(p.file.Outputs) > MaxTensors {
				return fmt.Errorf("more than %d outputs", MaxTensors)
			}
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
	var attrs []field
	output, outputs := "", 0
	err := p.fields(f.start, f.end, func(f field) (err error) {
		if p.parts++; p.parts > maxParts {
			return fmt.Errorf("nodes of more than %d inputs, outputs and attributes", maxParts)
		}
		switch f.num {
		case 1:
			info.Inputs++
		case 2:
			if outputs++; outputs == 1 {
				output, err = p.text(f)
			}
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
		if outputs != 1 || output == "" || len(attrs) != 1 {
			return fmt.Errorf("%s: has %d outputs and %d attributes, one of each is needed", info, outputs, len(attrs))
		}
		t, err := p.constant(attrs[0])
		if err != nil {
			return fmt.Errorf("%s: %w", info, err)
		}
		t.Name = output
		return p.add(t)
	}
	if p.edges += info.Inputs * outputs; p.edges > maxEdges {
		return fmt.Errorf("%s: more than %d edges", info, maxEdges)
	}
	for _, a := range attrs {
		if info.Refused, err = p.refusal(a); err != nil {
			return fmt.Errorf("%s: %w", info, err)
		}
		if info.Refused != "" {
			break
		}
	}
	p.file.Nodes = append(p.file.Nodes, info)
	if info.Refused != "" {
		return nil
	}
	if int64(len(p.nodes))+f.len() > maxNodes {
		return fmt.Errorf("%s: the nodes take more than %d bytes", info, maxNodes)
	}
	b, err := p.bytes(f, maxNodes)
	if err != nil {
		return err
	}
	p.nodes = protowire.AppendTag(p.nodes, 1, protowire.BytesType)
	p.nodes = protowire.AppendBytes(p.nodes, b)
	return nil
}

// refusal tells why onnx-go must not see an attribute: it decodes no graphs, and
// allocates for tensors whatever their dims say. All constants are lifted out.
func (p *parser) refusal(a field) (string, error) {
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
	if err != nil || kind == "" {
		return "", err
	}
	return fmt.Sprintf("attribute %s holds %s, which is not supported", name, kind), nil
}

func (p *parser) valueInfo(f field) (ValueInfo, error) {
	var v ValueInfo
	err := p.fields(f.start, f.end, func(f field) (err error) {
		switch f.num {
		case 1:
			v.Name, err = p.text(f)
		case 2:
			err = p.fields(f.start, f.end, func(f field) error {
				switch f.num {
				case 1:
					return p.tensorType(f, &v)
				case 6: // what the value means, as in "IMAGE"
					return nil
				}
				return errors.New("is no tensor")
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
				if f.num != 1 {
					return nil
				}
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
