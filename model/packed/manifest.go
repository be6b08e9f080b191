// Package packed reads packed models: a folder of an ONNX graph, its weights in
// shards, and a manifest that names them all with their sizes and hashes. It is
// what a browser fetches piece by piece; docs/packed-models.md describes it.
//
// A manifest is untrusted: Parse checks all of it before anything is fetched or
// opened by it, and no file is called by a name that its hash does not give.
package packed

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"hamster/preprocess"
)

// Format is the version of the manifest that this package reads and writes.
const Format = 1

// Names of the files of a packed model that are the same in each.
const (
	ManifestName = "model.json"
	GraphName    = "graph.onnx"
)

// ShardSize is how large a shard is at the most, in bytes, unless it holds just
// one tensor that is larger.
const ShardSize = 8 << 20

// Limits on what a manifest may declare: sizes in bytes. A file must fit into an
// ArrayBuffer of any browser, a model into the memory of 32-bit WebAssembly.
const (
	MaxManifest = 4 << 20
	MaxFile     = math.MaxInt32
	MaxModel    = math.MaxUint32
	MaxShards   = 4096
	MaxLabels   = 100_000
)

// Manifest is model.json.
type Manifest struct {
	Format  int    `json:"format"`
	Name    string `json:"name,omitempty"`
	Version string `json:"version,omitempty"`
	Licence string `json:"licence,omitempty"`
	Source  string `json:"source,omitempty"`
	// Size is what all files of the model take, and Compressed what they take as
	// brotli streams, in bytes; the manifest itself is not counted.
	Size       int64  `json:"size"`
	Compressed int64  `json:"compressed"`
	Graph      File   `json:"graph"`
	Shards     []File `json:"shards"`
	Input      Input  `json:"input"`
	// Mode is the preprocessing mode that suits the model.
	Mode   preprocess.Mode `json:"mode"`
	Labels []Label         `json:"labels"`
}

// File is one file of a packed model, beside the manifest. Its brotli stream lies
// in a file of the same name and ".br".
type File struct {
	Path       string `json:"path"`
	Size       int64  `json:"size"`
	SHA256     string `json:"sha256"` // of the plain bytes, in lower-case hexadecimal
	Compressed int64  `json:"compressed"`
}

// Input says what image the model takes, and how a byte of it becomes a number:
// byte / Scale + Offset, for red, green and blue.
type Input struct {
	Width    int       `json:"width"`  // pixels
	Height   int       `json:"height"` // pixels
	Layout   string    `json:"layout"`
	Channels string    `json:"channels"`
	Scale    []float32 `json:"scale"`
	Offset   []float32 `json:"offset"`
}

// Label names a class, as model.Label does.
type Label struct {
	ID   string `json:"id"`
	Name string `json:"label"`
}

// hashInName is how many digits of its hash a shard is called by.
const hashInName = 32

// ShardName is what the shard with the given hash is called: its first 32 digits
// and ".bin".
func ShardName(sha256 string) string {
	return sha256[:min(hashInName, len(sha256))] + ".bin"
}

// IsShardName tells whether a file's name is one that ShardName gives.
func IsShardName(name string) bool {
	digits, ok := strings.CutSuffix(name, ".bin")
	return ok && len(digits) == hashInName && isHex(digits)
}

func isHex(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil && s == strings.ToLower(s)
}

// Files are all files but the manifest: the graph, then the shards.
func (m *Manifest) Files() []File { return append([]File{m.Graph}, m.Shards...) }

// Parse reads a manifest and checks all that it says. Fields that it does not
// know it passes over.
func Parse(data []byte) (*Manifest, error) {
	if len(data) > MaxManifest {
		return nil, fmt.Errorf("the manifest takes %d bytes, at most %d are read", len(data), MaxManifest)
	}
	// The format first: what another one looks like is not known here.
	var version struct {
		Format *int `json:"format"`
	}
	m := &Manifest{}
	err := decode(data, &version)
	switch {
	case err != nil:
	case version.Format == nil:
		err = errors.New("it names no format")
	case *version.Format != Format:
		err = fmt.Errorf("it has format %d, only %d is known", *version.Format, Format)
	default:
		if err = decode(data, m); err == nil {
			err = m.check()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("manifest of a packed model: %w", err)
	}
	return m, nil
}

// decode wants one JSON value and nothing after it.
func decode(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows the JSON object")
	}
	return nil
}

