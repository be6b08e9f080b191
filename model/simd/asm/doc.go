// Package asm writes WebAssembly binary modules: the core instructions that
// numeric kernels need, fixed-width SIMD, relaxed SIMD, threads (shared memory
// and atomics) and bulk memory.
//
// # Reading it
//
// A Module collects functions, memory, table, globals and data. A Func is
// written statement by statement. Expressions are typed Go values (I32, I64,
// F32, V128) built from locals, constants and operations; a mistake of type is
// a Go compile error, so what is emitted validates. An expression is code, not
// a result: used twice, it is evaluated twice, and it is evaluated where the
// statement that holds it stands. Put it in a local to keep it.
//
//	m := asm.NewModule()
//	m.Memory(asm.Limits{Min: 1})
//	f := m.Func("scale")                 // scale(p, end i32, by f32)
//	p, end, by := f.ParamI32(), f.ParamI32(), f.ParamF32()
//	f.While(p.LtU(end), func() {
//		f.StoreV128(p, 0, p.LoadV128(0).F32x4Mul(by.Splat()))
//		p.Set(p.AddConst(16))
//	})
//	m.Export("scale", f)
//	wasm, err := m.Encode()
//
// Misuse that Go's types cannot see (a parameter declared after a local, a call
// with the wrong arguments, a branch to a label that is closed) is remembered
// and returned by Encode; nothing panics.
package asm
