package httpfile

import (
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"hamster/model/packed"
)

// Addresses under any server of Hamster, without the slash before them.
const (
	// ModelsPath has a folder for each packed model.
	ModelsPath = "models"
	// CataloguePath and APIPath are the list of them: where the page finds it,
	// and where other programs do.
	CataloguePath = ModelsPath + "/index.json"
	APIPath       = "api/models"
	// ModelPath is where the model is found as one file, if it is served so.
	ModelPath = ModelsPath + "/default.onnx"
	// EmbedPath is the page that other sites show in a frame; EmbedFile is the
	// file of the site that it is made of.
	EmbedPath = "embed"
	EmbedFile = "web/embed/embed.html"
	// HealthPath tells whether answers can be given.
	HealthPath = "healthz"
)

const (
	indexFile  = "index.html"
	workerPath = "sw.js"
)

// Dynamic are patterns of the addresses that no static site can answer, as
// Cloudflare writes patterns.
var Dynamic = []string{"/" + ModelsPath + "/*", "/api/*", "/" + EmbedPath, "/" + HealthPath}

// NameOf turns a URL's path into a name inside the site. Names that climb,
// that start with a dot, or that two systems may read differently are none.
func NameOf(urlPath string) (string, bool) {
	name := strings.TrimPrefix(urlPath, "/")
	if name == "" {
		return indexFile, true
	}
	if !fs.ValidPath(name) || !filepath.IsLocal(name) || strings.ContainsAny(name, "\\\x00:") {
		return "", false
	}
	for element := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(element, ".") {
			return "", false
		}
	}
	return name, true
}

// PackedName tells which file of which packed model a name means. Streams are
// no files of their own.
func PackedName(name string) (id, file string, ok bool) {
	rest, ok := strings.CutPrefix(name, ModelsPath+"/")
	id, file, two := strings.Cut(rest, "/")
	if !ok || !two || id == "" {
		return "", "", false
	}
	if file != packed.ManifestName && file != packed.GraphName && !packed.IsShardName(file) {
		return "", "", false
	}
	return id, file, true
}

// cacheControl is what clients may do with a file.
func cacheControl(name string) string {
	switch base := path.Base(name); {
	case strings.HasPrefix(name, ModelsPath+"/") && packed.IsShardName(base):
		return kept // the name changes with the content
	case strings.HasPrefix(name, ModelsPath+"/") && base == packed.ManifestName:
		return brief
	}
	return revalidated
}
