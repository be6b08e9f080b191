package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/andybalholm/brotli"

	"hamster/model"
	"hamster/model/packed"
	"hamster/tools/edge/deployment"
	"hamster/tools/internal/getmodel"
	"hamster/tools/internal/httpfile"
	"hamster/tools/internal/pack"
)

// pack returns the folders of packed models, after making those that are not
// there.
func (f *buildFlags) pack(ctx context.Context, s *streams) ([]string, error) {
	paths := f.Models
	if len(paths) == 0 {
		path, err := getmodel.Default()
		if errors.Is(err, fs.ErrNotExist) {
			path, err = getmodel.Ensure(ctx, getmodel.Auto, s.say)
		}
		if err != nil {
			return nil, fmt.Errorf("get a model: %w (or name one)", err)
		}
		paths = []string{path}
	}
	cache, err := getmodel.CacheDir()
	if err != nil {
		return nil, err
	}
	var folders []string
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			folders = append(folders, path)
			continue
		}
		folder := filepath.Join(cache, "packed") // that of hamster serve
		if f.Quality != pack.Quick {
			folder = fmt.Sprintf("%s-%d", folder, f.Quality)
		}
		folder = filepath.Join(folder, pack.FolderName(path))
		if err := packOne(ctx, s, path, folder, f.Quality); err != nil {
			return nil, fmt.Errorf("pack %s: %w", path, err)
		}
		folders = append(folders, folder)
	}
	return folders, nil
}

func packOne(ctx context.Context, s *streams, path, folder string, quality int) error {
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return err
	}
	source, err := model.Open(path)
	if err != nil {
		return err
	}
	defer source.Close()
	s.say("Packing the model, where that is not done yet …")
	_, err = pack.Pack(ctx, source, folder, pack.Options{Quality: quality, Reuse: true})
	return err
}

// addModel enters a packed model into the deployment, after it has checked every
// byte of it, and returns what the bucket must hold. Its folder's name is what it
// is called.
func addModel(d *deployment.Deployment, folder string) ([]object, error) {
	absolute, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	id := filepath.Base(absolute)
	objects, err := func() ([]object, error) {
		if name, ok := httpfile.NameOf("/" + id); !ok || name != id {
			return nil, fmt.Errorf("%q cannot be part of an address", id)
		}
		text, err := os.ReadFile(filepath.Join(folder, packed.ManifestName))
		if err != nil {
			return nil, err
		}
		m, err := packed.Parse(text)
		if err != nil {
			return nil, err
		}
		for _, o := range d.Catalogue.Models {
			if o.ID == id {
				return nil, errors.New("there is another model of this name")
			}
		}
		// Its own sizes nobody wrote down, so they are counted here.
		stream, err := os.Stat(filepath.Join(folder, packed.ManifestName+".br"))
		if err != nil {
			return nil, err
		}
		files := append([]packed.File{{Path: packed.ManifestName, Size: int64(len(text)), SHA256: hash(text), Compressed: stream.Size()}}, m.Files()...)
		var objects []object
		for _, f := range files {
			o := deployment.Object{Size: f.Size, SHA256: f.SHA256, Compressed: f.Compressed}
			for _, encoding := range []httpfile.Encoding{httpfile.Identity, httpfile.Brotli} {
				file := filepath.Join(absolute, f.Path)
				if encoding != httpfile.Identity {
					file += "." + string(encoding)
				}
				if err := verify(file, o, encoding); err != nil {
					return nil, err
				}
				objects = append(objects, object{Key: o.Key(encoding), File: file})
			}
			d.Objects[httpfile.ModelsPath+"/"+id+"/"+f.Path] = o
		}
		d.Catalogue.Models = append(d.Catalogue.Models, httpfile.NewOffer(id, m))
		if d.Catalogue.Default == "" {
			d.Catalogue.Default = id
		}
		return objects, nil
	}()
	if err != nil {
		return nil, fmt.Errorf("packed model %s: %w", folder, err)
	}
	return objects, nil
}

// verify reads a file, and unpacks a stream: both must be what the deployment
// will say of them.
func verify(name string, o deployment.Object, e httpfile.Encoding) error {
	content, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if int64(len(content)) != o.StoredSize(e) {
		return fmt.Errorf("%s has %d bytes, not %d", filepath.Base(name), len(content), o.StoredSize(e))
	}
	if e == httpfile.Brotli {
		if content, err = io.ReadAll(io.LimitReader(brotli.NewReader(bytes.NewReader(content)), o.Size+1)); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(name), err)
		}
	}
	if hash(content) != o.SHA256 {
		return fmt.Errorf("%s is damaged: its SHA-256 is another one", filepath.Base(name))
	}
	return nil
}

func hash(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
