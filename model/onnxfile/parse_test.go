package onnxfile_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"hamster/model/onnxfile"
)

func TestOtherFilesAreNotONNX(t *testing.T) {
	for name, data := range map[string]string{
		"empty":     "",
		"PNG":       "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00",
		"JPEG":      "\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01",
		"HTML":      "<!doctype html>\n<html><head><title>404</title></head></html>\n",
		"text":      "Hello, this is no model at all.\n",
		"JSON":      `{"modelTopology": {}}`,
		"zip":       "PK\x03\x04\x14\x00\x00\x00\x08\x00",
		"HDF5":      "\x89HDF\r\n\x1a\n\x00\x00\x00\x00\x00\x08\x08\x00",
		"wasm":      "\x00asm\x01\x00\x00\x00",
		"zeros":     strings.Repeat("\x00", 100),
		"LFS":       "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
		"one byte":  "\x08",
		"other msg": string(msg(nil).str(3, "a").str(4, "b")),
	} {
		t.Run(name, func(t *testing.T) {
			if err := parseError([]byte(data)); !errors.Is(err, onnxfile.ErrNotONNX) {
				t.Errorf("error %v is not ErrNotONNX", err)
			}
		})
	}
}

func TestEveryTruncationIsAnError(t *testing.T) {
	weights := msg(nil).packed(1, 2, 2).num(2, 1).str(8, "w").str(9, strings.Repeat("w", 16))
	whole := file(tiny(msg(nil).msg(5, weights), msg(nil).msg(1, node("Add", "y w", "z"))))
	parse(t, whole)
	cutOff := 0
	for n := range whole {
		err := parseError(whole[:n])
		if err == nil {
			t.Errorf("the first %d of %d bytes are accepted", n, len(whole))
		} else if strings.Contains(err.Error(), "cut off") {
			cutOff++
		}
	}
	// All but the few places within a tag or a length.
	if cutOff < len(whole)*8/10 {
		t.Errorf("only %d of %d truncations are told as such", cutOff, len(whole))
	}
}

func TestATruncatedModelIsBrokenNotForeign(t *testing.T) {
	whole := file(tiny())
	err := parseError(whole[:len(whole)/2])
	wantError(t, err, "broken ONNX file", "cut off")
	if errors.Is(err, onnxfile.ErrNotONNX) {
		t.Errorf("%v is ErrNotONNX", err)
	}
}

func TestHeadersAreRead(t *testing.T) {
	b := file(tiny()).
		msg(8, msg(nil).str(1, "com.example").num(2, 3)).
		msg(14, msg(nil).str(1, "key").str(2, "value ✓")).
		msg(14, msg(nil).str(1, "empty"))
	f := parse(t, b)
	if f.IRVersion != 8 || f.Producer != "hand" || f.ProducerVersion != "1.0" || f.GraphName != "g" {
		t.Errorf("headers %d, %q, %q, %q", f.IRVersion, f.Producer, f.ProducerVersion, f.GraphName)
	}
	if got := fmt.Sprint(f.Opset); got != "map[:13 com.example:3]" {
		t.Errorf("operator sets %s", got)
	}
	if got := fmt.Sprintf("%q", f.Metadata); got != `map["empty":"" "key":"value ✓"]` {
		t.Errorf("metadata %s", got)
	}
	if got := fmt.Sprint(f.Inputs, f.Outputs, f.Nodes); got != "[{x float32 [1 4] true}] [{y float32 [1 4] true}] [n (Relu)]" {
		t.Errorf("graph %s", got)
	}
}

func TestOperatorSets(t *testing.T) {
	g := tiny()
	for _, c := range []struct {
		name string
		file msg
		want int64
	}{
		{"the long name of the default domain", msg(nil).num(1, 8).msg(7, g).msg(8, msg(nil).str(1, "ai.onnx").num(2, 17)), 17},
		{"before the graph", msg(nil).num(1, 8).msg(8, msg(nil).num(2, 9)).msg(7, g), 9},
		{"none, in the days before there were any", msg(nil).num(1, 2).msg(7, g), 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := parse(t, c.file).Opset[""]; got != c.want {
				t.Errorf("operator set %d, want %d", got, c.want)
			}
		})
	}
	t.Run("none where one is due", func(t *testing.T) {
		wantError(t, parseError(msg(nil).num(1, 8).msg(7, g)), "no operator set")
	})
}

