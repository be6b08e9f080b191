package simd

import (
	"context"
	"encoding/json"
	"fmt"

	"hamster/model/graph"
	"hamster/model/simd/asm"
)

// Standalone compiles g to a module that needs nothing but a WebAssembly engine:
// it owns its memory and carries the weights as they are stored, so that a
// quantised model stays small. docs/standalone.md describes its exports:
//
//	memory          the memory
//	init()          lays the weights out; once, before anything else
//	infer() → i32   computes the outputs for the input in memory; 0 is success
//	run             what these two call
//	input, inputLength, output, outputLength
//	                globals of type i32: address in bytes and number of float32
//
// A custom section "hamster" holds metadata as JSON: one object of strings.
//
// Where the graph has several outputs, output1, output1Length and so on follow.
func Standalone(ctx context.Context, g *graph.Graph, metadata map[string]string, opts Options) (*Compiled, error) {
	opts.OwnMemory, opts.Threads = true, false
	return compile(ctx, g, opts, func(c *compiler, out *Compiled) error { return c.standalone(out, metadata) })
}

// standalone adds the weights and the functions that use them.
func (c *compiler) standalone(out *Compiled, metadata map[string]string) error {
	m, run := c.b.Module(), c.b.Run()
	about, err := json.Marshal(metadata)
	if err != nil {
		return fmt.Errorf("simd: metadata: %w", err)
	}
	m.Custom("hamster", about)
	for _, s := range out.Image {
		m.Data(s.Addr, s.Data)
	}
	init := m.Func("init")
	m.Export("init", init)
	copyIn := func(addr uint32, b []byte) {
		d := m.PassiveData(b)
		init.MemoryInit(d, asm.Int(int32(addr)), asm.Int(0), asm.Int(int32(len(b))))
		init.DataDrop(d)
	}
	for _, p := range out.Packs {
		for _, l := range p.Loads {
			b, err := c.src.Weights().ReadTensor(l.Tensor)
			if err != nil {
				return fmt.Errorf("simd: %w", err)
			}
			copyIn(l.Addr, b)
		}
		copyIn(p.Image.Addr, p.Image.Data)
		init.Drop(run.CallI32(asm.Int(int32(p.Program)), asm.Int(0), asm.Int(1)))
	}
	infer := m.Func("infer")
	infer.Results(asm.TypeI32)
	infer.Return(run.CallI32(asm.Int(int32(out.Program)), asm.Int(0), asm.Int(1)))
	m.Export("infer", infer)

	region := func(name string, r Region) {
		m.ExportGlobal(name, m.Global(int32(r.Addr), false))
		m.ExportGlobal(name+"Length", m.Global(int32(r.Len/4), false))
	}
	region("input", out.Input)
	for i, r := range out.Outputs {
		name := "output"
		if i > 0 {
			name = fmt.Sprintf("output%d", i)
		}
		region(name, r)
	}
	return nil
}
