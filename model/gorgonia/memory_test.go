package gorgonia

import (
	"testing"

	"hamster/model/graph"
)

// planned builds steps by hand: each makes value i of size elements.
type planned struct {
	values []*graph.Value
	order  []*step
}

func (p *planned) value(size int) *graph.Value {
	v := &graph.Value{Shape: []int{size}}
	p.values = append(p.values, v)
	return v
}

func (p *planned) step(size int, s step, inputs ...*graph.Value) *graph.Value {
	v := p.value(size)
	s.node = &graph.Node{Outputs: []*graph.Value{v}}
	s.inputs = inputs
	p.order = append(p.order, &s)
	return v
}

func (p *planned) plan(t *testing.T, input *graph.Value, keep ...*graph.Value) map[*graph.Value]*buffer {
	t.Helper()
	fixed := map[*graph.Value]*buffer{input: {data: make([]float32, input.Len())}}
	at, err := plan(p.order, fixed, keep)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range p.order {
		if b := at[s.output()]; b == nil || len(b.data) < s.output().Len() {
			t.Fatalf("a value has no room")
		}
	}
	return at
}

func TestOperatorsInPlaceShareMemoryButNeverTheInputs(t *testing.T) {
	var p planned
	x := p.value(4)
	a := p.step(4, step{inPlace: true}, x)
	b := p.step(4, step{inPlace: true}, a)
	at := p.plan(t, x, b)
	if at[a] == at[x] {
		t.Error("the input is overwritten")
	}
	if at[b] != at[a] {
		t.Error("memory is not used again in place")
	}
}

func TestAValueReadLaterIsNotOverwritten(t *testing.T) {
	var p planned
	x := p.value(4)
	a := p.step(4, step{}, x)
	b := p.step(4, step{inPlace: true}, a)
	c := p.step(4, step{inPlace: true}, b, a)
	at := p.plan(t, x, c)
	if at[a] == at[b] || at[c] == at[a] {
		t.Error("a value is overwritten before its last reader")
	}
	if at[c] != at[b] {
		t.Error("memory is not used again in place")
	}
}

func TestAViewKeepsWhatItShowsAlive(t *testing.T) {
	var p planned
	x := p.value(4)
	a := p.step(4, step{}, x)
	view := p.step(4, step{view: true}, a)
	b := p.step(4, step{}, x)
	c := p.step(4, step{}, view, b)
	at := p.plan(t, x, c)
	if at[view] != at[a] {
		t.Error("a view has memory of its own")
	}
	if at[b] == at[a] || at[c] == at[a] {
		t.Error("memory is used again while a view shows it")
	}
}

func TestMemoryReadThroughAViewIsNotChangedInPlace(t *testing.T) {
	var p planned
	x := p.value(4)
	a := p.step(4, step{}, x)
	view := p.step(4, step{view: true}, a)
	b := p.step(4, step{inPlace: true}, a, view)
	at := p.plan(t, x, b)
	if at[b] == at[a] {
		t.Error("an operand is overwritten while it is read")
	}
}

func TestOutputsOutliveTheRun(t *testing.T) {
	var p planned
	x := p.value(4)
	a := p.step(4, step{}, x)
	b := p.step(4, step{inPlace: true}, a)
	c := p.step(4, step{}, b)
	at := p.plan(t, x, a, b, c)
	if at[a] == at[b] || at[b] == at[c] || at[a] == at[c] {
		t.Error("outputs share memory")
	}
}

func TestAChainOfAnyLengthTakesTwoBuffers(t *testing.T) {
	var p planned
	x := p.value(100)
	v, sizes := x, []int{100, 50, 80, 20, 90, 100, 10}
	for _, size := range sizes {
		v = p.step(size, step{}, v)
	}
	at := p.plan(t, x, v)
	buffers := map[*buffer]bool{}
	total := 0
	for _, s := range p.order {
		if b := at[s.output()]; !buffers[b] {
			buffers[b] = true
			total += b.size
		}
	}
	if len(buffers) != 2 || total > 200 {
		t.Errorf("%d buffers of %d elements, want 2 of at most 200", len(buffers), total)
	}
}
