package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ErrLabels is what errors about labels from outside the model are.
var ErrLabels = errors.New("the labels do not fit")

// labelsError is an ErrLabels that says what it has to say alone.
type labelsError struct{ error }

func (e labelsError) Unwrap() error        { return e.error }
func (e labelsError) Is(target error) bool { return target == ErrLabels }

func badLabels(format string, a ...any) error {
	return labelsError{fmt.Errorf("labels: "+format, a...)}
}

// maxLabels bounds what ParseLabels reads, in bytes.
const maxLabels = 8 << 20

// ParseLabels reads a file of labels, in the order of a model's outputs: a JSON
// array of names, or of objects as in the metadata (KeyLabels), or text with one
// name a line, before which an ID and a tab may stand. Line ends of Windows, a byte order mark and empty lines at the end
// do no harm. A class without an ID of its own gets its index. Errors are
// ErrLabels.
func ParseLabels(file []byte) ([]Label, error) {
	if len(file) > maxLabels {
		return nil, badLabels("the file is larger than %d MB", maxLabels>>20)
	}
	if !utf8.Valid(file) || bytes.ContainsRune(file, 0) {
		return nil, badLabels("the file is no text in UTF-8")
	}
	file = bytes.TrimSpace(bytes.TrimPrefix(file, []byte("\ufeff")))
	if len(file) == 0 {
		return nil, badLabels("the file is empty")
	}
	var labels []Label
	if file[0] == '[' {
		var elements []json.RawMessage
		if err := json.Unmarshal(file, &elements); err != nil {
			return nil, badLabels("the file is no JSON array: %w", err)
		}
		for i, element := range elements {
			var l Label
			if json.Unmarshal(element, &l.Name) != nil && json.Unmarshal(element, &l) != nil || l.Name == "" {
				return nil, badLabels(`element %d is %.40s: want a name, or {"id": …, "label": …}`, i, element)
			}
			labels = append(labels, l)
		}
	} else {
		for line := range strings.Lines(string(file)) {
			l := Label{Name: strings.TrimSpace(line)}
			if id, name, found := strings.Cut(l.Name, "\t"); found {
				l = Label{ID: strings.TrimSpace(id), Name: strings.TrimSpace(name)}
			}
			if l.Name == "" {
				return nil, badLabels("line %d is empty", len(labels)+1)
			}
			labels = append(labels, l)
		}
	}
	for i := range labels {
		if labels[i].ID == "" {
			labels[i].ID = strconv.Itoa(i)
		}
	}
	return labels, nil
}