func TestInitializersListedAsInputsAreNoInputs(t *testing.T) {
	w := msg(nil).num(1, 4).num(2, 1).str(8, "w").str(9, strings.Repeat("w", 16))
	f := parse(t, file(tiny(msg(nil).msg(11, value("w", 4)).msg(5, w))))
	if len(f.Inputs) != 1 || f.Inputs[0].Name != "x" {
		t.Errorf("inputs %v, want x alone", f.Inputs)
	}
}

func TestValueInfo(t *testing.T) {
	dim := func(d msg) msg { return msg(nil).msg(1, d) }
	tensor := func(shape msg) msg {
		return msg(nil).str(1, "x").msg(2, msg(nil).msg(1, msg(nil).num(1, 1).msg(2, shape)))
	}
	input := func(v msg) msg {
		return file(msg(nil).msg(1, node("Relu", "x", "y")).msg(11, v).msg(12, value("y")))
	}
	t.Run("a named dimension is −1", func(t *testing.T) {
		f := parse(t, input(tensor(slices.Concat(dim(msg(nil).str(2, "N")), dim(msg(nil).num(1, 3)), dim(nil)))))
		if got := f.Inputs[0].Shape; !slices.Equal(got, []int{-1, 3, -1}) {
			t.Errorf("shape %v", got)
		}
	})
	t.Run("denotations are passed over", func(t *testing.T) {
		v := msg(nil).str(1, "x").msg(2, msg(nil).str(6, "IMAGE").
			msg(1, msg(nil).num(1, 1).msg(2, dim(msg(nil).num(1, 3).str(3, "DATA_CHANNEL")))))
		if got := parse(t, input(v)).Inputs[0].Shape; !slices.Equal(got, []int{3}) {
			t.Errorf("shape %v", got)
		}
	})
	t.Run("no shape differs from a scalar's", func(t *testing.T) {
		v := msg(nil).str(1, "x").msg(2, msg(nil).msg(1, msg(nil).num(1, 1)))
		if parse(t, input(v)).Inputs[0].HasShape {
			t.Error("a type without a shape has one")
		}
		if !parse(t, input(tensor(nil))).Inputs[0].HasShape {
			t.Error("a scalar has no shape")
		}
	})
	for name, c := range map[string]struct {
		v    msg
		want string
	}{
		"a sequence":         {msg(nil).str(1, "x").msg(2, msg(nil).msg(4, nil)), `value "x": is no tensor`},
		"a negative size":    {tensor(dim(msg(nil).num(1, -2))), `value "x": dimension -2`},
		"a huge size":        {tensor(dim(msg(nil).num(1, 1<<40))), `value "x": dimension 1099511627776`},
		"too many dims":      {tensor(bytes.Repeat(dim(msg(nil).num(1, 1)), 9)), `value "x": more than 8 dimensions`},
		"no name":            {msg(nil).msg(2, nil), "has no name"},
		"a truncated inside": {msg(nil).str(1, "x").msg(2, msg{0x0a, 0x7f}), `value "x": at byte`},
	} {
		t.Run(name, func(t *testing.T) { wantError(t, parseError(input(c.v)), "broken ONNX file", c.want) })
	}
}

func TestBrokenGraphsAreRefusedBySentence(t *testing.T) {
	in, out := msg(nil).msg(11, value("x")), msg(nil).msg(12, value("y"))
	relu := msg(nil).msg(1, node("Relu", "x", "y"))
	scalar := msg(nil).num(2, 1).str(8, "w").str(9, "1234")
	for name, c := range map[string]struct {
		file msg
		want string
	}{
		"no graph":               {msg(nil).num(1, 8), "no graph"},
		"two graphs":             {file(tiny()).msg(7, tiny()), "no single graph"},
		"a graph that is a num":  {msg(nil).num(1, 8).num(7, 1), "no single graph"},
		"no nodes":               {file(slices.Concat(in, out)), "no nodes"},
		"no input":               {file(slices.Concat(relu, out)), "no input or no output"},
		"no output":              {file(slices.Concat(relu, in)), "no input or no output"},
		"functions":              {file(tiny()).msg(25, nil), "functions"},
		"sparse weights":         {file(tiny(msg(nil).msg(15, nil))), "sparse"},
		"a nameless initializer": {withTensor(msg(nil).num(2, 1).str(9, "1234")), "has no name"},
		"two of one name":        {file(tiny(msg(nil).msg(5, scalar).msg(5, scalar))), `two constants are called "w"`},
		"a name of a megabyte":   {file(tiny(msg(nil).msg(1, node("Relu", strings.Repeat("x", 10), strings.Repeat("y", 1<<20))))), "at most"},
		"5 MB of metadata":       {file(tiny()).msg(14, msg(nil).str(1, "k").str(2, strings.Repeat("v", 5<<20))), "metadata of more than"},
	} {
		t.Run(name, func(t *testing.T) { wantError(t, parseError(c.file), "broken ONNX file: ", c.want) })
	}
}

