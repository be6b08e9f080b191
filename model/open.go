package model

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"hamster/model/onnxfile"
	"hamster/model/packed"
)

// File is a model on disk: a Source, and an onnxfile.Folder for the data that a
// model keeps in files beside it.
type File struct {
	name   string
	opened opened
}

// opened is a plain ONNX file or a packed model.
type opened interface {
	Source
	onnxfile.Folder
	io.Closer
}

// Open opens a model file, or a folder: a packed model, every file of which is
// verified (see package packed), or the one .onnx file there. Close it once Load
// has returned.
func Open(path string) (*File, error) {
	file, err := open(path)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	return file, nil
}

func open(path string) (*File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		manifest, err := openRegular(filepath.Join(path, packed.ManifestName))
		if err == nil {
			defer manifest.Close()
			return openPacked(path, manifest)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if path, err = onlyModel(path); err != nil {
			return nil, err
		}
	}
	file, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	return &File{path, &loose{regular: file, beside: map[string]regular{}}}, nil
}

func openPacked(dir string, manifest regular) (*File, error) {
	data, err := io.ReadAll(io.LimitReader(manifest, packed.MaxManifest+1))
	if err != nil {
		return nil, err
	}
	m, err := packed.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", manifest.Name(), err)
	}
	source, err := packed.New(m, func(f packed.File) (packed.Bytes, error) {
		file, err := openRegular(filepath.Join(dir, f.Path))
		if err != nil {
			return nil, err
		}
		return file, nil
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if err := source.Verify(); err != nil {
		source.Close()
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return &File{filepath.Join(dir, packed.GraphName), source}, nil
}

// onlyModel finds the model in a folder.
func onlyModel(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && strings.EqualFold(filepath.Ext(e.Name()), ".onnx") {
			names = append(names, e.Name())
		}
	}
	switch len(names) {
	case 0:
		return "", fmt.Errorf("the folder %s holds no .onnx file", dir)
	case 1:
		return filepath.Join(dir, names[0]), nil
	}
	return "", fmt.Errorf("the folder %s holds %d .onnx files: name one of %s", dir, len(names), strings.Join(names, ", "))
}

// regular is an open file that has a size.
type regular struct {
	*os.File
	size int64
}

func (r regular) Size() int64 { return r.size }

// openRegular refuses what has no size, as pipes and devices have none.
func openRegular(path string) (regular, error) {
	info, err := os.Stat(path)
	if err != nil {
		return regular{}, err
	}
	if !info.Mode().IsRegular() {
		return regular{}, &fs.PathError{Op: "open", Path: path, Err: errors.New("not a regular file")}
	}
	file, err := os.Open(path)
	return regular{file, info.Size()}, err
}

// Name is the path of the model file, or of the graph of a packed model.
func (f *File) Name() string { return f.name }

// Size is the length of the model file in bytes.
func (f *File) Size() int64 { return f.opened.Size() }

// ReadAt reads from the model file.
func (f *File) ReadAt(p []byte, off int64) (int, error) { return f.opened.ReadAt(p, off) }

// OpenBeside opens a file in the folder of the model, of a packed model only its
// shards; it stays open until Close.
func (f *File) OpenBeside(name string) (io.ReaderAt, int64, error) { return f.opened.OpenBeside(name) }

// Close closes the model file and those beside it.
func (f *File) Close() error { return f.opened.Close() }

// loose is an ONNX file with whatever lies beside it.
type loose struct {
	regular

	mu     sync.Mutex
	beside map[string]regular
}

func (l *loose) OpenBeside(name string) (io.ReaderAt, int64, error) {
	if name != filepath.Base(name) {
		return nil, 0, fmt.Errorf("%q is not a file beside the model", name)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	file, ok := l.beside[name]
	if !ok {
		var err error
		if file, err = openRegular(filepath.Join(filepath.Dir(l.Name()), name)); err != nil {
			return nil, 0, err
		}
		l.beside[name] = file
	}
	return file, file.size, nil
}

func (l *loose) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.regular.Close()
	for _, file := range l.beside {
		err = errors.Join(err, file.Close())
	}
	clear(l.beside)
	return err
}
