package model

import (
	"fmt"
	"os"
)

// File is a model file on disk.
type File struct {
	*os.File
	size int64
}

// Size is the length of the file in bytes.
func (f *File) Size() int64 { return f.size }

// Open opens a model file; close it once Load has returned.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a folder", path)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("model: %w", err)
	}
	return &File{f, info.Size()}, nil
}
