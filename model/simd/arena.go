package simd

import "slices"

// span is memory that is in use from operator first to operator last, both
// included.
type span struct {
	size        int
	first, last int
	// pinned spans come first of all, from offset 0 on.
	pinned bool
	offset int // set by place
}

const alignment = 64

func align(n int) int { return (n + alignment - 1) &^ (alignment - 1) }

// place gives every span an offset such that spans that are in use together do
// not overlap, and returns the size of the whole. Large spans go first, each to
// the lowest gap that holds it (greedy by size, Pisarchyk & Lee 2020,
// "Efficient Memory Management for Deep Neural Net Inference").
func place(spans []*span) int {
	order := slices.Clone(spans)
	slices.SortStableFunc(order, func(a, b *span) int {
		if a.pinned != b.pinned {
			if a.pinned {
				return -1
			}
			return 1
		}
		return b.size - a.size
	})
	var placed []*span // by offset
	total := 0
	for _, s := range order {
		if s.size == 0 {
			continue
		}
		at := 0
		for _, p := range placed {
			if p.last < s.first || s.last < p.first {
				continue
			}
			if at+s.size <= p.offset {
				break
			}
			at = max(at, align(p.offset+p.size))
		}
		s.offset = at
		total = max(total, align(at+s.size))
		i, _ := slices.BinarySearchFunc(placed, at, func(p *span, at int) int { return p.offset - at })
		placed = slices.Insert(placed, i, s)
	}
	return total
}
