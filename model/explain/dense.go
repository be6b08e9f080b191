package explain

import (
	"fmt"

	"hamster/model/graph"
	"hamster/model/onnxfile"
)

// dense is out = alpha·W·in + bias, for weights as they are stored: rows of
// outputs, or rows of inputs.
type dense struct {
	weights *matrix
	byInput bool // rows belong to inputs
	alpha   float64
	bias    []float64 // nil for none, or one for all
}

func (dense) linear() bool { return true }

func (d dense) forward(in [][]float64, out []float64) {
	row := make([]float32, d.weights.columns)
	for r := range d.weights.rows {
		d.weights.row(r, row)
		if d.byInput {
			x := in[0][r]
			for o, w := range row {
				out[o] += x * float64(w)
			}
			continue
		}
		sum := 0.0
		for i, w := range row {
			sum += in[0][i] * float64(w)
		}
		out[r] = sum
	}
	for o := range out {
		out[o] *= d.alpha
		if d.bias != nil {
			out[o] += d.bias[o%len(d.bias)]
		}
	}
}

func (d dense) backward(_ [][]float64, grad []float64, grads [][]float64) {
	to := grads[0]
	// At the end of a network one class alone has a gradient, and activations
	// leave holes: what is 0 need not be read.
	var some []int
	for o, g := range grad {
		if g != 0 {
			some = append(some, o)
		}
	}
	row := make([]float32, d.weights.columns)
	if !d.byInput {
		for _, o := range some {
			d.weights.row(o, row)
			g := grad[o] * d.alpha
			for i, w := range row {
				to[i] += g * float64(w)
			}
		}
		return
	}
	for i := range to {
		sum := 0.0
		if len(some) < len(grad)/8 {
			for _, o := range some {
				sum += grad[o] * float64(d.weights.at(i, o))
			}
		} else {
			d.weights.row(i, row)
			for o, w := range row {
				sum += grad[o] * float64(w)
			}
		}
		to[i] += sum * d.alpha
	}
}

func buildGemm(f *finder, n *graph.Node, constants []*graph.Value) (op, error) {
	p, err := graph.GemmOf(n)
	if err != nil {
		return nil, err
	}
	if p.TransA || p.M != 1 {
		return nil, fmt.Errorf("%w: of %s", ErrNoHead, n.Inputs[0].Dims())
	}
	return f.dense(n, constants, p.K, p.N, !p.TransB, p.Alpha, p.Beta)
}

func buildMatMul(f *finder, n *graph.Node, constants []*graph.Value) (op, error) {
	b := n.Inputs[1]
	return f.dense(n, constants, b.Shape[0], b.Shape[1], true, 1, 0)
}

// buildConv takes a convolution on one pixel.
func buildConv(f *finder, n *graph.Node, constants []*graph.Value) (op, error) {
	p, err := graph.ConvOf(n)
	if err != nil {
		return nil, err
	}
	if p.Groups != 1 || p.Kernel != [2]int{1, 1} || n.Inputs[0].Shape[1] != n.Inputs[0].Len() {
		return nil, fmt.Errorf("%w: of %s by %d×%d in %d groups", ErrNoHead, n.Inputs[0].Dims(), p.Kernel[0], p.Kernel[1], p.Groups)
	}
	w := n.Inputs[1]
	return f.dense(n, constants, w.Shape[1], w.Shape[0], false, 1, 1)
}

// dense reads the weights of the second input and the bias of the third, which is
// multiplied by beta.
func (f *finder) dense(n *graph.Node, constants []*graph.Value, inputs, outputs int, byInput bool, alpha, beta float32) (op, error) {
	if err := alone(n, constants); err != nil {
		return nil, err
	}
	if n.Inputs[0].Len() != inputs || n.Outputs[0].Len() != outputs {
		return nil, fmt.Errorf("%w: it makes %s of %s", ErrNoHead, n.Outputs[0].Dims(), n.Inputs[0].Dims())
	}
	d := dense{byInput: byInput, alpha: float64(alpha)}
	rows, columns := outputs, inputs
	if byInput {
		rows, columns = inputs, outputs
	}
	var err error
	if d.weights, err = f.matrix(constants[1], rows, columns); err != nil {
		return nil, err
	}
	if v := n.Input(2); v != nil {
		bias, err := f.floats(v)
		if err != nil {
			return nil, err
		}
		if len(bias) != 1 && len(bias) != outputs {
			return nil, fmt.Errorf("%w: bias %q is %s", ErrNoHead, v.Name, v.Dims())
		}
		d.bias = doubles(bias)
		for i := range d.bias {
			d.bias[i] *= float64(beta)
		}
	}
	return d, nil
}

