//go:build js && wasm

package main

import (
	"context"
	"errors"
	"fmt"
	"syscall/js"

	"hamster/model/simd"
	"hamster/wasm/promise"
)

// canvas is a picture whose pixels are read by calling back into the worker.
// Where the engine takes them itself (simd.JSPixels) they never enter Go's memory.
type canvas struct {
	width, height int
	read          js.Value // Read of web/worker/decode.js
}

// errPixels means that the worker could not give the pixels it had promised.
var errPixels = errors.New("the picture's pixels cannot be read")

// Bounds: the browser turns pictures upright.
func (c canvas) Bounds() (width, height, orientation int) { return c.width, c.height, 1 }

func (c canvas) JSRead(y, n int, into js.Value, anyOrder bool) (bgr bool, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case js.Error:
			err = fmt.Errorf("%w: %w", errPixels, r)
		default:
			panic(r)
		}
	}()
	later := c.read.Invoke(y, n, into, anyOrder)
	if later.IsUndefined() {
		return false, nil
	}
	// To the end, whoever still wants it: what comes late would be written
	// over what the memory is used for next.
	order, err := promise.Await(context.Background(), later)
	if err != nil {
		return false, fmt.Errorf("%w: %w", readFault(err), err)
	}
	return order.Get("bgr").Bool(), nil
}

// readFault tells whose fault a broken promise of pixels is. Of one that the worker gave up
// they may still come, and then the engine is not to be used again.
func readFault(err error) error {
	var thrown js.Error
	if errors.As(err, &thrown) && thrown.Get("code").String() == codeEngineStopped {
		return simd.ErrBroken
	}
	return errPixels
}

// bytesAtOnce keeps the worker's copy of some rows small, whatever the picture.
const bytesAtOnce = 4 << 20

func (c canvas) ReadRows(dst []byte, y, n int) error {
	step := min(n, max(1, bytesAtOnce/(4*c.width)))
	buffer := js.Global().Get("Uint8Array").New(4 * c.width * step)
	for end := y + n; y < end; y += step {
		count := min(step, end-y)
		part := buffer.Call("subarray", 0, 4*c.width*count)
		if _, err := c.JSRead(y, count, part, false); err != nil {
			return err
		}
		dst = dst[js.CopyBytesToGo(dst, part):]
	}
	return nil
}
