package simd

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"

	"hamster/model/conformance"
	"hamster/model/gorgonia"
	"hamster/model/graph"
	"hamster/model/simd/ir"
)

// refused are all that the engine refuses of the suite: an operator, a part of
// the reason, and why it is so. A refusal that is not here fails the test, and so
// does an entry that no case needs any more.
var refused = []struct{ op, reason, why string }{
	{"Add", "with a constant of 2×1 on 1×3", "the result has two rows"},
	{"Concat", "along axis 0: only channels", "the result has several images"},
	{"MatMul", "only a row by a matrix", "stacks of matrices come with transformers"},
	{"Mul", "with a constant of 1×1×1×2 on", "a constant a column"},
	{"Pad", "only zeros around height and width", "other pads have no kernel"},
	{"ReduceMean", "only the mean over height and width", "other means come with transformers"},
	{"Reshape", "only one image", "the result is neither image nor row"},
	{"Slice", "the operator is not supported", "no image model needs it while running"},
	{"Transpose", "is a constant", "transposed weights are not folded"},
	{"Transpose", "from an input in NHWC only", "tensors lie in NHWC throughout"},
}

// trial compiles graphs on the engine, and on Gorgonia what it refuses, as
// "auto" does.
type trial struct {
	t        *testing.T
	cfg      Config
	accepted int
	used     map[int]bool // of refused
}

func (r *trial) compile(ctx context.Context, g *graph.Graph) (conformance.Runner, error) {
	e, err := New(ctx, g, r.cfg)
	if err == nil {
		r.accepted++
		return e, nil
	}
	r.judge(g, err)
	return gorgonia.Compile(ctx, g)
}

// judge fails the test where a refusal is not expected.
func (r *trial) judge(g *graph.Graph, err error) {
	if !isImageOrRow(g.Inputs[0].Shape) {
		if !strings.Contains(err.Error(), "only one image (1×C×H×W) or one row (1×C)") {
			r.t.Errorf("an input of %s is refused with: %v", g.Inputs[0].Dims(), err)
		}
		return
	}
	var lower *ir.LowerError
	if !errors.As(err, &lower) {
		r.t.Errorf("a refusal that names no node: %v", err)
		return
	}
	if text := err.Error(); lower.Opset != g.Opset || !strings.Contains(text, lower.Node.String()) || !strings.Contains(text, "opset") {
		r.t.Errorf("%v does not name node, operator and opset", err)
	}
	for i, x := range refused {
		if lower.Node.Op == x.op && strings.Contains(err.Error(), x.reason) {
			r.used[i] = true
			return
		}
	}
	r.t.Errorf("is not among what may be refused: %v", err)
}

func isImageOrRow(shape []int) bool {
	return (len(shape) == 4 || len(shape) == 2) && shape[0] == 1
}

func TestEngineConforms(t *testing.T) {
	configs := []Config{{}, {NoWinograd: true}}
	if runtime.GOOS == "js" {
		configs = configs[:1] // reading the suite's files takes longest there
	}
	for _, cfg := range configs {
		name := "Winograd"
		if cfg.NoWinograd {
			name = "direct"
		}
		t.Run(name, func(t *testing.T) {
			r := &trial{t: t, cfg: cfg, used: map[int]bool{}}
			conformance.Run(t, r.compile, conformance.ConstantWeights, conformance.MaxPoolSkipsNaN)
			t.Logf("%d graphs ran on the engine", r.accepted)
			if r.accepted < 100 {
				t.Errorf("%d graphs ran on the engine", r.accepted)
			}
			for i, x := range refused {
				if !r.used[i] {
					t.Errorf("nothing is refused since %s %q (%s) any more", x.op, x.reason, x.why)
				}
			}
		})
	}
}
