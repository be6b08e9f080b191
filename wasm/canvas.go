//go:build js && wasm

package main

import (
	"errors"
	"fmt"
	"syscall/js"
)

// canvas is a picture whose pixels are read by calling back into the worker.
// Where the engine takes them itself (simd.JSRows) they never enter Go's memory.
type canvas struct {
	width, height int
	read          js.Value // (y, count) → Uint8ClampedArray
}

// errPixels means that the worker could not give the pixels it had promised.
var errPixels = errors.New("the picture's pixels cannot be read")

// Bounds: the browser turns pictures upright.
func (c canvas) Bounds() (width, height, orientation int) { return c.width, c.height, 1 }

func (c canvas) JSRows(y, n int) (rows js.Value, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case js.Error:
			err = fmt.Errorf("%w: %w", errPixels, r)
		default:
			panic(r)
		}
	}()
	rows = c.read.Invoke(y, n)
	if got := rows.Get("byteLength").Int(); got != 4*c.width*n {
		return rows, fmt.Errorf("%w: %d bytes for %d rows, want %d", errPixels, got, n, 4*c.width*n)
	}
	return rows, nil
}

// bytesAtOnce keeps the worker's copy of some rows small, whatever the picture.
const bytesAtOnce = 4 << 20

func (c canvas) ReadRows(dst []byte, y, n int) error {
	step := max(1, bytesAtOnce/(4*c.width))
	for end := y + n; y < end; y += step {
		rows, err := c.JSRows(y, min(step, end-y))
		if err != nil {
			return err
		}
		dst = dst[js.CopyBytesToGo(dst, rows):]
	}
	return nil
}
