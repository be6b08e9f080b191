package bench

import (
	"fmt"
	"html"
	"strings"
	"unicode/utf8"
)

// svg is a picture in the making. It brings its own ground, so that it can be
// read wherever it is shown; the colours follow the reader's scheme.
type svg struct {
	strings.Builder
	width, height float64
}

const svgStyle = `
text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; fill: #2b2622 }
.title { font-size: 20px; font-weight: 650 }
.head { font-size: 14px; font-weight: 600 }
.dim { fill: #6b6259; font-size: 12px }
.strong { font-weight: 600 }
.ground { fill: #fffdfa; stroke: #e6dfd5 }
.line { stroke: #ddd5ca; stroke-width: 1; fill: none }
.range { stroke: #2b2622; stroke-opacity: .55; stroke-width: 1.5; fill: none }
.ours { fill: #c9681a }
.ours-too { fill: #e3a873 }
.peer { fill: #8fa0b3 }
.limit { fill: #cdd5dd }
.ours-curve { stroke: #c9681a; stroke-width: 2.5; fill: none }
.peer-curve { stroke: #6f8299; stroke-width: 2.5; fill: none }
.ideal { stroke: #8a8077; stroke-width: 1.5; stroke-dasharray: 2 5; fill: none }
@media (prefers-color-scheme: dark) {
  text { fill: #f1ebe3 }
  .dim { fill: #b3a99d }
  .ground { fill: #1d1a17; stroke: #38322c }
  .line { stroke: #3d372f }
  .range { stroke: #f1ebe3 }
  .ours { fill: #e8893a }
  .ours-too { fill: #9c6432 }
  .peer { fill: #7d8ea1 }
  .limit { fill: #4d5763 }
  .ours-curve { stroke: #e8893a }
  .peer-curve { stroke: #8fa3b9 }
  .ideal { stroke: #8a8077 }
}
`

func (s *svg) element(format string, args ...any) { fmt.Fprintf(s, format+"\n", args...) }

func (s *svg) text(x, y float64, class, anchor, text string) {
	s.element(`<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>`, x, y, class, anchor, html.EscapeString(text))
}

// dimWidth is about how many characters of what is dim fit into the picture.
const dimWidth = 138

// lines writes dim text in lines that fit, the first on the base line y, and returns
// where the next would be.
func (s *svg) lines(y float64, texts ...string) float64 {
	for _, text := range texts {
		line := ""
		flush := func() {
			if line != "" {
				s.text(pictureEdge, y, "dim", "start", line)
				y += 17
			}
		}
		for _, word := range strings.Fields(text) {
			if line != "" && utf8.RuneCountInString(line+" "+word) > dimWidth {
				flush()
				line = ""
			}
			line = strings.TrimPrefix(line+" "+word, " ")
		}
		flush()
	}
	return y
}

func (s *svg) rect(x, y, width, height, round float64, class string) {
	s.element(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="%.1f" class="%s"/>`, x, y, width, height, round, class)
}

func (s *svg) path(class string, format string, args ...any) {
	s.element(`<path class="%s" d="%s"/>`, class, fmt.Sprintf(format, args...))
}

// whole is the picture with its ground, title and description.
func (s *svg) whole(title, description string) string {
	var out strings.Builder
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" role="img" aria-label="%s">`+"\n",
		s.width, s.height, s.width, s.height, html.EscapeString(title))
	fmt.Fprintf(&out, "<title>%s</title>\n<desc>%s</desc>\n<style>%s</style>\n", html.EscapeString(title), html.EscapeString(description), svgStyle)
	fmt.Fprintf(&out, `<rect x="0.5" y="0.5" width="%.0f" height="%.0f" rx="10" class="ground"/>`+"\n", s.width-1, s.height-1)
	out.WriteString(s.String())
	out.WriteString("</svg>\n")
	return out.String()
}
