package simd

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"testing"

	"hamster/model/conformance/onnxbuild"
	"hamster/model/graph"
	"hamster/model/onnxfile"
	"hamster/preprocess"
)

// picture is an engine for a model that only pools: its input is what counts.
func picture(t testing.TB, w, h int, cfg Config) *Engine {
	t.Helper()
	m := onnxbuild.Model{
		Opset:   13,
		Inputs:  []onnxbuild.Value{{Name: "x", Shape: []int{1, 3, h, w}}},
		Outputs: []onnxbuild.Value{{Name: "y", Shape: []int{1, 3, 1, 1}}},
		Nodes:   []onnxbuild.Node{{Op: "GlobalAveragePool", Inputs: []string{"x"}, Outputs: []string{"y"}}},
	}
	b := m.Bytes()
	f, err := onnxfile.Parse(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	g, err := graph.Import(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(context.Background(), g, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// tensor reads the input tensor, as 1×H×W×3.
func (e *Engine) tensor(t testing.TB) []float32 {
	l := e.c.Tensor
	out := make([]float32, 0, l.H*l.W*l.C)
	row := make([]byte, l.W*l.PixelStride)
	for y := range l.H {
		if err := e.m.read(l.Addr+uint32(y*l.RowStride), row); err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(row); i += 4 {
			out = append(out, math.Float32frombits(binary.LittleEndian.Uint32(row[i:])))
		}
	}
	return out
}

func pattern(w, h int) preprocess.Image {
	m := preprocess.Image{Width: w, Height: h, Pix: make([]byte, 4*w*h)}
	for i := range m.Pix {
		m.Pix[i] = byte(i*i*7 + i*31 + i/97)
	}
	return m
}

func TestPreparedImagesHaveTheBitsOfPreprocess(t *testing.T) {
	e := picture(t, 299, 299, Config{})
	spec := preprocess.Spec{
		Width: 299, Height: 299, Layout: preprocess.NHWC, Channels: preprocess.BGR,
		Scale: [3]float32{127.5, 58.4, 255}, Offset: [3]float32{-1, 0.25, 0},
	}
	for _, size := range [][2]int{{1, 1}, {1, 700}, {700, 1}, {299, 299}, {298, 300}, {640, 480}, {2001, 1503}, {37, 4100}} {
		for _, mode := range []preprocess.Mode{preprocess.Keras, preprocess.Quality} {
			for _, crop := range []float32{0, 0.875} {
				t.Run(fmt.Sprintf("%d×%d %s crop %v", size[0], size[1], mode, crop), func(t *testing.T) {
					img, spec := pattern(size[0], size[1]), spec
					spec.CropFraction = crop
					want, err := preprocess.Tensor(img, spec, mode)
					if err != nil {
						t.Fatal(err)
					}
					if err := e.Prepare(context.Background(), img, spec, mode); err != nil {
						t.Fatal(err)
					}
					got := e.tensor(t)
					for i := range want {
						if got[i] != want[i] {
							t.Fatalf("value %d is %v, want %v", i, got[i], want[i])
						}
					}
				})
			}
		}
	}
}

func TestAnImageTurnedByEXIFIsLeftToPreprocess(t *testing.T) {
	e := picture(t, 20, 20, Config{})
	img := pattern(8, 8)
	img.Orientation = 6
	spec := preprocess.Spec{Width: 20, Height: 20, Layout: preprocess.NHWC, Channels: preprocess.RGB, Scale: [3]float32{1, 1, 1}}
	if err := e.Prepare(context.Background(), img, spec, preprocess.Quality); !errors.Is(err, ErrImage) {
		t.Errorf("got %v, want ErrImage", err)
	}
	if err := e.Prepare(context.Background(), img, spec, preprocess.Keras); err != nil {
		t.Errorf("nearest ignores the orientation, but: %v", err)
	}
}
