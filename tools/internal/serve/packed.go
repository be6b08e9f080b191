package serve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"hamster/model/packed"
	"hamster/tools/internal/httpfile"
)

// brotliSuffix is that of the streams beside the files of packed models.
const brotliSuffix = ".br"

// findPacked opens a file of a packed model.
func (h *Handler) findPacked(name, id, base string) (*content, error) {
	file := path.Join(id, base)
	opened, err := h.packed.Open(file)
	if errors.Is(err, fs.ErrNotExist) && h.isPromised(id, base) {
		return nil, httpfile.ErrMissing
	}
	if err != nil {
		return nil, err
	}
	c, err := h.describe(name, opened)
	if err != nil {
		return nil, err
	}
	c.stream = file + brotliSuffix
	// Clients keep a shard for ever, so it had better be right.
	if packed.IsShardName(base) && packed.ShardName(c.sha256) != base {
		c.Close()
		return nil, httpfile.ErrDamaged
	}
	return c, nil
}

// isPromised tells whether the model has such a file by its own account.
func (h *Handler) isPromised(id, base string) bool {
	m, err := h.manifest(id)
	if err != nil {
		return false
	}
	for _, f := range m.Files() {
		if f.Path == base {
			return true
		}
	}
	return false
}

func (h *Handler) manifest(id string) (*packed.Manifest, error) {
	text, err := h.packed.ReadFile(path.Join(id, packed.ManifestName))
	if err != nil {
		return nil, err
	}
	return packed.Parse(text)
}

// Catalogue makes the list anew each time: models come and go. A folder that
// holds none is passed over.
func (h *Handler) Catalogue(context.Context) (*httpfile.Catalogue, error) {
	if h.packed == nil {
		return nil, fs.ErrNotExist
	}
	folders, err := fs.ReadDir(h.packed.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("list packed models: %w", err)
	}
	list := &httpfile.Catalogue{}
	for _, folder := range folders {
		id := folder.Name()
		if name, ok := httpfile.NameOf("/" + id); !ok || name != id {
			continue
		}
		m, err := h.manifest(id)
		if err != nil {
			continue
		}
		if id == h.defaultID {
			list.Default = id
		}
		list.Models = append(list.Models, httpfile.NewOffer(id, m))
	}
	return list, nil
}
