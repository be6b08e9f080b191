package asm

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// encode encodes m, and asks the browser that this runs in whether it is valid.
func encode(t testing.TB, m *Module) []byte {
	t.Helper()
	wasm, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if !browserValidates(wasm) {
		t.Fatalf("WebAssembly.validate refuses % x", wasm)
	}
	return wasm
}

// instantiate compiles and starts m on wazero, which lacks relaxed SIMD.
func instantiate(t testing.TB, m *Module) api.Module {
	t.Helper()
	wasm := encode(t, m)
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().
		WithCoreFeatures(api.CoreFeaturesV2|experimental.CoreFeaturesThreads))
	t.Cleanup(func() { r.Close(ctx) })
	mod, err := r.Instantiate(ctx, wasm)
	if err != nil {
		t.Fatalf("%v\n% x", err, wasm)
	}
	return mod
}

func call(t testing.TB, mod api.Module, name string, args ...uint64) uint64 {
	t.Helper()
	res, err := mod.ExportedFunction(name).Call(context.Background(), args...)
	if err != nil {
		t.Fatal(err)
	}
	if len(res) == 0 {
		return 0
	}
	return res[0]
}

func TestScaleLoopMultipliesMemory(t *testing.T) {
	m := NewModule()
	m.Memory(Limits{Min: 1})
	f := m.Func("scale")
	p, end, by := f.ParamI32(), f.ParamI32(), f.ParamF32()
	f.While(p.LtU(end), func() {
		f.StoreV128(p, 0, p.LoadV128(0).F32x4Mul(by.Splat()))
		p.Inc(16)
	})
	m.Export("scale", f)
	m.ExportMemory("memory")
	m.Names()
	mod := instantiate(t, m)
	mem := mod.Memory()
	for i := range uint32(8) {
		mem.WriteFloat32Le(4*i, float32(i))
	}
	call(t, mod, "scale", 0, 16, api.EncodeF32(3))
	for i, want := range []float32{0, 3, 6, 9, 4, 5, 6, 7} {
		if got, _ := mem.ReadFloat32Le(uint32(4 * i)); got != want {
			t.Errorf("float %d is %v, want %v", i, got, want)
		}
	}
}

func TestIntegerOperationsAgreeWithGo(t *testing.T) {
	ops := []struct {
		name string
		wasm func(a, b I32) I32
		gofn func(a, b int32) int32
	}{
		{"Add", func(a, b I32) I32 { return a.Add(b) }, func(a, b int32) int32 { return a + b }},
		{"Sub", func(a, b I32) I32 { return a.Sub(b) }, func(a, b int32) int32 { return a - b }},
		{"Mul", func(a, b I32) I32 { return a.Mul(b) }, func(a, b int32) int32 { return a * b }},
		{"DivU", func(a, b I32) I32 { return a.DivU(b.Or(Int(1))) }, func(a, b int32) int32 { return int32(uint32(a) / uint32(b|1)) }},
		{"RemU", func(a, b I32) I32 { return a.RemU(b.Or(Int(1))) }, func(a, b int32) int32 { return int32(uint32(a) % uint32(b|1)) }},
		{"DivS", func(a, b I32) I32 { return a.DivS(b.Or(Int(3)).And(Int(255))) }, func(a, b int32) int32 { return a / ((b | 3) & 255) }},
		{"RemS", func(a, b I32) I32 { return a.RemS(b.Or(Int(3)).And(Int(255))) }, func(a, b int32) int32 { return a % ((b | 3) & 255) }},
		{"ShrS", func(a, b I32) I32 { return a.ShrS(b) }, func(a, b int32) int32 { return a >> (b & 31) }},
		{"ShrU", func(a, b I32) I32 { return a.ShrU(b) }, func(a, b int32) int32 { return int32(uint32(a) >> (b & 31)) }},
		{"Shl", func(a, b I32) I32 { return a.Shl(b) }, func(a, b int32) int32 { return a << (b & 31) }},
		{"Xor", func(a, b I32) I32 { return a.Xor(b) }, func(a, b int32) int32 { return a ^ b }},
		{"And", func(a, b I32) I32 { return a.And(b) }, func(a, b int32) int32 { return a & b }},
		{"LtS", func(a, b I32) I32 { return a.LtS(b).Select(Int(7), Int(-9)) }, func(a, b int32) int32 {
			if a < b {
				return 7
			}
			return -9
		}},
		{"GtU", func(a, b I32) I32 { return a.GtU(b) }, func(a, b int32) int32 {
			if uint32(a) > uint32(b) {
				return 1
			}
			return 0
		}},
		{"MulConst", func(a, b I32) I32 { return a.MulConst(64).Add(b.MulConst(-7)) }, func(a, b int32) int32 { return a*64 + b*-7 }},
	}
	m := NewModule()
	for _, o := range ops {
		f := m.Func(o.name)
		a, b := f.ParamI32(), f.ParamI32()
		f.Results(TypeI32)
		f.Return(o.wasm(a.I32, b.I32))
		m.Export(o.name, f)
	}
	mod := instantiate(t, m)
	values := []int32{0, 1, -1, 2, 63, 64, -64, 127, 128, -128, 8191, -8193, math.MaxInt32, math.MinInt32, 0x12345678}
	for _, o := range ops {
		for _, a := range values {
			for _, b := range values {
				if got, want := int32(call(t, mod, o.name, api.EncodeI32(a), api.EncodeI32(b))), o.gofn(a, b); got != want {
					t.Errorf("%s(%d, %d) = %d, want %d", o.name, a, b, got, want)
				}
			}
		}
	}
}

