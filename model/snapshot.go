package model

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"sync"

	"hamster/model/explain"
	"hamster/model/onnxfile"
	"hamster/model/record"
	"hamster/model/simd"
)

// snapshot is what Load has found out about a model: with it, the next Load neither
// reads the graph nor compiles it, but takes only the weights.
type snapshot struct {
	size          int64 // of the source
	spec          Spec
	labels        []Label // of the metadata
	input, output []int
	report        Report
	hasHead       bool
	// file is the record of a File from which the head can be found once more;
	// compiled that of a simd.Compiled.
	file, compiled []byte
}

func (s *snapshot) record(c *record.Coder) {
	record.Int(c, &s.size)
	s.spec.record(c)
	record.Slice(c, &s.labels, recordLabel)
	record.Ints(c, &s.input)
	record.Ints(c, &s.output)
	s.report.record(c)
	c.Bool(&s.hasHead)
	c.Bytes(&s.file)
	c.Bytes(&s.compiled)
}

// Snapshot is what Options.Snapshot takes when the same model is loaded again by the
// same program, on the same host and with the same other options: Load then goes
// without reading and compiling the graph, which takes longer than all else but the
// weights. It is nil unless Options.Remember was set and the engine "simd" runs, and
// where it would be of more than some 16 MB; the model gives it once, for it is large: a
// megabyte for InceptionV3, and the weights of its head.
//
// Damage is noticed, but nothing in it tells which model and which program it is of:
// whoever keeps it keeps their names beside it.
func (m *Model) Snapshot() []byte {
	b := m.snapshot
	m.snapshot = nil
	return b
}

// Resumed tells whether Load could use Options.Snapshot.
func (m *Model) Resumed() bool { return m.resumed }

// takeSnapshot makes the snapshot of a model that was loaded the long way.
func (m *Model) takeSnapshot(f *onnxfile.File, excerpt *onnxfile.File, size int64) {
	e, ok := m.engine.(*simd.Engine)
	if !ok {
		return
	}
	own, err := labelsOf(f.Metadata, nil, len(m.labels))
	if err != nil {
		return // good only with the labels that came from elsewhere
	}
	compiled, copied := e.Recorded(), 0
	for _, t := range excerpt.Tensors {
		copied += len(t.Data)
	}
	if compiled == nil || copied > maxCopied {
		return
	}
	_, noHead := m.head()
	s := snapshot{
		size: size, spec: m.spec, labels: own, input: m.input, output: m.output, report: *m.report,
		hasHead: noHead == nil, file: record.Write(make([]byte, 0, copied+copied/8), excerpt.Record), compiled: compiled,
	}
	s.report.Labels = nil
	b := record.Write(make([]byte, 0, len(s.file)+len(compiled)+1<<14), s.record)
	m.snapshot = binary.LittleEndian.AppendUint32(b, checksum(b))
}

// checksum follows the record, which does not notice damage itself.
func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// maxCopied bounds the weights in a snapshot: a head of a thousand classes has eight
// megabytes as floats.
const maxCopied = 12 << 20

// resume loads a model by its snapshot.
func resume(ctx context.Context, src Source, opts Options) (*Model, error) {
	var s snapshot
	end := len(opts.Snapshot) - 4
	if end < 0 || binary.LittleEndian.Uint32(opts.Snapshot[end:]) != checksum(opts.Snapshot[:end]) {
		return nil, fmt.Errorf("the snapshot: %w", record.ErrDamaged)
	}
	if err := record.Read(opts.Snapshot[:end], s.record); err != nil {
		return nil, err
	}
	if s.size != src.Size() {
		return nil, fmt.Errorf("the snapshot is of %d bytes, the model has %d", s.size, src.Size())
	}
	var c simd.Compiled
	if err := record.Read(s.compiled, c.Record); err != nil {
		return nil, err
	}
	m := newModel(s.spec, s.labels, s.input, s.output)
	if opts.Labels != nil {
		var err error
		if m.labels, err = labelsOf(nil, opts.Labels, len(s.labels)); err != nil {
			return nil, err
		}
	}
	e, err := simd.Resume(ctx, &c, onnxfile.Reopened(src), opts.simd())
	if err != nil {
		return nil, err
	}
	m.engine, m.backend, m.packing, m.resumed = e, e.Describe(), e.Packing(), true
	m.report = &s.report
	m.report.Labels = m.labels
	m.explains = s.hasHead
	file := slices.Clone(s.file) // what else is in the snapshot may go
	m.head = sync.OnceValues(func() (*explain.Head, error) { return headOf(file) })
	return m, nil
}

// headOf finds the head of a model in the record of its file.
func headOf(file []byte) (*explain.Head, error) {
	var f onnxfile.File
	if err := record.Read(file, f.Record); err != nil {
		return nil, err
	}
	g, err := importFile(&f)
	if err != nil {
		return nil, err
	}
	head, _, err := explain.Find(g)
	return head, err
}

func recordLabel(c *record.Coder, l *Label) {
	record.Text(c, &l.ID)
	record.Text(c, &l.Name)
}

func (s *Spec) record(c *record.Coder) {
	for _, text := range []*string{&s.Name, &s.Version, &s.Licence, &s.Source, &s.Input.Layout, &s.Input.Channels} {
		record.Text(c, text)
	}
	c.Bool(&s.Logits)
	record.Int(c, &s.Input.Width)
	record.Int(c, &s.Input.Height)
	for i := range s.Input.Scale {
		c.Float(&s.Input.Scale[i])
		c.Float(&s.Input.Offset[i])
	}
	record.Text(c, &s.Input.Mode)
	c.Float(&s.Input.CropFraction)
}

func (r *Report) record(c *record.Coder) {
	for _, text := range []*string{
		&r.Name, &r.Version, &r.Licence, &r.Source, &r.SourceSHA256, &r.Producer, &r.ProducerVersion, &r.Input, &r.Engine, &r.Unsupported,
	} {
		record.Text(c, text)
	}
	for _, n := range []*int64{&r.Size, &r.IRVersion, &r.Parameters, &r.MACs} {
		record.Int(c, n)
	}
	record.Map(c, &r.Opsets, record.Int[int64])
	value := func(c *record.Coder, v *ReportValue) {
		record.Text(c, &v.Name)
		record.Text(c, &v.Type)
		record.Ints(c, &v.Shape)
	}
	record.Slice(c, &r.Inputs, value)
	record.Slice(c, &r.Outputs, value)
	record.Int(c, &r.Nodes)
	record.Slice(c, &r.Operators, func(c *record.Coder, o *ReportOperator) {
		record.Text(c, &o.Op)
		record.Int(c, &o.Count)
	})
	record.Slice(c, &r.Weights, func(c *record.Coder, w *ReportWeights) {
		record.Text(c, &w.Type)
		record.Int(c, &w.Tensors)
		record.Int(c, &w.Elements)
		record.Int(c, &w.Size)
	})
	record.Slice(c, &r.ExternalFiles, record.Text[string])
	record.Slice(c, &r.Labels, recordLabel)
	record.Map(c, &r.Metadata, record.Text[string])
	has := r.Memory != nil
	if c.Bool(&has); has {
		if c.Reading() {
			r.Memory = &ReportMemory{}
		}
		m := r.Memory
		for _, n := range []*int{&m.Activations, &m.Weights, &m.Tables, &m.Peak, &m.Unplanned} {
			record.Int(c, n)
		}
	}
}
