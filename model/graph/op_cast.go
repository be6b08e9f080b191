package graph

import (
	"fmt"

	"hamster/model/onnxfile"
)

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
	if dtype != x.DType {
		return fmt.Errorf("from %s to %s is not supported", x.DType, dtype)
	}
	return inferIdentity(in, n)
}
