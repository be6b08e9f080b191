//go:build !js

// In a browser, web/test/explain.e2e.mjs compares with the same goldens.

package model_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"hamster/model"
	"hamster/model/simd/simdtest"
	"hamster/preprocess"
	"hamster/preprocess/imagefile"
)

func defaultLoaded(tb testing.TB, opts model.Options) *model.Model {
	tb.Helper()
	file, err := model.Open(simdtest.ModelPath(tb))
	if err != nil {
		tb.Fatal(err)
	}
	defer file.Close()
	m, err := model.Load(tb.Context(), file, opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { m.Close() })
	return m
}

func photo(tb testing.TB, name string) preprocess.Image {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join("../testdata/photos", name))
	if err != nil {
		tb.Fatal(err)
	}
	img, _, err := imagefile.Decode(b, imagefile.Limits{})
	if err != nil {
		tb.Fatal(err)
	}
	return img
}

func TestInceptionIsExplainedAsFiniteDifferencesDo(t *testing.T) {
	b, err := os.ReadFile("../testdata/explain/goldens.json")
	if err != nil {
		t.Fatal(err)
	}
	var goldens struct {
		Maps []struct {
			Photo         string
			Mode          preprocess.Mode
			Width, Height int
			Classes       [][]float32
		}
	}
	if err := json.Unmarshal(b, &goldens); err != nil {
		t.Fatal(err)
	}
	onEveryBackend(t, func(t *testing.T, opts model.Options) {
		const bound = 1e-4
		m := defaultLoaded(t, opts)
		if len(goldens.Maps) != 2 {
			t.Fatalf("%d goldens", len(goldens.Maps))
		}
		for _, golden := range goldens.Maps {
			if _, _, err := m.ClassifyImage(t.Context(), photo(t, golden.Photo), golden.Mode); err != nil {
				t.Fatal(err)
			}
			worst := 0.0
			for class, want := range golden.Classes {
				got, err := m.ExplainLast(t.Context(), class)
				if err != nil {
					t.Fatal(err)
				}
				if got.Width != golden.Width || got.Height != golden.Height || len(got.Values) != len(want) {
					t.Fatalf("%d×%d, want %d×%d", got.Width, got.Height, golden.Width, golden.Height)
				}
				for i, w := range want {
					d := math.Abs(float64(got.Values[i] - w))
					worst = max(worst, d)
					if d > bound {
						t.Errorf("%s: class %d: cell %d is %v, want %v", golden.Photo, class, i, got.Values[i], w)
					}
				}
			}
			t.Logf("%s: off by %.1e at the most", golden.Photo, worst)
		}
	})
}

// BenchmarkExplainLast tells what a heat map adds to a classification, by itself
// and as a share of it.
func BenchmarkExplainLast(b *testing.B) {
	m := defaultLoaded(b, model.Options{Threads: 1})
	img := photo(b, "chelsea.png")
	classify := func() time.Duration {
		begun := time.Now()
		if _, _, err := m.ClassifyImage(b.Context(), img, ""); err != nil {
			b.Fatal(err)
		}
		return time.Since(begun)
	}
	classify()
	var run time.Duration
	const runs = 5
	for range runs {
		run += classify()
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.ExplainLast(b.Context(), model.Likeliest); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(100*float64(b.Elapsed())/float64(b.N)/(float64(run)/runs), "%-of-a-run")
}
