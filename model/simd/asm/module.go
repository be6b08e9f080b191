package asm

import (
	"errors"
	"fmt"
	"slices"
)

// PageSize is the size of a WebAssembly memory page in bytes.
const PageSize = 65536

// Limits are the bounds of a memory, in pages.
type Limits struct {
	Min, Max uint32
	// HasMax says that Max is meant; a shared memory must have one.
	HasMax bool
	Shared bool
}

// Signature is a function type.
type Signature struct {
	Params, Results []Type
}

func (s Signature) equal(t Signature) bool {
	return slices.Equal(s.Params, t.Params) && slices.Equal(s.Results, t.Results)
}

// Global is a mutable or constant global of type i32.
type Global struct {
	I32
	index   uint32
	mutable bool
	init    int32
}

// Data is a passive data segment, for Func.MemoryInit.
type Data struct{ index uint32 }

type segment struct {
	passive bool
	offset  uint32
	bytes   []byte
}

type importedFunc struct {
	module, name string
	sig          uint32
}

type export struct {
	name  string
	kind  byte
	index uint32
	fn    *Func
}

// Module is a WebAssembly module in the making.
type Module struct {
	sigs      []Signature
	imports   []importedFunc
	funcs     []*Func
	table     []*Func
	memory    *Limits
	memImport [2]string
	memIsImp  bool
	globals   []*Global
	data      []segment
	exports   []export
	customs   [][2]string
	names     bool
	errs      []error
}

// NewModule returns an empty module.
func NewModule() *Module { return &Module{} }

func (m *Module) fail(format string, args ...any) {
	m.errs = append(m.errs, fmt.Errorf("asm: "+format, args...))
}

// Memory gives the module a memory of its own.
func (m *Module) Memory(l Limits) {
	if m.memory != nil {
		m.fail("a second memory")
		return
	}
	m.memory = &l
}

// ImportMemory imports the module's memory.
func (m *Module) ImportMemory(module, name string, l Limits) {
	m.Memory(l)
	m.memImport, m.memIsImp = [2]string{module, name}, true
}

// ExportMemory exports the memory, own or imported.
func (m *Module) ExportMemory(name string) {
	m.exports = append(m.exports, export{name: name, kind: 2})
}

// ImportFunc imports a function. Imports come before the first Func.
func (m *Module) ImportFunc(module, name string, sig Signature) *Func {
	if len(m.funcs) > 0 {
		m.fail("import of %s.%s after the first function", module, name)
	}
	f := &Func{m: m, name: name, index: uint32(len(m.imports)), sig: sig, params: len(sig.Params), imported: true}
	m.imports = append(m.imports, importedFunc{module, name, m.sigIndex(sig)})
	return f
}

// Func starts a function. Its name is for errors and the name section; it need
// not be unique.
func (m *Module) Func(name string) *Func {
	f := &Func{m: m, name: name, index: uint32(len(m.imports) + len(m.funcs))}
	m.funcs = append(m.funcs, f)
	return f
}

// Export exports a function.
func (m *Module) Export(name string, f *Func) {
	m.exports = append(m.exports, export{name: name, fn: f})
}

// TableAdd puts f in the module's table and returns its index there.
func (m *Module) TableAdd(f *Func) uint32 {
	m.table = append(m.table, f)
	return uint32(len(m.table) - 1)
}

// ExportTable exports the table.
func (m *Module) ExportTable(name string) {
	m.exports = append(m.exports, export{name: name, kind: 1})
}

// Global adds an i32 global.
func (m *Module) Global(init int32, mutable bool) *Global {
	g := &Global{index: uint32(len(m.globals)), mutable: mutable, init: init}
	g.I32 = I32{appendU(op(0x23), uint64(g.index))}
	m.globals = append(m.globals, g)
	return g
}

// ExportGlobal exports a global.
func (m *Module) ExportGlobal(name string, g *Global) {
	m.exports = append(m.exports, export{name: name, kind: 3, index: g.index})
}

// Data adds a segment written to memory at offset when the module starts.
func (m *Module) Data(offset uint32, bytes []byte) {
	m.data = append(m.data, segment{offset: offset, bytes: bytes})
}

// PassiveData adds a segment that Func.MemoryInit copies on demand.
func (m *Module) PassiveData(bytes []byte) *Data {
	m.data = append(m.data, segment{passive: true, bytes: bytes})
	return &Data{uint32(len(m.data) - 1)}
}

// Custom adds a custom section.
func (m *Module) Custom(name string, bytes []byte) {
	m.customs = append(m.customs, [2]string{name, string(bytes)})
}

// Names makes Encode write the function names into a name section.
func (m *Module) Names() { m.names = true }

func (m *Module) sigIndex(s Signature) uint32 {
	for i, t := range m.sigs {
		if t.equal(s) {
			return uint32(i)
		}
	}
	m.sigs = append(m.sigs, s)
	return uint32(len(m.sigs) - 1)
}

func (l Limits) append(b []byte) []byte {
	var flags byte
	if l.HasMax {
		flags |= 1
	}
	if l.Shared {
		flags |= 2
	}
	b = appendU(append(b, flags), uint64(l.Min))
	if l.HasMax {
		b = appendU(b, uint64(l.Max))
	}
	return b
}

