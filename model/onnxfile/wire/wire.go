// Package wire goes through protobuf messages that are in memory, field by field,
// for programs that change a few fields of an ONNX file and leave the rest as it
// is. Files that may be large or hostile are package onnxfile's to read.
package wire

import "google.golang.org/protobuf/encoding/protowire"

// Fields calls visit for each field of a message: its number, its content where
// it has a length (else nil), and all of its bytes with the tag. Both are parts of
// message. It ends with visit's first error, or with one of a message that is cut
// off or no protobuf.
func Fields(message []byte, visit func(number protowire.Number, content, whole []byte) error) error {
	for len(message) > 0 {
		number, kind, tag := protowire.ConsumeTag(message)
		if tag < 0 {
			return protowire.ParseError(tag)
		}
		size := protowire.ConsumeFieldValue(number, kind, message[tag:])
		if size < 0 {
			return protowire.ParseError(size)
		}
		var content []byte
		if kind == protowire.BytesType {
			content, _ = protowire.ConsumeBytes(message[tag:])
		}
		if err := visit(number, content, message[:tag+size]); err != nil {
			return err
		}
		message = message[tag+size:]
	}
	return nil
}

// Append appends a field that has a length: a message, bytes or a string.
func Append(b []byte, number protowire.Number, content []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, number, protowire.BytesType), content)
}
