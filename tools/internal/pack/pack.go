// Package pack writes packed models, as package packed reads them: a graph,
// shards of weights, a manifest, and the brotli stream of each.
package pack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"

	"hamster/model"
	"hamster/model/onnxfile"
	"hamster/model/packed"
)

// Levels of brotli: Best is for models that many will fetch, Quick for one's own
// server.
const (
	Best  = 11
	Quick = 5
)

// Options of Pack.
type Options struct {
	Quality   int  // of brotli, 0…11
	ShardSize int  // bytes of a shard at the most; 0 is packed.ShardSize
	Reuse     bool // leave a folder alone that holds this very model, whatever its quality
}

// Pack writes the model to the folder dir, and returns its manifest. The same
// model and options give the same bytes. The folder may be new, empty, or hold a
// packed model, which is replaced once all of the new one is there; when Pack
// fails the folder is as it was.
func Pack(ctx context.Context, source model.Source, dir string, o Options) (*packed.Manifest, error) {
	if o.Quality < brotli.BestSpeed || o.Quality > brotli.BestCompression {
		return nil, fmt.Errorf("brotli has no quality %d, only %d to %d", o.Quality, brotli.BestSpeed, brotli.BestCompression)
	}
	if o.ShardSize < 0 || o.ShardSize > packed.MaxFile {
		return nil, fmt.Errorf("shards of %d bytes: 1 to %d are possible", o.ShardSize, packed.MaxFile)
	}
	if o.ShardSize == 0 {
		o.ShardSize = packed.ShardSize
	}
	manifest, files, err := build(source, o.ShardSize)
	if err != nil {
		return nil, err
	}
	if o.Reuse {
		if there := existing(dir, manifest); there != nil {
			return there, nil
		}
	}
	dir, err = target(dir)
	if err != nil {
		return nil, err
	}
	temporary, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+"-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(temporary) // gone by then, unless something failed
	if err := write(ctx, temporary, manifest, files, o.Quality); err != nil {
		return nil, err
	}
	return manifest, replace(dir, temporary)
}

// build makes all but the compressed streams and what the manifest says of them.
func build(source model.Source, shardSize int) (*packed.Manifest, []content, error) {
	spec, labels, err := model.Describe(source)
	if err != nil {
		return nil, nil, err
	}
	file, err := onnxfile.Parse(source, source.Size())
	if err != nil {
		return nil, nil, err
	}
	whole, err := io.ReadAll(io.NewSectionReader(source, 0, source.Size()))
	if err != nil {
		return nil, nil, err
	}
	graph, shards, err := split(whole, file, shardSize)
	if err != nil {
		return nil, nil, err
	}
	m := &packed.Manifest{
		Format: packed.Format,
		Name:   spec.Name, Version: spec.Version, Licence: spec.Licence, Source: spec.Source,
		Graph:  entry(graph),
		Shards: []packed.File{},
		Input:  packed.InputOf(spec.Input),
		Mode:   spec.Input.Mode,
	}
	for _, s := range shards {
		m.Shards = append(m.Shards, entry(s))
	}
	for _, f := range m.Files() {
		m.Size += f.Size
	}
	for _, l := range labels {
		m.Labels = append(m.Labels, packed.Label(l))
	}
	return m, append([]content{graph}, shards...), nil
}

func entry(c content) packed.File {
	return packed.File{Path: c.name, Size: int64(len(c.data)), SHA256: c.sha256}
}

// existing is the manifest of the folder where it holds the model of m, whole.
func existing(dir string, m *packed.Manifest) *packed.Manifest {
	text, err := os.ReadFile(filepath.Join(dir, packed.ManifestName))
	if err != nil {
		return nil
	}
	there, err := packed.Parse(text)
	if err != nil || !reflect.DeepEqual(plain(there), plain(m)) {
		return nil
	}
	for _, f := range there.Files() {
		if info, err := os.Stat(compressedName(dir, f.Path)); err != nil || info.Size() != f.Compressed {
			return nil
		}
	}
	if _, err := os.Stat(compressedName(dir, packed.ManifestName)); err != nil {
		return nil
	}
	source, err := model.Open(dir) // verifies
	if err != nil {
		return nil
	}
	source.Close()
	return there
}