func TestConstantsKeepTheirValue(t *testing.T) {
	m := NewModule()
	m.Memory(Limits{Min: 1})
	m.ExportMemory("memory")
	f := m.Func("write")
	ints := []int32{0, 1, 63, 64, -64, -65, 127, 128, 1 << 20, math.MaxInt32, math.MinInt32}
	for i, v := range ints {
		f.StoreI32(Int(0), uint32(4*i), Int(v))
	}
	f.StoreV128(Int(1024), 0, IntsX4(1, -2, 3, math.MinInt32))
	f.StoreV128(Int(1024), 16, FloatsX4(0.1))
	m.Export("write", f)
	mod := instantiate(t, m)
	call(t, mod, "write")
	for i, want := range ints {
		if got, _ := mod.Memory().ReadUint32Le(uint32(4 * i)); int32(got) != want {
			t.Errorf("constant %d reads %d", want, int32(got))
		}
	}
	for i, want := range []int32{1, -2, 3, math.MinInt32} {
		if got, _ := mod.Memory().ReadUint32Le(uint32(1024 + 4*i)); int32(got) != want {
			t.Errorf("lane %d is %d, want %d", i, int32(got), want)
		}
	}
	if got, _ := mod.Memory().ReadFloat32Le(1024 + 28); got != 0.1 {
		t.Errorf("float lane is %v", got)
	}
}

func TestBranchesLeaveAndRepeatTheBlockTheyName(t *testing.T) {
	// Counts the numbers below n that no d in 2..n divides: the primes.
	m := NewModule()
	f := m.Func("primes")
	n := f.ParamI32()
	f.Results(TypeI32)
	i, d, count := f.I32(), f.I32(), f.I32()
	i.Set(Int(2))
	f.Block(func(done Label) {
		f.Loop(func(next Label) {
			f.BrIf(done, i.GeS(n))
			f.Block(func(composite Label) {
				d.Set(Int(2))
				f.While(d.LtS(i), func() {
					f.BrIf(composite, i.RemS(d).Eqz())
					d.Inc(1)
				})
				count.Inc(1)
			})
			i.Inc(1)
			f.Br(next)
		})
	})
	f.Return(count)
	m.Export("primes", f)
	if got := call(t, instantiate(t, m), "primes", 100); got != 25 {
		t.Errorf("%d primes below 100", got)
	}
}

