package onnxfile

import (
	"io"

	"hamster/model/record"
)

// RememberReads begins to remember what ReadTensor reads, for Excerpt.
func (f *File) RememberReads() { f.reads = map[*Tensor][]byte{} }

// Excerpt is f without its reader, but with the data of all tensors that were read
// since RememberReads: enough to do once more, without the file, what was done then.
// It ends the remembering.
func (f *File) Excerpt() *File {
	e := *f
	e.r, e.reads = nil, nil
	e.Tensors = make(map[string]*Tensor, len(f.Tensors))
	for name, t := range f.Tensors {
		copied := *t
		if b, ok := f.reads[t]; ok {
			copied.Data = b
		}
		e.Tensors[name] = &copied
	}
	f.reads = nil
	return &e
}

// Reopened is a File of which only the reader is known: it locates tensors that
// another File of the same bytes has found.
func Reopened(r io.ReaderAt) *File { return &File{r: r} }

// Record codes all of f but its reader.
func (f *File) Record(c *record.Coder) {
	record.Int(c, &f.IRVersion)
	record.Text(c, &f.Producer)
	record.Text(c, &f.ProducerVersion)
	record.Text(c, &f.GraphName)
	record.Map(c, &f.Opset, record.Int[int64])
	record.Map(c, &f.Metadata, record.Text[string])
	info := func(c *record.Coder, v *ValueInfo) { v.record(c) }
	record.Slice(c, &f.Inputs, info)
	record.Slice(c, &f.Outputs, info)
	record.Slice(c, &f.Nodes, func(c *record.Coder, n *NodeInfo) { n.record(c) })
	record.Map(c, &f.Tensors, func(c *record.Coder, t **Tensor) {
		if c.Reading() {
			*t = &Tensor{}
		}
		(*t).Record(c)
	})
	c.Bytes(&f.Stripped)
}

// Record codes all of t.
func (t *Tensor) Record(c *record.Coder) {
	record.Text(c, &t.Name)
	record.Int(c, &t.DType)
	record.Ints(c, &t.Shape)
	c.Bytes(&t.Data)
	record.Text(c, &t.Range.File)
	record.Int(c, &t.Range.Offset)
	record.Int(c, &t.Range.Length)
}

func (v *ValueInfo) record(c *record.Coder) {
	record.Text(c, &v.Name)
	record.Int(c, &v.DType)
	record.Ints(c, &v.Shape)
	c.Bool(&v.HasShape)
}

func (n *NodeInfo) record(c *record.Coder) {
	record.Text(c, &n.Name)
	record.Text(c, &n.Op)
	record.Text(c, &n.Domain)
	record.Int(c, &n.Inputs)
	record.Text(c, &n.Refused)
}
