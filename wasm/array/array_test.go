//go:build js && wasm

package array

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"syscall/js"
	"testing"
	"testing/iotest"
	"time"
)

func given(t *testing.T, n int) ([]byte, *Source) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	a := js.Global().Get("Uint8Array").New(n)
	js.CopyBytesToJS(a, b)
	return b, New(a)
}

func TestASourceReadsAsAReaderOfItsBytesDoes(t *testing.T) {
	for _, n := range []int{0, 1, windowSize - 1, windowSize, 3*windowSize + 7} {
		b, s := given(t, n)
		if s.Size() != int64(n) {
			t.Errorf("%d bytes are %d", n, s.Size())
		}
		if err := iotest.TestReader(io.NewSectionReader(s, 0, s.Size()), b); err != nil {
			t.Errorf("%d bytes: %v", n, err)
		}
		rng := rand.New(rand.NewPCG(2, uint64(n)))
		for range 500 {
			at, length := rng.Int64N(int64(n)+1), rng.IntN(1<<rng.IntN(17))
			got, want := make([]byte, length), make([]byte, length)
			gotN, gotErr := s.ReadAt(got, at)
			wantN, wantErr := bytes.NewReader(b).ReadAt(want, at)
			if gotN != wantN || !bytes.Equal(got, want) || (gotErr == nil) != (wantErr == nil) && length > 0 {
				t.Fatalf("%d bytes at %d of %d: %d, %v, want %d, %v", length, at, n, gotN, gotErr, wantN, wantErr)
			}
		}
		for _, at := range []int64{-1, int64(n) + 1} {
			if _, err := s.ReadAt(make([]byte, 1), at); err == nil || errors.Is(err, io.EOF) {
				t.Errorf("read at %d of %d: %v", at, n, err)
			}
			if _, err := s.JSBytes(at, 1); err == nil {
				t.Errorf("bytes at %d of %d: no error", at, n)
			}
		}
		sum := sha256.Sum256(b)
		if got, err := s.SHA256(); err != nil || got != hex.EncodeToString(sum[:]) {
			t.Errorf("%d bytes: %s, %v", n, got, err)
		}
	}
}

func TestBytesThatWentAwayAreAnError(t *testing.T) {
	b, s := given(t, 10*windowSize)
	array, _ := s.array()
	js.Global().Call("structuredClone", array.Get("buffer"), map[string]any{"transfer": []any{array.Get("buffer")}})
	for _, length := range []int{1, len(b)} {
		if n, err := s.ReadAt(make([]byte, length), 0); n != 0 || err == nil {
			t.Errorf("%d bytes: %d, %v", length, n, err)
		}
	}
}

func TestBytesGoToJavaScriptAndBack(t *testing.T) {
	for _, b := range [][]byte{nil, {}, {1, 2, 3}} {
		got, err := Bytes(Of(b))
		if err != nil || !bytes.Equal(got, b) || (got == nil) != (b == nil) {
			t.Errorf("%v, %v, want %v", got, err, b)
		}
	}
}

func TestAPromisedArrayIsReadOnceItIsThere(t *testing.T) {
	b, _ := given(t, 100)
	var resolve js.Value
	executor := js.FuncOf(func(_ js.Value, args []js.Value) any { resolve = args[0]; return nil })
	defer executor.Release()
	s := Later(js.Global().Get("Promise").New(executor), int64(len(b)))
	if s.Size() != int64(len(b)) {
		t.Errorf("%d bytes", s.Size())
	}
	read := make(chan error)
	got := make([]byte, len(b))
	for range 2 {
		go func() {
			_, err := s.ReadAt(got, 0)
			read <- err
		}()
	}
	select {
	case err := <-read:
		t.Fatalf("read before it was there: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	resolve.Invoke(Of(b))
	for range 2 {
		if err := <-read; err != nil || !bytes.Equal(got, b) {
			t.Errorf("%v, %v", got, err)
		}
	}
}

func TestAPromiseThatIsNotKeptIsAnError(t *testing.T) {
	promise := js.Global().Get("Promise")
	for name, c := range map[string]struct {
		promised js.Value
		want     string
	}{
		"broken":          {promise.Call("reject", js.Global().Get("Error").New("gone")), "gone"},
		"something else":  {promise.Call("resolve", "text"), "no Uint8Array"},
		"of another size": {promise.Call("resolve", Of([]byte{1})), "1 bytes came, 2 were promised"},
	} {
		if _, err := Later(c.promised, 2).ReadAt(make([]byte, 1), 0); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
