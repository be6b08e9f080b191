package bench

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// chart is one family of curves: ours and the peer's.
type chart struct {
	title, metric string
	x             func(Row) float64
	tick, under   func(Row) string // what stands below a point, under is nil for nothing more
	unit          string           // of tick
	ideal         string           // what the dotted line says; empty for none
	straight      bool             // the axis of x counts evenly, not by factors
	falling       bool             // the ideal falls with x
}

var charts = []chart{
	{
		title: "Time by the picture's size", metric: "growth_input_ms", x: macs,
		tick: side, unit: "pixels", under: gmacs, ideal: "as the work grows",
	},
	{
		title: "Memory by the picture's size", metric: "growth_input_bytes", x: macs,
		tick: side, unit: "pixels", under: gmacs,
	},
	{
		title: "Time by the model's size", metric: "growth_size_ms", x: macs,
		tick: millions, unit: "weights", under: gmacs, ideal: "as the work grows",
	},
	{
		title: "Memory by the model's size", metric: "growth_size_bytes", x: func(r Row) float64 { return r.Parameters },
		tick: millions, unit: "weights", under: gmacs, ideal: "4 bytes a parameter",
	},
	{
		title: "Time by threads", metric: "growth_threads_ms", x: func(r Row) float64 { return float64(r.Threads) },
		tick: func(r Row) string { return fmt.Sprint(r.Threads) }, unit: "threads", ideal: "shared evenly", straight: true, falling: true,
	},
}

func macs(r Row) float64 { return r.MACs }

func gmacs(r Row) string { return fmt.Sprintf("%.2g", r.MACs/1e9) }

func side(r Row) string { return fmt.Sprint(r.Input) }

func millions(r Row) string { return fmt.Sprintf("%.0f M", r.Parameters/1e6) }

const (
	chartHeight = 190
	chartLeft   = 62
	chartBottom = 44
	chartTop    = 30
)

// WriteCurves draws how time and memory grow.
func (r *Report) WriteCurves(w io.Writer) error {
	s := &svg{width: pictureWidth}
	y := float64(pictureEdge)
	s.text(pictureEdge, y+16, "title", "start", "How it grows")
	grown := &Report{}
	for _, row := range r.Rows {
		if row.MACs > 0 {
			grown.Rows = append(grown.Rows, row)
		}
	}
	about := grown.where(grown.families())
	y = s.lines(y+38, about...) - 38
	x := float64(pictureEdge)
	s.path("ours-curve", "M%.1f %.1fh24", x, y+52)
	s.text(x+30, y+56, "strong", "start", "Hamster")
	s.path("peer-curve", "M%.1f %.1fh24", x+110, y+52)
	s.text(x+140, y+56, "", "start", "onnxruntime-web")
	s.text(x+270, y+56, "dim", "start", "Both axes by factors. GMAC: 10⁹ multiply-adds in a run.")
	y += 72
	column := 0
	for _, c := range charts {
		rows := slices.DeleteFunc(slices.Clone(r.Rows), func(row Row) bool { return row.Metric != c.metric })
		if len(rows) < 2 {
			continue
		}
		s.chart(pictureEdge+float64(column)*(columnWidth+columnGap), y, c, rows)
		if column++; column == 2 {
			column, y = 0, y+chartTop+chartHeight+chartBottom+14
		}
	}
	if column > 0 {
		y += chartTop + chartHeight + chartBottom + 14
	}
	s.height = y + pictureEdge/2
	_, err := io.WriteString(w, s.whole("How Hamster and onnxruntime-web grow with the work", strings.Join(about, " ")))
	return err
}

// families names what networks the curves are of.
func (r *Report) families() string {
	var list []string
	for _, row := range r.Rows {
		switch name, _, _ := strings.Cut(row.Model, "/"); row.Metric {
		case "growth_size_ms", "growth_size_bytes":
			list = appendNew(list, "plain networks of 3×3 convolutions")
		default:
			name, _, _ = strings.Cut(name, "@")
			list = appendNew(list, name)
		}
	}
	return strings.Join(list, ", ")
}

// axis maps values to a length by their logarithm.
type axis struct {
	from, to float64 // values at its ends
	length   float64
	straight bool
}

func (a axis) at(v float64) float64 {
	if a.straight {
		return a.length * (v - a.from) / max(a.to-a.from, 1e-9)
	}
	return a.length * math.Log(v/a.from) / max(math.Log(a.to/a.from), 1e-9)
}