func TestTableCallsDataSegmentsAndGlobals(t *testing.T) {
	m := NewModule()
	m.Memory(Limits{Min: 1, Max: 2, HasMax: true})
	m.ExportMemory("memory")
	m.Data(8, []byte{1, 2, 3, 4})
	passive := m.PassiveData([]byte{9, 8, 7})
	g := m.Global(40, true)
	m.ExportGlobal("g", g)
	for k := range int32(3) {
		f := m.Func("add")
		f.SetGlobal(g, g.Add(f.ParamI32()).AddConst(100*k))
		m.TableAdd(f)
	}
	run := m.Func("run")
	run.CallIndirect(Int(1), Int(2))
	run.CallIndirect(Int(2), Int(3))
	run.MemoryInit(passive, Int(16), Int(1), Int(2))
	run.DataDrop(passive)
	run.MemoryCopy(Int(32), Int(8), Int(4))
	run.MemoryFill(Int(34), Int(5), Int(1))
	m.Export("run", run)
	m.ExportTable("table")
	m.Custom("note", []byte("hello"))
	mod := instantiate(t, m)
	call(t, mod, "run")
	if got := mod.ExportedGlobal("g").Get(); got != 345 {
		t.Errorf("global is %d, want 345", got)
	}
	got, _ := mod.Memory().Read(0, 40)
	for at, want := range map[int]byte{8: 1, 11: 4, 16: 8, 17: 7, 32: 1, 33: 2, 34: 5, 35: 4} {
		if got[at] != want {
			t.Errorf("byte %d is %d, want %d", at, got[at], want)
		}
	}
}

func TestImportedFunctionAndMemory(t *testing.T) {
	host := NewModule()
	host.Memory(Limits{Min: 1, Max: 1, HasMax: true})
	host.ExportMemory("memory")
	twice := host.Func("twice")
	v := twice.ParamI32()
	twice.Results(TypeI32)
	twice.Return(v.Add(v))
	host.Export("twice", twice)
	hostWasm, err := host.Encode()
	if err != nil {
		t.Fatal(err)
	}
	m := NewModule()
	imp := m.ImportFunc("host", "twice", Signature{Params: []Type{TypeI32}, Results: []Type{TypeI32}})
	m.ImportMemory("host", "memory", Limits{Min: 1, Max: 1, HasMax: true})
	f := m.Func("f")
	f.Results(TypeI32)
	f.Return(imp.CallI32(Int(0).LoadI32(12)))
	m.Export("f", f)
	wasm, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	defer r.Close(ctx)
	hostMod, err := r.InstantiateWithConfig(ctx, hostWasm, wazero.NewModuleConfig().WithName("host"))
	if err != nil {
		t.Fatal(err)
	}
	hostMod.Memory().WriteUint32Le(12, 21)
	mod, err := r.Instantiate(ctx, wasm)
	if err != nil {
		t.Fatal(err)
	}
	if got := call(t, mod, "f"); got != 42 {
		t.Errorf("f() = %d", got)
	}
}

func TestAtomicsWorkOnASharedMemory(t *testing.T) {
	m := NewModule()
	m.Memory(Limits{Min: 1, Max: 1, HasMax: true, Shared: true})
	f := m.Func("f")
	f.Results(TypeI32)
	f.AtomicStore(Int(0), 8, Int(5))
	f.Drop(Int(0).AtomicAdd(8, Int(6)))
	f.Drop(Int(0).AtomicNotify(8, Int(1)))
	waited := f.LetI32(Int(0).AtomicWait(8, Int(11), Long(1000)))
	f.Return(Int(0).AtomicLoad(8).MulConst(10).Add(waited))
	m.Export("f", f)
	if got := call(t, instantiate(t, m), "f"); got != 112 {
		t.Errorf("f() = %d, want 112 (value 11, wait timed out)", got)
	}
}

