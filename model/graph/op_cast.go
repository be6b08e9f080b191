package graph

import (
	"fmt"

	"hamster/model/onnxfile"
)

// inferCast serves shapes, and weights that are stored as float16: they stay as they
// are, and are widened, which is exact, by whoever reads them.
func inferCast(in *inference, n *Node) error {
	x, err := n.need(0)
	if err != nil {
		return err
	}
	to, err := n.Attrs.Int("to", 0)
	if err != nil {
		return err
	}
	dtype := onnxfile.DType(to)
	if foldable(x) && (dtype == onnxfile.Int64 || dtype == onnxfile.Int32) {
		data, err := in.g.Int64s(x)
		if err != nil {
			return err
		}
		return n.fold(dtype, x.Shape, data)
	}
	switch {
	case dtype == x.DType:
		return inferIdentity(in, n)
	case dtype == onnxfile.Float32 && x.DType == onnxfile.Float16 && x.Const != nil:
		n.Outputs[0].Const = x.Const
		return n.set(dtype, x.Shape...)
	}
	return fmt.Errorf("from %s to %s is not supported", x.DType, dtype)
}
