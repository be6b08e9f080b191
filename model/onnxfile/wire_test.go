package onnxfile_test

import (
	"bytes"
	"runtime"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"hamster/model/onnxfile"
)

// msg is a protobuf message in the making, so that tests can write what no
// well-behaved writer would.
type msg []byte

func (m msg) num(field protowire.Number, v int64) msg {
	return protowire.AppendVarint(protowire.AppendTag(m, field, protowire.VarintType), uint64(v))
}

func (m msg) fix32(field protowire.Number, v uint32) msg {
	return protowire.AppendFixed32(protowire.AppendTag(m, field, protowire.Fixed32Type), v)
}

func (m msg) fix64(field protowire.Number, v uint64) msg {
	return protowire.AppendFixed64(protowire.AppendTag(m, field, protowire.Fixed64Type), v)
}

func (m msg) msg(field protowire.Number, v msg) msg {
	return protowire.AppendBytes(protowire.AppendTag(m, field, protowire.BytesType), v)
}

func (m msg) str(field protowire.Number, s string) msg { return m.msg(field, msg(s)) }

func (m msg) packed(field protowire.Number, vs ...int64) msg {
	var list msg
	for _, v := range vs {
		list = protowire.AppendVarint(list, uint64(v))
	}
	return m.msg(field, list)
}

// value is a ValueInfoProto of float32.
func value(name string, dims ...int64) msg {
	var shape msg
	for _, d := range dims {
		shape = shape.msg(1, msg(nil).num(1, d))
	}
	return msg(nil).str(1, name).msg(2, msg(nil).msg(1, msg(nil).num(1, 1).msg(2, shape)))
}

// node is a NodeProto; inputs are separated by spaces.
func node(op, inputs, output string) msg {
	var n msg
	for in := range strings.FieldsSeq(inputs) {
		n = n.str(1, in)
	}
	return n.str(2, output).str(3, "n").str(4, op)
}

// tiny is a GraphProto that reads x and computes y by Relu; more is appended.
func tiny(more ...msg) msg {
	g := msg(nil).msg(1, node("Relu", "x", "y")).str(2, "g").
		msg(11, value("x", 1, 4)).msg(12, value("y", 1, 4))
	for _, m := range more {
		g = append(g, m...)
	}
	return g
}

// file is a ModelProto of opset 13.
func file(graph msg) msg {
	return msg(nil).num(1, 8).str(2, "hand").str(3, "1.0").msg(7, graph).msg(8, msg(nil).num(2, 13))
}

// withTensor is a file with one initializer.
func withTensor(t msg) msg { return file(tiny(msg(nil).msg(5, t))) }

func parse(t testing.TB, b []byte) *onnxfile.File {
	t.Helper()
	f, err := onnxfile.Parse(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func parseError(b []byte) error {
	_, err := onnxfile.Parse(bytes.NewReader(b), int64(len(b)))
	return err
}

// wantError checks that an error holds all parts.
func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not say %q", err, p)
		}
	}
}

// allocated is the number of bytes that f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
