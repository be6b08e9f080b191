package gorgonia

import (
	"fmt"
	"slices"

	"hamster/model/graph"
)

// maxElements bounds what a graph may make us allocate, in float32 elements
// (1 GiB): a few bytes of a file can declare tensors of any size.
const maxElements = 1 << 28

func checkElements(n int) error {
	if n > maxElements {
		return fmt.Errorf("needs %d MiB of memory for activations, at most %d are given", n>>18, maxElements>>18)
	}
	return nil
}

// buffer is a piece of memory that values share one after the other.
type buffer struct {
	size int
	data []float32
}

// plan gives memory to the results of steps that run in this order. Values that
// outlive the run, and those of fixed, keep theirs; the others' is used again
// once the last step that reads them has run.
func plan(order []*step, fixed map[*graph.Value]*buffer, keep []*graph.Value) (map[*graph.Value]*buffer, error) {
	// A view lives where what it shows lives.
	root := map[*graph.Value]*graph.Value{}
	rootOf := func(v *graph.Value) *graph.Value {
		if r, ok := root[v]; ok {
			return r
		}
		return v
	}
	last := map[*graph.Value]int{}
	for i, s := range order {
		if s.view {
			root[s.output()] = rootOf(s.inputs[0])
		}
		last[rootOf(s.output())] = i
		for _, v := range s.inputs {
			last[rootOf(v)] = i
		}
	}
	for _, v := range keep {
		last[rootOf(v)] = len(order)
	}
	for v := range fixed {
		last[v] = len(order)
	}

	at := map[*graph.Value]*buffer{}
	for v, b := range fixed {
		at[v] = b
	}
	var all, free []*buffer
	for i, s := range order {
		out := s.output()
		if s.view {
			at[out] = at[rootOf(out)]
			continue
		}
		var dying []*graph.Value
		for _, v := range s.inputs {
			if r := rootOf(v); last[r] == i && !slices.Contains(dying, r) {
				dying = append(dying, r)
			}
		}
		if first := rootOf(s.inputs[0]); s.inPlace && len(dying) > 0 && dying[0] == first &&
			out.Len() == s.inputs[0].Len() && !readTwice(s, rootOf) {
			at[out] = at[first]
			dying = dying[1:]
		} else {
			var b *buffer
			if b, free = take(free, out.Len()); b.data == nil && b.size == 0 {
				all = append(all, b)
			}
			b.size = max(b.size, out.Len(), 1)
			at[out] = b
		}
		for _, r := range dying {
			free = append(free, at[r])
		}
		if last[out] == i {
			free = append(free, at[out])
		}
	}
	total := 0
	for _, b := range all {
		total += b.size
	}
	if err := checkElements(total); err != nil {
		return nil, err
	}
	for _, b := range all {
		b.data = make([]float32, b.size)
	}
	return at, nil
}

// readTwice says whether a step reads the memory of its first input through
// another input too.
func readTwice(s *step, rootOf func(*graph.Value) *graph.Value) bool {
	for _, v := range s.inputs[1:] {
		if rootOf(v) == rootOf(s.inputs[0]) {
			return true
		}
	}
	return false
}

// take removes from free the smallest buffer of at least n elements, else the
// largest, which then has to grow; an empty one where there is none.
func take(free []*buffer, n int) (*buffer, []*buffer) {
	best := -1
	for i, b := range free {
		switch {
		case best < 0:
			best = i
		case free[best].size >= n:
			if b.size >= n && b.size < free[best].size {
				best = i
			}
		case b.size > free[best].size:
			best = i
		}
	}
	if best < 0 {
		return &buffer{}, free
	}
	b := free[best]
	return b, slices.Delete(free, best, best+1)
}
