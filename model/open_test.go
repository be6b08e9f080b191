package model_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"hamster/model"
	"hamster/model/onnxfile"
	"hamster/model/packed"
)

// folder writes files and returns where they lie.
func folder(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestAModelIsOpenedByFileOrByFolder(t *testing.T) {
	b := colours().Bytes()
	dir := folder(t, map[string][]byte{"m.ONNX": b, "notes.txt": nil})
	if err := os.Mkdir(filepath.Join(dir, "sub.onnx"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, dir + "/", filepath.Join(dir, "m.ONNX")} {
		f, err := model.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if f.Size() != int64(len(b)) || f.Name() != filepath.Join(dir, "m.ONNX") {
			t.Errorf("%s: %s of %d bytes", path, f.Name(), f.Size())
		}
		m, err := model.Load(t.Context(), f, model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		// Nothing is read after Load.
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if _, err := m.Classify(t.Context(), plain(1, 0, 0)); err != nil {
			t.Error(err)
		}
		m.Close()
	}
}

func TestWhatCannotBeOpenedIsNamed(t *testing.T) {
	none := folder(t, map[string][]byte{"readme": nil})
	two := folder(t, map[string][]byte{"a.onnx": nil, "b.onnx": nil})
	for path, want := range map[string]string{
		none:                                "model: the folder " + none + " holds no .onnx file",
		two:                                 "model: the folder " + two + " holds 2 .onnx files: name one of a.onnx, b.onnx",
		filepath.Join(none, "missing.onnx"): "missing.onnx: " + syscall.ENOENT.Error(),
		os.DevNull:                          "not a regular file",
	} {
		_, err := model.Open(path)
		wantError(t, err, want)
	}
}

// external is the colours model with its weights in w.bin, from byte 4 on.
func external(t testing.TB) (file, weights []byte) {
	t.Helper()
	return externalIn(t, "w.bin")
}

func externalIn(t testing.TB, name string) (file, weights []byte) {
	t.Helper()
	m := colours()
	w := m.Tensors[0]
	m.Tensors = nil
	str := func(b []byte, field protowire.Number, s string) []byte {
		return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), s)
	}
	num := func(b []byte, field protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
	}
	tensor := num(num(num(nil, 1, 3), 1, 3), 2, uint64(onnxfile.Float32))
	tensor = str(tensor, 8, "w")
	tensor = str(tensor, 13, string(str(str(nil, 1, "location"), 2, name)))
	tensor = str(tensor, 13, string(str(str(nil, 1, "offset"), 2, "4")))
	tensor = num(tensor, 14, 1)
	return addInitializer(t, m.Bytes(), tensor), append([]byte("head"), w.Data...)
}

// addInitializer puts a TensorProto into the graph of a ModelProto.
func addInitializer(t testing.TB, file, tensor []byte) (out []byte) {
	t.Helper()
	for len(file) > 0 {
		num, typ, n := protowire.ConsumeTag(file)
		size := protowire.ConsumeFieldValue(num, typ, file[n:])
		if n < 0 || size < 0 {
			t.Fatal("the model is no message")
		}
		if num == 7 {
			g, _ := protowire.ConsumeBytes(file[n:])
			g = protowire.AppendTag(slices.Clone(g), 5, protowire.BytesType)
			g = protowire.AppendBytes(g, tensor)
			out = protowire.AppendBytes(protowire.AppendTag(out, 7, protowire.BytesType), g)
		} else {
			out = append(out, file[:n+size]...)
		}
		file = file[n+size:]
	}
	return out
}

func TestWeightsBesideTheModelAreRead(t *testing.T) {
	file, weights := external(t)
	dir := folder(t, map[string][]byte{"m.onnx": file, "w.bin": weights})
	onEveryBackend(t, func(t *testing.T, opts model.Options) {
		src, err := model.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		m, err := model.Load(t.Context(), src, opts)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		y, err := m.Run(t.Context(), plain(0, 0.5, 1))
		if err != nil || !slices.Equal(y.Data, []float32{0, 5, 10}) {
			t.Errorf("%v (%v), want 0, 5, 10", y.Data, err)
		}
	})
}

func TestWeightsThatAreNotBesideTheModelAreNamed(t *testing.T) {
	file, weights := external(t)
	for name, c := range map[string]struct {
		files map[string][]byte
		want  string
	}{
		"missing": {nil, `tensor "w": its data lie in "w.bin": `},
		"short":   {map[string][]byte{"w.bin": weights[:20]}, `tensor "w": its data lie at 4…40 of "w.bin", which ends at 20`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t, c.files)
			path := filepath.Join(dir, "m.onnx")
			if err := os.WriteFile(path, file, 0o600); err != nil {
				t.Fatal(err)
			}
			onEveryBackend(t, func(t *testing.T, opts model.Options) {
				src, err := model.Open(path)
				if err != nil {
					t.Fatal(err)
				}
				defer src.Close()
				_, err = model.Load(t.Context(), src, opts)
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %v, want %q", err, c.want)
				}
			})
		})
	}
}

