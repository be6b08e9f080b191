package pack

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"

	"hamster/model/onnxfile"
	"hamster/model/onnxfile/wire"
	"hamster/model/packed"
)

const (
	// Tensors smaller than this stay in the graph: where a tensor lies takes a
	// hundred bytes to say, and shapes should be at hand without the shards.
	inlineBelow = 1024

	// Tensors begin at multiples of this in a shard, so that a reader can look at
	// their elements in place, whatever their type, by cache lines.
	alignment = 64
)

// content is a file to be written.
type content struct {
	name   string
	sha256 string
	data   []byte
}

func newContent(name string, data []byte) content {
	sum := sha256.Sum256(data)
	digest := hex.EncodeToString(sum[:])
	return content{cmp.Or(name, packed.ShardName(digest)), digest, data}
}

// place is where a tensor lies: in a shard by its number, or in the graph (−1).
type place struct {
	shard          int
	offset, length int
}

// split takes an ONNX file apart. The graph is the same file but for its
// initializers: the larger ones are external data, which lie in the shards in the
// order of the file. A shard has at most size bytes, or holds just one tensor.
func split(model []byte, file *onnxfile.File, size int) (graph content, shards []content, err error) {
	places, buffers, err := layOut(model, file, size)
	if err != nil {
		return graph, nil, err
	}
	names := make([]string, len(buffers))
	known := map[string]bool{}
	for i, b := range buffers {
		shard := newContent("", b)
		names[i] = shard.name
		// Shards of the same bytes are one file.
		if !known[shard.name] {
			shards = append(shards, shard)
		}
		known[shard.name] = true
	}
	rewritten, err := mapField(model, modelGraph, func(g []byte) ([]byte, error) {
		return mapField(g, graphInitializer, func(t []byte) ([]byte, error) {
			name, err := tensorName(t)
			if err != nil {
				return nil, err
			}
			at := places[name]
			if at.shard >= 0 {
				return external(t, names[at.shard], at)
			}
			if file.Tensors[name].Range.File == "" {
				return t, nil
			}
			data, err := file.ReadTensor(file.Tensors[name])
			if err != nil {
				return nil, err
			}
			return inline(t, data)
		})
	})
	if err != nil {
		return graph, nil, err
	}
	return newContent(packed.GraphName, rewritten), shards, nil
}

// layOut gives each initializer its place, and fills the shards.
func layOut(model []byte, file *onnxfile.File, size int) (places map[string]place, shards [][]byte, err error) {
	places = map[string]place{}
	err = eachField(model, modelGraph, func(g []byte) error {
		return eachField(g, graphInitializer, func(t []byte) error {
			name, err := tensorName(t)
			if err != nil {
				return err
			}
			tensor := file.Tensors[name]
			if tensor == nil {
				return fmt.Errorf("initializer %q is not among the constants", name)
			}
			if tensor.Bytes() < inlineBelow {
				places[name] = place{shard: -1}
				return nil
			}
			data, err := file.ReadTensor(tensor)
			if err != nil {
				return err
			}
			last, offset := len(shards)-1, 0
			if last >= 0 {
				offset = (len(shards[last]) + alignment - 1) / alignment * alignment
			}
			if last < 0 || offset+len(data) > size {
				shards = append(shards, nil)
				last, offset = last+1, 0
			}
			shard := append(shards[last], make([]byte, offset-len(shards[last]))...)
			shards[last] = append(shard, data...)
			places[name] = place{last, offset, len(data)}
			return nil
		})
	})
	if err != nil {
		return nil, nil, err
	}
	for name, t := range file.Tensors {
		if _, ok := places[name]; !ok && t.Range.File != "" {
			return nil, nil, fmt.Errorf("constant %q of a node has its data in %q: only initializers may", name, t.Range.File)
		}
	}
	return places, shards, nil
}

// Fields of onnx.proto3.
const (
	modelGraph       = 7 // ModelProto
	graphInitializer = 5 // GraphProto

	// TensorProto
	tensorFloatData    = 4
	tensorInt32Data    = 5
	tensorStringData   = 6
	tensorInt64Data    = 7
	tensorNameField    = 8
	tensorRawData      = 9
	tensorDoubleData   = 10
	tensorUint64Data   = 11
	tensorExternalData = 13
	tensorDataLocation = 14

	dataLocationExternal = 1
)

// external is the tensor t with its data in a shard.
func external(t []byte, shard string, at place) ([]byte, error) {
	b, err := withoutData(t)
	if err != nil {
		return nil, err
	}
	for _, entry := range [][2]string{
		{"location", shard}, {"offset", strconv.Itoa(at.offset)}, {"length", strconv.Itoa(at.length)},
	} {
		e := wire.Append(nil, 1, []byte(entry[0]))
		e = wire.Append(e, 2, []byte(entry[1]))
		b = wire.Append(b, tensorExternalData, e)
	}
	b = protowire.AppendTag(b, tensorDataLocation, protowire.VarintType)
	return protowire.AppendVarint(b, dataLocationExternal), nil
}

// inline is the tensor t with its data in itself.
func inline(t, data []byte) ([]byte, error) {
	b, err := withoutData(t)
	if err != nil {
		return nil, err
	}
	return wire.Append(b, tensorRawData, data), nil
}

func withoutData(t []byte) ([]byte, error) {
	var b []byte
	err := wire.Fields(t, func(num protowire.Number, _, whole []byte) error {
		switch num {
		case tensorFloatData, tensorInt32Data, tensorStringData, tensorInt64Data, tensorRawData,
			tensorDoubleData, tensorUint64Data, tensorExternalData, tensorDataLocation:
		default:
			b = append(b, whole...)
		}
		return nil
	})
	return b, err
}

func tensorName(t []byte) (name string, err error) {
	err = wire.Fields(t, func(num protowire.Number, value, _ []byte) error {
		if num == tensorNameField {
			name = string(value)
		}
		return nil
	})
	return name, err
}

// mapField is a message in which f has replaced the content of every field with
// the given number; all others stay as they are, and where they are.
func mapField(message []byte, number protowire.Number, f func([]byte) ([]byte, error)) ([]byte, error) {
	var out []byte
	err := wire.Fields(message, func(num protowire.Number, value, whole []byte) error {
		if num != number || value == nil {
			out = append(out, whole...)
			return nil
		}
		v, err := f(value)
		if err != nil {
			return err
		}
		out = wire.Append(out, num, v)
		return nil
	})
	return out, err
}

// eachField calls f with the content of every field with the given number.
func eachField(message []byte, number protowire.Number, f func([]byte) error) error {
	return wire.Fields(message, func(num protowire.Number, value, _ []byte) error {
		if num != number || value == nil {
			return nil
		}
		return f(value)
	})
}
