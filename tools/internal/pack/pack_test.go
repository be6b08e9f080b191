package pack

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/andybalholm/brotli"

	"hamster/model"
	"hamster/model/conformance/onnxbuild"
	"hamster/model/onnxfile"
	"hamster/model/packed"
)

// towers is a model of 2×2 pixels whose weights are three tensors of 1×1
// convolutions, of 2400, 160000 and 4000 bytes, and a bias of 20.
func towers() *onnxbuild.Model {
	conv := func(name, in, out string) onnxbuild.Node {
		return onnxbuild.Node{Name: out, Op: "Conv", Inputs: []string{in, name}, Outputs: []string{out}}
	}
	return &onnxbuild.Model{
		Opset:   13,
		Inputs:  []onnxbuild.Value{{Name: "x", Shape: []int{1, 3, 2, 2}}},
		Outputs: []onnxbuild.Value{{Name: "y", Shape: []int{1, 5}}},
		Tensors: []*onnxfile.Tensor{
			wave("w1", 200, 3, 1, 1), wave("w2", 200, 200, 1, 1), wave("w3", 5, 200, 1, 1), wave("bias", 5, 1, 1),
		},
		Nodes: []onnxbuild.Node{
			conv("w1", "x", "a"), conv("w2", "a", "b"), conv("w3", "b", "c"),
			{Name: "add", Op: "Add", Inputs: []string{"c", "bias"}, Outputs: []string{"d"}},
			{Name: "mean", Op: "GlobalAveragePool", Inputs: []string{"d"}, Outputs: []string{"e"}},
			{Name: "flat", Op: "Flatten", Inputs: []string{"e"}, Outputs: []string{"y"}},
		},
		Metadata: map[string]string{
			model.KeyName: "Towers", model.KeyVersion: "2", model.KeyLicence: "MIT", model.KeySource: "here",
			model.KeyLabels:     `[{"id":"a","label":"A"},{"id":"b","label":"B"},{"id":"c","label":"C"},{"id":"d","label":"D"},{"id":"e","label":"E"}]`,
			model.KeyPreprocess: "keras",
		},
	}
}

func wave(name string, shape ...int) *onnxfile.Tensor {
	n := 1
	for _, d := range shape {
		n *= d
	}
	data := make([]float32, n)
	for i := range data {
		data[i] = float32(math.Sin(float64(i*len(name)+n))) / 8
	}
	return onnxbuild.Floats(name, shape, data...)
}

func packModel(t testing.TB, m *onnxbuild.Model, dir string, o Options) *packed.Manifest {
	t.Helper()
	manifest, err := Pack(context.Background(), bytes.NewReader(m.Bytes()), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return manifest
}

// contents are all files of a folder by name.
func contents(t testing.TB, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(text)
	}
	return files
}

func outputs(t testing.TB, source model.Source, backend string) []float32 {
	t.Helper()
	m, err := model.Load(t.Context(), source, model.Options{Backend: backend})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	x := model.Tensor{Shape: m.InputShape()}
	for i := range 12 {
		x.Data = append(x.Data, float32(i)/12)
	}
	y, err := m.Run(t.Context(), x)
	if err != nil {
		t.Fatal(err)
	}
	return y.Data
}

func TestAPackedModelGivesTheSameOutputs(t *testing.T) {
	file := towers().Bytes()
	dir := filepath.Join(t.TempDir(), "new", "towers")
	if _, err := Pack(t.Context(), bytes.NewReader(file), dir, Options{ShardSize: 4096}); err != nil {
		t.Fatal(err)
	}
	for _, backend := range model.Backends() {
		source, err := model.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer source.Close()
		got, want := outputs(t, source, backend), outputs(t, bytes.NewReader(file), backend)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", backend, got, want)
		}
	}
}

