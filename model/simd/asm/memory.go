package asm

// Loads take a constant byte offset; none needs its address aligned, except
// the atomic ones.

// LoadI32 reads an i32.
func (p I32) LoadI32(offset uint32) I32 { return I32{join(p.c, op(0x28), memArg(2, offset))} }

// LoadF32 reads an f32.
func (p I32) LoadF32(offset uint32) F32 { return F32{join(p.c, op(0x2a), memArg(2, offset))} }

// LoadI64 reads an i64.
func (p I32) LoadI64(offset uint32) I64 { return I64{join(p.c, op(0x29), memArg(3, offset))} }

// LoadV128 reads sixteen bytes.
func (p I32) LoadV128(offset uint32) V128 { return V128{join(p.c, simdOp(0x00), memArg(4, offset))} }

// LoadSplat32 reads four copies of 32 bits.
func (p I32) LoadSplat32(offset uint32) V128 { return V128{join(p.c, simdOp(0x09), memArg(2, offset))} }

// LoadZero32 reads 32 bits in lane 0, the rest zero.
func (p I32) LoadZero32(offset uint32) V128 { return V128{join(p.c, simdOp(0x5c), memArg(2, offset))} }

// Load8x8U reads eight bytes as unsigned 16-bit lanes.
func (p I32) Load8x8U(offset uint32) V128 { return V128{join(p.c, simdOp(0x02), memArg(3, offset))} }

// Load8x8S reads eight bytes as signed 16-bit lanes.
func (p I32) Load8x8S(offset uint32) V128 { return V128{join(p.c, simdOp(0x01), memArg(3, offset))} }

// Load16x4U reads eight bytes as four unsigned 32-bit lanes.
func (p I32) Load16x4U(offset uint32) V128 { return V128{join(p.c, simdOp(0x04), memArg(3, offset))} }

// StoreI32 writes an i32.
func (f *Func) StoreI32(p I32Value, offset uint32, v I32Value) {
	f.emit(p.expr(), v.expr(), op(0x36), memArg(2, offset))
}

// StoreV128 writes sixteen bytes.
func (f *Func) StoreV128(p I32Value, offset uint32, v V128Value) {
	f.emit(p.expr(), v.expr(), simdOp(0x0b), memArg(4, offset))
}

// StoreLane32 writes 32-bit lane 0–3.
func (f *Func) StoreLane32(p I32Value, offset uint32, v V128Value, lane byte) {
	f.emit(p.expr(), v.expr(), simdOp(0x5a), memArg(2, offset), op(lane&3))
}

// StoreLane64 writes 64-bit lane 0–1.
func (f *Func) StoreLane64(p I32Value, offset uint32, v V128Value, lane byte) {
	f.emit(p.expr(), v.expr(), simdOp(0x5b), memArg(3, offset), op(lane&1))
}

// LoadLane32 is v with 32-bit lane 0–3 read from memory.
func (p I32) LoadLane32(offset uint32, v V128Value, lane byte) V128 {
	return V128{join(p.c, v.expr(), simdOp(0x56), memArg(2, offset), op(lane&3))}
}

// LoadLane8 is v with byte lane 0–15 read from memory.
func (p I32) LoadLane8(offset uint32, v V128Value, lane byte) V128 {
	return V128{join(p.c, v.expr(), simdOp(0x54), memArg(0, offset), op(lane&15))}
}

// LoadLane16 is v with 16-bit lane 0–7 read from memory.
func (p I32) LoadLane16(offset uint32, v V128Value, lane byte) V128 {
	return V128{join(p.c, v.expr(), simdOp(0x55), memArg(1, offset), op(lane&7))}
}

// MemoryCopy copies n bytes; the areas may overlap.
func (f *Func) MemoryCopy(dst, src, n I32Value) {
	f.emit(dst.expr(), src.expr(), n.expr(), bulkOp(0x0a), []byte{0, 0})
}

// MemoryFill fills n bytes with the low byte of v.
func (f *Func) MemoryFill(dst, v, n I32Value) {
	f.emit(dst.expr(), v.expr(), n.expr(), bulkOp(0x0b), []byte{0})
}

// MemoryInit copies n bytes at src of a passive segment to dst.
func (f *Func) MemoryInit(d *Data, dst, src, n I32Value) {
	f.emit(dst.expr(), src.expr(), n.expr(), appendU(bulkOp(0x08), uint64(d.index)), []byte{0})
}

// DataDrop lets a passive segment go.
func (f *Func) DataDrop(d *Data) { f.emit(appendU(bulkOp(0x09), uint64(d.index))) }

// AtomicLoad reads an i32, sequentially consistent. Threads.
func (p I32) AtomicLoad(offset uint32) I32 {
	return I32{join(p.expr(), atomicOp(0x10), memArg(2, offset))}
}

// AtomicStore writes an i32, sequentially consistent. Threads.
func (f *Func) AtomicStore(p I32Value, offset uint32, v I32Value) {
	f.emit(p.expr(), v.expr(), atomicOp(0x17), memArg(2, offset))
}

// AtomicAdd adds v to an i32 and is the value before. Threads.
func (p I32) AtomicAdd(offset uint32, v I32Value) I32 {
	return I32{join(p.c, v.expr(), atomicOp(0x1e), memArg(2, offset))}
}

// AtomicWait sleeps while the i32 there is expected, at most timeout
// nanoseconds (negative: for ever): 0 woken, 1 other value, 2 timed out.
// Threads.
func (p I32) AtomicWait(offset uint32, expected I32Value, timeout I64Value) I32 {
	return I32{join(p.c, expected.expr(), timeout.expr(), atomicOp(0x01), memArg(2, offset))}
}

// AtomicNotify wakes up to n sleepers and is how many it woke. Threads.
func (p I32) AtomicNotify(offset uint32, n I32Value) I32 {
	return I32{join(p.c, n.expr(), atomicOp(0x00), memArg(2, offset))}
}