func TestOnlyPlainFilesBesideTheModelAreOpened(t *testing.T) {
	dir := folder(t, map[string][]byte{"m.onnx": colours().Bytes()})
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := model.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for name, want := range map[string]string{
		"../m.onnx": "is not a file beside the model",
		"sub":       "not a regular file",
	} {
		_, _, err := f.OpenBeside(name)
		wantError(t, err, want)
	}
	for range 2 {
		if _, size, err := f.OpenBeside("m.onnx"); err != nil || size != f.Size() {
			t.Errorf("%d bytes (%v)", size, err)
		}
	}
}

// packedColours are the files of the colours model, packed by hand.
func packedColours(t testing.TB) (files map[string][]byte, shard string) {
	t.Helper()
	_, weights := external(t)
	digest := func(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }
	shard = packed.ShardName(digest(weights))
	graph, _ := externalIn(t, shard)
	entry := func(name string, b []byte) packed.File {
		return packed.File{Path: name, Size: int64(len(b)), SHA256: digest(b), Compressed: 1}
	}
	spec, labels, err := model.Describe(bytes.NewReader(colours().Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	m := &packed.Manifest{
		Format: packed.Format, Size: int64(len(graph) + len(weights)), Compressed: 2,
		Graph: entry(packed.GraphName, graph), Shards: []packed.File{entry(shard, weights)},
		Input: packed.InputOf(spec.Input), Mode: spec.Input.Mode,
	}
	for _, l := range labels {
		m.Labels = append(m.Labels, packed.Label(l))
	}
	manifest, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{packed.ManifestName: manifest, packed.GraphName: graph, shard: weights}, shard
}

func TestAPackedModelIsOpenedByItsFolder(t *testing.T) {
	files, shard := packedColours(t)
	files["other.onnx"] = nil // the manifest says which one is meant
	dir := folder(t, files)
	onEveryBackend(t, func(t *testing.T, opts model.Options) {
		src, err := model.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		if want := filepath.Join(dir, packed.GraphName); src.Name() != want {
			t.Errorf("the graph is %s, want %s", src.Name(), want)
		}
		m, err := model.Load(t.Context(), src, opts)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		y, err := m.Run(t.Context(), plain(0, 0.5, 1))
		if err != nil || !slices.Equal(y.Data, []float32{0, 5, 10}) {
			t.Errorf("%v (%v), want 0, 5, 10", y.Data, err)
		}
		if _, _, err := src.OpenBeside("other.onnx"); err == nil {
			t.Error("a file that the manifest does not name is opened")
		}
		if _, size, err := src.OpenBeside(shard); err != nil || size != 40 {
			t.Errorf("the shard has %d bytes (%v)", size, err)
		}
	})
}

func TestADamagedPackedModelIsNotOpened(t *testing.T) {
	_, shard := packedColours(t)
	for _, c := range []struct {
		name   string
		damage func(files map[string][]byte)
		want   string
	}{
		{"a missing shard", func(f map[string][]byte) { delete(f, shard) }, "the shard " + shard + ": "},
		{"half a shard", func(f map[string][]byte) { f[shard] = f[shard][:20] }, "the shard " + shard + " has 20 bytes, the manifest says 40"},
		{"a bit of a shard", func(f map[string][]byte) { f[shard][39] ^= 1 }, "the shard " + shard + " is damaged: its SHA-256 is "},
		{"a bit of the graph", func(f map[string][]byte) { f[packed.GraphName][9] ^= 1 }, "the graph graph.onnx is damaged"},
		{"no manifest in it", func(f map[string][]byte) { f[packed.ManifestName] = []byte("{}") }, "model.json: manifest of a packed model: it names no format"},
		{"an endless manifest", func(f map[string][]byte) { f[packed.ManifestName] = make([]byte, packed.MaxManifest+10) }, "at most 4194304 are read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files, _ := packedColours(t)
			c.damage(files)
			_, err := model.Open(folder(t, files))
			wantError(t, err, c.want)
		})
	}
}
