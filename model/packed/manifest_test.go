package packed_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"hamster/model/packed"
)

var (
	hashA = strings.Repeat("0a", 32)
	hashB = strings.Repeat("0b", 32)
	hashG = strings.Repeat("ff", 32)
)

func manifest() *packed.Manifest {
	return &packed.Manifest{
		Format: packed.Format, Name: "Colours", Version: "1", Licence: "MIT", Source: "here",
		Size: 1034, Compressed: 530,
		Graph: packed.File{Path: "graph.onnx", Size: 1000, SHA256: hashG, Compressed: 500},
		Shards: []packed.File{
			{Path: packed.ShardName(hashA), Size: 4, SHA256: hashA, Compressed: 10},
			{Path: packed.ShardName(hashB), Size: 30, SHA256: hashB, Compressed: 20},
		},
		Input: packed.Input{
			Width: 2, Height: 3, Layout: "NCHW", Channels: "RGB",
			Scale: []float32{127.5, 127.5, 58.4}, Offset: []float32{-1, -1, 0},
		},
		Mode:   "keras",
		Labels: []packed.Label{{ID: "r", Name: "red & <b>"}, {ID: "g", Name: "green"}},
	}
}

func TestAManifestIsReadAsItWasWritten(t *testing.T) {
	for name, m := range map[string]*packed.Manifest{"full": manifest(), "no shards": edited(func(m *packed.Manifest) {
		m.Shards, m.Size, m.Compressed = []packed.File{}, 1000, 500
	})} {
		text, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := packed.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, m) {
			t.Errorf("%s: %+v, want %+v", name, got, m)
		}
	}
}

func edited(edit func(*packed.Manifest)) *packed.Manifest {
	m := manifest()
	edit(m)
	return m
}

func TestWhatAManifestMustNotSayIsRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(*packed.Manifest)
		want string
	}{
		{"another format", func(m *packed.Manifest) { m.Format = 2 }, "it has format 2, only 1 is known"},
		{"another graph", func(m *packed.Manifest) { m.Graph.Path = "../graph.onnx" }, `the graph lies in "../graph.onnx"`},
		{"a graph elsewhere", func(m *packed.Manifest) { m.Graph.Path = "https://example.org/graph.onnx" }, "the graph lies in"},
		{"a shard that climbs", func(m *packed.Manifest) { m.Shards[0].Path = "../../etc/passwd" }, `"../../etc/passwd": the shard of this hash is called`},
		{"a shard of an absolute path", func(m *packed.Manifest) { m.Shards[0].Path = "/etc/passwd" }, "the shard of this hash is called"},
		{"a shard without a name", func(m *packed.Manifest) { m.Shards[0].Path = "" }, "the shard of this hash is called"},
		{"a shard called as another", func(m *packed.Manifest) { m.Shards[0].Path = m.Shards[1].Path }, "the shard of this hash is called"},
		{"a shard twice", func(m *packed.Manifest) { m.Shards[1] = m.Shards[0] }, "is named twice"},
		{"no hash", func(m *packed.Manifest) { m.Graph.SHA256 = "" }, `"" is no SHA-256`},
		{"half a hash", func(m *packed.Manifest) { m.Shards[1].SHA256 = hashB[:32] }, "is no SHA-256"},
		{"a hash in capitals", func(m *packed.Manifest) { m.Graph.SHA256 = strings.ToUpper(hashG) }, "is no SHA-256"},
		{"a hash of other letters", func(m *packed.Manifest) { m.Graph.SHA256 = strings.Repeat("zz", 32) }, "is no SHA-256"},
		{"an empty file", func(m *packed.Manifest) { m.Shards[0].Size = 0 }, ": 0 bytes, not 1 to"},
		{"a negative size", func(m *packed.Manifest) { m.Graph.Size = -1 }, "graph.onnx: -1 bytes"},
		{"a file no browser holds", func(m *packed.Manifest) { m.Graph.Size = 1 << 40 }, "graph.onnx: 1099511627776 bytes"},
		{"a stream of nothing", func(m *packed.Manifest) { m.Graph.Compressed = 0 }, "graph.onnx: 0 bytes compressed"},
		{"a stream no browser holds", func(m *packed.Manifest) { m.Graph.Compressed = 1 << 40 }, "bytes compressed, not 1 to"},
		{"another sum", func(m *packed.Manifest) { m.Size++ }, "it says 1035 bytes and 530 compressed, its files add up to 1034 and 530"},
		{"another compressed sum", func(m *packed.Manifest) { m.Compressed = 0 }, "1034 bytes and 0 compressed"},
		{"more than 4 GiB", func(m *packed.Manifest) {
			m.Graph.Size, m.Shards[0].Size, m.Shards[1].Size = packed.MaxFile, packed.MaxFile, packed.MaxFile
			m.Size = 3 * packed.MaxFile
		}, "the files take 6442450941 bytes, more than 4294967295"},
		{"too many shards", func(m *packed.Manifest) { m.Shards = make([]packed.File, packed.MaxShards+1) }, "it names 4097 shards"},
		{"no width", func(m *packed.Manifest) { m.Input.Width = 0 }, "input size 0x3"},
		{"a giant input", func(m *packed.Manifest) { m.Input.Height = 1 << 30 }, "input size 2x1073741824"},
		{"an unknown layout", func(m *packed.Manifest) { m.Input.Layout = "CHWN" }, `input layout "CHWN"`},
		{"a scale of nothing", func(m *packed.Manifest) { m.Input.Scale[1] = 0 }, "input scale"},
		{"one scale for all", func(m *packed.Manifest) { m.Input.Scale = m.Input.Scale[:1] }, "1 scales and 3 offsets"},
		{"four offsets", func(m *packed.Manifest) { m.Input.Offset = make([]float32, 4) }, "3 scales and 4 offsets"},
		{"no mode", func(m *packed.Manifest) { m.Mode = "" }, "it names no preprocessing mode"},
		{"an unknown mode", func(m *packed.Manifest) { m.Mode = "best" }, `unknown preprocessing mode "best"`},
		{"no labels", func(m *packed.Manifest) { m.Labels = nil }, "it has 0 labels"},
		{"too many labels", func(m *packed.Manifest) { m.Labels = make([]packed.Label, packed.MaxLabels+1) }, "it has 100001 labels"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := edited(c.edit)
			text, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := packed.Parse(text); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Parse: %v, want %q", err, c.want)
			}
			if _, err := m.Encode(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Encode: %v, want %q", err, c.want)
			}
		})
	}
}