func TestTensorsThatLieAreRefused(t *testing.T) {
	tensor := func(dtype int64, dims ...int64) msg {
		return msg(nil).packed(1, dims...).num(2, dtype).str(8, "w")
	}
	for name, c := range map[string]struct {
		tensor msg
		want   string
	}{
		"fewer bytes than dims":     {tensor(1, 2, 3).str(9, "1234"), "4 bytes of data where 2×3 of float32 takes 24"},
		"more bytes than dims":      {tensor(2, 3).str(9, "1234"), "4 bytes of data where 3 of uint8 takes 3"},
		"no bytes":                  {tensor(1, 2), "0 bytes of data where 2 of float32 takes 8"},
		"a scalar of two":           {tensor(1).str(9, "12345678"), "8 bytes of data where a scalar of float32 takes 4"},
		"negative dims":             {tensor(1, -1).str(9, ""), "negative dimension -1"},
		"2 to the 31 elements":      {tensor(2, 1<<16, 1<<15).str(9, ""), "65536×32768 is more than 2147483647 elements"},
		"dims whose product wraps":  {tensor(2, 1<<32, 1<<32).str(9, ""), "more than 2147483647 elements"},
		"a 0 that hides the others": {tensor(2, 0, 1<<30, 1<<30).str(9, ""), "more than 2147483647 elements"},
		"nine dims":                 {tensor(2, 1, 1, 1, 1, 1, 1, 1, 1, 1).str(9, "1"), "more than 8 dimensions"},
		"strings":                   {tensor(8, 1).str(6, "a"), "elements of string are not supported"},
		"no type":                   {msg(nil).num(1, 1).str(8, "w").str(9, "1"), "elements of dtype(0) are not supported"},
		"4-bit integers":            {tensor(21, 2).str(9, "1"), "elements of dtype(21) are not supported"},
		"segments":                  {tensor(1, 1).msg(3, nil).str(9, "1234"), "segmented"},
		"floats among the ints":     {tensor(1, 1).packed(5, 1), "elements of float32 in field 5"},
		"ints among the floats":     {tensor(7, 1).fix32(4, 1), "elements of int64 in field 4"},
		"too few typed":             {tensor(7, 3).packed(7, 1, 2), "16 bytes of data where 3 of int64 takes 24"},
		"too many typed":            {tensor(7, 1).packed(7, 1, 2), "16 bytes of data where 1 of int64 takes 8"},
		"packed floats cut":         {tensor(1, 1).str(4, "123"), "3 bytes of data"},
		"an unended varint":         {tensor(7, 1).msg(7, msg{0x80}), "unexpected EOF"},
		"a float as a varint":       {tensor(1, 2).num(4, 1).num(4, 1), "of wire type 0"},
		"an int as a float":         {tensor(7, 1).fix64(7, 1), "of wire type 1"},
		"70000 pieces":              {append(tensor(2, 70000), bytes.Repeat(msg(nil).num(5, 1), 70000)...), "more than 65536 pieces"},
	} {
		t.Run(name, func(t *testing.T) {
			wantError(t, parseError(withTensor(c.tensor)), `broken ONNX file: tensor "w": `, c.want)
		})
	}
}

