package httpfile

import (
	"math"
	"strings"
)

// verdict is what becomes of a Range header.
type verdict int

const (
	whole         verdict = iota // there is none, or it is passed over
	partial                      // one range of bytes
	unsatisfiable                // no byte of it is there, or it is malformed
)

// parseRange reads a Range header for a file of size bytes. A unit other than
// bytes must be passed over (RFC 9110, section 14.2), and so may be several
// ranges at a time, which nothing of Hamster's asks for.
func parseRange(header string, size int64) (offset, length int64, v verdict) {
	unit, set, ok := strings.Cut(header, "=")
	if !ok || !strings.EqualFold(strings.TrimSpace(unit), "bytes") {
		return 0, size, whole
	}
	var ranges []string
	for one := range strings.SplitSeq(set, ",") {
		if one = strings.TrimSpace(one); one != "" {
			ranges = append(ranges, one)
		}
	}
	if len(ranges) > 1 {
		return 0, size, whole
	}
	if len(ranges) == 0 {
		return 0, 0, unsatisfiable
	}
	from, to, ok := strings.Cut(ranges[0], "-")
	first, hasFirst := natural(from)
	last, hasLast := natural(to)
	switch {
	case !ok || (from != "" && !hasFirst) || (to != "" && !hasLast) || (from == "" && to == ""):
		return 0, 0, unsatisfiable
	case from == "": // the last bytes
		length = min(last, size)
		if length == 0 {
			return 0, 0, unsatisfiable
		}
		return size - length, length, partial
	case first >= size || (to != "" && last < first):
		return 0, 0, unsatisfiable
	case to == "" || last >= size:
		last = size - 1
	}
	return first, last - first + 1, partial
}

// natural reads a number of any length; what does not fit becomes the largest
// that does.
func natural(digits string) (n int64, ok bool) {
	if digits == "" {
		return 0, false
	}
	for _, d := range []byte(digits) {
		if d < '0' || d > '9' {
			return 0, false
		}
		if n > (math.MaxInt64-9)/10 {
			n = math.MaxInt64
			continue
		}
		n = n*10 + int64(d-'0')
	}
	return n, true
}
