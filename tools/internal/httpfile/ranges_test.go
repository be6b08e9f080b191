package httpfile

import "testing"

// What is asked for over a socket is in httptable; this is what only an empty
// file shows.
func TestAnEmptyFileHasNoRanges(t *testing.T) {
	for header, want := range map[string]verdict{
		"bytes=0-": unsatisfiable, "bytes=-1": unsatisfiable, "bytes=0-0": unsatisfiable, "lines=0-": whole, "": whole,
	} {
		if _, _, got := parseRange(header, 0); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}

func FuzzARangeLiesWithinTheFile(f *testing.F) {
	f.Add("bytes=0-499", int64(1000))
	f.Add("bytes=-5,", int64(3))
	f.Add("bytes=18446744073709551616-", int64(10))
	f.Fuzz(func(t *testing.T, header string, size int64) {
		if size < 0 {
			return
		}
		offset, length, v := parseRange(header, size)
		if v == partial && (offset < 0 || length < 1 || offset > size-length) {
			t.Errorf("%q of %d bytes: %d bytes from %d", header, size, length, offset)
		}
	})
}
