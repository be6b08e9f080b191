// Package getmodel finds or makes the trained model that Hamster uses: an
// InceptionV3, fetched from where it is published and converted to ONNX into
// the user's cache.
package getmodel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"hamster/tools/internal/convert"
	"hamster/tools/internal/fetch"
)

// Origin says where a model may come from.
type Origin string

// The origins of models.
const (
	Auto  Origin = "auto"  // Keras, or else npm
	Keras Origin = "keras" // the ImageNet weights that Keras publishes
	NPM   Origin = "npm"   // the InceptionV3 in the npm package nsfwjs
)

// Getter gets models. Its zero value is ready to use.
type Getter struct {
	Cache string       // folder to keep things in; "" is CacheDir's
	Home  string       // folder that holds .keras; "" is the user's
	URL   string       // of the Keras weights; "" is the public one
	Fetch fetch.Client // zero is fetch.Default
	// Log takes what is done and why, a sentence a call; nil drops it.
	Log func(format string, args ...any)
	// Terminal is where a progress bar may be drawn; nil is nowhere.
	Terminal io.Writer

	kerasMD5 string // of the Keras weights; "" is that of the public ones
}

// The file that Keras publishes: the only one of its name with this MD5 is
// the one that Keras itself downloads.
const (
	kerasFile = "inception_v3_weights_tf_dim_ordering_tf_kernels.h5"
	publicURL = "https://storage.googleapis.com/tensorflow/keras-applications/inception_v3/" + kerasFile
	publicMD5 = "9a0d58056eeedaa3f26cb7ebd46da564"
)

// Names of converted models in the cache.
var modelFiles = map[Origin]string{
	Keras: "inception_v3_imagenet.onnx",
	NPM:   "inception_v3_nsfw.onnx",
}

// CacheDir is the folder for what can be fetched again: $HAMSTER_CACHE, or
// hamster in the user's cache folder.
func CacheDir() (string, error) {
	if dir := os.Getenv("HAMSTER_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a cache folder (HAMSTER_CACHE may name one): %w", err)
	}
	return filepath.Join(dir, "hamster"), nil
}

// Ensure returns the path of the ONNX model of the named origin, getting and
// converting it if the cache does not hold it yet. logf gets a sentence a
// step; nil drops them.
func Ensure(ctx context.Context, from Origin, logf func(format string, args ...any)) (string, error) {
	return (&Getter{Log: logf}).Ensure(ctx, from)
}

// Default returns the path of the model in the cache that Auto would take,
// without getting any: an error that is fs.ErrNotExist says there is none.
func Default() (string, error) {
	dir, err := CacheDir()
	if err != nil {
		return "", err
	}
	g := &Getter{Cache: dir}
	for _, from := range []Origin{Keras, NPM} {
		if path, ok := g.converted(from); ok {
			return path, nil
		}
	}
	return "", fmt.Errorf("no model in %s (hamster model get puts one there): %w", dir, fs.ErrNotExist)
}

// Ensure returns the path of the ONNX model of the named origin.
func (g *Getter) Ensure(ctx context.Context, from Origin) (string, error) {
	g, err := g.withDefaults()
	if err != nil {
		return "", err
	}
	switch from {
	case Keras:
		return g.keras(ctx)
	case NPM:
		return g.npm(ctx, "it was asked for")
	case Auto:
		return g.auto(ctx)
	}
	return "", fmt.Errorf("no models come from %q, only from %s, %s and %s", from, Auto, Keras, NPM)
}

// withDefaults is a copy of g with nothing left open.
func (g *Getter) withDefaults() (*Getter, error) {
	full := *g
	var err error
	if full.Cache == "" {
		if full.Cache, err = CacheDir(); err != nil {
			return nil, err
		}
	}
	if full.Home == "" {
		if full.Home, err = os.UserHomeDir(); err != nil {
			full.Home = full.Cache // no home, hence nothing of Keras's in it
		}
	}
	if full.URL == "" {
		full.URL = publicURL
	}
	if full.kerasMD5 == "" {
		full.kerasMD5 = publicMD5
	}
	if full.Fetch == (fetch.Client{}) {
		full.Fetch = fetch.Default
	}
	if full.Log == nil {
		full.Log = func(string, ...any) {}
	}
	return &full, nil
}

