package preprocess

// Precision is the number of fractional bits in a weight: 32 bits hold an 8-bit
// sample, the weight, and two bits of head-room for the sum.
const Precision = 32 - 8 - 2

// Taps says which input samples one output sample is made of: input samples
// First to First+Count−1, weighted by Weights[Offset : Offset+Count].
type Taps struct{ First, Count, Offset int32 }

// Coefficients returns the antialiased triangle filter that brings a line of in
// samples to out samples; both must be positive.
//
// Output sample i is
//
//	min(255, (1<<(Precision−1) + Σ input[First+j]·weights[Offset+j]) >> Precision)
//
// with a Taps for each i. Weights are never negative, so the sum never wraps as
// an unsigned 32-bit integer, whatever the order of the additions. A picture is
// resized along its upright horizontal first, rounded to bytes, then along the
// vertical.
//
// The triangle reaches max(1, in/out) input samples to either side of
// the output sample's centre (i+½)·in/out, is normalised to a sum of 1 and then
// rounded to Precision bits. This is the arithmetic of Pillow's BILINEAR, except
// that zero weights at either end are left out, which changes no result.
func Coefficients(in, out int) (taps []Taps, weights []int32) {
	scale := float64(in) / float64(out)
	reach := max(1, scale)
	invReach := 1 / reach

	taps = make([]Taps, out)
	// Windows of neighbours overlap by half; small surplus for the rounding.
	weights = make([]int32, 0, 2*max(in, out)+2*out)
	var window []float64
	for i := range taps {
		// The conversion keeps the product from being fused into the sums
		// below, which would round differently on some processors.
		centre := float64((float64(i) + 0.5) * scale)
		first := max(0, int(centre-reach+0.5))
		end := min(in, int(centre+reach+0.5))

		window = window[:0]
		sum := 0.0
		for x := first; x < end; x++ {
			w := triangle(float64((float64(x) - centre + 0.5) * invReach))
			window = append(window, w)
			sum += w
		}

		offset := len(weights)
		for _, w := range window {
			fixed := int32(0.5 + float64(w/sum*(1<<Precision)))
			if fixed == 0 && len(weights) == offset {
				first++
				continue
			}
			weights = append(weights, fixed)
		}
		for len(weights) > offset && weights[len(weights)-1] == 0 {
			weights = weights[:len(weights)-1]
		}
		taps[i] = Taps{int32(first), int32(len(weights) - offset), int32(offset)}
	}
	return taps, weights
}

func triangle(x float64) float64 {
	if x < 0 {
		x = -x
	}
	if x < 1 {
		return 1 - x
	}
	return 0
}

// mirror turns a filter for a line into the one for the same line read
// backwards.
func mirror(taps []Taps, weights []int32, in int) {
	for i, t := range taps {
		taps[i].First = int32(in) - t.First - t.Count
		w := weights[t.Offset : t.Offset+t.Count]
		for a, b := 0, len(w)-1; a < b; a, b = a+1, b-1 {
			w[a], w[b] = w[b], w[a]
		}
	}
}

// NearestIndices returns, for each of out samples, which of in samples Pillow's
// NEAREST takes; both must be positive.
//
// Pillow steps through the input by repeated addition, whose rounding errors
// decide the ties, so this does the same.
func NearestIndices(in, out int) []int32 {
	step := float64(in) / float64(out)
	indices := make([]int32, out)
	at := step * 0.5
	for i := range indices {
		indices[i] = int32(min(in-1, int(at)))
		at += step
	}
	return indices
}
