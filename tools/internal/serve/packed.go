package serve

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"hamster/model/packed"
)

// Where packed models are found under any server of Hamster: a folder of this
// URL for each, and the list of them.
const (
	modelsPath    = "models"
	CataloguePath = modelsPath + "/index.json"
)

// brotliSuffix is that of the streams beside the files of packed models.
const brotliSuffix = ".br"

// Catalogue lists the packed models that a server offers.
type Catalogue struct {
	// Default is the ID of the model to load where nobody has chosen.
	Default string  `json:"default,omitempty"`
	Models  []Offer `json:"models"`
}

// Offer is one packed model. Sizes are in bytes, as in its manifest.
type Offer struct {
	ID         string `json:"id"` // its folder
	Name       string `json:"name,omitempty"`
	Version    string `json:"version,omitempty"`
	Licence    string `json:"licence,omitempty"`
	Manifest   string `json:"manifest"` // its URL, relative to the catalogue
	Size       int64  `json:"size"`
	Compressed int64  `json:"compressed"`
	Labels     int    `json:"labels"` // how many
}

// errDamaged means that a shard is not what its name says.
var errDamaged = errors.New("the shard is damaged")

// packedFile tells which file of which packed model a name means: as a name in
// the folder of packed models. Streams are no files of their own.
func packedFile(name string) (file string, ok bool) {
	rest, ok := strings.CutPrefix(name, modelsPath+"/")
	id, base, two := strings.Cut(rest, "/")
	if !ok || !two {
		return "", false
	}
	if base != packed.ManifestName && base != packed.GraphName && !packed.IsShardName(base) {
		return "", false
	}
	return path.Join(id, base), true
}

// findPacked opens a file of a packed model.
func (h *Handler) findPacked(name, file string) (*found, error) {
	opened, err := h.packed.Open(file)
	if err != nil {
		return nil, err
	}
	f, err := h.describe(name, opened)
	if err != nil {
		return nil, err
	}
	f.stream = file + brotliSuffix
	if base := path.Base(file); packed.IsShardName(base) {
		// Clients keep it for ever, so it had better be right.
		if packed.ShardName(f.sha256) != base {
			f.file.Close()
			return nil, errDamaged
		}
		f.immutable = true
	}
	return f, nil
}

// catalogue lists the packed models. A folder that holds none is passed over.
func (h *Handler) catalogue() (*Catalogue, error) {
	list := &Catalogue{Models: []Offer{}}
	folders, err := fs.ReadDir(h.packed.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("list packed models: %w", err)
	}
	for _, folder := range folders {
		id := folder.Name()
		if name, ok := fileName("/" + id); !ok || name != id {
			continue
		}
		text, err := h.packed.ReadFile(path.Join(id, packed.ManifestName))
		if err != nil {
			continue
		}
		m, err := packed.Parse(text)
		if err != nil {
			continue
		}
		if id == h.defaultID {
			list.Default = id
		}
		list.Models = append(list.Models, Offer{
			ID: id, Name: m.Name, Version: m.Version, Licence: m.Licence,
			Manifest: url.PathEscape(id) + "/" + packed.ManifestName,
			Size:     m.Size, Compressed: m.Compressed, Labels: len(m.Labels),
		})
	}
	return list, nil
}

// sendCatalogue makes the list anew each time: models come and go.
func (h *Handler) sendCatalogue(w http.ResponseWriter, r *http.Request) {
	list, err := h.catalogue()
	var text []byte
	if err == nil {
		text, err = json.Marshal(list)
	}
	if err != nil {
		refuse(w, http.StatusInternalServerError, "The models could not be listed.")
		return
	}
	sum := sha256.Sum256(text)
	w.Header().Set("Content-Type", ContentType(CataloguePath))
	w.Header().Set("Cache-Control", revalidated)
	w.Header().Set("ETag", etag(hex.EncodeToString(sum[:]), Identity))
	http.ServeContent(w, r, CataloguePath, time.Time{}, bytes.NewReader(text))
}
