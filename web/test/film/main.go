// Command film makes a film for Chromium's fake camera from a photo:
//
//	go run ./web/test/film PHOTO OUT.mjpeg
//
// It is Motion JPEG, 640×480: the photo, scaled to cover it, again and again.
package main

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	_ "image/png"
	"os"

	"golang.org/x/image/draw"
)

const (
	width, height = 640, 480
	frames        = 30
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: film PHOTO OUT.mjpeg")
		os.Exit(2)
	}
	if err := film(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "film:", err)
		os.Exit(1)
	}
}

func film(photo, out string) error {
	file, err := os.Open(photo)
	if err != nil {
		return err
	}
	defer file.Close()
	picture, _, err := image.Decode(file)
	if err != nil {
		return fmt.Errorf("%s: %w", photo, err)
	}
	frame := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.CatmullRom.Scale(frame, frame.Bounds(), picture, covering(picture.Bounds()), draw.Src, nil)
	var one bytes.Buffer
	if err := jpeg.Encode(&one, frame, &jpeg.Options{Quality: 95}); err != nil {
		return err
	}
	return os.WriteFile(out, bytes.Repeat(one.Bytes(), frames), 0o644)
}

// covering is the middle of a picture, in the film's proportions.
func covering(b image.Rectangle) image.Rectangle {
	w, h := b.Dx(), b.Dy()
	if w*height > h*width {
		w = h * width / height
	} else {
		h = w * height / width
	}
	corner := b.Min.Add(image.Pt((b.Dx()-w)/2, (b.Dy()-h)/2))
	return image.Rectangle{Min: corner, Max: corner.Add(image.Pt(w, h))}
}
