package graph

import (
	"errors"
	"fmt"
	"slices"

	"hamster/model/onnxfile"
)

// reshape turns a node into the canonical Reshape: one input, the shape known
// from the output.
func (in *inference) reshape(n *Node, shape []int) error {
	x := n.Inputs[0]
	if n, err := checkedElements(shape); err != nil {
		return err
	} else if n != x.Len() {
		return fmt.Errorf("%s cannot become %s", x.Dims(), Dims(shape))
	}
	if foldable(x) {
		data, err := in.g.Int64s(x)
		if err != nil {
			return err
		}
		return n.fold(x.DType, shape, data)
	}
	n.Op, n.Attrs, n.Inputs = "Reshape", nil, n.Inputs[:1]
	return n.set(x.DType, shape...)
}

func inferReshape(in *inference, n *Node) error {
	x, err := n.need(0)
	if err != nil {
		return err
	}
	want, err := in.intsFrom(n, "shape", 1)
	if err != nil {
		return err
	}
	if _, given := n.Attrs["shape"]; !given && n.Input(1) == nil {
		return errors.New("has no shape")
	}
	allowZero, err := n.Attrs.Int("allowzero", 0)
	if err != nil {
		return err
	}
	shape, free, known := make([]int, len(want)), -1, 1
	for i, d := range want {
		switch {
		case d == -1 && free < 0:
			free = i
			continue
		case d == 0 && allowZero == 0:
			if i >= len(x.Shape) {
				return fmt.Errorf("dimension %d is copied from %s, which has none", i, x.Dims())
			}
			d = x.Shape[i]
		case d < 0:
			return fmt.Errorf("shape %v", want)
		}
		if known > 0 && d > onnxfile.MaxElements/known {
			return fmt.Errorf("shape %v is too large", want)
		}
		shape[i] = d
		known *= d
	}
	if free >= 0 {
		if known == 0 || x.Len()%known != 0 {
			return fmt.Errorf("%s cannot become %v", x.Dims(), want)
		}
		shape[free] = x.Len() / known
	}
	return in.reshape(n, shape)
}

func inferFlatten(in *inference, n *Node) error {
	x, err := n.need(0)
	if err != nil {
		return err
	}
	axis, err := n.Attrs.Int("axis", 1)
	if err != nil {
		return err
	}
	if axis < 0 {
		axis += len(x.Shape)
	}
	if axis < 0 || axis > len(x.Shape) {
		return fmt.Errorf("axis %d of %s", axis, x.Dims())
	}
	return in.reshape(n, []int{Elements(x.Shape[:axis]), Elements(x.Shape[axis:])})
}

// axesOf reads axes from the attribute or, since opset 13, from input 1.
func (in *inference) axesOf(n *Node, rank int) (map[int]bool, error) {
	axes, err := in.intsFrom(n, "axes", 1)
	if err != nil {
		return nil, err
	}
	set := map[int]bool{}
	for _, a := range axes {
		a, err := axisOf(a, rank)
		if err != nil {
			return nil, err
		}
		if set[a] {
			return nil, fmt.Errorf("axis %d is named twice", a)
		}
		set[a] = true
	}
	return set, nil
}

func inferSqueeze(in *inference, n *Node) error {
	x, err := n.need(0)
	if err != nil {
		return err
	}
	axes, err := in.axesOf(n, len(x.Shape))
	if err != nil {
		return err
	}
	shape := []int{}
	for i, d := range x.Shape {
		switch {
		case axes[i] && d != 1:
			return fmt.Errorf("axis %d of %s is not 1", i, x.Dims())
		case axes[i] || len(axes) == 0 && d == 1:
		default:
			shape = append(shape, d)
		}
	}
	return in.reshape(n, shape)
}

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

// PermOf is the permutation of a Transpose node.
func PermOf(n *Node) ([]int, error) {
	x, err := n.need(0)
	if err != nil {
		return nil, err
	}
	rank := len(x.Shape)
	reversed := make([]int, rank)
	for i := range reversed {
		reversed[i] = rank - 1 - i
	}
	perm, err := n.Attrs.Ints("perm", reversed)
	if err != nil {
		return nil, err
	}
	seen := make([]bool, rank)
	if len(perm) != rank {
		return nil, fmt.Errorf("perm %v does not permute %s", perm, x.Dims())
	}
	for _, p := range perm {
		if p < 0 || p >= rank || seen[p] {
			return nil, fmt.Errorf("perm %v does not permute %s", perm, x.Dims())
		}
		seen[p] = true
	}
	return perm, nil
}

