package bench

import (
	"bytes"
	"context"
	"fmt"

	"hamster/model"
	"hamster/model/graph"
	"hamster/model/onnxfile"
)

// growthModel is what the browser calls the model of a point.
const growthModel = "growth"

// maxGrowthThreads ends the curve over threads, where there are as many cores.
const maxGrowthThreads = 8

// point is a model of a growth curve.
type point struct {
	name   string
	family string // which curve
	shape  []int
	spare  bool // a part can do without
	// make makes the file. What follows is found out when that is done.
	make             func() ([]byte, error)
	macs, parameters float64
}

// thinned marks every second point of a curve as spare, the largest not.
func thinned(curve []*point) []*point {
	for i, p := range curve {
		p.spare = (len(curve)-i)%2 == 0
	}
	return curve
}

func spare(c *Contestant) bool { return c.at.spare }

// growth lists contestants for the points of a curve: one thread of the peer and
// of ours, each on float32 weights.
func growth(points func(*modelFiles) []*point) func(*lineup) []*Contestant {
	return func(l *lineup) []*Contestant {
		var all []*Contestant
		curve := points(l.model)
		if l.quick {
			curve = curve[:2]
		}
		for _, p := range curve {
			all = append(all, pair(1, p)...)
		}
		return all
	}
}

func pair(threads int, p *point) []*Contestant {
	both := []*Contestant{ortWeb(threads, float32File), hamsters(threads, float32File)[0]}
	for _, c := range both {
		c.at = p
	}
	return both
}

// inputs are the same network on pictures of other sizes. It has to reduce
// whatever it gets to one pixel, or there is but one size.
func inputs(m *modelFiles) []*point {
	var list []*point
	for _, side := range []int{75, 150, 224, 299, 450, 600} {
		shape := []int{m.shape[0], m.shape[1], side, side}
		list = append(list, &point{
			name: fmt.Sprintf("%s@%d", m.name, side), family: "input", shape: shape,
			make: func() ([]byte, error) { return withInput(m.files[float32File], shape) },
		})
	}
	return thinned(list)
}

// sizesOfModels are plain convolutional networks from 1 to 100 million
// parameters.
func sizesOfModels(*modelFiles) []*point {
	var list []*point
	for _, width := range []int{32, 56, 96, 168, 296} {
		n := network{width: width, side: 224}
		list = append(list, &point{
			name: fmt.Sprintf("plain-%d", width), family: "size", shape: []int{1, 3, n.side, n.side}, make: n.file,
		})
	}
	return thinned(list)
}

func growthThreads(l *lineup) []*Contestant {
	p := &point{
		name: l.model.name, family: "threads", shape: l.model.shape,
		make: func() ([]byte, error) { return l.model.files[float32File], nil },
	}
	var all []*Contestant
	for n := 1; n <= min(l.cores, maxGrowthThreads); n++ {
		all = append(all, pair(n, p)...)
	}
	return all
}

// metric of its times is this with _ms, of memory with _bytes.
func (p *point) metric() string { return "growth_" + p.family }

func (s *session) growthJob(p *point) job {
	var j job
	switch {
	case !s.wants(p.metric() + "_ms"):
	case s.quick:
		j.Settle, j.Measure = fewSettle, fewMeasure
	default:
		j.Settle, j.Measure = amount{Runs: 2, Ms: 300}, amount{Runs: 3, Ms: 700}
	}
	if s.wants(p.metric() + "_bytes") { // there is none of threads: that takes a minute, see memory
		j.Memory = 1
	}
	return j
}

func grown(ctx context.Context, s *session, c *Contestant) (map[string]float64, error) {
	if err := s.store(ctx, c.at); err != nil {
		return nil, fmt.Errorf("%s: %w", c.at.name, err)
	}
	name := c.at.metric()
	o, err := s.try(ctx, c, s.growthJob(c.at))
	if err != nil {
		return nil, err
	}
	values := map[string]float64{}
	if len(o.Times) > 0 {
		values[name+"_ms"] = median(o.Times)
	}
	if len(o.Memory) > 0 {
		values[name+"_bytes"] = o.Memory[0]
	}
	return values, nil
}

// store gives the browser the model of a point.
func (s *session) store(ctx context.Context, p *point) error {
	if s.stored == p {
		return nil
	}
	file, err := p.make()
	if err != nil {
		return err
	}
	if err := p.count(file); err != nil {
		return err
	}
	name := modelURL(growthModel)
	s.server.put(name, file)
	s.stored = nil
	err = s.browser.call(ctx, "store", map[string]string{growthModel: name + "?" + p.name}, nil)
	if err == nil {
		s.stored = p
	}
	return err
}

// count finds out what a model takes.
func (p *point) count(file []byte) error {
	g, f, err := model.Import(bytes.NewReader(file))
	if err != nil {
		return err
	}
	p.macs, p.parameters = 0, 0
	for _, n := range g.Nodes {
		p.macs += float64(graph.MACs(n))
	}
	for _, t := range f.Tensors {
		if t.DType == onnxfile.Float32 {
			p.parameters += float64(t.Elements())
		}
	}
	return nil
}
