package graph

import "hamster/model/onnxfile"

func inferShape(_ *inference, n *Node) error {
	x, err := n.need(0)
	if err != nil {
		return err
	}
	start, err := n.Attrs.Int("start", 0)
	if err != nil {
		return err
	}
	end, err := n.Attrs.Int("end", len(x.Shape))
	if err != nil {
		return err
	}
	clamp := func(i int) int {
		if i < 0 {
			i += len(x.Shape)
		}
		return min(max(i, 0), len(x.Shape))
	}
	start, end = clamp(start), clamp(end)
	dims := []int64{}
	for i := start; i < end; i++ {
		dims = append(dims, int64(x.Shape[i]))
	}
	return n.fold(onnxfile.Int64, []int{len(dims)}, dims)
}
