package simd

import (
	"hamster/model/onnxfile"
	"hamster/model/record"
	"hamster/model/simd/kernel"
)

// Record codes all that Resume needs of c; what was read is good only in the program
// that wrote it, and lacks Steps.
func (c *Compiled) Record(r *record.Coder) {
	c.Options.record(r)
	r.Bytes(&c.Module)
	record.Int(r, &c.Pages)
	record.Slice(r, &c.Image, segment)
	record.Slice(r, &c.Packs, func(r *record.Coder, p *Pack) {
		record.Slice(r, &p.Loads, func(r *record.Coder, l *Load) {
			if r.Reading() {
				l.Tensor = &onnxfile.Tensor{}
			}
			l.Tensor.Record(r)
			record.Int(r, &l.Addr)
		})
		segment(r, &p.Image)
		record.Int(r, &p.Program)
	})
	region(r, &c.Input)
	record.Int(r, &c.Program)
	record.Int(r, &c.Net)
	c.Tensor.record(r)
	r.Bool(&c.InputNHWC)
	region(r, &c.Scratch)
	record.Slice(r, &c.Outputs, region)
	c.Kept.record(r)
	record.Slice(r, &c.Kernels, record.Text[string])
	for _, n := range []*int{&c.Plan.Arena, &c.Plan.Weights, &c.Plan.Tables, &c.Plan.Unpadded} {
		record.Int(r, n)
	}
	if r.Reading() {
		c.builder = kernel.LayoutOf(kernel.Options{Relaxed: c.Options.Relaxed, Threads: c.Options.Threads}, c.Kernels)
	}
}

// maxRecord bounds a record: InceptionV3's has a megabyte.
const maxRecord = 16 << 20

// recordSize is about how many bytes a record takes.
func (c *Compiled) recordSize() int {
	n := len(c.Module)
	for _, s := range c.Image {
		n += len(s.Data)
	}
	for _, p := range c.Packs {
		n += len(p.Image.Data)
		for _, l := range p.Loads {
			n += len(l.Tensor.Data)
		}
	}
	return n
}

// record leaves Keep out: whether something is kept is in the module.
func (o *Options) record(r *record.Coder) {
	for _, b := range []*bool{&o.Relaxed, &o.Threads, &o.NoWinograd, &o.everyWinograd, &o.OwnMemory} {
		r.Bool(b)
	}
}

func segment(r *record.Coder, s *Segment) {
	record.Int(r, &s.Addr)
	r.Bytes(&s.Data)
}

func region(r *record.Coder, v *Region) {
	record.Int(r, &v.Addr)
	record.Int(r, &v.Len)
}

func (l *Layout) record(r *record.Coder) {
	record.Int(r, &l.Addr)
	for _, n := range []*int{&l.RowStride, &l.PixelStride, &l.H, &l.W, &l.C} {
		record.Int(r, n)
	}
}
