package gorgonia

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

// pool spreads the tasks of one operator over the processors and keeps the
// memory they pack into, so that a run after the first allocates none. Programs
// do not share pools.
type pool struct {
	workers []scratch
	padBuf  []float32
	packBuf []weightBlock
}

// scratch is what one worker packs into.
type scratch struct {
	pixelBuf []pixelBlock
	floatBuf []float32
}

func newPool() *pool { return &pool{workers: make([]scratch, max(1, runtime.GOMAXPROCS(0)))} }

// pixels returns n blocks of undefined content.
func (s *scratch) pixels(n int) []pixelBlock {
	if cap(s.pixelBuf) < n {
		s.pixelBuf = make([]pixelBlock, n)
	}
	return s.pixelBuf[:n]
}

// floats returns n elements of undefined content.
func (s *scratch) floats(n int) []float32 {
	if cap(s.floatBuf) < n {
		s.floatBuf = make([]float32, n)
	}
	return s.floatBuf[:n]
}

// padded returns n elements of undefined content.
func (p *pool) padded(n int) []float32 {
	if cap(p.padBuf) < n {
		p.padBuf = make([]float32, n)
	}
	return p.padBuf[:n]
}

// weightBlocks returns n blocks of undefined content.
func (p *pool) weightBlocks(n int) []weightBlock {
	if cap(p.packBuf) < n {
		p.packBuf = make([]weightBlock, n)
	}
	return p.packBuf[:n]
}

// each runs tasks 0…n−1, each once, on as many workers as there are. A task's
// result must depend on nothing but its number. A panic in a task comes out of
// each.
func (p *pool) each(n int, task func(i int, s *scratch)) {
	workers := min(len(p.workers), n)
	if workers <= 1 {
		for i := range n {
			task(i, &p.workers[0])
		}
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	panics := make([]any, workers)
	for w := range workers {
		wg.Go(func() {
			defer func() { panics[w] = recover() }()
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				task(i, &p.workers[w])
			}
		})
	}
	wg.Wait()
	for _, r := range panics {
		if r != nil {
			panic(fmt.Sprint(r))
		}
	}
}

// span cuts n elements into chunks large enough to be worth a task, and runs
// them.
func (p *pool) span(n int, chunk func(from, to int)) {
	const least = 1 << 14
	tasks := min(4*len(p.workers), max(1, n/least))
	if len(p.workers) == 1 {
		tasks = 1
	}
	p.each(tasks, func(i int, _ *scratch) { chunk(n*i/tasks, n*(i+1)/tasks) })
}
