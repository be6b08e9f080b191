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
)

// File is a model on disk: a Source, and an onnxfile.Folder for the data that a
// model keeps in files beside it.
type File struct {
	file *os.File
	size int64

	mu     sync.Mutex
	beside map[string]*os.File
}

// Open opens a model file, or the one .onnx file in a folder. Close it once Load
// has returned.
func Open(path string) (*File, error) {
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		path, err = onlyModel(path)
	}
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	file, size, err := openRegular(path)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	return &File{file: file, size: size, beside: map[string]*os.File{}}, nil
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

// openRegular refuses what has no size, as pipes and devices have none.
func openRegular(path string) (*os.File, int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, &fs.PathError{Op: "open", Path: path, Err: errors.New("not a regular file")}
	}
	file, err := os.Open(path)
	return file, info.Size(), err
}

// Name is the path of the model file.
func (f *File) Name() string { return f.file.Name() }

// Size is the length of the model file in bytes.
func (f *File) Size() int64 { return f.size }

// ReadAt reads from the model file.
func (f *File) ReadAt(p []byte, off int64) (int, error) { return f.file.ReadAt(p, off) }

// OpenBeside opens a file in the folder of the model; it stays open until Close.
func (f *File) OpenBeside(name string) (io.ReaderAt, int64, error) {
	if name != filepath.Base(name) {
		return nil, 0, fmt.Errorf("%q is not a file beside the model", name)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if file := f.beside[name]; file != nil {
		info, err := file.Stat()
		if err != nil {
			return nil, 0, err
		}
		return file, info.Size(), nil
	}
	file, size, err := openRegular(filepath.Join(filepath.Dir(f.file.Name()), name))
	if err != nil {
		return nil, 0, err
	}
	f.beside[name] = file
	return file, size, nil
}

// Close closes the model file and those beside it.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.file.Close()
	for _, file := range f.beside {
		err = errors.Join(err, file.Close())
	}
	clear(f.beside)
	return err
}
