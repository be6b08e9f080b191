//go:build js && wasm

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
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

// JSBytes makes arraySource a simd.JSBytes.
func (s arraySource) JSBytes(offset, length int64) (js.Value, error) {
	if offset < 0 || length < 0 || offset > s.Size()-length {
		return js.Value{}, fmt.Errorf("%d bytes at %d of %d", length, offset, s.Size())
	}
	return s.array.Call("subarray", offset, offset+length), nil
}

// sha256 is for pages that are not served securely: they have no crypto.subtle.
func (s arraySource) sha256() (string, error) {
	h := sha256.New()
	_, err := io.CopyBuffer(h, io.NewSectionReader(s, 0, s.Size()), make([]byte, 1<<16))
	return hex.EncodeToString(h.Sum(nil)), err
}

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