func TestTheManifestSaysWhatTheModelSays(t *testing.T) {
	m := packModel(t, towers(), filepath.Join(t.TempDir(), "p"), Options{})
	spec, labels, err := model.Describe(bytes.NewReader(towers().Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	input, err := m.Input.Spec(m.Mode)
	if err != nil || input != spec.Input {
		t.Errorf("input %+v (%v), want %+v", input, err, spec.Input)
	}
	if m.Name != "Towers" || m.Version != "2" || m.Licence != "MIT" || m.Source != "here" || m.Mode != "keras" {
		t.Errorf("manifest %+v", m)
	}
	if len(m.Labels) != 5 || model.Label(m.Labels[4]) != labels[4] {
		t.Errorf("labels %v, want %v", m.Labels, labels)
	}
}

func TestEveryFileHasItsBrotliStreamAndTheManifestCountsThem(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "p")
	m := packModel(t, towers(), dir, Options{ShardSize: 4096, Quality: 3})
	files := contents(t, dir)
	want := int64(0)
	for _, f := range m.Files() {
		if int64(len(files[f.Path])) != f.Size || int64(len(files[f.Path+".br"])) != f.Compressed {
			t.Errorf("%+v has %d bytes, %d compressed", f, len(files[f.Path]), len(files[f.Path+".br"]))
		}
		want += f.Compressed
	}
	if m.Compressed != want {
		t.Errorf("%d bytes compressed, want %d", m.Compressed, want)
	}
	for name, text := range files {
		if strings.HasSuffix(name, ".br") {
			continue
		}
		plain, err := io.ReadAll(brotli.NewReader(strings.NewReader(files[name+".br"])))
		if err != nil || string(plain) != text {
			t.Errorf("%s.br is no stream of %s: %v", name, name, err)
		}
	}
	if len(files) != 2*(2+len(m.Shards)) {
		t.Errorf("the folder holds %v", slices.Sorted(maps.Keys(files)))
	}
}

// shardsOf tells for each tensor in a shard by number where it lies, as
// "shard:offset"; the graph's own tensors are "graph".
func shardsOf(t *testing.T, dir string, m *packed.Manifest) map[string]string {
	t.Helper()
	source, err := model.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	f, err := onnxfile.Parse(source, source.Size())
	if err != nil {
		t.Fatal(err)
	}
	lies := map[string]string{}
	for name, tensor := range f.Tensors {
		i := slices.IndexFunc(m.Shards, func(s packed.File) bool { return s.Path == tensor.Range.File })
		lies[name] = fmt.Sprintf("%d:%d", i, tensor.Range.Offset)
		if tensor.Range.File == "" {
			lies[name] = "graph"
		}
	}
	return lies
}

func TestNoTensorStraddlesShards(t *testing.T) {
	twice := towers()
	twice.Tensors = append(twice.Tensors, &onnxfile.Tensor{Name: "same", DType: onnxfile.Float32, Shape: []int{5, 200, 1, 1}, Data: twice.Tensors[2].Data})
	for _, c := range []struct {
		name  string
		model *onnxbuild.Model
		size  int
		want  map[string]string
		sizes []int64
	}{
		{"all in one", towers(), 0, map[string]string{"w1": "0:0", "w2": "0:2432", "w3": "0:162432", "bias": "graph"}, []int64{166432}},
		{"just all in one", towers(), 166432, map[string]string{"w1": "0:0", "w2": "0:2432", "w3": "0:162432", "bias": "graph"}, []int64{166432}},
		{"a byte too many", towers(), 166431, map[string]string{"w1": "0:0", "w2": "0:2432", "w3": "1:0", "bias": "graph"}, []int64{162432, 4000}},
		{"one larger than a shard", towers(), 8192, map[string]string{"w1": "0:0", "w2": "1:0", "w3": "2:0", "bias": "graph"}, []int64{2400, 160000, 4000}},
		{"all larger than a shard", towers(), 1, map[string]string{"w1": "0:0", "w2": "1:0", "w3": "2:0", "bias": "graph"}, []int64{2400, 160000, 4000}},
		{"shards of the same bytes", twice, 1, map[string]string{"w1": "0:0", "w2": "1:0", "w3": "2:0", "same": "2:0", "bias": "graph"}, []int64{2400, 160000, 4000}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "p")
			m := packModel(t, c.model, dir, Options{ShardSize: c.size})
			if got := shardsOf(t, dir, m); !maps.Equal(got, c.want) {
				t.Errorf("tensors lie at %v, want %v", got, c.want)
			}
			var sizes []int64
			for _, s := range m.Shards {
				sizes = append(sizes, s.Size)
			}
			if !slices.Equal(sizes, c.sizes) {
				t.Errorf("shards of %v bytes, want %v", sizes, c.sizes)
			}
		})
	}
}