func (m *Module) check() {
	for _, f := range m.funcs {
		if f.depth != 0 {
			m.fail("%s: a block is not closed", f.name)
		}
	}
	if l := m.memory; l != nil {
		if l.Shared && !l.HasMax {
			m.fail("a shared memory needs a maximum")
		}
		if l.HasMax && l.Max < l.Min || max(l.Min, l.Max) > 65536 {
			m.fail("memory of %d to %d pages", l.Min, l.Max)
		}
	}
	seen := map[string]bool{}
	for _, e := range m.exports {
		if seen[e.name] {
			m.fail("%q is exported twice", e.name)
		}
		seen[e.name] = true
		switch {
		case e.kind == 2 && m.memory == nil:
			m.fail("export of a memory that is not there")
		case e.kind == 1 && len(m.table) == 0:
			m.fail("export of a table that is not there")
		}
	}
	if len(m.data) > 0 && m.memory == nil {
		m.fail("data without a memory")
	}
}

// Encode returns the module's bytes, or what was wrong in building it.
func (m *Module) Encode() ([]byte, error) {
	var funcSigs []uint32
	for _, f := range m.funcs {
		funcSigs = append(funcSigs, m.sigIndex(f.sig))
	}
	m.check()
	if err := errors.Join(m.errs...); err != nil {
		return nil, err
	}
	size := 0 // about that of the code, and of the data
	for _, f := range m.funcs {
		size += len(f.body) + 64
	}
	code := make([]byte, 0, size)
	for _, d := range m.data {
		size += len(d.bytes) + 64
	}
	b := append(make([]byte, 0, size+size/8), 0, 'a', 's', 'm', 1, 0, 0, 0)

	b = appendSection(b, 1, appendVector(nil, len(m.sigs), func(b []byte, i int) []byte {
		b = append(b, 0x60)
		for _, types := range [2][]Type{m.sigs[i].Params, m.sigs[i].Results} {
			b = appendU(b, uint64(len(types)))
			for _, t := range types {
				b = append(b, byte(t))
			}
		}
		return b
	}))

	imports := len(m.imports)
	if m.memIsImp {
		imports++
	}
	b = appendSection(b, 2, appendVector(nil, imports, func(b []byte, i int) []byte {
		if i < len(m.imports) {
			f := m.imports[i]
			b = append(appendName(appendName(b, f.module), f.name), 0)
			return appendU(b, uint64(f.sig))
		}
		return m.memory.append(append(appendName(appendName(b, m.memImport[0]), m.memImport[1]), 2))
	}))

	b = appendSection(b, 3, appendVector(nil, len(funcSigs), func(b []byte, i int) []byte {
		return appendU(b, uint64(funcSigs[i]))
	}))

	if n := uint64(len(m.table)); n > 0 {
		t := []byte{1, 0x70, 1}
		b = appendSection(b, 4, appendU(appendU(t, n), n))
	}
	if m.memory != nil && !m.memIsImp {
		b = appendSection(b, 5, m.memory.append([]byte{1}))
	}

	b = appendSection(b, 6, appendVector(nil, len(m.globals), func(b []byte, i int) []byte {
		g := m.globals[i]
		b = append(b, byte(TypeI32), 0)
		if g.mutable {
			b[len(b)-1] = 1
		}
		return append(appendS(append(b, 0x41), int64(g.init)), 0x0b)
	}))

	b = appendSection(b, 7, appendVector(nil, len(m.exports), func(b []byte, i int) []byte {
		e := m.exports[i]
		index := e.index
		if e.fn != nil {
			index = e.fn.index
		}
		return appendU(append(appendName(b, e.name), e.kind), uint64(index))
	}))

	if len(m.table) > 0 {
		e := appendVector([]byte{1, 0, 0x41, 0, 0x0b}, len(m.table), func(b []byte, i int) []byte {
			return appendU(b, uint64(m.table[i].index))
		})
		b = appendSection(b, 9, e)
	}
	if len(m.data) > 0 {
		b = appendSection(b, 12, appendU(nil, uint64(len(m.data))))
	}

	b = appendSection(b, 10, appendVector(code, len(m.funcs), func(b []byte, i int) []byte {
		body := m.funcs[i].encode()
		return append(appendU(b, uint64(len(body))), body...)
	}))

	b = appendSection(b, 11, appendVector(nil, len(m.data), func(b []byte, i int) []byte {
		s := m.data[i]
		if s.passive {
			b = append(b, 1)
		} else {
			b = append(appendS(append(b, 0, 0x41), int64(int32(s.offset))), 0x0b)
		}
		return append(appendU(b, uint64(len(s.bytes))), s.bytes...)
	}))

	if m.names && len(m.funcs) > 0 {
		sub := appendVector(nil, len(m.funcs), func(b []byte, i int) []byte {
			return appendName(appendU(b, uint64(m.funcs[i].index)), m.funcs[i].name)
		})
		b = appendSection(b, 0, append(appendU(append(appendName(nil, "name"), 1), uint64(len(sub))), sub...))
	}
	for _, c := range m.customs {
		b = appendSection(b, 0, append(appendName(nil, c[0]), c[1]...))
	}
	return b, nil
}
