package graph

func inferUnsqueeze(in *inference, n *Node) error {
	x, err := n.need(0)
	if err != nil {
		return err
	}
	axes, err := in.intsFrom(n, "axes", 1)
	if err != nil {
		return err
	}
	rank := len(x.Shape) + len(axes)
	set, err := in.axesOf(n, rank)
	if err != nil {
		return err
	}
	shape, k := make([]int, rank), 0
	for i := range shape {
		if set[i] {
			shape[i] = 1
			continue
		}
		shape[i] = x.Shape[k]
		k++
	}
	return in.reshape(n, shape)
}