func TestEncodeReportsMisuse(t *testing.T) {
	tests := []struct {
		name  string
		build func(*Module)
	}{
		{"a parameter after a local", func(m *Module) { f := m.Func("f"); f.I32(); f.ParamI32() }},
		{"too few arguments", func(m *Module) {
			g := m.Func("g")
			g.ParamI32()
			m.Func("f").Call(g)
		}},
		{"an argument of another type", func(m *Module) {
			g := m.Func("g")
			g.ParamI32()
			m.Func("f").Call(g, Float(1))
		}},
		{"a closed label", func(m *Module) {
			f := m.Func("f")
			var l Label
			f.Block(func(in Label) { l = in })
			f.Br(l)
		}},
		{"a result nobody declared", func(m *Module) { m.Func("f").Return(Int(1)) }},
		{"a second memory", func(m *Module) { m.Memory(Limits{}); m.Memory(Limits{}) }},
		{"a shared memory without a maximum", func(m *Module) { m.Memory(Limits{Shared: true}) }},
		{"two exports of one name", func(m *Module) { f := m.Func("f"); m.Export("x", f); m.Export("x", f) }},
		{"an assignment to a constant", func(m *Module) { m.Func("f").SetGlobal(m.Global(1, false), Int(2)) }},
		{"data without a memory", func(m *Module) { m.Data(0, []byte{1}) }},
		{"an import after a function", func(m *Module) { m.Func("f"); m.ImportFunc("a", "b", Signature{}) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := NewModule()
			test.build(m)
			if _, err := m.Encode(); err == nil {
				t.Error("no error")
			}
		})
	}
}

// writer builds a random but well-typed function out of fuzz bytes.
type writer struct {
	f       *Func
	script  []byte
	relaxed bool
	data    *Data
	ints    []LocalI32
	floats  []LocalF32
	vecs    []LocalV128
	budget  int
}

func (w *writer) next(n int) int {
	if len(w.script) == 0 || n == 0 {
		return 0
	}
	b := w.script[0]
	w.script = w.script[1:]
	return int(b) % n
}

func (w *writer) address() I32 { return w.int(3).And(Int(0xfff)) }

// aligned is an address for atomics, as constant offsets of multiples of 4 keep
// it.
func (w *writer) aligned() I32 { return w.int(2).And(Int(0xffc)) }

func (w *writer) int(depth int) I32 {
	if depth == 0 {
		return w.ints[w.next(len(w.ints))].I32
	}
	a := func() I32 { return w.int(depth - 1) }
	offset := func() uint32 { return uint32(4 * w.next(50)) }
	switch w.next(16) {
	case 12:
		return w.aligned().AtomicLoad(offset())
	case 13:
		return w.aligned().AtomicAdd(offset(), a())
	case 14:
		return w.aligned().AtomicWait(offset(), a(), Long(int64(w.next(256))))
	case 15:
		return w.aligned().AtomicNotify(offset(), a())
	case 0:
		return Int(int32(w.next(256)) << w.next(24))
	case 1:
		return a().Add(a())
	case 2:
		return a().Mul(a())
	case 3:
		return a().RemU(a().Or(Int(1)))
	case 4:
		return a().LtS(a()).Select(a(), a())
	case 5:
		return w.address().LoadI32(uint32(w.next(200)))
	case 6:
		return w.vec(depth - 1).I32x4Lane(byte(w.next(256)))
	case 7:
		return w.vec(depth - 1).AnyTrue()
	case 8:
		return w.float(depth - 1).Bits()
	case 9:
		return w.ints[w.next(len(w.ints))].Tee(a())
	case 10:
		return a().ToI64().Add(Long(int64(w.next(256)) << 40)).ToI32()
	default:
		return w.float(depth - 1).Lt(w.float(depth - 1))
	}
}

