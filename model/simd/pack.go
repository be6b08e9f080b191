package simd

import (
	"fmt"
	"slices"

	"hamster/model/onnxfile"
	"hamster/model/simd/ir"
	"hamster/model/simd/kernel"
)

// job is one part of weights to be packed.
type job struct {
	w ir.Weight
	// maps are the scale and zero point of each output, where the steps apply them.
	maps [2][]float32
	// steps make the packing steps for weights staged at in, with their maps.
	steps []func(in, scale, zero uint32) kernel.Step
}

// sourceType is the type of the stored bytes of w.
func sourceType(w ir.Weight) (kernel.Source, error) {
	switch w.Source.Const.DType {
	case onnxfile.Float32:
		return kernel.Float32, nil
	case onnxfile.Float16:
		return kernel.Float16, nil
	case onnxfile.Uint8:
		return kernel.Uint8, nil
	case onnxfile.Int8:
		return kernel.Int8, nil
	}
	return 0, fmt.Errorf("weights %q of %s are not supported", w.Source.Name, w.Source.Const.DType)
}

// source says how the stored bytes of w are read: their type and the strides of
// output, input, row and column, in bytes.
func source(w ir.Weight, kernelSize [2]int) (from kernel.Source, stride [4]int, err error) {
	from, err = sourceType(w)
	if err != nil {
		return 0, stride, err
	}
	n := w.Source.Const.DType.Size()
	if w.Layout == ir.IO {
		return from, [4]int{n, w.O * n, 0, 0}, nil
	}
	kh, kw := kernelSize[0], kernelSize[1]
	return from, [4]int{w.I * kh * kw * n, kh * kw * n, kw * n, n}, nil
}

// lead is how far past a word the stored bytes lie, in the staging area as in their file:
// browsers copy others byte by byte into shared memory, four times as slowly.
func (j job) lead() int { return int(j.w.Source.Const.Range.Offset & 7) }

// stored is what the stored bytes take of it.
func (j job) stored() int { return align(j.lead() + int(j.w.Source.Const.Bytes())) }

// bytes is what a job takes of the staging area.
func (j job) bytes() int {
	return j.stored() + align(4*len(j.maps[0])) + align(4*len(j.maps[1])) + programRoom + len(j.steps)*stepRoom
}

// A program takes less than these: programRoom once, stepRoom for each step.
const (
	programRoom = 1 << 9
	stepRoom    = 1 << 8
)

// stagingNeed is the least arena in which every weight can be staged.
func (c *compiler) stagingNeed() int {
	need := 0
	for _, o := range c.g.Ops {
		if o.Conv == nil {
			continue
		}
		for _, w := range o.Conv.Weights {
			need = max(need, job{w: w, maps: [2][]float32{w.Scale, w.Zero}}.bytes()+o.Conv.Groups*stepRoom)
		}
	}
	return align(need)
}

// packs groups the jobs into batches that fit the arena, which is free until the
// first run: stored bytes first, then maps and program.
func (c *compiler) packs() ([]Pack, error) {
	var packs []Pack
	for rest := c.jobs; len(rest) > 0; {
		n, size := 0, 0
		for n < len(rest) {
			more := rest[n].bytes()
			if n > 0 && size+more > c.arena {
				break
			}
			size += more
			n++
		}
		p, err := c.pack(rest[:n])
		if err != nil {
			return nil, err
		}
		packs = append(packs, p)
		rest = rest[n:]
	}
	return packs, nil
}

func (c *compiler) pack(jobs []job) (Pack, error) {
	var p Pack
	staging := bump{reserved, reserved}
	ins := make([]uint32, len(jobs))
	imageSize := 0
	for i, j := range jobs {
		imageSize += j.bytes() - j.stored()
		ins[i] = staging.take(j.stored()) + uint32(j.lead())
		p.Loads = append(p.Loads, Load{j.w.Source.Const, ins[i]})
	}
	p.Image.Addr = uint32(staging.at)
	p.Image.Data = make([]byte, 0, imageSize)
	var steps []kernel.Step
	for i, j := range jobs {
		var at [2]uint32
		for k, x := range j.maps {
			at[k] = staging.take(4 * len(x))
			p.Image.Data = append(p.Image.Data, floatBytes(x)...)
			p.Image.Data = append(p.Image.Data, make([]byte, staging.at-int(p.Image.Addr)-len(p.Image.Data))...)
		}
		for _, step := range j.steps {
			steps = append(steps, kernel.Unordered{Step: step(ins[i], at[0], at[1])})
		}
	}
	p.Program = staging.take(kernel.ProgramSize(steps))
	if staging.at > reserved+c.arena {
		return p, fmt.Errorf("simd: a batch of weights takes %d bytes where %d are free", staging.at-reserved, c.arena)
	}
	b, err := c.b.Program(p.Program, steps)
	if err != nil {
		return p, fmt.Errorf("simd: %w", err)
	}
	p.Image.Data = append(p.Image.Data, b...)
	return p, nil
}

func sortSpans(spans []*span) {
	slices.SortFunc(spans, func(a, b *span) int {
		if a.first != b.first {
			return a.first - b.first
		}
		if a.last != b.last {
			return a.last - b.last
		}
		return a.size - b.size
	})
}

// packJob plans a packing step that applies the scale and zero point of each output.
func (c *compiler) packJob(w ir.Weight, step func(in, scale, zero uint32) kernel.Step) {
	c.addJob(job{w: w, maps: [2][]float32{w.Scale, w.Zero}}, step)
}

// layJob plans one that leaves weights as they are.
func (c *compiler) layJob(w ir.Weight, step func(in uint32) kernel.Step) {
	c.addJob(job{w: w}, func(in, _, _ uint32) kernel.Step { return step(in) })
}

// addJob plans a step. Those that follow one another on the same stored weights, as the
// groups of a convolution do, share their staging.
func (c *compiler) addJob(j job, step func(in, scale, zero uint32) kernel.Step) {
	if n := len(c.jobs); n > 0 && c.jobs[n-1].w.Source == j.w.Source && &c.jobs[n-1].w.Scale[0] == &j.w.Scale[0] && len(c.jobs[n-1].maps[0]) == len(j.maps[0]) {
		c.jobs[n-1].steps = append(c.jobs[n-1].steps, step)
		return
	}
	j.steps = []func(in, scale, zero uint32) kernel.Step{step}
	c.jobs = append(c.jobs, j)
}
