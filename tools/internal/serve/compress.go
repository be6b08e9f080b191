package serve

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/andybalholm/brotli"

	"hamster/tools/internal/httpfile"
)

const (
	// Level 5 takes about a second over the WebAssembly program, once; level
	// 11 would gain a tenth and take half a minute.
	brotliLevel = 5
	gzipLevel   = 6

	// A compressed copy nobody asked for in this long belongs to a build that
	// is gone.
	compressedLifetime = 14 * 24 * time.Hour
)

// compressed keeps compressed copies of files in a folder, each named by the
// SHA-256 of what it was made from, so a copy is never stale.
type compressed struct {
	dir string

	mu      sync.Mutex
	working map[string]*sync.Mutex // by copy; one compresses, the others wait
}

func newCompressed(dir string) (*compressed, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the folder for compressed copies: %w", err)
	}
	c := &compressed{dir: dir, working: map[string]*sync.Mutex{}}
	return c, c.prune(time.Now().Add(-compressedLifetime))
}

// prune removes the copies last used before the given time.
func (c *compressed) prune(before time.Time) error {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return fmt.Errorf("list compressed copies: %w", err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !info.Mode().IsRegular() || !info.ModTime().Before(before) {
			continue
		}
		if err := os.Remove(filepath.Join(c.dir, entry.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove an old compressed copy: %w", err)
		}
	}
	return nil
}

// open returns the copy of source in the given encoding and makes it first
// where there is none. The digest is source's; source is read from its start.
func (c *compressed) open(digest string, encoding httpfile.Encoding, source io.ReadSeeker) (*os.File, error) {
	name := filepath.Join(c.dir, digest+"."+string(encoding))
	lock := c.lock(name)
	lock.Lock()
	defer lock.Unlock()
	file, err := os.Open(name)
	if err == nil {
		now := time.Now()
		_ = os.Chtimes(name, now, now) // only prune reads it
		return file, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open a compressed copy: %w", err)
	}
	if err := c.make(name, encoding, source); err != nil {
		return nil, fmt.Errorf("compress as %s: %w", encoding, err)
	}
	return os.Open(name)
}

func (c *compressed) lock(name string) *sync.Mutex {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.working[name] == nil {
		c.working[name] = new(sync.Mutex)
	}
	return c.working[name]
}

// make writes to a temporary name and renames, so that neither a crash nor
// another server on the same folder leaves half a copy under the real name.
func (c *compressed) make(name string, encoding httpfile.Encoding, source io.ReadSeeker) (err error) {
	if _, err := source.Seek(0, io.SeekStart); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(c.dir, "making-*")
	if err != nil {
		return err
	}
	defer func() {
		temporary.Close()
		if err != nil {
			os.Remove(temporary.Name())
		}
	}()
	var encoder io.WriteCloser
	switch encoding {
	case httpfile.Brotli:
		encoder = brotli.NewWriterLevel(temporary, brotliLevel)
	case httpfile.Gzip:
		if encoder, err = gzip.NewWriterLevel(temporary, gzipLevel); err != nil {
			return err
		}
	default:
		return fmt.Errorf("no encoder for %q", encoding)
	}
	if _, err := io.Copy(encoder, source); err != nil {
		return err
	}
	if err := encoder.Close(); err != nil {
		return err
	}
	if err := temporary.Close(); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), name)
}
