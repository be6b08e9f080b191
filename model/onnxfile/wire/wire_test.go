package wire_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"hamster/model/onnxfile/wire"
)

func message() []byte {
	b := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 300)
	b = wire.Append(b, 2, []byte("two"))
	return wire.Append(b, 3, nil)
}

func TestEveryFieldIsSeenInItsOrder(t *testing.T) {
	var numbers []protowire.Number
	var contents []string
	var all []byte
	err := wire.Fields(message(), func(number protowire.Number, content, whole []byte) error {
		numbers, contents, all = append(numbers, number), append(contents, string(content)), append(all, whole...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(numbers, []protowire.Number{1, 2, 3}) || !slices.Equal(contents, []string{"", "two", ""}) {
		t.Errorf("fields %v with %q", numbers, contents)
	}
	if !bytes.Equal(all, message()) {
		t.Errorf("the fields together are %x, not %x", all, message())
	}
}

func TestAVisitorsErrorEndsIt(t *testing.T) {
	stop, seen := errors.New("stop"), 0
	err := wire.Fields(message(), func(protowire.Number, []byte, []byte) error {
		seen++
		return stop
	})
	if !errors.Is(err, stop) || seen != 1 {
		t.Errorf("error %v after %d fields", err, seen)
	}
}

func FuzzFields(f *testing.F) {
	f.Add(message())
	f.Add(message()[:4])
	f.Fuzz(func(t *testing.T, b []byte) {
		var all []byte
		err := wire.Fields(b, func(_ protowire.Number, _, whole []byte) error {
			all = append(all, whole...)
			return nil
		})
		if !bytes.HasPrefix(b, all) || err == nil && len(all) != len(b) {
			t.Errorf("%x of %x, error %v", all, b, err)
		}
	})
}
