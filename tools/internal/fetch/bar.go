package fetch

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Bar draws progress on one line of a terminal.
type Bar struct {
	w     io.Writer
	label string
	drawn time.Time
}

// NewBar makes a bar that writes to w, headed by label.
func NewBar(w io.Writer, label string) *Bar { return &Bar{w: w, label: label} }

// Update is a Progress. It draws at most ten times a second, and the end.
func (b *Bar) Update(done, total int64) {
	if now := time.Now(); done == total || now.Sub(b.drawn) >= 100*time.Millisecond {
		b.drawn = now
		fmt.Fprintf(b.w, "\r%s %s", b.label, line(done, total))
	}
}

// Done ends the line, where there is one.
func (b *Bar) Done() {
	if !b.drawn.IsZero() {
		fmt.Fprintln(b.w)
	}
}

// line is like "[#####...............]  25 %   24.0 / 96.1 MB".
func line(done, total int64) string {
	const width = 30
	if total <= 0 {
		return fmt.Sprintf("%.1f MB", float64(done)/1e6)
	}
	full := int(width * min(done, total) / total)
	return fmt.Sprintf("[%s%s] %3d %% %6.1f / %.1f MB", strings.Repeat("#", full), strings.Repeat(".", width-full),
		100*min(done, total)/total, float64(done)/1e6, float64(total)/1e6)
}
