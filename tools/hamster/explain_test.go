package main

import (
	"encoding/json"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hamster/model"
)

// picture writes a file of one colour and returns its path.
func picture(t testing.TB, name string, c color.Color, width, height int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	write(t, path, pngOf(t, c, width, height))
	return path
}

func TestWhatSpokeForAClassIsWritten(t *testing.T) {
	colours, photo := colourModel(t), picture(t, "red.png", color.RGBA{200, 0, 0, 255}, 30, 20)
	out := filepath.Join(t.TempDir(), "why.png")
	stdout, stderr, status := hamster(t, "", "classify", "--json", "--model", colours, "--explain", out, photo)
	if status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	var results []result
	if err := json.Unmarshal([]byte(stdout), &results); err != nil {
		t.Fatal(err)
	}
	if h := results[0].Heatmap; h == nil || h.Width != 2 || h.Class != 0 || h.Method != model.GradCAM || h.Values[0] != 1 {
		t.Errorf("heat map %+v", h)
	}
	file, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if img, err := png.Decode(file); err != nil || img.Bounds().Dx() != 30 || img.Bounds().Dy() != 20 {
		t.Errorf("%v, %v", img, err)
	}
}

func TestOnePictureIsExplainedAtATime(t *testing.T) {
	colours := colourModel(t)
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.png"), filepath.Join(dir, "b.png")
	write(t, a, pngOf(t, color.Black, 4, 4))
	write(t, b, pngOf(t, color.White, 4, 4))
	_, stderr, status := hamster(t, "", "classify", "--model", colours, "--explain", "why.png", a, b)
	if status == 0 || !strings.Contains(stderr, "takes one picture") {
		t.Errorf("status %d: %s", status, stderr)
	}
	_, stderr, status = hamster(t, "", "classify", "--model", colours, "--explain", "why.png", dir)
	if status == 0 || !strings.Contains(stderr, "holds 2") {
		t.Errorf("status %d: %s", status, stderr)
	}
}

func TestAHeatMapThatCannotBeWrittenIsAnError(t *testing.T) {
	out := filepath.Join(t.TempDir(), "missing", "why.png")
	_, stderr, status := hamster(t, "", "classify", "--model", colourModel(t), "--explain", out, picture(t, "white.png", color.White, 4, 4))
	if status == 0 || !strings.Contains(stderr, "why.png") && !strings.Contains(stderr, "no such file") {
		t.Errorf("status %d: %s", status, stderr)
	}
}