// matrix holds weights, row after row, as float32 or, a quarter of that, as the
// bytes that they are stored as: element e belongs to scale (e/inner) mod
// len(scale) and is worth (e − zero)·scale.
type matrix struct {
	rows, columns int
	floats        []float32
	bytes         []byte
	signed        bool
	scale, zero   []float32
	inner         int
}

// at is one element.
func (m *matrix) at(row, column int) float32 {
	i := row*m.columns + column
	if m.floats != nil {
		return m.floats[i]
	}
	c := i / m.inner % len(m.scale)
	return (m.stored(i) - m.zero[c]) * m.scale[c]
}

func (m *matrix) stored(i int) float32 {
	if m.signed {
		return float32(int8(m.bytes[i]))
	}
	return float32(m.bytes[i])
}

// row writes one row to dst.
func (m *matrix) row(row int, dst []float32) {
	from := row * m.columns
	switch {
	case m.floats != nil:
		copy(dst, m.floats[from:])
	case m.inner == 1 && m.columns > 1: // a scale for each column
		for k := range dst {
			dst[k] = (m.stored(from+k) - m.zero[k]) * m.scale[k]
		}
	default: // one for the row, or for all
		c := from / m.inner % len(m.scale)
		for k := range dst {
			dst[k] = (m.stored(from+k) - m.zero[c]) * m.scale[c]
		}
	}
}

// matrix reads weights.
func (f *finder) matrix(v *graph.Value, rows, columns int) (*matrix, error) {
	m := &matrix{rows: rows, columns: columns}
	n := v.Producer
	if n != nil && n.Op == "DequantizeLinear" && n.Inputs[0].Const != nil {
		if q := n.Inputs[0]; q.DType == onnxfile.Uint8 || q.DType == onnxfile.Int8 {
			if err := f.spend(int64(q.Len())); err != nil {
				return nil, err
			}
			p, err := graph.DequantizeOf(n)
			if err != nil {
				return nil, err
			}
			m.inner, m.signed = p.Inner, q.DType == onnxfile.Int8
			if m.scale, err = f.g.Float32s(n.Inputs[1]); err != nil {
				return nil, err
			}
			m.zero = make([]float32, len(m.scale))
			if z := n.Input(2); z != nil {
				if m.zero, err = f.g.Float32s(z); err != nil {
					return nil, err
				}
			}
			m.bytes, err = f.g.Bytes(q)
			return m, err
		}
	}
	var err error
	m.floats, err = f.floats(v)
	return m, err
}

// floats reads a constant.
func (f *finder) floats(v *graph.Value) ([]float32, error) {
	if err := f.spend(4 * int64(v.Len())); err != nil {
		return nil, err
	}
	switch n := v.Producer; {
	case v.Const != nil:
		return f.g.Float32s(v)
	case n.Op == "DequantizeLinear":
		return f.g.Dequantized(n)
	case n.Op == "Identity" || n.Op == "Reshape":
		return f.floats(n.Inputs[0])
	}
	return nil, fmt.Errorf("%w: constant %q is computed by %s", ErrNoHead, v.Name, v.Producer)
}

// spend keeps account of the memory that weights take.
func (f *finder) spend(bytes int64) error {
	if f.bytes += bytes; f.bytes > maxHead {
		return fmt.Errorf("%w: its weights take more than %d MB", ErrNoHead, maxHead>>20)
	}
	return nil
}