func TestAbsurdSizesAreRefusedBeforeAllocation(t *testing.T) {
	const limit = 1 << 20
	huge := msg(nil).packed(1, 1<<17, 1<<17).num(2, 1).str(8, "w")
	for name, b := range map[string]msg{
		"raw":             withTensor(huge.str(9, "1234")),
		"typed":           withTensor(huge.str(4, "1234")),
		"under the limit": withTensor(msg(nil).packed(1, 1<<15, 1<<15).num(2, 11).str(8, "w").str(10, "12345678")),
		"an int list":     withTensor(msg(nil).packed(1, 1<<30).num(2, 7).str(8, "w").packed(7, 1)),
		"external":        withTensor(huge.num(14, 1).msg(13, msg(nil).str(1, "location").str(2, "w.bin"))),
		"a value":         file(tiny(msg(nil).msg(11, value("v", 1<<40)))),
		"a long field":    append(file(nil)[:2], 0x3a, 0xff, 0xff, 0xff, 0xff, 0x7f),
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			if n := allocated(func() { err = parseError(b) }); n > limit {
				t.Errorf("%d bytes allocated for a file of %d", n, len(b))
			}
			if err == nil {
				t.Error("no error")
			}
		})
	}
}

// An importer that sees such a file makes the tensor that it declares: 64 GB.
func TestAHugeInputInASmallFileCostsNothing(t *testing.T) {
	b := file(msg(nil).msg(1, node("Relu", "x", "y")).
		msg(11, value("x", 1<<17, 1<<17)).msg(12, value("y", 1<<17, 1<<17)))
	if len(b) > 120 {
		t.Fatalf("the file has %d bytes", len(b))
	}
	if n := allocated(func() { parse(t, b) }); n > 1<<20 {
		t.Errorf("%d bytes allocated", n)
	}
}

func TestTheStrippedModelHoldsNoShapesAndNoWeights(t *testing.T) {
	w := msg(nil).num(1, 1<<16).num(2, 2).str(8, "w").str(9, strings.Repeat("w", 1<<16))
	f := parse(t, file(tiny(msg(nil).msg(5, w))))
	want := msg(nil).num(1, 8).msg(7, msg(nil).msg(1, node("Relu", "x", "y")).
		msg(11, msg(nil).str(1, "x")).msg(12, msg(nil).str(1, "y")))
	if !bytes.Equal(f.Stripped, want) {
		t.Errorf("stripped\n%q\nwant\n%q", f.Stripped, want)
	}
}

func TestCountsAreLimited(t *testing.T) {
	many := func(n int, m msg) msg { return bytes.Repeat(m, n) }
	bare := msg(nil).str(1, "x").str(2, "y").str(4, "R")
	for name, c := range map[string]struct {
		file msg
		want string
	}{
		"nodes":   {file(tiny(many(onnxfile.MaxNodes, msg(nil).msg(1, bare)))), "more than 100000 nodes"},
		"parts":   {file(tiny(msg(nil).msg(1, many(1<<20+1, msg(nil).msg(5, nil))))), "inputs, outputs and attributes"},
		"edges":   {file(tiny(msg(nil).msg(1, slices.Concat(many(4096, msg(nil).str(1, "x")), many(4096, msg(nil).str(2, "y")))))), "more than 4194304 edges"},
		"bytes":   {file(tiny(msg(nil).msg(1, bare.str(6, strings.Repeat("d", 17<<20))))), "the nodes take more than"},
		"inputs":  {file(tiny(many(onnxfile.MaxTensors, msg(nil).msg(11, msg(nil).str(1, "v"))))), "more than 100000 inputs"},
		"outputs": {file(tiny(many(onnxfile.MaxTensors, msg(nil).msg(12, msg(nil).str(1, "v"))))), "more than 100000 outputs"},
	} {
		t.Run(name, func(t *testing.T) { wantError(t, parseError(c.file), c.want) })
	}
}

func TestNodesGetAName(t *testing.T) {
	f := parse(t, file(tiny(msg(nil).msg(1, msg(nil).str(1, "y").str(2, "z").str(4, "Tanh").str(7, "ai.onnx")))))
	if got := f.Nodes[1]; got.Name != "Tanh_1" || got.Domain != "" || got.Inputs != 1 {
		t.Errorf("node %+v", got)
	}
}

