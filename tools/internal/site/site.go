// Package site assembles the folder that a web server of Hamster serves: the
// page, what it loads, the Go program compiled to WebAssembly, and the sample
// photos.
package site

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	_ "image/png" // sample photos
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/image/draw"

	"hamster/tools/internal/gowasm"
)

// Names inside the built site. The worker knows the first three.
const (
	ProgramPath = "wasm/hamster.wasm"
	// PortablePath is the program that has Gorgonia as well; few pages need it.
	PortablePath = "wasm/portable.wasm"
	RuntimePath  = "wasm/wasm_exec.js"
	samplesPath  = "samples"

	indexFile = "index.html"

	// A service worker rules over its own folder and those below.
	workerPath   = "sw.js"
	workerSource = "web/sw.js"

	// markPath tells that the folder is ours to clear. The server shows no
	// name that starts with a dot.
	markPath = ".hamster-site"
)

const (
	thumbnailSide    = 192 // shown at up to 96 CSS pixels
	thumbnailQuality = 80
	sampleSide       = 640 // no longer than this: every visitor keeps them
	sampleQuality    = 85
)

// notices are what the page links to about its licences, by name in the
// repository. A browser shows text only under a name that says so.
var notices = map[string]string{"NOTICE": "NOTICE.txt", "LICENSE": "LICENSE.txt"}

// Samples are the photos of testdata/photos that the page offers, as JPEG.
var Samples = []string{"chelsea.png", "coffee.png", "rocket.jpg", "astronaut.png"}

// Build assembles the site of the repository at root into the folder out.
// What is already there and unchanged is left alone; what no longer belongs
// is removed, so a folder that holds anything else is refused.
func Build(ctx context.Context, root, out string) error {
	// The go command runs in root, where a relative path would mean another place.
	out, err := filepath.Abs(out)
	if err != nil {
		return fmt.Errorf("find the site's folder: %w", err)
	}
	if err := claim(out); err != nil {
		return err
	}
	programs := map[string][]byte{}
	for name, light := range map[string]bool{ProgramPath: true, PortablePath: false} {
		file := filepath.Join(out, filepath.FromSlash(name))
		if err := (gowasm.Program{Root: root, Package: "./wasm", Light: light}).Build(ctx, file); err != nil {
			return err
		}
		program, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("read the program: %w", err)
		}
		programs[name] = program
	}
	files := map[string][]byte{}
	for _, add := range []func() error{
		func() error { return addPage(files, os.DirFS(root)) },
		func() error { return addNotices(files, os.DirFS(root)) },
		func() error { return addRuntime(ctx, files) },
		func() error { return addSamples(files, os.DirFS(filepath.Join(root, "testdata", "photos"))) },
	} {
		if err := add(); err != nil {
			return err
		}
	}
	if err := shrink(files); err != nil {
		return err
	}
	if err := bundle(files); err != nil {
		return err
	}
	if err := addWorker(files, programs); err != nil {
		return err
	}
	return synchronise(out, files)
}

// emptyShell is the place in the service worker's script for its version and
// the names of the files that it keeps: at once, and when they are asked for.
const emptyShell = "const shell = { version: '', files: [], later: {} };"

// addWorker moves the service worker to where it belongs and tells it of all
// other files but pages that other sites show. Its version is their hash, so that a browser takes in a new one
// when any of them has changed, and only then.
func addWorker(files, programs map[string][]byte) error {
	script, ok := files[workerSource]
	if !ok || strings.Count(string(script), emptyShell) != 1 {
		return fmt.Errorf("%s has no line %q", workerSource, emptyShell)
	}
	delete(files, workerSource)
	names := append(slices.Collect(maps.Keys(files)), ProgramPath)
	names = slices.DeleteFunc(names, func(name string) bool {
		// Some hosts send a browser from such an address to a shorter one, and
		// what was sent on cannot be shown from the cache.
		return name != indexFile && path.Ext(name) == ".html" || isForOtherPages(name)
	})
	slices.Sort(names)
	later := map[string]string{PortablePath: fmt.Sprintf("%x", sha256.Sum256(programs[PortablePath]))}
	h := sha256.New()
	for _, name := range append([]string{PortablePath}, names...) {
		content, ok := programs[name]
		if !ok {
			content = files[name]
		}
		fmt.Fprintf(h, "%s %x\n", name, sha256.Sum256(content))
	}
	fmt.Fprintf(h, "%x\n", sha256.Sum256(script))
	shell, err := json.Marshal(struct {
		Version string            `json:"version"`
		Files   []string          `json:"files"`
		Later   map[string]string `json:"later"`
	}{hex.EncodeToString(h.Sum(nil))[:16], names, later})
	if err != nil {
		return err
	}
	files[workerPath] = []byte(strings.Replace(string(script), emptyShell, "const shell = "+string(shell)+";", 1))
	return nil
}

// claim marks an absent or empty folder as a site, and refuses any other that
// is not marked yet.
func claim(out string) error {
	mark := filepath.Join(out, markPath)
	if _, err := os.Stat(mark); err == nil {
		return nil
	}
	entries, err := os.ReadDir(out)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look at the site's folder: %w", err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s holds something other than a built site: choose an empty folder", out)
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return fmt.Errorf("make the site's folder: %w", err)
	}
	return os.WriteFile(mark, []byte("Everything here is made by hamster site and may be removed by it.\n"), 0o644)
}