func (s *svg) chart(x, y float64, c chart, rows []Row) {
	s.text(x, y+14, "head", "start", c.title)
	y += chartTop
	left := x + chartLeft
	h := axis{math.Inf(1), 0, columnWidth - chartLeft - 20, c.straight}
	v := axis{math.Inf(1), 0, chartHeight, false}
	for _, r := range rows {
		h.from, h.to = min(h.from, c.x(r)), max(h.to, c.x(r))
		v.from, v.to = min(v.from, r.Min), max(v.to, r.Max)
	}
	v.from, v.to = v.from*0.8, v.to*1.2
	place := func(x, value float64) (float64, float64) { return left + h.at(x), y + chartHeight - v.at(value) }

	for _, tick := range roundValues(v.from, v.to) {
		_, ty := place(h.from, tick)
		s.path("line", "M%.1f %.1fh%.1f", left, ty, h.length)
		s.text(left-8, ty+4, "dim", "end", rough(c.metric, tick))
	}
	s.text(x, y+chartHeight+18, "dim", "start", c.unit)
	if c.under != nil {
		s.text(x, y+chartHeight+33, "dim", "start", "GMAC")
	}
	for _, system := range []string{ORTWeb, Hamster} {
		class := "peer"
		if system == Hamster {
			class = "ours"
		}
		var points []string
		for _, r := range rows {
			if r.System != system {
				continue
			}
			px, py := place(c.x(r), r.Median)
			points = append(points, fmt.Sprintf("%.1f %.1f", px, py))
			_, low := place(c.x(r), r.Min)
			_, high := place(c.x(r), r.Max)
			if r.Max > r.Min {
				s.path("range", "M%.1f %.1fV%.1f", px, low, high)
			}
			s.element(`<circle cx="%.1f" cy="%.1f" r="4" class="%s"/>`, px, py, class)
			if system == Hamster {
				s.text(px, y+chartHeight+18, "dim", "middle", c.tick(r))
				if c.under != nil {
					s.text(px, y+chartHeight+33, "dim", "middle", c.under(r))
				}
			}
		}
		if len(points) > 1 {
			s.path(class+"-curve", "M%s", strings.Join(points, "L"))
		}
	}
	s.ideal(c, rows, h, v, place)
}

// ideal draws what proportion alone would give, from our last point down, or from
// the first where it falls.
func (s *svg) ideal(c chart, rows []Row, h, v axis, place func(x, value float64) (float64, float64)) {
	if c.ideal == "" {
		return
	}
	ours := slices.DeleteFunc(slices.Clone(rows), func(r Row) bool { return r.System != Hamster })
	if len(ours) < 2 {
		return
	}
	anchor := ours[len(ours)-1]
	value := func(x float64) float64 { return anchor.Median * x / c.x(anchor) }
	switch {
	case c.falling:
		anchor = ours[0]
		value = func(x float64) float64 { return anchor.Median * c.x(anchor) / x }
	case strings.HasSuffix(c.metric, "_bytes"):
		value = func(x float64) float64 { return 4 * x }
	}
	var points []string
	var lx, ly float64
	for i := range 41 {
		x := h.from + (h.to-h.from)*float64(i)/40
		if !h.straight {
			x = h.from * math.Pow(h.to/h.from, float64(i)/40)
		}
		if value(x) < v.from || value(x) > v.to {
			continue
		}
		px, py := place(x, value(x))
		if len(points) == 0 {
			lx, ly = px, py
		}
		points = append(points, fmt.Sprintf("%.1f %.1f", px, py))
	}
	if len(points) > 1 {
		s.path("ideal", "M%s", strings.Join(points, "L"))
		s.text(lx+14, ly+4, "dim", "start", c.ideal)
	}
}

// roundValues are 1, 2 and 5 times powers of ten between two values.
func roundValues(from, to float64) []float64 {
	var list []float64
	if !(from > 0) { // there are infinitely many
		return nil
	}
	for power := math.Pow(10, math.Floor(math.Log10(from))); power <= to; power *= 10 {
		for _, digit := range []float64{1, 2, 5} {
			if v := digit * power; v >= from && v <= to {
				list = append(list, v)
			}
		}
	}
	return list
}

// rough is a round value in its metric's unit.
func rough(metric string, v float64) string {
	switch {
	case strings.HasSuffix(metric, "_bytes") && v >= 1e9:
		return fmt.Sprintf("%g GB", v/1e9)
	case strings.HasSuffix(metric, "_bytes"):
		return fmt.Sprintf("%g MB", v/1e6)
	case v >= 1000:
		return fmt.Sprintf("%g s", v/1000)
	}
	return fmt.Sprintf("%g ms", v)
}
