package packed

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// Bytes is the content of one file. *bytes.Reader is one.
type Bytes interface {
	io.ReaderAt
	Size() int64
}

// Source is a packed model as one source: it reads as the graph, and it is an
// onnxfile.Folder of the shards, and of nothing else.
type Source struct {
	Bytes // of the graph
	// Manifest must not be changed.
	Manifest *Manifest
	shards   map[string]Bytes
	closers  []io.Closer
}

// New makes a source of the files that open gives, once for each that the manifest
// names. It checks their sizes; Verify checks their content, which who has fetched
// them may have done already. What is an io.Closer is closed with the source.
func New(m *Manifest, open func(File) (Bytes, error)) (_ *Source, err error) {
	s := &Source{Manifest: m, shards: map[string]Bytes{}}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	for i, f := range m.Files() {
		b, err := open(f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.what(), err)
		}
		if c, ok := b.(io.Closer); ok {
			s.closers = append(s.closers, c)
		}
		if b.Size() != f.Size {
			return nil, fmt.Errorf("%s has %d bytes, the manifest says %d", f.what(), b.Size(), f.Size)
		}
		if i == 0 {
			s.Bytes = b
		} else {
			s.shards[f.Path] = b
		}
	}
	return s, nil
}

// what names a file in errors.
func (f File) what() string {
	if f.Path == GraphName {
		return "the graph " + f.Path
	}
	return "the shard " + f.Path
}

// OpenBeside returns a shard.
func (s *Source) OpenBeside(name string) (io.ReaderAt, int64, error) {
	b, ok := s.shards[name]
	if !ok {
		return nil, 0, errors.New("it is no shard of the packed model")
	}
	return b, b.Size(), nil
}

// Close closes the files.
func (s *Source) Close() error {
	var err error
	for _, c := range s.closers {
		err = errors.Join(err, c.Close())
	}
	s.closers = nil
	return err
}

// Verify compares every file with its hash.
func (s *Source) Verify() error {
	for _, f := range s.Manifest.Files() {
		b, ok := s.shards[f.Path]
		if !ok {
			b = s.Bytes
		}
		h := sha256.New()
		if _, err := io.Copy(h, io.NewSectionReader(b, 0, b.Size())); err != nil {
			return fmt.Errorf("read %s: %w", f.what(), err)
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != f.SHA256 {
			return fmt.Errorf("%s is damaged: its SHA-256 is %s, the manifest says %s", f.what(), got, f.SHA256)
		}
	}
	return nil
}
