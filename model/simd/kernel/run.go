package kernel

import (
	"hamster/model/simd/asm"
)

// The header of a program, byte offsets. The first half is read by all
// threads; the words that threads write stand on a cache line of their own.
const (
	headerSteps   = 0  // address of the step table
	headerCount   = 4  // number of steps
	headerSpin    = 8  // polls of a barrier before a thread sleeps
	headerTimeout = 16 // nanoseconds a thread sleeps before it gives up, i64
	headerAbort   = 64 // not 0: every thread leaves at its next barrier
	headerArrived = 68 // threads waiting at the barrier
	headerEpoch   = 72 // barriers passed
	headerSize    = 128
)

// The record of a step, byte offsets.
const (
	stepKernel = 0 // table index
	stepDesc   = 4 // address of the descriptor
	stepItems  = 8 // number of items
	stepFlags  = 12
	stepSize   = 16

	flagUnordered = 1 // no barrier after this step
)

// What a runtime may set in a program's header before it runs.
const (
	// SpinOffset is where the number of polls before sleeping stands, u32.
	SpinOffset = headerSpin
	// TimeoutOffset is where the nanoseconds a thread waits for the others
	// stand, i64.
	TimeoutOffset = headerTimeout
	// AbortOffset is where a word other than 0 makes run return 1 at its next
	// barrier, in all threads.
	AbortOffset = headerAbort

	// DefaultSpin is about a quarter of a millisecond of polling.
	DefaultSpin = 50_000
	// DefaultTimeout is ten seconds in nanoseconds.
	DefaultTimeout int64 = 10e9
)

// run emits the export run(program, thread, threads i32) i32.
func (e *emitter) run() *asm.Func {
	f := e.m.Func("run")
	program, thread, threads := f.ParamI32(), f.ParamI32(), f.ParamI32()
	f.Results(asm.TypeI32)
	e.m.Export("run", f)
	if e.opts.Threads {
		e.runThreads(f, program, thread, threads)
		return f
	}
	step, end := f.I32(), f.I32()
	step.Set(program.LoadI32(headerSteps))
	end.Set(step.Add(program.LoadI32(headerCount).MulConst(stepSize)))
	f.While(step.LtU(end), func() {
		f.If(program.LoadI32(headerAbort), func() { f.Return(asm.Int(1)) }, nil)
		f.CallIndirect(step.LoadI32(stepKernel), step.LoadI32(stepDesc), asm.Int(0), step.LoadI32(stepItems))
		step.Inc(stepSize)
	})
	f.Return(asm.Int(0))
	return f
}

func (e *emitter) runThreads(f *asm.Func, program, thread, threads asm.LocalI32) {
	barrier := e.barrier()
	step, end, items, at, stop := f.I32(), f.I32(), f.I32(), f.I32(), f.I32()
	step.Set(program.LoadI32(headerSteps))
	end.Set(step.Add(program.LoadI32(headerCount).MulConst(stepSize)))
	f.While(step.LtU(end), func() {
		items.Set(step.LoadI32(stepItems))
		// 64 bits: items · threads may pass 2^31.
		share := func(t asm.I32) asm.I32 {
			return items.ToI64().Mul(t.ToI64()).DivU(threads.ToI64()).ToI32()
		}
		at.Set(share(thread.I32))
		stop.Set(share(thread.AddConst(1)))
		f.If(at.LtS(stop), func() {
			f.CallIndirect(step.LoadI32(stepKernel), step.LoadI32(stepDesc), at, stop)
		}, nil)
		f.If(step.LoadI32(stepFlags).And(asm.Int(flagUnordered)).Eqz().Or(step.AddConst(stepSize).Eq(end)), func() {
			f.If(barrier.CallI32(program, threads), func() { f.Return(asm.Int(1)) }, nil)
		}, nil)
		step.Inc(stepSize)
	})
	f.Return(asm.Int(0))
}

// barrier emits barrier(program, threads) i32: it returns 0 when all threads have
// come, 1 when the run was aborted or one did not come in time.
func (e *emitter) barrier() *asm.Func {
	f := e.m.Func("barrier")
	program, threads := f.ParamI32(), f.ParamI32()
	f.Results(asm.TypeI32)
	epoch, spin := f.I32(), f.I32()
	aborted := func() { f.If(program.AtomicLoad(headerAbort), func() { f.Return(asm.Int(1)) }, nil) }
	aborted()
	epoch.Set(program.AtomicLoad(headerEpoch))
	f.If(program.AtomicAdd(headerArrived, asm.Int(1)).AddConst(1).Eq(threads), func() {
		f.AtomicStore(program, headerArrived, asm.Int(0))
		f.AtomicStore(program, headerEpoch, epoch.AddConst(1))
		f.Drop(program.AtomicNotify(headerEpoch, asm.Int(-1)))
		f.Return(asm.Int(0))
	}, nil)
	spin.Set(program.LoadI32(headerSpin))
	opened := func() { f.If(program.AtomicLoad(headerEpoch).Ne(epoch), func() { f.Return(asm.Int(0)) }, nil) }
	f.While(spin.GtS(asm.Int(0)), func() {
		opened()
		spin.Inc(-1)
	})
	f.Loop(func(again asm.Label) {
		opened()
		aborted()
		spin.Set(program.AtomicWait(headerEpoch, epoch, program.LoadI64(headerTimeout)))
		f.BrIf(again, spin.Ne(asm.Int(2)))
	})
	// A thread is missing. Nobody may go on with half a result.
	f.AtomicStore(program, headerAbort, asm.Int(1))
	f.Drop(program.AtomicNotify(headerEpoch, asm.Int(-1)))
	f.Return(asm.Int(1))
	return f
}