func (w *writer) float(depth int) F32 {
	if depth == 0 {
		return w.floats[w.next(len(w.floats))].F32
	}
	a := func() F32 { return w.float(depth - 1) }
	switch w.next(7) {
	case 0:
		return Float(float32(w.next(256)) / 7)
	case 1:
		return a().Add(a())
	case 2:
		return a().Max(a())
	case 3:
		return a().Abs().Sqrt()
	case 4:
		return w.int(depth - 1).ToF32()
	case 5:
		return w.vec(depth - 1).F32x4Lane(byte(w.next(256)))
	default:
		return w.address().LoadF32(uint32(w.next(200)))
	}
}

func (w *writer) vec(depth int) V128 {
	if depth == 0 {
		return w.vecs[w.next(len(w.vecs))].V128
	}
	a := func() V128 { return w.vec(depth - 1) }
	binary := []func(V128, V128Value) V128{
		V128.And, V128.Or, V128.Swizzle, V128.F32x4Add, V128.F32x4Sub, V128.F32x4Mul, V128.F32x4Div, V128.F32x4Max,
		V128.F32x4PMin, V128.F32x4PMax, V128.F32x4Lt, V128.I32x4Add, V128.I32x4Sub, V128.I32x4GtS, V128.I32x4DotI16x8,
		V128.I16x8NarrowI32x4, V128.I8x16NarrowI16x8U,
	}
	unary := []func(V128) V128{
		V128.F32x4Abs, V128.F32x4Neg, V128.F32x4Sqrt, V128.F32x4Floor, V128.F32x4Ceil, V128.F32x4Nearest,
		V128.F32x4ConvertI32x4, V128.I32x4TruncSatF32x4, V128.I16x8ExtendHighI8x16U, V128.I16x8ExtendLowI8x16U,
		V128.I16x8ExtendLowI8x16S, V128.I32x4ExtendLowI16x8U, V128.I32x4ExtendHighI16x8U, V128.I32x4ExtendLowI16x8S, V128.I32x4ExtendHighI16x8S,
	}
	loads := []func(I32, uint32) V128{I32.LoadV128, I32.LoadZero32, I32.Load8x8U, I32.Load8x8S, I32.Load16x4U}
	switch w.next(11) {
	case 10:
		if !w.relaxed {
			return a()
		}
		return a().F32x4RelaxedMadd(a(), a())
	case 0:
		return FloatsX4(float32(w.next(256)))
	case 1, 2, 3:
		return binary[w.next(len(binary))](a(), a())
	case 4, 5:
		return unary[w.next(len(unary))](a())
	case 6:
		return w.address().LoadSplat32(uint32(w.next(200)))
	case 7:
		return a().Shuffle32(a(), byte(w.next(8)), byte(w.next(8)), byte(w.next(8)), byte(w.next(8)))
	case 8:
		return a().Select(a(), a())
	default:
		return loads[w.next(len(loads))](w.address(), uint32(w.next(200)))
	}
}

// dataBytes is the length of the passive segment that functions read.
const dataBytes = 64

func (w *writer) statements(depth int, labels []Label) {
	for range 1 + w.next(4) {
		if w.budget--; w.budget < 0 {
			return
		}
		length := func() I32 { return w.int(2).And(Int(0xff)) }
		switch w.next(14) {
		case 13:
			w.f.StoreLane64(w.address(), uint32(w.next(100)), w.vec(2), byte(w.next(256)))
		case 9:
			w.f.AtomicStore(w.aligned(), uint32(4*w.next(50)), w.int(2))
		case 10:
			w.f.MemoryCopy(w.address(), w.address(), length())
		case 11:
			w.f.MemoryFill(w.address(), w.int(2), length())
		case 12:
			from := w.next(dataBytes)
			w.f.MemoryInit(w.data, w.address(), Int(int32(from)), Int(int32(w.next(dataBytes-from))))
		case 0:
			w.ints[w.next(len(w.ints))].Set(w.int(3))
		case 1:
			w.floats[w.next(len(w.floats))].Set(w.float(3))
		case 2:
			w.vecs[w.next(len(w.vecs))].Set(w.vec(3))
		case 3:
			w.f.StoreV128(w.address(), uint32(w.next(100)), w.vec(2))
		case 4:
			w.f.StoreLane32(w.address(), uint32(w.next(100)), w.vec(2), byte(w.next(256)))
		case 5:
			if depth > 0 {
				w.f.If(w.int(2), func() { w.statements(depth-1, labels) }, func() { w.statements(depth-1, labels) })
			}
		case 6:
			if depth > 0 {
				w.f.Block(func(l Label) { w.statements(depth-1, append(labels[:len(labels):len(labels)], l)) })
			}
		case 7:
			// Only blocks are branched to, so that every function ends.
			if len(labels) > 0 {
				w.f.BrIf(labels[w.next(len(labels))], w.int(2))
			}
		case 8:
			if depth > 0 {
				n := w.f.LetI32(Int(int32(w.next(5))))
				w.f.While(n.GtS(Int(0)), func() {
					w.statements(depth-1, nil)
					n.Inc(-1)
				})
			}
		}
	}
}

