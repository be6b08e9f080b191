//go:build js && wasm

// Package array reads JavaScript's arrays of bytes where they lie.
package array

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall/js"

	"hamster/wasm/promise"
)

// Source reads a Uint8Array in place. Bytes that enter Go's memory never leave it
// again, so a model's file stays outside and is read as needed.
type Source struct {
	array func() (js.Value, error)
	size  int64

	mu     sync.Mutex
	window []byte // of what was read last
	begin  int64  // of the window, in the array
}

// windowSize is what a small read brings along. Crossing to JavaScript takes as long
// as to copy some ten thousand bytes, and small tensors lie side by side.
const windowSize = 1 << 15

// New takes the array's length once: it may be transferred away later, and then
// holds nothing.
func New(array js.Value) *Source {
	return &Source{array: func() (js.Value, error) { return array, nil }, size: int64(array.Get("byteLength").Int())}
}

// Later is a Source of an array of size bytes that is promised. Whoever reads waits for
// it, and so must not run where JavaScript calls.
func Later(promised js.Value, size int64) *Source {
	return &Source{size: size, array: sync.OnceValues(func() (js.Value, error) {
		array, err := promise.Await(context.Background(), promised)
		switch {
		case err != nil:
			return array, err
		case !array.InstanceOf(js.Global().Get("Uint8Array")):
			return array, errors.New("what was promised is no Uint8Array")
		case int64(array.Get("byteLength").Int()) != size:
			return array, fmt.Errorf("%d bytes came, %d were promised", array.Get("byteLength").Int(), size)
		}
		return array, nil
	})}
}

// Size is in bytes.
func (s *Source) Size() int64 { return s.size }

// ReadAt is that of io.ReaderAt.
func (s *Source) ReadAt(p []byte, offset int64) (int, error) {
	if offset < 0 || offset > s.size {
		return 0, fmt.Errorf("read at %d of %d bytes", offset, s.size)
	}
	want := p[:min(int64(len(p)), s.size-offset)]
	read := s.readSmall
	if len(want) > windowSize/4 {
		read = s.copy
	}
	if err := read(want, offset); err != nil {
		return 0, err
	}
	if len(want) < len(p) {
		return len(want), io.EOF
	}
	return len(p), nil
}

func (s *Source) readSmall(p []byte, offset int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if offset < s.begin || offset+int64(len(p)) > s.begin+int64(len(s.window)) {
		window := s.window[:0]
		if window == nil {
			window = make([]byte, 0, windowSize)
		}
		window = window[:min(windowSize, s.size-offset)]
		s.window = nil // what it holds is gone
		if err := s.copy(window, offset); err != nil {
			return err
		}
		s.window, s.begin = window, offset
	}
	copy(p, s.window[offset-s.begin:])
	return nil
}

func (s *Source) copy(p []byte, offset int64) error {
	b, err := s.JSBytes(offset, int64(len(p)))
	if err != nil {
		return err
	}
	if n := js.CopyBytesToGo(p, b); n < len(p) {
		return fmt.Errorf("read at %d of %d bytes: %w", offset+int64(n), s.size, io.ErrUnexpectedEOF)
	}
	return nil
}

// JSBytes makes a Source a simd.JSBytes.
func (s *Source) JSBytes(offset, length int64) (b js.Value, err error) {
	if offset < 0 || length < 0 || offset > s.size-length {
		return js.Value{}, fmt.Errorf("%d bytes at %d of %d", length, offset, s.size)
	}
	array, err := s.array()
	if err != nil {
		return js.Value{}, fmt.Errorf("%d bytes at %d of %d: %w", length, offset, s.size, err)
	}
	defer func() {
		// What was transferred away has no parts.
		if r := recover(); r != nil {
			err = fmt.Errorf("%d bytes at %d of %d: %v", length, offset, s.size, r)
		}
	}()
	return array.Call("subarray", offset, offset+length), nil
}

// SHA256 is for pages that are not served securely: they have no crypto.subtle.
func (s *Source) SHA256() (string, error) {
	h := sha256.New()
	_, err := io.CopyBuffer(h, io.NewSectionReader(s, 0, s.size), make([]byte, 1<<16))
	return hex.EncodeToString(h.Sum(nil)), err
}

// Bytes copies a Uint8Array into Go's memory; null is nil.
func Bytes(array js.Value) ([]byte, error) {
	if array.IsNull() {
		return nil, nil
	}
	s := New(array)
	b := make([]byte, s.size)
	return b, s.copy(b, 0)
}

// Of copies bytes into a new Uint8Array; nil is null.
func Of(b []byte) js.Value {
	if b == nil {
		return js.Null()
	}
	array := js.Global().Get("Uint8Array").New(len(b))
	js.CopyBytesToJS(array, b)
	return array
}
