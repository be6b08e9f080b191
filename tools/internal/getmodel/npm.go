package getmodel

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"hamster/tools/internal/fetch"
)

// The npm package, what npm publishes as its integrity, and the folder of
// the model in its tarball.
const (
	nsfwjsPackage   = "nsfwjs@4.4.0"
	nsfwjsTarball   = "nsfwjs-4.4.0.tgz"
	nsfwjsIntegrity = "sha512-krC1fgeTLXtZwgdpKJ0jm7hqv0gTSRQQRL+FhOaxaJ9Wj92t42BO3csO2odwgTAgZgf2RvkwPtp0R8Aa7dc+MA=="
	nsfwjsModel     = "package/dist/models/inception_v3"
)

// nsfwjs returns the path of the package's tarball in the cache; where it is
// not there, npm fetches it, from the registry and with the settings that the
// user has.
func (g *Getter) nsfwjs(ctx context.Context) (string, error) {
	kept := filepath.Join(g.Cache, "npm", nsfwjsTarball)
	sum := fetch.Integrity(nsfwjsIntegrity)
	if sum.Check(kept) == nil {
		return kept, nil
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", errors.New("npm is not installed (Debian: apt install npm)")
	}
	if err := os.MkdirAll(filepath.Dir(kept), 0o755); err != nil {
		return "", err
	}
	// Beside its goal, so that it can be renamed into place.
	dir, err := os.MkdirTemp(filepath.Dir(kept), "pack-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	cmd := exec.CommandContext(ctx, npm, "pack", nsfwjsPackage, "--ignore-scripts", "--loglevel=error")
	cmd.Dir = dir
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		return "", fmt.Errorf("npm pack: %w: %s", err, strings.TrimSpace(said.String()))
	}
	packed := filepath.Join(dir, nsfwjsTarball)
	if err := sum.Check(packed); err != nil {
		return "", err
	}
	return kept, os.Rename(packed, kept)
}

// unpack writes the files that lie right in folder of a .tgz to dir.
func unpack(tarball, folder, dir string) error {
	f, err := os.Open(tarball)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	found := false
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg || path.Dir(h.Name) != folder {
			continue
		}
		found = true
		if err := writeFile(filepath.Join(dir, path.Base(h.Name)), r); err != nil {
			return err
		}
	}
	if !found {
		return fmt.Errorf("it has no folder %s", folder)
	}
	return nil
}

func writeFile(name string, r io.Reader) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, r); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
