package bench

import "slices"

// Spread is a median and how far values lie apart.
type Spread struct{ Median, Min, Max float64 }

// spread of at least one value.
func spread(values []float64) Spread {
	return Spread{median(values), slices.Min(values), slices.Max(values)}
}

// median of at least one value; of an even number, the mean of the middle two.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// noise is the width of a spread by its median.
func (s Spread) noise() float64 {
	if s.Median == 0 {
		return 0
	}
	return (s.Max - s.Min) / s.Median
}