// scripts are what the fuzzer begins with.
func scripts() [][]byte {
	all := [][]byte{{}}
	for seed := range uint64(24) {
		script := make([]byte, 400)
		x := seed*0x9e3779b97f4a7c15 + 1
		for i := range script {
			x = x*6364136223846793005 + 1442695040888963407
			script[i] = byte(x >> 33)
		}
		all = append(all, script)
	}
	return all
}

func TestTheFuzzersModulesHaveInstructionsOfEveryKind(t *testing.T) {
	var code []byte
	for _, script := range scripts() {
		code = append(code, encode(t, written(script, true))...)
	}
	for name, op := range map[string][]byte{
		"relaxed madd": simdOp(0x105), "memory.init": bulkOp(0x08), "memory.copy": bulkOp(0x0a), "memory.fill": bulkOp(0x0b),
		"an atomic load": atomicOp(0x10), "an atomic store": atomicOp(0x17), "an atomic add": atomicOp(0x1e),
		"wait": atomicOp(0x01), "notify": atomicOp(0x00),
	} {
		if !bytes.Contains(code, op) {
			t.Errorf("no module has %s", name)
		}
	}
}

func FuzzEmittedModuleValidates(f *testing.F) {
	for _, script := range scripts() {
		f.Add(script)
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		call(t, instantiate(t, written(script, false)), "f", 7, 9)
		encode(t, written(script, true))
	})
}

// written is a module with one function f of two integers, made of fuzz bytes.
func written(script []byte, relaxed bool) *Module {
	m := NewModule()
	m.Memory(Limits{Min: 1, Max: 1, HasMax: true, Shared: true})
	w := &writer{f: m.Func("f"), script: script, relaxed: relaxed, data: m.PassiveData(make([]byte, dataBytes)), budget: 60}
	w.ints = append(w.ints, w.f.ParamI32(), w.f.ParamI32(), w.f.I32())
	w.floats = append(w.floats, w.f.F32(), w.f.F32())
	w.vecs = append(w.vecs, w.f.V128s(3)...)
	w.f.Results(TypeI32)
	for range 4 {
		w.statements(3, nil)
	}
	w.f.DataDrop(w.data)
	w.f.Return(w.int(1))
	m.Export("f", w.f)
	m.Names()
	return m
}

func TestLEB128RoundTrips(t *testing.T) {
	for _, v := range []int64{0, 1, -1, 63, 64, -64, -65, 127, 128, 1 << 31, -(1 << 31), math.MaxInt64, math.MinInt64} {
		b := appendS(nil, v)
		var got int64
		var shift uint
		for _, c := range b {
			got |= int64(c&0x7f) << shift
			shift += 7
		}
		if shift < 64 && b[len(b)-1]&0x40 != 0 {
			got |= -1 << shift
		}
		if got != v {
			t.Errorf("%d reads back as %d from % x", v, got, b)
		}
		if u, n := binary.Uvarint(appendU(nil, uint64(v))); u != uint64(v) || n <= 0 {
			t.Errorf("unsigned %d reads back as %d", uint64(v), u)
		}
	}
}
