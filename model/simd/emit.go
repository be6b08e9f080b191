package simd

import (
	"fmt"

	"hamster/model/simd/ir"
	"hamster/model/simd/kernel"
)

// emitters maps kinds of operators to what emits them. To teach the engine a
// kind, write its emitter in emit_<kind>.go and list it here.
var emitters = map[ir.Kind]func(*compiler, *ir.Op) (emitter, error){
	ir.KindAdd:       newBinary,
	ir.KindAffine:    newAffine,
	ir.KindAvgPool:   newPool,
	ir.KindConcat:    newConcat,
	ir.KindConv:      newConv,
	ir.KindDiv:       newBinary,
	ir.KindFlatten:   newFlatten,
	ir.KindGlobalAvg: newGlobalPool,
	ir.KindGlobalMax: newGlobalPool,
	ir.KindIdentity:  newConcat,
	ir.KindMaxPool:   newPool,
	ir.KindMul:       newBinary,
	ir.KindPad:       newPad,
	ir.KindSoftmax:   newSoftmax,
	ir.KindSub:       newBinary,
	ir.KindUnary:     newUnary,
}

func (c *compiler) emitter(o *ir.Op) (emitter, error) {
	make, ok := emitters[o.Kind]
	if !ok {
		return nil, fmt.Errorf("%s has no kernel", o.Kind)
	}
	return make(c, o)
}

// plain is an emitter that needs neither scratch nor weights.
type plain func(c *compiler) error

func (plain) needs() (int, int)                  { return 0, 0 }
func (p plain) emit(c *compiler, _ uint32) error { return p(c) }

// activation finds the kernels' name for an activation and its parameters.
func activation(a ir.Act) (act kernel.Activation, pa, pb float32, err error) {
	act, ok := map[ir.ActKind]kernel.Activation{
		ir.ActNone:        kernel.None,
		ir.ActClamp:       kernel.MinMax,
		ir.ActHardSigmoid: kernel.HardSigmoid,
		ir.ActHardSwish:   kernel.HardSwish,
		ir.ActLeaky:       kernel.LeakyReLU,
		ir.ActSigmoid:     kernel.Sigmoid,
		ir.ActSilu:        kernel.SiLU,
		ir.ActTanh:        kernel.Tanh,
		ir.ActExp:         kernel.Exp,
		ir.ActElu:         kernel.ELU,
		ir.ActErf:         kernel.Erf,
		ir.ActGelu:        kernel.GELU,
		ir.ActSoftplus:    kernel.Softplus,
		ir.ActAbs:         kernel.Abs,
		ir.ActNeg:         kernel.Neg,
		ir.ActSqrt:        kernel.Sqrt,
		ir.ActReciprocal:  kernel.Reciprocal,
		ir.ActFloor:       kernel.Floor,
		ir.ActCeil:        kernel.Ceil,
	}[a.Kind]
	if !ok {
		return 0, 0, 0, fmt.Errorf("activation %s has no kernel", a.Kind)
	}
	if a.Kind == ir.ActSilu {
		return act, 1, 0, nil
	}
	return act, a.A, a.B, nil
}