// auto prefers the ImageNet weights, but does not go to the network for them
// each time where npm's model had to do before.
func (g *Getter) auto(ctx context.Context) (string, error) {
	if path, ok := g.converted(Keras); ok {
		g.Log("Taking the Keras ImageNet InceptionV3: it is in the cache.")
		return path, nil
	}
	if path, err := g.kerasFromHome(); err == nil {
		return path, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		g.Log("Not taking the Keras file: %v.", err)
	}
	if path, ok := g.converted(NPM); ok {
		g.Log("Taking the InceptionV3 of nsfwjs: it is in the cache (--from keras tries for the ImageNet one).")
		return path, nil
	}
	path, err := g.kerasFromNetwork(ctx)
	if err == nil || ctx.Err() != nil {
		return path, err
	}
	g.Log("The Keras ImageNet weights cannot be had: %v.", err)
	path, npmErr := g.npm(ctx, "the Keras weights are neither in ~/.keras/models nor to be downloaded")
	if npmErr != nil {
		return "", errors.Join(err, npmErr)
	}
	return path, nil
}

func (g *Getter) keras(ctx context.Context) (string, error) {
	if path, ok := g.converted(Keras); ok {
		g.Log("Taking the Keras ImageNet InceptionV3: it is in the cache.")
		return path, nil
	}
	path, err := g.kerasFromHome()
	if err == nil {
		return path, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		g.Log("Not taking the Keras file: %v.", err)
	}
	return g.kerasFromNetwork(ctx)
}

func (g *Getter) kerasFromHome() (string, error) {
	path := filepath.Join(g.Home, ".keras", "models", kerasFile)
	if err := fetch.MD5(g.kerasMD5).Check(path); err != nil {
		return "", err
	}
	g.Log("Taking the Keras ImageNet InceptionV3: Keras has left its weights in %s.", filepath.Dir(path))
	return g.convert(Keras, path, convert.ImageNet())
}

func (g *Getter) kerasFromNetwork(ctx context.Context) (string, error) {
	path := filepath.Join(g.Cache, "keras", kerasFile)
	sum := fetch.MD5(g.kerasMD5)
	if sum.Check(path) != nil {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return "", err
		}
		var progress fetch.Progress
		if g.Terminal != nil {
			bar := fetch.NewBar(g.Terminal, kerasFile)
			defer bar.Done()
			progress = bar.Update
		}
		if err := g.Fetch.File(ctx, g.URL, path, sum, progress); err != nil {
			return "", err
		}
	}
	g.Log("Taking the Keras ImageNet InceptionV3: its weights could be downloaded.")
	return g.convert(Keras, path, convert.ImageNet())
}

// npm gets the model of nsfwjs; why completes the sentence that says so.
func (g *Getter) npm(ctx context.Context, why string) (string, error) {
	if path, ok := g.converted(NPM); ok {
		g.Log("Taking the InceptionV3 of nsfwjs: it is in the cache.")
		return path, nil
	}
	tarball, err := g.nsfwjs(ctx)
	if err != nil {
		return "", fmt.Errorf("get the npm package %s: %w", nsfwjsPackage, err)
	}
	dir, err := os.MkdirTemp("", "hamster-nsfwjs-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	if err := unpack(tarball, nsfwjsModel, dir); err != nil {
		return "", fmt.Errorf("unpack %s: %w", tarball, err)
	}
	g.Log("Taking the InceptionV3 of the npm package %s: %s.", nsfwjsPackage, why)
	return g.convert(NPM, filepath.Join(dir, "model.min.js"), convert.NSFW())
}

// record lies beside a converted model and tells whether it is still right.
type record struct {
	Converter int   `json:"converter"` // convert.Version
	Bytes     int64 `json:"bytes"`
}

func (g *Getter) modelPath(from Origin) string {
	return filepath.Join(g.Cache, "models", modelFiles[from])
}

func recordPath(model string) string { return model + ".json" }

// converted is the path of a model in the cache, and whether it is there,
// whole, and of this version of the converter.
func (g *Getter) converted(from Origin) (path string, ok bool) {
	path = g.modelPath(from)
	text, err := os.ReadFile(recordPath(path))
	if err != nil {
		return path, false
	}
	var r record
	if err := json.Unmarshal(text, &r); err != nil || r.Converter != convert.Version {
		return path, false
	}
	info, err := os.Stat(path)
	return path, err == nil && info.Size() == r.Bytes
}

// convert converts the model at source into the cache.
func (g *Getter) convert(from Origin, source string, d convert.Description) (string, error) {
	path := g.modelPath(from)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	s, err := convert.Read(source)
	if err != nil {
		return "", fmt.Errorf("convert the model: %w", err)
	}
	if err := s.Write(path, d); err != nil {
		return "", fmt.Errorf("convert the model: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(record{Converter: convert.Version, Bytes: info.Size()})
	if err != nil {
		return "", err
	}
	return path, os.WriteFile(recordPath(path), text, 0o644)
}
