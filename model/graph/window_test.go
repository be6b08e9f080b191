package graph_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"hamster/model/graph"
)

// slide counts the places of a kernel on one axis by sliding it. Rounding down,
// it must lie in the padded input; rounding up, it may also hang over the end as
// long as it starts before the trailing pad and reaches what the one before it
// did not.
func slide(in, extent, stride, before, after int, up bool) (n int) {
	for start := -before; ; start += stride {
		fits := start+extent <= in+after
		reaches := start < in && start-stride+extent < in+after
		if !fits && !(up && n > 0 && reaches) {
			return n
		}
		n++
	}
}

func TestWindowsAreCountedAsBySliding(t *testing.T) {
	tried := 0
	for in := 1; in <= 9; in++ {
		for kernel := 1; kernel <= 4; kernel++ {
			for stride := 1; stride <= 4; stride++ {
				for dilation := 1; dilation <= 2; dilation++ {
					extent := (kernel-1)*dilation + 1
					for before := range extent {
						for after := range extent {
							for _, up := range []bool{false, true} {
								w := graph.Window{
									Kernel: [2]int{kernel, 1}, Stride: [2]int{stride, 1}, Dilation: [2]int{dilation, 1},
									Pad: [4]int{before, 0, after, 0}, Ceil: up,
								}
								got, _, err := w.Out(in, 1)
								want := slide(in, extent, stride, before, after, up)
								if want == 0 != (err != nil) || got != want {
									t.Fatalf("%+v over %d: %d (%v), want %d", w, in, got, err, want)
								}
								tried++
							}
						}
					}
				}
			}
		}
	}
	if tried < 5000 {
		t.Errorf("only %d cases", tried)
	}
}

func TestWindowsOfBothAxesAreIndependent(t *testing.T) {
	w := graph.Window{Kernel: [2]int{3, 1}, Stride: [2]int{2, 1}, Dilation: [2]int{1, 1}, Pad: [4]int{1, 0, 0, 2}}
	if h, wd, err := w.Out(8, 5); h != 4 || wd != 7 || err != nil {
		t.Errorf("%d×%d (%v), want 4×7", h, wd, err)
	}
}

func TestSamePaddingKeepsTheSizeOverTheStride(t *testing.T) {
	for in := 1; in <= 12; in++ {
		for kernel := 1; kernel <= 5; kernel++ {
			for stride := 1; stride <= 3; stride++ {
				for _, auto := range []string{"SAME_UPPER", "SAME_LOWER"} {
					g := mustImport(t, []int{1, 1, in, 12}, nil, op("AveragePool", "x", "y", attrs{
						"kernel_shape": []int{kernel, 1}, "strides": []int{stride, 1}, "auto_pad": auto,
					}))
					p, err := graph.PoolOf(g.Nodes[0])
					if err != nil {
						t.Fatal(err)
					}
					top, bottom := p.Pad[0], p.Pad[2]
					if want := (in + stride - 1) / stride; g.Outputs[0].Shape[2] != want {
						t.Errorf("%s of %d by kernel %d, stride %d: %d out, want %d", auto, in, kernel, stride, g.Outputs[0].Shape[2], want)
					}
					more, less := bottom, top
					if auto == "SAME_LOWER" {
						more, less = top, bottom
					}
					if more-less < 0 || more-less > 1 {
						t.Errorf("%s of %d by kernel %d, stride %d pads %d and %d", auto, in, kernel, stride, top, bottom)
					}
				}
			}
		}
	}
}

// The shapes are those that ONNX's own test models declare.
func TestWindowsAgreeWithONNX(t *testing.T) {
	const root = "/usr/share/libonnx-testdata/data/node"
	if _, err := os.Stat(root); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("install libonnx-testdata: %v", err)
		}
		t.Skipf("libonnx-testdata is not installed: %v", err)
	}
	for _, name := range []string{
		"averagepool_2d_ceil", "averagepool_2d_default", "averagepool_2d_pads", "averagepool_2d_pads_count_include_pad",
		"averagepool_2d_precomputed_pads", "averagepool_2d_precomputed_same_upper", "averagepool_2d_precomputed_strides",
		"averagepool_2d_same_lower", "averagepool_2d_same_upper", "averagepool_2d_strides",
		"maxpool_2d_ceil", "maxpool_2d_default", "maxpool_2d_dilations", "maxpool_2d_pads", "maxpool_2d_precomputed_pads",
		"maxpool_2d_precomputed_same_upper", "maxpool_2d_precomputed_strides", "maxpool_2d_same_lower",
		"maxpool_2d_same_upper", "maxpool_2d_strides",
	} {
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile(filepath.Join(root, "test_"+name, "model.onnx"))
			if err != nil {
				t.Fatal(err)
			}
			f := parse(t, b)
			g, err := graph.Import(f, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := g.Outputs[0].Shape, f.Outputs[0].Shape; fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("shape %v, want %v", got, want)
			}
		})
	}
}