func inferTranspose(_ *inference, n *Node) error {
	perm, err := PermOf(n)
	if err != nil {
		return err
	}
	x := n.Inputs[0]
	shape := make([]int, len(perm))
	for i, p := range perm {
		shape[i] = x.Shape[p]
	}
	return n.set(x.DType, shape...)
}

// ConcatAxis is the axis of a Concat node, counted from the front.
func ConcatAxis(n *Node) (int, error) {
	x, err := n.need(0)
	if err != nil {
		return 0, err
	}
	axis, err := n.Attrs.Int("axis", 1)
	if err != nil {
		return 0, err
	}
	return axisOf(axis, len(x.Shape))
}

func inferConcat(in *inference, n *Node) error {
	axis, err := ConcatAxis(n)
	if err != nil {
		return err
	}
	if err := n.sameType(); err != nil {
		return err
	}
	shape := slices.Clone(n.Inputs[0].Shape)
	shape[axis] = 0
	fold := true
	for i := range n.Inputs {
		x, err := n.need(i)
		if err != nil {
			return err
		}
		if len(x.Shape) != len(shape) {
			return fmt.Errorf("%s beside %s", n.Inputs[0].Dims(), x.Dims())
		}
		for k, d := range x.Shape {
			if k != axis && d != shape[k] {
				return fmt.Errorf("%s beside %s on axis %d", n.Inputs[0].Dims(), x.Dims(), axis)
			}
		}
		shape[axis] += x.Shape[axis]
		fold = fold && foldable(x)
	}
	if fold && len(shape) == 1 {
		var all []int64
		for _, x := range n.Inputs {
			data, err := in.g.Int64s(x)
			if err != nil {
				return err
			}
			all = append(all, data...)
		}
		return n.fold(n.Inputs[0].DType, shape, all)
	}
	return n.set(n.Inputs[0].DType, shape...)
}

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

// inferGather serves the arithmetic on shapes: a list, indexed by constants.
func inferGather(in *inference, n *Node) error {
	x, idx := n.Input(0), n.Input(1)
	if !foldable(x) || !foldable(idx) || len(x.Shape) != 1 {
		return fmt.Errorf("is supported on lists of integers only, has %s and %s", rankOf(x), rankOf(idx))
	}
	if axis, err := n.Attrs.Int("axis", 0); err != nil {
		return err
	} else if _, err := axisOf(axis, 1); err != nil {
		return err
	}
	data, err := in.g.Int64s(x)
	if err != nil {
		return err
	}
	at, err := in.g.Int64s(idx)
	if err != nil {
		return err
	}
	out := make([]int64, len(at))
	for i, k := range at {
		if k < 0 {
			k += int64(len(data))
		}
		if k < 0 || k >= int64(len(data)) {
			return fmt.Errorf("index %d of %d", at[i], len(data))
		}
		out[i] = data[k]
	}
	return n.fold(x.DType, idx.Shape, out)
}

// Slice is a slice with positive steps, one entry an axis of the input.
type Slice struct{ Start, Step []int }

// SliceOf reads the canonical parameters of a Slice node.
func SliceOf(n *Node) (Slice, error) {
	start, err := n.Attrs.Ints("starts", nil)
	if err != nil {
		return Slice{}, err
	}
	step, err := n.Attrs.Ints("steps", nil)
	return Slice{start, step}, err
}

