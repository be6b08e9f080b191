// Package proto stands in for github.com/gogo/protobuf/proto in the program that
// pages load. onnx-go's decoder calls Unmarshal and nothing else, and its messages
// were made for another protobuf package, golang/protobuf, which is linked anyway
// and does the work. tools/internal/gowasm puts it in the other's place.
package proto

import "fmt"

// Message is what generated messages are.
type Message interface {
	Reset()
	String() string
	ProtoMessage()
}

// Unmarshal replaces m by what b holds.
func Unmarshal(b []byte, m Message) error {
	generated, ok := m.(interface{ XXX_Unmarshal([]byte) error })
	if !ok {
		return fmt.Errorf("proto: %T does not decode itself", m)
	}
	m.Reset()
	return generated.XXX_Unmarshal(b)
}