// Encode is the manifest as a file: the same bytes for the same content. It
// refuses what Parse would refuse.
func (m *Manifest) Encode() ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("manifest of a packed model: %w", err)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(m); err != nil {
		return nil, fmt.Errorf("manifest of a packed model: %w", err)
	}
	if b.Len() > MaxManifest {
		return nil, fmt.Errorf("manifest of a packed model: it takes %d bytes, more than %d", b.Len(), MaxManifest)
	}
	return b.Bytes(), nil
}

func (m *Manifest) check() error {
	if m.Format != Format {
		return fmt.Errorf("it has format %d, only %d is known", m.Format, Format)
	}
	if m.Graph.Path != GraphName {
		return fmt.Errorf("the graph lies in %q, not in %s", m.Graph.Path, GraphName)
	}
	if len(m.Shards) > MaxShards {
		return fmt.Errorf("it names %d shards, more than %d", len(m.Shards), MaxShards)
	}
	if err := m.checkFiles(); err != nil {
		return err
	}
	if _, err := m.Input.Spec(m.Mode); err != nil {
		return err
	}
	if m.Mode == "" {
		return errors.New("it names no preprocessing mode")
	}
	if len(m.Labels) == 0 || len(m.Labels) > MaxLabels {
		return fmt.Errorf("it has %d labels, not 1 to %d", len(m.Labels), MaxLabels)
	}
	return nil
}

func (m *Manifest) checkFiles() error {
	size, compressed := int64(0), int64(0)
	seen := map[string]bool{}
	for i, f := range m.Files() {
		if err := f.check(); err != nil {
			return fmt.Errorf("%s: %w", cmp.Or(f.Path, "a file without a name"), err)
		}
		if i > 0 && f.Path != ShardName(f.SHA256) {
			return fmt.Errorf("%q: the shard of this hash is called %s", f.Path, ShardName(f.SHA256))
		}
		if seen[f.Path] {
			return fmt.Errorf("%s is named twice", f.Path)
		}
		seen[f.Path] = true
		size += f.Size
		compressed += f.Compressed
	}
	if size > MaxModel {
		return fmt.Errorf("the files take %d bytes, more than %d", size, int64(MaxModel))
	}
	if size != m.Size || compressed != m.Compressed {
		return fmt.Errorf("it says %d bytes and %d compressed, its files add up to %d and %d", m.Size, m.Compressed, size, compressed)
	}
	return nil
}

func (f File) check() error {
	if len(f.SHA256) != 64 || !isHex(f.SHA256) {
		return fmt.Errorf("%q is no SHA-256", f.SHA256)
	}
	if f.Size < 1 || f.Size > MaxFile {
		return fmt.Errorf("%d bytes, not 1 to %d", f.Size, MaxFile)
	}
	if f.Compressed < 1 || f.Compressed > MaxFile {
		return fmt.Errorf("%d bytes compressed, not 1 to %d", f.Compressed, MaxFile)
	}
	return nil
}

// Spec is in as package preprocess takes it, with the mode given.
func (in Input) Spec(mode preprocess.Mode) (preprocess.Spec, error) {
	if len(in.Scale) != 3 || len(in.Offset) != 3 {
		return preprocess.Spec{}, fmt.Errorf("%d scales and %d offsets, three of each are needed", len(in.Scale), len(in.Offset))
	}
	spec := preprocess.Spec{
		Width: in.Width, Height: in.Height, Layout: in.Layout, Channels: in.Channels,
		Scale: [3]float32(in.Scale), Offset: [3]float32(in.Offset), Mode: mode,
	}
	return spec, spec.Validate()
}

// InputOf is the part of spec that a manifest keeps under "input".
func InputOf(spec preprocess.Spec) Input {
	return Input{
		Width: spec.Width, Height: spec.Height, Layout: spec.Layout, Channels: spec.Channels,
		Scale: spec.Scale[:], Offset: spec.Offset[:],
	}
}