func TestWhatIsNoManifestIsRefused(t *testing.T) {
	good, err := manifest().Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "EOF"},
		{"half of one", string(good[:len(good)/2]), "unexpected EOF"},
		{"a web page", "<!doctype html>", "invalid character '<'"},
		{"a list", "[]", "cannot unmarshal array"},
		{"null", "null", "it names no format"},
		{"no format", "{}", "it names no format"},
		{"a later format with other fields", `{"format": 2, "size": "1 MB"}`, "it has format 2"},
		{"two in a row", string(good) + string(good), "something follows"},
		{"a size in words", strings.Replace(string(good), "1034", `"many"`, 1), "cannot unmarshal string"},
		{"a size with a fraction", strings.Replace(string(good), "1034", "1034.5", 1), "cannot unmarshal number"},
		{"a size beyond all", strings.Replace(string(good), "1034", "1e300", 1), "cannot unmarshal number"},
		{"too long", strings.Repeat(" ", packed.MaxManifest) + string(good), "at most 4194304 are read"},
	} {
		if _, err := packed.Parse([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestFieldsThatAreNotKnownArePassedOver(t *testing.T) {
	text, err := manifest().Encode()
	if err != nil {
		t.Fatal(err)
	}
	m, err := packed.Parse([]byte(strings.Replace(string(text), "{", `{"colour": {"of": ["the", "hamster"]},`, 1)))
	if err != nil || !reflect.DeepEqual(m, manifest()) {
		t.Errorf("%+v (%v)", m, err)
	}
}

func TestNamesOfShards(t *testing.T) {
	name := packed.ShardName(hashA)
	if name != "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a.bin" {
		t.Errorf("a shard is called %s", name)
	}
	for name, want := range map[string]bool{
		name: true, name + ".br": false, strings.ToUpper(name): false, "x" + name[1:]: false, name[1:]: false,
		"0" + name: false, ".bin": false, "graph.onnx": false, "": false,
	} {
		if packed.IsShardName(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

// FuzzParse wants that whatever Parse accepts has sums and names that hold, and
// survives being written.
func FuzzParse(f *testing.F) {
	text, err := manifest().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"format":1,"shards":[{"path":"a"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := packed.Parse(data)
		if err != nil {
			return
		}
		var size int64
		for i, f := range m.Files() {
			if i > 0 && !packed.IsShardName(f.Path) || i == 0 && f.Path != packed.GraphName {
				t.Errorf("file %d is called %q", i, f.Path)
			}
			size += f.Size
		}
		if size != m.Size || size > packed.MaxModel {
			t.Errorf("%d bytes, said to be %d", size, m.Size)
		}
		text, err := m.Encode()
		if err != nil {
			return // longer with white space than a manifest may be
		}
		again, err := packed.Parse(text)
		if err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		if m.Shards == nil {
			m.Shards = again.Shards // null and [] mean the same
		}
		if !reflect.DeepEqual(again, m) {
			t.Errorf("%+v, then %+v", m, again)
		}
	})
}
