package bench

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Sizes of pictures, in CSS pixels.
const (
	pictureWidth = 900
	pictureEdge  = 24
	columnGap    = 32
	columnWidth  = (pictureWidth - 2*pictureEdge - columnGap) / 2
	barHeight    = 15
	barStep      = 23
	barLabel     = 148 // room for a system's name
	barValue     = 66  // room for its figure
)

// panel is one metric of the picture.
type panel struct {
	title, metric string
	threads       int // 0: whatever pages take
}

var panels = []panel{
	{"Steady inference, 1 thread", "steady_ms", 1},
	{"Steady inference, 2 threads", "steady_ms", 2},
	{"First inference after load, 1 thread", "first_ms", 1},
	{"Warm start, 1 thread: IndexedDB to first prediction", "warm_ms", 1},
	{"Cold visit (20 Mbit/s, 40 ms) to first prediction", "cold_ms", 0},
	{"Cold visit: bytes on the wire", "cold_bytes", 0},
	{"Warm visit to first prediction", "visit_ms", 0},
	{"Memory of the page once it has answered, 1 thread", "memory_bytes", 1},
	{"Photo of 12 megapixels", "photo_ms", 0},
	{"50 photos", "batch_ms", 0},
	{"Webcam 640×480, frames a second", "webcam_fps", 0},
	{"Longest task of the main thread", "main_thread_ms", 0},
}

// names of systems in pictures.
var names = map[string]string{
	Hamster: "Hamster", ORTWeb: "onnxruntime-web", ORTNative: "onnxruntime native", TFJS: "TensorFlow.js", NSFWJS: "nsfwjs",
}

// bar is one row of a panel.
type bar struct {
	row         Row
	name, class string
}

// bars of a panel: ours first, then the peers by what they reach. What runs
// outside a browser is but a limit.
func (p panel) bars(rows []Row) []bar {
	var list []bar
	for _, r := range rows {
		_, file, _ := strings.Cut(r.Model, "/")
		if r.Metric != p.metric || p.threads > 0 && (r.Threads != p.threads || file == quantisedFile) {
			continue
		}
		b := bar{row: r, name: names[r.System], class: "peer"}
		switch {
		case r.System == Hamster && r.Variant == "relaxed":
			b.class = "ours"
		case r.System == Hamster && r.Variant == "simd128":
			b.name, b.class = "no relaxed SIMD", "ours-too"
		case r.System == Hamster:
			continue
		case r.System == ORTNative:
			b.class = "limit"
		case r.Backend == "webgpu":
			b.name += ", GPU"
		}
		list = append(list, b)
	}
	slices.SortStableFunc(list, func(a, b bar) int {
		if ours := cmp.Compare(rank(a), rank(b)); ours != 0 {
			return ours
		}
		if moreIsBetter(p.metric) {
			return cmp.Compare(b.row.Median, a.row.Median)
		}
		return cmp.Compare(a.row.Median, b.row.Median)
	})
	return list
}

func rank(b bar) int { return slices.Index([]string{"ours", "ours-too", "peer", "limit"}, b.class) }

// WritePicture draws what pages and engines reach as bars.
func (r *Report) WritePicture(w io.Writer) error {
	s := &svg{width: pictureWidth}
	y := float64(pictureEdge)
	s.text(pictureEdge, y+16, "title", "start", "Hamster beside its peers")
	about := r.where(r.subject())
	y = s.lines(y+38, append(about,
		"Shorter is better, but for frames a second. Thin lines span all rounds. onnxruntime native runs outside the browser.",
		"Visits come over a line of 20 Mbit/s, 40 ms to the server and back for each request.", pageThreads(r.Rows))...)
	column, tallest := 0, 0.0
	for _, p := range panels {
		bars := p.bars(r.Rows)
		if len(bars) == 0 {
			continue
		}
		height := s.panel(pictureEdge+float64(column)*(columnWidth+columnGap), y, p, bars)
		tallest = max(tallest, height)
		if column++; column == 2 {
			y += tallest
			column, tallest = 0, 0
		}
	}
	s.height = y + tallest + pictureEdge/2
	_, err := io.WriteString(w, s.whole("Hamster beside its peers", strings.Join(about, " ")))
	return err
}

// subject names the model that all run, and its size.
func (r *Report) subject() string {
	var list []string
	for _, row := range r.Rows {
		if row.MACs > 0 || row.Metric == excludedMetric { // a growth curve has models of its own
			continue
		}
		name, _, _ := strings.Cut(row.Model, "/")
		if row.Input > 0 {
			name += fmt.Sprintf(" at %d×%d", cmp.Or(row.InputWidth, row.Input), row.Input)
		}
		list = appendNew(list, name)
	}
	return strings.Join(list, ", ")
}

// where says what was run, on what machine, in what browser, which versions, and
// when.
func (r *Report) where(subject string) []string {
	rows := slices.DeleteFunc(slices.Clone(r.Rows), func(row Row) bool { return row.Metric == excludedMetric })
	if len(rows) == 0 {
		return nil
	}
	list := machines(rows)
	list[0] = strings.TrimPrefix(subject+": ", ": ") + list[0]
	return append(list, strings.Join(versionsText(rows), " · "), sessionsText(rows))
}

// pageThreads says how many threads systems take where a page has all it can.
func pageThreads(rows []Row) string {
	var list []string
	for _, r := range rows {
		if slices.ContainsFunc(panels, func(p panel) bool { return p.threads == 0 && p.metric == r.Metric }) {
			list = appendNew(list, fmt.Sprintf("%s %d", names[r.System], r.Threads))
		}
	}
	if len(list) == 0 {
		return ""
	}
	return "Threads, where a title names none: " + strings.Join(list, ", ") + "."
}

// panel draws bars at (x, y) and returns the height that they take.
func (s *svg) panel(x, y float64, p panel, bars []bar) float64 {
	s.text(x, y+14, "head", "start", p.title)
	y += 26
	largest := 0.0
	for _, b := range bars {
		largest = max(largest, b.row.Max)
	}
	const room = columnWidth - barLabel - barValue
	at := func(v float64) float64 { return room * v / max(largest, 1e-9) }
	left := x + barLabel
	for _, b := range bars {
		class := ""
		if b.class == "ours" {
			class = "strong"
		}
		middle := y + barHeight/2.0
		s.text(left-8, middle+4.5, class, "end", b.name)
		s.rect(left, y, max(at(b.row.Median), 1), barHeight, 3, b.class)
		end := at(b.row.Median)
		if b.row.Max > b.row.Min {
			s.path("range", "M%.1f %.1fH%.1f", left+at(b.row.Min), middle, left+at(b.row.Max))
			end = at(b.row.Max)
		}
		s.text(left+end+6, middle+4.5, class, "start", quantity(p.metric, b.row.Median))
		y += barStep
	}
	return 26 + barStep*float64(len(bars)) + 16
}