func TestAttributesThatMayNotBeDecodedAreMarked(t *testing.T) {
	for field, kind := range map[int]string{5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 14: "type", 15: "type", 21: "reference", 22: "tensor", 23: "tensor"} {
		a := msg(nil).str(1, "body").num(20, 5).msg(protowire.Number(field), nil)
		f := parse(t, file(tiny(msg(nil).msg(1, node("Loop", "x", "z").msg(5, a)))))
		if want := "attribute body holds a " + kind + ", which is not supported"; f.Nodes[1].Refused != want {
			t.Errorf("field %d: refused %q, want %q", field, f.Nodes[1].Refused, want)
		}
		if bytes.Contains(f.Stripped, []byte("Loop")) {
			t.Errorf("field %d: the node is among those to decode", field)
		}
	}
}

func TestConstantNodesBecomeTensors(t *testing.T) {
	constant := func(a msg) msg { return msg(nil).msg(1, node("Constant", "", "c").msg(5, a)) }
	attr := func(name string) msg { return msg(nil).str(1, name) }
	le := func(vs ...float32) (b []byte) {
		return onnxfile.Float32Tensor("", nil, vs).Data
	}
	ints := func(vs ...int64) []byte { return onnxfile.Int64Tensor("", nil, vs).Data }
	half := math.Float32bits(0.5)
	for name, c := range map[string]struct {
		attr  msg
		dtype onnxfile.DType
		shape []int
		data  []byte
	}{
		"value":               {attr("value").msg(5, msg(nil).num(1, 2).num(2, 2).str(9, "ab")), onnxfile.Uint8, []int{2}, []byte("ab")},
		"value_float":         {attr("value_float").fix32(2, half), onnxfile.Float32, nil, le(0.5)},
		"value_float of 0":    {attr("value_float").num(20, 1), onnxfile.Float32, nil, le(0)},
		"value_floats":        {attr("value_floats").fix32(7, half).fix32(7, half), onnxfile.Float32, []int{2}, le(0.5, 0.5)},
		"value_floats packed": {attr("value_floats").msg(7, le(0.5, 1, 2)), onnxfile.Float32, []int{3}, le(0.5, 1, 2)},
		"value_floats, none":  {attr("value_floats"), onnxfile.Float32, []int{0}, nil},
		"value_int":           {attr("value_int").num(3, -7), onnxfile.Int64, nil, ints(-7)},
		"value_int of 0":      {attr("value_int").num(20, 2), onnxfile.Int64, nil, ints(0)},
		"value_ints":          {attr("value_ints").num(8, 1).num(8, -1), onnxfile.Int64, []int{2}, ints(1, -1)},
		"value_ints packed":   {attr("value_ints").packed(8, 1, -1, 300), onnxfile.Int64, []int{3}, ints(1, -1, 300)},
	} {
		t.Run(name, func(t *testing.T) {
			f := parse(t, file(tiny(constant(c.attr))))
			got := f.Tensors["c"]
			if got == nil || got.Name != "c" || got.DType != c.dtype || !slices.Equal(got.Shape, c.shape) {
				t.Fatalf("tensor %+v, want %s %v", got, c.dtype, c.shape)
			}
			data, err := f.ReadTensor(got)
			if err != nil || !bytes.Equal(data, c.data) {
				t.Errorf("data %v, want %v (%v)", data, c.data, err)
			}
			if len(f.Nodes) != 1 {
				t.Errorf("nodes %v: the Constant stayed", f.Nodes)
			}
		})
	}
	for name, c := range map[string]struct {
		node msg
		want string
	}{
		"of a string":     {constant(attr("value_string").str(4, "s")), `n (Constant): attribute "value_string" is not supported`},
		"without a value": {constant(attr("value")), `n (Constant): attribute "value" is not supported`},
		"without any":     {msg(nil).msg(1, node("Constant", "", "c")), "n (Constant): has 1 outputs and 0 attributes"},
		"without output":  {msg(nil).msg(1, node("Constant", "", "").msg(5, attr("value_int"))), "n (Constant): has"},
		"that lies":       {constant(attr("value").msg(5, msg(nil).num(1, 2).num(2, 2))), "n (Constant): 0 bytes of data where 2 of uint8 takes 2"},
		"floats cut":      {constant(attr("value_floats").str(7, "123")), "n (Constant): 3 bytes are no list of float32"},
	} {
		t.Run(name, func(t *testing.T) { wantError(t, parseError(file(tiny(c.node))), c.want) })
	}
}