// inferSlice resolves starts, ends, axes and steps (Slice-13; attributes before
// opset 10) into starts and steps for every axis.
func inferSlice(in *inference, n *Node) error {
	x, err := n.need(0)
	if err != nil {
		return err
	}
	starts, err := in.intsFrom(n, "starts", 1)
	if err != nil {
		return err
	}
	ends, err := in.intsFrom(n, "ends", 2)
	if err != nil {
		return err
	}
	axes, err := in.intsFrom(n, "axes", 3)
	if err != nil {
		return err
	}
	steps, err := in.intsFrom(n, "steps", 4)
	if err != nil {
		return err
	}
	if axes == nil {
		for i := range starts {
			axes = append(axes, i)
		}
	}
	if len(ends) != len(starts) || len(axes) != len(starts) || steps != nil && len(steps) != len(starts) {
		return fmt.Errorf("starts %v, ends %v, axes %v, steps %v differ in length", starts, ends, axes, steps)
	}
	if len(starts) == 0 {
		return errors.New("has no starts")
	}
	shape := slices.Clone(x.Shape)
	first, step := make([]int64, len(shape)), make([]int64, len(shape))
	seen := make([]bool, len(shape))
	for i := range step {
		step[i] = 1
	}
	for i, a := range axes {
		a, err := axisOf(a, len(shape))
		if err != nil {
			return err
		}
		if seen[a] {
			return fmt.Errorf("axis %d is named twice", a)
		}
		seen[a] = true
		s := 1
		if steps != nil {
			s = steps[i]
		}
		if s < 1 {
			return fmt.Errorf("step %d is not supported", s)
		}
		d := x.Shape[a]
		from, to := starts[i], ends[i]
		if from < 0 {
			from += d
		}
		if to < 0 {
			to += d
		}
		from, to = min(max(from, 0), d), min(max(to, 0), d)
		shape[a] = (max(0, to-from) + s - 1) / s
		first[a], step[a] = int64(from), int64(s)
	}
	if foldable(x) && len(shape) == 1 {
		data, err := in.g.Int64s(x)
		if err != nil {
			return err
		}
		out := make([]int64, shape[0])
		for i := range out {
			out[i] = data[int(first[0])+i*int(step[0])]
		}
		return n.fold(x.DType, shape, out)
	}
	n.Attrs, n.Inputs = Attrs{"starts": first, "steps": step}, n.Inputs[:1]
	return n.set(x.DType, shape...)
}

// Pad is a constant pad: Before and After, one entry an axis.
type Pad struct {
	Before, After []int
	Value         float32
}

// PadOf reads the canonical parameters of a Pad node.
func PadOf(n *Node) (Pad, error) {
	pads, err := n.Attrs.Ints("pads", nil)
	if err != nil {
		return Pad{}, err
	}
	value, err := n.Attrs.Float("value", 0)
	return Pad{pads[:len(pads)/2], pads[len(pads)/2:], value}, err
}

func inferPad(in *inference, n *Node) error {
	x, err := n.need(0)
	if err != nil {
		return err
	}
	if mode, err := n.Attrs.String("mode", "constant"); err != nil || mode != "constant" {
		return fmt.Errorf("mode %q is not supported", mode)
	}
	if n.Input(3) != nil {
		return fmt.Errorf("axes are not supported")
	}
	pads, err := in.intsFrom(n, "pads", 1)
	if err != nil {
		return err
	}
	if len(pads) != 2*len(x.Shape) {
		return fmt.Errorf("pads %v do not fit %s", pads, x.Dims())
	}
	value, err := n.Attrs.Float("value", 0)
	if err != nil {
		return err
	}
	if n.Input(2) != nil {
		if value, err = in.scalar(n, 2); err != nil {
			return err
		}
	}
	shape := make([]int, len(x.Shape))
	list := make([]int64, len(pads))
	for i, p := range pads {
		if p < 0 || p > maxWindow {
			return fmt.Errorf("pads %v must lie in 0…%d", pads, maxWindow)
		}
		list[i] = int64(p)
	}
	for i, d := range x.Shape {
		shape[i] = pads[i] + d + pads[i+len(shape)]
	}
	n.Attrs, n.Inputs = Attrs{"pads": list, "value": value}, n.Inputs[:1]
	return n.set(x.DType, shape...)
}

// ReduceOf returns the axes a ReduceMean node averages over, in order, and
// whether they stay as 1.
func ReduceOf(n *Node) (axes []int, keep bool, err error) {
	k, err := n.Attrs.Int("keepdims", 1)
	if err != nil {
		return nil, false, err
	}
	axes, err = n.Attrs.Ints("axes", nil)
	return axes, k != 0, err
}

func inferReduceMean(in *inference, n *Node) error {
	x, err := n.need(0)
	if err != nil {
		return err
	}
	set, err := in.axesOf(n, len(x.Shape))
	if err != nil {
		return err
	}
	keep, err := n.Attrs.Int("keepdims", 1)
	if err != nil {
		return err
	}
	if noop, err := n.Attrs.Int("noop_with_empty_axes", 0); err != nil || noop != 0 && len(set) == 0 {
		return fmt.Errorf("without axes is not supported")
	}
	var axes []int64
	shape := []int{}
	for i, d := range x.Shape {
		switch {
		case !set[i] && len(set) > 0:
			shape = append(shape, d)
		default:
			axes = append(axes, int64(i))
			if keep != 0 {
				shape = append(shape, 1)
			}
		}
	}
	n.Attrs, n.Inputs = Attrs{"axes": axes, "keepdims": int64(keep)}, n.Inputs[:1]
	return n.set(x.DType, shape...)
}