// plain is m without what depends on the quality of compression.
func plain(m *packed.Manifest) packed.Manifest {
	p := *m
	p.Compressed, p.Graph.Compressed = 0, 0
	p.Shards = nil
	for _, f := range m.Shards {
		f.Compressed = 0
		p.Shards = append(p.Shards, f)
	}
	return p
}

// target is the real path of dir, once it is sure that it may be replaced.
func target(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return dir, nil
	}
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if !isOurs(e) {
			return "", fmt.Errorf("%s holds %s, which is no part of a packed model: name a new folder or an empty one", dir, e.Name())
		}
	}
	return dir, nil
}

func isOurs(e fs.DirEntry) bool {
	name := strings.TrimSuffix(e.Name(), compressedSuffix)
	return e.Type().IsRegular() &&
		(name == packed.ManifestName || name == packed.GraphName || packed.IsShardName(name))
}

const compressedSuffix = ".br"

func compressedName(dir, name string) string { return filepath.Join(dir, name+compressedSuffix) }

// write writes all files and completes the manifest.
func write(ctx context.Context, dir string, m *packed.Manifest, files []content, quality int) error {
	compressed := make([]int64, len(files))
	err := parallel(len(files), func(i int) (err error) {
		compressed[i], err = writeFile(ctx, dir, files[i].name, files[i].data, quality)
		return err
	})
	if err != nil {
		return err
	}
	m.Graph.Compressed = compressed[0]
	for i := range m.Shards {
		m.Shards[i].Compressed = compressed[i+1]
	}
	for _, n := range compressed {
		m.Compressed += n
	}
	text, err := m.Encode()
	if err != nil {
		return err
	}
	if _, err := writeFile(ctx, dir, packed.ManifestName, text, quality); err != nil {
		return err
	}
	return os.Chmod(dir, 0o755)
}

// parallel calls f(0)…f(n−1), as many at once as there are processors.
func parallel(n int, f func(int) error) error {
	var workers sync.WaitGroup
	errs := make([]error, n)
	turn := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i := range n {
		turn <- struct{}{}
		workers.Go(func() {
			defer func() { <-turn }()
			errs[i] = f(i)
		})
	}
	workers.Wait()
	return errors.Join(errs...)
}

// writeFile writes a file and its brotli stream, and returns the stream's length.
func writeFile(ctx context.Context, dir, name string, data []byte, quality int) (int64, error) {
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
		return 0, err
	}
	var stream bytes.Buffer
	if err := compress(ctx, &stream, data, quality); err != nil {
		return 0, fmt.Errorf("compress %s: %w", name, err)
	}
	return int64(stream.Len()), os.WriteFile(compressedName(dir, name), stream.Bytes(), 0o644)
}

// compress writes in pieces, between which it looks whether ctx has ended.
func compress(ctx context.Context, w io.Writer, data []byte, quality int) error {
	const piece = 64 << 10
	encoder := brotli.NewWriterLevel(w, quality)
	for len(data) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(piece, len(data))
		if _, err := encoder.Write(data[:n]); err != nil {
			return err
		}
		data = data[n:]
	}
	return encoder.Close()
}

// replace puts the folder temporary in the place of dir. Another program may do
// the same just then: the last one wins.
func replace(dir, temporary string) error {
	const tries = 10
	old := temporary + "-old"
	var err error
	for range tries {
		moved := os.Rename(dir, old) == nil
		if err = os.Rename(temporary, dir); err == nil {
			return os.RemoveAll(old)
		}
		switch {
		case errors.Is(err, fs.ErrExist): // somebody else was quicker
			if err := os.RemoveAll(old); err != nil {
				return err
			}
			continue
		case moved:
			err = errors.Join(err, os.Rename(old, dir))
		}
		return err
	}
	return err
}
