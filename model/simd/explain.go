package simd

import (
	"fmt"
	"io"

	"hamster/model/graph"
	"hamster/model/simd/ir"
)

// WritePasses prints g as text before the passes, and after each that changes
// something.
func WritePasses(w io.Writer, g *graph.Graph) error {
	low, err := ir.Lower(g)
	if err != nil {
		return fmt.Errorf("simd: %w", err)
	}
	_, err = fmt.Fprintf(w, "# lowered\n%s", low)
	ir.Optimise(low, func(pass string, changed int, g *ir.Graph) {
		switch {
		case err != nil:
		case changed == 0:
			_, err = fmt.Fprintf(w, "\n# %s: nothing to do\n", pass)
		default:
			_, err = fmt.Fprintf(w, "\n# %s: %d changes\n%s", pass, changed, g)
		}
	})
	return err
}
