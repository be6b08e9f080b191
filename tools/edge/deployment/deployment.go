// Package deployment is what a worker at the edge is told of the models and of
// the site that it was deployed with: the command tools/edge writes it, the worker
// reads it. So it answers for what is not there, and for what a client has
// already, without asking anybody.
package deployment

import (
	"encoding/json"
	"fmt"

	"hamster/tools/internal/httpfile"
)

// Names in the worker's environment.
const (
	Bucket   = "MODELS"     // the R2 bucket that holds the models
	Assets   = "ASSETS"     // the site's static files
	Variable = "DEPLOYMENT" // a Deployment, as JSON
)

// A Deployment lists what can be had, by name.
type Deployment struct {
	Embedders []string            `json:"embedders,omitempty"`
	Catalogue httpfile.Catalogue  `json:"catalogue"`
	Objects   map[string]Object   `json:"objects"` // in the bucket
	Assets    map[string]Document `json:"assets"`  // static files that the worker answers for
}

// An Object is a file of a packed model. It lies in the bucket twice: plain, and
// as its brotli stream, each called by the hash of the plain bytes, so that what
// one deployment uploads never disturbs another.
type Object struct {
	Size       int64  `json:"size"`
	SHA256     string `json:"sha256"`
	Compressed int64  `json:"compressed"` // bytes of the stream
}

// Key is what the object is called in the bucket.
func (o Object) Key(e httpfile.Encoding) string {
	if e == httpfile.Identity {
		return o.SHA256
	}
	return o.SHA256 + "." + string(e)
}

// StoredSize is how many bytes lie there under Key.
func (o Object) StoredSize(e httpfile.Encoding) int64 {
	if e == httpfile.Identity {
		return o.Size
	}
	return o.Compressed
}

// A Document is a static file that the worker sends itself, for it needs headers
// that only the worker knows.
type Document struct {
	Address string `json:"address"` // where the static files have it
	Size    int64  `json:"size"`
	SHA256  string `json:"sha256"`
}

// Parse reads a Deployment as JSON.
func Parse(text string) (*Deployment, error) {
	d := &Deployment{}
	if err := json.Unmarshal([]byte(text), d); err != nil {
		return nil, fmt.Errorf("read the deployment: %w", err)
	}
	return d, nil
}
