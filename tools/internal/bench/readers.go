package bench

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"

	"golang.org/x/image/draw"

	"hamster/tools/internal/site"
)

// reading is page.mjs's Reading: what a reader is to do once it has answered the
// question that all are asked first.
type reading struct {
	System   string         `json:"system"`
	Options  map[string]any `json:"options"`
	Question string         `json:"question"` // URL of a photo

	Photo   string   `json:"photo,omitempty"` // URL; classified Runs times
	Runs    int      `json:"runs"`
	Batch   []string `json:"batch,omitempty"`   // URLs
	Seconds float64  `json:"seconds,omitempty"` // of looking through the webcam
}

// answers are what the page's read returns; times are in ms.
type answers struct {
	Backend  string    `json:"backend"`
	Scores   []float64 `json:"scores"` // of the question
	Photo    []float64 `json:"photo"`
	Resize   []float64 `json:"resize"` // part of Photo
	Batch    float64   `json:"batch"`
	FPS      float64   `json:"fps"`
	Longest  float64   `json:"longest"`  // task of the main thread
	Blocking float64   `json:"blocking"` // what tasks took beyond 50 ms, in all
}

// Photos that the bench makes, by URL.
const (
	questionPhoto = "/photos/question.png" // as large as the model's input: nobody need resize it
	largePhoto    = "/photos/large.jpg"
	batchPhoto    = "/photos/%02d.jpg"
)

const batchSize = 50

// read has a reader do something; it must be what it says and answer the
// question as the others.
func (s *session) read(ctx context.Context, c *Contestant, r reading) (*answers, error) {
	var err error
	s.photos.Do(func() { err = s.makePhotos() })
	if err != nil {
		return nil, fmt.Errorf("make the photos: %w", err)
	}
	r.System, r.Options, r.Question = c.System, s.readerOptions(c), questionPhoto
	var a answers
	if err := s.browser.call(ctx, "read", r, &a); err != nil {
		return nil, err
	}
	if err := c.disguised(a.Backend); err != nil {
		return nil, unfit{err}
	}
	return &a, s.check(c, a.Scores)
}

// readerOptions are what readers/<system>.mjs may want to know.
func (s *session) readerOptions(c *Contestant) map[string]any {
	m := s.model
	return map[string]any{
		"threads": c.Threads, "model": modelURL(c.File), "labels": m.labels,
		"height": m.shape[2], "width": m.shape[3], "scale": m.scale, "offset": m.offset,
	}
}

// mainThread sees what loading a model and ten photos do to the page.
func mainThread(ctx context.Context, s *session, c *Contestant) (map[string]float64, error) {
	a, err := s.read(ctx, c, reading{Batch: s.batch(10)})
	if err != nil {
		return nil, err
	}
	return map[string]float64{"main_thread_ms": a.Longest, "main_blocking_ms": a.Blocking}, nil
}

// webcam counts the frames of a camera, 640 by 480, that are classified in a
// second, one after the other.
func webcam(ctx context.Context, s *session, c *Contestant) (map[string]float64, error) {
	seconds := 4.0
	if s.quick {
		seconds = 0.2
	}
	a, err := s.read(ctx, c, reading{Seconds: seconds})
	if err != nil {
		return nil, err
	}
	return map[string]float64{"webcam_fps": a.FPS}, nil
}

// photo is a JPEG of twelve megapixels, from its bytes to its classes, and what of
// that went from the decoded picture to a tensor, where the reader tells.
func photo(ctx context.Context, s *session, c *Contestant) (map[string]float64, error) {
	a, err := s.read(ctx, c, reading{Photo: largePhoto, Runs: 3})
	if err != nil {
		return nil, err
	}
	values := map[string]float64{"photo_ms": median(a.Photo)}
	if len(a.Resize) > 0 {
		values["resize_ms"] = median(a.Resize)
	}
	return values, nil
}

func batch(ctx context.Context, s *session, c *Contestant) (map[string]float64, error) {
	a, err := s.read(ctx, c, reading{Batch: s.batch(batchSize)})
	if err != nil {
		return nil, err
	}
	return map[string]float64{"batch_ms": a.Batch}, nil
}

func (s *session) batch(n int) []string {
	if s.quick {
		n = 2
	}
	var urls []string
	for i := range n {
		urls = append(urls, fmt.Sprintf(batchPhoto, i))
	}
	return urls
}

// makePhotos makes all photos of those in testdata.
func (s *session) makePhotos() error {
	var photos []image.Image
	for _, name := range site.Samples {
		content, err := os.ReadFile(filepath.Join(s.root, "testdata", "photos", name))
		if err != nil {
			return err
		}
		p, _, err := image.Decode(bytes.NewReader(content))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		photos = append(photos, p)
	}
	var file bytes.Buffer
	if err := png.Encode(&file, scaled(photos[0], photos[0].Bounds(), s.model.shape[3], s.model.shape[2])); err != nil {
		return err
	}
	s.server.put(questionPhoto, file.Bytes())

	random := rand.New(rand.NewPCG(1, 2))
	width, height := 4000, 3000
	if s.quick {
		width, height = 400, 300
	}
	large := scaled(photos[0], photos[0].Bounds(), width, height)
	// Enlarged photos have no detail of their own, and would decode too quickly.
	for i, v := range large.Pix {
		large.Pix[i] = uint8(min(max(int(v)+random.IntN(17)-8, 0), 255))
	}
	if err := s.putJPEG(largePhoto, large); err != nil {
		return err
	}
	for i, url := range s.batch(batchSize) {
		p := photos[i%len(photos)]
		part := p.Bounds() // another part of it each time
		part.Max.X -= i * part.Dx() / (4 * batchSize)
		if err := s.putJPEG(url, scaled(p, part, 1024, 768)); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) putJPEG(url string, p image.Image) error {
	var file bytes.Buffer
	if err := jpeg.Encode(&file, p, &jpeg.Options{Quality: 90}); err != nil {
		return err
	}
	s.server.put(url, file.Bytes())
	return nil
}

func scaled(p image.Image, part image.Rectangle, width, height int) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.ApproxBiLinear.Scale(out, out.Bounds(), p, part, draw.Src, nil)
	return out
}
