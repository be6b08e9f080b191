// Package kernel generates the WebAssembly functions that a compiled model is
// made of, and the run function that drives them.
//
// # How a model runs
//
// The code does not grow with the model: a module holds one copy of each
// kernel it needs, and a program in linear memory says what they do. A program
// is a list of steps; a step is a kernel, its descriptor (pointers, strides,
// sizes: 32-bit little-endian words) and a number of items. An item is an
// independent piece of output, such as a tile of pixels × channels. Every
// kernel has the WebAssembly signature (descriptor, begin, end i32) and does
// items begin ≤ i < end. The bits that an item writes do not depend on how the
// items are split, so any number of threads gives the same result.
//
//	b := kernel.NewBuilder(kernel.Options{Relaxed: true})
//	b.Memory(asm.Limits{Min: pages, Max: pages, HasMax: true}, "env", "memory")
//	steps := []kernel.Step{
//		kernel.Halo{…},                                 // zero the borders once
//		kernel.ConvStep{Conv: kernel.Conv{MR: 6, NR: 8, Act: kernel.MinMax}, In: …, B: kernel.Inf},
//		kernel.PoolStep{…},
//	}
//	image, err := b.Program(address, steps)             // header, step table, descriptors
//	wasm, err := b.Encode()
//
// The caller writes image to memory at address and calls the export
// run(address, thread, threads), which returns 0, or 1 when it was aborted.
// Several programs (packing weights, preprocessing, inference) may share one
// module; a Builder generates each kernel once.
//
// # Tensors
//
// Activations are float32 in NHWC, one image. A tensor is a pointer to its
// pixel (0, 0), a row stride and a pixel stride, in bytes. The pixel stride may
// exceed 4·C (a slice of a concatenation). Convolutions read past the edges:
// the memory plan gives their input a border of zeros (a halo, written by the
// Halo step, never by another kernel), so that no kernel tests for padding.
// Pools clamp their window instead and need no halo. Strides and pointers are
// multiples of 4; 16 is faster.
//
// # Convolution
//
// Conv computes tiles of MR output pixels × NR output channels. Its weights are floats,
// [⌈Cout/NR⌉][kh][kw][Cin][NR], and its bias is [⌈Cout/NR⌉·NR]. Weights that are stored
// as floats are packed so at load (PackStep). Smaller ones stay as they are, in panels
// [⌈Cout/NR⌉][Cin][kh][kw][NR] (PanelStep), of which each run makes floats, some blocks
// at a time (ExpandStep).
//
// Four tables in memory drive it, all made by functions here:
//
//   - the pixel table of the input (PixelTable): byte offset from In of the
//     first tap of each output pixel, padded to a multiple of MR by repeating
//     the last pixel;
//   - the pixel table of the output: byte offset from a block's Out, padded
//     the same way (a padded pixel is computed twice and written twice with the
//     same bits);
//   - the segment table (Segments): where the runs of contiguous input floats
//     of one output pixel lie. One row of taps is one run when Cin·4 is the
//     pixel stride and the horizontal dilation is 1;
//   - the block table (Block): for each NR output channels the destination and
//     the number of valid channels, so that one convolution can write several
//     tensors, and an offset into the input, so that groups are blocks too.
//
// A fully connected layer is a Conv with one pixel and one segment: MR 1 and
// NR 16 or 32 streams the weights. A matrix product is a Conv whose pixels are
// rows. Winograd is the fast convolution of stride 1: steps that transform weights, out
// of panels of any type, and inputs, a Conv, and a step that transforms back.
// Depthwise is the one channel by channel, and with a 1×1 window the map
// scale·x + shift of each channel.
//
// # Preprocessing
//
// Pictures are RGBA bytes. RowFilterStep, ColumnFilterStep, Gather and
// NormaliseStep do what package preprocess does, with the same bits.
//
// # Instruction sets
//
// Options.Relaxed uses relaxed_madd: one rounding on hosts with FMA, two
// elsewhere, the same everywhere on one host. Options.Threads emits atomics and
// needs a shared memory. Without either a module needs only fixed-width SIMD.
//
// # Numbers
//
// No kernel flushes or filters. MinMax and the other activations keep NaN
// unless they say otherwise. Exp has a relative error below 2.5e-7 over the whole
// range, overflows to +Inf and underflows through denormals to 0.
//
// # Adding a kernel
//
// Write one file with two structs: a Kernel, whose Name tells its contract and
// whose emit generates it, and a Step, whose Words are the descriptor that emit
// reads, at offsets named by constants. Put inner loops into functions of their
// own, called often: engines optimise those soonest. The test describes a case,
// computes it by a naive loop, and hands the steps to world.run, which runs them
// on every host and instruction set, forwards, backwards and in threads, and
// checks that the bits agree and that no byte besides the outputs has changed.
// go test -hosts=all adds Chromium to wazero and Node.
package kernel
