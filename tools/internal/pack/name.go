package pack

import (
	"cmp"
	"path/filepath"
	"strings"
	"unicode"
)

// FolderName is a name for a model's folder that needs no escapes in a URL.
func FolderName(path string) string {
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	name = strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-_.", r)) {
			return r
		}
		return '-'
	}, name)
	return cmp.Or(strings.TrimLeft(name, "."), "model")
}
