package simd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"hamster/model/conformance"
	"hamster/model/gorgonia"
	"hamster/model/graph"
	"hamster/model/simd/ir"
	"hamster/model/simd/simdtest"
)

// Results may differ from Gorgonia's by rounding alone. The bounds are relative to
// the largest value of an output.
const (
	directTolerance   = 2e-5
	winogradTolerance = 2e-4
)

// errRefused is what againstGorgonia returns where the engine takes no part.
var errRefused = errors.New("refused")

// againstGorgonia runs one model on both backends. It returns what the engine
// made of it.
func againstGorgonia(model []byte, seed uint64, cfg Config) (*Compiled, error) {
	ctx := context.Background()
	g, err := conformance.Import(model)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errRefused, err)
	}
	e, err := New(ctx, g, cfg)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errRefused, err)
	}
	defer e.Close()
	oracle, err := gorgonia.Compile(ctx, g)
	if err != nil {
		return nil, err
	}
	defer oracle.Close()
	tolerance := float64(winogradTolerance)
	if cfg.NoWinograd {
		tolerance = directTolerance
	}
	for run := range uint64(2) {
		inputs := conformance.RandomInputs(g, seed+run)
		want, err := oracle.Run(ctx, inputs)
		if err != nil {
			return nil, err
		}
		got, err := e.Run(ctx, inputs)
		if err != nil {
			return nil, err
		}
		for i := range want {
			if err := near(got[i], want[i], tolerance); err != nil {
				return nil, fmt.Errorf("run %d: output %d: %w\n%s\n%s", run, i, err, lowered(g), strings.Join(e.c.Steps(), "\n"))
			}
		}
	}
	return e.c, nil
}

// lowered is the graph as the passes leave it, as text.
func lowered(g *graph.Graph) string {
	var b strings.Builder
	if err := WritePasses(&b, g); err != nil {
		return err.Error()
	}
	return b.String()
}

// near compares relative to the largest magnitude of what is wanted.
func near(got, want []float32, tolerance float64) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d elements, want %d", len(got), len(want))
	}
	top := 1e-3
	for _, w := range want {
		if a := math.Abs(float64(w)); !math.IsInf(a, 0) {
			top = max(top, a)
		}
	}
	for i, w := range want {
		g := got[i]
		if g == w || g != g && w != w {
			continue
		}
		if d := math.Abs(float64(g) - float64(w)); !(d <= tolerance*top) {
			return fmt.Errorf("element %d is %v, want %v, off by %.1e of the largest, %v", i, g, w, d/top, top)
		}
	}
	return nil
}

func TestRandomModelsGiveWhatGorgoniaGives(t *testing.T) {
	least := 200
	if testing.Short() {
		least = 40
	}
	kernels := map[string]bool{}
	for name, model := range map[string]func(uint64) []byte{"windows": conformance.RandomGraph, "blocks": simdtest.Blocks} {
		t.Run(name, func(t *testing.T) {
			ran := 0
			for seed := uint64(0); ran < least; seed++ {
				if seed > 10*uint64(least) {
					t.Fatalf("the engine takes %d of %d models", ran, seed)
				}
				b, taken := model(seed), true
				for _, cfg := range []Config{{everyWinograd: true}, {NoWinograd: true}} {
					c, err := againstGorgonia(b, seed, cfg)
					switch {
					case errors.Is(err, errRefused):
						taken = false
						if !isLimit(err) {
							t.Errorf("seed %d: %v", seed, err)
						}
					case err != nil:
						t.Fatalf("seed %d, %+v: %v", seed, cfg, err)
					default:
						for _, k := range c.Kernels {
							kernels[k] = true
						}
					}
				}
				if taken {
					ran++
				}
			}
		})
	}
	if testing.Short() {
		return // so few models need not use every kernel
	}
	// Lest the generators or the choice of kernels leave some untried.
	for _, want := range []string{
		"f32_conv_nhwc_", "f32_conv_nhwc_1x", "_add", "dwconv", "winograd_input", "winograd_output_f2x2_k3x3",
		"_maxpool", "_avgpool_nhwc_simd128_bias", "globalavgpool", "globalmaxpool", "softmax", "copy", "halo", "b8_panel", "b16_panel", "b32_panel",
		"u8_pack", "u8_expand", "u8_winograd_weights", "i8_pack", "i8_expand", "i8_winograd_weights", "f16_pack", "f16_expand", "f16_winograd_weights", "f32_pack", "f32_winograd_weights", "silu", "hardswish", "minmax",
	} {
		found := false
		for k := range kernels {
			found = found || strings.Contains(k, want)
		}
		if !found {
			t.Errorf("no model uses a kernel %s", want)
		}
	}
	if t.Failed() {
		t.Log(slices.Sorted(maps.Keys(kernels)))
	}
}

// isLimit tells a refusal that says what the engine cannot do from any other
// error: one that names a node, or a limit of the model as a whole.
func isLimit(err error) bool {
	var lower *ir.LowerError
	if errors.As(err, &lower) {
		return true
	}
	return slices.ContainsFunc([]string{
		"only one image", "inputs: one is supported", "does not depend on the input",
		"operators, at most", "MB of memory", "the model's tables", "the model takes more than",
	}, func(limit string) bool { return strings.Contains(err.Error(), limit) })
}

// FuzzAgainstGorgonia compares both backends on models whose shapes, windows and
// operators the fuzzer chooses.
func FuzzAgainstGorgonia(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 1))
	for k := range 16 {
		choices := make([]byte, 40+10*k)
		for i := range choices {
			choices[i] = byte(r.Uint32())
		}
		f.Add(choices, k%2 == 1, k/2%2 == 1)
	}
	f.Fuzz(func(t *testing.T, choices []byte, blocks, noWinograd bool) {
		model := conformance.ChosenGraph
		if blocks {
			model = simdtest.ChosenBlocks
		}
		_, err := againstGorgonia(model(choices), 1, Config{NoWinograd: noWinograd, everyWinograd: !noWinograd})
		if err != nil && !(errors.Is(err, errRefused) && isLimit(err)) {
			t.Error(err)
		}
	})
}
