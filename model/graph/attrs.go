package graph

import (
	"fmt"
	"slices"
)

// Attrs are the attributes of a node as onnx-go decodes them: int64, float32,
// string, []int64, []float32, []string.
type Attrs map[string]any

func (a Attrs) names() []string {
	names := make([]string, 0, len(a))
	for k := range a {
		names = append(names, k)
	}
	slices.Sort(names)
	return names
}

func attr[T any](a Attrs, name string, def T) (T, error) {
	v, ok := a[name]
	if !ok {
		return def, nil
	}
	t, ok := v.(T)
	if !ok {
		return def, fmt.Errorf("attribute %s is %T, want %T", name, v, def)
	}
	return t, nil
}

// Int returns an integer attribute, def where it is absent.
func (a Attrs) Int(name string, def int) (int, error) {
	v, err := attr(a, name, int64(def))
	if err == nil && int64(int32(v)) != v {
		return 0, fmt.Errorf("attribute %s=%d is out of range", name, v)
	}
	return int(v), err
}

// Float returns a float attribute, def where it is absent.
func (a Attrs) Float(name string, def float32) (float32, error) { return attr(a, name, def) }

// String returns a string attribute, def where it is absent.
func (a Attrs) String(name, def string) (string, error) { return attr(a, name, def) }

// Ints returns a list attribute, def where it is absent.
func (a Attrs) Ints(name string, def []int) ([]int, error) {
	v, err := attr[[]int64](a, name, nil)
	if err != nil {
		return nil, err
	}
	if v == nil {
		return def, nil
	}
	out := make([]int, len(v))
	for i, x := range v {
		if int64(int32(x)) != x {
			return nil, fmt.Errorf("attribute %s[%d]=%d is out of range", name, i, x)
		}
		out[i] = int(x)
	}
	return out, nil
}
