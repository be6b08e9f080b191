package simd

import (
	"fmt"

	"hamster/model/simd/ir"
)

func newDepthwise(c *compiler, o *ir.Op) (emitter, error) { return newDirect(c, o), nil }
func newBinary(c *compiler, o *ir.Op) (emitter, error)    { return nil, fmt.Errorf("no kernel") }
func newAffine(c *compiler, o *ir.Op) (emitter, error)    { return nil, fmt.Errorf("no kernel") }
func newUnary(c *compiler, o *ir.Op) (emitter, error)     { return nil, fmt.Errorf("no kernel") }