// addRuntime adds the script that starts a Go program in JavaScript.
func addRuntime(ctx context.Context, files map[string][]byte) error {
	content, err := gowasm.Runtime(ctx)
	if err != nil {
		return err
	}
	files[RuntimePath] = content
	return nil
}

// addPage adds index.html and the part of web/ that a browser loads.
func addPage(files map[string][]byte, root fs.FS) error {
	add := func(name string) error {
		content, err := fs.ReadFile(root, name)
		if err != nil {
			return fmt.Errorf("read the page: %w", err)
		}
		files[name] = content
		return nil
	}
	if err := add(indexFile); err != nil {
		return err
	}
	return fs.WalkDir(root, "web", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fmt.Errorf("read the page: %w", err)
		case entry.IsDir() && entry.Name() == "test":
			return fs.SkipDir
		case entry.IsDir() || !isShipped(name):
			return nil
		}
		return add(name)
	})
}

// isForOtherPages tells whether a file is of no use to the page itself, which would
// keep it in vain: the widgets, and modules that the page has in its bundles.
func isForOtherPages(name string) bool {
	if path.Ext(name) == ".js" && !strings.HasPrefix(name, "web/page/") && strings.HasPrefix(name, "web/") {
		return name != "web/worker/worker.js" && name != "web/worker/thread.js"
	}
	return slices.ContainsFunc([]string{"web/element/", "web/embed/", "web/gallery/"}, func(folder string) bool {
		return strings.HasPrefix(name, folder)
	})
}

// isShipped leaves out type declarations and settings of the type checker.
func isShipped(name string) bool {
	return slices.Contains([]string{".js", ".css", ".html", ".svg", ".png", ".webmanifest"}, path.Ext(name))
}

// addNotices adds the licences of all that is shipped.
func addNotices(files map[string][]byte, root fs.FS) error {
	for name, shipped := range notices {
		content, err := fs.ReadFile(root, name)
		if err != nil {
			return fmt.Errorf("read the licences: %w", err)
		}
		files[shipped] = content
	}
	return nil
}

// addSamples adds each sample photo, and a square thumbnail of it.
func addSamples(files map[string][]byte, photos fs.FS) error {
	for _, name := range Samples {
		content, err := fs.ReadFile(photos, name)
		if err != nil {
			return fmt.Errorf("read a sample photo: %w", err)
		}
		picture, _, err := image.Decode(bytes.NewReader(content))
		if err != nil {
			return fmt.Errorf("decode the sample photo %s: %w", name, err)
		}
		bounds := picture.Bounds()
		shorter, longer := min(bounds.Dx(), bounds.Dy()), max(bounds.Dx(), bounds.Dy())
		scale := min(1, float64(sampleSide)/float64(longer))
		size := image.Pt(int(scale*float64(bounds.Dx())), int(scale*float64(bounds.Dy())))
		corner := bounds.Min.Add(image.Pt((bounds.Dx()-shorter)/2, (bounds.Dy()-shorter)/2))
		middle := image.Rectangle{Min: corner, Max: corner.Add(image.Pt(shorter, shorter))}

		name = strings.TrimSuffix(name, path.Ext(name)) + ".jpg"
		files[path.Join(samplesPath, name)], err = scaled(picture, bounds, size, sampleQuality)
		if err != nil {
			return fmt.Errorf("shrink the sample photo %s: %w", name, err)
		}
		files[path.Join(samplesPath, "small", name)], err = scaled(picture, middle, image.Pt(thumbnailSide, thumbnailSide), thumbnailQuality)
		if err != nil {
			return fmt.Errorf("make the thumbnail of %s: %w", name, err)
		}
	}
	return nil
}

// scaled returns a part of a picture as a JPEG of the given size.
func scaled(picture image.Image, part image.Rectangle, size image.Point, quality int) ([]byte, error) {
	out := image.NewRGBA(image.Rectangle{Max: size})
	draw.CatmullRom.Scale(out, out.Bounds(), picture, part, draw.Src, nil)
	var content bytes.Buffer
	err := jpeg.Encode(&content, out, &jpeg.Options{Quality: quality})
	return content.Bytes(), err
}

// synchronise makes the folder hold exactly the files and the compiled
// program.
func synchronise(out string, files map[string][]byte) error {
	for name, content := range files {
		target := filepath.Join(out, filepath.FromSlash(name))
		if old, err := os.ReadFile(target); err == nil && bytes.Equal(old, content) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return fmt.Errorf("write the site: %w", err)
		}
		if err := os.WriteFile(target, content, 0o644); err != nil {
			return fmt.Errorf("write the site: %w", err)
		}
	}
	return filepath.WalkDir(out, func(target string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(out, target)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if _, belongs := files[name]; belongs || name == ProgramPath || name == PortablePath || name == markPath {
			return nil
		}
		if err := os.Remove(target); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("clear the site: %w", err)
		}
		return nil
	})
}
