//go:build js && wasm

package main

import (
	"fmt"
	"io"
	"syscall/js"
)

// arraySource reads a Uint8Array in place. Bytes that enter Go's memory never
// leave it again, so a model's file stays outside and is read as needed.
type arraySource struct {
	array js.Value
}

func (s arraySource) Size() int64 { return int64(s.array.Get("byteLength").Int()) }

func (s arraySource) ReadAt(p []byte, offset int64) (int, error) {
	size := s.Size()
	if offset < 0 || offset > size {
		return 0, fmt.Errorf("read at %d of %d bytes", offset, size)
	}
	end := min(offset+int64(len(p)), size)
	n := js.CopyBytesToGo(p, s.array.Call("subarray", offset, end))
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// canvasRows reads pixels by calling back into the worker.
func canvasRows(read js.Value) pixelRows {
	return func(pixels []byte, y, count int) error {
		array := read.Invoke(y, count)
		if got := array.Get("byteLength").Int(); got != len(pixels) {
			return fmt.Errorf("%d bytes for %d rows, want %d", got, count, len(pixels))
		}
		js.CopyBytesToGo(pixels, array)
		return nil
	}
}
