package onnxwrite

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"hamster/model/onnxfile"
)

func small() *Model {
	return &Model{
		Name: "g", Producer: "p", ProducerVersion: "1",
		Metadata:     map[string]string{"b": "2", "a": "1"},
		Inputs:       []Value{{"x", onnxfile.Float32, []Dim{{Name: "N"}, {Size: 2}}}},
		Outputs:      []Value{{"y", onnxfile.Float32, []Dim{{Name: "N"}, {Size: 2}}}},
		Initializers: []Tensor{{"w", onnxfile.Uint8, []int{2}, []byte{7, 8}}},
		Nodes: []Node{{Name: "n", Op: "Op", Inputs: []string{"x", "w"}, Outputs: []string{"y"}, Attrs: []Attr{
			Int("i", -1), Ints("l", 3, 4), Float("f", 1), String("s", "t"),
		}}},
	}
}

// field is a length-delimited protobuf field: its tag, its length, its parts.
func field(tag string, parts ...string) string {
	content := strings.Join(parts, "")
	return tag + string(binary.AppendUvarint(nil, uint64(len(content)))) + content
}

// The bytes are put together by hand from onnx.proto3, field by field.
func TestFileIsWrittenAsOnnxProtoSays(t *testing.T) {
	const shape = "\x0a\x03\x12\x01N\x0a\x02\x08\x02" // dim_param N, dim_value 2
	tensor := field("\x12", field("\x0a", "\x08\x01", field("\x12", shape)))
	want := strings.Join([]string{
		"\x08\x08",               // ir_version 8
		"\x12\x01p", "\x1a\x011", // producer_name, producer_version
		"\x42\x04\x0a\x00\x10\x0d",                                 // opset_import: domain "", version 13
		"\x72\x06\x0a\x01a\x12\x011", "\x72\x06\x0a\x01b\x12\x012", // metadata_props
		field("\x3a", // graph
			field("\x0a", "\x0a\x01x", "\x0a\x01w", "\x12\x01y", "\x1a\x01n", "\x22\x02Op", // node
				field("\x2a", "\x0a\x01i\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\xa0\x01\x02"), // i = -1, INT
				field("\x2a", "\x0a\x01l\x40\x03\x40\x04\xa0\x01\x07"),                             // ints = 3 4, INTS
				field("\x2a", "\x0a\x01f\x15\x00\x00\x80\x3f\xa0\x01\x01"),                         // f = 1, FLOAT
				field("\x2a", "\x0a\x01s\x22\x01t\xa0\x01\x03")),                                   // s = "t", STRING
			"\x12\x01g", // name
			field("\x2a", "\x08\x02\x10\x02\x42\x01w\x4a\x02\x07\x08"), // initializer: dims, UINT8, name, raw_data
			field("\x5a", "\x0a\x01x", tensor),                         // input
			field("\x62", "\x0a\x01y", tensor)),                        // output
	}, "")
	var got bytes.Buffer
	if err := small().Write(&got); err != nil {
		t.Fatal(err)
	}
	if got.String() != want {
		t.Errorf("got\n%q\nwant\n%q", got.String(), want)
	}
}

func TestTensorsThatDoNotFitTheirShapeAreRefused(t *testing.T) {
	for _, tc := range []struct {
		name   string
		tensor Tensor
		want   string
	}{
		{"too few bytes", Tensor{"w", onnxfile.Float32, []int{2}, make([]byte, 7)}, `tensor "w"`},
		{"negative dimension", Tensor{"w", onnxfile.Uint8, []int{-1}, nil}, "negative"},
		{"overflow", Tensor{"w", onnxfile.Uint8, []int{1 << 31, 1 << 31, 4}, nil}, "more than"},
		{"no fixed size", Tensor{"w", onnxfile.String, []int{1}, nil}, "string"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := small()
			m.Initializers = []Tensor{tc.tensor}
			err := m.Write(&bytes.Buffer{})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got error %v, want one with %q", err, tc.want)
			}
		})
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteErrorIsReturned(t *testing.T) {
	if err := small().Write(full{}); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("got error %v", err)
	}
}
