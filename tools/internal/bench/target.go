package bench

// target is what a row of Hamster's must reach, and what we aim at; 0 is
// nothing. Both bound the ratio, or the median where own is set.
type target struct {
	metric, variant string
	threads         int // 0: any
	must, aim       float64
	own             bool
}

// targets are those of InceptionV3; other models have none of their own.
var targets = []target{
	{metric: "steady_ms", variant: "relaxed", threads: 1, must: 0.55, aim: 0.42},
	{metric: "steady_ms", variant: "relaxed", threads: 2, must: 0.55, aim: 0.42},
	{metric: "steady_ms", variant: "simd128", threads: 1, must: 0.80, aim: 0.60},
	{metric: "first_per_steady", variant: "relaxed", must: 1.5, own: true},
	{metric: "first_per_steady", variant: "simd128", must: 1.5, own: true},
	{metric: "warm_ms", variant: "relaxed", must: 0.5, aim: 0.3},
	{metric: "memory_bytes", variant: "relaxed", must: 0.5, aim: 0.35},
}

func targetOf(r Row) (target, bool) {
	if r.System != Hamster {
		return target{}, false
	}
	for _, t := range targets {
		if t.metric == r.Metric && t.variant == r.Variant && (t.threads == 0 || t.threads == r.Threads) {
			return t, t.own || r.Ratio != nil
		}
	}
	return target{}, false
}

// verdict of a row that has a target.
func (t target) verdict(r Row) string {
	v := r.Median
	if !t.own {
		v = *r.Ratio
	}
	switch {
	case t.aim > 0 && v <= t.aim:
		return "aim reached"
	case v <= t.must:
		return "reached"
	}
	return "missed"
}
