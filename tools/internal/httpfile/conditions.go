package httpfile

import (
	"net/http"
	"strings"
)

// Etag is the validator of a file with the given SHA-256 in hexadecimal. It
// differs by encoding, since a strong validator names exact bytes.
func Etag(sha256 string, e Encoding) string {
	tag := sha256[:32]
	if e != Identity {
		tag += "-" + string(e)
	}
	return `"` + tag + `"`
}

// field is the whole of a header that may come in several lines: a list may
// have been split at its commas on its way here.
func field(h http.Header, name string) string { return strings.Join(h.Values(name), ",") }

// precondition is the status that the request's conditions ask for, 200 where
// they do not stand in the way. There is no date to compare with, only the tag.
func precondition(h http.Header, etag string) int {
	if match := field(h, "If-Match"); match != "" && !matches(match, etag, false) {
		return http.StatusPreconditionFailed
	}
	if match := field(h, "If-None-Match"); match != "" && matches(match, etag, true) {
		return http.StatusNotModified
	}
	return http.StatusOK
}

// rangeHolds tells whether a Range header counts: without If-Range, or when
// that names exactly this version.
func rangeHolds(h http.Header, etag string) bool {
	condition := field(h, "If-Range")
	return condition == "" || condition == etag
}

// matches tells whether the tag is in a list of them. Weakly compared, the mark
// of a weak validator does not count; strongly, such a one is never equal.
func matches(list, etag string, weakly bool) bool {
	list = strings.TrimSpace(list)
	if list == "*" {
		return true
	}
	for {
		list = strings.TrimLeft(list, " \t,")
		rest, isWeak := strings.CutPrefix(list, "W/")
		if !strings.HasPrefix(rest, `"`) {
			return false // the end, or nothing that can be read
		}
		end := strings.IndexByte(rest[1:], '"')
		if end < 0 {
			return false
		}
		if rest[:end+2] == etag && (weakly || !isWeak) {
			return true
		}
		list = rest[end+2:]
	}
}