func TestAModelOfSmallTensorsHasNoShards(t *testing.T) {
	small := towers()
	small.Nodes = append([]onnxbuild.Node{{Name: "only", Op: "Conv", Inputs: []string{"x", "w"}, Outputs: []string{"c"}}}, small.Nodes[3:]...)
	small.Tensors = []*onnxfile.Tensor{wave("w", 5, 3, 1, 1), wave("bias", 5, 1, 1)}
	dir := filepath.Join(t.TempDir(), "p")
	m := packModel(t, small, dir, Options{})
	if len(m.Shards) != 0 {
		t.Errorf("shards %v", m.Shards)
	}
	source, err := model.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	if got, want := outputs(t, source, "gorgonia"), outputs(t, bytes.NewReader(small.Bytes()), "gorgonia"); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// folder is a model with files beside it.
type folder struct {
	*bytes.Reader
	files map[string][]byte
}

func (f folder) OpenBeside(name string) (io.ReaderAt, int64, error) {
	data, ok := f.files[name]
	if !ok {
		return nil, 0, errors.New("not there")
	}
	return bytes.NewReader(data), int64(len(data)), nil
}

func TestWeightsBesideTheModelArePackedToo(t *testing.T) {
	dir := t.TempDir()
	packModel(t, towers(), filepath.Join(dir, "towers"), Options{})
	// What was packed in one shard has external data: pack that, and the same with
	// its small tensor beside it as well.
	source, err := model.Open(filepath.Join(dir, "towers"))
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	m, err := Pack(t.Context(), source, filepath.Join(dir, "again"), Options{ShardSize: 4096})
	if err != nil {
		t.Fatal(err)
	}
	want := packModel(t, towers(), filepath.Join(dir, "direct"), Options{ShardSize: 4096})
	if m.Size != want.Size || !slices.Equal(m.Shards, want.Shards) || m.Graph.SHA256 != want.Graph.SHA256 {
		t.Errorf("packed again %+v, want %+v", m, want)
	}

	bias := wave("bias", 5, 1, 1)
	file, err := mapField(towers().Bytes(), modelGraph, func(g []byte) ([]byte, error) {
		return mapField(g, graphInitializer, func(tensor []byte) ([]byte, error) {
			if name, err := tensorName(tensor); name != "bias" {
				return tensor, err
			}
			return external(tensor, "bias.bin", place{0, 4, 20})
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	beside := folder{bytes.NewReader(file), map[string][]byte{"bias.bin": append([]byte("head"), bias.Data...)}}
	if _, err := Pack(t.Context(), beside, filepath.Join(dir, "bias"), Options{}); err != nil {
		t.Fatal(err)
	}
	back, err := model.Open(filepath.Join(dir, "bias"))
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	if got, want := outputs(t, back, "gorgonia"), outputs(t, bytes.NewReader(towers().Bytes()), "gorgonia"); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestTheSameModelGivesTheSameBytes(t *testing.T) {
	dir := t.TempDir()
	o := Options{ShardSize: 4096, Quality: 5}
	packModel(t, towers(), filepath.Join(dir, "a"), o)
	packModel(t, towers(), filepath.Join(dir, "b"), o)
	if !maps.Equal(contents(t, filepath.Join(dir, "a")), contents(t, filepath.Join(dir, "b"))) {
		t.Error("two folders differ")
	}
}

func TestAPackedModelReplacesAnother(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "p")
	old := packModel(t, towers(), dir, Options{})
	changed := towers()
	changed.Tensors[0].Data[0]++
	m := packModel(t, changed, dir, Options{})
	if m.Shards[0] == old.Shards[0] {
		t.Fatal("the models are the same")
	}
	if _, err := os.Stat(filepath.Join(dir, old.Shards[0].Path)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the former shard: %v", err)
	}
	if left, err := os.ReadDir(parent); err != nil || len(left) != 1 {
		t.Errorf("beside it lie %v (%v)", left, err)
	}
	if source, err := model.Open(dir); err != nil {
		t.Error(err)
	} else {
		source.Close()
	}
}

func TestALinkStaysALink(t *testing.T) {
	parent := t.TempDir()
	link := filepath.Join(parent, "link")
	if err := os.Mkdir(filepath.Join(parent, "real"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real", link); err != nil {
		t.Skip("no links here: ", err)
	}
	packModel(t, towers(), link, Options{})
	if target, err := os.Readlink(link); target != "real" || err != nil {
		t.Errorf("leads to %q (%v)", target, err)
	}
	if _, err := os.Stat(filepath.Join(parent, "real", packed.ManifestName)); err != nil {
		t.Error(err)
	}
}

func TestAFailedPackLeavesTheOldFolder(t *testing.T) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		name   string
		ctx    context.Context
		source model.Source
		o      Options
		add    string // to the old folder
		want   string
	}{
		{"not ONNX", t.Context(), strings.NewReader("<!doctype html>"), Options{}, "", "not an ONNX model"},
		{"no classifier", t.Context(), bytes.NewReader(unsupported().Bytes()), Options{}, "", "Frobnicate"},
		{"stopped", ended, bytes.NewReader(towers().Bytes()), Options{}, "", "context canceled"},
		{"no such quality", t.Context(), bytes.NewReader(towers().Bytes()), Options{Quality: 12}, "", "brotli has no quality 12"},
		{"no such size", t.Context(), bytes.NewReader(towers().Bytes()), Options{ShardSize: -1}, "", "shards of -1 bytes"},
		{"something else in the folder", t.Context(), bytes.NewReader(towers().Bytes()), Options{}, "photo.jpg", "holds photo.jpg, which is no part of a packed model"},
	} {
		t.Run(c.name, func(t *testing.T) {
			parent := t.TempDir()
			dir := filepath.Join(parent, "p")
			packModel(t, towers(), dir, Options{})
			if c.add != "" {
				if err := os.WriteFile(filepath.Join(dir, c.add), []byte("mine"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			before := contents(t, dir)
			if _, err := Pack(c.ctx, c.source, dir, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if !maps.Equal(contents(t, dir), before) {
				t.Error("the folder has changed")
			}
			if left, err := os.ReadDir(parent); err != nil || len(left) != 1 {
				t.Errorf("beside it lie %v (%v)", left, err)
			}
		})
	}
}

func unsupported() *onnxbuild.Model {
	m := towers()
	m.Nodes[4].Op = "Frobnicate"
	return m
}

func TestAFileIsNotReplacedByAFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p")
	if err := os.WriteFile(path, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Pack(t.Context(), bytes.NewReader(towers().Bytes()), path, Options{}); err == nil {
		t.Error("no error")
	}
	if text, err := os.ReadFile(path); string(text) != "mine" || err != nil {
		t.Errorf("%q (%v)", text, err)
	}
}

func TestAConstantOfANodeMustHaveItsDataAtHand(t *testing.T) {
	m := towers()
	m.Nodes = append(m.Nodes, onnxbuild.Node{Name: "c", Op: "Constant", Outputs: []string{"k"}, Attrs: onnxbuild.Attrs{"value": wave("k", 5)}})
	file := m.Bytes()
	f, err := onnxfile.Parse(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	f.Tensors["k"].Range = onnxfile.Range{File: "k.bin", Length: 20}
	if _, _, err := split(file, f, packed.ShardSize); err == nil || !strings.Contains(err.Error(), `constant "k" of a node has its data in "k.bin"`) {
		t.Errorf("error %v", err)
	}
}

func TestAFolderThatHoldsTheModelIsReused(t *testing.T) {
	write := func(file, text string) func(string) error {
		return func(dir string) error { return os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644) }
	}
	remove := func(file string) func(string) error {
		return func(dir string) error { return os.Remove(filepath.Join(dir, file)) }
	}
	shard := packModel(t, towers(), filepath.Join(t.TempDir(), "p"), Options{}).Shards[0].Path
	for _, c := range []struct {
		name   string
		damage func(dir string) error
		reused bool
	}{
		{"whole", func(string) error { return nil }, true},
		{"a shard is missing", remove(shard), false},
		{"a shard is another", write(shard, strings.Repeat("x", 166432)), false},
		{"a stream is missing", remove(shard + ".br"), false},
		{"a stream is cut", write(shard+".br", "x"), false},
		{"the manifest's stream is missing", remove("model.json.br"), false},
		{"the manifest is cut", write(packed.ManifestName, "{"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "p")
			first := packModel(t, towers(), dir, Options{Quality: 1})
			if err := c.damage(dir); err != nil {
				t.Fatal(err)
			}
			m := packModel(t, towers(), dir, Options{Quality: 9, Reuse: true})
			if got := m.Compressed == first.Compressed; got != c.reused {
				t.Errorf("reused: %v, want %v", got, c.reused)
			}
			source, err := model.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			source.Close()
		})
	}
	dir := filepath.Join(t.TempDir(), "p")
	packModel(t, towers(), dir, Options{})
	changed := towers()
	changed.Metadata[model.KeyLicence] = "BSD"
	if m := packModel(t, changed, dir, Options{Reuse: true}); m.Licence != "BSD" {
		t.Errorf("another model is taken for the one there: %+v", m)
	}
}

func TestTwoMayPackIntoOneFolder(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "p")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := Pack(t.Context(), bytes.NewReader(towers().Bytes()), dir, Options{}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	source, err := model.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	source.Close()
	if left, err := os.ReadDir(parent); err != nil || len(left) != 1 {
		t.Errorf("beside it lie %v (%v)", left, err)
	}
}

// FuzzSplit wants that a file taken apart has the tensors and nodes that it had.
func FuzzSplit(f *testing.F) {
	// The smallest tensor that is moved is 1024 bytes long.
	small := towers()
	small.Tensors = []*onnxfile.Tensor{wave("w1", 86, 3, 1, 1), wave("bias", 5, 1, 1), wave("w2", 256)}
	small.Nodes = small.Nodes[:1]
	file := small.Bytes()
	f.Add(file, 2080)
	f.Add(file, 1)
	moved, err := onnxfile.Parse(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		f.Fatal(err)
	}
	graph, _, err := split(file, moved, packed.ShardSize)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(graph.data, 100)
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		file, err := onnxfile.Parse(bytes.NewReader(data), int64(len(data)))
		if err != nil || size < 1 || size > packed.MaxFile {
			return
		}
		// What lies beside it is zeros, as long as it is small.
		beside := folder{bytes.NewReader(data), map[string][]byte{}}
		for _, tensor := range file.Tensors {
			if r := tensor.Range; r.File != "" {
				if r.Offset+r.Length > 1<<20 {
					return
				}
				beside.files[r.File] = make([]byte, 1<<20)
			}
		}
		if file, err = onnxfile.Parse(beside, int64(len(data))); err != nil {
			t.Fatal(err)
		}
		graph, shards, err := split(data, file, size)
		if err != nil {
			return
		}
		files := map[string][]byte{}
		for _, s := range shards {
			files[s.name] = s.data
		}
		again, err := onnxfile.Parse(folder{bytes.NewReader(graph.data), files}, int64(len(graph.data)))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.Stripped, file.Stripped) || len(again.Tensors) != len(file.Tensors) {
			t.Errorf("%d nodes and %d tensors, then %d and %d", len(file.Nodes), len(file.Tensors), len(again.Nodes), len(again.Tensors))
		}
		for name, tensor := range file.Tensors {
			want, err := file.ReadTensor(tensor)
			if err != nil {
				t.Fatal(err)
			}
			got, err := again.ReadTensor(again.Tensors[name])
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("tensor %q differs (%v)", name, err)
			}
			if at := again.Tensors[name].Range; at.File != "" && at.Offset%alignment != 0 {
				t.Errorf("tensor %q lies at %d", name, at.Offset)
			}
		}
	})
}

func TestTypedDataBecomeBytes(t *testing.T) {
	w := towers().Tensors[0]
	var list []byte // float_data, packed
	for i := 0; i < len(w.Data); i += 4 {
		list = binary.LittleEndian.AppendUint32(list, binary.LittleEndian.Uint32(w.Data[i:]))
	}
	file, err := mapField(towers().Bytes(), modelGraph, func(g []byte) ([]byte, error) {
		return mapField(g, graphInitializer, func(tensor []byte) ([]byte, error) {
			if name, err := tensorName(tensor); name != "w1" {
				return tensor, err
			}
			b, err := withoutData(tensor)
			return append(append(b, 4<<3|2, byte(len(list)&0x7f|0x80), byte(len(list)>>7)), list...), err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	m, err := Pack(t.Context(), bytes.NewReader(file), filepath.Join(dir, "typed"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if raw := packModel(t, towers(), filepath.Join(dir, "raw"), Options{}); m.Shards[0] != raw.Shards[0] {
		t.Errorf("shard %+v, want %+v", m.Shards[0], raw.Shards[0])
	}
}
