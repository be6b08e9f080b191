package onnxfile_test

import (
	"bytes"
	"strings"
	"testing"

	"hamster/model/conformance/onnxbuild"
	"hamster/model/onnxfile"
	"hamster/model/record"
	"hamster/model/record/recordtest"
)

func TestTheRecordOfAFileIsComplete(t *testing.T) { recordtest.Complete(t, (*onnxfile.File).Record) }

func TestAnExcerptHasWhatWasReadAndNothingElse(t *testing.T) {
	m := &onnxbuild.Model{
		Opset:   13,
		Inputs:  []onnxbuild.Value{{Name: "x", Shape: []int{2}}},
		Outputs: []onnxbuild.Value{{Name: "y", Shape: []int{2}}},
		Tensors: []*onnxfile.Tensor{onnxbuild.Floats("read", []int{2}, 1, 2), onnxbuild.Floats("unread", []int{2}, 3, 4)},
		Nodes:   []onnxbuild.Node{{Op: "Sum", Inputs: []string{"x", "read", "unread"}, Outputs: []string{"y"}}},
	}
	b := m.Bytes()
	f, err := onnxfile.Parse(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	f.RememberReads()
	want, err := f.ReadTensor(f.Tensors["read"])
	if err != nil {
		t.Fatal(err)
	}
	var e onnxfile.File
	if err := record.Read(record.Write(nil, f.Excerpt().Record), e.Record); err != nil {
		t.Fatal(err)
	}
	if got, err := e.ReadTensor(e.Tensors["read"]); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	if _, err := e.ReadTensor(e.Tensors["unread"]); err == nil || !strings.Contains(err.Error(), `"unread"`) {
		t.Errorf("a tensor that was not read: %v", err)
	}
	if f.Tensors["read"].Data != nil {
		t.Error("the file itself has changed")
	}
}

func TestAReopenedFileLocatesTheTensorsOfTheFormerOne(t *testing.T) {
	r := bytes.NewReader([]byte("0123456789"))
	at, offset, err := onnxfile.Reopened(r).Locate(&onnxfile.Tensor{DType: onnxfile.Uint8, Shape: []int{3}, Range: onnxfile.Range{Offset: 4, Length: 3}})
	if err != nil || at != r || offset != 4 {
		t.Errorf("%v, %d, %v", at, offset, err)
	}
}
